"""`tidemill.toml`: its defaults, and for everything that can't be used the line that says so."""

from datetime import timedelta

import pytest

from tidemill.cfg.settings import Bot, Checks, EntryPoints, ImageSet
from tidemill.cfg.settings_file import parse, refs_in
from tidemill.errors import SettingsInvalid

LEAST = """\
[[waves]]
name = "staging"
targets = ["staging-eu", "staging-us"]

[[waves]]
name = "production"
targets = ["prod-eu"]
"""

WHOLE = """\
main = "trunk"
auto = "tide"
namespace = "refs/mill"

[checks]
source = "refs"
required = ["check", "lint"]
test = "each"
retries = 2
timeout = "30m"

[images]
path = "images/{wave}/{set}"
allow = ["ghcr.io/acme/*"]

[[sets]]
name = "app"
repository = "acme/app"
branch = "main"
senders = ["acme-ci[bot]"]

[[sets]]
name = "batch"

[entrypoints]
introduce = "make introduce"
promote = "make promote"
generate = "make generate"
check = "make check"

[deployments]
path = ["generated/{wave}/{target}", "common/{wave}"]

[[waves]]
name = "staging"
targets = ["staging-eu"]
admit = "when soaked"
settle = "5m"

[[waves]]
name = "production"
after = ["staging"]
targets = ["prod-eu"]
soak = "1h"
windows = ["Mon-Fri 09:00-16:00 Europe/Berlin"]
approval = true
on_failure = "roll back"

[bot]
name = "mill"
email = "mill@example.com"
sign = "ABCD"
"""


def test_least_settings_have_the_defaults_of_the_documentation() -> None:
    found = parse(LEAST)
    assert (found.main, found.auto, found.namespace) == ("main", "auto", "refs/tidemill")
    assert found.checks == Checks(
        source="github", required=(), test="head", retries=1, timeout=found.checks.timeout
    )
    assert found.checks.timeout == timedelta(minutes=60)
    assert found.images.path == "images/{wave}"
    assert found.sets == (ImageSet(name="app"),)
    assert found.entrypoints == EntryPoints(introduce=None, promote=None, generate=None, check=None)
    assert found.bot == Bot(name="tidemill", email="tidemill@users.noreply.github.com", sign="")
    staging, production = found.waves
    assert (staging.after, production.after) == ((), ("staging",))
    assert (production.admit, production.on_failure) == ("when deployed", "wait")
    assert (production.settle, production.soak) == (timedelta(minutes=15), timedelta())
    assert (production.windows, production.approval) == ((), False)


def test_whole_settings_are_read() -> None:
    found = parse(WHOLE)
    assert (found.main, found.auto, found.namespace) == ("trunk", "tide", "refs/mill")
    assert (found.checks.test, found.checks.retries, found.checks.timeout) == (
        "each",
        2,
        timedelta(minutes=30),
    )
    assert [one.name for one in found.sets] == ["app", "batch"]
    assert found.sets[0].senders == ("acme-ci[bot]",)
    assert found.entrypoints.check == "make check"
    staging, production = found.waves
    assert (staging.admit, staging.settle) == ("when soaked", timedelta(minutes=5))
    assert (production.soak, production.approval) == (timedelta(hours=1), True)
    assert production.windows[0].text == "Mon-Fri 09:00-16:00 Europe/Berlin"
    assert production.on_failure == "roll back"
    assert found.bot.sign == "ABCD"


def test_waves_come_after_the_one_before_unless_they_say_otherwise() -> None:
    text = "".join(
        f'[[waves]]\nname = "{name}"\ntargets = ["{name}"]\n{after}\n'
        for name, after in {
            "a": "",
            "b": "",
            "c": 'after = ["a"]',
            "d": 'after = ["b", "c"]',
            "e": "after = []",
            "f": "",
        }.items()
    )
    found = parse(text)
    assert {wave.name: wave.sources for wave in found.waves} == {
        "a": (),
        "b": ("a",),
        "c": ("a",),
        "d": ("b", "c"),
        "e": (),
        "f": ("e",),
    }
    assert [wave.name for wave in found.followers("a")] == ["b", "c"]
    assert found.followers("f") == ()


def test_waves_may_be_written_in_any_order() -> None:
    text = '[[waves]]\nname = "b"\nafter = ["a"]\ntargets = []\n'
    found = parse(text + '[[waves]]\nname = "a"\nafter = []\ntargets = []\n')
    assert [wave.sources for wave in found.waves] == [("a",), ()]


def test_names_are_looked_up() -> None:
    found = parse(WHOLE)
    wave, image_set = found.wave("staging"), found.image_set("batch")
    assert wave is not None
    assert wave.name == "staging"
    assert image_set is not None
    assert image_set.name == "batch"
    assert found.wave("nowhere") is None
    assert found.image_set("nothing") is None


