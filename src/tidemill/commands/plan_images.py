"""`tidemill plan-images`: the services of app.git as a job matrix."""

from __future__ import annotations

from pathlib import Path

from tidemill.building.job_matrix import MOST_JOBS, job_matrix
from tidemill.building.services import read_settings
from tidemill.commands import _build_options
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._results import ImagePlan, Result

EXAMPLE = "tidemill plan-images --checkout app --max-jobs 20"

PARAMETERS = (
    *_build_options.checkout(),
    Option(
        "--service",
        "services",
        multiple=True,
        metavar="NAME",
        help="plan this one; all by default; may be repeated",
    ),
    Option(
        "--max-jobs",
        type=int,
        default=MOST_JOBS,
        metavar="N",
        help=f"put services together, so that there are no more jobs; {MOST_JOBS} by default",
    ),
    Option("--json", is_flag=True, help="indented, for people"),
)


def run(arguments: Arguments) -> Result:
    """Put services together to jobs; without `--json` the matrix is one line, too, for outputs."""
    settings = read_settings(Path(arguments.checkout), arguments.settings)
    picked = settings.picked(_build_options.services(arguments))
    return ImagePlan(job_matrix(settings, picked, arguments.max_jobs))
