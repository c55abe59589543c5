"""Which Jsonnet evaluator examples/cfg-app should use.

Each run is a process of its own that evaluates main.jsonnet and parses the result, as `make
generate` does. The evaluators take turns, and their results must be equal. The larger repository is
made from the example's own sources: 30 targets that run 40 services each, 1,200 files.

    python bench/jsonnet_evaluators.py [rounds]

It measures what is installed: rjsonnet comes with `make setup`, and to see all of them
`pip install rjsonnet==0.5.6 gojsonnet==0.22.0 jsonnet==0.22.0` in an environment of their own.

Medians of 5 rounds, 2 cores, Python 3.11, seconds with the start of Python (0.02):

                        rjsonnet 0.5.6   gojsonnet 0.22.0   jsonnet 0.22.0 (C++)
    the example             0.027          0.060  (2.3 x)      0.303 (11.4 x)
    30 targets x 40         0.470          0.985  (2.1 x)      3.749  (8.0 x)

So rjsonnet: the fastest, the smallest to install (1.3 MB; 3.8 and 6.7 MB), and typed. The YAML is
written by Python, not by std.manifestYamlDoc, which differs between evaluators: changing the
evaluator again would change no committed byte.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[1] / "examples/cfg-app"
EVALUATORS = {
    "rjsonnet": "rjsonnet",  # jrsonnet, Rust
    "gojsonnet": "_gojsonnet",  # go-jsonnet
    "jsonnet": "_jsonnet",  # the C++ one
}
TARGETS, SERVICES = 30, 40


def run(module: str, main: Path) -> tuple[float, str]:
    """Seconds, and the result in a normal form."""
    code = (
        f"import json, sys, hashlib, {module} as evaluator\n"
        "files = json.loads(evaluator.evaluate_file(sys.argv[1]))\n"
        "print(hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest())"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, str(main)], check=True, capture_output=True, text=True
    )
    return time.perf_counter() - start, done.stdout


def larger(folder: Path) -> Path:
    """A repository of many targets and services, from the example's sources."""
    shutil.copytree(EXAMPLE / "jsonnet", folder / "jsonnet")
    shutil.copytree(EXAMPLE / "images", folder / "images")
    digests = {f"service-{n}": f"ghcr.io/acme/service-{n}@sha256:{n:064x}" for n in range(SERVICES)}
    wave = f"""
      local services = import '../services.libsonnet';
      local target(replicas) = {{ app: {{ '*': services.app.orders {{ replicas: replicas }} }} }};
      {{
        images: {{ app: {json.dumps(digests)} }},
        targets: {{ ['target-%d' % n]: target(n) for n in std.range(1, {TARGETS}) }},
      }}"""
    (folder / "jsonnet/waves/production.libsonnet").write_text(wave)
    return folder / "jsonnet/main.jsonnet"


def measure(name: str, main: Path, rounds: int) -> None:
    present = {name: module for name, module in EVALUATORS.items() if find_spec(module)}
    seconds: dict[str, list[float]] = {evaluator: [] for evaluator in present}
    results = set()
    for _ in range(rounds):
        for evaluator, module in present.items():
            took, result = run(module, main)
            seconds[evaluator].append(took)
            results.add(result)
    assert len(results) == 1, f"the evaluators differ on {name}"
    medians = {evaluator: statistics.median(took) for evaluator, took in seconds.items()}
    best = min(medians.values())
    for evaluator, median in medians.items():
        print(f"{name:<22} {evaluator:<10} {median:7.3f} s {median / best:7.1f} x")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    if missing := [name for name, module in EVALUATORS.items() if not find_spec(module)]:
        print(f"not installed, so not measured: {', '.join(missing)}")
    measure("the example", EXAMPLE / "jsonnet/main.jsonnet", rounds)
    with tempfile.TemporaryDirectory() as folder:
        measure(f"{TARGETS} targets x {SERVICES}", larger(Path(folder)), rounds)


if __name__ == "__main__":
    main()
