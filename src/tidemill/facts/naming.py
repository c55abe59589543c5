"""Do the files that targets render from name the images that their wave is said to have?

A file names a service's image where it has the digest, alone or in a reference, or the very tag of
`tags.json`: in a reference, or alone (Kustomize's `newTag`, a chart's `tag`) beside the repository.
It names another image where it has a whole reference, `repository[:tag][@digest]`, to a repository
of the wave's sets, with none of the images that these have there. Comments name nothing.

Only where `[deployments] path` says which files are a target's. A file that several waves share is
a template: what it names by default says nothing against any wave.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct, field

from tidemill.facts.image_files import ImageFiles
from tidemill.facts.settings import Settings
from tidemill.words.names import file_in_words
from tidemill.words.references import Reference, canonical

MOST_LISTED = 20
_LONGEST = 600  # of a reference, with what may stand before it
_OF_TOKENS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/:@+-"
_APART = bytes(byte if byte in _OF_TOKENS else 32 for byte in range(256))
_AROUND = b":@/+-."
_WHOLE_LINE = re.compile(rb"^[ \t]*(?:#|//).*", re.MULTILINE)
_MAY_BEGIN = re.compile(rb"[ \t](?:#|//)")
_COMMENT = re.compile(rb'("(?:[^"\\]++|\\.)*+"?)|(?<!\S)(?:#|//).*')
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SHA = re.compile(r"[0-9a-f]{40}")
_IMAGE = re.compile(rb"mage[\"']?[ \t]*[:=][ \t]*[\"']?([A-Za-z0-9._/:@+-]{1,300})")


class OtherImage(msgspec.Struct, frozen=True, kw_only=True):
    """A file that names a repository of the set with another image."""

    file: str
    names: str


class Naming(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is missing where the files of a wave do not name every image of a set.

    Attributes:
        absent: the first of the services that no file names; `more` are not listed.
        nothing: whether no file names any image of the set.
        others: the first of the files that name another image; each once.
        found: what the files do name instead, as far as one can tell.
    """

    absent: tuple[str, ...] = ()
    more: int = 0
    nothing: bool = False
    others: tuple[OtherImage, ...] = ()
    found: OtherImage | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether the set does not run there, whatever the targets report."""
        return self.nothing or bool(self.others)

    @property
    def services(self) -> str:
        """The services that no file names, as people read them."""
        return ", ".join(self.absent) + (f" and {self.more} more" if self.more else "")

    @property
    def words(self) -> str:
        """The finding as a sentence without its subject's wave, and what the files do name."""
        named = "; ".join(f"{one.file} names {one.names}" for one in self.others)
        said = [f"files name another image: {named}"] if named else []
        if self.nothing and not named:
            said.append(f"no file names any of its images ({self.services})")
        elif self.absent:
            said.append(f"no file names the images of {self.services}")
        if self.found:
            said.append(f"{self.found.file} names {self.found.names}")
        return "; ".join(said)


class SetUsage(Struct, frozen=True):
    """One set in one wave.

    Attributes:
        users: the targets that render a service of the set; all where no file tells.
        misled: the targets whose own files name another image.
        naming: None where every image is named.
    """

    users: frozenset[str]
    misled: frozenset[str] = frozenset()
    naming: Naming | None = None

    def is_named_by(self, target: str) -> bool:
        """Whether what a target renders from may run the set."""
        return target not in self.misled and not (self.naming and self.naming.nothing)


class Mentions(Struct):
    """What one file says of the images that are looked for.

    Attributes:
        repositories: those that it mentions at all; `bare` those without tag and digest.
        digests, tags: those in it, `alone` tags that stand for themselves.
        others: references to the repositories with an image that no set has.
        alike: by last part of a name, references to other repositories that end like ours.
        image: the first thing that it calls an image.
    """

    repositories: set[str] = field(default_factory=set)
    bare: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)
    tags: set[tuple[str, str]] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)
    others: set[tuple[str, str]] = field(default_factory=set)
    alike: dict[str, str] = field(default_factory=dict)
    image: str | None = None


