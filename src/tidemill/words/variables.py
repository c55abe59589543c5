"""Names of variables of the environment that messages name, too."""

TOKENS = "TIDEMILL_VERIFICATION_TOKENS"
