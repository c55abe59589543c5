"""HTTP: one patience, one set of time limits, for whatever speaks it."""
