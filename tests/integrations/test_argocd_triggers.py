"""Argo CD tells what is true of a revision, once: its own engine says so."""

from __future__ import annotations

import pytest
from tests.integrations.applications import FIRST, SECOND, App
from tests.integrations.argocd import Controller, trigger

HEALTHS = ("Healthy", "Progressing", "Degraded", "Missing", "Suspended", "Unknown")
DEPLOYED = App()
OF_FIRST, OF_SECOND = "Succeeded Healthy 1111111", "Succeeded Healthy 2222222"


@pytest.mark.parametrize("health", HEALTHS)
@pytest.mark.parametrize("phase", [None, "Running", "Terminating"])
def test_nothing_is_told_before_an_operation_ended(
    argocd: Controller, phase: str | None, health: str
) -> None:
    told = argocd.sees(App(phase=phase, health=health, finished=None))
    assert (told.requests, told.errors) == ([], [])


@pytest.mark.parametrize("health", HEALTHS)
def test_of_a_successful_sync_only_healthy_and_degraded_are_told(
    argocd: Controller, health: str
) -> None:
    told = argocd.tells(App(health=health))
    assert told == ([f"Succeeded {health} 1111111"] if health in ("Healthy", "Degraded") else [])


@pytest.mark.parametrize("health", HEALTHS)
@pytest.mark.parametrize("phase", ["Failed", "Error"])
def test_failed_sync_is_told_whatever_the_health(
    argocd: Controller, phase: str, health: str
) -> None:
    assert argocd.tells(App(phase=phase, health=health)) == [f"{phase} {health} 1111111"]


def test_failed_sync_that_never_came_to_a_revision_names_the_one_it_was_asked_for(
    argocd: Controller,
) -> None:
    app = App(phase="Error").object()
    app["status"]["operationState"]["syncResult"]["revision"] = ""
    assert argocd.sees(app).payload["revision"] == FIRST
    del app["status"]["operationState"]["syncResult"]
    app["status"]["operationState"]["operation"]["sync"]["revision"] = SECOND
    assert argocd.sees(app).payload["revision"] == SECOND


@pytest.mark.parametrize("revision", ["", "HEAD", "1.2.3", "main", "1" * 39, "1" * 41])
def test_what_is_of_no_commit_is_not_told(argocd: Controller, revision: str) -> None:
    assert argocd.tells(App(revisions=(revision,)), App("Failed", revisions=(revision,))) == []


def test_object_that_argocd_has_not_looked_at_yet_is_no_trouble(argocd: Controller) -> None:
    app = DEPLOYED.object()
    for part in (None, *list(app["status"])):
        app["status"] = {k: v for k, v in DEPLOYED.object()["status"].items() if part and k != part}
        told = argocd.sees(app)
        assert told.errors == []
        if part in (None, "health", "history", "operationState", "reconciledAt"):
            assert told.requests == []


def test_other_applications_are_left_alone(argocd: Controller) -> None:
    assert argocd.tells(App(labels=(("team", "web"),))) == []


# What is not known yet: argo-cd #9070, #22203.


def test_healthy_from_before_the_sync_ended_is_not_told_at_once(argocd: Controller) -> None:
    seen = App(finished=0.1, changed=30)
    assert argocd.tells(seen, seen.but(changed=None)) == []


def test_healthy_that_did_not_change_for_a_minute_after_the_sync_is_told(
    argocd: Controller,
) -> None:
    """A sync of ConfigMaps alone changes no health."""
    assert argocd.tells(App(finished=5, changed=30)) == [OF_FIRST]
    assert argocd.tells(App(revisions=(SECOND,), finished=5, changed=None)) == [OF_SECOND]


@pytest.mark.parametrize("health", ["Healthy", "Degraded"])
def test_health_that_argocd_looked_at_before_the_sync_ended_is_not_told(
    argocd: Controller, health: str
) -> None:
    assert argocd.tells(App(health=health, finished=5, changed=4, reconciled=6)) == []
    assert argocd.tells(App(health=health, finished=5, changed=4, reconciled=5)) == []


def test_degraded_of_the_revision_before_is_not_told_of_the_new_one(argocd: Controller) -> None:
    old = App(health="Degraded", finished=90, changed=60)
    new = App(health="Degraded", revisions=(SECOND,), finished=0.1, changed=60)
    told = argocd.tells(
        old,
        new.but(phase="Running", finished=None),
        new,
        new.but(health="Progressing", changed=0.05),
        new.but(health="Healthy", changed=0.02),
    )
    assert told == ["Succeeded Degraded 1111111", OF_SECOND]


