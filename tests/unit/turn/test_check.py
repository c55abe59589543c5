"""Is a commit fit to land? Real checkouts are in `tests/commands/test_check_cfg_app.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.unit.sets import images
from tests.unit.turn.checkouts import HEAD, PARENT, Command, Files, MemorySource
from tests.unit.turn.states import image_bytes

from tidemill.errors import EntryPointFailed, FilterFailed, Refused, SettingsInvalid, TidemillError
from tidemill.facts.image_files import DIGESTS, SOURCE, TAGS, ImageFiles
from tidemill.facts.settings import FILE
from tidemill.turn.check import MOST_NAMED, Check, StaleFiles
from tidemill.words.names import shown

APP, NEXT = images(3), images(4)
WAVES = ("lab", "shop")
GENERATE, CHECK = "make all", "make check"
LAB_FILE, SHOP_FILE = (f"generated/{wave}/{wave}/all.yaml" for wave in WAVES)


def toml(
    generate: str | None = GENERATE,
    check: str | None = None,
    path: str = "generated/{wave}/{target}",
    more: str = "",
    waves: Sequence[str] = WAVES,
) -> str:
    lines = ['[images]\npath = "images/{wave}"', f'[deployments]\npath = "{path}"']
    lines += ["[entrypoints]"]
    lines += [f'generate = "{generate}"'] if generate else []
    lines += [f'check = "{check}"'] if check else []
    lines += ['[checks]\ntimeout = "5m"', '[[sets]]\nname = "app"']
    for wave in waves:
        lines += [f'[[waves]]\nname = "{wave}"\ntargets = ["{wave}"]']
    return "\n".join([*lines, more])


def named(files: Mapping[str, bytes], wave: str) -> bytes:
    """What a target of a wave renders from: a base, and the digests of its images."""
    return files.get("base", b"") + files.get(f"images/{wave}/{DIGESTS}", b"")


def generates(checkout: Files) -> None:
    """Write what every wave's target renders from."""
    for wave in WAVES:
        checkout.files[f"generated/{wave}/{wave}/all.yaml"] = named(checkout.files, wave)


def nothing(_: Files) -> None:
    """A command that is content."""


def commit(sets: Mapping[str, ImageFiles] | None = None, text: str = "") -> dict[str, bytes]:
    """The files of a commit: image files by wave, and all that is generated."""
    files = {FILE: (text or toml()).encode()}
    for wave, one in ({"lab": APP, "shop": APP} if sets is None else sets).items():
        files |= image_bytes(one, f"images/{wave}")
    return files | {f"generated/{wave}/{wave}/all.yaml": named(files, wave) for wave in WAVES}


def source_of(
    head: Mapping[str, bytes],
    parent: Mapping[str, bytes] | None = None,
    commands: Mapping[str, Command] | None = None,
    missing: Mapping[str, str] | None = None,
) -> MemorySource:
    known = {GENERATE: generates, CHECK: nothing, **(commands or {})}
    commits = {HEAD: head, **({} if parent is None else {PARENT: parent})}
    return MemorySource(commits, known, None if parent is None else PARENT, missing or {})


def checked(
    place: Path, source: MemorySource, said: list[str] | None = None
) -> tuple[tuple[str, ...], list[str]]:
    """What was looked at, and the warnings."""
    check = Check(source, place, "this checkout", (said if said is not None else []).append)
    return check.run(), check.warnings


def wrong(place: Path, source: MemorySource, kind: type[TidemillError]) -> TidemillError:
    with pytest.raises(kind) as caught:
        checked(place, source)
    assert type(caught.value) is kind
    return caught.value


FOLDERS = ("images/lab", "images/shop")


# What is looked at


