"""make introduce_images: overwrite the image files of a set in a wave with newly built images.

Arguments: the wave, the set, and a JSON file, {"orders": {"Digest": "…", "Tag": "…"}, …}.
"""

import json
import sys
from pathlib import Path

from image_files import DIGESTS, TAGS, folder, to_json
from sources import write_if_changed


def main(wave: str, image_set: str, image_file: str) -> None:
    target = folder(wave, image_set)
    try:
        images = json.loads(Path(image_file).read_text())
        tags = {service: str(image["Tag"]) for service, image in images.items()}
        digests = {service: str(image["Digest"]) for service, image in images.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(f"{image_file} is no image file, nothing was written: {error!r}")
    write_if_changed(target / TAGS, to_json(tags))
    write_if_changed(target / DIGESTS, to_json(digests))


if __name__ == "__main__":
    main(*sys.argv[1:])
