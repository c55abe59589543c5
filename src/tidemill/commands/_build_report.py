"""What a build did, for machines and for people."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from tidemill.building.shipping import BuiltImage
from tidemill.commands._writing import conclude, write
from tidemill.errors import Refused
from tidemill.words.names import shown


def report(shipped: list[BuiltImage], arguments: argparse.Namespace) -> int:
    """Print and write what was asked for; 1 if an image is not reproducible."""
    images = [image_json(one) for one in shipped]
    differing = [one for one in shipped if one.comparison and not one.comparison.is_identical]
    written = "the images and their tags" if any(one.published for one in shipped) else "nothing"
    if arguments.iidfile:
        _write(arguments.iidfile, "\n".join(image["imageid"] for image in images), written)
    if arguments.metadata_file:
        each = {image["service"]: image["metadata"] for image in images}
        metadata = images[0]["metadata"] if len(images) == 1 else each
        _write_json(arguments.metadata_file, metadata, written)
    if arguments.report:
        reports = [image["report"] for image in images if image["report"]]
        _write_json(arguments.report, {"verified": _verified(shipped), "images": reports}, written)
    whole: dict[str, Any] = {
        "changed": any(one.changed for one in shipped),
        "verified": _verified(shipped),
        "images": images,
    }
    if len(images) == 1:
        whole |= {key: images[0][key] for key in ("digest", "imageid", "metadata", "report")}
    conclude(whole, lambda: _show(shipped, differing), as_json=arguments.json)
    return 1 if differing else 0


def _show(shipped: list[BuiltImage], differing: list[BuiltImage]) -> None:
    for one in shipped:
        write(_line(one))
    for one in differing:
        if one.comparison:
            from tidemill.images.comparison.compare import render

            write(f"\n{one.item.name} is not reproducible; nothing was published:")
            write(render(one.comparison))


def image_json(one: BuiltImage) -> dict[str, Any]:
    """One image: names of outputs as docker/build-push-action has them, and our own."""
    item, image = one.item, one.image
    published = one.published
    tags = [f"{item.place}:{tag}" for tag in item.tags] if item.place else []
    return {
        "service": item.name,
        "digest": image.digest,
        "imageid": one.image_id,
        "image": f"{item.place}@{image.digest}" if item.place else None,
        "tag": tags[0] if tags else None,
        "tags": tags,
        "layout": item.to.folder if item.to else None,
        "platforms": [str(platform) for platform in item.platforms],
        "changed": one.changed,
        "published": published is not None,
        "sent": published.sent if published else 0,
        "verified": one.comparison.is_identical if one.comparison else None,
        "report": one.comparison.as_json() if one.comparison else None,
        "metadata": {
            "containerimage.digest": image.digest,
            "containerimage.config.digest": one.image_id,
            "containerimage.descriptor": msgspec.to_builtins(image),
            "image.name": ",".join(tags),
        },
    }


def _verified(shipped: list[BuiltImage]) -> bool | None:
    if any(one.comparison is None for one in shipped):
        return None
    return all(one.comparison.is_identical for one in shipped if one.comparison)


def _line(one: BuiltImage) -> str:
    """One line about an image."""
    said = ["changed" if one.changed else "unchanged"]
    if one.comparison:
        said.append("verified" if one.comparison.is_identical else "NOT reproducible")
    if one.published is None:
        said.append("not published")
    elif one.published.sent:
        said.append(f"{one.published.sent:,} bytes sent")
    if one.published and one.item.to is not None and one.item.to.folder is not None:
        said.append(f"in {one.item.to}")
    place = f"{one.item.place}@" if one.item.place else ""
    return f"{one.item.name}: {place}{one.image.digest} ({', '.join(said)})"


def _write(file: str, text: str, written: str) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Refused(
            f"{shown(file)} can't be written: {why}",
            written=written,
            remedy="name a file in a folder that is there",
        ) from None


def _write_json(file: str, value: object, written: str) -> None:
    _write(file, msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n", written)
