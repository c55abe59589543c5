"""The options of build-reproducible-image; those of docker/build-push-action have its names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

from tidemill.building.order import BuildOptions, build_contexts
from tidemill.building.settings import Engine, MediaTypes, check_absolute, checked_registry
from tidemill.clients.git.app_checkout import Given
from tidemill.clients.machine.environment import variable
from tidemill.clients.registry.trust import Trust
from tidemill.commands._parameters import Arguments, Option, Section, below
from tidemill.errors import Refused
from tidemill.images.build import DockerfileBuild
from tidemill.images.recipe import Times
from tidemill.words.moments import parse_moment, to_the_second
from tidemill.words.names import checked_name, is_name, shown, shown_path

_OF_DOCKERFILES = (
    *("file", "target", "build_args", "build_contexts", "secrets", "name"),
    *("content_times", "created"),
)
_PAIR = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_./-]*=")


def _several(option: str, name: str, text: str, metavar: str | None = None) -> Option:
    """An option that may come again, or have several lines; under its plural name, too."""
    names = dict.fromkeys((option, "--" + name.replace("_", "-")))
    return Option(
        *names,
        name,
        multiple=True,
        help=f"{text}; may be repeated",
        metavar=metavar or option.strip("-").upper(),
    )


def checkout(about: str = "a checkout of app.git") -> tuple[Option, ...]:
    """The options that say where app.git and its settings are."""
    settings = "another file than tidemill.toml, in the checkout"
    return (
        Option("--checkout", default=".", metavar="DIR", help=about),
        Option("--settings", metavar="FILE", help=settings),
    )


INSECURE = _several(
    "--insecure-registry",
    "insecure_registries",
    "speak plain HTTP to this one",
    metavar="HOST:PORT",
)

PARAMETERS = (
    *below(
        Section("services of app.git"),
        *checkout(),
        _several("--service", "services", "build this one; all by default", metavar="NAME"),
    ),
    *below(
        Section("or one Dockerfile, without settings"),
        Option("--context", metavar="DIR", help="the build context"),
        Option("--file", metavar="FILE", help="the Dockerfile; CONTEXT/Dockerfile by default"),
        Option("--name", help="what to call the image; the folder's name by default"),
        Option("--target", help="the stage to build; the last by default"),
        _several("--build-arg", "build_args", "a build argument", metavar="NAME=VALUE"),
        _several(
            "--build-context",
            "build_contexts",
            "another folder, docker-image://NAME@sha256:…, or oci:PATH@sha256:…",
            metavar="NAME=WHERE",
        ),
        _several("--secret", "secrets", "a secret for RUN, as docker buildx build takes it"),
        _several("--cache-from", "cache_from", "where the engine finds earlier steps"),
        _several("--cache-to", "cache_to", "where the engine keeps its steps"),
        _several(
            "--content-time",
            "content_times",
            "an absolute path in the image; below it, times of files follow from their content",
            metavar="PATH",
        ),
        Option("--created", metavar="TIME", help="when the image says that it was made; ISO 8601"),
    ),
    *below(
        Section("how"),
        Option(
            "--engine",
            choices=get_args(Engine),
            help="what builds Dockerfiles; the settings', or assemble, by default",
        ),
        Option("--builder", help="the builder that buildx takes"),
        _several(
            "--platform",
            "platforms",
            "what the image is for, such as linux/arm64; several make an index",
            metavar="OS/ARCH",
        ),
        _several(
            "--label",
            "labels",
            "a label; those that tell of a commit are left out",
            metavar="NAME=VALUE",
        ),
        Option("--no-cache", is_flag=True, help="build every step anew"),
        Option(
            "--verify",
            is_flag=True,
            help="build twice from scratch, and compare; exit 1 if they differ",
        ),
    ),
    *below(
        Section("where to"),
        Option(
            "--to",
            metavar="PLACE",
            default=lambda: variable("TIDEMILL_TO"),
            help="REGISTRY/REPOSITORY or oci:PATH, with {service} where the name of the service "
            "goes; without {service} the name is added at the end, unless one service alone is "
            "built and the place ends with its name. By default TIDEMILL_TO, or the settings' "
            "images",
        ),
        _several("--tag", "tags", "one more tag, besides the SHA and the branch"),
        Option(
            "--media-types",
            choices=get_args(MediaTypes),
            help="the media types of the image; docker for registries that know no OCI; the "
            "settings', or oci, by default",
        ),
        INSECURE,
        Option(
            "--push/--no-push",
            default=True,
            help="write to the destination; --no-push only builds",
        ),
        Option("--sha", help="the commit; the checkout's by default"),
        Option("--branch", help="the branch; the checkout's by default"),
    ),
    *below(
        Section("what it tells"),
        Option("--json", is_flag=True, help="print one JSON object on standard output"),
        Option("--iidfile", metavar="FILE", help="write the image ID to a file"),
        Option("--metadata-file", metavar="FILE", help="write what buildx writes there"),
        Option("--report", metavar="FILE", help="write the report of --verify to a file"),
        Option("--quiet", is_flag=True, help="no progress on standard error"),
    ),
)


def options(arguments: Arguments) -> BuildOptions:
    """What they ask for."""
    return BuildOptions(
        arguments.engine,
        listed(arguments.platforms, ","),
        pairs(arguments.labels, "--label"),
        arguments.no_cache,
        arguments.builder,
        arguments.to,
        listed(arguments.tags, ","),
        arguments.media_types,
        insecure_registries(arguments),
        arguments.push,
        arguments.verify,
        _times(arguments),
    )


def _times(arguments: Arguments) -> Times:
    paths = listed(arguments.content_times)
    try:
        check_absolute(paths)
    except ValueError as error:
        raise Refused(str(error), remedy="write --content-time /usr/share/nginx/html") from None
    if not arguments.created:
        return Times(None, paths)
    return Times(to_the_second(parse_moment(arguments.created, "--created")), paths)


def insecure_registries(arguments: Arguments) -> dict[str, Trust]:
    """The registries that are spoken to over plain HTTP because they ask for it."""
    try:
        hosts = map(checked_registry, listed(arguments.insecure_registries, ","))
        return dict.fromkeys(hosts, Trust(insecure=True))
    except ValueError as error:
        raise Refused(str(error), remedy="give --insecure-registry HOST:PORT") from None


def given(arguments: Arguments) -> Given:
    """What they say of the commit."""
    return Given(sha=arguments.sha, branch=arguments.branch)


def services(arguments: Arguments) -> tuple[str, ...]:
    """The names of services."""
    return listed(arguments.services, ",")


def dockerfile(arguments: Arguments) -> DockerfileBuild | None:
    """The one Dockerfile to build; None where services are meant.

    Raises:
        Refused: an option has no meaning for what is built, or there is no such file.
    """
    if arguments.context is None:
        for name in _OF_DOCKERFILES:
            if getattr(arguments, name):
                option = name.replace("_", "-").removesuffix("s")
                raise Refused(
                    f"--{option} has no meaning without --context",
                    remedy="say it of the service in tidemill.toml, or give --context",
                )
        return None
    if arguments.services:
        raise Refused(
            "--context and --service name different things to build", remedy="give one of them"
        )
    context = Path(arguments.context)
    if not context.is_dir():
        raise Refused(f"{shown_path(context)} is not a folder", remedy="give the build context")
    contexts, folders = build_contexts(pairs(arguments.build_contexts, "--build-context"), Path())
    return DockerfileBuild(
        name=_name(arguments.name, context),
        context=context,
        file=_file(arguments.file, context),
        target=arguments.target,
        build_args=pairs(arguments.build_args, "--build-arg", from_environment=True),
        contexts=contexts,
        folders=folders,
        secrets=listed(arguments.secrets),
        cache_from=listed(arguments.cache_from),
        cache_to=listed(arguments.cache_to),
    )


def pairs(values: Iterable[str], option: str, *, from_environment: bool = False) -> dict[str, str]:
    """`NAME=VALUE`, one to a text; or several, if every line is one.

    Args:
        from_environment: whether a NAME alone stands for the variable, as with docker.
    """
    found = {}
    for text in _single(values):
        name, equals, value = text.partition("=")
        if not equals and from_environment:
            found_there = variable(name.strip())
            if found_there is None:
                continue
            value = found_there
        elif not equals or not name.strip():
            raise Refused(f"{option} {shown(text)} has no value", remedy="write NAME=VALUE")
        found[name.strip()] = value
    return found


def _single(values: Iterable[str]) -> Iterator[str]:
    """Each pair. A text of several lines is one, whose value has lines, unless all are pairs."""
    for text in values:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and not all(_PAIR.match(line) for line in lines):
            yield text.lstrip()
        else:
            yield from (line.lstrip() for line in lines)


def _name(text: str | None, context: Path) -> str:
    """How to call the image: the folder's name where that is one."""
    if text is not None:
        return checked_name(text, "service")
    folder = context.resolve().name
    return folder if is_name(folder) else "image"


def _file(text: str | None, context: Path) -> Path:
    """The Dockerfile: from where one is, as with docker; else in the context."""
    places = [Path(text), context / text] if text else [context / "Dockerfile"]
    for place in places:
        if place.is_file():
            return place
    raise Refused(f"{shown_path(places[0])} is not there", remedy="give --file, the Dockerfile")


def listed(values: Iterable[str], separator: str | None = None) -> tuple[str, ...]:
    """The values of an option that may come again, and may have several, one a line."""
    lines = [line.strip() for value in values for line in value.splitlines()]
    if separator:
        lines = [part.strip() for line in lines for part in line.split(separator)]
    return tuple(line for line in lines if line)
