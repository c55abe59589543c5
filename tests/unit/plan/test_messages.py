"""What receivers are sent: the same words in each form, and nothing in them is markup."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from tidemill.facts.signals import Message, Receiver, Signal, SignalKind
from tidemill.plan.messages import LABELS, MOST_TITLE, Origin, issue, slack, teams, webhook

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
PAGE = Path(__file__).resolve().parents[3] / "docs" / "jobs" / "get-told.md"
REPO = "https://git.example.com/acme/cfg-app.git"
RUN = "https://github.com/acme/cfg-app/actions/runs/7"
HELD = Signal(
    id="5d2f0c9a81b7e634",
    kind="held",
    cause=("held", "production", "_"),
    since=NOON,
    what="production is held",
    reasons=("production is held by ada: the database moves",),
    command=("release-wave", "--wave", "production", "--reason", "it may go on"),
    wave="production",
)
HOSTILE = (
    "<!channel> @everyone <@U123> <https://evil.example|our docs> [docs](https://evil.example) "
    "*bold* _it_ `code` ```` fence :boom: #1 <at>all</at> <!-- x --> ![x](y) \u202eabc"
)


def message(*, over: bool = False, **changes: Any) -> Message:
    signal = msgspec.structs.replace(HELD, **changes)
    if over:
        signal = msgspec.structs.replace(signal, over=NOON)
    return Message(signal=signal, receiver=Receiver(name="ops", kind="webhook"))


def test_the_webhook_s_json_is_what_the_page_shows() -> None:
    (shown,) = re.findall(r"(?ms)^```json\n(.*?)^```", PAGE.read_text(encoding="utf-8"))
    assert webhook(message(), Origin(REPO)) == json.loads(shown)


def test_the_end_has_the_id_and_the_words_of_the_beginning() -> None:
    first, second = (webhook(message(over=over), Origin(REPO)) for over in (False, True))
    differ = {key for key in first if first[key] != second[key]}
    assert differ == {"state", "over"}
    assert (second["state"], second["over"]) == ("over", "2026-01-05T12:00:00Z")


def test_every_kind_has_a_label_and_a_line_on_the_page() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| it|^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"))
    assert set(LABELS) == set(get_args(SignalKind)) <= {first or second for first, second in rows}


def texts(value: object) -> list[str]:
    """All texts in a document, apart from its addresses."""
    match value:
        case dict():
            return [one for key, each in value.items() if key != "url" for one in texts(each)]
        case list():
            return [one for each in value for one in texts(each)]
        case str():
            return [value]
        case _:
            return []


@pytest.mark.parametrize("over", [False, True], ids=["open", "over"])
def test_in_slack_nothing_is_markup_or_a_mention(over: bool) -> None:
    sent = slack(message(over=over, what=HOSTILE, reasons=(HOSTILE,)), Origin(REPO, RUN))
    held = [block.get("text") or block["elements"][0] for block in sent["blocks"]]
    assert {one["type"] for one in held} == {"plain_text"}
    assert {one["emoji"] for one in held} == {False}
    assert len(held[0]["text"]) <= MOST_TITLE
    assert (sent["unfurl_links"], sent["link_names"]) == (False, False)
    assert not set("<>") & set(sent["text"])
    assert "&lt;!channel&gt;" in sent["text"]
    assert any(HOSTILE in one for one in texts(sent["blocks"]))


@pytest.mark.parametrize("over", [False, True], ids=["open", "over"])
def test_in_teams_nothing_is_markup_or_a_mention(over: bool) -> None:
    sent = teams(message(over=over, what=HOSTILE, reasons=(HOSTILE,)), Origin(REPO, RUN))
    ((attachment),) = sent["attachments"]
    card = attachment["content"]
    assert {one["type"] for one in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for one in card["body"] for run in one["inlines"]} == {"TextRun"}
    *others, footer = (one["inlines"][0].get("isSubtle", False) for one in card["body"])
    assert (set(others), footer) == ({False}, True)
    assert "msteams" not in card  # by which alone a text may mention somebody
    assert any(HOSTILE in one for one in texts(card["body"]))
    assert [one["url"] for one in card["actions"]] == [RUN]


def test_in_an_issue_nothing_is_markup_or_a_mention() -> None:
    made = issue(message(what=HOSTILE, reasons=(HOSTILE, "`" * 9)), Origin(REPO, RUN))
    assert "@" not in made.title
    fence = made.body.splitlines()[0].removesuffix("text")
    assert set(fence) == {"`"}
    assert len(fence) == 10
    inside, _, after = made.body.partition(f"\n{fence}\n")
    assert HOSTILE in inside
    assert HOSTILE not in after
    assert after.rstrip().endswith(made.marker)
    assert made.marker == f"<!-- tidemill signal {HELD.id} -->"


def test_issue_is_closed_by_the_end() -> None:
    first, second = (issue(message(over=over), Origin(REPO)) for over in (False, True))
    assert (first.is_closed, second.is_closed) == (False, True)
    assert (first.marker, first.title) == (second.marker, second.title)


@pytest.mark.parametrize("form", [slack, teams, webhook], ids=["slack", "teams", "webhook"])
def test_long_words_are_cut_where_a_form_has_a_limit(form: Any) -> None:
    sent = form(message(what="w" * 500, reasons=("r" * 500,) * 9), Origin(REPO))
    assert max(map(len, texts(sent))) <= 3000


@pytest.mark.parametrize("length", [MOST_TITLE - 1, MOST_TITLE, MOST_TITLE + 1])
def test_words_are_cut_only_where_they_are_too_long_and_no_shorter_than_they_may_be(
    length: int,
) -> None:
    what = "w" * (length - len(f"{LABELS['held']}: "))
    title = slack(message(what=what), Origin(REPO))["blocks"][0]["text"]["text"]
    assert len(title) == min(length, MOST_TITLE)
    assert title.endswith("…") is (length > MOST_TITLE)


def test_command_runs_as_it_is_printed() -> None:
    """Words with spaces and quotes stay words."""
    sent = webhook(message(command=("retry", "--sha", "it's; rm")), Origin("/tmp/a b"))
    assert sent["command"] == "tidemill retry --sha 'it'\"'\"'s; rm' --repo '/tmp/a b'"
