"""The services as a job matrix of GitHub Actions, in at most as many jobs as it allows."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tidemill.building.settings import Service, Settings
from tidemill.errors import Refused
from tidemill.words.lists import listed

# "Job matrix limit: 256 jobs" (docs.github.com, Usage limits for GitHub Actions).
MOST_JOBS = 256
_MOST_NAMES = 3


class Job(Struct, frozen=True):
    """An entry of the matrix: lists are texts with commas, as a workflow takes them."""

    name: str
    id: str
    services: str
    sets: str
    engine: str
    platforms: str
    images: Mapping[str, str]


def job_matrix(settings: Settings, services: tuple[Service, ...], jobs: int) -> tuple[Job, ...]:
    """The jobs of a matrix, each with all that it needs.

    Neighbours in the settings go together, as evenly as it gets: a job compiles, and builds the
    base, once for all its services.

    Args:
        jobs: at most so many.

    Raises:
        Refused: it is not between 1 and 256.
    """
    if not 1 <= jobs <= MOST_JOBS:
        raise Refused(
            f"{jobs} is not a number of jobs from 1 to {MOST_JOBS}",
            remedy=f"leave --max-jobs out for {MOST_JOBS}, the most that a matrix may have",
        )
    count = min(jobs, len(services))
    groups = [services[n * len(services) // count : (n + 1) * len(services) // count]
              for n in range(count)]  # fmt: skip
    return tuple(_job(settings, group, n) for n, group in enumerate(groups, 1))


def _job(settings: Settings, services: tuple[Service, ...], number: int) -> Job:
    names = [service.name for service in services]
    return Job(
        name=listed(names, _MOST_NAMES),
        id=f"images-{number:03}",
        services=",".join(names),
        sets=",".join(dict.fromkeys(service.set for service in services)),
        engine=settings.engine if any(service.file for service in services) else "assemble",
        platforms=",".join(dict.fromkeys(p for service in services for p in service.platforms)),
        images={name: settings.repository(name) for name in names},
    )
