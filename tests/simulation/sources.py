"""What is in cfg-app.git beside the image files, and what its `generate` and its check say.

Both are pure functions of the files. What an image does to them stands in the last two digits
of its digest: its nature, and the number of the wave where that shows (f: everywhere). As a program
in a checkout this file is that `generate`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

ROLLOUT, FILE = "rollout.json", "tidemill.toml"
REGISTRY = "ghcr.io/acme"
Nature = Literal["well", "red", "unbuildable", "sick", "quarrelsome"]
NATURES: tuple[Nature, ...] = ("well", "red", "unbuildable", "sick", "quarrelsome")
EVERYWHERE = 15


@dataclass(frozen=True)
class Image:
    """The image of a service: its content, what that does, and in which wave."""

    service: str
    content: str
    nature: Nature = "well"
    wave: int = EVERYWHERE

    @property
    def repository(self) -> str:
        return f"{REGISTRY}/{self.service}"

    @property
    def digest(self) -> str:
        """Its reference by digest."""
        text = hashlib.sha256(f"{self.service} {self.content}".encode()).hexdigest()[:62]
        return f"{self.repository}@sha256:{text}{NATURES.index(self.nature):x}{self.wave:x}"


@dataclass(frozen=True)
class Rollout:
    """`rollout.json`: what people write.

    Attributes:
        images: the folder of image files, with `{wave}`, and `{set}` where there are several.
        uses: by wave and target the services that it runs, None for all.
        state: whether the sources are fine, can't be generated from, or fail the check.
        notes: by target, something that ends up in its generated file.
        pins: by wave the services for which its files name an image that is nobody's.
    """

    sets: tuple[str, ...]
    images: str
    uses: Mapping[str, Mapping[str, tuple[str, ...] | None]]
    state: Literal["fine", "broken", "red"] = "fine"
    notes: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def folder(self, wave: str, set_name: str) -> str:
        """Where the image files of a set in a wave are."""
        return self.images.replace("{wave}", wave).replace("{set}", set_name)

    def render(self) -> bytes:
        """The bytes of the file."""
        return json.dumps(asdict(self), indent=1).encode() + b"\n"


def rollout_of(files: Mapping[str, bytes]) -> Rollout:
    """The sources in a commit."""
    return _parsed(files[ROLLOUT])


def digests_of(files: Mapping[str, bytes], folder: str) -> Mapping[str, str]:
    """The digests in a folder of image files, by service; empty where there are none."""
    return _digests(files.get(f"{folder}/digests.json", b"{}"))


def nature(digest: str, wave: int) -> Nature:
    """What an image does in a wave."""
    index, where = int(digest[-2], 16), int(digest[-1], 16)
    return NATURES[index] if where in (wave, EVERYWHERE) else "well"


def file_of(wave: str, target: str) -> str:
    """The only file that is generated for a target."""
    return f"generated/{wave}/{target}/all.yaml"


def generated(files: Mapping[str, bytes]) -> dict[str, bytes] | str:
    """All files of a commit after `generate`; the reason if it fails."""
    rollout = rollout_of(files)
    if rollout.state == "broken":
        return "rollout.json is broken"
    after = {path: data for path, data in files.items() if not path.startswith("generated/")}
    for number, (wave, targets) in enumerate(rollout.uses.items()):
        images = dict(_images(rollout, files, wave))
        for service, digest in images.items():
            if nature(digest, number) == "unbuildable":
                return f"{service} can't be rendered in {wave}"
        for service in images.keys() & set(rollout.pins.get(wave, ())):
            images[service] = f"{REGISTRY}/{service}@sha256:{'f' * 64}"
        for target, services in targets.items():
            mine = [name for name in images if services is None or name in services]
            lines = [rollout.notes.get(target, ""), *(f"{name}: {images[name]}" for name in mine)]
            after[file_of(wave, target)] = "\n".join(lines).encode() + b"\n"
    return after


def is_green(files: Mapping[str, bytes], before: Mapping[str, bytes] | None = None) -> bool:
    """What the check truly says of a commit; `before`: what its parent has."""
    rollout = rollout_of(files)
    made = generated(files)
    if rollout.state == "red" or isinstance(made, str):
        return False
    stale = _differing(made, files)
    if stale and not (before is not None and _is_of_others(stale, made, files, before)):
        return False
    for number, wave in enumerate(rollout.uses):
        natures = [nature(digest, number) for _, digest in _images(rollout, files, wave)]
        if "red" in natures or natures.count("quarrelsome") > 1:
            return False
    return True


def _is_of_others(
    stale: set[str],
    made: Mapping[str, bytes],
    files: Mapping[str, bytes],
    before: Mapping[str, bytes],
) -> bool:
    """Whether a commit that is about one wave found these files of others as it leaves them."""
    rollout, made_before = rollout_of(files), generated(before)
    if isinstance(made_before, str) or b"[deployments]" not in files[FILE]:
        return False
    for wave in rollout.uses:
        folders = [rollout.folder(wave, name) for name in rollout.sets]
        own = (f"generated/{wave}/", *(f"{folder}/" for folder in folders))
        changed = _differing(files, before)
        if changed and all(path.startswith(own) for path in changed):
            return all(
                not path.startswith(own) and made.get(path) == made_before.get(path)
                for path in stale
            )
    return False


def _differing(files: Mapping[str, bytes], others: Mapping[str, bytes]) -> set[str]:
    return {path for path in {*files, *others} if files.get(path) != others.get(path)}


def is_sick(files: Mapping[str, bytes], wave: str, target: str) -> bool:
    """Whether a target that has synced a commit gets ill of an image that it runs."""
    rollout = rollout_of(files)
    number = list(rollout.uses).index(wave)
    services = rollout.uses[wave][target]
    return any(
        nature(digest, number) == "sick" and (services is None or name in services)
        for name, digest in _images(rollout, files, wave)
    )


def _images(rollout: Rollout, files: Mapping[str, bytes], wave: str) -> Iterator[tuple[str, str]]:
    for set_name in rollout.sets:
        yield from digests_of(files, rollout.folder(wave, set_name)).items()


@lru_cache(maxsize=5_000)
def _parsed(data: bytes) -> Rollout:
    return Rollout(**json.loads(data))


@lru_cache(maxsize=20_000)
def _digests(data: bytes) -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = json.loads(data)
    except ValueError:
        return {}
    return found


def _generate_here() -> str | None:
    """Do in this folder what `generated` says; why that fails, if it does."""
    here = (path for path in Path().rglob("*") if path.is_file() and ".git" not in path.parts)
    before = {str(path): path.read_bytes() for path in here}
    after = generated(before)
    if isinstance(after, str):
        return after
    for path in before.keys() - after.keys():
        Path(path).unlink()
    for path, data in after.items():
        if before.get(path) != data:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(data)
    return None


if __name__ == "__main__":
    sys.exit(_generate_here())
