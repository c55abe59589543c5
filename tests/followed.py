"""A page, followed by the letter: each shell block is run, and its output held against the page.

All ```sh blocks of a page run in one shell, one after the other. What a block prints has to be the
```text block that follows it, if one does (a paragraph may stand between); else nothing. In
that text, `…` stands for anything: on a line of its own for any lines, within a line for a part of
it. SHAs and times are equal to each other. A page shows what a terminal does, and here is a pipe:
lines that go on below, rules in tables and spaces between cells say nothing.

A comment above a block says what the test is to do with it, where that is not all:

    <!-- test: again until -->      run it again until it prints this: what the page tells readers
    <!-- test: not here: WHY -->    leave it to somebody else
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Literal, Self

How = Literal["once", "again until", "not here"]

_BLOCK = re.compile(
    r"(?ms)^(?:<!-- test: (?P<how>again until|not here)(?:: [^\n]*)? -->\n\s*)?"
    r"^```sh\n(?P<shell>.*?)^```\n"
    r"(?:\n(?:[^\n`#<][^\n]*\n){0,8}\n?```text\n(?P<text>.*?)^```\n)?"
)
_SAME = (
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?"), "TIME"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b"), "SHA"),
)
_ANY = r"(?:\S+ )*?"  # words


@dataclass(frozen=True)
class Step:
    """A block of shell: what to do with it, and what it has to print."""

    how: How
    shell: str
    text: str


def steps(page: str) -> list[Step]:
    """Every shell block of a page, in its order."""
    return [
        Step(found["how"] or "once", found["shell"], found["text"] or "")  # type: ignore[arg-type]
        for found in _BLOCK.finditer(page)
    ]


def is_same(printed: str, text: str) -> bool:
    """Whether what was printed is what the page shows."""
    form = ""
    for word in _words(text):
        within = r"\S*".join(map(re.escape, word.split("…")))
        form += _ANY if word == "…" else f"{within} "
    return re.fullmatch(form, "".join(f"{word} " for word in _words(printed))) is not None


def _words(text: str) -> Iterator[str]:
    for form, name in _SAME:
        text = form.sub(name, text)
    for word in text.split():
        if word.strip("─-"):
            yield word


class Reader:
    """A person at a shell: a context manager; what they left running ends with it.

    Args:
        folder: where they begin.
        seconds: how long one block may take.
        pause: how long they wait before they run a block again, in seconds.
    """

    def __init__(
        self, folder: Path, env: Mapping[str, str], seconds: float = 240, pause: float = 2
    ) -> None:
        self._said: Queue[str] = Queue()
        self._seconds, self._pause = seconds, pause
        self._shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._marks = 0
        self._ear = threading.Thread(target=self._listen, daemon=True)
        self._ear.start()
        self._type("set -m")  # as a terminal's shell: jobs in the background are jobs

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._type("for job in $(jobs -p); do kill -TERM -- -$job; done; wait; exit")
        try:
            self._shell.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._shell.pid, signal.SIGKILL)
            raise
        finally:
            self._ear.join(60)
            for pipe in (self._shell.stdin, self._shell.stdout):
                if pipe is not None:
                    pipe.close()

    def follow(self, page: str) -> int:
        """Do what a page says, from its top to its end: how many blocks were run."""
        todo = [step for step in steps(page) if step.how != "not here"]
        for step in todo:
            self.do(step)
        return len(todo)

    def do(self, step: Step) -> None:
        """One block; fails where it prints something else, or ends with an error."""
        end = time.monotonic() + self._seconds
        while True:
            printed, code = self._run(step.shell, end)
            while step.shell.endswith("&\n") and not is_same(printed, step.text):
                printed += self._line(end, printed)
            if code == 0 and is_same(printed, step.text):
                return
            if step.how == "once" or time.monotonic() > end:
                raise AssertionError(
                    f"The page says:\n\n{step.shell}\n{step.text}\n"
                    f"It ended with {code} and printed:\n\n{printed}"
                )
            time.sleep(self._pause)

    def run(self, shell: str) -> str:
        """What a command prints that is on no page; fails where it ends with an error."""
        printed, code = self._run(shell, time.monotonic() + self._seconds)
        assert code == 0, f"{shell}\n{printed}"
        return printed.strip()

    def _run(self, shell: str, end: float) -> tuple[str, int]:
        self._marks += 1
        mark = f"--{os.getpid()}-{self._marks}--"
        self._type(f"{{ {shell}\n}} </dev/null\necho {mark}$?")
        printed = ""
        while True:
            line = self._line(end, f"{shell}\n{printed}")
            before, found, code = line.rpartition(mark)
            printed += before if found else line
            if found:
                return printed, int(code)

    def _line(self, end: float, so_far: str) -> str:
        """The next line that anything in the shell prints."""
        try:
            return self._said.get(timeout=max(end - time.monotonic(), 0.01))
        except Empty:
            raise AssertionError(f"Nothing more comes:\n\n{so_far}") from None

    def _type(self, line: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(f"{line}\n")
        self._shell.stdin.flush()

    def _listen(self) -> None:
        assert self._shell.stdout is not None
        for line in self._shell.stdout:
            self._said.put(line)
