"""The answers of GitHub's REST API, as far as they are read, and what they are in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from tidemill.facts import github_checks, vouchers
from tidemill.facts.github_checks import RequiredCheck
from tidemill.facts.vouchers import Review, RunVoucher

# An app's picture is below /in/ID, a person's below /u/ID; nobody chooses either address.
_APP = re.compile(r"https?://[^?#]*/in/(\d{1,15})(?:[?#].*)?")
_BOT = "[bot]"


class _Check(msgspec.Struct):
    context: str
    integration_id: int | None = None
    app_id: int | None = None

    def required(self) -> RequiredCheck:
        """As a requirement; an app of 0 or -1 is any."""
        app = self.integration_id or self.app_id
        return RequiredCheck(self.context, app if app and app > 0 else None)


class _Parameters(msgspec.Struct):
    required_status_checks: tuple[_Check, ...] = ()


class Rule(msgspec.Struct):
    """A rule that applies to a branch; the parameters of most rules are not looked at."""

    type: str
    parameters: _Parameters | None = None
    ruleset_id: int = 0

    def required(self) -> Iterator[RequiredCheck]:
        if self.type == "required_status_checks" and self.parameters:
            yield from (check.required() for check in self.parameters.required_status_checks)


class _Classic(msgspec.Struct):
    contexts: tuple[str, ...] = ()
    checks: tuple[_Check, ...] = ()


class _Protection(msgspec.Struct):
    enabled: bool = False
    required_status_checks: _Classic | None = None


class Branch(msgspec.Struct):
    """A branch, with the summary of its classic protection (`GET /branches/BRANCH`)."""

    protection: _Protection | None = None

    @property
    def is_protected(self) -> bool:
        """Whether it has classic protection."""
        return self.protection is not None and self.protection.enabled

    def required(self) -> list[RequiredCheck]:
        found = self.protection.required_status_checks if self.protection else None
        if found is None:
            return []
        named = {check.context for check in found.checks}
        others = [RequiredCheck(context) for context in found.contexts if context not in named]
        return [check.required() for check in found.checks] + others


class _Creator(msgspec.Struct):
    login: str = ""
    type: str = ""
    avatar_url: str | None = None


class Status(msgspec.Struct):
    """A commit status."""

    id: int
    state: str
    context: str
    created_at: datetime
    creator: _Creator | None = None
    description: str | None = None

    def noun(self) -> github_checks.CommitStatus:
        """In our words, with the app that set it."""
        app, slug = None, None
        by = self.creator
        if by is not None and by.type == "Bot" and by.login.endswith(_BOT):
            slug = by.login.removesuffix(_BOT)
            found = _APP.fullmatch(by.avatar_url or "")
            app = int(found[1]) if found else None
        said = self.description or ""
        return github_checks.CommitStatus(
            self.id, self.context, self.state, self.created_at, app, slug, said
        )


class _App(msgspec.Struct):
    id: int
    slug: str | None = None


class _Output(msgspec.Struct):
    title: str | None = None
    summary: str | None = None


class CheckRun(msgspec.Struct):
    """A check run."""

    id: int
    name: str
    status: str
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    app: _App | None = None
    output: _Output | None = None

    def noun(self) -> github_checks.CheckRun:
        return github_checks.CheckRun(
            id=self.id,
            name=self.name,
            status=self.status,
            conclusion=self.conclusion,
            at=self.completed_at or self.started_at,
            app=self.app.id if self.app else None,
            slug=self.app.slug if self.app else None,
            said="\n".join(filter(None, (self.output.title, self.output.summary)))
            if self.output
            else "",
        )


class CheckRuns(msgspec.Struct):
    """A page of check runs."""

    check_runs: tuple[CheckRun, ...]


class Deployment(msgspec.Struct):
    """A deployment that was made."""

    id: int


class Issue(msgspec.Struct):
    """An issue, or a pull request."""

    number: int
    state: str = "open"
    body: str | None = None
    user: _Account | None = None


class Artifact(msgspec.Struct):
    """An artifact of a run."""

    id: int
    name: str
    size_in_bytes: int = 0
    expired: bool = False


class Artifacts(msgspec.Struct):
    """A page of artifacts."""

    artifacts: tuple[Artifact, ...]


class Repository(msgspec.Struct):
    """A repository; an internal one is private, too."""

    private: bool


class _Account(msgspec.Struct):
    login: str = ""
    type: str = "User"


class WorkflowRun(msgspec.Struct):
    """A run of a workflow, or one attempt at it."""

    event: str
    created_at: datetime
    actor: _Account | None = None
    triggering_actor: _Account | None = None
    head_branch: str | None = None
    display_title: str = ""
    html_url: str = ""
    status: str | None = None

    def noun(self) -> RunVoucher:
        """What it says of who asked for something; an account that is gone has no name."""
        who = [one.login if one else "" for one in (self.actor, self.triggering_actor)]
        return RunVoucher(
            actors=tuple(dict.fromkeys(who)),
            event=self.event,
            branch=self.head_branch or "",
            title=self.display_title,
            at=self.created_at,
            url=self.html_url,
            is_over=self.status == "completed",
        )


class _Named(msgspec.Struct):
    name: str


class Approval(msgspec.Struct):
    """What somebody said of a run that waits for environments; `pending` is no more than words."""

    state: str
    environments: tuple[_Named, ...] = ()
    user: _Account | None = None

    def nouns(self) -> tuple[Review, ...]:
        """In our words, one for each environment. An App that has a say as well is no reviewer."""
        by = self.user.login if self.user else ""
        if self.state not in ("approved", "rejected") or (self.user and self.user.type == "Bot"):
            return ()
        is_approved = self.state == "approved"
        return tuple(Review(one.name, by or "somebody", is_approved) for one in self.environments)


class _ProtectionRule(msgspec.Struct):
    type: str
    prevent_self_review: bool = False
    reviewers: tuple[Any, ...] = ()


class Environment(msgspec.Struct):
    """An environment; who sees it, sees its rules."""

    protection_rules: tuple[_ProtectionRule, ...] = ()
    can_admins_bypass: bool = False

    def noun(self) -> vouchers.Environment:
        rules = [one for one in self.protection_rules if one.type == "required_reviewers"]
        return vouchers.Environment(
            has_reviewers=any(one.reviewers for one in rules),
            may_review_own=not any(one.prevent_self_review for one in rules),
            may_bypass=self.can_admins_bypass,
        )


class Membership(msgspec.Struct):
    """Somebody's place in a team; one who was invited is not in it yet."""

    state: str


class Pages(msgspec.Struct):
    """A repository's site on GitHub Pages."""

    public: bool
