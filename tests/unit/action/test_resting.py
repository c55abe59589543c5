"""A look that ends before anything is installed: what it imports is there then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tidemill


def test_a_look_takes_no_packages() -> None:
    """As `bin/run` starts it: a struct among what it reads would have all installed for nothing."""
    script = "import sys; sys.path.insert(0, sys.argv[1]); import tidemill.action.resting"
    alone = [
        sys.executable,
        "-I",
        "-S",
        "-B",
        "-c",
        script,
        str(Path(tidemill.__file__).parents[1]),
    ]
    done = subprocess.run(alone, cwd="/", capture_output=True, text=True, check=False)
    assert done.stderr == ""
