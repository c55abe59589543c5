"""What GitHub says of a repository, beside commits: rules, secrets, rights. Unseen is no answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from tidemill.facts.github_checks import RequiredCheck
from tidemill.facts.vouchers import Environment

_T = TypeVar("_T")


class Unseen(Struct, frozen=True):
    """Nobody could look.

    Attributes:
        why: without a full stop.
        status: that of the answer, 0 where there was none.
        remedy: how somebody can, and a command in `paste`; empty where that differs by the case.
    """

    why: str
    status: int = 0
    remedy: str = ""
    paste: str = ""


class Permissions(msgspec.Struct, frozen=True):
    """What whoever has the token may do, by their role: the token itself may do less."""

    push: bool = False


class Repository(msgspec.Struct, frozen=True):
    """A repository (`GET /repos/OWNER/NAME`)."""

    default_branch: str
    archived: bool = False
    disabled: bool = False
    permissions: Permissions | None = None


class ActionsPolicy(msgspec.Struct, frozen=True):
    """Whether workflows run, and which actions (`GET …/actions/permissions`)."""

    enabled: bool
    allowed_actions: str = "all"
    sha_pinning_required: bool = False


class WorkflowDefaults(msgspec.Struct, frozen=True):
    """What a job without `permissions:` gets (`GET …/actions/permissions/workflow`)."""

    default_workflow_permissions: str


class Rule(msgspec.Struct, frozen=True):
    """A rule that is in force for a branch (`GET …/rules/branches/BRANCH`)."""

    type: str
    ruleset_id: int = 0


class Bypass(msgspec.Struct, frozen=True):
    """Somebody whom a ruleset lets by."""

    actor_type: str
    actor_id: int | None = None
    bypass_mode: str = "always"


class Ruleset(msgspec.Struct, frozen=True):
    """A ruleset; `bypass_actors` are there for those alone who may change it."""

    name: str = ""
    bypass_actors: tuple[Bypass, ...] | None = None


class Switch(msgspec.Struct, frozen=True):
    """Something of classic protection that is on or off."""

    enabled: bool = False


class _Apps(msgspec.Struct, frozen=True):
    apps: tuple[dict[str, Any], ...] = ()


class _Reviews(msgspec.Struct, frozen=True):
    bypass_pull_request_allowances: _Apps = _Apps()


class Protection(msgspec.Struct, frozen=True):
    """Classic protection of a branch (`GET …/branches/BRANCH/protection`)."""

    required_pull_request_reviews: _Reviews | None = None
    restrictions: _Apps | None = None
    required_signatures: Switch = Switch()
    lock_branch: Switch = Switch()
    allow_force_pushes: Switch = Switch()


class BranchOnGitHub(Struct, frozen=True):
    """A branch, and all that keeps pushes from it.

    Attributes:
        is_there: whether it exists.
        rules: of rulesets; `rulesets` are those rulesets, by id.
        classic: the protection as it was before rulesets; None where there is none.
        required: the checks that either requires.
        reported: context and App of what was reported of its tip.
    """

    is_there: bool = True
    rules: tuple[Rule, ...] | Unseen = ()
    rulesets: Mapping[int, Ruleset | Unseen] = field(default_factory=dict)
    classic: Protection | Unseen | None = None
    required: tuple[RequiredCheck, ...] | Unseen = ()
    reported: frozenset[tuple[str, int | None]] | Unseen = frozenset()


class OnGitHub(Struct, frozen=True):
    """One repository, as a token may see it.

    Attributes:
        name: `owner/name`.
        scopes: of a classic token; None where GitHub names none.
        secrets, variables: names in capitals, those of the organization with them.
        branches: by name; environments: those that waves name, None where one is not there.
    """

    name: str
    repository: Repository
    scopes: frozenset[str] | None = None
    policy: ActionsPolicy | Unseen = Unseen("nobody asked")
    defaults: WorkflowDefaults | Unseen = Unseen("nobody asked")
    secrets: frozenset[str] | Unseen = Unseen("nobody asked")
    variables: frozenset[str] | Unseen = Unseen("nobody asked")
    branches: Mapping[str, BranchOnGitHub] = field(default_factory=dict)
    environments: Mapping[str, Environment | Unseen | None] = field(default_factory=dict)


class OtherRepository(Struct, frozen=True):
    """The cfg-app.git that app.git announces to: the text of its settings, None without any."""

    name: str
    settings: str | Unseen | None