@pytest.mark.parametrize(
    ("generate", "check", "ran"),
    [
        (GENERATE, CHECK, [GENERATE, CHECK]),
        (GENERATE, None, [GENERATE]),
        (None, CHECK, [CHECK]),
        (None, None, []),
    ],
)
def test_commands_run_in_order_each_within_the_limit(
    tmp_path: Path, generate: str | None, check: str | None, ran: list[str]
) -> None:
    source, said = source_of(commit(text=toml(generate, check))), list[str]()
    done, warnings = checked(tmp_path, source, said)
    assert done == (FILE, *FOLDERS, *ran)
    assert warnings == []
    assert source.made["files"].ran == [(one, 300.0) for one in ran]
    assert [one.partition(":")[0] for one in said] == [
        {GENERATE: "generate", CHECK: "check"}[one] for one in ran
    ]
    assert list(source.made) == ["files"], "nothing is made twice where nothing is stale"


def test_what_check_changes_is_not_judged(tmp_path: Path) -> None:
    def writes(checkout: Files) -> None:
        checkout.files[LAB_FILE] = b"rewritten\n"
        checkout.files["report.txt"] = b"all is well\n"

    source = source_of(commit(text=toml(check=CHECK)), commands={CHECK: writes})
    assert checked(tmp_path, source)[1] == []


def test_check_that_fails_is_an_error(tmp_path: Path) -> None:
    def fails(_: Files) -> None:
        raise EntryPointFailed("it is odd", remedy="mend it")

    source = source_of(commit(text=toml(check=CHECK)), commands={CHECK: fails})
    assert wrong(tmp_path, source, EntryPointFailed).what == "it is odd"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (None, "there is no tidemill.toml"),
        (b"\xff\xfe", "tidemill.toml is not UTF-8"),
        (b"waves = 1", "tidemill.toml of this checkout"),
    ],
)
def test_settings_that_can_not_be_used_are_an_error(
    tmp_path: Path, data: bytes | None, what: str
) -> None:
    head = {path: one for path, one in commit().items() if path != FILE}
    source = source_of(head if data is None else {**head, FILE: data})
    assert what in wrong(tmp_path, source, SettingsInvalid).what


# Filters that are not here


def test_filter_that_is_not_here_is_a_warning_where_all_is_well(tmp_path: Path) -> None:
    _, warnings = checked(tmp_path, source_of(commit(), missing={"lfs": "a b.bin"}))
    assert warnings == ["'a b.bin' goes through the filter 'lfs', which is not configured here"]


@pytest.mark.parametrize("is_missing", [False, True])
@pytest.mark.parametrize("breaks", [FILE, f"images/lab/{TAGS}", LAB_FILE])
def test_where_a_filter_is_not_here_nothing_is_known_to_be_wrong(
    tmp_path: Path, breaks: str, *, is_missing: bool
) -> None:
    head = {**commit(), breaks: b"<<<<"}
    source = source_of(head, missing={"lfs": "a.bin", "x": "b"} if is_missing else {})
    with pytest.raises(TidemillError) as caught:
        checked(tmp_path, source)
    assert isinstance(caught.value, FilterFailed) is is_missing
    if is_missing:
        assert caught.value.what.startswith("nothing is known of this checkout: 'a.bin' goes")
        assert "; 'b' goes through the filter 'x'" in caught.value.what
        assert "lfs" in caught.value.remedy


# Image files


def changed(name: str, data: bytes | None) -> dict[str, bytes]:
    """Image files of lab, one of which holds something else, or is not there."""
    whole = commit()
    whole.pop(f"images/lab/{name}")
    held = whole if data is None else {**whole, f"images/lab/{name}": data}
    return {**held, LAB_FILE: named(held, "lab")}


TWO = b'{"web": "ghcr.io/acme/app:x", "api": "ghcr.io/acme/api:x"}'


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (changed(TAGS, TWO), "images/lab: tags.json and digests.json do not name the same"),
        (changed(TAGS, None), "images/lab: tags.json and digests.json do not name the same"),
        (changed(DIGESTS, None), "images/lab: tags.json and digests.json do not name the same"),
        (changed(TAGS, b"[]"), "images/lab: tags.json and digests.json do not name the same"),
        (changed(SOURCE, b"{}"), "images/lab/source.json is not valid"),
    ],
    ids=["another service", "no tags", "no digests", "no mapping", "another source"],
)
def test_image_files_that_do_not_fit_are_an_error(
    tmp_path: Path, head: Mapping[str, bytes], what: str
) -> None:
    assert what in wrong(tmp_path, source_of(head), Refused).what


