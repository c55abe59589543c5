"""What Git remembers of cfg-app.git, as values: requests, records, the ledger, settings. Pure."""
