"""A person forgets `generate`: nothing of that rides along in a commit that says something else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.loop.stories import assert_rests, file_at, journal, land, refs, says, trailers
from tests.loop.waves import Waves, copied, short
from tests.world import announcement, git

WAVES = {"lab": {"targets": ["l1", "l2"]}, "shop": {"targets": ["s1"]}}
GENERATE = """\
import json, pathlib
for wave, targets in {"lab": ["l1", "l2"], "shop": ["s1"]}.items():
    files = sorted(pathlib.Path("images", wave).glob("**/digests.json"))
    lines = [line for one in files for line in json.loads(one.read_text()).values()]
    lines = ["replicas: " + pathlib.Path("sources", wave).read_text().strip(), *lines]
    for target in targets:
        out = pathlib.Path("generated", wave, target)
        out.mkdir(parents=True, exist_ok=True)
        (out / "all.yaml").write_text("\\n".join(lines) + "\\n")
"""
TAKE = """\
import json, pathlib, sys
images = json.loads(pathlib.Path(sys.argv[1]).read_text())
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for kind, name in (("Tag", "tags"), ("Digest", "digests")):
    text = json.dumps({service: image[kind] for service, image in images.items()}, indent=1)
    (folder / f"{name}.json").write_text(text)
"""


def world(
    folder: Path, generate: str = GENERATE, *, more: str = "", sets: tuple[str, ...] = ("app",)
) -> Waves:
    """Position 1 is deployed everywhere; each run of `generate` is counted in `runs`."""
    w = Waves(folder, WAVES, sets=sets, entrypoints="")
    command = 'generate = "echo >> RUNS; python3 generate.py"'.replace("RUNS", str(folder / "runs"))
    w.settings = w.settings.replace("[entrypoints]\n", f"[entrypoints]\n{command}\n{more}")
    (w.clone / "generate.py").write_text(generate)
    (w.clone / "take.py").write_text(TAKE)
    for wave in WAVES:
        source(w, wave, 1)
    generated(w, "a generator of their own")
    for name in sets:
        w.everywhere(1, {f"of-{name}": "1"}, set_name=name)
    return w


def runs(w: Waves) -> int:
    file = w.folder / "runs"
    return len(file.read_text().splitlines()) if file.exists() else 0


def source(w: Waves, wave: str, replicas: int) -> None:
    file = w.clone / "sources" / wave
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{replicas}\n")


def up_to_date(w: Waves) -> None:
    git(w.clone, "fetch", "-q", str(w.bare), "main")
    git(w.clone, "reset", "-q", "--hard", "FETCH_HEAD")


def generated(w: Waves, message: str) -> str:
    """A person generates, and commits what that and they changed."""
    (w.clone / "tidemill.toml").write_text(w.settings)
    subprocess.run(["python3", "generate.py"], cwd=w.clone, check=True)
    return w.commit(message)


def forget(w: Waves, wave: str, replicas: int = 50) -> str:
    """A person changes a wave's sources, and pushes them without generating."""
    up_to_date(w)
    source(w, wave, replicas)
    return w.commit(f"{replicas} replicas in {wave}")


def remember(w: Waves) -> str:
    """A person generates, and commits what that changes."""
    up_to_date(w)
    return generated(w, "generated")


def replicas(w: Waves, wave: str, revision: str = "main") -> int:
    target = WAVES[wave]["targets"][0]
    line = file_at(w, revision, f"generated/{wave}/{target}/all.yaml").splitlines()[0]
    return int(line.removeprefix("replicas: "))


def changes(w: Waves, commit: str) -> set[str]:
    """The folders that a commit changes files in."""
    names = git(w.bare, "diff-tree", "-r", "--name-only", "--no-commit-id", commit).splitlines()
    return {"/".join(name.split("/")[:2]) for name in names}


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Waves:
    return world(tmp_path_factory.mktemp("seed"))


@pytest.fixture
def w(seed: Waves, tmp_path: Path) -> Waves:
    """Position 1 is deployed everywhere."""
    other = copied(seed, tmp_path)
    other.settings = other.settings.replace(str(seed.folder), str(tmp_path))
    remember(other)
    other.turn()
    (tmp_path / "runs").unlink(missing_ok=True)
    return other


