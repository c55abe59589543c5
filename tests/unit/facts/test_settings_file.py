"""`tidemill.toml`: for everything that can not be used, the line that says so."""

import pytest
from tests.unit.settings_texts import LEAST, WHOLE

from tidemill.errors import SettingsInvalid
from tidemill.facts.settings_file import parse, refs_in

BAD = {
    "not-toml": ('main = "trunk"', 'main = "trunk', ""),
    "unknown-key-on-top": ('auto = "tide"', "colour = 1", "colour"),
    "bot-without-a-name": ('name = "mill"', 'name = " "', "is not one that Git takes"),
    "bot-with-an-unprintable-name": ('name = "mill"', 'name = "a\\u0007"', "is not one that"),
    "bot-with-an-address-in-its-name": ('name = "mill"', 'name = "<a>"', "is not one that"),
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
    "check-without-a-name": ('["check", "lint"]', '["check", ""]', "'' is not a name that a check"),
    "check-of-spaces": ('["check", "lint"]', '[" "]', "is not a name that a check can have"),
    "check-with-a-space-behind": ('["check", "lint"]', '["lint "]', "is not a name that a check"),
    "check-of-two-lines": ('["check", "lint"]', '["a\\nb"]', "is not a name that a check can have"),
    "check-too-long": ('["check", "lint"]', f'["{"a" * 501}"]', "is not a name that a check"),
    "set-from-nowhere": ('repository = "acme/app"', 'repository = ""', "'' is not one"),
    "set-from-an-address": (
        'repository = "acme/app"',
        'repository = "https://github.com/acme/app"',
        "is not one, as in acme/app",
    ),
    "set-from-no-branch": ('branch = "main"', 'branch = ""', "not a valid name of a branch"),
    "set-from-a-ref-with-a-space": ('branch = "main"', 'branch = "my branch"', "not a valid name"),
    "sender-without-a-login": ('["acme-ci[bot]"]', '["acme-ci[bot]", ""]', "'' is not a login"),
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
    "zone-that-is-a-folder": (
        'windows = ["Mon-Fri 09:00-16:00 Europe/Berlin"]',
        'windows = ["Mon-Fri 09:00-16:00 Europe"]',
        "is not a time zone",
    ),
    "zone-longer-than-a-file-name": (
        'windows = ["Mon-Fri 09:00-16:00 Europe/Berlin"]',
        f'windows = ["Mon-Fri 09:00-16:00 {"a" * 400}"]',
        "is not a time zone",
    ),
    "environment-without-approval": (
        "approval = true",
        'environment = "x"',
        "it takes approval = true",
    ),
    "environment-and-approvers": (
        "approval = true",
        'environment = "production"\napproval = true\napprovers = ["alice"]\n',
        "production has approvers, too",
    ),
    "environment-of-a-target": (
        "approval = true",
        'environment = "production/prod-eu"\napproval = true\n',
        "would be a target's",
    ),
    "environment-without-a-name": (
        "approval = true",
        'environment = " "\napproval = true\n',
        "is no environment",
    ),
    "environment-that-climbs": (
        "approval = true",
        'environment = ".."\napproval = true\n',
        "is no environment",
    ),
    "approval-of-what-comes-first": (
        'admit = "when soaked"',
        "approval = true",
        "staging comes after no wave, so it takes each set as it is announced",
    ),
    "main-is-auto": ('auto = "tide"', 'auto = "trunk"', "two branches"),
    "main-empty": ('main = "trunk"', 'main = ""', ""),
    "main-not-a-branch": ('main = "trunk"', 'main = "a..b"', ""),
    "main-of-two-lines": ('main = "trunk"', 'main = "a\\nb"', ""),
    "auto-not-a-branch": ('auto = "tide"', 'auto = "-auto"', ""),
    "auto-below-main": ('auto = "tide"', 'auto = "trunk/auto"', ""),
    "namespace-of-branches": ('namespace = "refs/mill"', 'namespace = "refs/heads"', ""),
    "namespace-is-auto": ('namespace = "refs/mill"', 'namespace = "refs/heads/tide"', "branch"),
    "namespace-below-main": ('namespace = "refs/mill"', 'namespace = "refs/heads/trunk/a"', ""),
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
    "images-without-wave": (
        '"images/{wave}/{set}"',
        '"images/{set}"',
        "[images] path must contain {wave}",
    ),
    "images-without-set": (
        '"images/{wave}/{set}"',
        '"images/{wave}"',
        "[images] path must contain {set}",
    ),
    "images-climb": ('"images/{wave}/{set}"', '"../{wave}/{set}"', "not a path inside"),
    "images-in-git": ('"images/{wave}/{set}"', '".git/{wave}/{set}"', "not a path inside"),
    "images-twice-a-slash": ('"images/{wave}/{set}"', '"a//{wave}/{set}"', "not a path inside"),
    "images-nowhere": ('"images/{wave}/{set}"', '""', "not a path inside"),
    "deployments-climb": ('"common/{wave}"', '"a/../../{wave}"', "not a path inside"),
    "deployments-nowhere": ('"common/{wave}"', '"/"', "not a path inside"),
    "tags-as-text": ('allow = ["ghcr.io/acme/*"]', 'tags = "v*"', "Expected `array`"),
    "no-tags": ('allow = ["ghcr.io/acme/*"]', "tags = []", "tags is empty"),
    "tag-of-a-placeholder": ('allow = ["ghcr.io/acme/*"]', 'tags = ["{version}"]', "none of {sha}"),
    "tag-with-a-slash": ('allow = ["ghcr.io/acme/*"]', 'tags = ["v/*"]', "fits no tag"),
    "tag-of-nothing": ('allow = ["ghcr.io/acme/*"]', 'tags = [""]', "fits no tag"),
    "generation-below-1": ('branch = "main"', "generation = 0", "generation must be 1 to 2^31"),
    "generation-too-high": (
        'branch = "main"',
        f"generation = {2**31}",
        "generation must be 1 to 2^31",
    ),
    "jump-of-nothing": ('branch = "main"', "jump = 0", "jump must be 1 or more"),
    "timeout-of-nothing": ('timeout = "30m"', 'timeout = "0m"', "longer than nothing"),
    "set-that-was-itself": ('branch = "main"', 'was = "app"', "'app' is its own name"),
    "set-that-was-no-name": ('branch = "main"', 'was = ["a", "b/c"]', "'b/c' is not a valid name"),
    "approver-that-is-none": ('soak = "1h"', 'approvers = ["a b"]', "neither a login nor a team"),
    "team-that-is-none": ('soak = "1h"', 'approvers = ["acme/"]', "neither a login nor a team"),
    "approver-twice": ('soak = "1h"', 'approvers = ["Ada", "ada"]', "'ada' is there twice"),
    "keys-of-a-wave": ('auto = "tide"', 'approvals = { keys = "{wave}" }', "and takes none"),
    "keys-outside": ('auto = "tide"', 'approvals = { keys = "../x" }', "not a path inside"),
    "namespace-of-tags": ('namespace = "refs/mill"', 'namespace = "refs/tags"', "like refs/t"),
    "namespace-of-copies": ('namespace = "refs/mill"', 'namespace = "refs/remotes"', "like refs/t"),
    "bot-with-no-address": ('email = "mill@example.com"', 'email = ""', "is not one that Git"),
    "bot-with-a-bracket": ('email = "mill@example.com"', 'email = "a>b"', "is not one that Git"),
    "deployments-of-a-set": ('"common/{wave}"', '"common/{set}"', "none of {wave}, {target}"),
    "deployments-half-open": ('"common/{wave}"', '"common/{wave"', "none of {wave}, {target}"),
    "tag-half-open": ('allow = ["ghcr.io/acme/*"]', 'tags = ["sha}"]', "none of {sha}"),
    "environment-of-blanks-around": (
        "approval = true",
        'environment = "live "\napproval = true\n',
        "is no environment",
    ),
    "environment-too-long": (
        "approval = true",
        f'environment = "{"x" * 256}"\napproval = true\n',
        "is no environment",
    ),
    "environment-of-two-lines": (
        "approval = true",
        'environment = "a\\nb"\napproval = true\n',
        "is no environment",
    ),
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


TOO_MUCH = {"nested": f"x = {'[' * 5000}", "number": f"x = {'1' * 5000}"}


@pytest.mark.parametrize("more", TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_settings_that_are_too_much_to_read_are_refused_and_say_where_to_write(more: str) -> None:
    """Else whoever pushes them to main would keep every event from being accepted."""
    text = f'auto = "tide"\n{more}\n{LEAST}'
    with pytest.raises(SettingsInvalid, match="of 7d1043473d55"):
        parse(text, commit="7d1043473d55")
    assert refs_in(text) == ("main", "tide", "refs/tidemill")


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
    """With `images/{wave}-{set}` waves a and a-b, sets c and b-c would share `images/a-b-c`."""
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
        ("main = 'trunk'\r\n'namespace' = 'refs/mill'\r\n[[", ("trunk", "auto", "refs/mill")),
        ("[[", ("main", "auto", "refs/tidemill")),
        ("", ("main", "auto", "refs/tidemill")),
    ],
    ids=["whole", "least", "broken", "climbs", "no-refs", "a-list", "quoted", "no-toml", "empty"],
)
def test_where_to_write_is_known_whatever_a_person_broke(
    text: str, found: tuple[str, str, str]
) -> None:
    assert refs_in(text) == found


