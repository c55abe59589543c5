"""In which files does the digest of each service arrive?"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from tidemill.facts import image_files, naming
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.settings import Settings
from tidemill.words.documents import loaded, text
from tidemill.words.names import is_name
from tidemill.words.references import canonical

_MANIFEST = re.compile(r"(?!\.github/).*\.(ya?ml|json|jsonnet|libsonnet|tpl)")
_REFERENCE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._/:@+-]{2,299}")
_IMAGE = re.compile(rb"(?m)^[^#\n]*?image[\"']?:[ ]*[\"']?(" + _REFERENCE.pattern + rb")")
# A chart's values that name the registry by itself.
_APART = re.compile(
    rb"registry:[ ]*[\"']?([\w.:-]+)[\"']?[ ]*(?:#.*)?\n[ ]*repository:[ ]*[\"']?([\w./-]+)"
)
# A repository by itself, which names its registry: with a dot or a port.
_REPOSITORY = re.compile(
    rb"(?m)^[^#\n]*?\b(?:image|repository|name|newName)[\"']?:[ ]*[\"']?"
    rb"([a-z0-9-]+(?:\.[a-z0-9-]+|:[0-9]+)[a-z0-9.:-]*/[a-z0-9._/-]+)[\"',} ]*(?:#.*)?$"
)
_SHA = "0" * 39 + "1"


class Nameless(Struct, frozen=True):
    """A tag in a file of values without a repository beside it, which its like have.

    Attributes:
        keys: what leads to it in the file.
        lines: what the others have beside the tag.
    """

    service: str
    file: str
    keys: str
    lines: tuple[str, ...]


class Arrival(Struct, frozen=True):
    """One set in one wave: its images, and the files that name each service's.

    Attributes:
        services: each with those files.
        is_invented: whether its images are.
        elsewhere: by service a file, and the image in it that is called as the service's and is
            from another repository.
        nameless: see there.
        repositories: of its images.
    """

    wave: str
    image_set: str
    services: Mapping[str, tuple[str, ...]]
    is_invented: bool = False
    elsewhere: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    nameless: tuple[Nameless, ...] = ()
    repositories: tuple[str, ...] = ()


def arriving(files: ImageFiles, texts: Iterable[tuple[str, bytes]]) -> dict[str, tuple[str, ...]]:
    """The files that name each service's image, by its digest or by its tag.

    Args:
        texts: names and bytes of all that the targets of a wave render from.
    """
    wanted = naming.ImageIndex({"": files})
    found: dict[str, list[str]] = {service: [] for service in sorted(files.digests)}
    for name, data in texts:
        said = naming.scan(data, wanted)
        for service in naming.named(wanted.services[""], {"": {name: said}}) & found.keys():
            found[service].append(name)
    return {service: tuple(names) for service, names in found.items()}


def elsewhere(files: ImageFiles, texts: Iterable[tuple[str, bytes]]) -> dict[str, tuple[str, str]]:
    """By service a file and an image in it: called as the service's, from another repository.

    Args:
        texts: as for `arriving`.
    """
    ours = repositories([files])
    called = {one.rpartition("/")[2]: service for service, one in ours.items()}
    found: dict[str, tuple[str, str]] = {}
    for file, data in texts if called else ():
        for token in sorted(set(_IMAGE.findall(data))) if _MANIFEST.fullmatch(file) else ():
            name = token.decode()
            image = naming.parsed(name)
            if image is None or "/" not in name or image.repository in ours.values():
                continue
            if service := called.get(image.repository.rpartition("/")[2]):
                found.setdefault(service, (file, name))
    return found


class Tag(Struct, frozen=True):
    """A tag in a file of values, the keys that lead to it, and what is said of its repository."""

    file: str
    keys: str
    named: Mapping[str, str]


def tags(texts: Iterable[tuple[str, bytes]]) -> list[Tag]:
    """All tags in files of values.

    Args:
        texts: as for `arriving`.
    """
    return [
        Tag(file, keys, {key: one for key in ("registry", "repository") if (one := text(at, key))})
        for file, data in texts
        if b"tag:" in data and _MANIFEST.fullmatch(file)
        for value in loaded(data)
        for keys, at in _with_tags(value)
    ]


def nameless(files: ImageFiles, mine: Iterable[Tag], every: Iterable[Tag]) -> tuple[Nameless, ...]:
    """Tags of a wave without a repository beside them, where one of ours stands in its like.

    Args:
        every: those of all waves.
    """
    ours = {repository: service for service, repository in repositories([files]).items()}
    known = {
        one.keys: (service, tuple(f"{key}: {name}" for key, name in one.named.items()))
        for one in every
        if "repository" in one.named
        and (service := ours.get(canonical("/".join(one.named.values()))))
    }
    lacking = (one for one in mine if "repository" not in one.named and one.keys in known)
    return tuple(
        Nameless(known[one.keys][0], one.file, one.keys, known[one.keys][1]) for one in lacking
    )


def _with_tags(value: object, above: str = "") -> Iterator[tuple[str, Mapping[object, object]]]:
    """The tables in a value that have a tag, each with the keys that lead to it."""
    if isinstance(value, Mapping):
        if text(value, "tag"):
            yield above, value
        for key, inner in value.items():
            yield from _with_tags(inner, f"{above}.{key}" if above else str(key))


def repositories(known: Iterable[ImageFiles]) -> dict[str, str]:
    """The repository of each service that some wave has."""
    return {
        service: digest.repository
        for files in known
        for service, reference in files.digests.items()
        if (digest := naming.parsed(reference)) is not None
    }


def guessed(settings: Settings, texts: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Services by the last part of the allowed images that files name, as most people call them.

    None where `[images] allow` lists nothing in particular.
    """
    found: dict[str, str] = {}
    for file, data in texts if settings.images.allow != ("*",) else ():
        if not _MANIFEST.fullmatch(file):
            continue
        apart = [b"/".join(found) for found in _APART.findall(data)]
        for token in {*_REFERENCE.findall(data), *apart}:
            name = token.decode().strip(":@/+-.")
            image = naming.parsed(name)
            repository = image.repository if image else canonical(name) if "/" in name else ""
            name = repository.rpartition("/")[2]
            if settings.images.is_listed(repository) and is_name(name):
                found[name] = repository
    return found


def unlisted(settings: Settings, texts: Iterable[tuple[str, bytes]]) -> tuple[str, ...]:
    """The repositories of images that files name and `[images] allow` does not list.

    Without a tag or a digest, what names a registry and stands where Kustomize and charts have
    the repository of an image.
    """
    found: set[str] = set()
    for file, data in texts:
        if not _MANIFEST.fullmatch(file):
            continue
        whole = {token.decode().strip(":@/+-.") for token in _REFERENCE.findall(data)}
        found |= {image.repository for one in whole if "/" in one and (image := naming.parsed(one))}
        apart = [b"/".join(found) for found in _APART.findall(data)]
        found |= {canonical(one.decode()) for one in (*_REPOSITORY.findall(data), *apart)}
    return tuple(sorted(one for one in found if not settings.images.is_listed(one)))


def invented(wave: str, of: Mapping[str, str]) -> ImageFiles:
    """Images that are nowhere: another digest for each service and wave."""
    digests = {
        service: f"{one}@sha256:{hashlib.sha256(f'{wave}/{service}'.encode()).hexdigest()}"
        for service, one in of.items()
    }
    tags = {service: f"{one}:{_SHA}" for service, one in of.items()}
    return image_files.from_maps(tags, digests, None)
