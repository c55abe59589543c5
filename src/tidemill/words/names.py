"""Names and SHAs that come from outside, checked once where they come in.

A name ends up in paths and in names of refs, so its form is narrow enough for both: no
separators, nothing that climbs out of a folder, nothing that Git refuses in a ref.
"""

from __future__ import annotations

import json
import re

from tidemill.errors import Refused

NAME = re.compile(r"(?!.*\.\.|.*\.(?:lock)?\Z)[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SHA = re.compile(r"[0-9a-f]{40}")
SHORT_SHA = re.compile(r"[0-9a-f]{7,40}")
REPOSITORY = re.compile(
    r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){0,3}"
)
BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/@+#-]{0,199}")
# A person's login, or an App's with [bot]; companies' have an underscore.
LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}(\[bot\])?")
TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# What people don't see, or what makes them see the rest in another order: controls, line and
# direction marks, and characters without a width. Listed, and not asked of Python, whose releases
# know different Unicode: what is made from it may stand in a commit.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
MAX_POSITION = 2**53 - 1
MAX_LINE = 500
_LONGEST_FILE = 200


def is_name(text: object) -> bool:
    """Whether `text` may name a set, a wave, a target or a service."""
    return isinstance(text, str) and NAME.fullmatch(text) is not None


def checked_name(text: str, what: str) -> str:
    """Return `text` if it may name a set, wave, target or service; else raise `Refused`."""
    if not is_name(text):
        raise Refused(
            f"{shown(text)} is not a valid name of a {what}",
            remedy="use 1 to 100 letters, digits, '.', '_' and '-', a letter or digit first, "
            "without '..' and not ending in '.' or '.lock'",
        )
    return text


def checked_sha(text: str, what: str = "commit") -> str:
    """Return `text` if it is a full SHA of 40 lower-case hex digits; else raise `Refused`."""
    if not SHA.fullmatch(text):
        raise Refused(
            f"{shown(text)} is not the full SHA of a {what}",
            remedy="give all 40 lower-case hex digits",
        )
    return text


def checked_short_sha(text: str, what: str = "commit") -> str:
    """Return `text` if it is a SHA of 7 to 40 lower-case hex digits; else raise `Refused`."""
    if not SHORT_SHA.fullmatch(text):
        raise Refused(
            f"{shown(text)} is not the SHA of a {what}", remedy="give 7 to 40 lower-case hex digits"
        )
    return text


def is_repository(text: str) -> bool:
    """Whether `text` looks like `owner/name` (up to four parts)."""
    return REPOSITORY.fullmatch(text) is not None


def checked_repository(text: str) -> str:
    """Return `text` if it looks like `owner/name` (up to four parts); else raise `Refused`."""
    if not is_repository(text):
        raise Refused(
            f"{shown(text)} is not the name of a repository", remedy="give it as owner/name"
        )
    return text


def is_login(text: str) -> bool:
    """Whether an account of GitHub may have `text` as its login."""
    return LOGIN.fullmatch(text) is not None


def checked_login(text: str) -> str:
    """Return `text` if an account of GitHub may have it as its login; else raise `Refused`."""
    if not is_login(text):
        raise Refused(
            f"{shown(text)} is not the login of an account",
            remedy="give it as GitHub shows it, an App's with [bot]",
        )
    return text


def is_team(text: str) -> bool:
    """Whether `text` may be a team, as ORG/TEAM, the team as it stands in addresses."""
    return TEAM.fullmatch(text) is not None and ".." not in text


def checked_branch(text: str) -> str:
    """Return `text` if Git takes it as the name of a branch; else raise `Refused`."""
    bad = ("..", "//", "@{", "/.", ".lock/")
    if (
        not BRANCH.fullmatch(text)
        or any(part in text for part in bad)
        or text.endswith(("/", ".", ".lock"))
    ):
        raise Refused(
            f"{shown(text)} is not a valid name of a branch",
            remedy="use ASCII letters, digits and . _ / @ + # -, as git check-ref-format has it",
        )
    return text


def checked_line(text: str, what: str) -> str:
    """Return `text` if it is one printable line of 1 to 500 characters; else raise `Refused`.

    It may end up in a commit message, where a second line could forge a trailer. It may be in any
    language; marks that people don't see are taken, and shown (`visible`), but say nothing alone.
    """
    is_empty = not _UNSEEN.sub("", text).strip()
    if is_empty or len(text) > MAX_LINE or UNPRINTABLE.search(text):
        raise Refused(
            f"{what} {shown(text)} is not one printable line",
            remedy="give 1 to 500 characters without line breaks",
        )
    return text.strip()


def one_line(text: str) -> str:
    """Text that may quote what came from outside, as one printable line of 500 characters."""
    return whole_line(text)[:MAX_LINE]


def whole_line(text: str) -> str:
    """The same, however long: it may end with a command."""
    return _UNSEEN.sub(_escaped, text)


def visible(text: str) -> str:
    """Text of one or more lines with all that people would not see written out, like `\\u202e`.

    Whatever is shown to people goes through here, or through `one_line`, where it leaves us: on a
    terminal, in a log, a summary, an annotation, a commit message.
    """
    return "\n".join(_UNSEEN.sub(_escaped, line) for line in text.split("\n"))


def visible_json(text: str) -> str:
    """The same for JSON, whose values stay what they are: it has escapes of its own."""
    return "\n".join(
        _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], line) for line in text.split("\n")
    )


def _escaped(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


def shown(text: object) -> str:
    """`text` as it may stand in a message: quoted, escaped, and cut at 80 characters."""
    quoted = ascii(text)
    return quoted if len(quoted) <= 82 else quoted[:79] + "...'"


def shown_path(path: object) -> str:
    """A path of this machine as it may stand in a message: quoted, escaped; a long one's end."""
    quoted = ascii(str(path))
    return quoted if len(quoted) <= 202 else f"'...{quoted[-198:]}"


def file_in_words(path: str) -> str:
    """A path in a repository as it may be kept, and stand in a message: as it is, but where it is
    long, has what nobody sees, or is not UTF-8."""
    return shown(path) if UNPRINTABLE.search(path) or len(path) > _LONGEST_FILE else path
