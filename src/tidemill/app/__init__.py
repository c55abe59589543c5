"""app.git: which services there are, and what is announced of them. Pure: no I/O."""
