"""Can each overlay be rendered, to resources of Kubernetes with the very images that its wave has?

CI asks this for each commit. Add what your team requires: kubeconform, policies, tests.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

SETTINGS = tomllib.loads(Path("tidemill.toml").read_text())
IMAGES = SETTINGS["images"].get("path", "images/{wave}")
OVERLAY = "overlays/{wave}/{target}"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def main() -> None:
    targets = [(wave["name"], one) for wave in SETTINGS["waves"] for one in wave["targets"]]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [
            line for lines in pool.map(lambda each: of_target(*each), targets) for line in lines
        ]
    if found:
        sys.exit("\n".join([*found[:20], f"problems: {len(found)}, in {len(targets)} targets"]))
    print(f"check: {len(targets)} targets are fit to be deployed")


def of_target(wave: str, target: str) -> list[str]:
    """What is wrong with a target."""
    overlay = OVERLAY.format(wave=wave, target=target)
    try:
        done = subprocess.run(
            ["kustomize", "build", overlay], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        sys.exit("kustomize is not installed, or not in PATH.")
    if done.returncode:
        return [f"{overlay} can't be rendered: {done.stderr.strip()}"]
    return [f"{overlay}: {one}" for one in problems(done.stdout, images_of(wave))]


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
