"""What an event of GitHub asks for: from its name and payload to a command and its arguments.

Payloads come from outside, and may hold anything. What is read of one is checked for its form here,
and for its meaning by the command that it becomes.
"""
