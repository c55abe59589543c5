"""Is every sentence of the documents readable? A part of `make lint`.

    python -m tools.readability [FILE ...]     all documents by default

It finds sentences that are too long to be read once, and words of Tidemill's own that neither the
page nor the glossary explains. For each it prints the place, the sentence and what to do. What it
can't judge it leaves alone: code, tables of more than words, what `make docs` makes, the changelog.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/**/*.md", "sandbox/*.md")
MOST_WORDS = 40  # of a sentence; what style guides advise is 25, and a list of names takes more
MOST_TERMS = 30  # of the glossary

# What the code and its authors say, and a reader who has not read the code can't know.
OWN = frozenset(
    ("admission", "ledger", "mill", "snapshot", "starve", "starves", "supersede", "superseded")
)

_FENCE = re.compile(r"(?ms)^( *)(```|~~~).*?^\1\2\s*$")
_COMMENT = re.compile(r"(?s)<!--.*?-->")
_MADE = re.compile(r"<!-- (?:From here on m|M)ade by `make docs`")
_CODE = re.compile(r"(`+)(?:(?!\1).)+?\1", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_END = re.compile(r"(?<=[.!?:])[\"')*]*\s+(?=[\"'(*`]*[A-Z0-9`*])")
_NO_PROSE = re.compile(r"\s*#|\n* {4}")  # a heading, or code by its indentation
_ITEM = re.compile(r"^\s*(?:[-*] |\d+\. |#+ |> )", re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """Something that a reader would stumble over; `line` counts from 1."""

    file: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}\n    {self.remedy}"


def findings(file: str, text: str, terms: frozenset[str]) -> Iterator[Finding]:
    """What is hard to read on a page; `terms` are the words that the glossary explains."""
    explained: set[str] = set()
    for line, sentence in sentences(text):
        if (count := len(words(sentence))) > MOST_WORDS:
            yield Finding(
                file,
                line,
                f"a sentence of {count} words: {sentence}",
                f"Make two of it, or a list. At most {MOST_WORDS} words can be read at once.",
            )
        explained |= {word.lower() for one in _emphasised(sentence) for word in one.split()}
        for word in words(sentence):
            if word.lower() in OWN and word.lower() not in explained | terms:
                explained.add(word.lower())  # once for a page is enough
                yield Finding(
                    file,
                    line,
                    f"'{word}' is not explained: {sentence}",
                    f"Say what it is where it first stands, in *{word}*, or in docs/glossary.md; "
                    "or take a word that everybody knows.",
                )


def terms_of(glossary: str) -> frozenset[str]:
    """The words that the table of the glossary explains."""
    rows = re.findall(r"(?m)^\| ([^|]+) \|", glossary)[1:]
    return frozenset(word.strip().lower() for row in rows for word in row.split(","))


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Each sentence of a page with the line where its paragraph begins."""
    made = _MADE.search(text)
    text = text[: made.start()] if made else text
    for form in (_FENCE, _COMMENT):
        text = form.sub(lambda found: "\n" * found[0].count("\n"), text)
    line = 1
    for block in re.split(r"(\n\s*\n|\n(?=\s*(?:[-*] |\d+\. |#+ |\|)))", text):
        if block.strip() and not _NO_PROSE.match(block):
            start = line + block[: len(block) - len(block.lstrip())].count("\n")
            for part in _cells(block) if block.lstrip().startswith("|") else (block,):
                plain = " ".join(_LINK.sub(r"\1", _ITEM.sub("", part)).split())
                yield from ((start, one) for one in _END.split(plain) if one)
        line += block.count("\n")


def _cells(row: str) -> list[str]:
    return re.split(r"(?<!\\)\|", row.strip().strip("|"))


def words(sentence: str) -> list[str]:
    """The words of a sentence; a piece of code is one."""
    return re.findall(r"[\w'./-]*\w", _CODE.sub(" code ", sentence))


def _emphasised(sentence: str) -> list[str]:
    return re.findall(r"\*{1,2}([^*]+)\*{1,2}", sentence)


def main(arguments: Sequence[str]) -> int:
    """Print what was found; the exit code is 1 where that is something."""
    glossary = GLOSSARY.read_text(encoding="utf-8")
    terms = terms_of(glossary)
    files = [Path(one).resolve() for one in arguments] or [
        file for pattern in PAGES for file in sorted(ROOT.glob(pattern))
    ]
    found = [
        one
        for file in files
        for one in findings(
            file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"), terms
        )
    ]
    if (count := len(re.findall(r"(?m)^\| ", glossary)) - 1) > MOST_TERMS:
        what = f"the glossary has {count} words"
        found.append(Finding("docs/glossary.md", 1, what, f"Leave out all but {MOST_TERMS}."))
    for one in found:
        print(one)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
