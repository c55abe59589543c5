"""Settings that can't be used: `check-cfg-app` refuses them before they get to main."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import Result, World, git

TOML = """\
main = "main"
auto = "auto"
namespace = "refs/tidemill"
[checks]
source = "refs"
required = ["unit"]
test = "head"
retries = 1
timeout = "60m"
[images]
path = "images/{wave}/{set}"
allow = ["ghcr.io/acme/*"]
[[sets]]
name = "app"
repository = "acme/app"
branch = "main"
[[sets]]
name = "data"
[entrypoints]
check = "true"
[deployments]
path = "generated/{wave}/{target}"
[[waves]]
name = "lab"
targets = ["lab-1", "lab-2"]
admit = "when deployed"
settle = "15m"
[[waves]]
name = "shop"
after = ["lab"]
targets = ["north"]
soak = "1h"
windows = ["Mon-Fri 09:00-16:00 Europe/Berlin"]
approval = true
on_failure = "wait"
[bot]
name = "tidemill"
email = "tidemill@example.com"
"""

# What is replaced, by what. The error has to name the line on which the second stands.
BAD = {
    "no TOML": ("[checks]", "[checks"),
    "key twice": ("retries = 1", "retries = 1\nretries = 2"),
    "unknown top-level key": ('main = "main"', 'mian = "main"'),
    "unknown key of checks": ("retries = 1", "retrys = 1"),
    "unknown key of a wave": ('soak = "1h"', 'soka = "1h"'),
    "unknown key of a set": ('branch = "main"', 'brunch = "main"'),
    "unknown table": ("[bot]", "[robot]"),
    "source": ('source = "refs"', 'source = "gitlab"'),
    "required as text": ('required = ["unit"]', 'required = "unit"'),
    "required of numbers": ('required = ["unit"]', "required = [1]"),
    "test": ('test = "head"', 'test = "some"'),
    "retries as text": ("retries = 1", 'retries = "1"'),
    "retries below 0": ("retries = 1", "retries = -1"),
    "retries true": ("retries = 1", "retries = true"),
    "retries half": ("retries = 1", "retries = 0.5"),
    "timeout as a number": ('timeout = "60m"', "timeout = 60"),
    "timeout without a unit": ('timeout = "60m"', 'timeout = "60"'),
    "timeout of weeks": ('timeout = "60m"', 'timeout = "1w"'),
    "timeout of nothing": ('timeout = "60m"', 'timeout = "0m"'),
    "timeout below nothing": ('timeout = "60m"', 'timeout = "-5m"'),
    "path climbs out": ('path = "images/{wave}/{set}"', 'path = "../{wave}/{set}"'),
    "path climbs inside": ('path = "images/{wave}/{set}"', 'path = "a/../{wave}/{set}"'),
    "path in .git": ('path = "images/{wave}/{set}"', 'path = ".git/{wave}/{set}"'),
    "path without a wave": ('path = "images/{wave}/{set}"', 'path = "images/{set}"'),
    "path without a set": ('path = "images/{wave}/{set}"', 'path = "images/{wave}"'),
    "path with something else": (
        'path = "images/{wave}/{set}"',
        'path = "images/{wave}/{set}/{target}"',
    ),
    "path with a newline": (
        'path = "images/{wave}/{set}"',
        'path = "images\\n/{wave}/{set}"',
    ),
    "path that is no text": ('path = "images/{wave}/{set}"', "path = 3"),
    "allow as text": ('allow = ["ghcr.io/acme/*"]', 'allow = "ghcr.io/acme/*"'),
    "set climbs out": ('name = "data"', 'name = "../data"'),
    "set with a space": ('name = "data"', 'name = "da ta"'),
    "set twice": ('name = "data"', 'name = "app"'),
    "set without a name": ('name = "data"', 'repository = "acme/data"'),
    "entry point as a list": ('check = "true"', 'check = ["true"]'),
    "unknown entry point": ('check = "true"', 'test = "true"'),
    "deployments climb out": (
        'path = "generated/{wave}/{target}"',
        'path = "/../{wave}/{target}"',
    ),
    "deployments with something else": (
        'path = "generated/{wave}/{target}"',
        'path = "generated/{wave}/{tragte}"',
    ),
    "wave climbs out": ('name = "shop"', 'name = "a/b"'),
    "wave ends in .lock": ('name = "shop"', 'name = "shop.lock"'),
    "wave twice": ('name = "shop"', 'name = "lab"'),
    "targets as text": ('targets = ["north"]', 'targets = "north"'),
    "target twice": ('targets = ["lab-1", "lab-2"]', 'targets = ["lab-1", "lab-1"]'),
    "target with a newline": ('targets = ["north"]', 'targets = ["no\\nrth"]'),
    "admit": ('admit = "when deployed"', 'admit = "sometimes"'),
    "settle": ('settle = "15m"', 'settle = "soon"'),
    "after nobody": ('after = ["lab"]', 'after = ["lba"]'),
    "after itself": ('after = ["lab"]', 'after = ["shop"]'),
    "after as text": ('after = ["lab"]', 'after = "lab"'),
    "soak": ('soak = "1h"', 'soak = "1 hour"'),
    "window day": ("Mon-Fri 09:00", "Mon-Fry 09:00"),
    "window time": ("09:00-16:00", "09:00-25:00"),
    "window zone": ("Europe/Berlin", "Europe/Bremen"),
    "window zone climbs out": ("Europe/Berlin", "../../etc/passwd"),
    "window without a zone": (" Europe/Berlin", ""),
    "windows as text": (
        'windows = ["Mon-Fri 09:00-16:00 Europe/Berlin"]',
        'windows = "Mon-Fri 09:00-16:00 UTC"',
    ),
    "approval as text": ("approval = true", 'approval = "yes"'),
    "on_failure": ('on_failure = "wait"', 'on_failure = "panic"'),
    "main is auto": ('auto = "auto"', 'auto = "main"'),
    "main is no branch": ('main = "main"', 'main = "ma in"'),
    "auto climbs out": ('auto = "auto"', 'auto = "../auto"'),
    "auto with a colon": ('auto = "auto"', 'auto = "auto:main"'),
    "auto is below main": ('auto = "auto"', 'auto = "main/auto"'),
    "auto is empty": ('auto = "auto"', 'auto = ""'),
    "namespace outside of refs": ('namespace = "refs/tidemill"', 'namespace = "tidemill"'),
    "namespace of branches": ('namespace = "refs/tidemill"', 'namespace = "refs/heads"'),
    "namespace climbs out": ('namespace = "refs/tidemill"', 'namespace = "refs/../x"'),
    "namespace with a slash": ('namespace = "refs/tidemill"', 'namespace = "refs/tidemill/"'),
    "bot without a name": ('name = "tidemill"', 'name = ""'),
    "bot with a newline": ('name = "tidemill"', 'name = "a\\nb"'),
    "bot's address": ('email = "tidemill@example.com"', 'email = "a>\\nparent <b"'),
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with settings that are fine."""
    folder = tmp_path_factory.mktemp("checkout")
    git(folder, "init", "-q", "-b", "main")
    (folder / "tidemill.toml").write_text(TOML)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "settings")
    return folder


