"""What was read of a repository, before anything is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import PurePosixPath

from msgspec import Struct, field

from tidemill.building import settings as of_app
from tidemill.checkup.calls import Call, Unread, calls
from tidemill.errors import EntryPointFailed, TidemillError
from tidemill.facts import settings as of_cfg
from tidemill.facts.arrival import Arrival
from tidemill.facts.controllers import GROUPS, Deployed, deployed
from tidemill.facts.on_github import OnGitHub, OtherRepository, Unseen
from tidemill.words.documents import Document, loaded
from tidemill.words.urls import host_and_path, named_by

NOT_ASKED = Unseen("nobody looked")


class Programs(Struct, frozen=True):
    """The releases that run this, and which programs PATH has of those that the settings name."""

    git: str
    python: str
    found: Mapping[str, bool] = field(default_factory=dict)


class Files(Struct, frozen=True, dict=True):
    """The files of a checkout.

    Attributes:
        modes: every file that Git knows or would add, and whether it may be run.
        texts: those that were read: settings, workflows, manifests of Argo CD and Flux, Makefile.
        ignored: of the paths that Tidemill writes, those that Git ignores.
        links: links to folders, and submodules: what is below them is not known.
        unreadable: of the YAML that targets are made of, where and why it can't be read.
    """

    modes: Mapping[str, bool]
    texts: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    links: frozenset[str] = frozenset()
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def may_have(self, path: str) -> bool:
        """Whether there is a file or a folder, as far as one knows."""
        above = (str(one) for one in PurePosixPath(path, "x").parents)
        return path in self.places or not self.links.isdisjoint(above)

    @cached_property
    def places(self) -> frozenset[str]:
        """All files, and all folders that have any."""
        folders = {str(one) for file in self.modes for one in PurePosixPath(file).parents}
        return frozenset({*self.modes, *folders})


class Fitness(Struct, frozen=True):
    """What `check-cfg-app` says: what it looked at, or why the checkout is not fit to land."""

    checked: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: TidemillError | None = None


class Pushing(Struct, frozen=True):
    """What the server says of a push that sends nothing, and what it has of the state.

    Attributes:
        has_state: whether there are refs of the state.
        refused: what it said, None where it takes pushes of this user.
    """

    has_state: bool
    refused: str | None = None


class Checkup(Struct, frozen=True, dict=True):
    """All that was read.

    Attributes:
        top: the folder of the checkout's root.
        invalid: why the settings are of no use; then neither `cfg` nor `app` is there.
        url: where the repository is, without credentials; None where no remote says.
        arrivals: of each wave and set whose services are known; how `generate` failed with images.
        unlisted: where there are none, the images that files name all the same.
    """

    files: Files
    programs: Programs
    top: str = "."
    cfg: of_cfg.Settings | None = None
    app: of_app.Settings | None = None
    invalid: TidemillError | None = None
    url: str | None = None
    fitness: Fitness | Unseen = NOT_ASKED
    arrivals: tuple[Arrival, ...] | EntryPointFailed | Unseen = NOT_ASKED
    unlisted: tuple[str, ...] = ()
    pushing: Pushing | Unseen = NOT_ASKED
    github: OnGitHub | Unseen = NOT_ASKED
    other: OtherRepository | Unseen = NOT_ASKED

    @cached_property
    def origins(self) -> Counter[tuple[str, str]]:
        """How often something is rendered that is in here, by its source and its revision."""
        needed = (need for one in self.deployed for need in one.needed)
        found = Counter(
            (need.source, need.revision) for need in needed if self.files.may_have(need.path)
        )
        del found["", ""]
        return found

    @cached_property
    def ours(self) -> str:
        """The host and path of this repository: by its remote, or as most call it here."""
        called = Counter(source for source, _ in self.origins.elements())
        own = named_by(self.url or "")
        return own if own in called or not called else called.most_common(1)[0][0]

    @cached_property
    def deployed(self) -> list[Deployed]:
        """What Argo CD and Flux deploy, as the manifests here say it."""
        manifests = [
            Document(file, value)
            for file, text in sorted(self.files.texts.items())
            if any(group in text for group in GROUPS)
            for value in loaded(text)
        ]
        return deployed(manifests, self.files.modes)

    @cached_property
    def rendered(self) -> list[str]:
        """Where what targets are made of is: by the settings, and by those manifests."""
        by_settings = self.cfg.places if self.cfg else []
        return [*by_settings, *(path for one in self.deployed for path in one.paths)]

    @cached_property
    def workflows(self) -> tuple[Call | Unread, ...]:
        """All calls of our workflows, and the files where they can't be read."""
        return tuple(calls(self.files.texts))

    @property
    def calls(self) -> list[Call]:
        """The calls of the workflow of ours that this repository is to call."""
        wanted = "gitops" if self.cfg else "publish-images"
        return [one for one in self.workflows if isinstance(one, Call) and one.workflow == wanted]

    @property
    def repository(self) -> str:
        """OWNER/NAME, by GitHub, or else by the remote; empty where neither says."""
        if isinstance(self.github, OnGitHub):
            return self.github.name
        host, name = host_and_path(self.url or "")
        return name if host and name.count("/") == 1 else ""
