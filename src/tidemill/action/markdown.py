"""Markdown of texts that anybody may have written: they stay texts, and make no link or picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tidemill.words.names import MAX_LINE, SHA, visible, whole_line
from tidemill.words.shas import short, shortened

# What means something to GitHub's Markdown within a line or a cell, makes an address a link, or
# makes a line one of a list.
_SIGNS = re.compile(r"[\\`*_{}\[\]<>#!|~@$&]|:(?=/)|(?<=www)\.|^[-+]")


def plain(text: object) -> str:
    """One line of text, with every sign escaped, and full SHAs as people read them.

    One of more than 500 characters ends with a sign that it goes on.
    """
    line = whole_line(str(text))
    cut = f"{line[:MAX_LINE]}…" if len(line) > MAX_LINE else line
    return _escaped(shortened(cut))


def exact(text: str) -> str:
    """One line of text that may have a command to copy: nothing is cut or shortened."""
    return _escaped(whole_line(text))


def code(text: str) -> str:
    """A command, to copy as it stands."""
    return f"<code>{exact(text)}</code>"


def block(text: str) -> str:
    """Lines to copy as they stand: commands, or parts of files."""
    return f"<pre>{_escaped(visible(text))}</pre>"


def _escaped(text: str) -> str:
    return _SIGNS.sub(lambda found: f"&#{ord(found[0])};", text)


def commit(sha: str, url: str | None) -> str:
    """A commit, linked where its repository is on GitHub (`url` is its page)."""
    if not SHA.fullmatch(sha):
        return plain(sha)
    return f"[`{short(sha)}`]({url}/commit/{sha})" if url else f"`{short(sha)}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; its cells are Markdown already. None, if there are no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines, ""] if lines else []
