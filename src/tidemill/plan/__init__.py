"""What is due: `plan()` decides, and each file is one subject of it. Pure: no I/O, no clock."""
