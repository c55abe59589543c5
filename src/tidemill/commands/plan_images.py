"""`tidemill plan-images`: the services of app.git as a job matrix."""

from __future__ import annotations

import argparse
from pathlib import Path

from tidemill.building.job_matrix import MOST_JOBS, job_matrix
from tidemill.building.services import read_settings
from tidemill.commands import _build_options
from tidemill.commands._results import ImagePlan, Result

HELP = "print the services as a job matrix, with all that a job needs"
EXAMPLE = "tidemill plan-images --checkout app --max-jobs 20"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--checkout", default=".", metavar="DIR", help="a checkout of app.git")
    parser.add_argument(
        "--settings", metavar="FILE", help="another file than tidemill.toml, in the checkout"
    )
    parser.add_argument(
        "--service",
        dest="services",
        action="append",
        default=[],
        metavar="NAME",
        help="plan this one; all by default; may be repeated",
    )
    parser.add_argument(
        "--max-jobs",
        type=int,
        default=MOST_JOBS,
        metavar="N",
        help=f"put services together, so that there are no more jobs; {MOST_JOBS} by default",
    )
    parser.add_argument("--json", action="store_true", help="indented, for people")


def run(arguments: argparse.Namespace) -> Result:
    """Put services together to jobs; without `--json` the matrix is one line, too, for outputs."""
    settings = read_settings(Path(arguments.checkout), arguments.settings)
    picked = settings.picked(_build_options.services(arguments))
    return ImagePlan(job_matrix(settings, picked, arguments.max_jobs))
