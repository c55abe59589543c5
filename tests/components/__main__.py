"""`make components`: prepares what this machine lacks; says what it is, and how long it took.

PARTS="integrations tools-npm" prepares these alone.
"""

from __future__ import annotations

import sys
import time

from tests.components.absence import Missing
from tests.components.parts import PARTS
from tests.components.store import CACHE, remove


def main(arguments: list[str]) -> int:
    if arguments == ["--remove"]:
        remove()
        return 0
    print(f"Components for tests, in {CACHE}:", flush=True)
    lacking = 0
    for part in [one for one in PARTS if not arguments or one.name in arguments]:
        if not part.folder.is_dir():
            print(f"  {part.name}: {part.how} ...", flush=True)
        start = time.monotonic()
        try:
            made = part.prepare()
        except Missing as missing:
            lacking += 1
            print(f"  {part.name}: not to be had. {missing}", file=sys.stderr, flush=True)
            continue
        took = f"made in {time.monotonic() - start:.0f} s" if made else "was there"
        versions = ", ".join(" ".join(pair) for pair in part.versions().items())
        print(f"  {part.name}: {took}: {versions}", flush=True)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
