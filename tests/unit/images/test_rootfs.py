"""A layer in the canonical form: one change has one form, whichever engine wrote it."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

import pytest

from tidemill.errors import Refused
from tidemill.images.entries import (
    Attributes,
    Device,
    Entry,
    File,
    Folder,
    HardLink,
    Link,
    Opaque,
    Whiteout,
)
from tidemill.images.rootfs import Change, RootFs, canonical


def file(path: str, text: str = "x", mode: int = 0o644) -> File:
    return File(path, len(text), partial(io.BytesIO, text.encode()), Attributes(mode))


def rootfs(*layers: list[Change]) -> RootFs:
    found = RootFs()
    for layer in layers:
        found.add(layer)
    return found


BELOW: list[Change] = [
    Folder("etc"),
    file("etc/hosts", "own"),
    Folder("data"),
    file("data/one", "1"),
    file("data/two", "2"),
    Folder("data/deep", Attributes(0o700)),
    file("data/deep/three", "3"),
    Link("link", "data"),
]


def told(entries: list[Entry], below: RootFs) -> list[str]:
    """What changes, as lines: path and kind, content or target, and mode if it is not the usual.

    The folders that stay as they are, above it, are looked at elsewhere.
    """
    lines = []
    for entry in entries:
        if isinstance(entry, Folder) and below.folder(entry.path) == entry.attributes:
            continue
        match entry:
            case File(path, _, open_):
                text = "+" + open_().read().decode()
            case Folder(path):
                text = "/"
            case Link(path, target):
                text = f" -> {target}"
            case HardLink(path, target):
                text = f" = {target}"
            case Device(path):
                text = " device"
        usual = {0o644, 0o755, 0o777}
        mode = entry.attributes.mode
        lines.append(f"{path}{text}" + (f" {mode:o}" if mode not in usual else ""))
    return lines


ONE_FORM: dict[str, tuple[list[Change], list[str]]] = {
    "folders above, unchanged": ([Folder("data"), file("data/new")], ["data/new+x"]),
    "no folders above": ([file("data/new")], ["data/new+x"]),
    "new folders above": ([file("a/b/c")], ["a/", "a/b/", "a/b/c+x"]),
    "a folder with another mode": (
        [Folder("data", Attributes(0o711))],
        ["data/ 711"],
    ),
    "a folder with the same mode": ([Folder("data"), Folder("data/deep", Attributes(0o700))], []),
    "a file that was touched": ([file("data/one", "1"), Link("link", "data")], []),
    "a file with another mode": ([file("data/one", "1", 0o600)], ["data/one+1 600"]),
    "a file of the same size": ([file("data/one", "2")], ["data/one+2"]),
    "a mark": ([Whiteout("data/one")], ["data/.wh.one+"]),
    "a mark for nothing": ([Whiteout("data/none"), Whiteout("none/none")], []),
    "a mark for a folder and what was in it": (
        [Whiteout("data"), Whiteout("data/one"), Whiteout("data/deep/three")],
        [".wh.data+"],
    ),
    "emptied": (
        [Folder("data"), Opaque("data")],
        ["data/.wh.deep+", "data/.wh.one+", "data/.wh.two+"],
    ),
    "emptied and filled": (
        [Folder("data"), Opaque("data"), file("data/two", "2"), file("data/new")],
        ["data/.wh.deep+", "data/.wh.one+", "data/new+x"],
    ),
    "gone and made again": (
        [Whiteout("data"), Folder("data"), file("data/two", "2"), file("data/new")],
        ["data/.wh.deep+", "data/.wh.one+", "data/new+x"],
    ),
    "emptied below what is made again": (
        [Opaque("data"), Folder("data/deep", Attributes(0o700)), file("data/deep/new")],
        ["data/.wh.one+", "data/.wh.two+", "data/deep/.wh.three+", "data/deep/new+x"],
    ),
    "a file in place of a folder": ([file("data", "f")], ["data+f"]),
    "a file in place of an emptied folder": ([Opaque("data"), file("data", "f")], ["data+f"]),
    "a file in place of a folder that is gone": (
        [Whiteout("data"), Whiteout("data/one"), file("data", "f")],
        ["data+f"],
    ),
    "a folder in place of a file": (
        [Folder("data/one"), Opaque("data/one"), file("data/one/x")],
        ["data/one/", "data/one/x+x"],
    ),
    "a link in place of a folder": ([Link("data", "etc")], ["data -> etc"]),
    "everything gone": ([Opaque("")], [".wh.data+", ".wh.etc+", ".wh.link+"]),
    "one path twice": ([file("new", "a"), file("new", "b")], ["new+b"]),
    "links, the content not with the first": (
        [file("b", "same"), HardLink("c", "b"), HardLink("a", "c")],
        ["a+same", "b = a", "c = a"],
    ),
    "a link to a file below, with it": (
        [file("data/one", "1"), HardLink("data/uno", "data/one")],
        ["data/uno+1"],
    ),
    "a link to a file below, as that file": ([file("data/uno", "1")], ["data/uno+1"]),
    "what is below as a link to a new one": (
        [file("data/0ne", "1"), HardLink("data/one", "data/0ne")],
        ["data/0ne+1"],
    ),
    "mount points of a build": ([Folder("dev"), Folder("proc", Attributes(0o555))], []),
    "mount points that are used": ([Folder("dev"), file("dev/x")], ["dev/", "dev/x+x"]),
    "files that runtimes mount": ([file("etc/hostname", ""), file(".dockerenv", "")], []),
    "a file for a runtime that has something": ([file("etc/hostname", "h")], ["etc/hostname+h"]),
    "a file for a runtime that was there": ([file("etc/hosts", "")], ["etc/hosts+"]),
    "a volume": ([Folder("var"), Folder("var/volume")], []),
    "a volume of another owner": (
        [Folder("var"), Folder("var/volume", Attributes(0o700))],
        ["var/", "var/volume/ 700"],
    ),
    "a volume with something": (
        [Folder("var"), Folder("var/volume"), file("var/volume/x")],
        ["var/", "var/volume/", "var/volume/x+x"],
    ),
    "a volume beside something": (
        [Folder("var"), Folder("var/volume"), file("var/x")],
        ["var/", "var/x+x"],
    ),
    "a device": ([Device("null", b"3", 1, 3, Attributes(0o666))], ["null device 666"]),
}


@pytest.mark.parametrize(("layer", "lines"), ONE_FORM.values(), ids=ONE_FORM.keys())
def test_a_change_has_one_form_and_the_form_does_the_same(
    layer: list[Change], lines: list[str]
) -> None:
    below = rootfs(BELOW)
    found = canonical(layer, below, ["/var/volume"])
    assert told(found, below) == lines
    assert below.paths() == rootfs(BELOW).paths()
    # The form is its own form, in any order.
    assert told(canonical(found, below, ["/var/volume"]), below) == lines
    assert told(canonical(random.Random(1).sample(found, len(found)), below), below) == lines
    # And what has been done is not done again.
    assert canonical(found, rootfs(BELOW, list(found))) == []


def test_mount_points_that_the_base_has_are_its_own() -> None:
    below = rootfs([Folder("proc"), Folder("etc"), file("etc/hosts", "")])
    assert told(canonical([Folder("proc", Attributes(0o555))], below), below) == ["proc/ 555"]
    assert told(canonical([Whiteout("etc/hosts")], below), below) == ["etc/.wh.hosts+"]


def test_an_etc_of_which_nothing_is_left_was_only_mounted_on() -> None:
    assert canonical([Folder("etc"), file("etc/resolv.conf", "")], RootFs()) == []
    assert told(canonical([Folder("etc"), file("etc/x")], RootFs()), RootFs()) == [
        "etc/",
        "etc/x+x",
    ]


@pytest.mark.parametrize(
    "change", [file("data/deep/new"), Whiteout("data/deep/three")], ids=["new", "gone"]
)
def test_the_folders_above_a_change_are_there_as_they_were(change: Change) -> None:
    owned = Attributes(0o1777, 5, 6, (("user.x", b"y"),))
    below = rootfs(BELOW, [Folder("data", owned)])
    found = canonical([change], below)
    assert found[:2] == [Folder("data", owned), Folder("data/deep", Attributes(0o700))]
    assert len(found) == 3


def test_the_folders_above_a_change_are_there_as_the_layer_makes_them() -> None:
    owned = Attributes(0o1777, 5, 6)
    found = canonical([file("data/new"), Folder("data", owned)], rootfs(BELOW))
    assert found[0] == Folder("data", owned)


@pytest.mark.parametrize("path", ["link", "data/one"])
def test_a_folder_that_a_layer_does_not_have_hides_what_is_below_as_where_engines_unpack_it(
    path: str,
) -> None:
    below = rootfs(BELOW)
    found = canonical([file(f"{path}/new")], below)
    below.add([file(f"{path}/new")])
    assert (below.link(path), below.folder(path)) == (None, Attributes(0o755))
    assert [entry.path for entry in found if entry.path.startswith(path)] == [path, f"{path}/new"]


def test_extended_attributes_are_a_difference() -> None:
    capable = Attributes(0o644, xattrs=(("security.capability", b"\1"),))
    entry = File("data/one", 1, partial(io.BytesIO, b"1"), capable)
    assert canonical([entry], rootfs(BELOW)) == [Folder("data"), entry]


def test_files_are_read_only_where_nothing_else_tells_them_apart() -> None:
    def unread() -> BinaryIO:
        raise AssertionError("it was read")

    def entries(opened: Callable[[], BinaryIO]) -> list[Change]:
        return [
            File("data/one", 2, opened),
            File("data/two", 1, opened, Attributes(0o600)),
            File("data/new", 1, opened),
        ]

    below = rootfs([File("data/one", 1, unread), File("data/two", 1, unread)])
    assert [below.resembles(entry) for entry in entries(unread)] == [False] * 3
    assert len(canonical(entries(unread), below)) == 4
    assert below.resembles(file("data/one", "1"))
    assert below.resembles(HardLink("data/one", "data/two"))
    assert not below.resembles(Whiteout("data/one"))


@pytest.mark.parametrize("target", ["nowhere", "link", "folder"])
def test_a_hard_link_to_what_the_layer_has_not_is_refused(target: str) -> None:
    layer: list[Change] = [HardLink("link", target), Folder("folder")]
    with pytest.raises(Refused, match=f"hard link 'link' to '{target}'"):
        canonical(layer, RootFs())


def test_layers_on_layers_leave_what_the_last_ones_say() -> None:
    found = rootfs(
        BELOW,
        [Whiteout("data/deep"), file("data/deep/new")],
        [file("link", "now a file"), Opaque("etc"), file("etc/x")],
        canonical([Whiteout("data/one")], rootfs(BELOW)),  # type: ignore[arg-type]
    )
    assert sorted(found.paths()) == [
        *("data", "data/deep", "data/deep/new", "data/two", "etc", "etc/x", "link"),
    ]
    assert found.folder("data/deep") == Attributes(0o755)
    assert found.folder("data/two") is None
    assert sorted(found.below("data")) == ["data/deep", "data/deep/new", "data/two"]
    assert "etc/x" in found.copy()


def test_the_form_of_random_changes_does_what_they_do() -> None:
    for seed in range(300):
        chance = random.Random(seed)
        below = rootfs(BELOW, _some(chance))
        layer = _some(chance)
        above = below.copy()
        above.add(layer)
        form = canonical(layer, below)
        again = below.copy()
        again.add(form)
        assert again.paths() == above.paths(), seed
        assert canonical(layer, again) == canonical(form, again) == [], seed


def _some(chance: random.Random) -> list[Change]:
    """A layer that an engine could write: marks, and what is then there, folders first."""
    names = ["data", "etc", "a"]
    folders = [f"{one}/{two}" for one in names for two in ("deep", "b")]
    first, second = chance.sample([*names, *folders], 2)
    layer: list[Change] = [Whiteout(first), Opaque(second)]
    for path in chance.sample(folders, 3):
        layer += [Folder(path.partition("/")[0]), Folder(path)]
        for name in chance.sample(["x", "y", "three"], 2):
            layer.append(file(f"{path}/{name}", chance.choice("12"), chance.choice([0o600, 0o644])))
    if chance.random() < 0.3:
        layer = [change for change in layer if not change.path.startswith("a/b")]
        layer += [Folder("a"), Link("a/b", "deep")]
    return layer
