"""What stands on the pages, and what never does."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import get_args
from xml.etree import ElementTree

import msgspec
import pytest
from msgspec.structs import replace
from tests.unit.boards import HOSTILE, PLACE, TARGETS, busy, fresh, hostile, shown
from tests.unit.sets import LAB, SHOP, app_sha, settings, unreadable
from tests.unit.snapshots import Rollout, two_waves

from tidemill.answers.history import HOW
from tidemill.facts.ledger import How
from tidemill.site.board import Board, StayView
from tidemill.site.parts import POLICY, file_name
from tidemill.site.site import ASSETS, site

ATOM = "{http://www.w3.org/2005/Atom}"


class Seen(HTMLParser):
    """Elements, attributes and texts of a page, as a browser takes them."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        places = [
            one.get("href") or one.get("src") or one.get("action") for _, one in self.elements
        ]
        return [place for place in places if place]


def pages(board: Board) -> dict[str, Seen]:
    return {name: Seen(data) for name, data in site(board).items() if name.endswith(".html")}


@pytest.fixture(scope="module")
def all_pages() -> dict[str, Seen]:
    return pages(busy())


def test_the_same_board_gives_the_same_bytes() -> None:
    assert site(busy()) == site(busy())


def test_a_fresh_repository_has_a_page_too() -> None:
    text = pages(fresh())["index.html"].text
    assert "Nothing needs a person." in text
    assert "Nothing waits." in text


@pytest.mark.parametrize("make", [fresh, busy, hostile])
def test_every_link_leads_to_a_file_of_the_site_or_to_the_web(make: object) -> None:
    assert callable(make)
    files = site(make())
    for name, page in pages(make()).items():
        for link in page.links():
            if link.startswith("https://"):
                continue
            place = link.partition("#")[0]
            parts: list[str] = list(PurePosixPath(name).parent.parts)
            for part in PurePosixPath(place).parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert not place or "/".join(parts) in files, f"{name} links to {link}"


def test_pages_allow_themselves_nothing_but_their_own_files(all_pages: dict[str, Seen]) -> None:
    for page in all_pages.values():
        policies = [one for tag, one in page.elements if "http-equiv" in one and tag == "meta"]
        assert [one["content"] for one in policies] == [POLICY]
        assert not [tag for tag, one in page.elements if "style" in one or tag == "style"]
        assert len([tag for tag, _ in page.elements if tag == "script"]) == 1


def test_the_board_has_waves_queue_holds_soak_and_evictions(all_pages: dict[str, Seen]) -> None:
    text = all_pages["index.html"].text
    for word in (*TARGETS, "Black Friday, ask Ada", "on auto", "in flight", "Evicted last",
                 "web_test.go:42", "Soak for production", "approval for production",
                 "tidemill release-wave --wave production"):  # fmt: skip
        assert word in text
    bars = [one for tag, one in all_pages["index.html"].elements if one.get("class") == "bar"]
    assert [one["aria-label"] for one in bars] == ["Soak for production: 3h 3m of 5h"]


def test_of_many_targets_the_board_counts_the_healthy_and_names_the_others(
    all_pages: dict[str, Seen],
) -> None:
    text = all_pages["index.html"].text
    assert "12 targets" in text
    assert "Healthy 10" in text
    assert "prod-7" in text
    assert "prod-9" in text
    assert "prod-8" not in text
    assert "prod-8" in all_pages["waves/production.html"].text


def test_who_asked_for_a_landing_stands_on_the_timeline(all_pages: dict[str, Seen]) -> None:
    page = all_pages["timeline.html"]
    assert "promoted by ada" in page.text
    assert "https://github.com/acme/cfg-app/actions/runs/1" in page.links()


def told(view: StayView, **fields: str) -> StayView:
    """The same, where the history says something else of it."""
    return replace(view, stay=replace(view.stay, **fields))


@pytest.mark.parametrize("how", [*get_args(How), ""])
def test_however_a_set_came_the_pages_and_the_feed_say_it(how: str) -> None:
    board = busy()
    waves = tuple(
        replace(wave, stays=tuple(told(one, how=how) for one in wave.stays)) for wave in board.waves
    )
    files = site(replace(board, waves=waves))
    verb = HOW.get(how, "landed")
    assert verb in Seen(files["timeline.html"]).text
    assert len(list(ElementTree.fromstring(files["landings.xml"]).iter(f"{ATOM}entry"))) > 1


def test_of_a_long_queue_the_end_is_folded_and_still_there() -> None:
    board = busy()
    (line, *_) = [one for one in board.lines if not one.needs_a_person]
    text = pages(replace(board, lines=(line,) * 40))["index.html"].text
    assert "25 more" in text
    assert text.count(line.reasons[0]) == 40


def test_each_image_set_of_a_wave_has_a_row_of_its_own_in_the_picture() -> None:
    board = busy()
    staging, *others = board.waves
    twice = (*staging.stays, *(told(one, set="web") for one in staging.stays))
    both = replace(board, waves=(replace(staging, stays=twice), *others))
    page = pages(both)["timeline.html"]
    assert "staging · app" in page.text
    assert "staging · web" in page.text
    assert "internal ·" not in page.text
    rows = {(one["y"], one["class"]) for tag, one in page.elements if tag == "rect"}
    assert len([row for row in rows if row[1] == "track"]) == len(board.waves) + 1
    assert len({y for y, kind in rows if kind != "track"}) == len(board.waves) + 1


