"""Writes the digests of each wave's images into its manifests, wherever these name them.

Tidemill runs this after it has written images/<wave>/digests.json, and you run it after each edit.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

SETTINGS = tomllib.loads(Path("tidemill.toml").read_text())
IMAGES = SETTINGS["images"].get("path", "images/{wave}")
MANIFESTS = SETTINGS["deployments"]["path"]
WAVES = {wave["name"]: wave["targets"] for wave in SETTINGS["waves"]}


def main() -> None:
    count = 0
    for wave, targets in WAVES.items():
        files = list(image_files(wave))
        for target in targets if files else ():
            for file in Path(MANIFESTS.format(wave=wave, target=target)).rglob("*.y*ml"):
                text = file.read_bytes().decode()
                if (written := with_digests(text, files)) != text:
                    file.write_bytes(written.encode())
                    count += 1
    print(f"generate: {count} manifests have other images now")


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