def test_image_files_of_nothing_are_an_error(tmp_path: Path) -> None:
    head = {**changed(TAGS, b"{}"), f"images/lab/{DIGESTS}": b"{}", LAB_FILE: b"{}"}
    assert "do not name the same" in wrong(tmp_path, source_of(head), Refused).what


def test_images_need_no_source_and_a_wave_no_images(tmp_path: Path) -> None:
    done, _ = checked(tmp_path, source_of(changed(SOURCE, None)))
    assert done == (FILE, *FOLDERS, GENERATE)
    (tmp_path / "more").mkdir()
    done, _ = checked(tmp_path / "more", source_of(commit({"shop": APP})))
    assert done == (FILE, "images/shop", GENERATE)


# Names


RENAMED = toml(waves=("lab", "store"), more='was = "shop"')


@pytest.mark.parametrize(
    ("moved", "is_left"),
    [(False, True), (True, False), (None, False)],
    ids=["left behind", "moved", "none"],
)
def test_image_files_that_are_left_behind_are_a_warning(
    tmp_path: Path, *, moved: bool | None, is_left: bool
) -> None:
    sets = {"lab": APP} if moved is None else {"lab": APP, "store" if moved else "shop": APP}
    head = commit(sets, RENAMED)
    head["generated/store/store/all.yaml"] = named(head, "store")
    _, warnings = checked(tmp_path, source_of(head, commit()))
    left = ["the image files are still in images/shop: git mv images/shop images/store moves them"]
    assert [one for one in warnings if "image files" in one] == (left if is_left else [])


def test_folder_that_image_files_are_to_go_into_is_made_before(tmp_path: Path) -> None:
    def elsewhere(files: Mapping[str, bytes]) -> dict[str, bytes]:
        """The same, with the image files of a wave in a folder of its folder."""
        return {
            re.sub(r"^images/(\w+)", r"the images/\1/a", path): data.replace(
                b'"images/{wave}"', b'"the images/{wave}/a"'
            )
            for path, data in files.items()
        }

    head = commit({"lab": APP, "shop": APP}, RENAMED)
    source = source_of(elsewhere(head), elsewhere(commit()), {GENERATE: nothing})
    (said,) = checked(tmp_path, source)[1]
    assert said == (
        "the image files are still in the images/shop/a: mkdir -p 'the images/store' && "
        "git mv 'the images/shop/a' 'the images/store/a' moves them"
    )


def test_image_files_in_both_places_were_copied(tmp_path: Path) -> None:
    head = commit({"lab": APP, "shop": APP, "store": APP}, RENAMED)
    head["generated/store/store/all.yaml"] = named(head, "store")
    assert checked(tmp_path, source_of(head, commit()))[1] == []


@pytest.mark.parametrize(
    ("before", "is_gone"),
    [(toml(waves=("lab", "shop", "old")), True), ("waves = 1", False), (None, False)],
    ids=["another wave", "unusable", "none"],
)
def test_wave_that_is_gone_is_a_warning_where_there_was_one(
    tmp_path: Path, before: str | None, *, is_gone: bool
) -> None:
    parent = {**commit(), FILE: before.encode()} if before else {}
    _, warnings = checked(tmp_path, source_of(commit(), parent))
    assert ["the wave old is gone" in one for one in warnings] == ([True] if is_gone else [])


# What is generated


def test_files_that_are_not_what_is_generated_are_an_error(tmp_path: Path) -> None:
    head = commit() | {LAB_FILE: b"by hand\n", SHOP_FILE: b"by hand\n"}
    error = wrong(tmp_path, source_of(head), StaleFiles)
    files = f"{shown(LAB_FILE)}, {shown(SHOP_FILE)}"
    assert error.what == f"these files are not what the sources generate: {files}"
    assert error.remedy == f"run `{GENERATE}` and commit what it changes"


