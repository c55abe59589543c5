"""Registries of images, and who we are to them."""