def test_what_was_forgotten_for_one_wave_does_not_ride_along_with_another(w: Waves) -> None:
    w.hold("shop")
    forget(w, "shop")
    w.ship(2)
    w.deploy("lab")
    assert w.at("lab") == 2
    assert replicas(w, "shop") == 1
    assert changes(w, "main") == {"images/lab", "generated/lab"}
    w.later(days=1)
    assert_rests(w)


def test_stale_wave_waits_and_status_names_the_commit_the_files_and_what_to_do(w: Waves) -> None:
    blamed = forget(w, "shop")
    w.deployed(2, "lab")
    assert w.positions() == {"lab": 2, "shop": 1}
    assert replicas(w, "shop") == 1
    ran = runs(w)
    for told in (w.why(), says(w, "status")[1].replace("\n", " ")):
        assert blamed[:12] in told
    assert "generated/shop/s1/all.yaml" in w.why()
    assert "python3 generate.py` and commit what it changes" in w.why()
    assert runs(w) == ran, "status runs nothing"
    entry = next(one for one in journal(w) if one["what"] == "stale")
    assert (entry["wave"], entry["sha"]) == ("shop", blamed)
    assert "generated/shop/s1/all.yaml" in entry["reason"]
    w.later(days=1)
    assert_rests(w)
    remember(w)
    w.green()
    assert w.positions() == {"lab": 2, "shop": 2}
    assert replicas(w, "shop") == 50


def test_its_own_wave_waits_when_it_is_the_first(w: Waves) -> None:
    forget(w, "lab")
    w.ship(2)
    assert w.positions() == {"lab": 1, "shop": 1}
    assert "generated/lab/l1/all.yaml, generated/lab/l2/all.yaml" in w.why()
    before = refs(w)
    w.later(days=1)
    assert not w.turn()["changed"]
    assert refs(w) == before
    remember(w)
    w.ship(2)
    assert w.at("lab") == 2
    assert replicas(w, "lab") == 50


def test_on_each_new_main_generate_runs_once_more_and_on_our_own_never(w: Waves) -> None:
    forget(w, "shop")
    w.announce(2)
    assert runs(w) == 2, "main as it is, and the operation"
    w.green()
    w.deploy("lab")
    ran = runs(w)
    w.announce(3)
    w.later(hours=1)
    w.green()
    assert runs(w) == ran + 1, "the operation alone"
    ran = runs(w)
    remember(w)
    w.green()
    assert runs(w) == ran + 2
    ran = runs(w)
    w.later(days=1)
    w.turn()
    w.turn()
    assert runs(w) == ran


def test_race_that_is_lost_does_not_make_it_run_again(w: Waves) -> None:
    file = w.folder / "meanwhile"
    hold = f"git --git-dir {w.bare} update-ref refs/tidemill/journal refs/tidemill/journal~1"
    w.settings = w.settings.replace("python3 generate.py", f"python3 generate.py; sh {file}")
    file.write_text("")
    remember(w)
    forget(w, "shop")
    file.write_text(f"if [ -e images/lab/source.json ]; then {hold}; rm {file}; touch {file}; fi")
    (w.folder / "runs").unlink(missing_ok=True)
    w.announce(2)
    assert runs(w) <= 3, "main as it is, and the operation twice"


def test_dry_run_looks_and_writes_nothing(w: Waves) -> None:
    forget(w, "lab")
    w.turn()
    before = refs(w)
    file = w.folder / "announcement.json"
    file.write_text(json.dumps(announcement(2)))
    turn = w.run("update-cfg-app", "--announcement", str(file), "--dry-run")
    assert "generated/lab/l1/all.yaml" in str(turn["waiting"])
    assert refs(w) == before


ENTRIES = """\
introduce = "python3 take.py {file} images/{wave}; python3 generate.py"
promote = "cp -r images/{source} images/{wave}; python3 generate.py"
"""


def test_entry_points_of_their_own_that_generate_carry_nothing_along(tmp_path: Path) -> None:
    w = world(tmp_path, more=ENTRIES)
    w.hold("shop")
    forget(w, "shop")
    w.ship(2)
    assert w.at("lab") == 2
    assert changes(w, "main") == {"images/lab", "generated/lab"}
    w.release("shop")
    w.deploy("lab")
    assert "generated/shop/s1/all.yaml" in w.why()


