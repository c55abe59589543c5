"""make check: is the committed YAML what the sources generate, and would Kubernetes take it?"""

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.resources import files as package_files
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry
from referencing import Resource as Schema
from sources import ROOT, read, resources, stray_files
from yaml_text import Resource, to_yaml

KUBERNETES = "v1.37.0"  # of the clusters; kubernetes-validate has the schemas of every release
PACKAGE = package_files("kubernetes_validate")
SCHEMAS = PACKAGE / "kubernetes-json-schema" / f"{KUBERNETES}-local-strict"

AT_MOST = 20  # lines of problems; one wrong line of Jsonnet can touch every file
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # a label as in RFC 1123


def main() -> None:
    files = resources()
    stale = list(stale_files(files))
    invalid = [
        f"{path}: {document.get('kind')}: {problem}"
        for path, documents in files.items()
        for document in documents
        for problem in problems(document)
    ]
    if not stale and not invalid:
        print(f"check: {len(files)} files are what the sources generate, and valid Kubernetes")
        return
    found = stale + invalid
    more = [f"… and {len(found) - AT_MOST} more"] if len(found) > AT_MOST else []
    to_do = ["To do: correct jsonnet/ or images/."] if invalid else []
    to_do += ["To do: run `make generate`, and commit what it changes."]
    sys.exit("\n".join(found[:AT_MOST] + more + to_do))


def stale_files(files: dict[str, list[Resource]]) -> Iterator[str]:
    """What differs between generated/ and the sources."""
    for path, documents in files.items():
        present = read(ROOT / path)
        if present is None:
            yield f"{path}: is missing"
        elif present != to_yaml(documents):
            yield f"{path}: is not what the sources generate"
    for stray in stray_files(files):
        yield f"{stray.relative_to(ROOT)}: comes from no source"


def problems(document: Resource) -> Iterator[str]:
    """Why Kubernetes would refuse a resource."""
    validator = schema(str(document.get("apiVersion")), str(document.get("kind")))
    if validator is None:
        yield f"Kubernetes {KUBERNETES} has no such kind in {document.get('apiVersion')}"
        return
    errors = sorted(validator.iter_errors(document), key=lambda error: error.json_path)
    for error in errors:
        yield f"{error.json_path.removeprefix('$.')}: {error.message[:200]}"
    if errors:
        return
    for where, name in names(document):
        if not NAME.fullmatch(str(name)):
            yield f"{where}: {name!r} is not a valid name: a-z, 0-9 and '-', at most 63 characters"


def names(document: Resource) -> Iterator[tuple[str, Any]]:
    """The names in a resource that the schemas do not judge."""
    metadata = document.get("metadata", {})
    yield "metadata.name", metadata.get("name")
    if "namespace" in metadata:
        yield "metadata.namespace", metadata["namespace"]
    pod = document.get("spec", {}).get("template", {}).get("spec", {})
    for index, container in enumerate(pod.get("containers", [])):
        yield f"spec.template.spec.containers[{index}].name", container["name"]


@cache
def schema(api_version: str, kind: str) -> Draft202012Validator | None:
    """The validator of one kind of resource; None if Kubernetes has no such kind."""
    group, _, version = api_version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], version)))
    path = SCHEMAS / f"{name}.json"
    if not path.is_file():
        return None
    return Draft202012Validator(json.loads(path.read_text()), registry=definitions())


@cache
def definitions() -> Registry[Any]:
    """What the schemas of all kinds refer to."""
    contents = json.loads((SCHEMAS / "_definitions.json").read_text())
    return Schema.from_contents(contents) @ Registry()


if __name__ == "__main__":
    main()
