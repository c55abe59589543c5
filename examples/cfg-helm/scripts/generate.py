"""Writes what is deployed: the chart for each target, with the images that its wave has.

Tidemill runs this after it has written images/<wave>/digests.json, and you run it after each edit.
If only images have changed since the last commit, only their waves are rendered, else all.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The sources of a target: the first of these that is there. And how they are rendered.
SOURCES = ("values/{wave}/{target}.yaml", "values/{target}.yaml", "values/{wave}.yaml")
RENDER = "helm template shop chart --namespace shop --values {source}"

SETTINGS = tomllib.loads(Path("tidemill.toml").read_text())
IMAGES = SETTINGS["images"].get("path", "images/{wave}")
GENERATED = SETTINGS["deployments"]["path"]
WAVES = {wave["name"]: wave["targets"] for wave in SETTINGS["waves"]}


def main() -> None:
    due = changed_waves()
    targets = [(wave, target) for wave in WAVES for target in WAVES[wave] if wave in due]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        texts = list(pool.map(lambda each: rendered(*each), targets))
    for (wave, target), text in zip(targets, texts, strict=True):
        file = file_of(wave, target)
        if not file.is_file() or file.read_bytes() != text.encode():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
    known = {file_of(wave, target) for wave in WAVES for target in WAVES[wave]}
    written = Path().glob(str(file_of("*", "*")))  # and nothing else that lies beside it
    for stray in set(written) - known:
        stray.unlink()
    print(f"generate: {len(targets)} of {len(known)} targets rendered")


def changed_waves() -> set[str]:
    """The waves that uncommitted changes concern; all, unless these are images or generated."""
    git = ("git", "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
    status = subprocess.run(git, capture_output=True, text=True, check=False).stdout
    found: set[str] = set()
    for path in [line[3:] for line in status.split("\0") if line]:
        mine = {
            wave for wave in WAVES if path.startswith((below(IMAGES, wave), below(GENERATED, wave)))
        }
        if not mine:
            return set(WAVES)
        found |= mine
    return found or set(WAVES)


def below(path: str, wave: str) -> str:
    return f"{path.partition('{wave}')[0]}{wave}/"


def file_of(wave: str, target: str) -> Path:
    return Path(GENERATED.format(wave=wave, target=target)) / "manifests.yaml"


def rendered(wave: str, target: str) -> str:
    """What a target deploys; exits with the tool's own words where that can't be rendered."""
    places = [one.format(wave=wave, target=target) for one in SOURCES]
    source = next((one for one in places if Path(one).exists()), places[0])
    command = [part.format(source=source, target=target) for part in RENDER.split()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed, or not in PATH. Nothing was written.")
    if done.returncode:
        sys.exit(f"{wave}/{target} can't be rendered, nothing was written:\n{done.stderr.strip()}")
    return with_digests(done.stdout, image_files(wave))


def image_files(wave: str) -> Iterable[Path]:
    return Path().glob(IMAGES.format(wave=wave, set="*") + "/digests.json")


def with_digests(text: str, files: Iterable[Path]) -> str:
    """The text, in which each image of these files has its digest."""
    found = {one for file in files for one in json.loads(file.read_text()).values()}
    digests = {reference.partition("@")[0]: reference for reference in found}
    if len(digests) < len(found):
        sys.exit("Two services have different images of one repository. Nothing was written.")
    names = "|".join(map(re.escape, digests)) or "(?!)"
    # With a tag or a digest it is an image wherever it stands; without, where a key says so.
    image = rf"""([iI]mage["']?: *["']?)?(?<![\w./-])({names})([:@][\w.:@-]+)?(?![\w./:@-])"""

    def pinned(match: re.Match[str]) -> str:
        key, name, rest = match.groups()
        return f"{key or ''}{digests[name]}" if key or rest else match[0]

    return re.sub(image, pinned, text)


if __name__ == "__main__":
    main()
