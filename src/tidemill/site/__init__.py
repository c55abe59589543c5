"""The page: a static site about one cfg-app.git, from values to files. It does no I/O."""