class ImageIndex:
    """The images of all sets of one wave, made to be looked up."""

    def __init__(self, sets: Mapping[str, ImageFiles]) -> None:
        self.services: dict[str, dict[str, tuple[Reference | None, Reference | None]]] = {}
        self.digests: dict[str, set[str]] = {}
        self.tags: dict[str, set[str]] = {}
        self.repositories: dict[str, set[str]] = {}
        self.names: set[str] = set()
        for name, files in sets.items():
            mine = self.services[name] = {}
            for service in sorted(files.digests.keys() | files.tags.keys()):
                digest = parsed(files.digests.get(service, ""))
                tag = parsed(files.tags.get(service, ""))
                mine[service] = digest, tag
                self.names.add(service)
                for one in (digest, tag):
                    if one is not None:
                        self.names.add(_last(one.repository))
                        self.digests.setdefault(one.repository, set())
                        self.tags.setdefault(one.repository, set())
                        if one.digest:
                            self.digests[one.repository].add(one.digest)
                        elif one.tag:
                            self.tags[one.repository].add(one.tag)
            self.repositories[name] = {
                one.repository for two in mine.values() for one in two if one
            }
        self.all_digests = {one for found in self.digests.values() for one in found}
        self.all_tags = {one for found in self.tags.values() for one in found}
        # What says something although it has neither `/` nor `:`.
        self.short = {tag.encode() for tag in self.all_tags}
        self.short |= {_last(one).encode() for one in self.digests if canonical(_last(one)) == one}

    def allows(self, image: Reference, of: str) -> bool:
        """Whether an image, if it is from a repository of a set, is one that any set has there."""
        return canonical(image.repository) not in self.repositories[of] or self.has(image)

    def has(self, image: Reference) -> bool:
        """Whether an image is one that a set has; of tag and digest the digest counts."""
        repository = canonical(image.repository)
        if image.digest is not None:
            return image.digest in self.digests.get(repository, ())
        return image.tag in self.tags.get(repository, ())


def look(
    settings: Settings,
    wave: str,
    targets: Sequence[str],
    sets: Mapping[str, ImageFiles],
    read: Callable[[Sequence[str]], Iterable[tuple[str, bytes]]],
) -> dict[str, SetUsage]:
    """What the files of a wave's targets name of each set that it has.

    Args:
        sets: the image files of the wave's sets, by set.
        read: gives the names and bytes of all files at or below some paths.
    """
    if not settings.templates():
        return {name: SetUsage(users=frozenset(targets)) for name in sets}
    wanted = ImageIndex(sets)
    said: dict[str, Mentions] = {}
    files: dict[str, dict[str, Mentions]] = {}
    own: set[str] = set()
    below: dict[str, list[str]] = {}
    for target in targets:
        mine = files[target] = {}
        templates = settings.templates_of(wave, target)
        for template, path in zip(templates, settings.paths(wave, target), strict=True):
            if path not in below:
                texts = [(name, data) for name, data in read([path])]
                said |= {name: scan(data, wanted) for name, data in texts if name not in said}
                below[path] = [name for name, _ in texts]
            mine |= {name: said[name] for name in below[path]}
            if len(settings.waves) == 1 or "{wave}" in template or "{target}" in template:
                own.update(below[path])
    return judge(wanted, files, said.keys() - own)


def named_twice(sets: Mapping[str, ImageFiles]) -> list[tuple[str, tuple[str, ...]]]:
    """The services that several sets of one wave name, each with these sets: of whose image one
    could not say which is meant."""
    found: dict[str, list[str]] = {}
    for name, files in sorted(sets.items()):
        for service in sorted(files.digests.keys() | files.tags.keys()):
            found.setdefault(service, []).append(name)
    return [(service, tuple(names)) for service, names in found.items() if len(names) > 1]


