"""`tidemill record-image-artifact`: records of one commit, into announcements that are complete."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.commands.checkouts import Checkout, Said, new_checkout, service, tidemill
from tests.components.shapes import Registry
from tests.world import git

from tidemill.announcing.announcement import parse as announced

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@pytest.fixture
def app(tmp_path: Path) -> Checkout:
    """Two services in one set, and one in another."""
    app = new_checkout(tmp_path / "app", "web", "api", "nightly")
    app.settings(service("web") + service("api") + service("nightly", 'set = "batch"'))
    git(app.folder, "remote", "add", "origin", "https://github.com/acme/app.git")
    app.commit()
    return app


def record(*options: str | Path) -> Said:
    return tidemill("record-image-artifact", *options)


def one(app: Checkout, name: str, to: Path, digest: str = A, sha: str | None = None) -> Path:
    """A record in a file of a folder of its own, as artifacts of jobs are downloaded."""
    tag = f"ghcr.io/acme/{name}:{sha or app.sha}"
    file = to / f"record-{name}" / f"{name}.json"
    said = record("--service", name, "--tag", tag, "--digest", digest, "--output", file)
    assert said.code == 0, said.err
    return file


@pytest.fixture
def records(app: Checkout, tmp_path: Path) -> Path:
    for name in ("web", "api", "nightly"):
        one(app, name, tmp_path / "records")
    return tmp_path / "records"


def refused(*options: str | Path) -> str:
    """What a refusal says on standard error; nothing else is said."""
    said = record(*options)
    assert (said.code, said.out) == (1, "")
    error, written, remedy = said.err.splitlines()[-3:]
    assert (error[:7], written[:10], remedy[:9]) == ("error: ", "  written:", "  remedy:")
    for line in (error, written, remedy):
        assert line.isprintable()
    return error


def test_a_record_has_the_form_of_the_reference(app: Checkout) -> None:
    tag = f"ghcr.io/acme/web:{app.sha}"
    wanted = {"web": {"Digest": f"ghcr.io/acme/web@{A}", "Tag": tag}}
    for digest in (A, f"ghcr.io/acme/web@{A}"):
        assert record("--service", "web", "--tag", tag, "--digest", digest).json == wanted


def test_a_merge_is_an_announcement_for_each_set(
    app: Checkout, records: Path, tmp_path: Path
) -> None:
    said = record("--merge", records, "--checkout", app.folder, "--output", tmp_path / "sets")
    assert said.code == 0, said.err
    assert "app: complete, 2 images" in said.err
    found = {path.name: announced(path.read_bytes()) for path in (tmp_path / "sets").iterdir()}
    assert set(found) == {"app.json", "batch.json"}
    both = found["app.json"]
    assert (both.repository, both.branch, both.sha) == ("acme/app", "main", app.sha)
    assert (both.position, list(both.images)) == (2, ["api", "web"])
    assert list(found["batch.json"].images) == ["nightly"]


def test_twice_is_once(app: Checkout, records: Path, tmp_path: Path) -> None:
    def merged() -> dict[str, bytes]:
        assert (
            record("--merge", records, "--checkout", app.folder, "--output", tmp_path / "sets").code
            == 0
        )
        return {path.name: path.read_bytes() for path in (tmp_path / "sets").iterdir()}

    assert merged() == merged()


def test_one_set_goes_to_standard_output_a_file_or_a_folder(
    app: Checkout, records: Path, tmp_path: Path
) -> None:
    merge: list[str | Path] = ["--merge", records, "--checkout", app.folder, "--set", "batch"]
    wanted = record(*merge).json
    assert wanted["set"] == "batch"
    for output, file in (
        ("x/set.json", "x/set.json"),
        ("sets", "sets/batch.json"),
        ("some.sets/", "some.sets/batch.json"),
        ("sets", "sets/batch.json"),
    ):
        assert record(*merge, "--output", f"{tmp_path}/{output}").code == 0
        assert json.loads((tmp_path / file).read_text()) == wanted
    assert record(*merge, "--output", "/dev/null").code == 0


def test_several_sets_need_a_folder(app: Checkout, records: Path, tmp_path: Path) -> None:
    merge: list[str | Path] = ["--merge", records, "--checkout", app.folder]
    assert "2 files to write, and no folder" in refused(*merge)
    assert "2 files to write, and no folder" in refused(*merge, "--output", tmp_path / "x.json")
    assert not (tmp_path / "x.json").exists()


def test_without_settings_the_services_are_given(app: Checkout, records: Path) -> None:
    expect = ["--set", "shop", "--expect", "web,api"]
    (app.folder / "tidemill.toml").unlink()
    said = record("--merge", records, "--checkout", app.folder, *expect)
    assert list(said.json["images"]) == ["api", "web"]


def test_without_a_checkout_all_is_given(app: Checkout, records: Path, tmp_path: Path) -> None:
    given = ["--repository", "acme/app", "--branch", "main", "--sha", app.sha, "--position", "9"]
    expect = ["--expect", "web", "--expect", "api", "--expect", "nightly"]
    said = record("--merge", records, "--checkout", tmp_path, *given, *expect)
    assert (said.json["set"], said.json["position"]) == ("app", 9)


def test_a_set_with_a_record_missing_is_refused(
    app: Checkout, records: Path, tmp_path: Path
) -> None:
    (records / "record-api" / "api.json").unlink()
    output = tmp_path / "sets"
    said = refused("--merge", records, "--checkout", app.folder, "--output", output)
    assert "the image set app is not complete: there is no record of api" in said
    assert not output.exists(), "not even the set that is complete"


def test_a_service_that_there_is_not_is_refused(app: Checkout, records: Path) -> None:
    one(app, "miner", records)
    said = refused("--merge", records, "--checkout", app.folder)
    assert "there is a record of 'miner', which is no service of acme/app" in said


def test_contradicting_records_are_refused_and_equal_ones_are_not(
    app: Checkout, records: Path, tmp_path: Path
) -> None:
    one(app, "web", records / "again")
    merge: list[str | Path] = [
        "--merge",
        records,
        "--checkout",
        app.folder,
        "--output",
        tmp_path / "sets",
    ]
    assert record(*merge).code == 0
    one(app, "web", records / "again", B)
    assert "have different images of 'web'" in refused(*merge)


HOSTILE: list[tuple[str, bytes]] = [
    ("web.json", b" " * (17 << 20)),
    ("a\n::error::b\x1b[2J.json", b"{}"),
    ("\udcff.json", b"x"),
]


@pytest.mark.parametrize(("name", "data"), HOSTILE, ids=lambda value: ascii(value)[:25])
def test_a_hostile_record_is_refused(app: Checkout, records: Path, name: str, data: bytes) -> None:
    (records / name).write_bytes(data)
    assert ascii(name)[1:4] in refused("--merge", records, "--checkout", app.folder)


def test_only_files_are_read(app: Checkout, records: Path, tmp_path: Path) -> None:
    """Neither a folder, nor what leads to itself, nor what nobody writes to."""
    (records / "folder.json").mkdir()
    (records / "loop.json").symlink_to("loop.json")
    (records / "circle").symlink_to(records)
    os.mkfifo(records / "pipe.json")
    (records / "notes.txt").write_text("nothing")
    said = record("--merge", records, "--checkout", app.folder, "--output", tmp_path / "sets")
    assert said.code == 0, said.err


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--service", "web"],
        ["--service", "web", "--tag", "x:y"],
        ["--service", "web", "--merge", "x"],
        ["--merge", "nowhere"],
        ["--build", "nowhere"],
        ["--build", "/dev/null"],
        ["--service", "../x", "--tag", f"acme/x:{'1' * 40}", "--digest", A],
        ["--service", "web", "--tag", f"acme/web:{'1' * 40}", "--digest", f"acme/api@{A}"],
        ["--service", "web", "--tag", "acme/web", "--digest", A],
        ["--service", "web", "--tag", f"acme/web:{'1' * 40}", "--digest", A,
         "--output", "/dev/null/x.json"],
    ],
    ids=str,
)  # fmt: skip
def test_what_can_not_be_recorded_is_refused(options: list[str]) -> None:
    refused(*options)


def test_a_folder_without_records_is_refused(app: Checkout, tmp_path: Path) -> None:
    said = refused("--merge", tmp_path / "app", "--checkout", app.folder)
    assert "there is no record in" in said


def built(app: Checkout, registry: Registry, name: str, tmp_path: Path) -> tuple[Path, Any]:
    """What a build printed, in a file."""
    said = app.build("--to", registry.name(f"record/{name}"))
    assert said.code == 0, said.out
    (tmp_path / "build.json").write_text(said.out)
    return tmp_path / "build.json", said.json


def test_a_build_is_recorded_and_merged(app: Checkout, registry: Registry, tmp_path: Path) -> None:
    file, told = built(app, registry, "merged", tmp_path)
    output = tmp_path / "records"
    assert record("--build", file, "--verify", "--output", output).code == 0
    assert sorted(path.name for path in output.iterdir()) == [
        "api.json",
        "nightly.json",
        "web.json",
    ]
    merge: list[str | Path] = [
        "--merge",
        output,
        "--checkout",
        app.folder,
        "--verify",
        "--set",
        "app",
    ]
    images = record(*merge).json["images"]
    wanted = {one["service"]: one["image"] for one in told["images"]}
    assert {name: image["Digest"] for name, image in images.items()} == {
        name: wanted[name] for name in ("web", "api")
    }


def test_a_tag_that_was_moved_is_found(app: Checkout, registry: Registry, tmp_path: Path) -> None:
    file, _ = built(app, registry, "moved", tmp_path)
    output = tmp_path / "records"
    assert record("--build", file, "--output", output).code == 0
    app.write("web", "another program")
    app.built("--to", registry.name("record/moved"), "--service", "web")
    merge: list[str | Path] = [
        "--merge",
        output,
        "--checkout",
        app.folder,
        "--verify",
        "--output",
        tmp_path / "sets",
    ]
    assert "of web stands for sha256:" in refused(*merge)
    assert "of web stands for sha256:" in refused("--build", file, "--verify")
    assert not (tmp_path / "sets").exists()


def test_a_tag_that_is_not_there_is_found(app: Checkout, registry: Registry) -> None:
    tag = f"{registry.name('record/none')}:{app.sha}"
    said = refused("--service", "web", "--tag", tag, "--digest", A, "--verify")
    assert f"the tag {tag} of web is not there" in said


def test_a_registry_that_does_not_answer_verifies_nothing(app: Checkout) -> None:
    tag = f"127.0.0.1:1/web:{app.sha}"
    said = refused("--service", "web", "--tag", tag, "--digest", A, "--verify")
    assert "can't be connected to" in said


def test_what_was_not_published_is_not_recorded(app: Checkout, tmp_path: Path) -> None:
    said = app.build("--no-push", "--to", f"oci:{tmp_path / 'out'}")
    (tmp_path / "build.json").write_text(said.out)
    assert "was not published" in refused("--build", tmp_path / "build.json")