@pytest.mark.parametrize(
    "text",
    [
        f'"x\\n::error::y" = 1\n{LEAST}',
        f'[checks]\n"x\\u001b[31m" = 1\n{LEAST}',
        f"[checks]\nretries = \x1b\n{LEAST}",
        f'"{"x" * 5000}" = 1\n{LEAST}',
    ],
    ids=["line-break", "escape", "no-toml", "long"],
)
def test_what_a_file_says_stands_in_one_short_printable_line(text: str) -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        parse(text)
    assert invalid.value.what.isprintable()
    assert len(invalid.value.what) < 600


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ('main = "trunk"', 'mian = "trunk"', "did you mean main? the keys there are main, auto, "),
        ("soak =", "soke =", "did you mean soak? the keys there are name, "),
        ('test = "each"', 'test = "eech"', "did you mean each? it takes each, head"),
        ('test = "each"', 'test = "all"', "(it takes each, head)"),
        ('admit = "when soaked"', 'admit = "when soakd"', "did you mean when soaked? it takes "),
        (
            "[[sets]]",
            '[[targets]]\nname = "prod-eu"\npath = "comon/{wave}"\n[[sets]]',
            "does not list 'comon/{wave}' (did you mean common/{wave}?)",
        ),
        (
            "[[sets]]",
            '[[targets]]\nname = "prod-eu"\npath = "common/{wave}"\n' * 2 + "[[sets]]",
            "the path of 'prod-eu' is there twice",
        ),
        ('after = ["staging"]', 'after = ["stagin"]', "'stagin' (did you mean staging?)"),
    ],
)
def test_what_is_nearly_right_is_named(old: str, new: str, meant: str) -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        parse(WHOLE.replace(old, new, 1))
    assert meant in invalid.value.what


