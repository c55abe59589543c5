"""Put the images of each wave into its files: `generate` of plain YAML, and of a chart's values.

In the YAML below `[deployments] path`, an image whose repository `digests.json` of the wave names
gets its digest. Beside `repository:`, a `tag:` gets the tag, and a `digest:` the digest. Nothing
else changes, and the same images make the same bytes. Run it from the root of the repository.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

IMAGE = r"(?<![\w./:@-])({})(:[\w.-]+)?(@sha256:[0-9a-f]{{64}})?(?![\w/:@-]|\.\w)"
IS_IMAGE = re.compile(r"""[iI]mage["']?:[ ]*["']?$""")
KEY = re.compile(r"""([ ]*(?:-[ ]+)*)([\w.-]+):[ ]*["']?([^"'\s#]*)["']?[ ]*(#.*)?""")


def main() -> None:
    """Write the files of all waves; what does not change keeps its time."""
    settings = tomllib.loads(Path("tidemill.toml").read_text(encoding="utf-8"))
    for wave in settings["waves"]:
        images = images_of(settings, wave["name"])
        for file in files_of(settings, wave) if images else ():
            text = file.read_bytes().decode()
            changed = with_images(text, images)
            if changed != text:
                file.write_bytes(changed.encode())


def images_of(settings: dict[str, Any], wave: str) -> dict[str, tuple[str, str]]:
    """By repository the tag and the digest; empty where the wave has no image files yet."""
    path = settings.get("images", {}).get("path", "images/{wave}").replace("{wave}", wave)
    found: dict[str, tuple[str, str]] = {}
    for one in settings.get("sets", [{"name": "app"}]):
        folder = Path(path.replace("{set}", one["name"]))
        if not (folder / "digests.json").exists():
            continue
        tags = json.loads((folder / "tags.json").read_text(encoding="utf-8"))
        digests = json.loads((folder / "digests.json").read_text(encoding="utf-8"))
        for service, image in digests.items():
            repository, _, digest = image.partition("@")
            new = tags[service].rpartition(":")[2], digest
            if found.setdefault(repository, new)[1] != digest:
                sys.exit(f"{folder}: {repository} is the image of two services, and of two digests")
    return found


def files_of(settings: dict[str, Any], wave: dict[str, Any]) -> list[Path]:
    """The YAML files that the targets of a wave are made of."""
    paths = settings["deployments"]["path"]
    places = {
        Path(path.replace("{wave}", wave["name"]).replace("{target}", target))
        for path in ([paths] if isinstance(paths, str) else paths)
        for target in wave["targets"]
        if "{" in path
    }
    below = {file for place in places for file in (place, *place.rglob("*")) if file.is_file()}
    return sorted(file for file in below if file.suffix in (".yaml", ".yml"))


def with_images(text: str, images: dict[str, tuple[str, str]]) -> str:
    """The text with other images; comments stay as they are."""
    named = re.compile(IMAGE.format("|".join(map(re.escape, sorted(images, reverse=True)))))

    def by_digest(found: re.Match[str]) -> str:
        is_image = found[2] or found[3] or IS_IMAGE.search(found.string[: found.start()])
        return f"{found[1]}@{images[found[1]][1]}" if is_image else found[0]

    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        code = re.split(r"(?:^|\s)#", line, maxsplit=1)[0]
        lines[number] = named.sub(by_digest, code) + line[len(code) :]
    for number in range(len(lines)):
        mapping = mapping_at(lines, number)
        registry = mapping.get("registry", (0, ""))[1]
        repository = mapping.get("repository", (0, ""))[1]
        new = images.get(f"{registry}/{repository}" if registry else repository)
        for key, value in zip(("tag", "digest"), new or (), strict=False):
            if key in mapping:
                where, _ = mapping[key]
                before, colon, after = lines[where].partition(f"{key}:")
                after = after.rstrip("\r\n")
                comment = re.search(r"\s#.*", after)
                end = lines[where][len(before) + len(colon) + len(after) :]
                lines[where] = f'{before}{colon} "{value}"{comment[0] if comment else ""}{end}'
    return "".join(lines)


def mapping_at(lines: list[str], number: int) -> dict[str, tuple[int, str]]:
    """The keys beside the `repository:` of a line, each with its line and value."""
    first = KEY.fullmatch(lines[number].rstrip())
    if not first or first[2] != "repository":
        return {}
    column, start, end = len(first[1]), number, number + 1
    while start and indent(lines[start]) >= column and key_column(lines[start - 1]) >= column:
        start -= 1
    while end < len(lines) and indent(lines[end]) >= column:
        end += 1
    keys = ((at, KEY.fullmatch(lines[at].rstrip())) for at in range(start, end))
    return {key[2]: (at, key[3]) for at, key in keys if key and len(key[1]) == column}


def indent(line: str) -> int:
    """How far a line is indented; without end, where nothing but a comment stands in it."""
    text = line.lstrip()
    return sys.maxsize if text[:1] in ("", "#") else len(line) - len(text)


def key_column(line: str) -> int:
    """Where the key of a line begins, behind the `-` of a list, if there is one."""
    key = KEY.fullmatch(line.rstrip())
    return len(key[1]) if key else indent(line)


if __name__ == "__main__":
    main()
