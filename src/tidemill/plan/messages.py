"""What each kind of receiver is sent, as JSON. Pure.

A signal's words may quote anything: reasons that somebody gave, what a check printed. So they stand
where nothing in them is markup, a mention or a link: plain text for Slack, text runs for Teams, a
block of code in an issue.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from tidemill.facts.signals import Issue, Message, Signal, SignalKind
from tidemill.plan.wording import runs_as
from tidemill.words.moments import to_the_minute, to_the_second

VERSION = 1  # of the webhook's JSON; what is only added leaves it as it is
MOST_TITLE = 150  # Slack's limit for a header
_MOST_TEXT = 2900  # and a little less than that for a section
LABELS: dict[SignalKind, str] = {
    "approval": "Waits for approval",
    "held": "Held",
    "evicted": "Evicted",
    "rejected": "Rejected",
    "failed": "Failed",
    "main": "Main needs a person",
    "reports": "Reports are missing",
    "stuck": "Stuck",
    "other": "Needs a person",
}


class Origin(Struct, frozen=True):
    """Where a message comes from.

    Attributes:
        repo: what `--repo` takes, without credentials.
        run_url: the run that sends it.
    """

    repo: str
    run_url: str | None = None


def webhook(message: Message, origin: Origin) -> dict[str, Any]:
    """The documented JSON."""
    signal = message.signal
    return {
        "version": VERSION,
        "id": signal.id,
        "state": message.state,
        "kind": signal.kind,
        "what": signal.what,
        "reasons": list(signal.reasons),
        "command": _command(signal, origin),
        "wave": signal.wave,
        "set": signal.set,
        "app_sha": signal.app_sha,
        "since": to_the_second(signal.since),
        "over": to_the_second(signal.over) if signal.over else None,
        "repository": origin.repo,
        "run_url": origin.run_url,
    }


def slack(message: Message, origin: Origin) -> dict[str, Any]:
    """A message of blocks, for an incoming webhook."""
    title = _cut(_title(message), MOST_TITLE)
    blocks = [
        {"type": "header", "text": _plain(title)},
        {"type": "section", "text": _plain(_cut("\n".join(_lines(message, origin)), _MOST_TEXT))},
        {"type": "context", "elements": [_plain(_cut(_footer(message, origin), _MOST_TEXT))]},
    ]
    # This text is for notifications, and the only one in which Slack looks for markup.
    return {"text": _escaped(title), "blocks": blocks, "unfurl_links": False, "link_names": False}


def teams(message: Message, origin: Origin) -> dict[str, Any]:
    """An adaptive card, for a webhook of Workflows."""
    body = [
        _run(_title(message), weight="Bolder", size="Medium"),
        *(_run(line) for line in _lines(message, origin)),
        _run(_footer(message, origin), isSubtle=True, size="Small"),
    ]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if origin.run_url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "The run", "url": origin.run_url}]
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def issue(message: Message, origin: Origin) -> Issue:
    """The issue of a signal, opened by the first message and closed by the second."""
    text = "\n".join(_lines(message, origin))
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    marker = f"<!-- tidemill signal {message.signal.id} -->"
    footer = f"Tidemill wrote this{f' in {origin.run_url}' if origin.run_url else ''}."
    body = "\n".join([f"{fence}text", text, fence, "", footer, "", marker, ""])
    title = _cut(f"{LABELS[message.signal.kind]}: {message.signal.what}", MOST_TITLE)
    # A name that is mentioned in a title gets no notice; this keeps it from looking like one.
    title = title.replace("@", "(at)")
    return Issue(
        title=title,
        body=body,
        marker=marker,
        since=message.signal.since,
        is_closed=message.signal.over is not None,
    )


def _title(message: Message) -> str:
    signal = message.signal
    label = LABELS[signal.kind]
    return f"{'Over: ' if signal.over else ''}{label}: {signal.what}"


def _lines(message: Message, origin: Origin) -> list[str]:
    signal = message.signal
    if signal.over is not None:
        return [f"It is over since {to_the_minute(signal.over)}. It was:", *signal.reasons]
    return [*signal.reasons, f"To go on: {_command(signal, origin)}"]


def _footer(message: Message, origin: Origin) -> str:
    signal = message.signal
    where = f" · {origin.run_url}" if origin.run_url else ""
    return f"{origin.repo} · since {to_the_minute(signal.since)} · {signal.id}{where}"


def _command(signal: Signal, origin: Origin) -> str:
    return runs_as(signal.command or ("status",), origin.repo)


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _run(text: str, **style: object) -> dict[str, Any]:
    """A block whose text is text: unlike a TextBlock, it has no markup."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _escaped(text: str) -> str:
    """As Slack wants it: then nothing is a mention, or a link with another name."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
