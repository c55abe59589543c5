"""What both repositories speak of: names, references, durations, versions. Pure: no I/O."""
