"""The settings of cfg-app.git, typed and immutable; `settings_file` makes them.

What `Attributes` says of a key is what docs/reference/settings.md says of it: `make docs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, cached_property
from typing import Literal

import msgspec

from tidemill.announcing.announcement import SHA_PLACE, is_tag_like, matches
from tidemill.facts.freezes import Freeze
from tidemill.facts.need import ALL, Ignored, Need, TargetOptions
from tidemill.facts.signals import SignalSettings
from tidemill.facts.verification import Verification
from tidemill.facts.windows import Window
from tidemill.words.durations import Duration

FILE = "tidemill.toml"
NAMESPACE = "refs/tidemill"
ONLY_SET = "app"  # where the settings name none
ALL_SETS = "_"
ALL_WAVES = "*"

Admit = Literal["when deployed", "when soaked", "at once"]
OnFailure = Literal["wait", "roll back"]
Stale = Literal["wait", "regenerate"]


def several(one: str | tuple[str, ...]) -> tuple[str, ...]:
    """What may be written as a text, or as a list of them."""
    return (one,) if isinstance(one, str) else one


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""


class Checks(_Part, frozen=True, kw_only=True):
    """Where verdicts come from, and what is asked for.

    Attributes:
        source: where verdicts come from. `"github"`: statuses and check runs, as in
            docs/adopt-github.md. `"refs"`: `tidemill record-check`, without any API.
        required: the contexts that must be green. If there are none, those that the rules of the
            branch require (`"github"`), or all that were reported for the commit (`"refs"`).
        test: `"head"`: check auto's tip, and others only to find a culprit. `"each"`: check every
            commit of auto.
        retries: how often a red commit is judged again before it is evicted: each time its parent
            is checked and must be green, then it is checked and must be red. 0: a red commit on a
            green parent is evicted at once.
        timeout: how long a claim holds: whoever starts a check claims it, so that nobody else does.
            Also after how long a red main is checked again, and the time limit of each entry point.
    """

    source: Literal["github", "refs"] = "github"
    required: tuple[str, ...] = ()
    test: Literal["head", "each"] = "head"
    retries: int = 1
    timeout: Duration = Duration(minutes=60)


class Images(_Part, frozen=True, kw_only=True, dict=True):
    """Where image files are, and which repositories and tags an announcement may name.

    Attributes:
        path: the folder of the image files; with several sets it must contain `{set}`.
        allow: the repositories that an announcement may name; `*` stands for any characters, `/`
            too.
        tags: the tags that an announced image may have, any one of several: `{sha}` stands for the
            full SHA of the announced commit, `{commit}` for that of any commit, `*` for any
            characters. See docs/reference/settings.md#tags.
    """

    path: str = "images/{wave}"
    allow: tuple[str, ...] = ("*",)
    tags: tuple[str, ...] = (SHA_PLACE,)

    @cached_property
    def is_listed(self) -> Callable[[str], bool]:
        """Whether an announcement may name a repository; each is looked at once."""
        return cache(lambda one: any(matches(pattern, one) for pattern in self.allow))

    @cached_property
    def is_tag(self) -> Callable[[str, str], bool]:
        """Whether an image may have a tag, where that commit is announced; each is looked at
        once."""
        return cache(lambda tag, sha: any(is_tag_like(one, tag, sha) for one in self.tags))


class ImageSet(_Part, frozen=True, kw_only=True):
    """A set, and who may announce it.

    Attributes:
        name: its name.
        was: the name that it had before; several, where several became one. See
            docs/reference/settings.md#other-names.
        repository: the only app.git that may announce it (default: any).
        branch: the only branch it may be announced from (default: any). An announcement that names
            no branch passes.
        senders: the logins that may send the event which announces it, such as `acme-ci[bot]`
            (default: any). An announcement that came without an event, by Git, has no sender, and
            passes.
        generation: the highest generation that is let in: write one more here, and in app.git's
            settings, when app.git was rewritten or moved. See docs/jobs/rewrite-app-git.md.
        jump: how far above the highest position so far an announcement's may be; one that is
            further needs `--override`. The first announcement of a generation may have any
            position.
    """

    name: str
    was: str | tuple[str, ...] = ()
    repository: str | None = None
    branch: str | None = None
    senders: tuple[str, ...] = ()
    generation: int = 1
    jump: int = 100_000

    @property
    def formers(self) -> tuple[str, ...]:
        """The names that it has the past of, besides its own."""
        return several(self.was)


class EntryPoints(_Part, frozen=True, kw_only=True):
    """The repository's own commands.

    Attributes:
        introduce: what puts an announced set into a wave (default: built in).
        promote: what copies a set from one wave to another (default: built in).
        generate: what makes the files that are deployed from the image files and your sources.
        check: what else `check-cfg-app` runs.
        stale: what happens to a wave whose files on main are not what main generates. See
            docs/reference/settings.md#a-main-that-is-not-what-it-generates.
    """

    introduce: str | None = None
    promote: str | None = None
    generate: str | None = None
    check: str | None = None
    stale: Stale = "wait"


class Deployments(_Part, frozen=True, kw_only=True):
    """What is deployed where, and how that comes to be known.

    Attributes:
        path: all that a target renders from, with `{wave}` and `{target}`. Without it, every target
            must report every set. See docs/reference/settings.md#what-targets-render-from.
        reports: how reports of targets come. `"events"`: each one starts a run. `"poll"`: a turn
            also reads the latest deployment statuses of all targets from GitHub, which start no
            run. See docs/jobs/poll-clusters.md.
    """

    path: str | tuple[str, ...] = ()
    reports: Literal["events", "poll"] = "events"

    @property
    def is_polled(self) -> bool:
        """Whether a turn reads what targets report."""
        return self.reports == "poll"


class Approvals(_Part, frozen=True, kw_only=True):
    """What a turn knows approvers by.

    Attributes:
        keys: the folder on main with the public keys of approvers: `LOGIN.keys`, SSH keys one a
            line, and `LOGIN.gpg`, OpenPGP keys with their armour, both as GitHub shows them.
    """

    keys: str = "approvers"


class Bot(_Part, frozen=True, kw_only=True):
    """Who makes automatic commits.

    Attributes:
        name: the author of automatic commits.
        email: the author's address.
        sign: a key to sign automatic commits with, as `git commit-tree -S` takes it.
    """

    name: str = "tidemill"
    email: str = "tidemill@users.noreply.github.com"
    sign: str = ""


class Wave(_Part, frozen=True, kw_only=True):
    """One step of the rollout.

    Attributes:
        name: its name.
        was: the name that it had before; several, where several became one. See
            docs/reference/settings.md#other-names.
        targets: its targets. In a wave that has none, a set counts as deployed as soon as it lands.
        after: the waves it takes its sets from (default: the wave before). `[]`: it takes
            announcements, as the first wave does, and at once the newest set that other waves have
            had.
        admit: when the next set may come: when the one before it is deployed, when it has soaked
            for every wave that follows, or at once.
        settle: after this long a set that is neither deployed nor failed no longer keeps the next
            one out.
        soak: how long a set must have been deployed, and well, in each wave that this one comes
            after.
        windows: when sets may come; any one of several (default: always).
        approval: whether a person has to approve each set, by its SHA:
            `tidemill promote-wave --sha SHA`. `tidemill status` prints the whole command. A wave
            that comes after none takes each set as it is announced, so it can't have this.
        approvers: who alone may approve, override, roll back, release and retry here: logins, and
            teams as `org/team` (default: everybody who may write). See docs/jobs/name-approvers.md.
        environment: an environment of GitHub's, whose reviewers are asked instead of `approvers`.
            It needs `approval = true`. See docs/jobs/let-github-ask-reviewers.md.
        on_failure: what a failed set leads to. See docs/reference/settings.md#when-a-set-fails.
        failed_after: how long a target must stay Degraded before it counts as failed. See
            docs/reference/settings.md#when-a-set-fails.
        need: how many of the targets have to run a set before it is deployed: `"all"`,
            `"all but 1"`, or a share such as `"80%"`. See docs/jobs/go-on-without-a-target.md.
    """

    name: str
    was: str | tuple[str, ...] = ()
    targets: tuple[str, ...]
    after: tuple[str, ...] | None = None
    admit: Admit = "when deployed"
    settle: Duration = Duration(minutes=15)
    soak: Duration = Duration()
    windows: tuple[Window, ...] = ()
    approval: bool = False
    approvers: tuple[str, ...] = ()
    environment: str | None = None
    on_failure: OnFailure = "wait"
    failed_after: Duration = Duration()
    need: Need = ALL

    @property
    def is_guarded(self) -> bool:
        """Whether it takes from some people alone what lets something in, or takes it back."""
        return bool(self.approvers or self.environment)

    @property
    def sources(self) -> tuple[str, ...]:
        """The waves it comes after, once the settings are complete."""
        return self.after or ()

    @property
    def formers(self) -> tuple[str, ...]:
        """The names that it has the past of, besides its own."""
        return several(self.was)


class Settings(_Part, frozen=True, kw_only=True, dict=True):
    """The whole file, with its defaults filled in.

    Attributes:
        main: the branch that is deployed.
        auto: the branch of automatic commits under test; Tidemill's own.
        namespace: where the refs of the state are: somewhere below `refs/` that is not branches or
            tags themselves, and neither main nor auto nor below one of them.
        sets: the image sets (default: one set, `app`).
        waves: the waves, in order; at least one.
        targets: what there is to say of single targets.
        freezes: times in which nothing goes into some waves, or into any. See docs/jobs/freeze.md.
        verifications: what is asked about a set that soaks in a wave. Each is asked in one of four
            ways: `command`, `status`, `prometheus` or `url`. See docs/jobs/verify.md.
    """

    main: str = "main"
    auto: str = "auto"
    namespace: str = NAMESPACE
    checks: Checks = Checks()
    images: Images = Images()
    sets: tuple[ImageSet, ...] = (ImageSet(name=ONLY_SET),)
    entrypoints: EntryPoints = EntryPoints()
    deployments: Deployments = Deployments()
    waves: tuple[Wave, ...]
    targets: tuple[TargetOptions, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    signals: SignalSettings = SignalSettings()
    verifications: tuple[Verification, ...] = ()
    approvals: Approvals = Approvals()
    bot: Bot = Bot()

    def wave(self, name: str) -> Wave | None:
        """The wave of that name, if there is one."""
        return self._waves.get(name)

    def image_set(self, name: str) -> ImageSet | None:
        """The set of that name, if there is one."""
        return self._sets.get(name)

    @cached_property
    def _waves(self) -> Mapping[str, Wave]:
        return {wave.name: wave for wave in self.waves}

    @cached_property
    def _sets(self) -> Mapping[str, ImageSet]:
        return {image_set.name: image_set for image_set in self.sets}

    def listing(self, wave: str, target: str) -> Wave | None:
        """The wave of that name, if it lists the target."""
        found = self.wave(wave)
        return found if found and target in found.targets else None

    def names(self, wave: str, set_name: str) -> bool:
        """Whether there are a wave and a set of these names; `_` is all sets."""
        is_set = set_name == ALL_SETS or self.image_set(set_name) is not None
        return is_set and self.wave(wave) is not None

    def ignored(self, wave: str, target: str, now: datetime) -> Ignored | None:
        """Until when, and why, a target does not count; None if it does."""
        for one in self.targets:
            is_meant = one.name == target and one.wave in (None, wave)
            if is_meant and one.ignored is not None and now < one.ignored.until:
                return one.ignored
        return None

    def freezes_of(self, wave: str) -> tuple[Freeze, ...]:
        """The freezes that a wave has, whenever they are; the first that ends first."""
        mine = (one for one in self.freezes if not one.waves or wave in one.waves)
        return tuple(sorted(mine, key=lambda one: one.ends))

    def verifications_of(self, wave: str, set_name: str) -> tuple[Verification, ...]:
        """What is asked about a set that is deployed in a wave."""
        return tuple(
            one
            for one in self.verifications
            if (not one.waves or wave in one.waves) and (not one.sets or set_name in one.sets)
        )

    def followers(self, wave: str) -> tuple[Wave, ...]:
        """The waves that come right after `wave`."""
        return tuple(other for other in self.waves if wave in other.sources)

    def folder(self, wave: str, set_name: str) -> str:
        """Where the image files of a set in a wave are, without a slash at the end."""
        return self.images.path.replace("{wave}", wave).replace("{set}", set_name).strip("/")

    def paths(self, wave: str, target: str) -> tuple[str, ...]:
        """What a target renders from; empty where the settings do not say."""
        return tuple(
            one.replace("{wave}", wave).replace("{target}", target).strip("/")
            for one in self.templates_of(wave, target)
        )

    @property
    def listed_targets(self) -> list[tuple[str, str]]:
        """Each target that a wave lists, behind its wave."""
        return [(wave.name, target) for wave in self.waves for target in wave.targets]

    @property
    def places(self) -> list[str]:
        """What all targets render from."""
        return [path for each in self.listed_targets for path in self.paths(*each)]

    def templates_of(self, wave: str, target: str) -> tuple[str, ...]:
        """Which of the places in `[deployments] path` a target renders from."""
        own = self._own_templates
        return own.get((wave, target)) or own.get((None, target)) or self.templates()

    @cached_property
    def _own_templates(self) -> Mapping[tuple[str | None, str], tuple[str, ...]]:
        return {(one.wave, one.name): several(one.path) for one in self.targets if one.path}

    @property
    def environments(self) -> tuple[str, ...]:
        """What GitHub calls the targets, by the former names of their waves, too."""
        found = (
            f"{name}/{target}"
            for wave in self.waves
            for name in (wave.name, *wave.formers)
            for target in wave.targets
        )
        return tuple(dict.fromkeys(found))

    def templates(self) -> tuple[str, ...]:
        """`[deployments] path` as a list; empty where it is not set."""
        return several(self.deployments.path)

    def prefixes(self) -> tuple[str, ...]:
        """The fixed beginnings of `[deployments] path`: the folders that `generate` may change.

        Empty where there is none; the path itself where it is one name, without a placeholder.
        """
        found = []
        for template in self.templates():
            path = template.strip("/")
            folder = path.partition("{")[0].rpartition("/")[0]
            found.append(folder or ("" if "{" in path else path))
        return tuple(found)


def no_such_target(wave: str, target: str) -> str:
    """That the settings don't list a target in a wave."""
    return f"the settings name no target {target} in a wave {wave}"


def no_such_place(wave: str, set_name: str) -> str:
    """That the settings don't have a wave with a set."""
    return f"the settings name no wave {wave} with a set {set_name}"
