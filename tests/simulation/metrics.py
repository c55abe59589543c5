"""What verifications ask, in memory: a command of the repository's, and a Prometheus.

Both answer as their metric stands at that moment: green, red, or in one of the ways to say nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tidemill.clients.http.client import Answer, Call
from tidemill.errors import EntryPointFailed, TidemillError, TimeLimit, Unreachable

COMMAND, PROMETHEUS = "smoke", "errors"
LOST = ("late", "gone", "broken", "garbage", "silent")
MOODS = ("green", "twice", "red", *LOST)
MOST = 0.2  # what is more is red
ADDRESS = "https://prometheus.example.com"
QUERY = 'errors{wave="{wave}",set="{set}"}'
Key = tuple[str, str, str]
"""Wave, set, and verification."""

_ASKED = re.compile(r'\{wave="(.*)",set="(.*)"\}')
_PRINTED = {
    "green": '{"verdict": "green"}',
    "twice": '{"verdict": "red"}\n{"verdict": "green", "reason": "at the second try"}',
    "red": 'a log\n{"verdict": "red", "reason": "the cart stays empty"}',
    "garbage": '{"verdict": "amber"}',
    "silent": "a log",
}
_MEASURED = {"green": ("0.1",), "twice": ("0.1", "0.1"), "red": ("0.1", "0.5"), "silent": ()}


@dataclass
class Metrics:
    """How it stands, by wave and verification: green where nothing else is said."""

    moods: dict[tuple[str, str], str] = field(default_factory=dict)

    def printed(self, command: str, heard: dict[Key, str]) -> str:
        """What the command prints; note in `heard` what that comes to."""
        name, wave, set_name = command.split()
        return _PRINTED[self._mood(wave, name, set_name, heard)]

    def answered(self, call: Call, heard: dict[Key, str]) -> Answer:
        """What Prometheus answers; note in `heard` what that comes to."""
        [query] = parse_qs(urlsplit(call.url).query)["query"]
        [(wave, set_name)] = _ASKED.findall(query)
        mood = self._mood(wave, PROMETHEUS, set_name, heard)
        status = 503 if mood == "broken" else 200
        result = [{"metric": {}, "value": [0, one]} for one in _MEASURED.get(mood, ())]
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})
        return Answer(status, {}, b"{" if mood == "garbage" else body.encode(), call.url)

    def _mood(self, wave: str, name: str, set_name: str, heard: dict[Key, str]) -> str:
        mood = self.moods.get((wave, name), "green")
        verdict = {"twice": "green", **dict.fromkeys(LOST, "lost")}.get(mood, mood)
        heard[wave, set_name, name] = verdict
        if mood in _ERRORS and not (mood == "broken" and name == PROMETHEUS):
            raise _ERRORS[mood]("nobody answers", remedy="ask again")
        return mood


_ERRORS: Mapping[str, type[TidemillError]] = {
    "late": TimeLimit,
    "gone": Unreachable,
    "broken": EntryPointFailed,
}


def settings_of(name: str) -> list[str]:
    """Its part of `tidemill.toml`."""
    ways: Mapping[str, Mapping[str, object]] = {
        COMMAND: {"command": f"{COMMAND} {{wave}} {{set}}"},
        PROMETHEUS: {"prometheus": ADDRESS, "query": QUERY, "max": MOST},
    }
    options = {"name": name, **ways[name]}
    return ["[[verifications]]", *(f"{key} = {json.dumps(one)}" for key, one in options.items())]
