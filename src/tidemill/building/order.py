"""What is to be built from a checkout: the images, each with all that an engine needs to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from tidemill.building.settings import (
    Compile,
    DockerfileKeys,
    Engine,
    MediaTypes,
    Registry,
    Service,
    Settings,
    checked_registry,
)
from tidemill.clients.registry.trust import Trust
from tidemill.errors import Refused
from tidemill.images import location
from tidemill.images.build import DockerfileBuild
from tidemill.images.location import Location
from tidemill.images.oci import Platform
from tidemill.images.recipe import CONSTANT, Recipe, Times

# Labels that say when, or from which commit, an image was made: with one of them every commit would
# change every image (design.md 8).
OF_A_COMMIT = tuple(
    f"{start}.{name}"
    for start in ("org.opencontainers.image", "org.label-schema")
    for name in ("created", "revision", "version", "ref.name", "build-date", "vcs-ref")
)
BASE_NAME = "tidemill-base"
ANYWHERE = Location(folder=BASE_NAME, digest=f"sha256:{'0' * 64}")  # for what only looks whether


class BuildOptions(Struct, frozen=True):
    """What the caller asks for, on top of the settings.

    Args:
        engine: for Dockerfiles; the settings' if None.
        platforms: instead of the settings'.
        labels: on top of the settings'; those of `OF_A_COMMIT` are left out.
        no_cache: build every step anew.
        builder: the name of the builder that buildx takes.
        to: a place as `tidemill.building.destination` reads it; that of the settings if None.
        tags: more tags, besides the SHA and the branch.
        media_types: those of the images; the settings' if None.
        registries: how some are reached, on top of the settings'.
        push: whether anything is written to the destinations.
        times: for one Dockerfile; those of services are in the settings.
        verify: whether to build twice, and publish only what is the same.
    """

    engine: Engine | None = None
    platforms: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False
    builder: str | None = None
    to: str | None = None
    tags: tuple[str, ...] = ()
    media_types: MediaTypes | None = None
    registries: Mapping[str, Trust] = field(default_factory=dict)
    push: bool = True
    verify: bool = False
    times: Times = CONSTANT


class Item(Struct, frozen=True):
    """One image, for one or more platforms: what it is made of, and where it goes.

    Args:
        needs_base: whether it is given the order's base.
        to: a layout or a repository, without tag and digest; None for an image that stays here.
        tags: those that are set there, in this order.
        before: the tag whose image it is compared with, to say whether it changed.
        repository: what references name, where `to` is a layout: the repository it stands for.
        media_types: of its documents.
    """

    name: str
    source: Recipe | DockerfileBuild
    platforms: tuple[Platform, ...]
    needs_base: bool = False
    to: Location | None = None
    tags: tuple[str, ...] = ()
    before: str | None = None
    repository: str | None = None
    media_types: MediaTypes = "oci"

    @property
    def place(self) -> str | None:
        """What stands before the tag or the digest in a reference; None if it goes nowhere."""
        return self.repository or (None if self.to is None else str(self.to))


class Order(Struct, frozen=True):
    """All that is built in one run, in the folder `root`.

    The compile step comes first, then the base, then the items, side by side. `base_arg` is the
    build argument that names the base, `times` is what all images say of times, and `registries`
    how some are reached.
    """

    root: Path
    items: tuple[Item, ...]
    engine: Engine
    compile: Compile | None = None
    base: DockerfileBuild | None = None
    base_arg: str = ""
    builder: str | None = None
    times: Times = CONSTANT
    registries: Mapping[str, Trust] = field(default_factory=dict)

    @property
    def takes_long(self) -> bool:
        """Whether anything is started before the items, or for them: a command or an engine."""
        return bool(self.compile or self.base) or self.engine != "assemble"

    def given(self, item: Item, base: Location) -> Recipe | DockerfileBuild:
        """What an item is made of, told where the order's base is."""
        if self.base is None or not item.needs_base or isinstance(item.source, Recipe):
            return item.source
        return replace(
            item.source,
            build_args={**item.source.build_args, self.base_arg: BASE_NAME},
            contexts={**item.source.contexts, BASE_NAME: base},
        )

    def dockerfiles(self) -> Iterator[tuple[DockerfileBuild, tuple[Platform, ...]]]:
        """The Dockerfiles that are built, with the platforms; the base comes last."""
        for item in self.items:
            if isinstance(build := self.given(item, ANYWHERE), DockerfileBuild):
                yield build, item.platforms
        if self.base:
            yield self.base, self.items[0].platforms

    def expect_digests(self) -> None:
        """Read the Dockerfiles that are there, so that nothing is asked for in vain.

        Raises:
            NotByDigest: one names an image that is not given by digest.
            Refused: one has a mistake.
        """
        for build, platforms in self.dockerfiles():
            if build.file.is_file():
                from tidemill.images.dockerfile.stages import needed

                for platform in platforms:
                    needed(build, platform)

    def with_builds(self, change: Callable[[DockerfileBuild], DockerfileBuild]) -> Order:
        """The same, with every Dockerfile's build as `change` makes it."""
        items = tuple(
            replace(item, source=change(item.source))
            if isinstance(item.source, DockerfileBuild)
            else item
            for item in self.items
        )
        return replace(self, items=items, base=self.base and change(self.base))