def check(folder: Path, picky: World) -> Result:
    """Run `check-cfg-app` in a checkout."""
    return picky.run("check-cfg-app", "--repo", str(folder), repo=False)


def test_settings_of_the_table_are_fine_before_they_are_broken(
    checkout: Path, seed_new: World
) -> None:
    (checkout / "tidemill.toml").write_text(TOML)
    found = check(checkout, seed_new)
    assert (found.code, found["green"]) == (0, True)


@pytest.mark.parametrize(("good", "bad"), BAD.values(), ids=BAD)
def test_bad_settings_are_refused_and_the_line_is_named(
    checkout: Path, seed_new: World, good: str, bad: str
) -> None:
    assert TOML.count(good) == 1
    text = TOML.replace(good, bad)
    (checkout / "tidemill.toml").write_text(text)
    found = check(checkout, seed_new)
    assert found.code == 1
    assert found["error"]["what"].isprintable()
    at = TOML[: TOML.index(good)].count("\n") + 1
    lines = {f"line {at}", f"line {at + bad.count(chr(10))}"}
    if bad in ('repository = "acme/data"', "[robot]", "[checks"):  # what is missing has no line
        lines |= {f"line {at - 1}", f"line {at + 1}"}
    if bad != "[robot]":
        assert any(line in found["error"]["what"] for line in lines), found["error"]["what"]


