"""All checks, in the order in which somebody mends what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tidemill.checkup import deployments, landing, repository, server, workflows
from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import Finding, worst_first

# The machine and the settings, then files alone, then what runs, then what GitHub says.
CHECKS: tuple[Callable[[Checkup], Iterator[Finding]], ...] = (
    repository.releases,
    repository.settings,
    repository.ignored,
    repository.entry_points,
    repository.dockerfiles,
    repository.attributes,
    workflows.is_called,
    workflows.pins,
    workflows.events,
    workflows.permissions,
    workflows.inputs,
    deployments.paths,
    deployments.targets,
    repository.fitness,
    deployments.digests,
    server.github,
    landing.default_branch,
    landing.required_checks,
    landing.rules,
    workflows.named_secrets,
    server.token,
    server.state_refs,
    server.dispatch,
)


def findings(known: Checkup) -> tuple[Finding, ...]:
    """All that there is to find, problems first."""
    return worst_first([found for look in CHECKS for found in look(known)])
