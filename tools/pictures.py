"""Makes the pictures of the documents: what `make pictures` runs.

The loop is drawn here. The other two are of a real run: the tutorial is followed on the stand-in up
to its rollback, and Chromium takes a picture of what a person would see there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from tests.followed import Reader, Step, steps

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
WIDTH = 1000
STYLE = """
  text { font: 15px system-ui, sans-serif; fill: #1b1f24 }
  .small { font-size: 13px; fill: #57606a }
  .name { font-weight: 600 }
  .box { fill: #fff; stroke: #57606a; stroke-width: 1.5 }
  .good { stroke: #1a7f37 } .bad { stroke: #cf222e }
  .place { fill: #f3f5f8 }
  path { fill: none; stroke: #57606a; stroke-width: 1.5 }
  #tip path { fill: #57606a; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9da7b3 } .box { fill: #0d1117; stroke: #9da7b3 }
    .good { stroke: #3fb950 } .bad { stroke: #f85149 }
    .place { fill: #161b22 } path { stroke: #9da7b3 } #tip path { fill: #9da7b3 }
  }
"""


def loop() -> str:
    """The loop, as SVG: light or dark, as the reader's machine is."""
    places = [
        _place(10, 190, "app.git"),
        _place(215, 330, "cfg-app.git"),
        _place(560, 190, "clusters"),
    ]
    boxes = [
        _box(25, 60, 160, "a commit"),
        _box(25, 150, 160, "images", "built once, by digest"),
        _box(240, 60, 280, "inbox", "the announcement: it can't be lost"),
        _box(240, 150, 280, "auto", "a commit for one wave, under test"),
        _box(240, 240, 130, "red", "taken off, it alone", kind="bad"),
        _box(390, 240, 130, "green", "goes to main", kind="good"),
        _box(240, 330, 280, "main", "the commit that was tested: what runs"),
        _box(575, 330, 160, "Argo CD, Flux", "deploy main"),
        _box(575, 240, 160, "targets", "report their health"),
        _box(575, 150, 160, "a wave is done", "healthy, long enough"),
    ]
    arrows = [
        "M105 110 V148", "M185 175 C 215 175 210 85 238 85", "M380 110 V148",
        "M305 200 V238", "M455 200 V238", "M455 290 V328", "M520 355 H573", "M655 330 V292",
        "M655 240 V202", "M575 175 H522",
    ]  # fmt: skip
    words = [
        '<text class="small" x="655" y="140" text-anchor="middle">on to the next wave</text>',
    ]
    body = "\n".join(
        [*places, *boxes, *(f'<path d="{one}" marker-end="url(#tip)"/>' for one in arrows), *words]
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 400" role="img">
<title>The loop: a commit of app.git becomes an announcement, a commit on auto, main, a
deployment, and then the same in the next wave</title>
<style>{STYLE}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
 orient="auto">
<path d="M0 0 L8 4 L0 8 z"/></marker></defs>
{body}
</svg>
"""


def _place(left: int, width: int, name: str) -> str:
    return (
        f'<rect class="place" x="{left}" y="10" width="{width}" height="380" rx="10"/>'
        f'<text class="name" x="{left + 15}" y="38">{name}</text>'
    )


def _box(left: int, top: int, width: int, name: str, about: str = "", kind: str = "") -> str:
    middle = left + width // 2
    return (
        f'<rect class="box {kind}" x="{left}" y="{top}" width="{width}" height="50" rx="6"/>'
        f'<text x="{middle}" y="{top + (22 if about else 30)}" text-anchor="middle">{name}</text>'
        f'<text class="small" x="{middle}" y="{top + 41}" text-anchor="middle">{about}</text>'
    )


def main() -> None:
    """Write all of them."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("There is no Chromium: apt install chromium")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "loop.svg").write_text(loop(), encoding="utf-8")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        checkout = Path(folder, "tidemill")
        checkout.mkdir()
        (checkout / ".venv").symlink_to(sys.prefix)
        with Reader(checkout, _person(folder)) as reader:
            for step in _until_the_rollback():
                reader.do(step)
            reader.run('tidemill page --repo "$CFG" --out page')
            page = Path(reader.run("pwd"), "page", "index.html")
            _take(browser, page.as_uri(), "waves.png", 600)
            _take(browser, _run_that_promoted(reader), "run.png", 895)


def _person(folder: str) -> dict[str, str]:
    identity = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
    }
    return {**identity, "USER": "ada", "TMPDIR": folder, "TZ": "UTC", "NO_COLOR": "1"}


def _until_the_rollback() -> list[Step]:
    """What the tutorial says, up to where production runs the earlier images again."""
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    todo = [step for step in steps(page) if step.how != "not here"]
    rollback = next(n for n, step in enumerate(todo) if "rollback-wave" in step.shell)
    return todo[: rollback + 2]


def _run_that_promoted(reader: Reader) -> str:
    """The address of the newest run whose summary has a promotion that landed."""
    server = reader.run('echo "$GITHUB_SERVER_URL"')
    token = reader.run('echo "$TIDEMILL_TOKEN"')

    def get(path: str) -> str:
        request = urllib.request.Request(  # noqa: S310 -- the stand-in on this machine
            f"{server}{path}", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return str(answer.read(), "utf-8")

    runs = json.loads(get("/api/v3/repos/acme/cfg-app/actions/runs"))["workflow_runs"]
    pages = [f"/acme/cfg-app/actions/runs/{run['id']}" for run in runs]
    return server + next(one for one in pages if "<td>promoted</td>" in get(one))


def _take(browser: str, address: str, name: str, height: int) -> None:
    """A picture of what a person sees there, as wide as a page of documents."""
    subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         f"--window-size={WIDTH},{height}", f"--screenshot={FOLDER / name}", address],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip


if __name__ == "__main__":
    main()