@pytest.mark.parametrize(
    "text",
    ["", "[[waves]]\n", "waves = []\n", "sets = []\n[[waves]]\nname = 'a'\ntargets = []\n"],
    ids=["empty", "wave without a name", "no waves", "no sets"],
)
def test_settings_that_lack_what_is_needed_are_refused(
    checkout: Path, seed_new: World, text: str
) -> None:
    (checkout / "tidemill.toml").write_text(text)
    assert check(checkout, seed_new).code == 1


def test_settings_that_are_not_utf_8_or_not_there_are_refused(
    checkout: Path, seed_new: World
) -> None:
    (checkout / "tidemill.toml").write_bytes(b'main = "\xff"\n')
    assert "UTF-8" in check(checkout, seed_new)["error"]["what"]
    (checkout / "tidemill.toml").unlink()
    assert check(checkout, seed_new).code == 1


def test_two_places_that_share_a_folder_are_refused(checkout: Path, seed_new: World) -> None:
    text = TOML.replace("images/{wave}/{set}", "images/{wave}-{set}")
    text = text.replace('name = "lab"', 'name = "shop-app"').replace('"lab"', '"shop-app"')
    text = text.replace('name = "data"', 'name = "app-app"')
    (checkout / "tidemill.toml").write_text(text)
    found = check(checkout, seed_new)
    assert found.code == 1, "shop and app-app have the folder of shop-app and app"


def test_settings_that_are_bad_stop_a_turn_and_name_the_commit(new: World) -> None:
    new.settings = new.settings.replace('name = "shop"', 'name = "shop"\nadmit = "never"')
    commit = new.edit()
    line = new.settings.splitlines().index('admit = "never"') + 1
    found = new.turn()
    assert found.code == 1
    assert commit[:7] in found["error"]["what"]
    assert f"line {line}" in found["error"]["what"]
    assert found["error"]["written"] == "nothing"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"tags.json": '{"web": "x"}', "digests.json": '{"api": "y"}'}, "same services"),
        ({"tags.json": '{"web": "x"}'}, "digests.json"),
        (
            {"tags.json": '{"web": "x"}', "digests.json": '{"web": "y"}', "source.json": "{"},
            "source",
        ),
    ],
)
def test_image_files_that_are_broken_are_refused(
    checkout: Path, seed_new: World, files: dict[str, str], told: str
) -> None:
    (checkout / "tidemill.toml").write_text(TOML)
    folder = checkout / "images" / "lab" / "app"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    found = check(checkout, seed_new)
    git(checkout, "clean", "-qfdx")
    assert found.code == 1
    assert told in found["error"]["what"]


def test_committed_files_that_are_not_what_the_sources_generate_are_refused(new: World) -> None:
    new.announce(1)
    git(new.clone, "fetch", "-q", str(new.bare), "auto")
    git(new.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    assert new.run("check-cfg-app", "--repo", str(new.clone), repo=False).code == 0
    (new.clone / "generated" / "lab" / "lab-1" / "all.yaml").write_text("stale\n")
    status = git(new.clone, "status", "--porcelain")
    found = new.run("check-cfg-app", "--repo", str(new.clone), repo=False)
    assert found.code == 1
    assert "generated/lab/lab-1/all.yaml" in found["error"]["what"]
    assert git(new.clone, "status", "--porcelain") == status, "nothing in the checkout changes"


@pytest.mark.parametrize("folder", ["nowhere", ".", "-x"])
def test_what_is_no_checkout_is_refused(new: World, folder: str) -> None:
    given = str(new.folder / folder) if folder != "-x" else folder
    found = new.run("check-cfg-app", f"--repo={given}", repo=False)
    assert found.code == 1
