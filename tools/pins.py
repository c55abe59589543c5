"""Which commit of Tidemill the examples and documents name.

    python tools/pins.py                    say which, and fail if they differ
    python tools/pins.py SHA "v1.2.3"       name another one: what a release does

A commit can't name itself: they name the last release, which is older than what they stand beside.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PIN = re.compile(r"(uses: tidemill/tidemill[^@\s]*)@([0-9a-f]{40}) # (\S+)")


def main(arguments: list[str]) -> int:
    files = {file: file.read_text(encoding="utf-8") for file in _texts()}
    if arguments:
        if len(arguments) != 2:
            print('usage: python tools/pins.py SHA "v1.2.3"', file=sys.stderr)
            return 2
        sha, release = arguments
        if not re.fullmatch(r"[0-9a-f]{40}", sha):
            print(f"{sha} is not a full SHA", file=sys.stderr)
            return 2
        for file, text in files.items():
            pinned = _PIN.sub(rf"\1@{sha} # {release}", text)
            if pinned != text:
                file.write_text(pinned, encoding="utf-8")
                print(file.relative_to(ROOT))
        return 0
    found = {(sha, release) for text in files.values() for _, sha, release in _PIN.findall(text)}
    print("\n".join(sorted(f"{sha} {release}" for sha, release in found)))
    return 0 if len(found) == 1 else 1


def _texts() -> list[Path]:
    """The files that may name a commit: those that Git knows, or could."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    names = [Path(name) for name in listed.split("\0") if name.endswith((".yml", ".md"))]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