def test_of_many_files_the_first_are_named(tmp_path: Path) -> None:
    names = [f"generated/lab/lab/{number:02}" for number in range(MOST_NAMED + 1)]

    def writes(checkout: Files) -> None:
        checkout.files |= dict.fromkeys(names, b"x")

    source = source_of(commit(), commands={GENERATE: writes})
    what = wrong(tmp_path, source, StaleFiles).what
    assert [name in what for name in names] == [True] * 10 + [False]


def test_command_that_makes_other_things_each_time_is_not_deterministic(tmp_path: Path) -> None:
    def counts(checkout: Files) -> None:
        generates(checkout)
        is_second = "again" in source.made
        checkout.files[SHOP_FILE] = b"second" if is_second else b"first"
        checkout.files["generated/shop/shop/more.yaml"] = b"second" if is_second else b"first"

    source = source_of(commit(), commands={GENERATE: counts})
    error = wrong(tmp_path, source, StaleFiles)
    assert error.what == (
        f"`{GENERATE}` is not deterministic: two runs on the same files differ, first in "
        f"{shown(SHOP_FILE)}"
    )
    assert "commit what it changes" not in (error.remedy or "")
    assert source.made["again"].ran == [(GENERATE, 300.0)]


def test_second_run_is_on_another_commit(tmp_path: Path) -> None:
    def stamps(checkout: Files) -> None:
        generates(checkout)
        checkout.files[SHOP_FILE] = b"other" if checkout.is_other else b"this"

    source = source_of(commit(), commands={GENERATE: stamps})
    assert "is not deterministic" in wrong(tmp_path, source, StaleFiles).what


def test_file_that_comes_and_goes_differs(tmp_path: Path) -> None:
    def comes(checkout: Files) -> None:
        generates(checkout)
        checkout.files["generated/shop/shop/one"] = b"x"
        if "again" in source.made:
            checkout.files["generated/shop/shop/two"] = b"x"

    source = source_of(commit(), commands={GENERATE: comes})
    assert "first in 'generated/shop/shop/two'" in wrong(tmp_path, source, StaleFiles).what


# What is no fault of its own


def about_lab(shop: bytes = b"by hand\n", **more: bytes) -> dict[str, bytes]:
    """A commit about lab, on top of one with something else in shop's file."""
    return commit({"lab": NEXT, "shop": APP}) | {SHOP_FILE: shop} | more


STALE = commit() | {SHOP_FILE: b"by hand\n"}


def test_files_of_other_waves_that_the_parent_left_stale_are_a_warning(tmp_path: Path) -> None:
    source = source_of(about_lab(), STALE)
    _, warnings = checked(tmp_path, source)
    assert warnings == [
        "these files of other waves are not what the sources generate, nor are they in the "
        f"parent: {shown(SHOP_FILE)}; run `{GENERATE}` and commit what it changes"
    ]
    assert list(source.made) == ["files", "again", "parent"]
    assert source.made["parent"].ran == [(GENERATE, 300.0)]


@pytest.mark.parametrize(
    ("head", "parent"),
    [
        (about_lab(), None),
        (about_lab(), commit() | {"README": b"old"}),
        (about_lab(), commit()),
        (about_lab(README=b"new"), STALE),
    ],
    ids=["no parent", "about more", "about shop", "about anything"],
)
def test_files_of_other_waves_are_an_error_in_what_is_about_no_wave(
    tmp_path: Path, head: Mapping[str, bytes], parent: Mapping[str, bytes] | None
) -> None:
    error = wrong(tmp_path, source_of(head, parent), StaleFiles)
    assert error.what.endswith(f": {shown(SHOP_FILE)}")
    assert error.remedy == f"run `{GENERATE}` and commit what it changes"


def test_where_no_path_names_a_wave_all_is_its_own(tmp_path: Path) -> None:
    text = toml(path="generated/{target}/{target}").encode()
    error = wrong(
        tmp_path, source_of({**about_lab(), FILE: text}, {**STALE, FILE: text}), StaleFiles
    )
    assert error.what.endswith(f": {shown(SHOP_FILE)}")


