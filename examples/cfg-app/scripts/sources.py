"""What the Jsonnet sources say: the committed YAML files, by path."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import rjsonnet
import yaml

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ROOT / "generated"

Resource = dict[str, Any]


class _Dumper(yaml.CSafeDumper):
    """Quotes every text that some YAML parser reads as a number, a date or a truth value."""

    def ignore_aliases(self, data: object) -> bool:
        return True


# PyYAML alone leaves 7104347e9, the start of a SHA, without quotes: a number to Kubernetes.
_PLAIN = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z/][\w./@:-]*", re.I | re.A)


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def resources() -> dict[str, list[Resource]]:
    """The Kubernetes resources of each YAML file; exits with the reason if there are none."""
    try:
        files: dict[str, list[Resource]] = json.loads(
            rjsonnet.evaluate_file(str(ROOT / "jsonnet/main.jsonnet"))
        )
    except RuntimeError as error:
        reason = str(error).replace(f"{ROOT}/", "")
        if reason.startswith("runtime error: "):  # `error` in the sources: it says all
            reason = reason.removeprefix("runtime error: ").partition("\n")[0]
        sys.exit(f"The sources do not evaluate, nothing was generated:\n{reason}")
    return files


def to_yaml(documents: list[Resource]) -> str:
    """The text of one YAML file: keys sorted, one document for each resource."""
    return yaml.dump_all(documents, Dumper=_Dumper, explicit_start=True, width=1000)


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


def stray_files(files: dict[str, list[Resource]]) -> list[Path]:
    """What lies below generated/ and comes from no source."""
    present = (path for path in GENERATED.rglob("*") if not path.is_dir() or path.is_symlink())
    return sorted(path for path in present if str(path.relative_to(ROOT)) not in files)
