"""The page in Chromium: on a phone and on a desk, by day and by night, by keyboard alone.

Pictures of it are kept in `pictures/`, and compared so that another release of Chromium, which
draws letters a little differently, still passes. Look at a new one before you put it there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.components.browsers import Browser, Page
from tests.unit.boards import busy, fresh, gated, hostile, soiled
from tests.unit.sets import app_sha

from tidemill.site.board import Board
from tidemill.site.parts import file_name
from tidemill.site.site import site

PICTURES = Path(__file__).parent / "pictures"
SIZES = {"phone": (375, 812), "desk": (1440, 900)}
SCHEMES = ("light", "dark")
BOARDS: dict[str, Callable[[], Board]] = {
    "fresh": fresh,
    "busy": busy,
    "hostile": hostile,
    "gated": gated,
    "hostile gates": lambda: soiled(gated()),
}
SUBJECTS = ("index", "timeline", "find", "wave", "set", "target")
MOST_DIFFERENT = 0.02  # of all spots of 4 x 4 pixels, those that clearly differ

COMPARE = """(async (pictures) => {
  const spots = await Promise.all(pictures.map(async (data) => {
    const picture = new Image();
    picture.src = `data:image/png;base64,${data}`;
    await picture.decode();
    const canvas = document.createElement("canvas");
    canvas.width = picture.width / 4;
    canvas.height = picture.height / 4;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  }));
  const [one, other] = spots;
  if (one.width !== other.width || Math.abs(one.height - other.height) > 2) return 1;
  const most = Math.min(one.data.length, other.data.length);
  let different = 0;
  for (let at = 0; at < most; at += 4) {
    const apart = [0, 1, 2].map((part) => Math.abs(one.data[at + part] - other.data[at + part]));
    if (Math.max(...apart) > 32) different += 1;
  }
  return different / (most / 4);
})"""
REACHABLE = """[...document.querySelectorAll("a[href], input, summary")]
  .filter((one) => one.checkVisibility()).length"""
FOCUSED = """(() => {
  const one = document.activeElement;
  window.reached ??= [];
  const style = getComputedStyle(one);
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return "no outline";
  if (window.reached.includes(one)) return "again";
  window.reached.push(one);
  return "";
})()"""
BROKEN_RULES = """axe.run({preload: false}).then((found) => [
  ...found.violations,
  ...found.incomplete.filter((one) => one.id === "color-contrast"),
].map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 3).join(" ")}`))"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sites of all boards, each in a folder of its name."""
    folder = tmp_path_factory.mktemp("sites")
    for name, make in BOARDS.items():
        for path, data in site(make()).items():
            place = folder / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return browser.page()


def address(folder: Path, board: str, subject: str) -> str:
    """A page about a subject, the first that there is of its kind."""
    kinds = {"wave": "waves/*.html", "set": "sets/*/*.html", "target": "targets/*/*.html"}
    found = sorted((folder / board).glob(kinds.get(subject, f"{subject}.html")))
    return f"file://{found[0]}"


def subjects_of(board: str) -> list[str]:
    return [one for one in SUBJECTS if not (board == "fresh" and one == "set")]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("board", BOARDS)
def test_pages_fit_obey_axe_and_ask_nobody(
    page: Page, folder: Path, axe: str, board: str, size: str, scheme: str
) -> None:
    page.show(*SIZES[size], scheme)
    for subject in subjects_of(board):
        page.open(address(folder, board, subject))
        wider = page.run("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{subject} is {wider} pixels too wide"
        page.run(axe)
        assert page.run(BROKEN_RULES) == [], subject
        assert page.trouble == [], subject


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_the_board_looks_as_in_its_picture(
    page: Page, folder: Path, tmp_path: Path, size: str, scheme: str
) -> None:
    name = f"board-{size}-{scheme}.png"
    page.show(*SIZES[size], scheme)
    page.open(address(folder, "busy", "index"))
    new = tmp_path / name
    new.write_bytes(page.picture())
    kept = PICTURES / name
    assert kept.is_file(), f"look at {new}, and put it into {PICTURES}"
    different = compared(page, kept.read_bytes(), new.read_bytes())
    assert different < MOST_DIFFERENT, f"{different:.1%} differ: compare {kept} and {new}"


def test_the_comparison_sees_what_a_person_would_see(page: Page, folder: Path) -> None:
    page.show(*SIZES["desk"])
    page.open(address(folder, "busy", "index"))
    first = page.picture()
    page.run("document.querySelector('.waves').style.gap = '3rem'")
    second = page.picture()
    page.run("document.querySelectorAll('.hold').forEach((one) => one.remove())")
    assert compared(page, first, first) == 0
    assert compared(page, first, second) >= MOST_DIFFERENT
    assert compared(page, first, page.picture()) >= MOST_DIFFERENT


def compared(page: Page, one: bytes, other: bytes) -> float:
    """Which part of two pictures differs."""
    page.open("about:blank")
    given = json.dumps([base64.b64encode(data).decode() for data in (one, other)])
    return float(page.run(f"{COMPARE}({given})"))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    page: Page, folder: Path, subject: str
) -> None:
    page.show(*SIZES["desk"])
    page.open(address(folder, "busy", subject))
    count = page.run(REACHABLE)
    assert count > 5
    for at in range(count):
        page.press("Tab", 9)
        assert page.run(FOCUSED) == "", f"the {at + 1}th stop of {count}"


def test_a_slash_goes_to_the_field_and_enter_to_what_is_found(page: Page, folder: Path) -> None:
    page.show(*SIZES["desk"])
    page.open(address(folder, "busy", "index"))
    page.press("/", 191, "/")
    assert page.run("document.activeElement.id") == "q"
    assert page.run("document.activeElement.value") == ""
    page.run("document.activeElement.value = 'prod-8'")
    page.arrive(lambda: page.press("Enter", 13, "\r"))
    assert page.run("location.pathname.endsWith('/find.html')")
    assert found(page) == ["prod-8"]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (app_sha(104), app_sha(104)[:12]),
        (app_sha(104)[:7], app_sha(104)[:12]),
        ("PROD-8", "prod-8"),
        ("web", "web"),
    ],
)
def test_the_script_filters_by_sha_and_name(
    page: Page, folder: Path, words: str, first: str
) -> None:
    page.open(f"{address(folder, 'busy', 'find')}?q={words}")
    assert first in found(page)
    assert page.run("document.getElementById('found').textContent").endswith("found")


def test_the_script_filters_by_a_whole_image_reference(page: Page, folder: Path) -> None:
    [files] = [one for wave, _, one in busy().services["web"] if wave == "production"]
    page.open(f"{address(folder, 'busy', 'find')}?q={files.digests['web']}")
    assert found(page) == ["web"]
    page.open(f"{address(folder, 'busy', 'find')}?q=sha256:{'f' * 64}")
    assert found(page) == []
    assert page.run("document.getElementById('found').textContent") == "0 found"


def test_parts_of_the_index_with_nothing_found_go(page: Page, folder: Path) -> None:
    page.open(f"{address(folder, 'busy', 'find')}?q=prod-8")
    titles = "[...document.querySelectorAll('h2')].filter((one) => one.checkVisibility())"
    assert page.run(f"{titles}.map((one) => one.firstChild.textContent.trim())") == ["Targets"]
    page.open(address(folder, "busy", "find"))
    assert page.run(f"{titles}.length") == 3


def found(page: Page) -> list[str]:
    """What the index still shows: the first word of each row."""
    rows = "[...document.querySelectorAll('.index > li')].filter((one) => one.checkVisibility())"
    return list(page.run(f"{rows}.map((one) => one.firstElementChild.textContent)"))


def test_without_scripts_all_is_there(browser: Browser, folder: Path) -> None:
    page = browser.page()
    page.show(*SIZES["phone"])
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.open(f"{address(folder, 'busy', 'find')}?q=prod-8")
    assert "prod-1" in found(page)
    page.open(address(folder, "busy", "index"))
    text = page.run("document.body.innerText")
    assert "Black Friday, ask Ada" in text
    assert "tidemill release-wave" in text


def test_nothing_hostile_runs_or_becomes_an_element(page: Page, folder: Path) -> None:
    page.show(*SIZES["phone"])
    names = [path.relative_to(folder) for path in sorted((folder / "hostile").rglob("*.html"))]
    assert any(file_name("'><script>") in str(name) for name in names)
    for name in names:
        page.open(f"file://{folder / name}")
        others = 'img, iframe, object, embed, style, [onerror], script:not([src$="find.js"])'
        assert page.run(f"document.querySelectorAll('{others}').length") == 0
        assert page.trouble == [], name
