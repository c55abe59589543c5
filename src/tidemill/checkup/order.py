"""All checks, in the order in which somebody mends what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from tidemill.checkup import (
    deployments,
    environments,
    landing,
    rendering,
    repository,
    server,
    signals,
    verification,
    workflows,
)
from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import WORST_FIRST, Finding

# The machine and the settings, then files alone, then what runs, then what GitHub says.
CHECKS: dict[str, Callable[[Checkup], Iterator[Finding]]] = {
    "releases": repository.releases,
    "settings": repository.settings,
    "ignored": repository.ignored,
    "entry-points": repository.entry_points,
    "dockerfiles": repository.dockerfiles,
    "attributes": repository.attributes,
    "workflow": workflows.is_called,
    "pin": workflows.pins,
    "events": workflows.events,
    "permissions": workflows.permissions,
    "inputs": workflows.inputs,
    "verifications": verification.verifications,
    "signals": signals.signals,
    "approvers": workflows.approvers,
    "paths": deployments.paths,
    "targets": deployments.targets,
    "rendering": rendering.rendered,
    "fit-to-land": repository.fitness,
    "digests": deployments.digests,
    "github": server.github,
    "branch": landing.default_branch,
    "required-checks": landing.required_checks,
    "rules": landing.rules,
    "environments": environments.environments,
    "secrets": workflows.named_secrets,
    "token": server.token,
    "state-refs": server.state_refs,
    "dispatch": server.dispatch,
}


def findings(known: Checkup) -> tuple[Finding, ...]:
    """All that there is to find, problems first."""
    found = [replace(one, check=name) for name, look in CHECKS.items() for one in look(known)]
    return tuple(sorted(found, key=lambda one: WORST_FIRST.index(one.state)))
