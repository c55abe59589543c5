"""Random stories on real Git, and every answer about them held against what Git itself says.

After each step of a story it is written down which commit main was. What `history`, `explain` and
`diff` say of then, and what the page shows at the end, has to be what these commits have. The story
of the one seed has something of everything; once a week others are told:

    STORIES="6 9 12" make test ARGS=tests/loop/test_answers_and_git.py
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.loop.test_renaming import pulled
from tests.loop.waves import Waves, waves
from tests.loop.witness import Element, Images, Witness, moment, page
from tests.world import announcement, sha_of

HOSTILE = "<script>alert(1)</script> \"' \u202e {{7*7}} ünï 🚀"
SERVICES = ("web", "api", "jobs")


@dataclass
class Story:
    """A world in which things happen, and what was seen of it.

    Attributes:
        lines: by what each wave was called at first what it is called now; None once it is gone.
        told: by commit of app.git the images that were announced.
        seen: after each step the time and the commit of main.
        called: for each of these, what the waves were called.
    """

    w: Waves
    rng: random.Random
    lines: dict[str, str | None]
    told: dict[str, Images] = field(default_factory=dict)
    seen: list[tuple[datetime, str]] = field(default_factory=list)
    called: list[dict[str, str | None]] = field(default_factory=list)
    position: int = 0

    @property
    def wave(self) -> str:
        """Any wave that there is."""
        return self.rng.choice([one for one in self.lines.values() if one])

    def services(self, sha: str) -> dict[str, str]:
        """The services of the next set, some with the images that they had."""
        names = SERVICES[: self.rng.choice((2, 3, 3))]
        contents = {one: str(self.position // self.rng.choice((1, 2, 3))) for one in names}
        images = announcement(self.position, contents, sha=sha)["images"]
        self.told[sha] = {one: image["Digest"] for one, image in images.items()}
        return contents


def announce(s: Story) -> None:
    s.position += 1
    s.w.announce(s.position, s.services(sha_of(f"app-{s.position}")))


def ship(s: Story) -> None:
    announce(s)
    s.w.green()


def deploy(s: Story) -> None:
    for wave in s.w.targets:
        s.w.deploy(wave)
    s.w.green()


def fail(s: Story) -> None:
    wave = s.wave
    s.w.report(wave, s.rng.choice(list(s.w.targets[wave])), health="Degraded")


def evict(s: Story) -> None:
    announce(s)
    for _ in range(4):
        for sha in s.w.asked:
            s.w.check(sha, "success" if sha == s.w.ref("refs/heads/main") else "failure")
        s.w.turn()


def hold(s: Story) -> None:
    s.w.hold(s.wave, HOSTILE)


def release(s: Story) -> None:
    for place in Witness(s.w.bare).names("holds"):
        s.w.release(place.split("/")[0], HOSTILE)
    s.w.green()


def roll_back(s: Story) -> None:
    s.w.roll_back(s.wave, reason=HOSTILE)
    s.w.green()


def hotfix(s: Story) -> None:
    s.position += 1
    s.w.hotfix(s.wave, s.position, s.services(sha_of(f"fix-{s.position}")))
    s.w.green()


def edit_by_hand(s: Story) -> None:
    pulled(s.w)
    wave = s.wave
    file = s.w.clone / f"images/{wave}/digests.json"
    if file.exists():
        images = json.loads(file.read_text())
        images["web"] = f"{images['web'].partition('@')[0]}@sha256:{s.position:064x}"
        file.write_text(json.dumps(images))
        s.w.edit()


def edit(s: Story) -> None:
    s.w.edit(note=f"{len(s.seen)}")


def rename(s: Story) -> None:
    """A wave gets another name, and its files move."""
    old = s.wave
    new = f"{old.split('.')[0]}.{len(s.seen)}"
    pulled(s.w)
    if (s.w.clone / "images" / old).exists():
        (s.w.clone / "images" / old).rename(s.w.clone / "images" / new)
    s.w.targets = {new if one == old else one: of for one, of in s.w.targets.items()}
    s.w.rollout["waves"] = s.w.targets
    lines = [line for line in s.w.settings.splitlines() if not line.startswith("was = ")]
    text = "\n".join(lines).replace(f'["{old}"]', f'["{new}"]') + "\n"
    s.w.settings = text.replace(f'name = "{old}"', f'name = "{new}"\nwas = "{old}"')
    s.lines = {one: new if now == old else now for one, now in s.lines.items()}
    s.w.edit()


def remove_the_last_wave(s: Story) -> None:
    """A wave is in the settings no more, and its files are gone."""
    *_, (last, now) = s.lines.items()
    if now is None:
        return
    pulled(s.w)
    for path in sorted((s.w.clone / "images").glob(f"{now}/*")):
        path.unlink()
    s.w.targets.pop(now)
    s.w.rollout["waves"] = s.w.targets
    s.w.settings = s.w.settings[: s.w.settings.index(f'[[waves]]\nname = "{now}"')]
    s.lines[last] = None
    s.w.edit()


def remove_a_target(s: Story) -> None:
    wave = s.wave
    if len(s.w.targets[wave]) > 1:
        gone = s.w.targets[wave].popitem()[0]
        s.w.change_settings(f', "{gone}"]', "]")


TOLD = {"evicted", "rejected", "held", "released", "overridden", "dropped", "superseded"}
STEPS: dict[Callable[[Story], None], int] = {
    announce: 2,
    ship: 8,
    deploy: 12,
    fail: 2,
    evict: 1,
    hold: 1,
    release: 3,
    roll_back: 2,
    hotfix: 1,
    edit_by_hand: 1,
    edit: 2,
    rename: 2,
    remove_a_target: 1,
}


def tell(seed: int, folder: Path, length: int = 30) -> Story:
    """Live through a story."""
    rng = random.Random(seed)
    options = {
        "lab": {"targets": ["l1", "l2"]},
        "shop": {"targets": ["s1", "s2"], "after": ["lab"]},
        "prod": {"targets": ["p1", "p2"], "after": ["shop"], "approval": bool(seed % 2)},
    }
    story = Story(waves(folder, options), rng, {one: one for one in options})
    ship(story)
    for number in range(length):
        step = rng.choices(list(STEPS), list(STEPS.values()))[0]
        step = remove_the_last_wave if number == length - 5 and seed % 3 == 0 else step
        step(story)
        story.w.turn()
        story.seen.append((story.w.now, story.w.ref("refs/heads/main") or ""))
        story.called.append(dict(story.lines))
        story.w.later(minutes=rng.choice((1, 20, 90, 600)))
    return story


@dataclass(frozen=True)
class Stay:
    """What a wave had, from when it was first seen there until it was there no more.

    Attributes:
        line: what the wave was called at first.
        app_sha: the commit of app.git; None where somebody has edited the images.
    """

    line: str
    app_sha: str | None
    images: Images
    since: datetime
    until: datetime | None

    def covers(self, at: datetime) -> bool:
        """Whether the wave had it at a time."""
        return self.since <= at and (self.until is None or at < self.until)


def last_name(s: Story, line: str) -> str:
    """What a wave is called, or was last."""
    return next(called[line] or "" for called in reversed(s.called) if called[line])


def stays(s: Story) -> Iterator[Stay]:
    """What Git shows that each wave had, in order."""
    git = Witness(s.w.bare)
    for line in s.lines:
        had: list[tuple[datetime, tuple[str | None, Images] | None]] = []
        for (at, main), called in zip(s.seen, s.called, strict=True):
            name = called[line]
            found = git.images(name, main) if name else None
            if found is not None:
                sha, images = found
                found = (sha if s.told.get(sha or "") == images else None, images)
            if not had or had[-1][1] != found:
                had.append((at, found))
        ends = [at for at, _ in had[1:]]
        for (since, found), until in zip(had, [*ends, None], strict=True):
            if found is not None:
                yield Stay(line, *found, since, until)


SEEDS = [int(seed) for seed in os.environ.get("STORIES", "3").split()]


@pytest.fixture(scope="module", params=SEEDS)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell(request.param, tmp_path_factory.mktemp("story"))


def test_what_ran_at_each_time_is_what_main_had(story: Story) -> None:
    had = list(stays(story))
    for (at, _), called in zip(story.seen, story.called, strict=True):
        answer = story.w.run("history", "--at", at.isoformat())
        told = {one["wave"]: (one["app_sha"], moment(one["at"])) for one in answer["sets"]}
        there = [one for one in had if one.covers(at)]
        assert told == {called[one.line]: (one.app_sha, one.since) for one in there}, at
        assert answer["missing"] == []


def test_what_each_target_had_reported_is_what_its_reports_say(story: Story) -> None:
    git = Witness(story.w.bare)
    for (at, _), called in [*zip(story.seen, story.called, strict=True)][::3]:
        told = {
            (one["wave"], one["target"]): [one["revision"], one["phase"], one["health"]]
            for one in story.w.run("history", "--at", at.isoformat())["targets"]
        }
        known = {}
        for place, records in git.chains("deployed").items():
            wave, target = place.split("/")
            line = next(one for one in story.lines if last_name(story, one) == wave)
            said = [one for one in records if moment(one["accepted_at"]) <= at]
            if said and called[line]:
                latest = [said[-1][key] for key in ("revision", "phase", "health")]
                known[called[line], target] = latest
        assert told == known, at


def test_each_image_of_a_service_is_told_from_when_to_when(story: Story) -> None:
    for service in SERVICES:
        told = story.w.run("history", "--service", service)["services"]
        assert [_told(one) for one in told if one["image"]] == images_of(story, service), service


def test_each_digest_is_explained_by_where_it_was(story: Story) -> None:
    every = {service: images_of(story, service) for service in SERVICES}
    for digest in {one.image.partition("@")[2] for found in every.values() for one in found}:
        (thing,) = story.w.run("explain", digest)["things"]
        assert (thing["kind"], thing["name"]) == ("image", digest)
        known = [one for found in every.values() for one in found if one.image.endswith(digest)]
        assert [_told(one) for one in thing["services"]] == known


@dataclass(frozen=True, order=True)
class ImageStay:
    """One image of a service in one wave."""

    since: datetime
    wave: str
    image: str
    until: datetime | None


def images_of(s: Story, service: str) -> list[ImageStay]:
    """From when to when each wave had which image of a service, as Git shows it."""
    found: dict[str, list[ImageStay]] = {}
    for one in stays(s):
        image = one.images.get(service)
        mine = found.setdefault(one.line, [])
        if image and mine and (mine[-1].image, mine[-1].until) == (image, one.since):
            mine[-1] = replace(mine[-1], until=one.until)
        elif image:
            mine.append(ImageStay(one.since, last_name(s, one.line), image, one.until))
    return sorted(one for mine in found.values() for one in mine)


def _told(one: dict[str, Any]) -> ImageStay:
    until = one["until"] and moment(one["until"])
    return ImageStay(moment(one["since"]), one["wave"], one["image"], until)


def test_a_promotion_would_change_what_differs_in_git(story: Story) -> None:
    git = Witness(story.w.bare)
    names = [*git.waves()]
    for one in names:
        for other in names:
            if one == other:
                continue
            (told,) = story.w.run("diff", one, other)["sets"]
            (_, before), (_, after) = (git.images(wave) or (None, {}) for wave in (one, other))
            changes = {change["service"]: change for change in told["services"]}
            differing = {key for key in {*before, *after} if before.get(key) != after.get(key)}
            assert changes.keys() == differing
            for service, change in changes.items():
                assert change["before"] == before.get(service)
                assert change["after"] == after.get(service)


def test_the_journal_says_who_did_what_and_why(story: Story) -> None:
    lines = story.w.run("history")["lines"]
    told = [
        (moment(one["at"]), one["what"], one.get("id"), one.get("by", ""), one["reason"])
        for one in lines
        if one["what"] in TOLD
    ]
    entries = Witness(story.w.bare).entries()
    assert told == [
        (at, one["what"], one.get("id"), one.get("by", ""), one["reason"])
        for at, one in entries
        if one["what"] in TOLD
    ]
    assert told


def test_the_board_shows_what_git_has(story: Story, tmp_path: Path) -> None:
    git, had = Witness(story.w.bare), list(stays(story))
    board = written(story, tmp_path)
    columns = {one.first("h3").text: one for one in board.all("section", "wave")}
    assert [*columns] == [*git.waves()]
    reports, holds = git.records("deployed"), git.records("holds")
    for wave, targets in git.waves().items():
        column = columns[wave]
        sets = [one for one in column.all("div", "set") if "on-auto" not in one.classes]
        now = [one for one in had if story.lines[one.line] == wave and one.until is None]
        assert [one.first("div", "set-head").words[0] for one in sets] == [
            (one.app_sha or "unknown")[:12] for one in now
        ]
        assert {one.first("a").text: one.first("span").text for one in column.all("li")} == {
            target: reports.get(f"{wave}/{target}", {}).get("health", "no report")
            for target in targets
        }
        reasons = [one.first("span", "reason").text for one in column.all("p", "hold")]
        assert sorted(reasons) == sorted(
            one["reason"].replace("\u202e", "\\u202e")
            for place, one in holds.items()
            if place.startswith(f"{wave}/")
        )
        for one, stay in zip(sets, now, strict=True):
            if stay.app_sha:
                images = page(tmp_path / one.first("a").href).first("ul", "images").all("li")
                told = {image.first("span").text: image.first("code").text for image in images}
                assert told == stay.images
    evicted = [one for one in board.all("section") if one.text.startswith("Evicted last")]
    assert sum(len(one.all("li")) for one in evicted) == min(len(git.names("evicted")), 5)
    for request in git.records("inbox").values():
        assert request["announcement"]["sha"][:12] in board.text


def test_the_timeline_shows_when_main_got_what(story: Story, tmp_path: Path) -> None:
    written(story, tmp_path)
    rows = [row.all("td") for row in page(tmp_path / "timeline.html").first("tbody").all("tr")]
    times = [row.first("time").text for row in page(tmp_path / "timeline.html").all("th")[8:]]
    told = [
        (at, wave.text, which.words[0])
        for at, (wave, which, how, *_) in zip(times, rows, strict=True)
        if how.text != "removed by hand"
    ]
    known = [
        (f"{one.since:%Y-%m-%d %H:%M}", story.lines[one.line], (one.app_sha or "unknown")[:12])
        for one in stays(story)
        if story.lines[one.line]
    ]
    assert sorted(told) == sorted(known)
    assert [at for at, *_ in told] == sorted((at for at, *_ in told), reverse=True)


def test_stories_have_something_of_everything(story: Story) -> None:
    told = {one["what"] for _, one in Witness(story.w.bare).entries()}
    assert told >= {"landed", "promoted", "renamed", "held", "released", "evicted", "removed"}
    assert told & {"rolled back", "hotfixed"}


def written(s: Story, folder: Path) -> Element:
    """The board, of the page that is in a folder now."""
    assert s.w.run("page", "--out", str(folder)).code == 0
    return page(folder / "index.html")
