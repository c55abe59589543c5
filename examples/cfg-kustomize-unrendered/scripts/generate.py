"""Writes a component of Kustomize for each wave, with the digests of the wave's images.

Each overlay names its wave's component, and Argo CD or Flux renders the overlay. Tidemill runs this
after it has written images/<wave>/digests.json.
"""

import json
import sys
import tomllib
from pathlib import Path

SETTINGS = tomllib.loads(Path("tidemill.toml").read_text())
IMAGES = SETTINGS["images"].get("path", "images/{wave}")
COMPONENT = "generated/{wave}/kustomization.yaml"
HEAD = """\
# Written by scripts/generate.py.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
"""


def main() -> None:
    for wave in [one["name"] for one in SETTINGS["waves"]]:
        component = Path(COMPONENT.format(wave=wave))
        component.parent.mkdir(parents=True, exist_ok=True)
        component.write_bytes((HEAD + images_of(wave)).encode())


def images_of(wave: str) -> str:
    """The images of a wave, as Kustomize's transformer takes them."""
    files = Path().glob(IMAGES.format(wave=wave, set="*") + "/digests.json")
    found = {one for file in files for one in json.loads(file.read_text()).values()}
    digests = dict(reference.split("@") for reference in found)
    if len(digests) < len(found):
        sys.exit("Two services have different images of one repository. Nothing was written.")
    lines = [f"  - name: {name}\n    digest: {digests[name]}\n" for name in sorted(digests)]
    return "images:\n" + "".join(lines) if lines else "images: []\n"


if __name__ == "__main__":
    main()
