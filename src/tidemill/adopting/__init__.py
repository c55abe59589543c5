"""What `tidemill init` finds in a repository, and what it proposes: values, and no I/O."""