def order_of_services(
    settings: Settings, root: Path, services: tuple[Service, ...], options: BuildOptions
) -> Order:
    """The order for services of app.git, in a checkout of it."""
    base = settings.base
    items = tuple(_item(service, root, base is not None, options) for service in services)
    if not any(item.needs_base for item in items):
        base = None
    return Order(
        root,
        items,
        options.engine or settings.engine,
        settings.compile,
        _build("the base", base, root, options) if base else None,
        base.build_arg if base else "",
        options.builder,
        settings.times,
        {**trusts(settings.registries, root), **options.registries},
    )


def order_of_dockerfile(build: DockerfileBuild, options: BuildOptions) -> Order:
    """The order for one Dockerfile that no settings tell of."""
    labels = {**build.labels, **kept_labels(options.labels)}
    whole = replace(build, labels=labels, no_cache=build.no_cache or options.no_cache)
    item = Item(
        build.name,
        whole,
        _platforms(options.platforms or ("linux/amd64",)),
        media_types=options.media_types or "oci",
    )
    return Order(
        build.context,
        (item,),
        options.engine or "assemble",
        builder=options.builder,
        times=options.times,
        registries=options.registries,
    )


def trusts(registries: Mapping[str, Registry], root: Path) -> dict[str, Trust]:
    """How registries are reached, by `host[:port]`, with the settings of a checkout."""
    return {
        checked_registry(host): Trust(keys.insecure, root / keys.ca if keys.ca else None)
        for host, keys in registries.items()
    }


def kept_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that do not change with every commit."""
    return {name: value for name, value in labels.items() if name not in OF_A_COMMIT}


def _item(service: Service, root: Path, has_base: bool, options: BuildOptions) -> Item:
    platforms = _platforms(options.platforms or service.platforms)
    labels = kept_labels(options.labels)
    if service.file is None:
        return Item(service.name, service.recipe(labels), platforms)
    build = _build(service.name, service, root, options)
    build = replace(build, labels={**service.labels, **labels})
    return Item(service.name, build, platforms, has_base)


def _build(name: str, keys: DockerfileKeys, root: Path, options: BuildOptions) -> DockerfileBuild:
    contexts, folders = build_contexts(keys.build_contexts, root)
    return DockerfileBuild(
        name=name,
        context=root / (keys.context or "."),
        file=root / (keys.file or ""),
        called=keys.file,
        target=keys.target,
        build_args=keys.build_args,
        contexts=contexts,
        folders=folders,
        secrets=keys.secrets,
        cache_from=keys.cache_from,
        cache_to=keys.cache_to,
        no_cache=keys.no_cache or options.no_cache,
    )


def build_contexts(
    given: Mapping[str, str], root: Path
) -> tuple[dict[str, Location], dict[str, Path]]:
    """Split build contexts into images and folders.

    `docker-image://REFERENCE` and `oci-layout://PATH` are the forms of `docker buildx build`;
    `oci:PATH` is ours.

    Raises:
        Refused: an image is not given by digest.
    """
    images: dict[str, Location] = {}
    folders: dict[str, Path] = {}
    for name, text in given.items():
        for start, ours in (("docker-image://", ""), ("oci-layout://", "oci:"), ("oci:", "oci:")):
            if text.startswith(start):
                found = location.parse(ours + text.removeprefix(start))
                if found.digest is None:
                    way = "; `tidemill pin` does, in the settings"
                    if found.folder is not None:
                        way = ", which the layout's index.json has"
                    raise Refused(
                        f"the build context {name}={text} is not given by digest, so it could "
                        "change without a commit",
                        remedy=f"add @sha256: and its digest{way}",
                    )
                folder = found.folder and str(root / found.folder)
                images[name] = replace(found, folder=folder)
                break
        else:
            folders[name] = root / text
    return images, folders


def _platforms(texts: tuple[str, ...]) -> tuple[Platform, ...]:
    try:
        found = tuple(sorted({Platform.parse(text) for text in texts}, key=str))
    except ValueError as error:
        raise Refused(str(error), remedy="give --platform linux/amd64, or several") from None
    if strange := [platform for platform in found if platform.os != "linux"]:
        raise Refused(
            f"images for {strange[0]} are not built: their layers have another form",
            remedy="name platforms of linux alone",
        )
    return found