def files_id(trees: Mapping[str, str | None], sets: Mapping[str, ImageFiles]) -> str:
    """What identifies all that was looked at of a wave: its targets' files, and its sets."""
    parts = [*(f"{target} {tree}" for target, tree in sorted(trees.items()))]
    parts += [f"{name} {files.content}" for name, files in sorted(sets.items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def parsed(text: str) -> Reference | None:
    """A reference in canonical form; None for what has neither tag nor digest, or no form."""
    name, _, digest = text.partition("@")
    colon = name.find(":", name.rfind("/") + 1)
    repository, tag = (name[:colon], name[colon + 1 :]) if colon >= 0 else (name, None)
    found = digest if _DIGEST.fullmatch(digest) else None
    if not repository or not (tag or found):
        return None
    return Reference(canonical(repository), tag or None, found)


def scan(data: bytes, wanted: ImageIndex) -> Mentions:
    """What a file says of the wanted images; in time that is linear in its size."""
    said = b"".join(_without_comments(data))
    found = Mentions()
    for token in set(said.translate(_APART).split()):
        if token.isalnum() and token not in wanted.short:
            continue  # as most words of most files
        is_long = b"/" in token or b":" in token
        if len(token) <= _LONGEST and (is_long or token.strip(_AROUND) in wanted.short):
            _take_in(found, token.decode("ascii"), wanted)
    if image := _IMAGE.search(said):
        found.image = image[1].decode("ascii")
    return found


def _without_comments(data: bytes) -> Iterator[bytes]:
    """What a file says, piece by piece: `#` or `//` after a blank begins a comment, but for one in
    double quotes."""
    data = _WHOLE_LINE.sub(b"", data)
    at = 0
    while begins := _MAY_BEGIN.search(data, at):
        start = data.rfind(b"\n", at, begins.start()) + 1 or at
        end = data.find(b"\n", begins.end())
        end = len(data) if end < 0 else end
        yield data[at:start]
        yield _COMMENT.sub(rb"\1", data[start:end])
        at = end
    yield data[at:]


def _take_in(found: Mentions, token: str, wanted: ImageIndex) -> None:
    text = token.rpartition("//")[2].strip(_AROUND.decode())
    if text in wanted.all_tags:
        found.alone.add(text)
    is_tagged = ":" in text  # with a tag, a digest, or both
    if is_tagged and _DIGEST.fullmatch(text):
        if text in wanted.all_digests:
            found.digests.add(text)
        return
    image = parsed(text) if is_tagged else None
    if image is None:
        if (bare := canonical(text)) in wanted.digests:
            found.repositories.add(bare)
            found.bare.add(bare)
        return
    if image.repository not in wanted.digests and text.count(":") > 1:
        image = parsed(text.partition(":")[2]) or image  # `image:ghcr.io/acme/api:1`
    if image.digest in wanted.all_digests:
        found.digests.add(image.digest or "")
    if image.repository in wanted.digests:
        found.repositories.add(image.repository)
        if not wanted.has(image):
            found.others.add((image.repository, text))
        elif image.tag and not image.digest:
            found.tags.add((image.repository, image.tag))
    elif (last := _last(image.repository)) in wanted.names and "/" in text:
        found.alike[last] = min(text, found.alike.get(last, text))


def judge(
    wanted: ImageIndex,
    files: Mapping[str, Mapping[str, Mentions]],
    shared: Collection[str] = (),
) -> dict[str, SetUsage]:
    """What the files of a wave's targets name of each of its sets.

    Args:
        files: by target, what its files say, by their names.
        shared: the names of those that other waves render from, too.
    """
    mentioned = {
        name: frozenset(
            target
            for target, mine in files.items()
            if _mentions(mine.values(), wanted.repositories[name], services.values())
        )
        for name, services in wanted.services.items()
    }
    told = any(mentioned.values())
    return {
        name: SetUsage(
            users=mentioned[name] if told else frozenset(files),
            misled=frozenset(
                target
                for target, mine in files.items()
                if _others(mine, shared, wanted.repositories[name])
            ),
            naming=_naming(services, wanted.repositories[name], files, shared),
        )
        for name, services in wanted.services.items()
    }


_Services = Mapping[str, tuple[Reference | None, Reference | None]]


def _naming(
    services: _Services,
    repositories: Collection[str],
    files: Mapping[str, Mapping[str, Mentions]],
    shared: Collection[str],
) -> Naming | None:
    everything = {name: one for mine in files.values() for name, one in mine.items()}
    if not services or not files:
        return None
    present = named(services, files)
    absent = [service for service in services if service not in present]
    others = _others(everything, shared, repositories)
    if not absent and not others:
        return None
    misnamed = {repository for repository, _, _ in others}
    listed = [
        service
        for service in absent
        if not misnamed & {one.repository for one in services[service] if one}
    ]
    return Naming(
        absent=tuple(listed[:MOST_LISTED]),
        more=max(0, len(listed) - MOST_LISTED),
        nothing=len(absent) == len(services),
        others=tuple(
            OtherImage(file=file_in_words(file), names=text)
            for file, text in sorted({(file, text) for _, file, text in others})[:MOST_LISTED]
        ),
        found=_found(services, listed, everything),
    )


def named(services: _Services, files: Mapping[str, Mapping[str, Mentions]]) -> set[str]:
    """The services whose image a file names, by its digest or by its tag."""
    every = [one for mine in files.values() for one in mine.values()]
    digests = {digest for one in every for digest in one.digests}
    tags = {tag for one in every for tag in one.tags}
    return _named_by_lone_tags(services, files) | {
        service
        for service, (digest, tag) in services.items()
        if (digest and digest.digest in digests) or (tag and (tag.repository, tag.tag) in tags)
    }


def _named_by_lone_tags(
    services: _Services, files: Mapping[str, Mapping[str, Mentions]]
) -> set[str]:
    """The services that a target's tag vouches for.

    It is of the repositories that the target names without a tag. Where it names none of them, the
    full SHA is taken for the tag of all, but of those whose image comes from somewhere else there.
    """
    named: set[str] = set()
    for mine in files.values():
        tags = {tag for one in mine.values() for tag in one.alone}
        if not tags:
            continue
        bare = {repository for one in mine.values() for repository in one.bare}
        alike = {last for one in mine.values() for last in one.alike}
        tagged = {service: tag for service, (_, tag) in services.items() if tag and tag.tag in tags}
        beside = {service for service, tag in tagged.items() if tag.repository in bare}
        named |= beside or {
            service
            for service, tag in tagged.items()
            if _SHA.search(tag.tag or "") and not {service, _last(tag.repository)} & alike
        }
    return named


def _others(
    files: Mapping[str, Mentions], shared: Collection[str], repositories: Collection[str]
) -> list[tuple[str, str, str]]:
    """The references to another image: repository, file, and the reference as it stands there."""
    return [
        (repository, file, text)
        for file, one in files.items()
        if file not in shared
        for repository, text in one.others
        if repository in repositories
    ]


def _mentions(
    files: Iterable[Mentions],
    repositories: Collection[str],
    services: Collection[tuple[Reference | None, Reference | None]],
) -> bool:
    digests = {digest.digest for digest, _ in services if digest}
    tags = {tag.tag for _, tag in services if tag and _SHA.search(tag.tag or "")}
    return any(
        not (
            one.repositories.isdisjoint(repositories)
            and digests.isdisjoint(one.digests)
            and tags.isdisjoint(one.alone)
        )
        for one in files
    )


def _found(
    services: _Services, absent: Collection[str], files: Mapping[str, Mentions]
) -> OtherImage | None:
    """What the files name in place of the first of the absent services, or call an image at all."""
    names = [
        name
        for service in absent
        for name in (service, *(_last(one.repository) for one in services[service] if one))
    ]
    for name in names:
        for file, one in sorted(files.items()):
            if name in one.alike:
                return OtherImage(file=file_in_words(file), names=one.alike[name])
    if len(absent) < len(services):
        return None
    return next(
        (
            OtherImage(file=file_in_words(file), names=one.image)
            for file, one in sorted(files.items())
            if one.image
        ),
        None,
    )


def _last(repository: str) -> str:
    return repository.rpartition("/")[2]
