"""All operations that we have: importing a module puts its own into the table."""

from importlib import import_module

_MODULES = (
    "apps",
    "commits",
    "deployments",
    "dispatches",
    "environments",
    "issues",
    "repositories",
    "runs",
    "settings",
    "stored_artifacts",
    "verdicts",
)


def load() -> None:
    """Fill the table."""
    for name in _MODULES:
        import_module(f"tidemill_sandbox.server.rest.{name}")
