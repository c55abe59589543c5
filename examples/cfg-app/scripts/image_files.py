"""The image files of one set in one wave: tags.json, digests.json, and source.json beside them."""

import json
import sys
from pathlib import Path

from sources import ROOT

TAGS, DIGESTS = "tags.json", "digests.json"
SOURCE = "source.json"  # which commit of app.git the set is from; Tidemill writes it


def folder(wave: str, image_set: str) -> Path:
    """Where the files of a set are; exits with the sets that there are if this is none of them."""
    images = ROOT / "images"
    known = sorted(path.relative_to(images).as_posix() for path in images.glob("*/*"))
    if f"{wave}/{image_set}" not in known:
        sys.exit(f"There is no images/{wave}/{image_set}. There are: {', '.join(known)}")
    return images / wave / image_set


def to_json(references: dict[str, str]) -> str:
    """The text of an image file: keys sorted, two spaces, a newline at the end."""
    return json.dumps(references, indent=2, sort_keys=True) + "\n"
