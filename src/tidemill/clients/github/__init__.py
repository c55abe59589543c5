"""GitHub, through PyGithub: what only its API knows, and what only its API does."""
