"""What differs between two images, named exactly."""
