"""Why two images differ: rules, each with a name, what it means, and what to do."""