def test_paths_are_filled_in() -> None:
    found = parse(WHOLE)
    assert found.folder("staging", "app") == "images/staging/app"
    assert found.paths("staging", "eu") == ("generated/staging/eu", "common/staging")
    assert found.prefixes() == ("generated", "common")
    least = parse(LEAST)
    assert least.folder("staging", "app") == "images/staging"
    assert least.paths("staging", "eu") == ()
    assert least.prefixes() == ()


@pytest.mark.parametrize(
    ("path", "paths", "prefixes"),
    [
        ("'generated/{wave}/{target}'", ("generated/w/t",), ("generated",)),
        ("'generated/{wave}/{target}/'", ("generated/w/t",), ("generated",)),
        ("'/generated/{wave}'", ("generated/w",), ("generated",)),
        ("'{wave}/{target}'", ("w/t",), ("",)),
        ("'out/k8s-{wave}/{target}'", ("out/k8s-w/t",), ("out",)),
        ("['a/{wave}', 'b/c/{target}.yaml']", ("a/w", "b/c/t.yaml"), ("a", "b/c")),
        ("[]", (), ()),
    ],
)
def test_deployment_path_has_a_fixed_beginning(
    path: str, paths: tuple[str, ...], prefixes: tuple[str, ...]
) -> None:
    found = parse(f"{LEAST}[deployments]\npath = {path}\n")
    assert found.paths("w", "t") == paths
    assert found.prefixes() == prefixes


BAD = {
    "not-toml": ('main = "trunk"', 'main = "trunk', ""),
    "unknown-key-on-top": ('auto = "tide"', "colour = 1", "colour"),
    "unknown-table": ("[bot]\nname", "[robot]\nname", "robot"),
    "unknown-key-in-a-table": ("retries = 2", "retires = 2", "retires"),
    "unknown-key-in-the-second-wave": ('soak = "1h"', 'saok = "1h"', "saok"),
    "number-for-text": ('main = "trunk"', "main = 1", "Expected `str`"),
    "text-for-a-number": ("retries = 2", 'retries = "2"', "Expected `int`"),
    "text-for-a-truth": ("approval = true", 'approval = "yes"', "Expected `bool`"),
    "unknown-choice": ('test = "each"', 'test = "all"', "Invalid enum value 'all'"),
    "unknown-source": ('source = "refs"', 'source = "gitlab"', "Invalid enum value"),
    "unknown-admit": ('admit = "when soaked"', 'admit = "soon"', "Invalid enum value"),
    "unknown-answer": ('on_failure = "roll back"', 'on_failure = "panic"', "Invalid enum value"),
    "retries-below-0": ("retries = 2", "retries = -1", "0 or more"),
    "no-duration": ('timeout = "30m"', 'timeout = "half an hour"', "is not a duration"),
    "duration-as-a-number": ('soak = "1h"', "soak = 60", "written as text"),
    "no-window": (
        'windows = ["Mon-Fri 09:00-16:00 Europe/Berlin"]',
        'windows = ["mornings"]',
        "is not a window",
    ),
    "unknown-zone": (
        'windows = ["Mon-Fri 09:00-16:00 Europe/Berlin"]',
        'windows = ["Mon-Fri 09:00-16:00 Europe/Bielefeld"]',
        "is not a time zone",
    ),
    "main-is-auto": ('auto = "tide"', 'auto = "trunk"', "two branches"),
    "main-empty": ('main = "trunk"', 'main = ""', ""),
    "main-not-a-branch": ('main = "trunk"', 'main = "a..b"', ""),
    "main-of-two-lines": ('main = "trunk"', 'main = "a\\nb"', ""),
    "auto-not-a-branch": ('auto = "tide"', 'auto = "-auto"', ""),
    "auto-below-main": ('auto = "tide"', 'auto = "trunk/auto"', ""),
    "namespace-of-branches": ('namespace = "refs/mill"', 'namespace = "refs/heads"', ""),
    "namespace-not-below-refs": ('namespace = "refs/mill"', 'namespace = "mill"', ""),
    "namespace-not-a-ref": ('namespace = "refs/mill"', 'namespace = "refs/m..ill"', ""),
    "wave-climbs": ('name = "production"', 'name = "../production"', "is not a valid name"),
    "wave-twice": ('name = "production"', 'name = "staging"', "is there twice"),
    "set-climbs": ('name = "batch"', 'name = "a/b"', "is not a valid name"),
    "set-twice": ('name = "batch"', 'name = "app"', "is there twice"),
    "target-climbs": ('targets = ["prod-eu"]', 'targets = ["../prod"]', "is not a valid name"),
    "target-twice": ('targets = ["prod-eu"]', 'targets = ["a", "a"]', "a target is there twice"),
    "unknown-wave-before": ('after = ["staging"]', 'after = ["stage"]', "there is no wave 'stage'"),
    "wave-after-itself": ('after = ["staging"]', 'after = ["production"]', "in a circle"),
    "images-without-wave": ('"images/{wave}/{set}"', '"images/{set}"', "must contain {wave}"),
    "images-without-set": ('"images/{wave}/{set}"', '"images/{wave}"', "must contain {set}"),
    "images-climb": ('"images/{wave}/{set}"', '"../{wave}/{set}"', "not a path inside"),
    "images-in-git": ('"images/{wave}/{set}"', '".git/{wave}/{set}"', "not a path inside"),
    "images-twice-a-slash": ('"images/{wave}/{set}"', '"a//{wave}/{set}"', "not a path inside"),
    "images-nowhere": ('"images/{wave}/{set}"', '""', "not a path inside"),
    "deployments-climb": ('"common/{wave}"', '"a/../../{wave}"', "not a path inside"),
    "deployments-nowhere": ('"common/{wave}"', '"/"', "not a path inside"),
    "allow-as-text": ('allow = ["ghcr.io/acme/*"]', 'allow = "*"', "Expected `array`"),
}


