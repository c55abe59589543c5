"""This machine: processes, folders, the environment, and what encloses untrusted commands."""
