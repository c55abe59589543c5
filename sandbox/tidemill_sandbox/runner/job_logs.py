"""A job's log as GitHub shows it, and the state of its steps, out of what act says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from tidemill_sandbox.state.shapes import Job, Step

_COMMANDS = {"error": "##[error]", "warning": "##[warning]", "notice": "##[notice]",
             "debug": "##[debug]", "group": "##[group]", "endgroup": "##[endgroup]"}  # fmt: skip
_ANNOTATIONS = ("error", "warning", "notice")
_CONCLUSIONS = {"success": "success", "failure": "failure", "skipped": "skipped"}


class JobLog:
    """The log file of a job, written line by line; its steps and its summary with it.

    The summary is beside the log, as `<job>.md`.
    """

    def __init__(self, job: Job) -> None:
        if job.log is None:
            raise ValueError("a job without a log")
        self._job = job
        self._path = job.log
        self._stream: TextIO = job.log.open("w", encoding="utf-8")
        self._steps: dict[str, Step] = {}

    @property
    def summary(self) -> Path:
        """Where the job's summary is, if it wrote one."""
        return self._path.with_suffix(".md")

    def line(self, text: str, at: datetime) -> None:
        """Write lines of our own."""
        for one in text.splitlines():
            self._stream.write(f"{at:%Y-%m-%dT%H:%M:%S.%fZ} {one}\n")
        self._stream.flush()

    def hear(self, said: Mapping[str, Any], at: datetime) -> None:
        """Take a line of act's log about this job."""
        command, text = said.get("command"), str(said.get("msg", ""))
        if command == "summary":
            if len(said.get("stepID") or ()) > 1:
                return  # a step of a composite action; act says it again for the step that uses it
            with self.summary.open("a", encoding="utf-8") as stream:
                stream.write(str(said.get("content", "")))
        elif command in _COMMANDS:
            self.line(_COMMANDS[command] + str(said.get("arg", "")), at)
            if command in _ANNOTATIONS:
                title = str((said.get("kvPairs") or {}).get("title", ""))
                self._job.annotations.append((command, title, str(said.get("arg", ""))))
        elif command is not None:
            return  # set-output, add-mask, set-env: GitHub's log does not have them
        elif said.get("raw_output"):
            self.line(text, at)
        elif said.get("stage") == "Main" and len(said.get("stepID") or ()) == 1:
            self._step(said, text, at)
        elif said.get("level") in ("error", "warning"):
            self.line(f"##[{said['level']}]{text}", at)

    def close(self) -> None:
        """Nothing more comes."""
        self._stream.close()

    def _step(self, said: Mapping[str, Any], text: str, at: datetime) -> None:
        number = said["stepID"][0]
        step = self._steps.get(number)
        if step is None:
            name = str(said.get("step", "")).strip().partition("\n")[0]
            step = self._steps[number] = Step(len(self._steps) + 1, f"Run {name}"[:120])
            step.status, step.started_at = "in_progress", at
            self._job.steps.append(step)
            self.line(f"##[group]{step.name}\n##[endgroup]", at)
        result = said.get("stepResult")
        if result is not None:
            step.status, step.conclusion = "completed", _CONCLUSIONS.get(str(result), "failure")
            step.completed_at = at
        elif said.get("level") == "error":
            words = text.replace("exit status ", "Process completed with exit code ")
            self.line(f"##[error]{words}", at)
            self._job.annotations.append(("error", "", words))