@pytest.mark.parametrize(("old", "new", "reason"), BAD.values(), ids=BAD.keys())
def test_settings_that_can_not_be_used_name_commit_and_line(
    old: str, new: str, reason: str
) -> None:
    assert WHOLE.count(old) == 1
    text = WHOLE.replace(old, new)
    with pytest.raises(SettingsInvalid) as invalid:
        parse(text, commit="7d1043473d55")
    assert reason in invalid.value.what
    assert "tidemill.toml of 7d1043473d55" in invalid.value.what
    assert f"line {WHOLE[: WHOLE.index(old)].count(chr(10)) + 1}" in invalid.value.what
    assert "main" in invalid.value.remedy


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "missing required field `waves`"),
        ("waves = []", "at least one"),
        (f"sets = []\n{LEAST}", "at least one"),
        ('[[waves]]\nname = "a"\n', "missing required field `targets`"),
        ("[[waves]]\ntargets = []\n", "missing required field `name`"),
        ("waves = 1", "Expected `array`"),
    ],
    ids=["nothing", "no-waves", "no-sets", "no-targets", "no-name", "number"],
)
def test_settings_without_what_is_needed_are_refused(text: str, reason: str) -> None:
    with pytest.raises(SettingsInvalid, match=reason):
        parse(text)


def test_waves_in_a_circle_are_refused() -> None:
    names = {"a": [], "b": ["d"], "c": ["b"], "d": ["c"]}
    text = "".join(
        f'[[waves]]\nname = "{name}"\nafter = {after!r}\ntargets = []\n'
        for name, after in names.items()
    )
    with pytest.raises(
        SettingsInvalid, match=r"line 7: the waves come after each other in a circle"
    ):
        parse(text)


def test_two_image_folders_are_never_the_same() -> None:
    """With `images/{wave}-{set}` the waves a and a-b, the sets c and b-c would share `images/a-b-c`."""
    waves = "".join(f'[[waves]]\nname = "{name}"\ntargets = []\n' for name in ("a", "a-b"))
    sets = "".join(f'[[sets]]\nname = "{name}"\n' for name in ("c", "b-c"))
    with pytest.raises(SettingsInvalid, match="images"):
        parse(f'[images]\npath = "images/{{wave}}-{{set}}"\n{sets}{waves}')


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (WHOLE, ("trunk", "tide", "refs/mill")),
        (LEAST, ("main", "auto", "refs/tidemill")),
        (WHOLE.replace("retries = 2", "retries = broken"), ("trunk", "tide", "refs/mill")),
        (WHOLE.replace('"trunk"', '"../trunk"'), ("main", "tide", "refs/mill")),
        (WHOLE.replace('"refs/mill"', '"/etc"'), ("trunk", "tide", "refs/tidemill")),
        (WHOLE.replace('main = "trunk"', "main = [1]"), ("main", "tide", "refs/mill")),
        ("[[", ("main", "auto", "refs/tidemill")),
        ("", ("main", "auto", "refs/tidemill")),
    ],
    ids=["whole", "least", "broken", "climbs", "no-refs", "a-list", "no-toml", "empty"],
)
def test_where_to_write_is_known_whatever_a_person_broke(
    text: str, found: tuple[str, str, str]
) -> None:
    assert refs_in(text) == found
