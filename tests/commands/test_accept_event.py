"""`tidemill accept-event`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.commands.little_github import LittleGitHub, little_github
from tests.commands.promises import (
    assert_any_time_is_harmless,
    assert_readable,
    assert_twice_is_once,
    dry_run,
    refused,
)
from tests.loop.stories import endings, inbox, refs, says
from tests.world import World, announcement, git, sha_of

from tidemill.__main__ import main
from tidemill.announcing.announcement import as_json, parse
from tidemill.announcing.by_reference import refer

REQUEST = f"announcement-app-1-{sha_of('app-1')[:12]}"


def event(world: World, name: str, payload: object) -> tuple[str, ...]:
    """The command line that accepts an event."""
    file = world.folder / "event.json"
    file.write_bytes(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return ("accept-event", "--event", name, "--payload", str(file))


def dispatch(world: World, kind: str, payload: object, sender: str = "ada") -> tuple[str, ...]:
    """The command line that accepts a repository_dispatch."""
    sent = {"action": kind, "client_payload": payload, "sender": {"login": sender}}
    return event(world, "repository_dispatch", sent)


def images(world: World, payload: object = None, sender: str = "ada") -> tuple[str, ...]:
    return dispatch(world, "images-announced", payload or announcement(1), sender)


def form(world: World, **inputs: object) -> tuple[str, ...]:
    """The command line that accepts what a person filled in."""
    return event(world, "workflow_dispatch", {"inputs": inputs, "sender": {"login": "ada"}})


def report(world: World, **changes: object) -> dict[str, Any]:
    made = {
        "version": 1,
        "wave": "lab",
        "target": "lab-1",
        "revision": world.ref("refs/heads/main"),
        "phase": "Succeeded",
        "health": "Healthy",
        "finished_at": world.now.isoformat(),
        "images": [announcement(1)["images"]["web"]["Digest"]],
    }
    return made | changes


def reported(world: World) -> dict[str, Any]:
    """The one record in the inbox."""
    [found] = inbox(world)
    record: dict[str, Any] = json.loads(
        git(world.bare, "show", f"refs/tidemill/inbox/{found}:record.json")
    )
    return record


def with_senders(world: World, *senders: str) -> None:
    listed = ", ".join(f'"{one}"' for one in senders)
    head, name, tail = world.settings.partition('name = "app"\n')
    world.settings = f"{head}{name}senders = [{listed}]\n{tail}"
    world.edit()


def test_hotfix_is_accepted_from_a_form(new: World) -> None:
    told = json.dumps({**announcement(7), "branch": "release-1"})
    inputs = {"operation": "promote", "wave": "lab", "override": "it is down"}
    found = assert_twice_is_once(new, *form(new, **inputs, announcement=told))
    assert found["accepted"].startswith("hotfix-")
    assert reported(new)["announcement"]["sha"] == sha_of("app-7")
    assert "a hotfix needs a reason" in refused(
        new, *form(new, operation="promote", wave="lab", announcement=told)
    )
    assert "hold takes no announcement" in refused(
        new, *form(new, operation="hold", wave="lab", reason="x", announcement=told)
    )


def test_announcement_is_accepted_and_nothing_else_is_done(new: World) -> None:
    found = assert_twice_is_once(new, *images(new))
    assert found == {
        "event": "repository_dispatch",
        "changed": True,
        "accepted": REQUEST,
        "state": "accepted",
        "reason": None,
    }
    assert inbox(new) == [REQUEST]
    assert new.ref("refs/heads/auto") is None
    assert new.turn()["introduced"]


def test_event_that_came_thrice_is_one_request(new: World) -> None:
    for state in ("accepted", "waits already", "waits already"):
        found = new.run(*images(new))
        assert (found["accepted"], found["state"]) == (REQUEST, state)
    new.turn()
    new.green()
    found = new.run(*images(new))
    assert (found["accepted"], found["state"]) == (REQUEST, "already there")
    assert endings(new) == {REQUEST: ["landed"]}


def test_report_of_a_target_is_accepted_and_filed_by_the_next_turn(landed: World) -> None:
    found = assert_twice_is_once(landed, *dispatch(landed, "target-deployed", report(landed)))
    assert found["accepted"].startswith("deployment-")
    assert landed.refs("deployed") == []
    landed.turn()
    assert landed.refs("deployed") == ["refs/tidemill/deployed/lab/lab-1"]
    again = landed.run(*dispatch(landed, "target-deployed", report(landed)))
    assert (again["accepted"], again["reason"]) == (None, "lab-1 has said so already")


def test_of_several_revisions_the_one_on_main_counts(landed: World) -> None:
    main_ = landed.ref("refs/heads/main")
    payload = report(landed, revisions=["1.2.3", "a" * 40, main_, "v2"], revision=None)
    landed.run(*dispatch(landed, "target-deployed", payload))
    assert reported(landed)["revision"] == main_


def test_of_two_revisions_on_main_the_older_counts(landed: World) -> None:
    older = landed.ref("refs/heads/main")
    newer = landed.edit(note="another chart")
    payload = report(landed, revisions=[newer, older], revision=None)
    landed.run(*dispatch(landed, "target-deployed", payload))
    assert reported(landed)["revision"] == older


def test_revisions_of_which_none_is_on_main_are_refused(landed: World) -> None:
    payload = report(landed, revisions=["a" * 40, "b" * 40], revision=None)
    assert "is on main" in refused(landed, *dispatch(landed, "target-deployed", payload))
    payload = report(landed, revisions=["1.2.3", "2.0.0"], revision=None)
    assert "none is a full SHA" in refused(landed, *dispatch(landed, "target-deployed", payload))
    payload = report(landed, revisions=[f"{n:040x}" for n in range(21)], revision=None)
    assert "more than an Application has" in refused(
        landed, *dispatch(landed, "target-deployed", payload)
    )


def status(world: World, environment: str, sha: str, state: str = "success") -> tuple[str, ...]:
    told = {"state": state, "created_at": world.now.isoformat(), "creator": {"id": 1}}
    deployment = {"sha": sha, "environment": environment, "task": "deploy", "creator": {"id": 1}}
    payload = {"deployment": deployment, "deployment_status": told}
    return event(world, "deployment_status", payload)


def test_status_of_a_deployment_is_a_report(landed: World) -> None:
    found = assert_twice_is_once(
        landed, *status(landed, "lab/lab-1", landed.ref("refs/heads/main") or "", "failure")
    )
    assert found["accepted"].startswith("deployment-")
    record = reported(landed)
    assert (record["phase"], record["health"]) == ("Failed", "Degraded")


def test_deployments_of_others_are_nothing_to_accept(landed: World) -> None:
    before = refs(landed)
    main_ = landed.ref("refs/heads/main") or ""
    for environment in ("github-pages", "preview/pr-7", "lab/lab-9"):
        found = landed.run(*status(landed, environment, main_))
        assert (found.code, found["accepted"], found["changed"]) == (0, None, False)
        assert found["reason"]
    assert refs(landed) == before


def test_person_promotes_by_filling_in_a_form(deployed: World) -> None:
    found = assert_twice_is_once(
        deployed, *form(deployed, operation="promote", wave="shop", sha=sha_of("app-1"))
    )
    assert found["accepted"].startswith("promotion-")
    assert [one["wave"] for one in deployed.turn()["promoted"]] == ["shop"]


def test_person_rolls_back_by_filling_in_a_form(second: World) -> None:
    inputs = {"operation": "roll back", "wave": "lab", "sha": sha_of("app-1"), "reason": "errors"}
    assert second.run(*form(second, **inputs))["accepted"].startswith("rollback-")
    assert second.turn()["rolled_back"]


def test_person_holds_and_releases_by_filling_in_a_form(new: World) -> None:
    new.run(*form(new, operation="hold", wave="lab", reason="freeze"))
    new.turn()
    assert new.refs("holds") == ["refs/tidemill/holds/lab/_"]
    new.later(minutes=1)
    new.run(*form(new, operation="release", wave="lab", reason="go"))
    new.turn()
    assert new.refs("holds") == []
    found = new.run(*form(new, operation="release", wave="lab", reason="go"))
    assert (found["accepted"], found["reason"]) == (None, "there is no hold of lab")


def test_person_drops_by_filling_in_a_form(new: World) -> None:
    new.run(*images(new))
    assert new.run(*form(new, operation="drop", id=REQUEST))["accepted"].startswith("drop-")
    new.turn()
    assert endings(new) == {REQUEST: ["dropped"]}


RERUN = {"GITHUB_ACTOR": "alice", "GITHUB_TRIGGERING_ACTOR": "bob", "GITHUB_RUN_ATTEMPT": "2"}


def again(monkeypatch: pytest.MonkeyPatch, **others: str) -> None:
    """What a runner says of a re-run: the actor is still that of the first run."""
    for name, value in {**RERUN, **others}.items():
        monkeypatch.setenv(name, value)


def test_re_run_promotes_nothing_and_says_how_to_ask(
    deployed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    again(monkeypatch)
    for others in ({}, {"override": "now"}):
        asked = {"operation": "promote", "wave": "shop", "sha": sha_of("app-1"), **others}
        said = refused(deployed, *form(deployed, **asked))
        assert "a re-run, by alice (re-run by bob), and a re-run approves nothing" in said
        assert "tidemill promote-wave --wave shop --set app --sha" in said


def test_re_run_releases_nothing_but_holds(new: World, monkeypatch: pytest.MonkeyPatch) -> None:
    again(monkeypatch)
    new.run(*form(new, operation="hold", wave="shop", reason="freeze"))
    done = new.turn()
    assert [note["by"] for note in done["notes"]] == ["alice (re-run by bob)"]
    said = refused(new, *form(new, operation="release", wave="shop", reason="over"))
    assert "tidemill release-wave --wave shop --reason over" in said
    assert new.refs("holds") == ["refs/tidemill/holds/shop/_"]


def test_re_run_releases_no_hold_of_all_waves_and_sends_no_hotfix(
    new: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    new.run("hold-wave", "--all", "--reason", "freeze")
    again(monkeypatch)
    said = refused(new, *form(new, operation="release", wave="*", reason="over"))
    assert "tidemill release-wave --wave '*' --reason over" in said
    told = json.dumps(announcement(7))
    said = refused(
        new, *form(new, operation="promote", wave="lab", override="now", announcement=told)
    )
    assert "promote-wave --wave lab --announcement FILE --override now" in said
    assert len(new.refs("holds")) == 2


def test_re_run_names_the_set_of_the_release_that_it_refuses(
    new: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for which in ((), ("--set", "app")):
        new.run("hold-wave", "--wave", "shop", *which, "--reason", "freeze")
    again(monkeypatch)
    said = refused(new, *form(new, operation="release", wave="shop", set="app", reason="over"))
    assert "tidemill release-wave --wave shop --set app --reason over" in said


def test_re_run_retries_nothing(evicted: World, monkeypatch: pytest.MonkeyPatch) -> None:
    again(monkeypatch)
    sha = sha_of("app-2")[:7]
    said = refused(evicted, *form(evicted, operation="retry", sha=sha))
    assert f"tidemill retry --sha {sha_of('app-2')}" in said


def test_re_run_announces_and_turns_as_ever_and_the_journal_says_whose(
    new: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    again(monkeypatch, GITHUB_TRIGGERING_ACTOR="alice")
    assert new.run(*images(new))["accepted"] == REQUEST
    done = new.turn()
    assert [one["by"] for one in done["introduced"]] == ["alice (re-run)"]
    message = git(new.bare, "log", "-1", "--format=%B", "refs/tidemill/journal")
    assert "(by alice (re-run))" in message


def test_re_run_overrides_nothing(new: World, monkeypatch: pytest.MonkeyPatch) -> None:
    again(monkeypatch)
    said = refused(
        new, "update-cfg-app", "--announcement", json.dumps(announcement(1)), "--override", "now"
    )
    assert "a re-run approves nothing" in said


@pytest.mark.parametrize("attempt", ["1", "", "0", "x", "²"])
def test_first_run_is_no_re_run(
    attempt: str, deployed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    again(monkeypatch, GITHUB_RUN_ATTEMPT=attempt)
    asked = form(deployed, operation="promote", wave="shop", sha=sha_of("app-1"))
    accepted = deployed.run(*asked)["accepted"]
    assert accepted.startswith("promotion-")


def test_person_retries_by_filling_in_a_form(evicted: World) -> None:
    found = evicted.run(*form(evicted, operation="retry", sha=sha_of("app-2")[:9]))
    assert found["accepted"].startswith("retry-")


@pytest.mark.parametrize("name", ["push", "schedule", "status", "workflow_run", "x"])
def test_other_events_are_nothing_to_accept(new: World, name: str) -> None:
    before = refs(new)
    found = new.run("accept-event", "--event", name)
    assert (found.code, found["accepted"], found["state"]) == (0, None, "nothing to accept")
    assert "only starts a turn" in found["reason"]
    assert refs(new) == before


BAD: dict[str, tuple[str, object, str]] = {
    "no JSON": ("repository_dispatch", b"{", "is not a repository_dispatch"),
    "newer": ("images-announced", announcement(1) | {"version": 2}, "same release of Tidemill"),
    "newer report": ("target-deployed", {"version": 2}, "same release of Tidemill"),
    "bad set": ("images-announced", announcement(1) | {"set": "../x"}, "valid name of a set"),
    "unknown set": ("images-announced", announcement(1) | {"set": "moon"}, "no set 'moon'"),
    "bare": ("images-announced", announcement(1)["images"], "announce-images"),
    "unknown wave": ("target-deployed", {"wave": "moon"}, "no target lab-1 in a wave moon"),
    "no time": ("target-deployed", {"finished_at": "a\nb"}, "is not a time"),
}


@pytest.mark.parametrize(("kind", "payload", "reason"), BAD.values(), ids=BAD.keys())
def test_bad_event_is_one_clear_error_and_nothing_is_written(
    landed: World, kind: str, payload: Any, reason: str
) -> None:
    if isinstance(payload, bytes):
        given = event(landed, kind, payload)
    else:
        is_report = kind == "target-deployed"
        given = dispatch(landed, kind, report(landed, **payload) if is_report else payload)
    assert reason in refused(landed, *given)


def test_event_is_the_workflow_s_own_by_default(
    new: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, file = images(new)
    monkeypatch.setenv("GITHUB_EVENT_NAME", "repository_dispatch")
    monkeypatch.setenv("GITHUB_EVENT_PATH", file)
    assert new.run("accept-event")["accepted"] == REQUEST


def test_outside_a_workflow_event_and_payload_are_asked_for(new: World) -> None:
    assert "GITHUB_EVENT_NAME" in refused(new, "accept-event")
    assert "GITHUB_EVENT_PATH" in refused(new, "accept-event", "--event", "workflow_dispatch")
    given = ("accept-event", "--event", "workflow_dispatch", "--payload", "/none")
    assert "can't be read" in refused(new, *given)


def test_repository_is_asked_for_only_outside_a_workflow(
    new: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["accept-event", "--event", "push", "--json"]
    assert main(given) == 2
    assert "--repo is not given" in capsys.readouterr().err
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/cfg-app")
    assert main(given) == 0


def test_listed_sender_announces_and_no_other(new: World) -> None:
    with_senders(new, "acme-ci[bot]")
    reason = refused(new, *images(new, sender="mallory"))
    assert "the set app is announced by acme-ci[bot], not by mallory" in reason
    assert new.run(*images(new, sender="ACME-CI[bot]"))["state"] == "accepted"
    assert reported(new)["sender"] == "ACME-CI[bot]"


def test_event_without_a_sender_is_refused_where_senders_are_listed(new: World) -> None:
    with_senders(new, "acme-ci[bot]")
    payload = {"action": "images-announced", "client_payload": announcement(1)}
    assert "by somebody unknown" in refused(new, *event(new, "repository_dispatch", payload))


def test_announcement_from_git_alone_has_no_sender_and_passes(new: World) -> None:
    with_senders(new, "acme-ci[bot]")
    assert new.announce(1)["introduced"]


def test_update_in_a_workflow_of_this_event_knows_its_sender(
    new: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who calls update-cfg-app from a workflow of their own is bound by `senders`, too."""
    with_senders(new, "acme-ci[bot]")
    given = ("update-cfg-app", f"--announcement={json.dumps(announcement(1))}")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "repository_dispatch")
    assert "not by somebody unknown" in refused(new, *given)
    monkeypatch.setenv("GITHUB_ACTOR", "mallory")
    assert "not by mallory" in refused(new, *given)
    monkeypatch.setenv("GITHUB_ACTOR", "acme-ci[bot]")
    assert new.run(*given)["introduced"]


