"""Answers: what ran where and when, and why, from what Git remembers of the turns. Pure."""
