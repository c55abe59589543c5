"""`tidemill promote-wave`."""

import shlex

import pytest
from tests.commands.promises import (
    assert_readable,
    assert_twice_is_once,
    refused,
)
from tests.loop.stories import endings, inbox, journal, refs, says, waits_for
from tests.world import START, World, sha_of

from tidemill.commands._remedies import Remedies

PROMOTE = ("promote-wave", "--wave", "shop")
APPROVE = (*PROMOTE, "--sha", sha_of("app-1"))


def test_approval_puts_the_set_on_auto(deployed: World) -> None:
    assert not deployed.turn()["promoted"]
    turn = assert_twice_is_once(deployed, *PROMOTE, "--sha", sha_of("app-1")[:7])
    assert [(one["wave"], one["app_sha"]) for one in turn["promoted"]] == [
        ("shop", sha_of("app-1"))
    ]
    assert turn["to_check"] == [deployed.ref("refs/heads/auto")]


def test_promotion_ends_when_it_has_landed(deployed: World) -> None:
    request = deployed.run(*APPROVE)["request"]["id"]
    deployed.green()
    assert deployed.on_main("shop") == sha_of("app-1")
    assert endings(deployed)[request] == ["landed"]
    assert inbox(deployed) == []


def test_asked_for_again_after_it_landed_it_is_already_there(deployed: World) -> None:
    deployed.run(*APPROVE)
    deployed.green()
    before = refs(deployed)
    deployed.later(minutes=1)
    again = deployed.run(*APPROVE)
    assert (again.code, again["changed"]) == (0, False)
    assert "already" in again["request"]["state"]
    assert refs(deployed) == before


def test_asked_for_twice_before_it_landed_it_is_done_once(deployed: World) -> None:
    deployed.run(*APPROVE)
    auto = deployed.ref("refs/heads/auto")
    deployed.later(minutes=1)
    assert not deployed.run(*APPROVE)["promoted"]
    assert deployed.ref("refs/heads/auto") == auto
    deployed.green()
    assert inbox(deployed) == []


@pytest.mark.parametrize("why", [(), ("--override", "the site is down")], ids=["", "override"])
def test_without_a_sha_nothing_is_approved_and_the_answer_is_the_command(
    second: World, why: tuple[str, ...]
) -> None:
    said = refused(second, *PROMOTE, *why)
    assert "nothing was approved" in said
    command = said.partition("then: ")[2]
    words = shlex.split(command)
    assert words[:-2] == ["tidemill", *PROMOTE, "--set", "app", "--sha", sha_of("app-2"), *why]
    turn = second.run(*words[1:-2])
    assert [one["app_sha"] for one in turn["promoted"]] == [sha_of("app-2")]


def test_an_empty_sha_is_no_sha_and_approves_nothing(deployed: World) -> None:
    before = refs(deployed)
    found = deployed.run("promote-wave", "--wave", "shop", "--sha", "")
    assert found.code == 1
    assert found["error"]["written"] == "nothing"
    assert refs(deployed) == before


def test_approval_is_given_by_the_workflow_too_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    monkeypatch.setenv("GITHUB_WORKFLOW_REF", "acme/cfg/.github/workflows/deliver.yml@refs/heads/x")
    words = ("promote-wave", "--wave", "shop", "--set", "app", "--sha", "a" * 40)
    both = Remedies.of("https://ada:secret@github.com/acme/cfg", START).both(words)
    assert "secret" not in both
    both = Remedies.of("https://github.com/acme/cfg", START).both(words)
    assert both == (
        f"tidemill promote-wave --wave shop --set app --sha {'a' * 40} --repo "
        "https://github.com/acme/cfg, or gh workflow run deliver.yml -R acme/cfg "
        f"-f operation=promote -f wave=shop -f set=app -f sha={'a' * 40}"
    )


def test_without_approval_the_newest_deployed_set_is_meant(second: World) -> None:
    second.settings = second.settings.replace("approval = true", "approval = false")
    second.edit()
    turn = second.run(*PROMOTE)
    assert [one["app_sha"] for one in turn["promoted"]] == [sha_of("app-2")]


def test_older_set_may_be_chosen(second: World) -> None:
    turn = second.run(*PROMOTE, "--sha", sha_of("app-1"))
    assert [one["app_sha"] for one in turn["promoted"]] == [sha_of("app-1")]


def test_approval_waits_for_what_is_not_there_yet(landed: World) -> None:
    turn = landed.run(*PROMOTE, "--sha", sha_of("app-1"))
    assert turn["promoted"] == []
    assert "a healthy report from lab-1, lab-2 in lab" in waits_for(turn)
    assert len(inbox(landed)) == 1
    landed.report("lab", "lab-1")
    assert landed.report("lab", "lab-2")["promoted"]


def test_override_needs_no_deployment_and_is_kept_in_the_journal(landed: World) -> None:
    turn = assert_twice_is_once(landed, *APPROVE, "--override", "the fix must go out")
    assert turn["promoted"]
    reasons = [entry["reason"] for entry in journal(landed) if entry["what"] == "overridden"]
    assert reasons == ["the fix must go out"]


def test_older_set_than_the_present_one_is_a_rollback(second: World) -> None:
    second.run(*PROMOTE, "--sha", sha_of("app-2"))
    second.green()
    reason = refused(second, *PROMOTE, "--sha", sha_of("app-1"))
    assert "which is newer than" in reason
    assert "tidemill rollback-wave --wave shop" in reason


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--wave", "moon"), "there is no wave 'moon'"),
        (("--wave", "lab"), "lab comes after no wave: its sets are announced"),
        (("--wave", "shop", "--set", "moon"), "there is no set 'moon'"),
        (("--wave", "shop", "--sha", "0000000"), "lab has had no set of commit 0000000"),
        (("--wave", "shop", "--sha", "main"), "is not the SHA of a set"),
        (("--wave", "shop", "--sha", "abcdef"), "is not the SHA of a set"),
        (("--wave", "shop", "--override", ""), "is not one printable line"),
        (("--wave", "shop", "--override", "a\nb"), "is not one printable line"),
        (("--wave", "../shop"), "is not a valid name of a wave"),
    ],
    ids=["wave", "first-wave", "set", "sha", "branch", "short", "empty", "two-lines", "climbs"],
)
def test_what_can_not_be_promoted_is_refused(
    deployed: World, arguments: tuple[str, ...], reason: str
) -> None:
    assert reason in refused(deployed, "promote-wave", *arguments)


def test_wave_that_has_had_nothing_gives_nothing(new: World) -> None:
    assert "there is no set to promote into shop" in refused(new, *PROMOTE)


def test_person_is_told_what_was_done(deployed: World) -> None:
    code, out, _ = says(deployed, *APPROVE)
    assert code == 0
    assert_readable(out)
    assert "promoted" in out
    assert sha_of("app-1")[:12] in out
