"""Are these resources of Kubernetes, with the very images that their wave has?

CI asks this for each commit. Add what your team requires: kubeconform, policies, tests.
"""

import json
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

SETTINGS = tomllib.loads(Path("tidemill.toml").read_text())
IMAGES = SETTINGS["images"].get("path", "images/{wave}")
PATHS = SETTINGS["deployments"]["path"]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def main() -> None:
    count, found = 0, []
    for wave in SETTINGS["waves"]:
        images = images_of(wave["name"])
        for target in wave["targets"]:
            for file in files_of(wave["name"], target):
                count += 1
                found += [f"{file}: {one}" for one in problems(file.read_text(), images)]
    if found:
        sys.exit("\n".join([*sorted(found)[:20], f"problems: {len(found)}, in {count} files"]))
    print(f"check: {count} files are fit to be deployed")


def files_of(wave: str, target: str) -> Iterator[Path]:
    """The YAML that a target is made of, but for what all waves share."""
    for path in [PATHS] if isinstance(PATHS, str) else PATHS:
        place = Path(path.replace("{wave}", wave).replace("{target}", target))
        if "{" in path:
            yield from [place] if place.is_file() else place.rglob("*.y*ml")


def images_of(wave: str) -> set[str]:
    """The images that a wave has, by digest; none before the first announcement."""
    files = Path().glob(IMAGES.format(wave=wave, set="*") + "/digests.json")
    return {image for file in files for image in json.loads(file.read_text()).values()}


def problems(text: str, images: set[str]) -> Iterator[str]:
    """What is wrong with the resources of one file."""
    try:
        documents = [one for one in yaml.load_all(text, LOADER) if one is not None]
    except yaml.YAMLError as error:
        yield f"is no YAML: {' '.join(str(error).split())}"
        return
    for document in documents:
        if not isinstance(document, dict) or not {"apiVersion", "kind"} <= document.keys():
            yield "has a document without apiVersion or kind"
        for image in named(document):
            is_ours = any(fnmatchcase(image, one) for one in SETTINGS["images"]["allow"])
            if images and is_ours and image not in images:
                yield f"{image} is no image that its wave has"


def named(value: Any) -> Iterator[str]:
    """Every image in a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "image" and isinstance(inner, str):
                yield inner
            yield from named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from named(inner)


if __name__ == "__main__":
    main()
