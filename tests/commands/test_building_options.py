"""The options of build-reproducible-image, as who knows docker/build-push-action expects them."""

from __future__ import annotations

import gzip
import io
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.commands.checkouts import (
    Checkout,
    Said,
    command,
    in_a_process,
    new_checkout,
    tidemill,
)
from tests.world import git

from tidemill.commands import _build_options
from tidemill.images import tar_read
from tidemill.images.entries import File
from tidemill.images.layout import Layout
from tidemill.images.tar_stream import TIME, content_time

DOCKERFILE = """
FROM scratch AS first
ARG GREETING=hello
ARG OTHER
LABEL greeting=$GREETING other=$OTHER
COPY file /file
FROM scratch AS second
COPY --from=files file /other
"""


@pytest.fixture
def app(tmp_path: Path) -> Checkout:
    return new_checkout(tmp_path / "app", "web", "api")


@pytest.fixture
def context(app: Checkout) -> Path:
    """The context of a Dockerfile, in a checkout."""
    app.write("ctx/Dockerfile", DOCKERFILE)
    app.write("ctx/file", "file")
    app.write("more/file", "another")
    app.commit()
    return app.folder / "ctx"


def build(context: Path, tmp_path: Path, *options: str | Path) -> Said:
    to = f"oci:{tmp_path / 'out'}"
    return tidemill(
        "build-reproducible-image", "--json", "--context", context, "--to", to, *options
    )


def labels(context: Path, tmp_path: Path, *options: str | Path) -> dict[str, str]:
    """The labels of the first stage's image, with some options."""
    said = build(context, tmp_path, "--target", "first", *options)
    assert said.code == 0, said.out
    layout = Layout.open(tmp_path / "out")
    config: dict[str, Any] = json.loads(layout.read(said.json["imageid"]))
    found: dict[str, str] = config["config"]["Labels"]
    return found


def test_one_image_tells_at_the_top_what_others_tell_of_each(app: Checkout, tmp_path: Path) -> None:
    to = f"oci:{tmp_path / 'out'}"
    two = app.build("--to", to).json
    assert set(two) == {"changed", "verified", "images"}
    one = app.build("--to", to, "--service", "web").json
    (image,) = one["images"]
    assert {key: image[key] for key in ("digest", "imageid", "metadata", "report")} == {
        key: one[key] for key in ("digest", "imageid", "metadata", "report")
    }
    assert (one["changed"], one["verified"], one["report"]) == (False, None, None)
    assert set(image) == {
        *("service", "digest", "imageid", "image", "tag", "tags", "layout", "platforms"),
        *("changed", "published", "sent", "verified", "warnings", "report", "metadata"),
    }
    assert set(image["metadata"]) == {
        *("containerimage.digest", "containerimage.config.digest"),
        *("containerimage.descriptor", "image.name"),
    }
    assert image["metadata"]["containerimage.descriptor"]["digest"] == one["digest"]
    assert Layout.open(tmp_path / "out/web").find(one["digest"])


def test_what_others_read_is_written_to_files(app: Checkout, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("iid", "metadata", "report")]
    options: list[str | Path] = [
        "--iidfile",
        files[0],
        "--metadata-file",
        files[1],
        "--report",
        files[2],
    ]
    told = app.build("--to", f"oci:{tmp_path / 'out'}", "--service", "web", *options).json
    assert files[0].read_text() == told["imageid"]
    assert json.loads(files[1].read_text()) == told["metadata"]
    assert json.loads(files[2].read_text()) == {"verified": None, "images": []}
    told = app.build("--to", f"oci:{tmp_path / 'out'}", *options).json
    assert files[0].read_text().split() == [image["imageid"] for image in told["images"]]
    assert list(json.loads(files[1].read_text())) == ["web", "api"]


def test_progress_is_on_standard_error_and_can_be_left_out(app: Checkout, tmp_path: Path) -> None:
    words: list[str | Path] = ["build-reproducible-image", "--checkout", app.folder, "--to"]
    loud = tidemill(*words, f"oci:{tmp_path / 'one'}")
    assert "tagged" in loud.err
    lines = loud.out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["web", "api"]
    silent = tidemill(*words, f"oci:{tmp_path / 'two'}", "--quiet")
    assert (silent.err, silent.out) == ("", loud.out.replace("one", "two"))


