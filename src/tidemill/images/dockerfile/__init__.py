"""Dockerfiles, read without an engine; and built without one, where they only copy."""