@pytest.mark.parametrize("sender", ["a\nb", "$(id)", "--override=x", "../x", "\u202ea"])
def test_sender_that_is_no_login_is_refused(new: World, sender: str) -> None:
    assert "is not the login of an account" in refused(new, *images(new, sender=sender))


def test_invalid_settings_do_not_keep_an_event_from_being_accepted(new: World) -> None:
    new.settings += "\n[colours]\n"
    new.edit()
    assert new.run(*images(new))["state"] == "accepted"
    assert inbox(new) == [REQUEST]


def test_sender_is_judged_by_the_turn_where_settings_were_invalid(new: World) -> None:
    good = new.settings
    new.settings += "\n[colours]\n"
    new.edit()
    new.run(*images(new, sender="mallory"))
    new.settings = good
    with_senders(new, "acme-ci[bot]")
    [rejected] = new.turn()["rejected"]
    assert rejected["reason"].endswith("not by mallory")


def test_dry_run_writes_nothing(new: World) -> None:
    assert dry_run(new, *images(new))["accepted"] == REQUEST


def test_person_is_told_what_was_accepted(new: World) -> None:
    code, out, _ = says(new, *images(new))
    assert code == 0
    assert_readable(out)
    assert f"{REQUEST}: accepted" in out
    code, out, _ = says(new, "accept-event", "--event", "push")
    assert "nothing to accept" in out


