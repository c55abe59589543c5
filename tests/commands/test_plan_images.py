"""`tidemill plan-images`: the services, as a job matrix on one line."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.commands.checkouts import Checkout, in_a_process, new_checkout, service, tidemill


@pytest.fixture
def app(tmp_path: Path) -> Checkout:
    return new_checkout(tmp_path / "app", "web", "api", "db")


def plan(app: Checkout, *options: str) -> Any:
    said = tidemill("plan-images", "--checkout", app.folder, *options)
    assert said.code == 0, said.err
    return said.json


def services(matrix: Any) -> list[str]:
    return [entry["services"] for entry in matrix["include"]]


def test_the_matrix_is_one_line_for_the_output_of_a_job(app: Checkout) -> None:
    said = tidemill("plan-images", "--checkout", app.folder)
    assert said.out.count("\n") == 1
    assert said.out.endswith("]}\n")
    assert services(said.json) == ["web", "api", "db"]
    assert tidemill("plan-images", "--checkout", app.folder).out == said.out


def test_services_can_be_picked_and_put_together(app: Checkout) -> None:
    assert services(plan(app, "--max-jobs", "2")) == ["web", "api,db"]
    assert services(plan(app, "--service", "db", "--service", "web")) == ["web", "db"]
    assert services(plan(app, "--service", "db,web", "--max-jobs", "1")) == ["web,db"]


def test_a_job_can_build_what_the_matrix_says(app: Checkout, tmp_path: Path) -> None:
    for entry in plan(app, "--max-jobs", "2")["include"]:
        built = app.built("--service", entry["services"], "--to", f"oci:{tmp_path / 'out'}")
        assert {name: one["image"].partition("@")[0] for name, one in built.items()} == entry[
            "images"
        ]


@pytest.mark.parametrize("count", [1, 256, 257, 1000])
def test_there_are_never_more_jobs_than_github_takes(app: Checkout, count: int) -> None:
    app.settings("".join(service(f"service-{n}") for n in range(count)))
    said = in_a_process("plan-images", "--checkout", app.folder)
    matrix = said.json
    assert len(matrix["include"]) == min(count, 256)
    assert ",".join(services(matrix)).split(",") == [f"service-{n}" for n in range(count)]
    assert len({entry["id"] for entry in matrix["include"]}) == min(count, 256)
    assert len(said.out) < 1 << 20, "outputs of a job may have 1 MB"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--service", "shop"], "there is no service 'shop'"),
        (["--max-jobs", "0"], "0 is not a number of jobs"),
        (["--max-jobs", "257"], "257 is not a number of jobs"),
        (["--settings", "none.toml"], "there is no 'none.toml' in"),
        (["--settings", "."], "there is no '.' in"),
        (["--settings", "x" * 300], "File name too long"),
        (["--settings", "a\nb"], r"there is no 'a\nb' in"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_can_not_be_planned_is_refused(app: Checkout, options: list[str], reason: str) -> None:
    error = tidemill("plan-images", "--json", "--checkout", app.folder, *options).error
    assert reason in error["what"]
    assert error["written"] == "nothing"


def test_settings_that_can_not_be_read_are_refused(app: Checkout) -> None:
    deep = "a = " + "[" * 50_000
    for text in (deep, "\0", "a = 1\n", 'images = "\\uD800"', "images = 'x'\nservices = []"):
        app.write("tidemill.toml", text)
        error = tidemill("plan-images", "--json", "--checkout", app.folder).error
        assert error["what"].startswith("tidemill.toml")
    app.write("tidemill.toml", b"\xff\xfe")
    error = tidemill("plan-images", "--json", "--checkout", app.folder).error
    assert "is not UTF-8" in error["what"]


def test_a_folder_without_a_name_that_can_be_printed_is_refused(tmp_path: Path) -> None:
    said = in_a_process("plan-images", "--json", "--checkout", tmp_path / "\udcff")
    assert "there is no tidemill.toml in" in said.error["what"]


def test_indented_it_says_the_same(app: Checkout) -> None:
    assert json.loads(tidemill("plan-images", "--json", "--checkout", app.folder).out) == plan(app)
