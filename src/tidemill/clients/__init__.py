"""The world: git, processes, files, the clock. Everything that does I/O is here."""
