"""Engines that build Dockerfiles; what they make is taken for what is in it."""