def test_sets_of_a_wave_wait_together_and_other_waves_take_each(tmp_path: Path) -> None:
    w = world(tmp_path, sets=("app", "db"))
    forget(w, "shop")
    for name in ("app", "db"):
        w.ship(2, {f"of-{name}": "2"}, set_name=name)
        w.deploy("lab")
        w.green()
    assert w.positions("app") == w.positions("db") == {"lab": 2, "shop": 1}
    assert replicas(w, "shop") == 1
    assert w.why().count("generated/shop/s1/all.yaml") == 2
    remember(w)
    w.green()
    assert w.positions("app") == w.positions("db") == {"lab": 2, "shop": 2}


PATH = '"generated/{wave}/{target}"'
FILES = """
out = pathlib.Path("out")
out.mkdir(exist_ok=True)
for wave in ("lab", "shop"):
    (out / f"{wave}.yaml").write_text(pathlib.Path("sources", wave).read_text())
"""
UNLISTED = """
out = pathlib.Path("generated/canary/c1")
out.mkdir(parents=True, exist_ok=True)
(out / "all.yaml").write_text(pathlib.Path("sources/shop").read_text())
"""
DELETES = """
for extra in ("lab", "shop"):
    file = pathlib.Path("generated", extra, "old", "all.yaml")
    if int(pathlib.Path("sources", extra).read_text()) > 1:
        file.unlink(missing_ok=True)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("old")
"""
CRDS = """
out = pathlib.Path("generated/crds")
out.mkdir(parents=True, exist_ok=True)
(out / "all.yaml").write_text(pathlib.Path("sources/shop").read_text())
"""


@pytest.mark.parametrize(
    ("more", "paths", "lab_waits"),
    [
        pytest.param(FILES, f'[{PATH}, "out/{{wave}}.yaml"]', False, id="one-file-for-a-wave"),
        pytest.param(DELETES, PATH, False, id="deletes-files"),
        pytest.param(UNLISTED, PATH, True, id="a-wave-that-nobody-lists"),
        pytest.param(CRDS, f'[{PATH}, "generated/crds"]', True, id="a-path-of-all"),
    ],
)
def test_other_generators(w: Waves, more: str, paths: str, lab_waits: bool) -> None:
    w.settings = w.settings.replace(PATH, paths)
    up_to_date(w)
    (w.clone / "generate.py").write_text(GENERATE + more)
    generated(w, "another generator")
    forget(w, "shop")
    before = git(w.bare, "rev-parse", "main:generated/shop")
    w.ship(2)
    assert w.at("lab") == (1 if lab_waits else 2)
    assert git(w.bare, "rev-parse", "main:generated/shop") == before
    assert_rests(w)
    remember(w)
    w.green()
    w.ship(2)
    w.deploy("lab")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 2}


UNSTABLE = {
    "time": "str(__import__('time').time_ns())",
    "folder": "str(pathlib.Path.cwd())",
    "commit": "pathlib.Path('.git/HEAD').read_text()",
    "date": "__import__('subprocess').getoutput('git log -1 --format=%ct')",
}


@pytest.mark.parametrize("made", UNSTABLE.values(), ids=UNSTABLE.keys())
@pytest.mark.parametrize("is_held", [False, True], ids=["at-once", "in-a-later-run"])
def test_generate_that_is_not_deterministic_is_said_to_be_that(
    w: Waves, made: str, is_held: bool
) -> None:
    up_to_date(w)
    stamp = f"pathlib.Path('generated/shop/s1/all.yaml').write_text({made})\n"
    (w.clone / "generate.py").write_text(GENERATE + stamp)
    w.commit("with something else in it")
    if is_held:
        w.run("hold-wave", "--wave", "shop", "--reason", "nobody waits for its files alone")
    w.ship(2)
    assert w.at("lab") == 2, "the other wave goes on"
    w.deploy("lab")
    if is_held:
        assert "deterministic" not in w.why()
        w.run("release-wave", "--wave", "shop", "--reason", "go")
    assert "deterministic" in w.why()
    assert "first in generated/shop/s1/all.yaml" in w.why()
    assert "commit what it changes" not in w.why()
    w.later(days=1)
    assert_rests(w)


def test_rollback_does_not_wait_and_generates_its_own_wave_alone(w: Waves) -> None:
    w.everywhere(2)
    forget(w, "shop")
    forget(w, "lab")
    back = w.roll_back("lab")
    commit = back["rolled_back"][0]["sha"]
    assert changes(w, commit) == {"images/lab", "generated/lab"}
    land(w)
    assert (w.at("lab"), replicas(w, "lab"), replicas(w, "shop")) == (1, 50, 1)
    assert_rests(w)


