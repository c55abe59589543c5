"""Fixtures of the server's tests."""

from tests.sandbox.server_world import described, pushed, world

__all__ = ["described", "pushed", "world"]