def test_odd_time_stops_nobody(new: World) -> None:
    assert_any_time_is_harmless(new, *images(new))


# By reference


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[LittleGitHub]:
    with little_github() as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TIDEMILL_TOKEN", "cfg-token")
        yield found


LARGE = json.dumps(announcement(1, {f"s{n}": str(n) for n in range(1000)})).encode()
BY_REFERENCE = as_json(refer(parse(LARGE), LARGE, 42, "announcement-app"))
ARTIFACT = ("acme/app", 42, "announcement-app")


def test_announcement_by_reference_is_fetched_and_accepted(
    new: World, github: LittleGitHub
) -> None:
    github.artifacts[ARTIFACT] = LARGE
    assert new.run(*images(new, BY_REFERENCE))["accepted"] == REQUEST
    assert len(reported(new)["announcement"]["images"]) == 1000
    asked = [(one.path.partition("?")[0], one.token) for one in github.asked]
    assert asked == [
        ("/api/v3/repos/acme/app/actions/runs/42/artifacts", "cfg-token"),
        ("/api/v3/repos/acme/app/actions/artifacts/1/zip", "cfg-token"),
        ("/signed/acme/app/1", None),
    ]


def test_artifact_is_fetched_with_the_token_that_is_for_it(
    new: World, github: LittleGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMILL_ARTIFACT_TOKEN", "app-token")
    github.artifacts[ARTIFACT] = LARGE
    new.run(*images(new, BY_REFERENCE))
    assert {one.token for one in github.asked} == {"app-token", None}


def test_repeat_needs_no_artifact_any_more(new: World, github: LittleGitHub) -> None:
    github.artifacts[ARTIFACT] = LARGE
    new.run(*images(new, BY_REFERENCE))
    github.artifacts.clear()
    assert new.run(*images(new, BY_REFERENCE))["state"] == "waits already"
    new.turn()
    new.green()
    found = new.run(*images(new, BY_REFERENCE))
    assert (found["accepted"], found["state"]) == (REQUEST, "already there")


def test_artifact_that_is_not_what_the_event_said_is_refused(
    new: World, github: LittleGitHub
) -> None:
    assert "is not there" in refused(new, *images(new, BY_REFERENCE))
    github.artifacts[ARTIFACT] = LARGE + b" "
    assert "has no file with the sha256" in refused(new, *images(new, BY_REFERENCE))
    github.artifacts[ARTIFACT] = LARGE
    other = images(new, BY_REFERENCE | {"position": 2})
    assert "the event says position 2" in refused(new, *other)


def test_nothing_is_fetched_for_a_sender_or_a_repository_that_may_not_announce(
    new: World, github: LittleGitHub
) -> None:
    with_senders(new, "acme-ci[bot]")
    assert "not by mallory" in refused(new, *images(new, BY_REFERENCE, sender="mallory"))
    unknown = BY_REFERENCE | {"set": "moon"}
    assert "there is no set 'moon'" in refused(new, *images(new, unknown, sender="acme-ci[bot]"))
    assert github.asked == []


def test_hotfix_by_reference_is_fetched_unless_it_is_from_elsewhere(
    new: World, github: LittleGitHub
) -> None:
    github.artifacts[ARTIFACT] = LARGE
    wanted = {"operation": "promote", "wave": "lab", "override": "checkout is down"}
    elsewhere = BY_REFERENCE | {"set": "moon"}
    reason = refused(new, *form(new, **wanted, announcement=json.dumps(elsewhere)))
    assert "there is no set 'moon'" in reason
    new.settings = new.settings.replace('name = "app"', 'name = "app"\nrepository = "acme/app"')
    new.edit()
    other = form(new, **wanted, announcement=json.dumps(BY_REFERENCE | {"repository": "acme/x"}))
    assert "comes from acme/app, not from acme/x" in refused(new, *other)
    assert github.asked == []
    found = new.run(*form(new, **wanted, announcement=json.dumps(BY_REFERENCE)))
    assert found["state"] == "accepted"
    assert len(reported(new)["announcement"]["images"]) == 1000


def test_without_a_token_the_reference_says_what_is_needed(
    new: World, github: LittleGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIDEMILL_TOKEN")
    reason = refused(new, *images(new, BY_REFERENCE))
    assert "may read actions of acme/app" in reason
    assert github.asked == []


@pytest.mark.parametrize(
    "command",
    [
        ("hold-wave", "--wave", "lab", "--reason", "x"),
        ("update-cfg-app", f"--announcement={json.dumps(announcement(1))}"),
    ],
    ids=lambda command: command[0],
)
def test_any_command_that_accepts_can_leave_the_turn_to_others(
    new: World, command: tuple[str, ...]
) -> None:
    found = assert_twice_is_once(new, *command, "--accept-only")
    assert set(found) == {"request", "changed"}
    assert found["request"]["state"] == "accepted"
    assert inbox(new) == [found["request"]["id"]]
    code, out, _ = says(new, *command, "--accept-only")
    assert (code, out) == (0, f"{found['request']['id']}: waits already\n")


def test_output_of_the_inner_command_does_not_mix_in(
    new: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [*images(new), "--repo", str(new.bare), "--now", new.now.isoformat(), "--json"]
    assert main(given) == 0
    printed = capsys.readouterr()
    assert set(json.loads(printed.out)) == {"event", "changed", "accepted", "state", "reason"}
    assert printed.err == ""


def outlook(world: World, *words: str) -> tuple[bool, bool, bool, bool]:
    """Whether something is due, and takes an operation's entry points, a check, or a branch."""
    before = refs(world)
    found = world.run(*words, "--look-ahead")
    assert found.code == 0, found
    after = refs(world)
    assert {name: sha for name, sha in after.items() if "/inbox/" not in name} == {
        name: sha for name, sha in before.items() if "/inbox/" not in name
    }, "it only accepts"
    return found["due"], found["operations"], found["checks"], found["branches"]


def test_look_ahead_says_whether_an_entry_point_has_to_run(new: World) -> None:
    assert outlook(new, "accept-event", "--event", "schedule") == (False, False, False, False)
    assert outlook(new, *images(new)) == (True, True, False, True)
    [commit] = new.turn()["to_check"]
    assert outlook(new, "accept-event", "--event", "schedule") == (True, False, True, True)
    new.check(commit)
    assert outlook(new, "accept-event", "--event", "schedule") == (True, False, False, True)


def test_look_ahead_takes_no_entry_point_and_no_branch_for_a_report(landed: World) -> None:
    came = dispatch(landed, "target-deployed", report(landed))
    assert outlook(landed, *came) == (True, False, False, False)
    landed.turn()
    assert outlook(landed, *came) == (False, False, False, False), "it repeats the latest"


@pytest.mark.parametrize(
    ("how", "takes_command"),
    [('command = "cat verdict"', True), ('url = "http://127.0.0.1:9/verdict"', False)],
)
def test_look_ahead_knows_that_a_verification_is_due(
    landed: World, how: str, takes_command: bool
) -> None:
    landed.settings += f'[[verifications]]\nname = "smoke"\nwaves = ["lab"]\n{how}\n'
    landed.edit()
    landed.deploy("lab")
    found = landed.run("accept-event", "--event", "schedule", "--look-ahead")
    assert (found["due"], found["operations"]) == (True, takes_command)
    assert found["waiting"]


def test_look_ahead_says_what_waits_where_nothing_is_due(landed: World) -> None:
    code, out, _ = says(landed, "accept-event", "--event", "schedule", "--look-ahead")
    assert code == 0
    assert_readable(out)
    assert "lab-1" in out
    assert "Nothing is due yet." in out


def test_look_ahead_of_a_dry_run_counts_what_would_be_accepted(new: World) -> None:
    found = dry_run(new, *images(new), "--look-ahead")
    assert (found["state"], found["operations"]) == ("would be accepted", True)


def test_look_ahead_on_settings_that_are_wrong_says_what_was_accepted(new: World) -> None:
    new.settings = new.settings.replace("[[waves]]", "[[wafes]]", 1)
    new.edit()
    found = new.run(*images(new), "--look-ahead")
    assert found.code == 1
    assert "was accepted" in found["error"]["written"]
    assert inbox(new) == [REQUEST]
