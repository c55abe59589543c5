"""The stages of a Dockerfile: which ones a target needs, and what each of them starts from."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from tidemill.errors import Refused
from tidemill.images import location
from tidemill.images.build import DockerfileBuild
from tidemill.images.dockerfile import parse
from tidemill.images.dockerfile.instructions import Copy, Run
from tidemill.images.dockerfile.parse import Dockerfile, Stage
from tidemill.images.dockerfile.words import Mistake, expanded
from tidemill.images.location import Location
from tidemill.images.oci import Platform
from tidemill.words import references
from tidemill.words.names import shown
from tidemill.words.nearest import did_you_mean

SCRATCH = "scratch"
_INDEX = re.compile(r"[+-]?[0-9]+")
_NO_VARIABLES: Mapping[str, str] = {}


class Prerequisites(Struct, frozen=True):
    """What has to be there before a Dockerfile can be built, each image by digest.

    `base` is the image that the target's FROMs lead to, None for scratch; `images` are all images
    that the target needs, of FROM, COPY --from and RUN --mount, each once.
    """

    base: Location | None
    images: tuple[Location, ...]


class Image(Struct, frozen=True):
    """An image of elsewhere, by digest; None is scratch."""

    location: Location | None
    platform: Platform


# What a stage starts from, or something is copied from: the index of a stage, an image, a folder.
Origin = int | Image | Path


class NotByDigest(Refused):
    """A Dockerfile names an image without its digest: `image` on the instruction of line `line`."""

    def __init__(self, file: Dockerfile, build: DockerfileBuild, line: int, image: str) -> None:
        remedy = f"tidemill pin --file {shlex.quote(str(build.file))}"
        # That command knows nothing of these, and looks at what the last stage needs.
        if build.build_args or build.contexts or build.folders or build.target:
            remedy = (
                f"write {image}@ and its digest where it is named; `docker buildx imagetools "
                f"inspect {image}` prints the digest"
            )
        super().__init__(
            f"line {line} of {file.name} names the image {shown(image)} without its digest, so it "
            "could change without a commit",
            remedy=remedy,
        )
        self.line = line
        self.image = image


def needed(
    build: DockerfileBuild, platform: Platform, file: Dockerfile | None = None
) -> Prerequisites:
    """What the target of a build needs from elsewhere.

    A frontend that `# syntax=` names may be given by tag: it only translates the Dockerfile, and
    what it makes of it is compared like everything else; nothing of it gets into the image.

    Args:
        file: what `build.file` says, if it was read already.

    Raises:
        NotByDigest: an image that it names is not given by digest.
        Refused: the Dockerfile has a mistake, or a stage that it names is not there.
    """
    stages = Stages(build, platform, file)
    found: dict[Location, None] = {}
    for index in sorted(stages.reached()):
        for origin in stages.origins(index):
            if isinstance(origin, Image) and origin.location is not None:
                found[origin.location] = None
    base = stages.start(stages.target)
    while isinstance(base, int):
        base = stages.start(base)
    if isinstance(base, Path):
        stage = stages.file.stages[stages.target]
        raise stages.file.refused(
            stage.line, f"builds on the folder {base}", "build on an image, and COPY the folder"
        )
    return Prerequisites(base.location, tuple(found))


class Stages:
    """The stages of a build's Dockerfile, for one platform.

    `variables` are those before the first FROM, `target` the index of the stage that is built.

    Args:
        file: what `build.file` says, if it was read already.

    Raises:
        Refused: the Dockerfile has a mistake, or there is no such target.
    """

    def __init__(
        self, build: DockerfileBuild, platform: Platform, file: Dockerfile | None = None
    ) -> None:
        self.file = file or parse.read(build.file, build.called)
        self._build = build
        self._platform = platform
        self._named: dict[str, Location | Path] = {
            **{_familiar(name): place for name, place in build.contexts.items()},
            **{_familiar(name): folder for name, folder in build.folders.items()},
        }
        self._by_name = {stage.name: stage.index for stage in self.file.stages if stage.name}
        self.target = self._target()
        self.variables = self._global_variables()

    def start(self, index: int) -> Origin:
        stage = self.file.stages[index]
        if self.is_replaced(index):
            return self._image(stage.name or "", stage)
        name = self.text(stage.line, stage.image, self.variables)
        for earlier in reversed(self.file.stages[:index]):
            if earlier.name is not None and earlier.name == name:
                return earlier.index
        return self._image(name, stage)

    def is_replaced(self, index: int) -> bool:
        """Whether the build gives an image or a folder in place of a stage."""
        name = self.file.stages[index].name
        return name is not None and _familiar(name) in self._named

    def copied_from(self, index: int, line: int, name: str) -> Origin:
        """What `COPY --from=name` in the stage `index` takes from."""
        if self.text(line, name, _NO_VARIABLES) != name:
            raise self.file.refused(
                line,
                f"has a variable in {shown('--from=' + name)}, where none is replaced",
                "give the variable to a FROM … AS name, and copy from that name",
            )
        return self._found(index, line, name, has_numbers=True)

    def origins(self, index: int) -> Iterator[Origin]:
        """Everything that a stage takes something from."""
        yield self.start(index)
        if self.is_replaced(index):
            return
        for instruction in self.file.stages[index].instructions:
            match instruction:
                case Copy(line=line, origin=name) if name:
                    yield self.copied_from(index, line, name)
                case Run(line=line, sources=names):
                    for name in names:
                        yield self._found(index, line, name, has_numbers=False)
                case _:
                    pass

    def reached(self) -> set[int]:
        """The stages that the target needs, and the target."""
        found: set[int] = set()
        waiting = [self.target]
        while waiting:
            index = waiting.pop()
            if index not in found:
                found.add(index)
                waiting += [origin for origin in self.origins(index) if isinstance(origin, int)]
        return found

    def text(self, line: int, text: str, variables: Mapping[str, str]) -> str:
        """A text with its variables replaced; a mistake names the line."""
        try:
            return expanded(text, variables, self.file.escape)
        except Mistake as mistake:
            raise self.file.refused(line, f"has {shown(text)}: {mistake}") from None

    def _found(self, index: int, line: int, name: str, *, has_numbers: bool) -> Origin:
        earlier: int | None = self._by_name.get(name.lower())
        if has_numbers and _INDEX.fullmatch(name) and len(name) < 9:
            earlier = int(name)
        if earlier is None:
            return self._image(name, self.file.stages[index], line)
        if not 0 <= earlier < index:
            raise self.file.refused(
                line, f"takes from the stage {shown(name)}, which is not before it"
            )
        return (
            self._image(name, self.file.stages[earlier]) if self.is_replaced(earlier) else earlier
        )

    def _image(self, name: str, stage: Stage, line: int | None = None) -> Image | Path:
        """An image or a folder of elsewhere; `line` is that of COPY --from, None for FROM."""
        platform = self._platform if line is not None else self._platform_of(stage)
        at = stage.line if line is None else line
        if name == SCRATCH:
            return Image(None, platform)
        if not name:
            raise self.file.refused(at, "names no image", "give its variables a value")
        given = self._named.get(_familiar(name))
        if isinstance(given, Path):
            return given
        if given is not None:
            return Image(given, platform)
        place = self._parsed(at, name)
        if place.digest is None:
            raise NotByDigest(self.file, self._build, at, name)
        return Image(place, platform)

    def _parsed(self, line: int, name: str) -> Location:
        try:
            found = location.parse(name)
        except Refused as refused:
            if references.in_lower_case(name):
                with self.file.at(line):
                    raise refused from None
            found = None
        if found is None or found.folder is not None:
            raise self.file.refused(
                line,
                f"names {shown(name)}, which is neither a stage nor an image",
                "name a stage that comes before, or an image as REPOSITORY@sha256:DIGEST",
            )
        return found

    def _platform_of(self, stage: Stage) -> Platform:
        if not stage.platform:
            return self._platform
        text = self.text(stage.line, stage.platform, self.variables)
        try:
            return Platform.parse(text)
        except ValueError:
            raise self.file.refused(
                stage.line, f"has the platform {shown(text)}", "write it like linux/amd64"
            ) from None

    def _target(self) -> int:
        wanted = self._build.target
        if not wanted:
            return len(self.file.stages) - 1
        found = self._by_name.get(wanted.lower())
        if found is None:
            names = ", ".join(self._by_name) or "none"
            raise Refused(
                f"{self.file.name} has no stage {shown(wanted)}",
                remedy=f"{did_you_mean(wanted, self._by_name)}name one of its stages: {names}",
            )
        return found

    def _global_variables(self) -> dict[str, str]:
        given = self._build.arguments
        variables = predefined(self.file, self._build, self._platform)
        variables |= {name: given[name] for name in variables if name in given}
        for arg in self.file.args:
            for name, default in arg.pairs:
                if name in given:
                    variables[name] = given[name]
                elif default is not None:
                    variables[name] = self.text(arg.line, default, variables)
        return variables


def predefined(file: Dockerfile, build: DockerfileBuild, target: Platform) -> dict[str, str]:
    """The variables that are there without an ARG before the first FROM.

    Those of the machine that builds have the values of the target's: an image must not depend on
    the machine.
    """
    variant = target.variant or ""
    if (target.architecture, variant) in (("arm64", "v8"), ("amd64", "v1")):
        variant = ""
    if (target.architecture, variant) == ("arm", ""):
        variant = "v7"
    name = "/".join(filter(None, (target.os, target.architecture, variant)))
    values = {
        "PLATFORM": name,
        "OS": target.os,
        "OSVERSION": "",
        "ARCH": target.architecture,
        "VARIANT": variant,
    }
    found = {f"{side}{key}": value for side in ("BUILD", "TARGET") for key, value in values.items()}
    return {**found, "TARGETSTAGE": build.target or file.stages[-1].name or "default"}


def _familiar(name: str) -> str:
    """A name as people write it: without Docker Hub's host and the tag `latest`."""
    name = name.lower() if "/" not in name and ":" not in name else name
    whole = references.canonical(name).removeprefix(f"{references.DOCKER_HUB}/")
    return whole.removeprefix("library/").removesuffix(":latest")
