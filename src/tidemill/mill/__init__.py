"""The shell around the plan: read a snapshot, decide, carry it out, and say so."""
