"""How a container is started: the `config` object of an image's config (image-spec, config.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tidemill.errors import Refused
from tidemill.words.json_types import learnt

# Every runtime sets this where an image sets none; engines write it into images from scratch.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class _Shape(msgspec.Struct, rename="pascal"):
    """What is kept of a `config` object, and what it has to be; Go writes null for what is empty.

    Not kept is what a builder left there: Hostname, Domainname, Image, AttachStdin and their like.
    """

    cmd: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    env: tuple[str, ...] | None = None
    exposed_ports: dict[str, dict[str, Any] | None] | None = None
    labels: dict[str, str] | None = None
    on_build: tuple[str, ...] | None = None
    stop_signal: str | None = None
    user: str | None = None
    volumes: dict[str, dict[str, Any] | None] | None = None
    working_dir: str | None = None
    healthcheck: dict[str, Any] | None = None
    shell: tuple[str, ...] | None = None


_KEPT = frozenset(_Shape.__struct_encode_fields__)


def checked(config: Mapping[str, Any] | None, image: str) -> dict[str, Any]:
    """A `config` object from outside; empty if there is none.

    Raises:
        Refused: something in it is not what it has to be; `image` says whose it is.
    """
    found = dict(config or {})
    try:
        msgspec.convert(found, learnt(_Shape))
    except msgspec.ValidationError as error:
        raise Refused(
            f"the config of {image} can't be used: {error}", remedy="make that image again"
        ) from None
    return found


def kept(config: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical form of a `config` object.

    What is empty, or means what is the default, is left out; variables are sorted by name.

    Args:
        base: the `config` object of the image it was built on; empty for scratch.
    """
    run = {key: value for key, value in config.items() if key in _KEPT and value}
    env = variables(run)
    if env.get("PATH") == DEFAULT_PATH and "PATH" not in variables(base):
        del env["PATH"]
    run["Env"] = [f"{name}={env[name]}" for name in sorted(env)]
    if run.get("WorkingDir") == "/" and not base.get("WorkingDir"):
        run["WorkingDir"] = ""
    if check := run.get("Healthcheck"):
        run["Healthcheck"] = {key: value for key, value in check.items() if value}
    for of_names in run.keys() & {"ExposedPorts", "Volumes"}:
        run[of_names] = {name: {} for name in run[of_names]}
    return {key: value for key, value in run.items() if value}


def variables(config: Mapping[str, Any]) -> dict[str, str]:
    """The environment of a `config` object; of two with one name the last counts."""
    lines = config.get("Env") or []
    return dict(line.split("=", 1) for line in lines if "=" in line)