def test_what_of_the_past_can_not_be_told_is_said() -> None:
    told = "The journal was lost and made again."
    assert told in pages(replace(busy(), missing=(told,)))["timeline.html"].text


def test_how_a_stay_ended_is_said(all_pages: dict[str, Seen]) -> None:
    text = all_pages["waves/internal.html"].text
    assert "rolled back" in text
    assert "replaced" in text


def test_each_set_and_each_target_has_a_page(all_pages: dict[str, Seen]) -> None:
    board = busy()
    for position in (100, 110, 111, 112):
        page = all_pages[f"sets/app/{app_sha(position)[:12]}.html"]
        assert app_sha(position)[:12] in page.text
    for wave, targets in TARGETS.items():
        for target in targets:
            assert target in all_pages[f"targets/{wave}/{target}.html"].text
    images = next(one.images for one in board.sets if one.app_sha == app_sha(110))
    assert images is not None
    assert images.digests["web"] in all_pages[f"sets/app/{app_sha(110)[:12]}.html"].text


def test_the_index_has_sets_services_with_digests_and_targets(all_pages: dict[str, Seen]) -> None:
    text = all_pages["find.html"].text
    board = busy()
    for view in board.sets:
        assert view.app_sha[:12] in text
    for there in board.services.values():
        for _, _, files in there:
            assert files.digests["web"].rpartition(":")[2][:12] in text
    assert "prod-8" in text


def test_the_index_names_each_set_that_a_service_is_of() -> None:
    """The same image may be in two sets, and the same service in two image sets of a wave."""
    rollout = Rollout(settings(sets=("app", "db"), lab=LAB, shop=SHOP))
    for wave, set_name, position in (("lab", "app", 2), ("shop", "app", 1), ("lab", "db", 3)):
        rollout.landing(wave, position, set_name=set_name)
    board = shown(rollout)
    (there,) = board.services.values()
    assert [one[:2] for one in there] == [("lab", "app"), ("lab", "db"), ("shop", "app")]
    same = [(wave, name, replace(one, digests=there[0][2].digests)) for wave, name, one in there]
    text = pages(replace(board, services={"web": same}))["find.html"].text
    services = text[text.index("Services") : text.index("Targets")]
    for _, _, files in there:
        assert str(files.app_sha)[:12] in services


def test_refs_that_can_not_be_read_need_a_person() -> None:
    text = pages(shown(Rollout(unreadable=(unreadable("broken-one"),))))["index.html"].text
    assert "broken-one" in text
    assert "Nothing needs a person." not in text


def test_a_wait_that_time_ends_needs_no_person_and_has_no_command() -> None:
    board = shown(two_waves(soak="2h"))
    (line,) = [line for line in board.lines if "soak" in line.kinds]
    assert not line.needs_a_person
    assert line.command == ""


def test_nothing_hostile_becomes_markup() -> None:
    clean, soiled = pages(busy()), pages(hostile())
    kinds = {tag for page in clean.values() for tag, _ in page.elements}
    assert len(soiled) == len(clean)
    for page in soiled.values():
        assert {tag for tag, _ in page.elements} <= kinds
        assert len([tag for tag, _ in page.elements if tag == "script"]) == 1
        for _, one in page.elements:
            assert not [name for name in one if name.startswith("on")]
        for link in page.links():
            assert not re.match(r"\s*(javascript|data|vbscript):", link, re.IGNORECASE)
    assert "alert(1)" in soiled["index.html"].text
    assert "\u202e" not in soiled["index.html"].text


def test_paths_hold_nothing_but_plain_characters() -> None:
    for name in site(hostile()):
        assert re.fullmatch(r"[A-Za-z0-9._/-]+", name)
        assert ".." not in PurePosixPath(name).parts


