"""A turn around the plan: read a snapshot, decide, do it, and write it in one compare-and-swap."""
