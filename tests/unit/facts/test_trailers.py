"""The message of an automatic commit, as text."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from tidemill.facts.operation import Operation
from tidemill.facts.trailers import message, parse, trailers

SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"
CFG = "c" * 40


def operation(**changes: Any) -> Operation:
    fields = {
        "kind": "introduce",
        "wave": "staging",
        "set": "app",
        "app_sha": SHA,
        "position": 1234,
        "repository": "acme/app",
        "content": "content",
        "request": "announcement-app-1234-7d1043473d55",
        "reason": "announced by acme/app",
    }
    return Operation(**{**fields, **changes})


def test_introduction_says_what_came_from_where() -> None:
    assert message(operation()) == (
        "Introduce app 7d1043473d55 to staging\n"
        "\n"
        f"Autocommit-App-SHA: {SHA}\n"
        "Autocommit-Target: staging\n"
        "Autocommit-Reason: announced by acme/app\n"
        "Autocommit-App-Repository: acme/app\n"
        "Autocommit-App-Position: 1234\n"
        "Autocommit-Image-Set: app\n"
        "Autocommit-Operation: introduce\n"
        "Autocommit-Request: announcement-app-1234-7d1043473d55\n"
    )


def test_promotion_names_the_commit_that_it_copies() -> None:
    promoted = operation(
        kind="promote", wave="production", source="staging", commit=CFG, request=None
    )
    assert message(promoted).startswith("Promote app 7d1043473d55 to production\n\n")
    assert trailers(promoted)["Autocommit-Promoted-From"] == f"staging@{CFG}"
    assert "Autocommit-Request" not in trailers(promoted)


def test_rollback_gives_the_reason_of_the_person() -> None:
    back = operation(
        kind="roll back", wave="production", source="production", commit=CFG, reason="errors 🔥"
    )
    assert message(back).startswith("Roll back to app 7d1043473d55 in production\n\n")
    assert trailers(back)["Autocommit-Reason"] == "errors 🔥"
    assert "Autocommit-Promoted-From" not in trailers(back)


def test_unknown_set_leaves_out_what_is_not_known() -> None:
    unknown = operation(kind="roll back", app_sha=None, position=0, repository=None, reason="")
    assert set(trailers(unknown)) == {
        "Autocommit-Target",
        "Autocommit-Image-Set",
        "Autocommit-Operation",
        "Autocommit-Request",
    }
    assert message(unknown).startswith("Roll back to app (an unknown set) in staging\n")


@dataclass(frozen=True)
class Forgery:
    """A value that would be another trailer."""

    break_: str

    def __str__(self) -> str:
        return f"x{self.break_}Autocommit-App-SHA: {'0' * 40}"


BREAKS = {
    "line-feed": "\n",
    "return": "\r",
    "both": "\r\n",
    "form-feed": "\f",
    "vertical-tab": "\v",
    "next-line": "\x85",
    "line-separator": "\u2028",
    "null": "\0",
    "late": "y" * 600 + "\n",
}


@pytest.mark.parametrize("field", ["reason", "repository", "request", "set", "wave", "app_sha"])
@pytest.mark.parametrize("break_", BREAKS.values(), ids=BREAKS.keys())
def test_value_that_could_forge_a_trailer_is_refused(field: str, break_: str) -> None:
    with pytest.raises(ValueError, match="not a trailer"):
        message(operation(**{field: str(Forgery(break_))}))


def test_wave_that_a_set_was_promoted_from_can_not_forge_either() -> None:
    with pytest.raises(ValueError, match="not a trailer"):
        message(operation(kind="promote", source="a\nb", commit=CFG))


@pytest.mark.parametrize(
    "reason", ["x" * 500, "--- a line of dashes", "Autocommit-App-SHA: 0", "# no"]
)
def test_reason_of_one_line_is_kept_as_it_is(reason: str) -> None:
    lines = message(operation(reason=reason)).splitlines()
    assert f"Autocommit-Reason: {reason}" in lines
    assert sum(line.startswith("Autocommit-App-SHA:") for line in lines) == 1


def test_same_operation_has_the_same_message() -> None:
    assert message(operation()) == message(operation())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"request": None, "reason": ""},
        {"kind": "promote", "source": "lab", "commit": CFG},
        {"kind": "roll back", "app_sha": None, "position": 0, "repository": None},
        {"reason": "Autocommit-Target: production"},
    ],
    ids=["introduction", "no-request", "promotion", "rollback-to-an-unknown-set", "sly-reason"],
)
def test_message_says_what_the_operation_was(changes: dict[str, Any]) -> None:
    made = operation(**changes)
    found = parse(message(made))
    assert found is not None
    assert trailers(found) == trailers(made)
    assert found.id == msgspec.structs.replace(made, content="").id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A person's commit\n",
        "A person's commit\n\nAutocommit-Operation: introduce\n",
        message(operation()).replace("introduce\n", "destroy\n"),
        message(operation()).replace(": staging", ": ../staging"),
        message(operation()).replace(": app\n", ": \n"),
        message(operation()).replace(SHA, "main"),
        message(operation()).replace("1234\n", f"{2**53}\n"),
        message(operation()).replace("1234\n", "-1\n"),
        message(operation()) + "\nSigned-off-by: ada\n",
        message(operation()).replace("Repository: acme/app\n", "Repository: a b\n"),
        message(operation(generation=2)).replace("Generation: 2", "Generation: 0"),
        message(operation(generation=2)).replace("Generation: 2", f"Generation: {2**31}"),
        message(operation(generation=2)).replace("Generation: 2", "Generation: x"),
        message(operation(kind="promote", source="lab", commit=CFG)).replace(CFG, "main"),
        message(operation(kind="promote", source="lab", commit=CFG)).replace("lab@", "../lab@"),
        message(operation(kind="promote", source="lab", commit=CFG)).replace("lab@", "@"),
        message(operation(kind="promote", source="lab", commit=CFG)).replace(f"@{CFG}", ""),
        message(operation()).replace("Autocommit-Target", "Target"),
    ],
)
def test_message_of_any_other_commit_says_of_no_operation(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("position", [0, 1, 2**53 - 1])
@pytest.mark.parametrize("generation", [1, 2, 2**31 - 1])
def test_place_in_the_history_of_app_git_is_read_again(position: int, generation: int) -> None:
    found = parse(message(operation(position=position, generation=generation)))
    assert found is not None
    assert (found.position, found.generation) == (position, generation)
    said = message(operation(generation=2)).replace("Generation: 2", "Generation: 1")
    first = parse(said)
    assert first is not None
    assert first.generation == 1


def test_promotion_says_where_it_is_from() -> None:
    found = parse(message(operation(kind="promote", source="lab", commit=CFG)))
    assert found is not None
    assert (found.source, found.commit) == ("lab", CFG)
    plain = parse(message(operation()))
    assert plain is not None
    assert (plain.source, plain.commit) == (None, None)
