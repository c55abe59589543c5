"""What engines say: passed on as plain text, and understood where it is the reason of a failure."""

from __future__ import annotations

import pytest

from tidemill.building.engines.output import Output
from tidemill.errors import EntryPointFailed, Refused, ServerRefused, TidemillError, Unreachable


def test_lines_are_passed_on_as_plain_text_and_the_last_20_are_kept() -> None:
    said: list[str] = []
    output = Output("app", said.append)
    output.take(["\x1b[31mred\x1b[0m\a\n", "half\rwhole\r\n", "  \n", "é" * 600])
    assert said == ["app: red", "app: half", "app: whole", f"app: {'é' * 500}"]
    output.take(str(number) for number in range(50))
    error = output.failed("exit 1")
    assert error.what.splitlines() == ["app was not built: exit 1", *map(str, range(30, 50))]


KINDS: dict[str, tuple[str, list[str], type[TidemillError], str]] = {
    "a command that fails, whatever it is about": (
        "exit 1",
        [
            "connection refused",
            'ERROR: failed to solve: process "docker pull x || no builder" did not complete '
            "successfully: exit code: 1",
        ],
        EntryPointFailed,
        "mend the Dockerfile",
    ),
    "a full disk, even in a command": (
        "The command '/bin/sh -c cp' returned a non-zero code: 1",
        ["cp: write error: No space left on device"],
        Refused,
        "make room",
    ),
    "a builder that can't export": (
        "exit 1",
        ["ERROR: OCI exporter is not supported for the docker driver."],
        Refused,
        "setup-buildx-action",
    ),
    "an engine that is not there": (
        "exit 1",
        ["ERROR: Cannot connect to the Docker daemon at unix:///x. Is it running?"],
        Unreachable,
        "start the engine",
    ),
    "no such builder": ("exit 1", ['ERROR: no builder "x" found'], Unreachable, "buildx ls"),
    "a registry that is not there": (
        "exit 1",
        ["ERROR: failed to solve: x: failed to do request: Head: dial tcp: connection refused"],
        Unreachable,
        "reach the registry",
    ),
    "an image that is not there": (
        "manifest for x@sha256:0 not found: manifest unknown",
        [],
        ServerRefused,
        "docker login",
    ),
    "what needs BuildKit": (
        "the --chmod option requires BuildKit. Refer to its documentation",
        [],
        Refused,
        "--engine buildkit",
    ),
    "nothing known": ("exit 1", ["what?"], EntryPointFailed, "mend the Dockerfile"),
}


@pytest.mark.parametrize(("how", "lines", "kind", "remedy"), KINDS.values(), ids=KINDS.keys())
def test_a_failure_is_of_the_kind_that_has_its_remedy(
    how: str, lines: list[str], kind: type[TidemillError], remedy: str
) -> None:
    output = Output("app", lambda _: None)
    output.take(lines)
    error = output.failed(how)
    assert type(error) is kind
    assert remedy in error.remedy
    assert all(line in error.what for line in lines)
