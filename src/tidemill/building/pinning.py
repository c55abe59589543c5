"""Writes digests behind the tags of Dockerfiles and settings: then only a commit changes them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from tidemill.building import settings as app_settings
from tidemill.building.order import BuildOptions, order_of_services, trusts
from tidemill.building.settings import FILE
from tidemill.clients.registry.trust import Trust
from tidemill.errors import Refused
from tidemill.images import location
from tidemill.images.build import DockerfileBuild
from tidemill.images.dockerfile import parse
from tidemill.images.dockerfile.parse import Dockerfile, Stage
from tidemill.images.dockerfile.stages import NotByDigest, needed
from tidemill.images.location import Location
from tidemill.images.oci import Platform
from tidemill.words import references
from tidemill.words.names import shown, shown_path

# The digest of what a tag stands for now, of registries that are reached so.
Resolve = Callable[[Location, Mapping[str, Trust]], str]
_PREFIX = "docker-image://"
# What an image stands behind: in COPY or a mount of RUN, and where an ARG has it by default.
_FLAG = r"""(?i:(?<=\bfrom=)|(?<=\bfrom=["']))"""
_VALUE = r"""(?:(?<=\b{0}=)|(?<=\b{0}=["']))"""
# A variable alone: an image, or its tag.
_ALONE = re.compile(r"\$\{?([A-Za-z_]\w*)(?::?-[^}]*)?\}?$")
_TAG = re.compile(f":{_ALONE.pattern}")


class Pin(Struct, frozen=True):
    """What is written in a file in place of what: the same image with the digest of today."""

    file: str
    before: str
    after: str


class Pinning(Struct):
    """The files of one run as they will be; `write` writes those that change.

    Args:
        update: give images a new digest that have one, if their tag now stands for another.
    """

    resolve: Resolve
    update: bool = False
    pins: list[Pin] = field(default_factory=list)
    _texts: dict[Path, str] = field(default_factory=dict)
    _registries: dict[str, Trust] = field(default_factory=dict)

    def checkout(self, root: Path, file: str | None = None) -> None:
        """Pin the images that app.git's settings name, and those of its Dockerfiles.

        Raises:
            TidemillError: the settings or a Dockerfile can't be used, or an image is not there.
        """
        path = root / (file or FILE)
        table = _table(self._text(path))
        with suppress(msgspec.ValidationError, ValueError):  # which the settings' parser tells
            given = msgspec.convert(table.get("registries", {}), dict[str, app_settings.Registry])
            self._registries = trusts(given, root)
        for prefix, image in _images_of(table):
            found = location.parse(image)
            if found.folder is None and (after := self._pinned(found)):
                key = re.compile("" if prefix or found.digest else r".*\bbase[\"']?\s*=")
                lines = [number for number, line in self._lines(path) if key.match(line)]
                self._replace(path, f"{prefix}{image}", f"{prefix}{after}", lines)
        settings = app_settings.parse(self._text(path), path.name)
        order = order_of_services(settings, root, settings.services, BuildOptions())
        for build, platforms in order.dockerfiles():
            if build.file.is_file() or not settings.compile:  # which may be what makes it
                for platform in platforms:
                    self._dockerfile(build, platform)

    def file(self, path: Path) -> None:
        """Pin the images of one Dockerfile that no settings tell of; raises as `checkout`."""
        build = DockerfileBuild("it", path.parent, path)
        self._dockerfile(build, Platform.parse(app_settings.DEFAULT_PLATFORM))

    def _dockerfile(self, build: DockerfileBuild, platform: Platform) -> None:
        file = build.file
        while True:
            try:
                read = parse.parse(self._text(file).encode(), build.called or file.name)
                found = needed(build, platform, read)
                break
            except NotByDigest as missing:
                after = self._pinned(location.parse(missing.image)) or missing.image
                stage = next((s for s in read.stages if s.line == missing.line), None)
                if not (
                    self._replace_in_instruction(file, read, missing, after, stage)
                    or (stage and self._replace_default(file, read, missing, after, stage))
                    or (stage and self._replace_tag(file, read, missing, after, stage))
                ):
                    named = f"{missing.image} of line {missing.line}"
                    raise _in_variables(file, named, after) from None
        for image in found.images:
            newer = self._pinned(image) if image.repository else None
            if newer and not self._replace(file, str(image), newer):
                self._replace_digest(file, image, newer, found.images)

    def write(self) -> tuple[Pin, ...]:
        """Write the files that change; raise `Refused` if one can't be written."""
        written: list[str] = []
        for path, text in self._texts.items():
            if not any(pin.file == str(path) for pin in self.pins):
                continue
            try:
                path.write_bytes(text.encode())
            except OSError as error:
                raise Refused(
                    f"{shown_path(path)} can't be written: {error.strerror}",
                    written=", ".join(written) or "nothing",
                    remedy="make it writable, and run this again",
                ) from None
            written.append(str(path))
        return tuple(self.pins)

    def _pinned(self, image: Location) -> str | None:
        """The image with the digest of its tag; None if it stays as it is."""
        if image.digest and not (self.update and image.tag):
            return None
        tag = image.tag or "latest"
        digest = self.resolve(Location(repository=image.repository, tag=tag), self._registries)
        return None if digest == image.digest else f"{image.repository}:{tag}@{digest}"

    def _text(self, path: Path) -> str:
        if path not in self._texts:
            try:
                self._texts[path] = path.read_bytes().decode()
            except UnicodeDecodeError:
                parse.read(path)  # which says where
                raise
            except OSError as error:
                raise Refused(
                    f"{shown_path(path)} can't be read: {error.strerror}",
                    remedy="name a checkout of app.git, or a Dockerfile by --file",
                ) from None
        return self._texts[path]

    def _lines(self, path: Path) -> Iterator[tuple[int, str]]:
        yield from enumerate(self._text(path).split("\n"))

    def _instruction(self, path: Path, line: int, escape: str) -> list[int]:
        """The lines of the instruction that begins in a line, counted from 0."""
        found: list[int] = []
        for number, text in list(self._lines(path))[line - 1 :]:
            if found and (not text.strip() or text.lstrip().startswith("#")):
                continue  # they end nothing
            found.append(number)
            if not text.rstrip().endswith(escape):
                break
        return found

    def _replace_in_instruction(
        self, path: Path, read: Dockerfile, missing: NotByDigest, after: str, stage: Stage | None
    ) -> bool:
        """Write it where a FROM, a COPY or a RUN names the image, and not where the same word is
        something else there: a stage, a path, a command."""
        lines = self._instruction(path, missing.line, read.escape)
        if stage is None:
            return self._replace(path, missing.image, after, lines, behind=_FLAG)
        is_said = stage.image.strip("\"'") == missing.image
        return is_said and self._replace(path, missing.image, after, lines, is_first=True)

    def _replace_default(
        self, path: Path, read: Dockerfile, missing: NotByDigest, after: str, stage: Stage
    ) -> bool:
        """Write it where an ARG has the image that it gives to a FROM, if only FROMs see it."""
        used = _ALONE.fullmatch(stage.image.strip("\"'"))
        if not used or used[1] in read.declared:
            return False
        others = (default or "" for arg in read.args for _, default in arg.pairs)
        texts = (text.strip("\"'") for text in (*(s.image for s in read.stages), *others))
        mentioned = re.compile(rf"\$\{{?{used[1]}\b")
        if not all(_ALONE.fullmatch(text) for text in texts if mentioned.search(text)):
            return False
        lines = [
            number for arg in read.args for number in self._instruction(path, arg.line, read.escape)
        ]
        return self._replace(path, missing.image, after, lines, behind=_VALUE.format(used[1]))

    def _replace_tag(
        self, path: Path, read: Dockerfile, missing: NotByDigest, after: str, stage: Stage
    ) -> bool:
        """Write the digest behind the tag that an ARG gives to a FROM, if only FROMs see it."""
        used = _TAG.search(stage.image)
        if not used or used[1] in read.declared:
            return False
        named = {re.sub(r"[{}]", "", s.image) for s in read.stages if used[1] in s.image}
        if len(named) > 1:  # one digest can't be that of two images
            return False
        default = re.compile(rf"(\s*ARG\s+{used[1]}=[\"']?)([^\s\"']+)([\"']?\s*)", re.IGNORECASE)
        digest = after.rpartition("@")[2]
        changed = []
        for _, line in self._lines(path):
            found = default.fullmatch(line)
            tells = found and missing.image.endswith(f":{found[2]}")
            changed.append(f"{found[1]}{found[2]}@{digest}{found[3]}" if found and tells else line)
        return self._change(path, "\n".join(changed), Pin(str(path), missing.image, after))

    def _replace_digest(
        self, path: Path, image: Location, after: str, every: Collection[Location]
    ) -> None:
        """Write a new digest in place of the old one, where variables give the rest or all of it.

        Raises:
            Refused: it is not in the file, or it is the digest of several images.
        """
        old, new = image.digest or "", after.rpartition("@")[2]
        text = self._text(path).replace(old, new)
        is_of_one = [one.digest for one in every].count(old) == 1
        if not is_of_one or not self._change(path, text, Pin(str(path), str(image), after)):
            raise _in_variables(path, str(image), after)

    def _replace(
        self,
        path: Path,
        before: str,
        after: str,
        lines: Collection[int] | None = None,
        *,
        behind: str = "",
        is_first: bool = False,
    ) -> bool:
        """Replace an image wherever it stands as a word, in some lines; say whether it does.

        Args:
            behind: what has to stand before it, as a regular expression that takes nothing.
            is_first: only where it stands first.
        """
        word = re.compile(rf"{behind}(?<![\w./:@-]){re.escape(before)}(?![\w./:@-])")
        changed: list[str] = []
        is_done = False
        for number, line in self._lines(path):
            is_meant = (lines is None or number in lines) and not (is_first and is_done)
            new = word.sub(after, line, count=int(is_first)) if is_meant else line
            is_done = is_done or new != line
            changed.append(new)
        return self._change(path, "\n".join(changed), Pin(str(path), before, after))

    def _change(self, path: Path, text: str, pin: Pin) -> bool:
        if text == self._text(path):
            return False
        self._texts[path] = text
        self.pins.append(pin)
        return True


def _in_variables(file: Path, image: str, after: str) -> Refused:
    return Refused(
        f"the image {image} of {shown_path(file)} is put together from variables, or from one that "
        "is used elsewhere, too, so its digest is not written there",
        remedy=f"write {after} where the variables get their values",
    )


def _table(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):  # which the settings' own parser tells better
        app_settings.parse(text)
        raise


def _images_of(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The images that settings name: what stands before each, and the image."""
    services = table.get("services")
    parts = [table.get("base"), *(services if isinstance(services, list) else ())]
    for part in parts:
        if not isinstance(part, dict):
            continue
        contexts = part.get("build_contexts")
        for text in contexts.values() if isinstance(contexts, dict) else ():
            if isinstance(text, str) and text.startswith(_PREFIX):
                yield _PREFIX, text.removeprefix(_PREFIX)
        arguments = part.get("build_args")
        for text in arguments.values() if isinstance(arguments, dict) else ():
            if isinstance(text, str) and "@sha256:" in text and references.ANY.fullmatch(text):
                yield "", text
        base = part.get("base")
        if isinstance(base, str) and base != "scratch":
            yield "", base


def resolved(found: str | None, image: Location) -> str:
    """The digest that was found; raise `Refused` if there was none."""
    if found is None:
        raise Refused(
            f"there is no image {shown(str(image))} in its registry",
            remedy="mend its name, or log in: `docker login`",
        )
    return found
