"""Causes that stand in text: times, temporary paths, random ids, commits, machines, line endings.

The proof is the same for all: with each such thing taken out, both sides are equal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from msgspec import Struct

from tidemill.images.causes.cause import Cause, joined

_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DAY = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_CLOCK = rb"[0-2]?\d:[0-5]\d(?::[0-6]\d(?:[.,]\d+)?)?"
_ZONE = rb"(?: ?(?:Z|[+-]\d\d:?\d\d|(?<= )[A-Z]{3,4}(?![A-Za-z])))?"
# The look-ahead only saves time: each form starts with a digit or with the name of a day or month.
_TIME = re.compile(
    rb"(?=[0-9ADFJMNOSTW])(?:"
    + rb"|".join(
        (
            # RFC 3339 and its relatives
            rb"(?<!\d)\d{4}-[01]\d-[0-3]\d(?:[T _]" + _CLOCK + _ZONE + rb")?(?!\d)",
            # asctime, date(1), __DATE__
            rb"(?:" + _DAY + rb" )?\b" + _MONTH + rb" {1,2}[0-3]?\d,?"
            rb"(?: " + _CLOCK + rb"(?: [AP]M)?" + _ZONE + rb")?(?: \d{4})?(?!\d)",
            # HTTP, RFC 5322
            rb"(?:" + _DAY + rb", )?\b[0-3]?\d[ -]" + _MONTH + rb"[ -]\d{4}"
            rb"(?: " + _CLOCK + _ZONE + rb")?",
            rb"(?<!\d)(?:19|20)\d\d[01]\d[0-3]\d(?:[T.-]?[0-2]\d[0-5]\d(?:[0-6]\d)?Z?)?(?!\d)",
            rb"(?<!\d)[01]?\d/[0-3]?\d/\d{4}(?!\d)",
            rb"(?<![\d:])" + _CLOCK + rb"(?! ?\d{0,3}:)",
            # seconds since 1970, from 2001 to 2039; also milli-, micro- and nanoseconds
            rb"(?<![\d.])(?:1\d{9}|2[01]\d{8})(?:\d{3}|\d{6}|\d{9}|\.\d+)?(?!\d)",
        )
    )
    + rb")"
)
_PATH = re.compile(
    rb"/(?:private/)?(?:var/folders/[\w+-]+/[\w+-]+(?:/T)?|(?:var/)?tmp|dev/shm)"
    rb"(?:/[^\s/\"'<>:;,|\0()\[\]]+)?"
    rb"|/(?:home|Users)/[\w.-]+|/root(?=/)"
    rb"|\b(?:pip|npm|go)-(?:build|install|req|ephem|wheel|link|unpack)[\w-]*"
    rb"|\btmp[a-z0-9_]{6,10}\b|\bcc[A-Za-z0-9]{6}(?=\.[a-z])"
)
_UUID = re.compile(rb"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b")
_COMMIT = re.compile(rb"(?<![0-9A-Za-z])[0-9a-f]{40}(?![0-9A-Za-z])")
_USER_AT_HOST = (
    rb"\b(?:root|user|build|builder|buildd|abuild|mockbuild|runner|jenkins|docker)"
    rb"@[A-Za-z0-9][A-Za-z0-9.-]{0,62}"
)
_LINE_END = re.compile(rb"\r\n?|\n")
_SHORTEST_HOST = 3
_SHOWN = 60
_MARGIN = 512


class TextRule(Struct, frozen=True):
    """What it is called, what it looks like, what it means that only this differs, a remedy."""

    name: str
    form: re.Pattern[bytes]
    meaning: str
    remedy: str

    def without(self, text: bytes) -> bytes:
        """The text with each thing of this form replaced by one and the same."""
        return self.form.sub(b"\0", text)

    def cause(self, left: bytes, right: bytes) -> Cause:
        """The cause, with the first pair that differs."""
        for one, other in zip_longest(self.form.findall(left), self.form.findall(right)):
            if one != other:
                return Cause(
                    self.name, f"{self.meaning}: {_shown(one)} and {_shown(other)}", self.remedy
                )
        return Cause(self.name, self.meaning, self.remedy)


TIME = TextRule(
    "embedded time",
    _TIME,
    "the time of the build was written into it",
    "take the time from SOURCE_DATE_EPOCH, or leave it out",
)
TEMPORARY_PATH = TextRule(
    "temporary path",
    _PATH,
    "the path of a temporary or a home folder was written into it",
    "build in a folder that always has the same path, or map the path away",
)
RANDOM_ID = TextRule(
    "random id",
    _UUID,
    "a random id was written into it",
    "make the id of the content, or delete the file and make it when the container starts",
)
COMMIT = TextRule(
    "commit",
    _COMMIT,
    "a commit's SHA, or another hash of 40 digits, was written into it",
    "keep the commit in the tag and in the record, not in the image",
)
LINE_ENDINGS = TextRule(
    "line endings",
    _LINE_END,
    "the lines are the same, and end differently",
    "set `* text=auto eol=lf` in .gitattributes",
)


def machine(hosts: Sequence[str]) -> TextRule:
    """The rule of names of machines: those given, and `user@host` for users that build."""
    known = (re.escape(host.encode()) for host in hosts if len(host) >= _SHORTEST_HOST)
    forms = [rb"(?<![\w.-])" + host + rb"(?![\w-])" for host in known]
    return TextRule(
        "machine name",
        re.compile(rb"|".join((*forms, _USER_AT_HOST))),
        "the name of the machine that built it was written into it",
        "leave the host's name out, or set one name in every build",
    )


def of_text(left: bytes, right: bytes, hosts: Sequence[str] = ()) -> Cause | None:
    """Why two texts, or bytes with text among them, differ; several causes come as one.

    Args:
        left, right: what differs, whole.
        hosts: names of machines that one of them may have been built on.
    """
    left, right = _unequal_part(left, right)
    rules = (TEMPORARY_PATH, RANDOM_ID, COMMIT, machine(hosts), TIME, LINE_ENDINGS)
    for rule in rules:
        if rule.without(left) == rule.without(right):
            return rule.cause(left, right)
    used = [rule for rule in rules if rule.form.search(left) or rule.form.search(right)]
    if not _equal_without(used, left, right):
        return None
    for rule in tuple(used):
        fewer = [other for other in used if other is not rule]
        if _equal_without(fewer, left, right):
            used = fewer
    return joined([rule.cause(left, right) for rule in used])


def _equal_without(rules: Sequence[TextRule], left: bytes, right: bytes) -> bool:
    for rule in rules:
        left, right = rule.without(left), rule.without(right)
    return left == right


def _unequal_part(left: bytes, right: bytes) -> tuple[bytes, bytes]:
    """Both without what is equal before and after, but for so much that no word is cut in two.

    What is taken away is the same on both sides, so it proves and disproves nothing.
    """
    start = max(0, _equal_start(left, right) - _MARGIN)
    left, right = left[start:], right[start:]
    end = max(0, _equal_start(left[::-1], right[::-1]) - _MARGIN)
    return left[: len(left) - end], right[: len(right) - end]


def _equal_start(left: bytes, right: bytes) -> int:
    """How many bytes are equal at the start."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _shown(found: bytes | None) -> str:
    if found is None:
        return "nothing"
    text = ascii(found)[1:]
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}...'"
