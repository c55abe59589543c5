"""Tidemill without GitHub: a demo of the loop, and a stand-in that runs the real workflow files."""
