"""A command run as an action of a workflow: inputs become options, its result becomes outputs."""
