"""`tidemill.toml` of app.git: which services there are, and how their images are made.

What `Attributes` says of a key is what docs/reference/app-settings.md says of it: `make docs`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Literal

import msgspec

from tidemill.announcing.order import MAX_GENERATION
from tidemill.errors import Refused, SettingsInvalid
from tidemill.images.location import Location
from tidemill.images.oci import Platform
from tidemill.images.recipe import Copy, Recipe, Times
from tidemill.words import references
from tidemill.words.durations import parse_duration
from tidemill.words.moments import Moment, to_the_second
from tidemill.words.names import UNPRINTABLE, checked_branch, is_name, one_line
from tidemill.words.nearest import did_you_mean
from tidemill.words.toml_mistakes import Mistake, decoded

FILE = "tidemill.toml"
DEFAULT_PLATFORM = "linux/amd64"
Engine = Literal["assemble", "buildkit", "classic"]
MediaTypes = Literal["oci", "docker"]
_IMAGE = re.compile(r"docker-image://|oci-layout://|oci:")
_REGISTRY = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNED = re.compile(rf"{_VARIABLE.pattern}=")
_OF_SHELLS = ("&&", "||", "|", ";", "&", ">", ">>", "<")


class DockerfileKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A Dockerfile of the checkout, under the names that docker/build-push-action has for it.

    Attributes:
        file: the Dockerfile.
        context: the folder that the Dockerfile copies from (default: the whole checkout).
        target: the stage to build (default: the last).
        build_args: build arguments, by name.
        build_contexts: other folders, or images by digest, that the Dockerfile names.
        secrets: secrets for its RUN, as `docker buildx build --secret` takes them.
        cache_from: where layers are taken from, as `docker buildx build --cache-from` takes it.
        cache_to: where layers are kept, as `docker buildx build --cache-to` takes it.
        no_cache: whether the image is built without layers of earlier builds.
    """

    file: str | None = None
    context: str | None = None
    target: str | None = None
    build_args: dict[str, str] = {}
    build_contexts: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    no_cache: bool = False

    def __post_init__(self) -> None:
        folders = [text for text in self.build_contexts.values() if not _IMAGE.match(text)]
        for path in (self.file, self.context, *folders):
            if path is not None:
                _check_inside(path)


