"""Makes the workflows of this checkout ones that GitHub Enterprise Server runs.

    python3 tools/enterprise_server.py YOUR-ORG/tidemill

Run it in a clone of your mirror, at a release, and commit what it has changed. Enterprise Server
does not know `uses: $/…`: each step names the mirror and the release's commit instead. And the
actions for artifacts refuse it: the records of images go from job to job as an output, so that all
services are built in one job, and a set has to fit into an event; no page of a run is kept.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(".github/workflows")
_STEP = r"      - {}.*\n(?:        .*\n)*"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")


class Unexpected(Exception):
    """This is no checkout of Git, or a workflow is not as this script knows it."""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not _NAME.fullmatch(arguments[0]):
        print("usage: python3 tools/enterprise_server.py OWNER/NAME", file=sys.stderr)
        return 2
    changed = {}
    try:
        sha = _git("rev-parse", "HEAD")
        release = _git("describe", "--tags", "--always")
        for name, without in RID_OF.items():
            text = without((FOLDER / name).read_text(encoding="utf-8"))
            changed[FOLDER / name] = explicit(text, arguments[0], sha, release)
    except (OSError, Unexpected) as error:
        print(f"error: {error}.\n  written: nothing", file=sys.stderr)
        print("  remedy: run it at the root of a clone of Tidemill, at a release", file=sys.stderr)
        return 1
    for file, text in changed.items():
        file.write_text(text, encoding="utf-8")
        print(f"{file}: changed")
    print("Commit and push them. Your workflows name that commit after the @.")
    return 0


def explicit(text: str, mirror: str, sha: str, release: str) -> str:
    """A workflow whose steps name the mirror's actions, at the commit that they are from."""
    return re.sub(r"uses: \$/(\S+)", rf"uses: {mirror}/\1@{sha} # {release}", text)


def without_page(text: str) -> str:
    """The workflow gitops, which keeps no page of a run: that would be an artifact.

    Raises:
        Unexpected: the workflow is another one than this was written for.
    """
    for what, expected in (
        (r"      page:\n(?:        .*\n)+", 1),
        (r"      # What the run has left, to look at\..*\n", 1),
        (r"          page-to: \$.*\n", 3),
        (_STEP.format("name: Keep the page"), 2),
    ):
        text, count = re.subn(what, "", text)
        if count != expected:
            raise Unexpected(f"{what!r} is {count} times in gitops.yml")
    return text


def without_artifacts(text: str) -> str:
    """The workflow publish-images, with one job that builds, and records in its outputs.

    Raises:
        Unexpected: the workflow is another one than this was written for.
    """
    for what, instead in (
        (r"      max-jobs:\n(?:        .*\n)+", ""),
        (r"  plan:\n(?:    .*\n)+\n", ""),
        (
            r"    name: build \$\{\{ matrix\.name \}\}\n    needs: plan\n    if: .*\n",
            "    name: build\n",
        ),
        (r"    strategy:\n      matrix: .*\n", ""),
        (r"          services: \$\{\{ matrix\.services \}\}\n", ""),
        (_STEP.format("name: Keep the records"), _PACK),
        (_STEP.format("name: Get the records"), _UNPACK),
        (_STEP.format("name: Keep the announcements"), ""),
        (r"          artifact: announcements\n", ""),
    ):
        text, count = re.subn(what, instead, text)
        if count != 1:
            raise Unexpected(f"{what!r} is {count} times in publish-images.yml")
    head, build, tail = text.partition("  build:\n")
    if build != "  build:\n" or tail.count("    steps:\n") != 2:
        raise Unexpected("publish-images.yml has other jobs than build and announce")
    outputs = "    outputs:\n      records: ${{ steps.pack.outputs.records }}\n    steps:\n"
    return head + build + tail.replace("    steps:\n", outputs, 1)


_PACK = """\
      - name: Hand the records on
        id: pack
        shell: bash
        run: |
          records=$(for one in records/*; do base64 -w0 "$one"; echo -n " "; done)
          echo "records=$records" >>"$GITHUB_OUTPUT"
"""
_UNPACK = """\
      - name: Get the records
        shell: bash
        env:
          RECORDS: ${{ needs.build.outputs.records }}
        run: |
          mkdir records
          for one in $RECORDS; do base64 -d <<<"$one" >"records/$((++count)).json"; done
"""


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Unexpected(f"git {words[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


RID_OF = {"gitops.yml": without_page, "publish-images.yml": without_artifacts}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
