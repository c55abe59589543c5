"""Receivers in the settings, and where they are."""

from __future__ import annotations

import pytest

from tidemill.errors import SettingsInvalid
from tidemill.facts.settings_file import parse
from tidemill.facts.signals import parse_addresses

WAVES = '[[waves]]\nname = "lab"\ntargets = ["lab-1"]\n'


def receivers(*tables: str, stuck: str = "") -> str:
    found = [f"[[signals.receivers]]\n{one}\n" for one in tables]
    return "\n".join([WAVES, f"[signals]\n{stuck}", *found])


def test_receivers_are_read() -> None:
    known = parse(
        receivers(
            'name = "deploys"\nkind = "slack"',
            'name = "ops"\nkind = "webhook"\nonly = ["held"]',
            stuck='stuck_after = "4h"',
        )
    ).signals
    assert [(one.name, one.kind, one.only) for one in known.receivers] == [
        ("deploys", "slack", ()),
        ("ops", "webhook", ("held",)),
    ]
    assert known.stuck_after.total_seconds() == 4 * 3600


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            receivers('name = "a"\nkind = "slck"'),
            "did you mean slack? it takes issue, slack, teams, webhook",
        ),
        (
            receivers('name = "a"\nkind = "slack"\nonly = ["hold"]'),
            "did you mean held? it takes approval, ",
        ),
        (receivers('name = "a b"\nkind = "slack"'), "'a b' is not a valid name"),
        (receivers(*['name = "a"\nkind = "slack"'] * 2), "'a' is there twice"),
        (receivers('name = "a"\nkind = "slack"\nurl = "https://x"'), "unknown field `url`"),
        (receivers(stuck='stuck_after = "0m"'), "stuck_after must be longer than nothing"),
    ],
    ids=["kind", "only", "name", "twice", "an address", "no time"],
)
def test_mistake_is_named_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        parse(text)
    assert reason in caught.value.what
    assert ", line " in caught.value.what


def test_addresses_are_lines_and_what_is_wrong_shows_nothing_of_them() -> None:
    found, wrong = parse_addresses(
        "\n# ours\n deploys = https://x/?a=b \nempty=\nhttps://secret\n=https://secret\n"
    )
    assert found == {"deploys": "https://x/?a=b"}
    assert wrong == ["line 5 of the receivers' addresses is not name=address"]
