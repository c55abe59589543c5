"""Labels in the text of a file: added where they belong, and all else stays."""

from __future__ import annotations

import pytest

from tidemill.adopting.labelling import labelled, waiting
from tidemill.facts.controllers import Deployed, pairs_as_yaml
from tidemill.words.documents import loaded

HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
NEW = "tidemill.dev/wave: dev"
TEXTS = {
    "no labels": (
        "metadata:\n  name: x # ours\n",
        f"metadata:\n  labels:\n    {NEW}\n  name: x # ours\n",
    ),
    "labels, and something named so besides": (
        "metadata:\n    name: x\n    labels:\n      a: b\nspec:\n  labels:\n",
        f"metadata:\n    name: x\n    labels:\n      {NEW}\n      a: b\nspec:\n  labels:\n",
    ),
    "labels elsewhere alone": (
        "spec:\n  labels:\n    a: b\nmetadata:\n  name: x\n",
        f"spec:\n  labels:\n    a: b\nmetadata:\n  labels:\n    {NEW}\n  name: x\n",
    ),
    "in braces": ("metadata: {name: x}\n", None),
    "labels in braces": ("metadata:\n  name: x\n  labels: {a: b}\n", None),
    "another wave": (f"metadata:\n  name: x\n  labels:\n    {NEW}x\n", None),
}


def application(text: str, *, made_by: str = "") -> Deployed:
    metadata = loaded(text.encode())[0]["metadata"]
    return Deployed("a.yaml", "Application", "x", ("k",), metadata, made_by)


@pytest.mark.parametrize(("before", "after"), TEXTS.values(), ids=TEXTS)
def test_application_gets_its_label(before: str, after: str | None) -> None:
    one = application(HEAD + before)
    lacking = one.lacks("dev", "x")
    assert lacking == {"labels": {"tidemill.dev/wave": "dev"}}
    done = labelled(HEAD + before, one, lacking)
    assert done == (after and HEAD + after)
    if done:
        assert application(done).lacks("dev", "x") == {}


def test_what_a_template_makes_is_left_to_a_person() -> None:
    text = f"{HEAD}metadata:\n  name: x\n"
    one = application(text, made_by="all")
    assert labelled(text, one, one.lacks("dev", "x")) is None


def test_target_of_a_kustomization_is_an_annotation() -> None:
    one = Deployed("a.yaml", "Kustomization", "x", ("k",))
    assert one.lacks("dev", "y") == {
        "labels": {"tidemill.dev/wave": "dev"},
        "annotations": {"event.toolkit.fluxcd.io/tidemill-target": "y"},
    }


def test_value_that_yaml_takes_for_a_number_is_quoted() -> None:
    assert pairs_as_yaml({"a": "7", "b": "true", "c": "eu-1", "d": "{{.env}}"}) == [
        "a: '7'",
        "b: 'true'",
        "c: eu-1",
        "d: '{{.env}}'",
    ]


WAITING = {
    "in lines": ("spec:\n  path: ./k\n", "spec:\n  wait: true\n  path: ./k\n"),
    "in braces": ("spec: {path: ./k}\n", None),
    "it says not to": ("spec:\n  wait: false\n", None),
}


@pytest.mark.parametrize(("before", "after"), WAITING.values(), ids=WAITING)
def test_kustomization_waits_for_health(before: str, after: str | None) -> None:
    head = "apiVersion: v1\nkind: Kustomization\nmetadata:\n  name: x\n"
    one = Deployed("a.yaml", "Kustomization", "x", ("k",))
    assert waiting(head + before, one) == (after and head + after)
