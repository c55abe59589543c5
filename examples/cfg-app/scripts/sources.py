"""What the Jsonnet sources say: the committed YAML files, by path."""

import json
import os
import sys
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import rjsonnet
from yaml_text import Resource, to_yaml

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ROOT / "generated"
MAIN = ROOT / "jsonnet/main.jsonnet"
MANY = 500  # files: from here on, more processes save more than they take to start


def resources(part: int = 0, parts: int = 1) -> dict[str, list[Resource]]:
    """The Kubernetes resources of each YAML file; exits with the reason if there are none."""
    which = {"part": str(part), "parts": str(parts)}
    try:
        # Without the collector: a process evaluates once, and then it ends.
        text = rjsonnet.evaluate_file(str(MAIN), tla_codes=which, gc=False)
    except RuntimeError as error:
        reason = str(error).replace(f"{ROOT}/", "")
        if reason.startswith("runtime error: "):  # `error` in the sources: it says all
            reason = reason.removeprefix("runtime error: ").partition("\n")[0]
        sys.exit(f"The sources do not evaluate, nothing was generated:\n{reason}")
    files: dict[str, list[Resource]] = json.loads(text)
    return files


def texts() -> dict[str, str]:
    """The text of each YAML file; where there are many, or none yet, each core makes a part.

    Exits with the reason if there are none.
    """
    parts = os.cpu_count() or 1
    if parts == 1 or 0 < sum(1 for _ in GENERATED.rglob("*.yaml")) < MANY:
        return _texts(0, 1)
    with ProcessPoolExecutor(parts) as pool:
        found = pool.map(_texts, range(parts), [parts] * parts)
        return {path: text for part in found for path, text in part.items()}


def _texts(part: int, parts: int) -> dict[str, str]:
    return {path: to_yaml(documents) for path, documents in resources(part, parts).items()}


def read(path: Path) -> str | None:
    """The text of a file, line ends as they are; None if there is no such file."""
    return path.read_bytes().decode(errors="replace") if path.is_file() else None


def write_if_changed(path: Path, content: str) -> bool:
    """Write a file only if that changes it: what did not change keeps its time for make and Git."""
    if read(path) == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return True


def stray_files(files: Collection[str]) -> list[Path]:
    """What lies below generated/ and comes from no source."""
    present = (path for path in GENERATED.rglob("*") if not path.is_dir() or path.is_symlink())
    return sorted(path for path in present if str(path.relative_to(ROOT)) not in files)