def test_the_settings_of_app_are_told_from_those_of_cfg_app() -> None:
    text = 'images = "ghcr.io/acme/{service}"\n[[services]]\nname = "web"\n'
    with pytest.raises(SettingsInvalid) as invalid:
        parse(text)
    assert "it is app.git's, with [[services]]" in invalid.value.what
    assert "in a checkout of cfg-app.git" in invalid.value.remedy
    assert "on main of cfg-app.git" in invalid.value.remedy


def test_every_key_of_a_table_that_is_nearly_right_is_known() -> None:
    """The path of an error leads through lists, and through what may be there or not."""
    for key in ("sets", "waves"):
        with pytest.raises(SettingsInvalid, match=r"the keys there are name, was, "):
            parse(f"{LEAST}[[{key}]]\nname = 'x'\ntargets = []\nxyzzy = 1\n")


@pytest.mark.parametrize("place", ["{sha}", "{commit}"])
@pytest.mark.parametrize(("length", "fits"), [(88, True), (89, False)])
def test_pattern_of_tags_is_as_long_as_a_tag_may_be_with_a_whole_sha(
    place: str, length: int, *, fits: bool
) -> None:
    text = f'{LEAST}\n[images]\ntags = ["{"a" * length}{place}"]\n'
    if fits:
        assert parse(text).images.tags
    else:
        with pytest.raises(SettingsInvalid, match="fits no tag"):
            parse(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('branch = "main"', "generation = 1"),
        ('branch = "main"', f"generation = {2**31 - 1}"),
        ('branch = "main"', "jump = 1"),
        ("retries = 2", "retries = 0"),
        ('timeout = "30m"', 'timeout = "1s"'),
        ('soak = "1h"', 'approvers = ["ada", "acme/ada", "ci[bot]"]'),
        ("approval = true", f'environment = "{"x" * 255}"\napproval = true'),
        ('main = "trunk"', 'main = "tides"'),
        ('namespace = "refs/mill"', 'namespace = "refs/heads/trunks"'),
        ('namespace = "refs/mill"', 'namespace = "refs/heads/tide-mill"'),
        ('namespace = "refs/mill"', 'namespace = "refs/tags/mill"'),
        ('namespace = "refs/mill"', 'namespace = "refs/m"'),
        ('branch = "main"', 'was = ["core", "core"]'),
    ],
)
def test_settings_at_the_edge_of_what_can_be_used_are_read(old: str, new: str) -> None:
    assert WHOLE.count(old) == 1
    assert len(parse(WHOLE.replace(old, new)).waves) == 2


def test_main_is_not_below_auto_either() -> None:
    with pytest.raises(SettingsInvalid, match="two branches, neither inside the other"):
        parse(f'main = "tide/main"\nauto = "tide"\n{LEAST}')
