"""cfg-app.git: its settings, its facts, and `plan()`, which decides what is due. Pure: no I/O."""
