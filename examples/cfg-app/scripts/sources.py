"""What the Jsonnet sources say: the committed YAML files, by path."""

import json
import os
import sys
from collections.abc import Callable, Collection
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import rjsonnet
from yaml_text import Resource, to_yaml

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ROOT / "generated"
MAIN = ROOT / "jsonnet/main.jsonnet"
MANY = 500  # files: from here on, more processes save more than they take to start


def resources() -> dict[str, list[Resource]]:
    """The Kubernetes resources of each YAML file; exits with the reason if there are none."""
    return _evaluated(lambda: rjsonnet.evaluate_file(str(MAIN)))


def texts() -> dict[str, str]:
    """The text of each YAML file; where there are many, or none yet, each core makes a part.

    Exits with the reason if there are none.
    """
    parts = os.cpu_count() or 1
    if parts == 1 or 0 < sum(1 for _ in GENERATED.rglob("*.yaml")) < MANY:
        return {path: to_yaml(documents) for path, documents in resources().items()}
    with ProcessPoolExecutor(parts) as pool:
        found = pool.map(_part, range(parts), [parts] * parts)
        return {path: text for part in found for path, text in part.items()}


# Jsonnet evaluates what is asked for: of the other files a part evaluates no more than the paths.
_PART = """
local files = import %s;
local paths = std.objectFields(files);
local from = std.floor(%d * std.length(paths) / %d);
local to = std.floor(%d * std.length(paths) / %d);
{ [path]: files[path] for path in paths[from:to] }
"""


def _part(part: int, parts: int) -> dict[str, str]:
    code = _PART % (json.dumps(str(MAIN)), part, parts, part + 1, parts)
    found = _evaluated(lambda: rjsonnet.evaluate_snippet("a part of it", code))
    return {path: to_yaml(documents) for path, documents in found.items()}


def _evaluated(evaluate: Callable[[], str]) -> dict[str, list[Resource]]:
    try:
        files: dict[str, list[Resource]] = json.loads(evaluate())
    except RuntimeError as error:
        reason = str(error).replace(f"{ROOT}/", "")
        if reason.startswith("runtime error: "):  # `error` in the sources: it says all
            reason = reason.removeprefix("runtime error: ").partition("\n")[0]
        sys.exit(f"The sources do not evaluate, nothing was generated:\n{reason}")
    return files


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