def test_names_that_differ_have_files_that_differ() -> None:
    names = ["a", "a_b", "a/b", "a_5f_b", "a_2f_b", "A", HOSTILE]
    assert len({file_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("make", [fresh, busy, hostile])
@pytest.mark.parametrize("name", ["landings.xml", "attention.xml"])
def test_feeds_are_atom(make: object, name: str) -> None:
    assert callable(make)
    root = ElementTree.fromstring(site(make())[name])
    assert root.tag == f"{ATOM}feed"
    ids = [one.text for one in root.iter(f"{ATOM}id")]
    assert len(set(ids)) == len(ids)
    for one in (root, *root.iter(f"{ATOM}entry")):
        for part in ("id", "title", "updated"):
            assert one.findtext(f"{ATOM}{part}")
        stamp = one.findtext(f"{ATOM}updated") or ""
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp)


def test_landings_come_the_newest_first_and_say_where() -> None:
    root = ElementTree.fromstring(site(busy())["landings.xml"])
    titles = [one.findtext(f"{ATOM}title") for one in root.iter(f"{ATOM}entry")]
    assert titles[0] == f"{app_sha(110)[:12]} (app) was introduced into staging"
    times = [one.findtext(f"{ATOM}updated") or "" for one in root.iter(f"{ATOM}entry")]
    assert times == sorted(times, reverse=True)


def test_an_entry_keeps_its_id_while_time_passes() -> None:
    def ids(board: Board) -> set[str | None]:
        feed = site(board)["landings.xml"]
        return {one.text for one in ElementTree.fromstring(feed).iter(f"{ATOM}id")}

    board = busy()
    assert ids(board) == ids(replace(board, now=board.now.replace(hour=13)))
    other = replace(board, place=replace(PLACE, repo="https://github.com/acme/other"))
    assert not ids(board) & ids(other)


def test_what_needs_a_person_is_a_feed_with_the_command() -> None:
    root = ElementTree.fromstring(site(busy())["attention.xml"])
    texts = [one.findtext(f"{ATOM}content") or "" for one in root.iter(f"{ATOM}entry")]
    assert any("tidemill release-wave --wave production" in text for text in texts)


def test_a_hold_of_a_wave_that_is_gone_and_a_broken_ref_are_in_the_feed_and_on_the_page() -> None:
    rollout = Rollout(settings(lab=LAB), unreadable=(unreadable("broken-one"),))
    rollout.held("shop", reason="the database moves")
    board = shown(rollout)
    release = "tidemill release-wave --wave shop --reason"
    assert release in pages(board)["index.html"].text
    root = ElementTree.fromstring(site(board)["attention.xml"])
    texts = [one.findtext(f"{ATOM}content") or "" for one in root.iter(f"{ATOM}entry")]
    assert any("the database moves" in text and release in text for text in texts)
    titles = [one.findtext(f"{ATOM}title") or "" for one in root.iter(f"{ATOM}entry")]
    assert any("broken-one" in title for title in titles)


def test_assets_are_in_the_site() -> None:
    assert set(ASSETS) <= set(site(fresh()))


def test_a_hold_that_ends_by_itself_says_when() -> None:
    rollout = Rollout()
    held = rollout.held("shop")
    end = rollout.now.replace(year=2027)
    rollout.holds["shop", "_"] = msgspec.structs.replace(held, until=end)
    text = pages(shown(rollout))["index.html"].text
    assert "until 2027-01-05 12:00 UTC" in text


def test_a_hold_beneath_another_one_is_shown_too() -> None:
    rollout = Rollout()
    rollout.held("shop", reason="stocktaking", beneath=rollout.held("shop", reason="audit"))
    text = pages(shown(rollout))["index.html"].text
    assert "stocktaking" in text
    assert "audit" in text


def test_a_freeze_is_shown_with_its_end() -> None:
    rollout = Rollout(
        settings(
            lab={"targets": ["lab-1"]},
            checks='retries = 0\n[[freezes]]\nfrom = "2026-01-01T00:00"\n'
            'until = "2026-01-09T00:00"\nzone = "UTC"\nreason = "the year begins"',
        )
    )
    text = pages(shown(rollout))["index.html"].text
    assert "Frozen until 2026-01-09 00:00 UTC" in text
    assert "the year begins" in text


def test_image_files_that_somebody_took_away_are_called_that() -> None:
    rollout = two_waves()
    rollout.by_hand("shop", None)
    rollout.turn()
    files = site(shown(rollout))
    rows = files["waves/shop.html"].decode().split("<tr")
    (row,) = [row for row in rows if "removed by hand" in row]
    assert "unknown" not in row
    assert "app was taken by hand out of shop" in files["landings.xml"].decode()


def test_name_of_a_file_is_never_too_long_and_tells_names_apart() -> None:
    longest = ["a" + "_" * 98 + end for end in "bc"]
    names = [file_name(one) for one in [*longest, "a_b", "a" * 100]]
    assert names[2:] == ["a_5f_b", "a" * 100]
    assert len({*names}) == len(names)
    assert max(map(len, names)) <= 255 - len(".html")


def test_wave_whose_gates_were_changed_says_so_on_the_board_and_on_its_page() -> None:
    rollout = two_waves()
    rollout.turn()
    rollout.settings = settings(lab=LAB, shop={**SHOP, "approval": True})
    rollout.turn()
    found = pages(shown(rollout))
    for name in ("index.html", "waves/shop.html"):
        assert "Gates changed in a commit that can't be told" in found[name].text
        assert "approval: yes, was no" in found[name].text
    assert "Gates changed" not in found["waves/lab.html"].text


def test_a_set_that_a_line_is_about_is_a_link_where_it_stands_in_it() -> None:
    board = busy()
    known = board.sets[0]
    sha = known.app_sha[:12]
    for what in (f"{sha} (app) for shop", f"what was asked for in shop about {sha} (app)"):
        line = replace(board.lines[0], what=what, set=known.set, app_sha=known.app_sha)
        page = Seen(site(replace(board, lines=(line,)))["index.html"])
        assert what in page.text
        assert f"{sha}what" not in page.text
