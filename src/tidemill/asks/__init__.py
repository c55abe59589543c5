"""What an event of GitHub asks for: from its name and payload to a value. Pure: no I/O."""