def test_its_own_files_are_an_error_and_others_are_not_named(tmp_path: Path) -> None:
    head = about_lab() | {LAB_FILE: b"by hand\n"}
    error = wrong(tmp_path, source_of(head, STALE), StaleFiles)
    assert error.what.endswith(f": {shown(LAB_FILE)}")
    assert error.remedy == f"run `{GENERATE}` and commit what it changes"


def test_parent_that_is_not_here_is_to_be_fetched(tmp_path: Path) -> None:
    source = source_of(about_lab())
    source.parent = PARENT
    error = wrong(tmp_path, source, StaleFiles)
    assert "(fetch-depth: 2)" in (error.remedy or "")


def test_parent_that_does_not_generate_is_not_known_to_be_stale(tmp_path: Path) -> None:
    def fails(checkout: Files) -> None:
        if checkout is source.made.get("parent"):
            raise EntryPointFailed("it does not generate", remedy="mend it")
        generates(checkout)

    source = source_of(about_lab(), STALE, {GENERATE: fails})
    assert wrong(tmp_path, source, StaleFiles).what.endswith(f": {shown(SHOP_FILE)}")


def test_images_of_one_wave_that_change_another_s_files_are_an_error(tmp_path: Path) -> None:
    """The generator is to blame, and not who did not run it."""

    def mixes(checkout: Files) -> None:
        generates(checkout)
        checkout.files[SHOP_FILE] += checkout.files[f"images/lab/{TAGS}"]

    before = commit()
    before[SHOP_FILE] += before[f"images/lab/{TAGS}"]
    source = source_of(about_lab(before[SHOP_FILE]), before, {GENERATE: mixes})
    error = wrong(tmp_path, source, StaleFiles)
    assert error.what.endswith(f": {shown(SHOP_FILE)}")
    assert error.remedy == (
        f"let `{GENERATE}` make the files of a wave from images of that wave alone: with those of "
        "lab it makes other files of others"
    )


def test_files_that_were_stale_and_come_out_otherwise_now_are_an_error_of_whoever_left_them(
    tmp_path: Path,
) -> None:
    def mixes(checkout: Files) -> None:
        generates(checkout)
        checkout.files[SHOP_FILE] += checkout.files[f"images/lab/{TAGS}"]

    error = wrong(tmp_path, source_of(about_lab(), STALE, {GENERATE: mixes}), StaleFiles)
    assert error.remedy == f"run `{GENERATE}` and commit what it changes"


# What files name


OTHER = b"image: ghcr.io/acme/app:other\n"


def naming(
    lab: bytes | None = None,
    shop: bytes | None = None,
    sets: Mapping[str, ImageFiles] | None = None,
) -> tuple[dict[str, bytes], Command]:
    """A commit whose targets render from other files, and what generates these."""

    def writes(checkout: Files) -> None:
        generates(checkout)
        told = {LAB_FILE: lab, SHOP_FILE: shop}
        checkout.files |= {path: data for path, data in told.items() if data is not None}

    head = commit(sets)
    told = {LAB_FILE: lab, SHOP_FILE: shop}
    return head | {path: data for path, data in told.items() if data is not None}, writes


def test_wave_whose_files_name_other_images_is_an_error(tmp_path: Path) -> None:
    head, command = naming(lab=OTHER)
    error = wrong(tmp_path, source_of(head, commands={GENERATE: command}), Refused)
    assert error.what == (
        f"lab, set app: files name another image: {LAB_FILE} names ghcr.io/acme/app:other"
    )
    assert "images/lab/digests.json says" in (error.remedy or "")


def test_what_generate_makes_is_looked_at_whatever_check_makes_of_it(tmp_path: Path) -> None:
    head, command = naming(lab=OTHER)
    head[FILE] = toml(check=CHECK).encode()
    source = source_of(head, commands={GENERATE: command, CHECK: generates})
    assert "files name another image" in wrong(tmp_path, source, Refused).what


