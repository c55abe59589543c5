"""What an image is made of, and how its config comes about."""

from typing import Any

import pytest

from tidemill.images.recipe import Copy, Recipe

FILES = (Copy(source="bin/x", to="/x"),)
DIGEST = "sha256:" + "a" * 64


def test_only_what_is_set_is_in_the_config() -> None:
    assert Recipe(files=FILES).run_config({}) == {}


def test_a_config_says_how_to_start_sorted_and_in_full() -> None:
    recipe = Recipe(
        files=FILES,
        entrypoint=("/x", "--flag"),
        command=("serve",),
        env={"B": "2", "A": "1=1"},
        user="65532:65532",
        workdir="/srv",
        ports=(8080, "53/udp"),
        labels={"team": "shop"},
    )
    assert recipe.run_config({}) == {
        "Entrypoint": ["/x", "--flag"],
        "Cmd": ["serve"],
        "Env": ["A=1=1", "B=2"],
        "User": "65532:65532",
        "WorkingDir": "/srv",
        "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
        "Labels": {"team": "shop"},
    }


INHERITED: dict[str, Any] = {
    "Env": ["PATH=/bin", "A=base"],
    "Entrypoint": ["/init"],
    "Cmd": ["sh"],
    "User": "1000",
    "Labels": {"base": "yes"},
    "StopSignal": "SIGQUIT",
}


def test_what_is_not_set_comes_from_the_base() -> None:
    recipe = Recipe(base=f"oci:base@{DIGEST}", env={"A": "own"}, labels={"own": "yes"})
    assert recipe.run_config(INHERITED) == {
        **INHERITED,
        "Env": ["A=own", "PATH=/bin"],
        "Labels": {"base": "yes", "own": "yes"},
    }


def test_a_new_entrypoint_does_away_with_the_command_of_the_base() -> None:
    assert "Cmd" not in Recipe(files=FILES, entrypoint=("/x",)).run_config(INHERITED)


def test_what_a_builder_left_in_the_base_is_not_taken_over() -> None:
    traces = {"Hostname": "f00", "Image": DIGEST, "AttachStdin": False, "OnBuild": None}
    assert Recipe(files=FILES).run_config(traces) == {}


@pytest.mark.parametrize("source", ["/etc/passwd", "../secret", "a/../../b", "a\0b"])
def test_a_path_out_of_the_context_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="leads out of the build context"):
        Copy(source=source, to="/x")


@pytest.mark.parametrize("source", [".git", ".git/HEAD", "sub/.git"])
def test_what_git_keeps_beside_the_files_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="which is another in each clone"):
        Copy(source=source, to="/x")


@pytest.mark.parametrize("to", ["x", "", "/", "/a/../b", "//"])
def test_a_place_in_the_image_is_absolute_and_plain(to: str) -> None:
    with pytest.raises(ValueError, match="is not a path in the image"):
        Copy(source="x", to=to)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"base": "alpine:3"}, "not given by digest.* `tidemill pin` writes it there"),
        ({"base": "oci:base"}, "not given by digest.* write oci:base@ and the digest"),
        ({"base": "oci:base@sha256:abc"}, "not given by digest"),
        ({"files": ()}, "nothing in the image"),
        ({"env": {"A B": "c"}}, "not the name of an environment variable"),
        ({"workdir": "srv"}, "not an absolute path"),
        ({"ports": (0,)}, "not a port"),
        ({"ports": ("80/http",)}, "not a port"),
        ({"ports": (65536,)}, "not a port"),
    ],
    ids=str,
)
def test_a_recipe_that_can_not_be_made_is_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Recipe(**{"files": FILES, **wrong})
