"""How a container is started: what two engines say differently means the same here."""

from __future__ import annotations

from typing import Any

import pytest

from tidemill.images.run_config import DEFAULT_PATH, kept, variables

PATH = f"PATH={DEFAULT_PATH}"
SAME = {
    "what is empty": ({"Cmd": None, "Env": [], "Labels": {}, "User": "", "Volumes": None}, {}),
    "the order of variables": ({"Env": ["B=2", "A=1=x"]}, {"Env": ["A=1=x", "B=2"]}),
    "a variable twice": ({"Env": ["A=1", "A=2"]}, {"Env": ["A=2"]}),
    "the path that every runtime sets": ({"Env": [PATH, "A="]}, {"Env": ["A="]}),
    "another path": ({"Env": ["PATH=/bin"]}, {"Env": ["PATH=/bin"]}),
    "the root as working folder": ({"WorkingDir": "/"}, {}),
    "a check that says nothing": ({"Healthcheck": {"Test": [], "Interval": 0}}, {}),
    "a check with what is the default": (
        {"Healthcheck": {"Test": ["CMD", "a"], "Interval": 0, "Retries": 2}},
        {"Healthcheck": {"Test": ["CMD", "a"], "Retries": 2}},
    ),
    "names with nothing": (
        {"Volumes": {"/v": None}, "ExposedPorts": {"80/tcp": None}},
        {"Volumes": {"/v": {}}, "ExposedPorts": {"80/tcp": {}}},
    ),
    "traces of the builder": (
        {
            "ArgsEscaped": True,
            "AttachStdout": False,
            "Domainname": "",
            "Hostname": "5e4499c360a7",
            "Image": "sha256:8bf0",
            "Tty": False,
            "Cmd": ["/a"],
        },
        {"Cmd": ["/a"]},
    ),
}


@pytest.mark.parametrize(("config", "canonical"), SAME.values(), ids=SAME.keys())
def test_one_meaning_has_one_form(config: dict[str, Any], canonical: dict[str, Any]) -> None:
    assert kept(config, {}) == canonical
    assert kept(canonical, {}) == canonical


def test_all_that_starts_a_container_stays() -> None:
    config = {
        "Cmd": ["b"],
        "Entrypoint": ["/a"],
        "Env": ["A=1"],
        "ExposedPorts": {"80/tcp": {}},
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {"a": "b"},
        "OnBuild": ["RUN x"],
        "Shell": ["/bin/x", "-c"],
        "StopSignal": "SIGINT",
        "User": "5:6",
        "Volumes": {"/v": {}},
        "WorkingDir": "/w",
    }
    assert kept(config, {}) == config


def test_what_the_base_says_is_kept_even_where_it_is_the_default() -> None:
    base = {"Env": [PATH], "WorkingDir": "/srv"}
    assert kept({"Env": [PATH], "WorkingDir": "/"}, base) == {"Env": [PATH], "WorkingDir": "/"}


def test_a_line_without_a_value_is_no_variable() -> None:
    assert variables({"Env": ["A=1", "B"]}) == {"A": "1"}
    assert variables({}) == {}
