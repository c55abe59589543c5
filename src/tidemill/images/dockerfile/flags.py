"""The flags of a Dockerfile's instructions, the words that begin with `--`."""

from __future__ import annotations

import csv
import re
from fractions import Fraction

from tidemill.images.dockerfile.lines import Line
from tidemill.images.dockerfile.words import Mistake
from tidemill.words.names import shown

_DURATION = re.compile(r"\+?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h)")
_PART = re.compile(r"([0-9.]+)([a-zµμ]+)")
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # the micro sign
    "μs": 10**3,  # the letter mu
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_TIMES = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
}


class Flags:
    """The flags of one instruction.

    Args:
        strings: the flags that have a value.
        several: those that may come more than once.
        switches: those that are on or off.

    Raises:
        Mistake: there is a flag that it does not know, or one has a value that it can't have.
    """

    def __init__(
        self,
        line: Line,
        *strings: str,
        several: tuple[str, ...] = (),
        switches: tuple[str, ...] = (),
    ) -> None:
        self._values: dict[str, list[str]] = {}
        for flag in line.flags:
            name, sign, value = flag.removeprefix("--").partition("=")
            if name not in (*strings, *several, *switches):
                raise Mistake(f"{line.keyword} has no flag {shown('--' + name)}")
            if name in self._values and name not in several:
                raise Mistake(f"--{name} is there twice")
            if name in switches:
                value = (value or "" if sign else "true").lower()
                if value not in ("true", "false"):
                    raise Mistake(f"--{name} is true or false, not {shown(value)}")
            elif not sign:
                raise Mistake(f"--{name} has no value: write --{name}=VALUE")
            self._values.setdefault(name, []).append(value)

    def text(self, name: str) -> str:
        """The value of a flag; empty if it is not there."""
        return self._values.get(name, [""])[0]

    def several(self, name: str) -> tuple[str, ...]:
        """Every value of a flag."""
        return tuple(self._values.get(name, ()))

    def is_on(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.text(name) == "true"

    def is_given(self, name: str) -> bool:
        """Whether a flag is there, and is not off."""
        return self.text(name) not in ("", "false")


def mount_sources(line: Line) -> tuple[str, ...]:
    """The stages and images that the mounts of a RUN come from."""
    found = []
    for flag in line.flags:
        name, _, value = flag.partition("=")
        if name == "--mount":
            try:
                fields = next(csv.reader([value], strict=True), [])
            except csv.Error:
                raise Mistake(f"{shown(flag)} is not a list of names and values") from None
            pairs = (field.partition("=") for field in fields)
            found += [source for key, _, source in pairs if key.lower() == "from" and source]
    return tuple(found)


def healthcheck_times(line: Line) -> tuple[tuple[str, int], ...]:
    """The times of a HEALTHCHECK in nanoseconds, and its retries, by their names in a config."""
    flags = Flags(line, *_TIMES, "retries")
    found = [(key, _nanoseconds(flags.text(name))) for name, key in _TIMES.items()]
    retries = flags.text("retries")
    if retries and not re.fullmatch(r"[0-9]{1,10}", retries):
        raise Mistake(f"--retries is a number, not {shown(retries)}")
    return tuple((key, value) for key, value in (*found, ("Retries", int(retries or 0))) if value)


def _nanoseconds(text: str) -> int:
    """A duration as Go writes it: `1m30s`."""
    if text in ("", "0"):
        return 0
    if len(text) > 50 or not re.fullmatch(rf"(?:{_DURATION.pattern})+", text):
        raise Mistake(f"{shown(text)} is not a duration: write it like 30s or 1m30s")
    parts = _PART.findall(text)
    total = int(sum(Fraction(number) * _NANOSECONDS[unit] for number, unit in parts))
    if 0 < total < _NANOSECONDS["ms"] or total >= 2**63:
        raise Mistake(f"{shown(text)} is too short or too long a time")
    return total