@pytest.mark.parametrize(
    ("head_sets", "parent_sets", "is_wrong"),
    [
        ({"lab": APP, "shop": APP}, None, True),
        ({"lab": NEXT, "shop": APP}, {"lab": APP, "shop": APP}, False),
        ({"lab": APP, "shop": NEXT}, {"lab": APP, "shop": APP}, True),
        ({"lab": NEXT, "shop": NEXT}, {"lab": APP, "shop": APP}, True),
    ],
    ids=["nobody's", "about lab", "about shop", "about both"],
)
@pytest.mark.parametrize("path", ["generated/{wave}/{target}", "generated/{target}/{target}"])
def test_what_is_wrong_in_other_waves_than_the_commit_s_is_a_warning(
    tmp_path: Path,
    head_sets: Mapping[str, ImageFiles],
    parent_sets: Mapping[str, ImageFiles] | None,
    path: str,
    *,
    is_wrong: bool,
) -> None:
    text = toml(path=path).encode()
    head, command = naming(shop=OTHER, sets=head_sets)
    parent = None if parent_sets is None else naming(shop=OTHER, sets=parent_sets)[0] | {FILE: text}
    source = source_of({**head, FILE: text}, parent, {GENERATE: command})
    if is_wrong:
        assert "shop, set app" in wrong(tmp_path, source, Refused).what
        return
    [warning] = checked(tmp_path, source)[1]
    assert warning.startswith("shop, set app: files name another image")
    assert "; let them name what images/shop/digests.json says" in warning


def test_service_that_no_file_mentions_is_a_warning(tmp_path: Path) -> None:
    digests = {**APP.digests, "api": f"ghcr.io/acme/api@sha256:{'0' * 64}"}
    tags = {**APP.tags, "api": f"ghcr.io/acme/api:{APP.app_sha}"}
    more = replace(APP, digests=digests, tags=tags, source=None)
    head, command = naming(lab=named(commit(), "lab"), sets={"lab": more, "shop": APP})
    source = source_of(head, commands={GENERATE: command})
    [warning] = checked(tmp_path, source)[1]
    assert warning.startswith("lab, set app: no file names the images of api")


def test_what_is_wrong_elsewhere_is_no_error_because_something_is_odd_here(tmp_path: Path) -> None:
    """Beside a warning, too: what is about lab is not red for shop."""
    digests = {**NEXT.digests, "api": f"ghcr.io/acme/api@sha256:{'0' * 64}"}
    tags = {**NEXT.tags, "api": f"ghcr.io/acme/api:{NEXT.app_sha}"}
    more = replace(NEXT, digests=digests, tags=tags, source=None)
    head, command = naming(NEXT.digests["web"].encode(), OTHER, {"lab": more, "shop": APP})
    parent, _ = naming(shop=OTHER)
    _, warnings = checked(tmp_path, source_of(head, parent, {GENERATE: command}))
    assert [one.partition(":")[0] for one in warnings] == ["lab, set app", "shop, set app"]


def test_of_several_that_are_wrong_all_are_said_and_how_to_mend_the_first(tmp_path: Path) -> None:
    head, command = naming(lab=OTHER, shop=OTHER)
    error = wrong(tmp_path, source_of(head, commands={GENERATE: command}), Refused)
    assert [one.partition(",")[0] for one in error.what.split("; ")] == ["lab", "shop"]
    assert "images/lab/digests.json says" in (error.remedy or "")


def test_service_of_two_sets_is_an_error(tmp_path: Path) -> None:
    text = toml(more='[[sets]]\nname = "lib"').replace("images/{wave}", "images/{wave}/{set}")
    head = {path: one for path, one in commit(text=text).items() if "images/" not in path}
    for name in ("app", "lib"):
        head |= image_bytes(APP, f"images/lab/{name}")

    def writes(checkout: Files) -> None:
        checkout.files[LAB_FILE] = checkout.files[SHOP_FILE] = APP.digests["web"].encode()

    head |= {LAB_FILE: APP.digests["web"].encode(), SHOP_FILE: APP.digests["web"].encode()}
    error = wrong(tmp_path, source_of(head, commands={GENERATE: writes}), Refused)
    assert error.what == "lab: the sets app and lib both name the service web"
    assert error.remedy == "let each service be of one set"
