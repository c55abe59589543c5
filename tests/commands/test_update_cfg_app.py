"""`tidemill update-cfg-app`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.commands.promises import (
    assert_any_time_is_harmless,
    assert_readable,
    assert_twice_is_once,
    dry_run,
    refused,
)
from tests.loop.stories import inbox, journal, refs, says
from tests.world import World, announcement, sha_of


def given(world: World, value: object) -> tuple[str, ...]:
    """The command line that announces what a file holds."""
    file = world.folder / "given.json"
    file.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return ("update-cfg-app", "--announcement", str(file))


def test_announcement_is_accepted_and_put_on_auto(new: World) -> None:
    turn = assert_twice_is_once(new, *given(new, announcement(1)))
    request = f"announcement-app-1-{sha_of('app-1')[:12]}"
    assert turn["request"] == {"id": request, "kind": "accepted", "state": "accepted"}
    assert inbox(new) == [request]
    assert [(one["set"], one["wave"]) for one in turn["introduced"]] == [("app", "lab")]
    assert turn["to_check"] == [new.ref("refs/heads/auto")]
    assert turn["landed"] is None


def test_announced_again_it_waits_already(under_test: World) -> None:
    assert under_test.announce(1)["request"]["state"] == "waits already"


def test_announced_again_after_it_landed_it_is_already_there(landed: World) -> None:
    before = refs(landed)
    assert landed.announce(1)["request"]["state"] == "already there"
    assert refs(landed) == before


def test_dry_run_says_what_would_be_done_and_writes_nothing(new: World) -> None:
    turn = dry_run(new, *given(new, announcement(1)))
    assert turn["changed"]
    assert turn["request"]["state"] == "would be accepted"
    assert len(turn["introduced"]) == 1
    assert turn["to_check"] == [], "there is no such commit"
    assert new.ref("refs/heads/auto") is None


def test_dry_run_is_what_is_then_done(new: World) -> None:
    wished = dry_run(new, *given(new, announcement(1)))
    done = new.announce(1)
    assert [one["app_sha"] for one in wished["introduced"]] == [sha_of("app-1")]
    for key in done.keys() - {"request", "introduced", "to_check", "waiting"}:
        assert wished[key] == done[key], key
    for wish, line in zip(wished["waiting"], done["waiting"], strict=True):
        assert (wish["what"], wish["kind"]) == (line["what"], line["kind"])


BARE = ("--app-sha", sha_of("app-1"), "--app-repository", "acme/app", "--position", "1")


def test_bare_form_makes_the_same_commit(new: World) -> None:
    whole = announcement(1)
    turn = new.run(*given(new, whole["images"]), *BARE)
    again = new.run(*given(new, whole))
    assert (again["request"]["state"], again["changed"]) == ("waits already", False)
    assert again["to_check"] == turn["to_check"]


@pytest.mark.parametrize("missing", ["--app-sha", "--app-repository", "--position"])
def test_bare_form_needs_what_it_does_not_say(new: World, missing: str) -> None:
    at = BARE.index(missing)
    rest = BARE[:at] + BARE[at + 2 :]
    reason = refused(new, *given(new, announcement(1)["images"]), *rest)
    assert f"in the bare form: add {missing}" in reason


EVIL = {
    "web": {
        "Digest": f"ghcr.io/evil/web@sha256:{'0' * 64}",
        "Tag": f"ghcr.io/evil/web:{sha_of('app-1')}",
    }
}
# All others are in tests/loop/test_bad_announcements.py.
REFUSED = {
    "no announcement": (b"{", "this is not an announcement"),
    "not allowed": (announcement(1) | {"images": EVIL}, "which [images] allow does not list"),
}


@pytest.mark.parametrize(("value", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_announcement_is_one_clear_error_and_nothing_is_written(
    new: World, value: object, reason: str
) -> None:
    assert reason in refused(new, *given(new, value))


def test_announcement_on_standard_input_is_read(new: World) -> None:
    command = [sys.executable, "-m", "tidemill", "update-cfg-app", "--announcement", "-", "--json"]
    done = subprocess.run(
        [*command, "--repo", str(new.bare), "--now", new.now.isoformat()],
        input=json.dumps(announcement(1)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["request"]["state"] == "accepted"
    assert done.stderr == ""


def test_other_commit_at_a_position_names_the_override(landed: World) -> None:
    other = announcement(1, sha=sha_of("rewritten"))
    reason = refused(landed, *given(landed, other))
    assert f"belongs to {sha_of('app-1')}" in reason
    assert "--override REASON" in reason


def test_override_lets_another_commit_in_and_the_journal_keeps_the_reason(deployed: World) -> None:
    other = announcement(1, {"web": "other"}, sha=sha_of("rewritten"))
    turn = assert_twice_is_once(
        deployed, *given(deployed, other), "--override", "we rewrote the branch"
    )
    assert [one["app_sha"] for one in turn["introduced"]] == [sha_of("rewritten")]
    reasons = [entry["reason"] for entry in journal(deployed) if entry["what"] == "overridden"]
    assert reasons == ["we rewrote the branch"]


@pytest.mark.parametrize("override", ["", "a\nb", "x" * 501])
def test_override_without_a_printable_reason_is_refused(new: World, override: str) -> None:
    reason = refused(new, *given(new, announcement(1)), "--override", override)
    assert "is not one printable line" in reason


def test_settings_that_can_not_be_used_keep_it_waiting_and_say_so(new: World) -> None:
    good = new.settings
    new.settings = good + "\n[colours]\n"
    commit = new.edit()
    result = new.announce(1)
    assert result.code == 1
    assert commit[:12] in result["error"]["what"]
    assert "line" in result["error"]["what"]
    assert "was accepted and waits in the inbox" in result["error"]["written"]
    assert len(inbox(new)) == 1
    new.settings = good
    new.edit()
    assert new.turn()["introduced"]


def test_person_is_told_what_was_done(new: World) -> None:
    code, out, _ = says(new, *given(new, announcement(1)))
    assert code == 0
    assert_readable(out)
    for word in ("accepted", "introduced", sha_of("app-1")[:12], "To check:", "Waiting:"):
        assert word in out


def test_odd_time_stops_nobody(new: World) -> None:
    assert_any_time_is_harmless(new, *given(new, announcement(1)))
