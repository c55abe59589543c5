"""The files that a build writes where its options ask for them."""

from __future__ import annotations

from pathlib import Path

from tidemill.commands._parameters import Arguments
from tidemill.commands._results import Build
from tidemill.errors import Refused
from tidemill.words.json_types import in_lines
from tidemill.words.names import shown


def write(build: Build, arguments: Arguments) -> None:
    """Write `--iidfile`, `--metadata-file` and `--report`.

    Raises:
        Refused: one of them can't be written.
    """
    if not (arguments.iidfile or arguments.metadata_file or arguments.report):
        return
    from tidemill.commands._json import image_json

    images = [image_json(one) for one in build.images]
    is_published = any(one.published for one in build.images)
    written = "the images and their tags" if is_published else "nothing"
    if arguments.iidfile:
        _write(arguments.iidfile, "\n".join(image["imageid"] for image in images), written)
    if arguments.metadata_file:
        each = {image["service"]: image["metadata"] for image in images}
        metadata = images[0]["metadata"] if len(images) == 1 else each
        _write(arguments.metadata_file, in_lines(metadata, 2).decode(), written)
    if arguments.report:
        reports = [image["report"] for image in images if image["report"]]
        report = {"verified": build.is_verified, "images": reports}
        _write(arguments.report, in_lines(report, 2).decode(), written)


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
