"""What a runner is told: outputs, annotations, masks, a summary, and a log that is only a log."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tidemill.clients.machine import workflow

SRC = Path(workflow.__file__).parents[3]


@dataclass(frozen=True)
class Step:
    """The files of a step, as a runner makes them."""

    output: Path
    summary: Path
    temp: Path

    def outputs(self) -> dict[str, str]:
        """What a runner makes of the file: `name<<delimiter`, lines, delimiter."""
        found, lines = {}, iter(self.output.read_text().split("\n"))
        for line in lines:
            if not line:
                continue
            name, _, delimiter = line.partition("<<")
            value = []
            while (one := next(lines)) != delimiter:
                value.append(one)
            found[name] = "\n".join(value)
        return found


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    files = Step(tmp_path / "output", tmp_path / "summary", tmp_path / "temp")
    files.output.touch()
    files.summary.touch()
    files.temp.mkdir()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(files.output))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(files.summary))
    monkeypatch.setenv("RUNNER_TEMP", str(files.temp))
    return files


def log_of(script: str) -> list[str]:
    """The lines that a runner reads of a process, both streams together in their order."""
    start = (
        f"import os, sys; sys.path.insert(0, {str(SRC)!r}); os.environ['GITHUB_ACTIONS'] = 'true'; "
        "from tidemill.clients.machine import workflow\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", start + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
        text=True,
    )
    return done.stdout.splitlines()


def commands(log: list[str]) -> list[str]:
    """The lines that a runner takes for commands: `::name::`, or `##[name]` anywhere in a line."""
    found, stopped = [], None
    for line in log:
        new, old = re.match(r"\s*::([^: ]+)[^:]*::(.*)", line), re.search(r"##\[([^\]]*)\]", line)
        name = new[1] if new else old[1] if old else None
        if name is None or (stopped and name != stopped):
            continue
        stopped = new[2] if new and name == "stop-commands" else None
        found.append(line)
    return found


def test_an_input_is_read_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INPUT_FINISHED-AT", " then\n")
    assert workflow.read_input("finished-at") == "then"
    assert workflow.read_input("wave") == ""
    assert workflow.given_inputs() == ["finished-at"]


def test_no_value_of_an_output_makes_another_output(step: Step) -> None:
    hostile = "a\nlanded=b\nlanded<<E\nc\nE\nghadelimiter_\n::set-output name=landed::d"
    assert workflow.set_outputs({"reason": hostile, "landed": ""}) == []
    assert step.outputs() == {"reason": hostile, "landed": ""}


def test_an_output_that_is_too_long_stays_empty_and_is_named(step: Step) -> None:
    long = "x" * (workflow.LONGEST_OUTPUT + 1)
    assert workflow.set_outputs({"images": long, "digest": long[1:]}) == ["images"]
    assert step.outputs() == {"images": "", "digest": long[1:]}


def test_an_output_that_is_no_text_in_utf_8_is_set_all_the_same(step: Step) -> None:
    workflow.set_outputs({"reason": "a\udce9b"})
    assert step.outputs() == {"reason": "a?b"}


@pytest.mark.parametrize("kind", ["error", "warning", "notice"])
def test_an_annotation_is_one_command(
    step: Step, kind: workflow.Kind, capsys: pytest.CaptureFixture[str]
) -> None:
    workflow.annotate(kind, "Tidemill: a,b", ["100%\n::error::x\r\n"])
    out = capsys.readouterr().out
    assert out == f"::{kind} title=Tidemill%3A a%2Cb::100%25%0A::error::x\\r%0A\n"


def test_more_annotations_than_a_runner_shows_share_the_last(
    step: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    workflow.annotate("warning", "T", [f"number {n}" for n in range(12)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == workflow.MOST_ANNOTATIONS
    assert lines[-1].endswith("::And 3 more:%0Anumber 9%0Anumber 10%0Anumber 11")


def test_a_long_annotation_is_cut(step: Step, capsys: pytest.CaptureFixture[str]) -> None:
    workflow.annotate("error", "T", ["x" * 5_000])
    text = capsys.readouterr().out.rstrip("\n").rpartition("::")[2]
    assert len(text) == workflow.LONGEST_ANNOTATION
    assert text.endswith("…")


def test_tokens_are_masked_in_both_of_their_forms(
    step: Step, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIDEMILL_TOKEN", "ghs_1")
    monkeypatch.setenv("TIDEMILL_REGISTRY_PASSWORD", "s3cret")
    workflow.mask_secrets()
    out = capsys.readouterr().out.splitlines()
    basic = base64.b64encode(b"x-access-token:ghs_1").decode()
    assert out[:2] == ["::add-mask::ghs_1", f"::add-mask::{basic}"]
    assert "::add-mask::s3cret" in out


def test_a_summary_is_added_to_what_is_there(step: Step) -> None:
    step.summary.write_text("before\n")
    workflow.summarize("### after\n\n")
    assert step.summary.read_text() == "before\n### after\n"


def test_a_summary_that_is_too_long_is_cut_at_a_line(step: Step) -> None:
    step.summary.write_text("before\n")
    workflow.summarize("\n".join(f"| {n} | é |" for n in range(200_000)))
    data = step.summary.read_bytes()
    assert len(data) <= workflow.LARGEST_SUMMARY
    assert len(data) > workflow.LARGEST_SUMMARY - 100
    *_, last, _, word = data.decode().removesuffix("\n").split("\n")
    assert re.fullmatch(r"\| \d+ \| é \|", last)
    assert word.startswith("_The rest is left out")


def test_a_full_summary_gets_nothing_more(step: Step) -> None:
    step.summary.write_bytes(b"x" * workflow.LARGEST_SUMMARY)
    workflow.summarize("more")
    assert step.summary.stat().st_size == workflow.LARGEST_SUMMARY


def test_a_kept_file_is_the_steps_own(step: Step) -> None:
    both = [Path(workflow.keep("a.json", b"{}")) for _ in range(2)]
    assert both[0] != both[1]
    for file in both:
        assert file.read_bytes() == b"{}"
        assert step.temp in file.parents


def test_nothing_that_is_quoted_is_a_command() -> None:
    log = log_of(
        "import subprocess\n"
        "with workflow.quoted():\n"
        "    print('::error::printed')\n"
        "    print('  ::add-mask::a', file=sys.stderr)\n"
        "    print('hm ##[group]x')\n"
        "    sys.stdout.flush()\n"
        "    subprocess.run(['sh', '-c', 'echo ::warning::child; echo ::warning::err >&2'])\n"
        "    sys.stdout.write('::stop-commands::mine')\n"
        "workflow.annotate('notice', 'T', ['said'])\n"
    )
    stop, resume, notice = commands(log)
    token = stop.removeprefix("::stop-commands::")
    assert resume == f"::{token}::"
    assert notice == "::notice title=T::said"
    assert "::error::printed" in log
    assert "::warning::err" in log


def test_what_is_quoted_can_not_know_the_word_that_ends_it() -> None:
    words = {commands(log_of("with workflow.quoted(): pass\n"))[0] for _ in range(2)}
    assert len(words) == 2
    assert all(re.fullmatch(r"::stop-commands::[0-9a-f]{32}", word) for word in words)


def test_commands_count_again_after_an_error() -> None:
    log = log_of(
        "try:\n    with workflow.quoted(): raise ValueError\n"
        "except ValueError: workflow.annotate('error', 'T', ['said'])\n"
    )
    assert commands(log)[-1] == "::error title=T::said"


def test_a_group_is_folded_and_quoted() -> None:
    log = log_of("with workflow.group('a\\n::error::b'): print('::error::c')\n")
    found = commands(log)
    assert found[0] == "::group::a\\n::error::b"
    assert found[-1] == "::endgroup::"
    assert len(found) == 4


def test_outside_a_workflow_nothing_is_issued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("TIDEMILL_TOKEN", "ghs_1")
    workflow.mask_secrets()
    workflow.annotate("error", "T", ["x"])
    workflow.summarize("x")
    workflow.set_outputs({"a": "b"})
    with workflow.group("g"), workflow.quoted():
        pass
    assert workflow.keep("a", b"") == ""
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "summary").exists()


def test_requests_is_not_loaded_to_speak_to_a_runner() -> None:
    log = log_of(
        "workflow.read_input('x'); workflow.annotate('notice', 'a', ['b'])\n"
        "print('requests' in sys.modules, 'urllib3' in sys.modules)\n"
    )
    assert log == ["::notice title=a::b", "False False"]
