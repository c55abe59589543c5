"""make promote_images: give a wave the image set that another wave had at a commit.

Arguments: the wave to take from, the wave to change, the set, and the commit of this repository
that was deployed. Never the tip of main: it may have newer images, which nobody has run yet.
"""

import subprocess
import sys

from image_files import DIGESTS, SOURCE, TAGS, folder
from sources import write_if_changed


def main(source: str, wave: str, image_set: str, deployed_sha: str) -> None:
    target = folder(wave, image_set)
    path = f"images/{source}/{image_set}"
    contents = {name: git_show(f"{deployed_sha}:{path}/{name}") for name in (TAGS, DIGESTS, SOURCE)}
    if contents[TAGS] is None or contents[DIGESTS] is None:
        sys.exit(f"Commit {deployed_sha} has no {path}/{{{TAGS},{DIGESTS}}}: nothing was written")
    for name, content in contents.items():
        if content is not None:
            write_if_changed(target / name, content)


def git_show(name: str) -> str | None:
    """The text of a file as a commit has it; None if there is no such commit or file."""
    shown = subprocess.run(["git", "show", name], capture_output=True, text=True, check=False)
    return None if shown.returncode else shown.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