def test_build_arguments_have_the_forms_of_docker(
    context: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREETING", "from outside")
    monkeypatch.delenv("OTHER", raising=False)
    usual = {"greeting": "hello", "other": ""}
    assert labels(context, tmp_path) == usual, "what is not asked for does not come in"
    assert labels(context, tmp_path, "--build-arg", "GREETING=a=b c") == {
        **usual, "greeting": "a=b c",
    }  # fmt: skip
    lines = "GREETING=x\n\n  OTHER=y\n"
    assert labels(context, tmp_path, "--build-args", lines) == {"greeting": "x", "other": "y"}
    assert labels(context, tmp_path, "--build-arg", "GREETING") == {
        **usual, "greeting": "from outside",
    }  # fmt: skip
    assert labels(context, tmp_path, "--build-arg", "OTHER") == usual


def test_labels_are_added(context: Path, tmp_path: Path) -> None:
    found = labels(context, tmp_path, "--labels", "a=1\nb=x,y=z", "--label", "greeting=bye")
    assert found == {"greeting": "bye", "other": "", "a": "1", "b": "x,y=z"}


def test_times_follow_from_content_below_named_paths_and_created_is_what_was_asked_for(
    context: Path, tmp_path: Path
) -> None:
    plain = build(context, tmp_path, "--target", "first").json
    times = ("--content-time", "/file", "--created", "2026-05-01T02:00+02:00")
    timed = build(context, tmp_path, "--target", "first", *times).json
    layout = Layout.open(tmp_path / "out")
    assert json.loads(layout.read(timed["imageid"]))["created"] == "2026-05-01T00:00:00Z"
    assert "created" not in json.loads(layout.read(plain["imageid"]))
    found = [
        [member.mtime for member in tar_read.members(unpacked(layout, image, tmp_path))]
        for image in (plain, timed)
    ]
    assert found == [[TIME], [content_time(File("file", 4, lambda: io.BytesIO(b"file")))]]


def unpacked(layout: Layout, image: dict[str, Any], folder: Path) -> Path:
    """The only layer of an image, as a tar."""
    [layer] = json.loads(layout.read(image["digest"]))["layers"]
    data = gzip.decompress(layout.path(layer["digest"]).read_bytes())
    (folder / "layer.tar").write_bytes(data)
    return folder / "layer.tar"


@pytest.mark.parametrize(
    "option", [("--content-time", "www"), ("--created", "2026-05-01"), ("--created", "soon")]
)
def test_times_that_are_none_are_refused(
    option: tuple[str, str], context: Path, tmp_path: Path
) -> None:
    said = build(context, tmp_path, *option)
    assert said.code == 1
    assert option[1] in str(said.json)


def test_a_folder_can_be_a_build_context(context: Path, tmp_path: Path) -> None:
    where = f"files={context.parent / 'more'}"
    said = build(context, tmp_path, "--build-context", where)
    assert said.code == 0, said.out


def test_an_image_can_be_a_build_context_by_its_digest(context: Path, tmp_path: Path) -> None:
    first = build(context, tmp_path / "first", "--target", "first").json["digest"]
    for form in ("oci", "oci-layout"):
        place = f"{tmp_path / 'first/out'}@{first}"
        where = f"files={form}:{'//' if form == 'oci-layout' else ''}{place}"
        said = build(context, tmp_path, "--build-contexts", where)
        assert said.code == 0, said.out


def test_a_dockerfile_may_be_named_from_here_or_from_the_context(
    context: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (context / "Dockerfile").rename(context / "Own")
    monkeypatch.chdir(context.parent)
    digests = {
        build(Path("ctx"), tmp_path, "--target=first", "--file", file).json["digest"]
        for file in ("Own", "ctx/Own", str(context / "Own"))
    }
    assert len(digests) == 1


def test_in_a_checkout_it_is_tagged_like_a_service(context: Path, tmp_path: Path) -> None:
    app = Checkout(context.parent)
    told = build(context, tmp_path, "--target", "first", "--tag", "v1").json
    assert set(Layout.open(tmp_path / "out").tags()) == {app.sha, "main", "v1"}
    assert told["images"][0]["service"] == "ctx"
    again = build(context, tmp_path, "--target", "first")
    assert (again.json["digest"], again.json["changed"]) == (told["digest"], False)
    assert "not committed" not in again.err
    dockerfile = context / "Dockerfile"
    dockerfile.write_text(f"{dockerfile.read_text()}# changed\n")
    changed = build(context, tmp_path, "--target", "first")
    assert f"not committed; the tag {app.sha} does not say so" in changed.err


def test_without_a_branch_it_is_compared_with_the_tag_that_was_given(
    context: Path, tmp_path: Path
) -> None:
    git(context, "checkout", "--quiet", "--detach")
    build(context, tmp_path, "--target", "first", "--tag", "v1")
    sha = Checkout(context.parent).commit()
    told = build(context, tmp_path, "--target", "first", "--tag", "v1").json
    assert not told["changed"]
    assert {sha, "v1"} < set(Layout.open(tmp_path / "out").tags())
    assert "of no branch" in build(context, tmp_path, "--target", "first").error["what"]


def test_outside_of_a_checkout_it_needs_a_tag(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/Dockerfile").write_text("FROM scratch\nCOPY file /\n")
    (tmp_path / "a b/file").write_text("x")
    said = build(tmp_path / "a b", tmp_path)
    assert "nothing to tag with" in said.error["what"]
    told = build(tmp_path / "a b", tmp_path, "--tag", "v1,v2").json
    assert told["images"][0]["service"] == "image", "the folder's name is none"
    assert set(Layout.open(tmp_path / "out").tags()) == {"v1", "v2"}
    given = ["--sha", "1" * 40, "--branch", "feature/a"]
    assert build(tmp_path / "a b", tmp_path / "2", *given).code == 0
    tags = {"1" * 40, "feature-a-951d42dc02dc7431"}
    assert set(Layout.open(tmp_path / "2/out").tags()) == tags


def test_the_name_stands_in_the_place(context: Path, tmp_path: Path) -> None:
    words: list[str | Path] = [
        "build-reproducible-image",
        "--json",
        "--context",
        context,
        "--target",
        "first",
    ]
    said = tidemill(*words, "--name", "Web", "--to", f"oci:{tmp_path}/{{service}}/x")
    assert said.code == 0, said.out
    assert (tmp_path / "web/x/index.json").exists()


def test_a_dockerfile_needs_a_destination_or_no_push(context: Path, tmp_path: Path) -> None:
    words: list[str | Path] = [
        "build-reproducible-image",
        "--json",
        "--context",
        context,
        "--target",
        "first",
    ]
    assert "there is no destination" in tidemill(*words).error["what"]
    said = tidemill(*words, "--no-push")
    assert (said.code, said.json["images"][0]["published"]) == (0, False)
    assert not Path("none").exists()


def test_who_hangs_up_stops_it_without_a_word(app: Checkout, tmp_path: Path) -> None:
    words = command("build-reproducible-image", "--checkout", app.folder)
    script = f"{shlex.join([*words, '--to', f'oci:{tmp_path}/out'])} 2>&1 | true; true"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    assert done.stderr == b""


def test_what_the_environment_names_changes_no_digest(app: Checkout, tmp_path: Path) -> None:
    wanted = app.build("--to", f"oci:{tmp_path / 'one'}").json
    odd = {"PYTHONHASHSEED": "3", "LC_ALL": "C", "TZ": "Asia/Kathmandu", "PYTHONUTF8": "0"}
    said = in_a_process(
        *("build-reproducible-image", "--json", "--checkout", app.folder),
        *("--to", f"oci:{tmp_path / 'two'}"),
        env=odd,
    )
    assert [image["digest"] for image in said.json["images"]] == [
        image["digest"] for image in wanted["images"]
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["A=1"], {"A": "1"}),
        (["A=1\nB=2\n"], {"A": "1", "B": "2"}),
        (["  A=1\n  B.c/d-e=2"], {"A": "1", "B.c/d-e": "2"}),
        (["A= with spaces "], {"A": " with spaces "}),
        (["A=b=c"], {"A": "b=c"}),
        (["CERT=-----BEGIN\nMIIB+a/==\n-----END"], {"CERT": "-----BEGIN\nMIIB+a/==\n-----END"}),
        (["A=1", "A=2"], {"A": "2"}),
    ],
    ids=str,
)
def test_pairs_come_one_by_one_or_one_a_line(given: list[str], expected: dict[str, str]) -> None:
    assert _build_options.pairs(given, "--build-arg") == expected
