"""The services as a job matrix."""

import pytest

from tidemill.building.job_matrix import Job, job_matrix
from tidemill.building.settings import Settings, parse
from tidemill.errors import Refused


def settings(count: int) -> Settings:
    services = "".join(
        f'[[services]]\nname = "s{n}"\nset = "set{n % 2}"\nfiles = [{{ from = "x", to = "/x" }}]\n'
        for n in range(count)
    )
    return parse(f'images = "ghcr.io/acme/{{service}}"\n{services}')


def groups(found: Settings, jobs: int) -> list[list[str]]:
    matrix = job_matrix(found, found.services, jobs)
    return [job.services.split(",") for job in matrix]


@pytest.mark.parametrize(
    ("count", "jobs", "wanted"),
    [(1, 256, 1), (256, 256, 256), (257, 256, 256), (1000, 256, 256), (5, 2, 2), (12, 1, 1)],
)
def test_every_service_is_in_one_job_and_jobs_are_even(count: int, jobs: int, wanted: int) -> None:
    found = groups(settings(count), jobs)
    assert len(found) == wanted
    assert [name for group in found for name in group] == [f"s{n}" for n in range(count)]
    sizes = {len(group) for group in found}
    assert max(sizes) - min(sizes) <= 1


def test_the_same_settings_give_the_same_matrix() -> None:
    first, second = (job_matrix(one, one.services, 7) for one in (settings(20), settings(20)))
    assert first == second


def test_a_job_has_a_name_and_an_id_of_its_own_and_all_that_it_needs() -> None:
    found = settings(10)
    first, second = job_matrix(found, found.services, 2)
    assert first == Job(
        name="s0, s1, s2 and 2 more",
        id="images-001",
        services="s0,s1,s2,s3,s4",
        sets="set0,set1",
        engine="assemble",
        platforms="linux/amd64",
        images={f"s{n}": f"ghcr.io/acme/s{n}" for n in range(5)},
    )
    assert second.id == "images-002"


def test_a_job_with_a_dockerfile_says_its_engine_and_another_does_not() -> None:
    text = (
        'images = "acme/{service}"\nengine = "buildkit"\n'
        '[[services]]\nname = "a"\nfile = "Dockerfile"\n'
        'platforms = ["linux/arm64", "linux/amd64"]\n'
        '[[services]]\nname = "b"\nfiles = [{ from = "b", to = "/b" }]\n'
    )
    found = parse(text)
    one, other = job_matrix(found, found.services, 256)
    assert (one.engine, one.platforms) == ("buildkit", "linux/arm64,linux/amd64")
    assert (other.engine, other.platforms) == ("assemble", "linux/amd64")


@pytest.mark.parametrize("jobs", [0, -1, 257, 10**9])
def test_a_number_of_jobs_that_github_does_not_take_is_refused(jobs: int) -> None:
    with pytest.raises(Refused, match="is not a number of jobs from 1 to 256"):
        groups(settings(3), jobs)