class Base(DockerfileKeys, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The one image that is built before all others, and given to each of their Dockerfiles.

    Attributes:
        build_arg: the build argument that names it in the other Dockerfiles.
    """

    file: str
    build_arg: str = "BASE_IMAGE"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _VARIABLE.fullmatch(self.build_arg):
            raise ValueError(f"{self.build_arg!r} is not the name of a build argument")


class Service(DockerfileKeys, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service, the image set it belongs to, and how its image is made.

    That is said by the keys of a `Recipe`, or, where `file` is set, of a Dockerfile.

    Attributes:
        name: its name.
        set: the image set that it is announced with.
        platforms: what the image is for; several make an index.
        labels: labels of the image, besides those of the base.
        base: the image that files are added to: `scratch`, `NAME@sha256:…` or
            `oci:FOLDER@sha256:…` (default: `scratch`).
        files: what is copied into the image.
        entrypoint: what a container starts (default: that of the base).
        command: the arguments of the entrypoint (default: those of the base, unless `entrypoint` is
            set).
        env: environment variables, besides those of the base.
        user: whom a container runs as (default: that of the base).
        workdir: the folder a container starts in (default: that of the base).
        ports: the ports that a container listens on, such as `8080` or `"53/udp"`, besides those
            of the base.
    """

    name: str
    set: str = "app"
    platforms: tuple[str, ...] = (DEFAULT_PLATFORM,)
    labels: dict[str, str] = {}
    base: str | None = None
    files: tuple[Copy, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    user: str = ""
    workdir: str = ""
    ports: tuple[int | str, ...] = ()

    def __post_init__(self) -> None:
        for text, what in ((self.name, "service"), (self.set, "set")):
            if not is_name(text):
                raise ValueError(f"{text!r} is not a valid name of a {what}")
        if not self.platforms:
            raise ValueError("platforms is empty: leave it out, or name one")
        for platform in self.platforms:
            Platform.parse(platform)
        foreign = _OF_RECIPES if self.file is not None else _OF_DOCKERFILES
        if used := [name for name in foreign if getattr(self, name)]:
            is_what = "a Dockerfile (file)" if self.file is not None else "no Dockerfile (file)"
            raise ValueError(f"{used[0]} has no meaning for a service with {is_what}")
        super().__post_init__()
        if self.file is None and any(
            not copy.source_for(Platform.parse(platform))
            for copy in self.recipe().files
            for platform in self.platforms
        ):
            raise ValueError("a path of files is empty for one of its platforms")

    def recipe(self, labels: Mapping[str, str] = {}) -> Recipe:
        """How its image is made without a Dockerfile, with these labels besides its own."""
        given = {name: value for name in _OF_RECIPES if (value := getattr(self, name))}
        return Recipe(**given, labels={**self.labels, **labels})


_OF_RECIPES = tuple(name for name in Recipe.__struct_fields__ if name != "labels")
_OF_DOCKERFILES = tuple(name for name in DockerfileKeys.__struct_fields__ if name != "file")


class Compile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The one command that makes the files of all services; no shell reads it.

    It sees an environment of its own (`tidemill.building.compile_step`).

    Attributes:
        command: the command. No shell reads it: for `&&` and the like write `sh -c '…'`, or a
            script.
        time_limit: how long it may take: a whole number and one of `s`, `m`, `h`, `d`.
        environment: the variables of the caller's that it sees, besides `HOME` and `TMPDIR`.
        caches: variables that it sees, too: they name folders that only make it faster.
            `--verify` gives it empty ones.
    """

    command: str
    time_limit: str = "30m"
    environment: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.words or "\0" in self.command:
            raise ValueError("the command is empty, or has a NUL in it")
        if strange := [word for word in self.words if word in _OF_SHELLS]:
            raise ValueError(
                f"no shell reads the command, so {strange[0]} would be an argument: write "
                "sh -c '...', or name a script"
            )
        if _ASSIGNED.match(self.words[0]):
            raise ValueError(
                f"no shell reads the command, so {self.words[0]} would be the program: begin it "
                f"with env, as in env {self.words[0]} ..."
            )
        if not self.limit:
            raise ValueError("the time limit is 0")
        names = (*self.environment, *self.caches)
        if bad := [name for name in names if not _VARIABLE.fullmatch(name)]:
            raise ValueError(f"{bad[0]!r} is not the name of an environment variable")

    @property
    def words(self) -> list[str]:
        return shlex.split(self.command)

    @property
    def limit(self) -> timedelta:
        return parse_duration(self.time_limit)


class Registry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a registry is reached.

    Attributes:
        insecure: whether it is spoken to over plain HTTP (default: only on this machine).
        ca: a file of the checkout with the certificates of its authority.
        media_types: what images that go there have (default: `media_types` of the whole file).
    """

    insecure: bool | None = None
    ca: str | None = None
    media_types: MediaTypes | None = None

    def __post_init__(self) -> None:
        if self.insecure and self.ca:
            raise ValueError("ca has no meaning for a registry that is insecure")
        if self.ca is not None:
            _check_inside(self.ca)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file.

    Attributes:
        images: the repository of each image, with `{service}` in it.
        services: the services; at least one.
        compile: one command that makes the files of all services.
        base: one image that is built first, for all Dockerfiles.
        engine: what builds Dockerfiles; a service of files alone is always assembled.
        branch: the main branch.
        generation: one more after you rewrote or moved app.git: positions then begin anew. See
            docs/jobs/rewrite-app-git.md.
        created: when images say that they were made (default: not said).
        content_times: absolute paths in images. Below them, a file's time follows from its content.
        media_types: the media types of images; `"docker"` is for registries that know no OCI
            images.
        registries: what differs from other registries, by `host[:port]`. See
            docs/jobs/move-a-registry.md.
    """

    images: str
    services: tuple[Service, ...]
    compile: Compile | None = None
    base: Base | None = None
    engine: Engine = "assemble"
    branch: str = "main"
    generation: int = 1
    created: Moment | None = None
    content_times: tuple[str, ...] = ()
    media_types: MediaTypes = "oci"
    registries: dict[str, Registry] = {}

    def __post_init__(self) -> None:
        _check_branch(self.branch)
        check_absolute(self.content_times)
        for host in self.registries:
            checked_registry(host)
        if not 1 <= self.generation <= MAX_GENERATION:
            raise ValueError(f"the generation {self.generation} is not between 1 and 2^31 - 1")
        if not self.services:
            raise ValueError("there must be at least one [[services]]")
        seen: dict[str, str] = {}
        for service in self.services:
            where = self.repository(service.name)
            if where in seen:
                raise ValueError(
                    f"{seen[where]} and {service.name} would both be pushed to {where}: use "
                    "{service} in images, and names that differ in more than capitals"
                )
            seen[where] = service.name

    def repository(self, service: str) -> str:
        """The image repository of a service; registries allow no capitals there."""
        text = self.images.replace("{service}", service.lower())
        try:
            return references.by_tag(f"{text}:tag").repository
        except Refused:
            hint = f"write {lower}" if (lower := references.in_lower_case(text)) else "see images"
            raise ValueError(f"{text!r} is not an image repository: {hint}") from None

    @property
    def times(self) -> Times:
        return Times(to_the_second(self.created) if self.created else None, self.content_times)

    def media_types_at(self, place: Location) -> MediaTypes:
        host = references.registry_of(place.repository) if place.repository else ""
        own = (k.media_types for key, k in self.registries.items() if checked_registry(key) == host)
        return next(filter(None, own), self.media_types)

    def picked(self, names: tuple[str, ...]) -> tuple[Service, ...]:
        """The services of these names, in the file's order; all of them for none.

        Raises:
            Refused: there is no service of one of the names.
        """
        known = [service.name for service in self.services]
        if unknown := [name for name in names if name not in known]:
            raise Refused(
                f"there is no service {unknown[0]!r} in {FILE}",
                remedy=f"{did_you_mean(unknown[0], known)}name some of: {', '.join(known)}",
            )
        return tuple(service for service in self.services if not names or service.name in names)

    def in_set(self, name: str) -> tuple[str, ...]:
        return tuple(service.name for service in self.services if service.set == name)


def parse(text: str, file: str = FILE) -> Settings:
    """Parse `tidemill.toml`.

    Raises:
        SettingsInvalid: naming the line and the reason.
    """
    try:
        return decoded(text, Settings)
    except Mistake as wrong:
        if "waves" in wrong.keys and "services" not in wrong.keys:
            reason = "it is cfg-app.git's, with [[waves]]; that of app.git has [[services]]"
            remedy = "run this in a checkout of app.git, or say where that is: --checkout DIR"
            raise SettingsInvalid(_invalid(file, wrong.line, reason).what, remedy=remedy) from None
        raise _invalid(file, wrong.line, wrong.reason) from None


def checked_registry(host: str) -> str:
    """The `host[:port]` of a registry as names of images have it; raise `ValueError` for others."""
    low = host.lower()
    found = references.registry_of(f"{low}/image")
    if not _REGISTRY.fullmatch(low) or (found != low and "." not in low):
        raise ValueError(f"{host!r} is not a registry: write it as in names of images, host:port")
    return found


def _check_inside(path: str) -> None:
    parts = PurePosixPath(path).parts
    if PurePosixPath(path).is_absolute() or ".." in parts or UNPRINTABLE.search(path) or not path:
        raise ValueError(
            f"the path {path!r} leads out of the checkout: give one relative to it, without .."
        )


def check_absolute(paths: Iterable[str]) -> None:
    """Raise `ValueError` for what is not an absolute path in an image."""
    for path in paths:
        if (
            not path.startswith("/")
            or ".." in PurePosixPath(path).parts
            or UNPRINTABLE.search(path)
        ):
            raise ValueError(
                f"{path!r} is not a path in the image: give an absolute one without .."
            )


def _check_branch(branch: str) -> None:
    try:
        checked_branch(branch)
    except Refused as error:
        raise ValueError(error.what) from None


def _invalid(file: str, line: int | None, reason: str) -> SettingsInvalid:
    where = f"{file} of app.git, line {line}" if line else f"{file} of app.git"
    return SettingsInvalid(f"{where}: {one_line(reason)}", remedy=f"mend {file} in app.git")
