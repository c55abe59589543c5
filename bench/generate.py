"""What `make generate` of examples/cfg-app costs with 12,000 files: 300 targets of 40 services.

Each run is a process of its own; the cases take turns. Medians: seconds on the clock, seconds of
processors, and how many files were written.

    python bench/generate.py [rounds]
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jsonnet_evaluators

jsonnet_evaluators.TARGETS, jsonnet_evaluators.SERVICES = 300, 40
# Each target's text is its own, as it is where targets differ in more than their name.
SAME, OWN = "{ replicas: replicas }", "{ replicas: replicas, env+: { NUMBER: '%d' % replicas } }"
DIGEST = re.compile(r"(?<=sha256:)[0-9a-f]{64}")


def generated(folder: Path) -> tuple[float, float, str]:
    before, began = os.times(), time.perf_counter()
    command = [sys.executable, "-B", str(folder / "scripts/generate.py")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    after = os.times()
    used = sum(after[2:4]) - sum(before[2:4])
    return time.perf_counter() - began, used, said.strip().removeprefix("generated: ")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jsonnet_evaluators.larger(folder)
        shutil.copytree(jsonnet_evaluators.EXAMPLE / "scripts", folder / "scripts")
        wave = folder / "jsonnet/waves/production.libsonnet"
        wave.write_text(wave.read_text().replace(SAME, OWN))
        found: dict[str, list[tuple[float, float, str]]] = {}
        for number in range(1, rounds + 1):
            shutil.rmtree(folder / "generated", ignore_errors=True)
            found.setdefault("no file is there", []).append(generated(folder))
            wave.write_text(DIGEST.sub(lambda one: f"{int(one[0], 16) + 1:064x}", wave.read_text()))
            found.setdefault("all digests changed", []).append(generated(folder))
            found.setdefault("nothing changed", []).append(generated(folder))
            changed = f"{number:063x}f"
            wave.write_text(DIGEST.sub(changed, wave.read_text(), count=1))
            found.setdefault("one digest changed", []).append(generated(folder))
    for case, all_ in found.items():
        wall, used = (statistics.median(one[at] for one in all_) for at in (0, 1))
        print(f"{case:20} {wall:6.2f} s  {used:6.2f} s of processors  {all_[-1][2]}")


if __name__ == "__main__":
    main()
