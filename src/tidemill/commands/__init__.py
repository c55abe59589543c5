"""One file per command: read, ask, act, report."""