def test_sync_of_some_resources_deploys_no_revision(argocd: Controller) -> None:
    partly = App(revisions=(SECOND,), before=((FIRST,),), recorded=False)
    assert argocd.tells(partly) == []


def test_sync_of_some_resources_of_what_is_deployed_is_no_news_and_no_obstacle(
    argocd: Controller,
) -> None:
    healed = App(before=((FIRST,),), recorded=False)
    assert argocd.tells(DEPLOYED, healed) == [OF_FIRST]
    assert argocd.tells(healed.but(health="Degraded"), healed) == [
        "Succeeded Degraded 1111111",
        OF_FIRST,
    ]


# Sequences.


def test_each_revision_is_told_once(argocd: Controller) -> None:
    second = App(revisions=(SECOND,), before=((FIRST,),))
    told = argocd.tells(
        DEPLOYED,
        DEPLOYED,
        second.but(phase="Running", finished=None, recorded=False),
        second.but(health="Progressing"),
        second,
        second,
    )
    assert told == [OF_FIRST, OF_SECOND]


def test_states_in_between_that_were_never_seen_are_not_missed(argocd: Controller) -> None:
    assert argocd.tells(DEPLOYED, App(revisions=(SECOND,), before=((FIRST,),))) == [
        OF_FIRST,
        OF_SECOND,
    ]


@pytest.mark.parametrize("other", ["Progressing", "Missing", "Suspended", "Unknown"])
def test_flap_of_health_tells_nothing(argocd: Controller, other: str) -> None:
    flap = [
        DEPLOYED.but(health=other, finished=3, changed=2),
        DEPLOYED.but(finished=3, changed=1),
    ]
    assert argocd.tells(DEPLOYED, *flap, *flap) == [OF_FIRST]


def test_sync_of_the_same_revision_again_tells_nothing(argocd: Controller) -> None:
    again = App(before=((FIRST,),), finished=3, changed=2)
    running = again.but(phase="Running", finished=None, recorded=False)
    assert argocd.tells(DEPLOYED, running, again, running, again) == [OF_FIRST]


def test_rotation_of_pods_tells_nothing(argocd: Controller) -> None:
    images = (f"ghcr.io/acme/app:{FIRST}", f"ghcr.io/acme/cron:{FIRST}")
    steady = App(images=images, finished=5, changed=4)
    told = argocd.tells(
        steady,
        steady.but(health="Progressing", changed=2),
        steady.but(health="Healthy", changed=1),
    )
    assert told == [OF_FIRST]


def test_new_commits_that_change_nothing_here_tell_nothing(argocd: Controller) -> None:
    """Argo CD moves `sync.revision` with main; the operation stays what it was."""
    app = DEPLOYED.object()
    assert len(argocd.sees(app).requests) == 1
    for revision in ("a" * 40, "b" * 40):
        app["status"]["sync"]["revision"] = revision
        assert argocd.sees(app).requests == []


def test_failure_and_recovery_are_told_each_time_and_once(argocd: Controller) -> None:
    def at(health: str, changed: float) -> App:
        return App(health=health, finished=9, changed=changed)

    told = argocd.tells(
        at("Healthy", 8),
        at("Degraded", 7),
        at("Progressing", 6.5),
        at("Degraded", 6),
        at("Progressing", 5.5),
        at("Healthy", 5),
        at("Progressing", 4.5),
        at("Healthy", 4),
        at("Degraded", 3),
        at("Healthy", 2),
    )
    bad = "Succeeded Degraded 1111111"
    assert told == [OF_FIRST, bad, OF_FIRST, bad, OF_FIRST]


def test_revision_that_recovers_before_it_was_ever_deployed_is_told_once(
    argocd: Controller,
) -> None:
    sick = App(health="Degraded", finished=9, changed=8)
    assert argocd.tells(sick, sick.but(health="Progressing", changed=5), sick.but(health="Healthy"))
    assert argocd.tells(sick.but(health="Healthy")) == []


def test_failed_sync_that_succeeds_again_is_told_both_times(argocd: Controller) -> None:
    failed = App(phase="Failed", finished=9, changed=20)
    told = argocd.tells(
        failed,
        failed.but(finished=7),  # self-healing tries the same again
        App(phase="Running", finished=None, recorded=False),
        App(finished=2, changed=1.5),
    )
    assert told == ["Failed Healthy 1111111", OF_FIRST]


def test_failed_sync_of_what_is_deployed_is_told_as_a_failure_alone(argocd: Controller) -> None:
    again = App(phase="Failed", recorded=True, finished=3, changed=20)
    assert argocd.tells(DEPLOYED, again, again) == [OF_FIRST, "Failed Healthy 1111111"]


