"""What doctor looks for: from what was read of a repository to findings. Nothing here does I/O."""
