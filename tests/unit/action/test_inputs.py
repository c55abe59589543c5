"""Inputs of an action become the command line of its command, value by value."""

from __future__ import annotations

import pytest

from tidemill.action.inputs import arguments, inputs_of, known_command, refuse_others
from tidemill.errors import Refused

NEEDED = {
    "hold-wave": {"wave": "lab", "reason": "broken"},
    "announce-images": {"announcement": "a.json", "to": "acme/cfg-app"},
    "record-deployment": {
        "wave": "lab", "target": "t", "revision": "r",
        "phase": "Succeeded", "health": "Healthy", "finished-at": "then",
    },
}  # fmt: skip


def words(name: str, **given: str) -> list[str]:
    inputs = {key.replace("_", "-"): value for key, value in given.items()}
    return arguments(name, lambda one: inputs.get(one, NEEDED.get(name, {}).get(one, "")))


def test_what_is_not_given_is_left_out() -> None:
    assert words("reconcile-cfg-app") == []


def test_a_text_stays_one_word_with_its_option() -> None:
    assert words("hold-wave", reason="--dry-run x") == ["--wave=lab", "--reason=--dry-run x"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.json", ["a.json"]),
        (" a.json \n\nb.json\n", ["a.json", "b.json"]),
        ('["a.json", "b c.json"]', ["a.json", "b c.json"]),
        ("[]", []),
    ],
    ids=["one", "lines", "JSON", "empty JSON"],
)
def test_a_list_is_given_by_lines_or_as_json(text: str, found: list[str]) -> None:
    given = words("announce-images", announcement=text)
    assert [word for word in given if word.startswith("--announcement=")] == [
        f"--announcement={one}" for one in found
    ]


@pytest.mark.parametrize(
    "text",
    ["[", "[1]", '[["a"]]', '["a"] b', "[" * 100_000],
    ids=["open", "numbers", "lists", "more", "deep"],
)
def test_a_list_that_is_no_list_of_texts_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="the input announcement is no list"):
        words("announce-images", announcement=text)


def test_pairs_stay_whole_as_a_value_may_have_lines() -> None:
    assert words("build-reproducible-image", build_arg="A=1\nB=2") == []
    assert "--build-arg=A=1\nB=2" in words("build-reproducible-image", build_args="A=1\nB=2")


@pytest.mark.parametrize(
    ("text", "found"),
    [("true", ["--dry-run"]), ("True", ["--dry-run"]), ("false", []), ("FALSE", []), ("", [])],
)
def test_a_flag_is_true_or_false(text: str, found: list[str]) -> None:
    assert words("reconcile-cfg-app", dry_run=text) == found


@pytest.mark.parametrize(("text", "found"), [("true", "--push"), ("false", "--no-push")])
def test_a_switch_has_both(text: str, found: str) -> None:
    assert words("build-reproducible-image", push=text) == [found]


@pytest.mark.parametrize("text", ["yes", "1", "on", "t", "${{ x }}"])
def test_a_flag_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="neither true nor false"):
        words("reconcile-cfg-app", dry_run=text)


def test_arguments_without_an_option_come_last_and_are_no_options() -> None:
    given = words("compare", left="--help", right="b", limit="3")
    assert given == ["--limit=3", "--", "--help", "b"]


def test_every_input_that_is_missing_is_named() -> None:
    with pytest.raises(Refused, match="rollback-wave needs the input wave and the input reason"):
        arguments("rollback-wave", lambda _: "")


def test_an_option_with_a_plural_goes_by_it() -> None:
    names = {one.name for one in inputs_of("build-reproducible-image")}
    assert {"tags", "platforms", "labels", "build-args", "secrets", "cache-from"} <= names
    assert not {"tag", "platform", "label", "build-arg", "secret"} & names


def test_an_input_of_another_command_is_refused() -> None:
    refuse_others("reconcile-cfg-app", ["command", "dry-run", "token", "registry"])
    with pytest.raises(Refused, match="reconcile-cfg-app has no input 'wave'"):
        refuse_others("reconcile-cfg-app", ["dry-run", "wave"])


def test_a_command_that_there_is_not_is_refused() -> None:
    assert known_command("status", ["status", "drop"]) == "status"
    with pytest.raises(Refused, match="there is no command 'demo'"):
        known_command("demo", ["status", "drop"])
    with pytest.raises(Refused) as refused:
        known_command("stats", ["status", "drop"])
    assert refused.value.remedy == "did you mean status? name one of: status, drop"
    with pytest.raises(Refused) as refused:
        refuse_others("reconcile-cfg-app", ["dry_run"])
    assert refused.value.remedy.startswith("did you mean dry-run? leave it out; ")