def test_rehearsal_of_a_sync_is_told_neither_way(argocd: Controller) -> None:
    for phase in ("Succeeded", "Failed"):
        app = App(phase, revisions=(SECOND,), before=((FIRST,),), recorded=False).object()
        app["status"]["operationState"]["operation"]["sync"]["dryRun"] = True
        assert argocd.sees(app).requests == []


def test_return_to_an_older_revision_is_told(argocd: Controller) -> None:
    told = argocd.tells(
        DEPLOYED,
        App(revisions=(SECOND,), before=((FIRST,),)),
        App(before=((FIRST,), (SECOND,))),
        App(before=((FIRST,), (SECOND,), (FIRST,))),
    )
    assert told == [OF_FIRST, OF_SECOND, OF_FIRST]


def test_images_are_told_again_when_the_old_ones_are_gone(argocd: Controller) -> None:
    """While old pods end, an Application is healthy already and still names their images."""
    old, new = (f"ghcr.io/acme/app:{sha}" for sha in (FIRST, SECOND))
    second = App(revisions=(SECOND,), before=((FIRST,),), finished=5, changed=4)
    ending = argocd.sees(second.but(images=(old, new)))
    ended = argocd.sees(second.but(images=(new,)))
    assert [one.payload["images"] for one in (ending, ended)] == [[old, new], [new]]


# Delivery: argo-cd #20879, #11701.


def test_what_could_not_be_delivered_is_told_again_later(argocd: Controller) -> None:
    argocd.github.status = 403
    lost = argocd.sees(App(finished=5, changed=4))
    assert (len(lost.requests), len(lost.errors)) == (1, 1)
    argocd.github.status = 204
    assert argocd.tells(App(finished=26, changed=25)) == []
    assert argocd.tells(App(finished=35, changed=34)) == [OF_FIRST]
    assert argocd.tells(App(finished=300, changed=299)) == []
    assert argocd.tells(App(finished=9000, changed=8999)) == []


def test_what_github_did_not_take_for_a_moment_is_delivered_all_the_same(
    argocd: Controller,
) -> None:
    """Argo CD gives up after three more tries, where nothing else is set."""
    argocd.github.outages = 4
    told = argocd.sees(App())
    assert (len(told.requests), told.errors) == (5, [])
    assert argocd.tells(App()) == []


def test_what_a_newer_revision_has_replaced_is_not_told_again(argocd: Controller) -> None:
    argocd.sees(App(finished=5, changed=4))
    newer = App(revisions=(SECOND,), before=((FIRST,),), finished=2, changed=1)
    assert argocd.tells(newer, newer.but(finished=40, changed=39)) == [OF_SECOND, OF_SECOND]


def test_failure_that_could_not_be_delivered_is_told_again_later(argocd: Controller) -> None:
    argocd.github.status = 403
    argocd.sees(App(health="Degraded", finished=5, changed=4))
    argocd.github.status = 204
    later = App(health="Degraded", finished=35, changed=34)
    assert argocd.tells(later, later) == ["Succeeded Degraded 1111111"]


def test_half_an_hour_counts_from_the_failure_not_from_the_sync(argocd: Controller) -> None:
    sick = App(health="Degraded", finished=1000)
    bad = "Succeeded Degraded 1111111"
    assert argocd.tells(sick.but(changed=5), sick.but(changed=6)) == [bad]
    assert argocd.tells(sick.but(changed=35), sick.but(changed=36)) == [bad]
    assert argocd.tells(sick.but(changed=200), sick.but(changed=900)) == []


def test_what_flaps_for_days_ends_in_silence_not_in_a_flood(argocd: Controller) -> None:
    """The engine remembers a hundred entries: then the counts of what was told stand still."""
    counts = []
    for round_ in range(120):
        health = "Degraded" if round_ % 2 else "Healthy"
        told = argocd.sees(App(health=health, finished=5, changed=4))
        assert told.errors == []
        counts.append(len(told.requests))
    assert max(counts) == 1
    assert counts[:60] == [1] * 60
    assert told.remembered == 100
    assert argocd.tells(App(revisions=(SECOND,), before=((FIRST,),))) == [OF_SECOND]


def test_both_ways_to_report_have_the_same_conditions() -> None:
    ways = [trigger("notifications.yaml"), trigger("deployment-status.yaml")]
    for conditions in ways:
        for condition in conditions:
            assert condition.pop("send")
    assert ways[0] == ways[1]
