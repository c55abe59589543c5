"""Put the images of each wave into its overlays: `generate` where others run Kustomize.

In the `kustomization.yaml` below `[deployments] path`, `images:` gets an entry with the digest for
each image of the wave that the overlay or its bases name, as `kustomize edit set image` would.
Entries of other images stay, and so does all else; the same images make the same bytes. Run it from
the root of the repository.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
WORD = re.compile(r"""[^\s"',#\[\]{}]+""")
REMOTE = re.compile(
    r"(?m)://|\?ref=|^[ -]*github\.com/|^helmCharts:"
)  # what is not here to be read
FIELD = re.compile(r"""(?m)^[ -]*(name|newName):[ ]*["']?([^"'\s#]+)""")


def main() -> None:
    """Write the files of all waves; what does not change keeps its time."""
    settings = tomllib.loads(Path("tidemill.toml").read_text(encoding="utf-8"))
    for wave in settings["waves"]:
        images = images_of(settings, wave["name"])
        for file in overlays_of(settings, wave) if images else ():
            text, all_of_it = file.read_bytes().decode(), made_of(file, set())
            changed = with_images(text, used(images, all_of_it), str(file))
            if changed != text:
                file.write_bytes(changed.encode())


def images_of(settings: dict[str, Any], wave: str) -> dict[str, str]:
    """By repository the digest; empty where the wave has no image files yet."""
    path = settings.get("images", {}).get("path", "images/{wave}").replace("{wave}", wave)
    found: dict[str, str] = {}
    for one in settings.get("sets", [{"name": "app"}]):
        file = Path(path.replace("{set}", one["name"]), "digests.json")
        images = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        for image in images.values():
            repository, _, digest = image.partition("@")
            if found.setdefault(repository, digest) != digest:
                sys.exit(f"{file}: {repository} is the image of two services, and of two digests")
    return found


def overlays_of(settings: dict[str, Any], wave: dict[str, Any]) -> list[Path]:
    """The files of the overlays that the targets of a wave are made of."""
    paths = settings["deployments"]["path"]
    places = {
        Path(path.replace("{wave}", wave["name"]).replace("{target}", target))
        for path in ([paths] if isinstance(paths, str) else paths)
        for target in wave["targets"]
        if "{" in path
    }
    return sorted(place / name for place in places for name in NAMES if (place / name).is_file())


def made_of(file: Path, seen: set[Path]) -> str:
    """All that a file says, and the files and folders that it names."""
    if file.resolve() in seen:
        return ""
    seen.add(file.resolve())
    text = file.read_bytes().decode(errors="replace")
    for word in WORD.findall(text) if file.name in NAMES else ():
        place = file.parent / word
        for inner in (place, *(place / one for one in NAMES)):
            if inner.is_file():
                text += made_of(inner, seen)
    return text


def used(images: dict[str, str], text: str) -> dict[str, str]:
    """The images that a text names; all, where a part of it can't be read here."""
    if REMOTE.search(text):
        return images
    names = {one: re.compile(rf"(?<![\w./-]){re.escape(one)}(?![\w./-])") for one in images}
    return {one: digest for one, digest in images.items() if names[one].search(text)}


def with_images(text: str, images: dict[str, str], file: str) -> str:
    """The text of an overlay with these images in its block `images:`."""
    if not images:
        return text
    if "\r\n" in text:  # its lines go on to end so
        unix = with_images(text.replace("\r\n", "\n"), images, file)
        return unix.replace("\n", "\r\n")
    lines = text.removesuffix("\n").split("\n") if text else []
    begins = [number for number, line in enumerate(lines) if line.startswith("images:")]
    start = begins[0] if begins else len(lines)
    head = lines[start] if begins else "images:"
    if not re.fullmatch(r"images:\s*(\[\s*\]\s*)?(#.*)?", head):
        sys.exit(f"{file}: write `images:` as a list with one entry below the other")
    end = start + 1
    while end < len(lines) and (not lines[end] or lines[end][0] in " -#"):
        end += 1
    while begins and end > start + 1 and not lines[end - 1].startswith((" ", "-")):
        end -= 1  # what stands between it and the next key is not its own
    kept: list[str] = []
    names: dict[str, dict[str, str]] = {}  # by repository what bases call it, and its new name
    block = "\n".join(lines[start + 1 : end])
    indent = (re.search(r"(?m)^ *(?=-)", block) or [""])[0]
    for entry in filter(str.strip, re.split(r"(?m)^(?= *-)", block)):
        fields: dict[str, str] = dict(FIELD.findall(entry))
        if ours := images.keys() & {*fields.values()}:
            image = min(ours)
            name = fields.get("name", image)
            # A mirror of the image stays: it has the same digests.
            new = fields.get("newName", name) if name == image else image
            names.setdefault(image, {})[name] = new
        else:
            kept.append(entry.rstrip("\n"))
    for repository, digest in sorted(images.items()):
        for name, new in sorted(names.get(repository, {repository: repository}).items()):
            renamed = [f"{indent}  newName: {new}"] if name != new else []
            kept += [f"{indent}- name: {name}", *renamed, f"{indent}  digest: {digest}"]
    head = re.sub(r"\[\s*\]\s*", "", head).rstrip()
    return "\n".join([*lines[:start], head, *kept, *lines[end:]]) + "\n"


if __name__ == "__main__":
    main()
