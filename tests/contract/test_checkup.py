"""What doctor knows of our workflows and examples is what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tidemill.checkup.calls import INTERFACES
from tidemill.checkup.workflows import EXAMPLES

ROOT = Path(__file__).resolve().parents[2]
ORDER = {"read": 1, "write": 2}


@pytest.mark.parametrize("name", INTERFACES)
def test_doctor_knows_what_a_workflow_of_ours_takes(name: str) -> None:
    document: Any = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
    called = document[True]["workflow_call"]
    known = INTERFACES[name]
    assert known.inputs == set(called["inputs"])
    assert known.secrets == set(called["secrets"])
    assert known.required == {
        key for key, about in called["inputs"].items() if about.get("required")
    }
    wanted: dict[str, str] = {}
    for job in document["jobs"].values():
        for scope, access in job["permissions"].items():
            if ORDER[access] > ORDER.get(wanted.get(scope, ""), 0):
                wanted[scope] = access
    assert known.permissions == wanted


@pytest.mark.parametrize("name", INTERFACES)
def test_the_example_that_doctor_names_is_there(name: str) -> None:
    assert f"{name}.yml@" in (ROOT / "examples" / EXAMPLES[name]).read_text()