REGENERATE = 'stale = "regenerate"\n'
ALL = """\
import pathlib
pathlib.Path("sources/all").touch()
"""


@pytest.fixture(scope="module")
def seed_regenerating(tmp_path_factory: pytest.TempPathFactory) -> Waves:
    return world(tmp_path_factory.mktemp("regenerating"), more=REGENERATE)


@pytest.fixture
def r(seed_regenerating: Waves, tmp_path: Path) -> Waves:
    """Position 1 is deployed everywhere; what was forgotten is made up for."""
    return copied(seed_regenerating, tmp_path)


class TestRegenerating:
    def test_commit_of_its_own_goes_first(self, r: Waves) -> None:
        blamed = forget(r, "shop")
        turn = r.announce(2)
        commits = git(r.bare, "rev-list", "--reverse", "main..auto").split()
        who = git(r.bare, "show", "-s", "--format=%an", blamed)
        subject = git(r.bare, "show", "-s", "--format=%s", commits[0])
        assert subject == f"Regenerate shop after {blamed[:12]} by {who}"
        assert [changes(r, one) for one in commits] == [
            {"generated/shop"},
            {"images/lab", "generated/lab"},
        ]
        assert trailers(r, commits[0])["Autocommit-Operation"] == "regenerate"
        assert turn["to_check"] == commits[1:]
        land(r)
        assert replicas(r, "shop") == 50
        r.deploy("lab")
        r.green()
        assert r.positions() == {"lab": 2, "shop": 2}
        assert_rests(r)

    def test_two_turns_make_the_same_commit(self, r: Waves, tmp_path: Path) -> None:
        forget(r, "shop")
        other = copied(r, tmp_path / "other")
        tips = []
        for one in (r, other):
            one.announce(2)
            one.later(minutes=5)
            tips.append(git(one.bare, "rev-parse", "auto"))
        assert tips[0] == tips[1]

    def test_never_into_a_wave_that_is_held(self, r: Waves) -> None:
        r.hold("shop")
        forget(r, "shop")
        r.ship(2)
        r.deploy("lab")
        assert replicas(r, "shop") == 1
        assert_rests(r)
        r.release("shop")
        r.green()
        assert replicas(r, "shop") == 50
        assert r.positions() == {"lab": 2, "shop": 2}

    def test_hold_on_one_wave_is_named_by_others_whose_files_it_keeps_stale(
        self, tmp_path: Path
    ) -> None:
        shared = (
            'pathlib.Path("generated/all.yaml").write_text(pathlib.Path("sources/all").read_text())'
        )
        r = world(tmp_path, f"{ALL}{GENERATE}{shared}\n", more=REGENERATE)
        r.hold("shop", "holidays")
        forget(r, "all")
        r.ship(2)
        assert r.at("lab") == 1
        assert "shop is held by" in r.why()
        assert "holidays" in r.why()
        assert "commit what it changes" not in r.why(), "nobody has to"
        r.release("shop")
        r.green()
        assert r.at("lab") == 2

    def test_red_twice_takes_it_off_also_under_a_red_main(self, r: Waves) -> None:
        main = forget(r, "shop")
        r.check(main, "failure")
        r.announce(2)
        first, top = git(r.bare, "rev-list", "--reverse", "main..auto").split()
        r.check(top, "failure")
        assert r.turn()["to_check"] == [first]
        for _ in range(2):
            r.check(first, "failure")
            turn = r.turn()
        assert [one["sha"] for one in turn["evicted"]] == [first]
        assert r.ref(f"refs/tidemill/evicted/{first}") == first
        r.green()
        assert r.at("lab") == 2
        r.deploy("lab")
        assert "red twice" in r.why()
        r.later(days=1)
        assert_rests(r)
        remember(r)
        r.green()
        assert r.positions() == {"lab": 2, "shop": 2}


def test_settings_of_an_older_release_mean_wait(w: Waves) -> None:
    assert "stale" not in w.settings
    forget(w, "shop")
    w.announce(2)
    assert "Regenerate" not in git(w.bare, "log", "--format=%s", "auto")


def waiting(told: dict[str, Any]) -> list[str]:
    return [line["what"] for line in told["waiting"]]


def test_it_is_said_of_which_set_it_keeps_out(w: Waves) -> None:
    forget(w, "lab")
    told = w.announce(2)
    assert any(short(2) in line for line in waiting(told))
