"""Two images that differ in one thing: it is named exactly, and nothing else is."""

from __future__ import annotations

import copy
import gzip
import json
import random
import re
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.comparing import CONFIG, Maker, Part, entry, tar
from tests.zstd import compress

from tidemill.commands._comparison_text import render
from tidemill.errors import Refused
from tidemill.images import oci
from tidemill.images.causes import attributes, rules
from tidemill.images.comparison import difference
from tidemill.images.comparison.difference import Comparison, Difference, Verdict
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.tar_stream import TIME


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker.at(tmp_path)


def parts() -> list[Part]:
    """A layer with one of everything."""
    return [
        entry("etc", type=tarfile.DIRTYPE, mode=0o755),
        entry("etc/app.conf", b"level = 1\n"),
        entry("usr", type=tarfile.DIRTYPE, mode=0o755),
        entry("usr/app", b"#!program" * 50, mode=0o755),
        entry("usr/again", type=tarfile.LNKTYPE, linkname="usr/app"),
        entry("usr/link", type=tarfile.SYMTYPE, linkname="app"),
        entry("usr/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        entry("usr/pipe", type=tarfile.FIFOTYPE),
    ]


def at(all_parts: list[Part], path: str) -> tarfile.TarInfo:
    return next(header for header, _ in all_parts if header.name == path)


def changed(path: str, **fields: Any) -> Callable[[list[Part]], list[Part]]:
    def change(given: list[Part]) -> list[Part]:
        for name, value in fields.items():
            setattr(at(given, path), name, value)
        return given

    return change


def replaced(path: str, content: bytes) -> Callable[[list[Part]], list[Part]]:
    def change(given: list[Part]) -> list[Part]:
        at(given, path).size = len(content)
        return [(h, content if h.name == path else data) for h, data in given]

    return change


def pax(path: str, key: str, value: str) -> Callable[[list[Part]], list[Part]]:
    return changed(path, pax_headers={key: value})


ATTRIBUTES = [
    (
        "mtime",
        "usr/app",
        changed("usr/app", mtime=86400),
        "1970-01-01T00:00:00Z",
        "1970-01-02T00:00:00Z",
        "timestamps",
    ),
    (
        "mtime",
        "usr/app",
        changed("usr/app", mtime=0.25),
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.25Z",
        "timestamps",
    ),
    ("mode", "etc/app.conf", changed("etc/app.conf", mode=0o600), "0644", "0600", "umask"),
    ("mode", "usr/app", changed("usr/app", mode=0o4755), "0755", "4755", None),
    ("uid", "usr/app", changed("usr/app", uid=1000), "0", "1000", "owner"),
    ("gid", "usr/app", changed("usr/app", gid=1000), "0", "1000", "owner"),
    ("uid", "usr/app", changed("usr/app", uid=3_000_000), "0", "3000000", "owner"),
    ("uname", "usr/app", changed("usr/app", uname="ann"), "", "ann", "owner"),
    ("gname", "usr/app", changed("usr/app", gname="staff"), "", "staff", "owner"),
    ("link target", "usr/link", changed("usr/link", linkname="null"), "app", "null", None),
    (
        "hard link",
        "usr/again",
        changed("usr/again", linkname="etc/app.conf"),
        "usr/app",
        "etc/app.conf",
        None,
    ),
    ("device numbers", "usr/null", changed("usr/null", devminor=5), "1,3", "1,5", None),
    ("type", "usr/pipe", changed("usr/pipe", type=tarfile.REGTYPE), "named pipe", "file", None),
    (
        "type",
        "usr/link",
        changed("usr/link", type=tarfile.LNKTYPE),
        "symbolic link",
        "hard link",
        None,
    ),
    ("xattr user.note", "usr/app", pax("usr/app", "SCHILY.xattr.user.note", "x"), None, "x", None),
    (
        "xattr security.selinux",
        "usr/app",
        pax("usr/app", "SCHILY.xattr.security.selinux", "x"),
        None,
        "x",
        "machine",
    ),
    (
        "PAX header comment",
        "usr/app",
        pax("usr/app", "comment", "hello"),
        None,
        "hello",
        "tar writer",
    ),
    ("PAX header atime", "usr/app", pax("usr/app", "atime", "5.5"), None, "5.5", "timestamps"),
    (
        "PAX header path",
        "usr/app",
        pax("usr/app", "path", "usr/app"),
        None,
        "usr/app",
        "tar writer",
    ),
]


@pytest.mark.parametrize(
    ("field", "path", "change", "left", "right", "cause"),
    ATTRIBUTES,
    ids=[f"{row[0]} {row[1]} {number}" for number, row in enumerate(ATTRIBUTES)],
)
def test_one_attribute_of_one_entry_is_named_exactly(
    maker: Maker,
    field: str,
    path: str,
    change: Callable[[list[Part]], list[Part]],
    left: str | None,
    right: str | None,
    cause: str | None,
) -> None:
    found = maker.compare(maker.image(tar(parts())), maker.image(tar(change(parts()))))
    assert found.verdict is Verdict.DIFFERENT
    (one,) = found.differences
    assert (one.where.part, one.path, one.field, one.left, one.right) == (
        "layer",
        path,
        field,
        left,
        right,
    )
    assert (one.cause.name if one.cause else None) == cause
    assert one.where.left
    assert one.where.left.number == 1
    assert found.paths == 1


def test_an_xattr_of_another_value_is_one_difference(maker: Maker) -> None:
    key = "SCHILY.xattr.user.note"
    one, other = (pax("usr/app", key, value)(parts()) for value in ("a", "b"))
    found = maker.compare(maker.image(tar(one)), maker.image(tar(other)))
    assert fields(found) == [("usr/app", "xattr user.note", "a", "b")]


def fields(found: Comparison) -> list[tuple[str | None, str, str | None, str | None]]:
    return [(one.path, one.field, one.left, one.right) for one in found.differences]


def only(found: Comparison) -> Difference:
    (one,) = found.differences
    return one


def of_layers(maker: Maker, left: list[Part], right: list[Part]) -> Comparison:
    return maker.compare(maker.image(tar(left)), maker.image(tar(right)))


def test_content_of_one_size_is_shown_from_the_first_byte_that_differs(maker: Maker) -> None:
    found = of_layers(maker, parts(), replaced("etc/app.conf", b"level = 2\n")(parts()))
    one = only(found)
    assert (one.path, one.field, one.at) == ("etc/app.conf", "content", 8)
    assert (one.left, one.right) == (r"level = 1\n", r"level = 2\n")
    assert one.cause is None


def test_content_of_another_size_is_both_size_and_content(maker: Maker) -> None:
    found = of_layers(maker, parts(), replaced("etc/app.conf", b"level = 1\n\n")(parts()))
    assert [(one.field, one.at) for one in found.differences] == [("size", None), ("content", 10)]
    assert found.paths == 1


def test_content_beyond_the_first_pieces_is_found(maker: Maker) -> None:
    content = bytes(3 << 20)
    other = bytearray(content)
    other[(2 << 20) + 7] = 1
    found = of_layers(maker, [entry("big", content)], [entry("big", bytes(other))])
    assert only(found).at == (2 << 20) + 7


@pytest.mark.parametrize("side", ["left", "right"])
def test_an_entry_that_one_side_lacks_is_missing_there(maker: Maker, side: str) -> None:
    more = [*parts(), entry("usr/zebra", b"z")]
    left, right = (more, parts()) if side == "left" else (parts(), more)
    one = only(of_layers(maker, left, right))
    assert (one.path, one.field) == ("usr/zebra", "missing")
    assert (one.left, one.right) == (("file", None) if side == "left" else (None, "file"))


def test_entries_in_another_order_are_one_difference(maker: Maker) -> None:
    one = only(of_layers(maker, parts(), parts()[2:] + parts()[:2]))
    assert one.field == "order"
    assert one.cause
    assert one.cause.name == "unsorted order"
    assert one.left == "etc/app.conf before usr"


def test_a_path_that_comes_twice_is_a_duplicate(maker: Maker) -> None:
    twice = [*parts(), entry("usr/pipe", type=tarfile.FIFOTYPE)]
    one = only(of_layers(maker, parts(), twice))
    assert (one.path, one.field, one.left, one.right) == (
        "usr/pipe",
        "duplicates",
        "1 entry",
        "2 entries",
    )


def test_another_form_of_path_is_the_form_of_the_header(maker: Maker) -> None:
    one = only(of_layers(maker, parts(), changed("usr/app", name="./usr/app")(parts())))
    assert (one.path, one.field, one.right) == ("usr/app", "tar header: name", "./usr/app")


def test_another_tar_format_is_named_by_its_magic(maker: Maker) -> None:
    left = maker.image(tar(parts(), tarfile.USTAR_FORMAT))
    right = maker.image(tar(parts(), tarfile.GNU_FORMAT))
    found = maker.compare(left, right)
    assert {one.field for one in found.differences} == {"tar header: magic"}
    assert {one.cause.name for one in found.differences if one.cause} == {"tar writer"}


def test_the_name_of_a_pax_header_is_named(maker: Maker) -> None:
    """The .NET SDK writes its process id there (dotnet/sdk#55689)."""
    left = tar(pax("usr/app", "comment", "x")(parts()))
    name = b"usr/PaxHeaders.0/app"
    assert left.count(b"./PaxHeaders/app") == 1 or name in left or b"PaxHeader" in left
    start = left.index(b"PaxHeader")
    start -= start % 512
    right = bytearray(left)
    right[start : start + 100] = b"PaxHeaders.4711/app".ljust(100, b"\0")
    right[start + 148 : start + 156] = b" " * 8
    right[start + 148 : start + 156] = b"%06o\0 " % sum(right[start : start + 512])
    one = only(maker.compare(maker.image(left), maker.image(bytes(right))))
    assert (one.path, one.field, one.right) == (
        "usr/app",
        "PAX header: name",
        "PaxHeaders.4711/app",
    )


def test_another_end_of_the_archive_is_named(maker: Maker) -> None:
    whole = tar(parts())
    found = maker.compare(maker.image(whole), maker.image(whole + bytes(10240)))
    assert only(found).field == "end of the archive"


def test_padding_with_something_in_it_is_the_form_of_the_archive(maker: Maker) -> None:
    whole = bytearray(tar(parts()))
    place = bytes(whole).index(b"level = 1") + 100
    whole[place] = 1
    one = only(maker.compare(maker.image(tar(parts())), maker.image(bytes(whole))))
    assert (one.field, one.at) == ("form of the archive", place)


CONFIGS: list[tuple[str, Callable[[Any], Any], str | None, str | None, str | None]] = [
    (
        "config.Env[COLOR]",
        lambda c: c["config"].update(Env=["PATH=/bin", "COLOR=blue"]),
        "red",
        "blue",
        None,
    ),
    ("config.Env[COLOR]", lambda c: c["config"].update(Env=["PATH=/bin"]), "red", None, None),
    ("config.Env[NEW]", lambda c: c["config"]["Env"].append("NEW=1"), None, "1", None),
    (
        "config.Env: order",
        lambda c: c["config"]["Env"].reverse(),
        '["PATH=/bin","COLOR=red"]',
        '["COLOR=red","PATH=/bin"]',
        None,
    ),
    ("config.Labels[a.b]", lambda c: c["config"]["Labels"].update({"a.b": "d"}), "c", "d", None),
    ("config.Labels[new]", lambda c: c["config"]["Labels"].update(new="d"), None, "d", None),
    ("config.Labels[a.b]", lambda c: c["config"].pop("Labels"), "c", None, None),
    (
        "config.Labels[org.opencontainers.image.revision]",
        lambda c: c["config"]["Labels"].update({"org.opencontainers.image.revision": "1"}),
        None,
        "1",
        "commit label",
    ),
    ("config.Cmd[0]", lambda c: c["config"].update(Cmd=["/other"]), "/app", "/other", None),
    ("config.Cmd[1]", lambda c: c["config"].update(Cmd=["/app", "-v"]), None, "-v", None),
    ("config.User", lambda c: c["config"].update(User="65532"), None, "65532", None),
    ("config.Hostname", lambda c: c["config"].update(Hostname="f00"), None, "f00", "machine name"),
    (
        "created",
        lambda c: c.update(created="2026-01-01T00:00:00Z"),
        None,
        "2026-01-01T00:00:00Z",
        "timestamps",
    ),
    (
        "docker_version",
        lambda c: c.update(docker_version="20.10"),
        None,
        "20.10",
        "trace of the builder",
    ),
    (
        "history[0].created_by",
        lambda c: c["history"][0].update(created_by="COPY /tmp/x app"),
        "COPY app",
        "COPY /tmp/x app",
        None,
    ),
    (
        "history[1]",
        lambda c: c["history"].append({"empty_layer": True}),
        None,
        '{"empty_layer":true}',
        None,
    ),
    (
        "history[0].created",
        lambda c: c["history"][0].update(created="2026-01-01T00:00:00Z"),
        None,
        "2026-01-01T00:00:00Z",
        "timestamps",
    ),
    ("x", lambda c: c.update(x=None), None, "null", None),
    ("x", lambda c: c.update(x="\x1b[31mred"), None, r"\x1b[31mred", None),
]


@pytest.mark.parametrize(
    ("key", "change", "left", "right", "cause"),
    CONFIGS,
    ids=[f"{row[0]} {number}" for number, row in enumerate(CONFIGS)],
)
def test_one_value_of_the_config_is_named_exactly(
    maker: Maker,
    key: str,
    change: Callable[[Any], Any],
    left: str | None,
    right: str | None,
    cause: str | None,
) -> None:
    other = copy.deepcopy(CONFIG)
    change(other)
    layer = tar(parts())
    found = maker.compare(maker.image(layer), maker.image(layer, config=other))
    assert found.verdict is Verdict.DIFFERENT
    one = only(found)
    assert (one.where.part, one.path, one.field) == ("config", None, key)
    assert (one.left, one.right) == (left, right)
    assert (one.cause.name if one.cause else None) == cause
    assert (found.equal_layers, found.layers) == (1, 1)


def test_another_architecture_is_another_platform(maker: Maker) -> None:
    layer = tar(parts())
    arm = maker.image(layer, config={**CONFIG, "architecture": "arm64"})
    one = only(maker.compare(maker.image(layer), arm))
    assert (one.where.part, one.left, one.right) == ("platform", "linux/amd64", "linux/arm64")


def test_a_config_in_other_bytes_is_named_by_its_form(maker: Maker) -> None:
    layer = tar(parts())
    one = maker.image(layer)
    plain = json.loads(maker.layout.read(one.digest))
    config = json.loads(maker.layout.read(plain["config"]["digest"]))
    spaced = maker.layout.add(oci.CONFIG, json.dumps(config, indent=1).encode())
    plain["config"] = {"mediaType": oci.CONFIG, "digest": spaced.digest, "size": spaced.size}
    other = maker.layout.add(oci.MANIFEST, json.dumps(plain).encode())
    found = only(maker.compare(one, other))
    assert (found.where.part, found.field) == ("config", "form of the JSON")


MANIFESTS: list[tuple[str, Callable[[Any], Any], str | None]] = [
    ("annotations[note]", lambda m: m["annotations"].update(note="x"), None),
    (
        "annotations[org.opencontainers.image.created]",
        lambda m: m["annotations"].update({"org.opencontainers.image.created": "x"}),
        "commit label",
    ),
    (
        "layers[0].annotations[note]",
        lambda m: m["layers"][0].update(annotations={"note": "x"}),
        None,
    ),
    (
        "config.mediaType",
        lambda m: m["config"].update(mediaType="application/vnd.docker.container.image.v1+json"),
        "media type",
    ),
    (
        "layers[0].mediaType",
        lambda m: m["layers"][0].update(
            mediaType="application/vnd.docker.image.rootfs.diff.tar.gzip"
        ),
        "media type",
    ),
    (
        "mediaType",
        lambda m: m.update(mediaType="application/vnd.docker.distribution.manifest.v2+json"),
        "media type",
    ),
    ("artifactType", lambda m: m.update(artifactType="a/b"), None),
]


@pytest.mark.parametrize(("key", "change", "cause"), MANIFESTS, ids=[row[0] for row in MANIFESTS])
def test_a_manifest_of_another_form_has_the_same_contents(
    maker: Maker, key: str, change: Callable[[Any], Any], cause: str | None
) -> None:
    layer = tar(parts())
    found = maker.compare(maker.image(layer), maker.image(layer, manifest=change))
    assert found.verdict is Verdict.SAME_CONTENTS
    one = only(found)
    assert (one.where.part, one.field) == ("manifest", key)
    assert (one.cause.name if one.cause else None) == cause


def packed(**fields: Any) -> Callable[[bytes], bytes]:
    """Gzip with a header of our own."""

    def pack(data: bytes) -> bytes:
        deflated = zlib.compressobj(fields.get("level", 6), wbits=-15)
        name = fields.get("name", b"")
        head = struct.pack(
            "<HBBLBB",
            0x8B1F,
            8,
            8 if name else 0,
            fields.get("time", 0),
            0,
            fields.get("system", 255),
        )
        body = deflated.compress(data) + deflated.flush()
        tail = struct.pack("<LL", zlib.crc32(data), len(data))
        return head + (name + b"\0" if name else b"") + body + tail

    return pack


@pytest.mark.parametrize(
    ("field", "pack", "cause"),
    [
        ("gzip header time", packed(time=86400), "timestamps"),
        ("gzip header system", packed(system=3), "compressor"),
        ("gzip header name", packed(name=b"layer.tar"), "compressor"),
        ("compressed bytes", packed(level=1), "compressor"),
        ("compression", lambda data: data, "compressor"),
    ],
)
def test_another_compression_has_the_same_contents(
    maker: Maker, field: str, pack: Callable[[bytes], bytes], cause: str
) -> None:
    layer = tar(parts())
    found = maker.compare(maker.image(layer, pack=packed()), maker.image(layer, pack=pack))
    assert found.verdict is Verdict.SAME_CONTENTS
    one = only(found)
    assert (one.where.part, one.field) == ("compression", field)
    assert one.cause
    assert one.cause.name == cause
    assert (found.equal_layers, found.layers) == (1, 1)


def test_layers_that_zstd_compressed_are_read(maker: Maker) -> None:
    left, right = tar([entry("app", b"1")]), tar([entry("app", b"2")])
    same = maker.compare(maker.image(left), maker.image(left, pack=compress))
    assert (only(same).left, only(same).right) == ("gzip", "zstd")
    other = only(maker.compare(maker.image(left), maker.image(right, pack=compress)))
    assert (other.path, other.field) == ("app", "content")


def test_one_digest_is_identical_and_no_layer_is_read(maker: Maker) -> None:
    image = maker.image(tar(parts()))
    remove_layers(maker, image)
    assert maker.compare(image, image).verdict is Verdict.IDENTICAL


def remove_layers(maker: Maker, image: Descriptor, count: int = 100) -> None:
    for layer in json.loads(maker.layout.read(image.digest))["layers"][:count]:
        maker.layout.path(layer["digest"]).unlink()


def test_a_base_that_both_have_is_not_read(maker: Maker) -> None:
    low = tar([entry("base", b"base")])
    left, right = (maker.image(low, tar([entry("app", content)])) for content in (b"1", b"2"))
    remove_layers(maker, left, 1)
    found = maker.compare(left, right)
    assert [(one.path, one.field) for one in found.differences] == [("app", "content")]
    assert (found.equal_layers, found.layers) == (1, 2)
    assert only(found).where.left
    assert only(found).where.left.number == 2  # type: ignore[union-attr]


def test_a_layer_in_between_is_one_difference(maker: Maker) -> None:
    layers = [tar([entry(name, name.encode())]) for name in ("base", "tools", "app")]
    more = tar([entry(f"extra/{number}", b"") for number in range(200)])
    found = maker.compare(maker.image(*layers), maker.image(layers[0], more, *layers[1:]))
    assert [one.field for one in found.differences] == ["number of layers", "layer"]
    inserted = found.differences[1]
    assert inserted.where.left is None
    assert inserted.where.right
    assert inserted.where.right.number == 2
    assert (inserted.right or "").startswith("200 entries: extra/0, ")
    assert (found.equal_layers, found.layers) == (3, 4)


def test_one_layer_cut_in_two_differs_only_in_the_number(maker: Maker) -> None:
    whole = parts()
    found = maker.compare(maker.image(tar(whole)), maker.image(tar(whole[:3]), tar(whole[3:])))
    assert fields(found) == [(None, "number of layers", "1", "2")]
    assert found.verdict is Verdict.DIFFERENT


def test_layers_of_another_number_are_compared_as_what_they_make(maker: Maker) -> None:
    left = maker.image(tar([entry("a", b"1"), entry("b", b"1"), entry("d/x", b"1")]))
    right = maker.image(
        tar([entry("a", b"0"), entry("b", b"1"), entry("c", b"1"), entry("d/x", b"0")]),
        tar([entry("a", b"1"), entry(".wh.c"), entry("d/.wh..wh..opq"), entry("d/x", b"2")]),
    )
    found = maker.compare(left, right)
    assert [(one.path, one.field) for one in found.differences] == [
        (None, "number of layers"),
        (".wh.c", "missing"),
        ("d/.wh..wh..opq", "missing"),
        ("d/x", "content"),
    ]


def test_all_platforms_of_an_index_are_compared(maker: Maker) -> None:
    arm = {**CONFIG, "architecture": "arm64"}
    layer, other = tar(parts()), tar(replaced("usr/app", b"new")(parts()))
    platforms = ("linux/amd64", "linux/arm64")
    left = maker.index(maker.image(layer), maker.image(layer, config=arm), platforms=platforms)
    right = maker.index(maker.image(layer), maker.image(other, config=arm), platforms=platforms)
    found = maker.compare(left, right)
    assert {(one.where.platform, one.path) for one in found.differences} == {
        ("linux/arm64", "usr/app")
    }
    chosen = maker.compare(left, right, platform=Platform.parse("linux/amd64"))
    assert chosen.verdict is Verdict.IDENTICAL
    with pytest.raises(Refused, match="no image for linux/s390x"):
        maker.compare(left, right, platform=Platform.parse("linux/s390x"))


def test_a_platform_that_one_index_lacks_is_missing(maker: Maker) -> None:
    amd = maker.image(tar(parts()))
    arm = maker.image(tar(parts()), config={**CONFIG, "architecture": "arm64"})
    both = maker.index(amd, arm, platforms=("linux/amd64", "linux/arm64"))
    one = only(maker.compare(both, maker.index(amd, platforms=("linux/amd64",))))
    assert (one.where.part, one.where.platform, one.left, one.right) == (
        "platform",
        "linux/arm64",
        arm.digest,
        None,
    )


def test_an_index_in_another_order_has_the_same_contents(maker: Maker) -> None:
    amd = maker.image(tar(parts()))
    arm = maker.image(tar(parts()), config={**CONFIG, "architecture": "arm64"})
    left = maker.index(amd, arm, platforms=("linux/amd64", "linux/arm64"))
    right = maker.index(arm, amd, platforms=("linux/arm64", "linux/amd64"))
    found = maker.compare(left, right)
    assert found.verdict is Verdict.SAME_CONTENTS
    assert only(found).field == "order of platforms"


@pytest.mark.parametrize("turned", [False, True])
def test_an_index_is_compared_with_an_image_by_platform(maker: Maker, turned: bool) -> None:
    one, other = maker.image(tar(parts())), maker.image(tar([*parts(), entry("new")]))
    arm = maker.image(tar(parts()), config={**CONFIG, "architecture": "arm64"})
    index = maker.index(arm, one, platforms=("linux/arm64", "linux/amd64"))
    found = maker.compare(other, index) if turned else maker.compare(index, other)
    kind, new = found.differences
    assert (kind.where.part, kind.field) == ("index", "kind")
    assert {kind.left, kind.right} == {"an index of 2", "an image"}
    assert (new.path, new.field) == ("new", "missing")
    side = "right" if turned else "left"
    assert found.notes == (
        f"the {side} one is an index of 2 images; its image for linux/amd64 is compared",
    )
    same = maker.compare(one, index) if turned else maker.compare(index, one)
    assert same.verdict is Verdict.SAME_CONTENTS


def test_an_attestation_does_not_change_what_runs(maker: Maker) -> None:
    image = maker.image(tar(parts()))
    plain = maker.index(image, platforms=("linux/amd64",))
    attested = json.loads(maker.layout.read(plain.digest))
    attested["manifests"].append(
        {
            "mediaType": oci.MANIFEST,
            "digest": "sha256:" + "0" * 64,
            "size": 3,
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
            "platform": {"os": "unknown", "architecture": "unknown"},
        }
    )
    found = maker.compare(plain, maker.layout.add(oci.INDEX, json.dumps(attested).encode()))
    assert found.verdict is Verdict.SAME_CONTENTS
    cause = only(found).cause
    assert cause
    assert "--provenance=false" in cause.remedy


def test_a_layer_that_its_config_lies_about_is_refused(maker: Maker) -> None:
    layer = tar(parts())
    for pack in (lambda data: gzip.compress(b"other", mtime=0), lambda data: data + bytes(512)):
        with pytest.raises(Refused, match="has other content"):
            maker.compare(maker.image(layer), maker.image(layer, pack=pack))


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_a_damaged_layer_is_refused(maker: Maker, damage: str) -> None:
    left, right = maker.image(tar(parts())), maker.image(tar(parts()[:3]))
    blob = json.loads(maker.layout.read(left.digest))["layers"][0]["digest"]
    path = maker.layout.path(blob)
    match damage:
        case "missing":
            path.unlink()
        case "cut":
            path.write_bytes(path.read_bytes()[:-20])
        case _:
            path.write_bytes(gzip.compress(tar(parts()[:4]), mtime=0))
    with pytest.raises(Refused):
        maker.compare(left, right)


def test_a_config_with_another_number_of_layers_is_refused(maker: Maker) -> None:
    layer = tar(parts())
    lies = maker.image(layer, manifest=lambda plain: plain["layers"].append(plain["layers"][0]))
    with pytest.raises(Refused, match="names 1 layers, and the manifest 2"):
        maker.compare(lies, maker.image(layer))


def test_names_that_would_reach_the_terminal_are_escaped(maker: Maker) -> None:
    left = [entry("evil\x1b[2J", b"\x1b[31m\x00\xff1"), entry("n\udcff", b"1")]
    right = [entry("evil\x1b[2J", b"\x1b[31m\x00\xff2"), entry("n\udcff", b"2")]
    found = maker.compare(
        maker.image(tar(left, tarfile.GNU_FORMAT)), maker.image(tar(right, tarfile.GNU_FORMAT))
    )
    text = render(found)
    assert text.replace("\n", "").isprintable()
    assert r"/evil\x1b[2J" in text
    assert r"\xff1" in text
    json.dumps(found.as_json()).encode()


def test_differences_beyond_those_that_are_kept_are_counted_and_cut(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert difference.MOST_KEPT == 10_000
    monkeypatch.setattr(difference, "MOST_KEPT", 100)
    left = [entry(f"f{number:05}", b"1") for number in range(150)]
    right = [entry(f"f{number:05}", b"2") for number in range(150)]
    found = of_layers(maker, left, right)
    assert (found.found, len(found.differences), found.paths) == (150, 100, 150)
    text = render(found, limit=5)
    assert len(text.splitlines()) < 50
    assert "... and 145 more differences" in text
    assert text.endswith("0 of 1 layer is equal; 150 paths differ; 150 differences.")
    assert found.as_json()["found"] == 150


def test_two_canonical_forms_are_told_as_such(maker: Maker) -> None:
    old, new = (
        [(replace_time(header, time), data) for header, data in parts()] for time in (0, TIME)
    )
    found = of_layers(maker, old, new)
    assert {(d.field, d.cause) for d in found.differences} == {("mtime", attributes.FORM)}
    said = rules.of_value("annotations[dev.tidemill.profile]", "tidemill/1", "tidemill/2")
    assert said == attributes.FORM


def replace_time(header: tarfile.TarInfo, time: int) -> tarfile.TarInfo:
    header.mtime = time
    return header


def test_one_time_in_every_entry_is_told_once(maker: Maker) -> None:
    left = [entry(f"f{number}", b"") for number in range(20)]
    right = [entry(f"f{number}", b"", mtime=60) for number in range(20)]
    text = render(of_layers(maker, left, right))
    assert text.count("mtime") == 1
    assert "/f0, /f1, /f10 and 17 more" in text
    assert text.count("remedy") == 1


def test_a_report_reads_from_verdict_to_summary(maker: Maker) -> None:
    low = tar([entry("base", b"base")])
    left = maker.image(low, tar([entry("built", b"on 2026-01-01T00:00:00Z")]))
    right = maker.image(low, tar([entry("built", b"on 2026-01-02T00:00:00Z")]))
    lines = render(maker.compare(left, right)).splitlines()
    assert lines[0] == "different"
    assert [line[:13] for line in lines[1:3]] == ["  left  oci:/", "  right oci:/"]
    assert lines[4].startswith("layer 2 (linux/amd64), sha256:")
    assert lines[5:] == [
        "  /built",
        "    content, from byte 12:",
        "      left  on 2026-01-01T00:00:00Z",
        "      right on 2026-01-02T00:00:00Z",
        "      cause: the time of the build was written into it: '2026-01-01T00:00:00Z' and",
        "        '2026-01-02T00:00:00Z'.",
        "      remedy: take the time from SOURCE_DATE_EPOCH, or leave it out.",
        "",
        "1 of 2 layers are equal; 1 path differs; 1 difference.",
    ]


def test_layers_divided_in_another_way_differ_although_they_make_the_same(maker: Maker) -> None:
    a, b, c, d, same = (entry(name, name.encode()) for name in ("a", "b", "c", "d", "same"))
    left = maker.image(tar([a, b]), tar([same]), tar([c]), tar([d]))
    right = maker.image(tar([a]), tar([b]), tar([same]), tar([c, d]))
    found = maker.compare(left, right)
    assert found.verdict is Verdict.DIFFERENT
    assert [(one.field, one.left, one.right) for one in found.differences] == [
        ("division into layers", "layers 1", "layers 1, 2"),
        ("division into layers", "layers 3, 4", "layers 4"),
    ]


@pytest.mark.parametrize("broken", [b"", b"{}", b"[]", b"\xff", b'{"a":' * 50_000, b"[" * 50_000])
def test_a_config_that_is_none_is_refused(maker: Maker, broken: bytes) -> None:
    layer = tar(parts())
    blob = maker.layout.add(oci.CONFIG, broken)

    def change(plain: Any) -> None:
        plain["config"] = {"mediaType": oci.CONFIG, "digest": blob.digest, "size": blob.size}

    with pytest.raises(Refused, match="can't be read"):
        maker.compare(maker.image(layer, manifest=change), maker.image(layer))


@pytest.mark.parametrize("wild", [1, "x", [], None, {"Env": 1}, {"Env": [1]}, {"Labels": 1}])
def test_a_config_of_odd_shape_is_compared_as_it_is(maker: Maker, wild: Any) -> None:
    layer = tar(parts())
    other = maker.image(layer, config={**CONFIG, "extra": wild, "history": wild})
    found = maker.compare(maker.image(layer), other)
    assert {one.field.partition("[")[0].partition(".")[0] for one in found.differences} <= {
        "extra",
        "history",
    }
    assert found.verdict is Verdict.DIFFERENT
    if isinstance(wild, dict):
        turned = maker.image(layer, config={**CONFIG, "config": wild})
        assert maker.compare(maker.image(layer), turned).found > 0


def test_layers_that_are_no_archives_are_compared_by_digest(maker: Maker) -> None:
    def other_type(plain: Any) -> None:
        plain["layers"][0]["mediaType"] = "application/vnd.in-toto+json"

    sides = [maker.image(data, manifest=other_type) for data in (b'{"a":1}', b'{"a":2}')]
    one = only(maker.compare(*sides))
    assert (one.where.part, one.field) == ("layers", "layers[0]")


def test_an_xattr_of_any_length_is_kept_short(maker: Maker) -> None:
    long = pax("usr/app", "SCHILY.xattr.user.note", "x" * 100_000)
    other = pax("usr/app", "SCHILY.xattr.user.note", "x" * 100_000 + "y")
    found = of_layers(maker, long(parts()), other(parts()))
    one = only(found)
    assert one.right
    assert len(one.right) < 1100
    assert one.right.endswith("(100001 characters)")


def test_what_an_index_says_of_an_image_is_named(maker: Maker) -> None:
    image = maker.image(tar(parts()))
    plain = maker.index(image, platforms=("linux/amd64",))
    document = json.loads(maker.layout.read(plain.digest))
    document["manifests"][0] |= {"annotations": {"note": "x"}, "artifactType": "a/b"}
    document["annotations"] = {"whole": "y"}
    found = maker.compare(plain, maker.layout.add(oci.INDEX, json.dumps(document).encode()))
    assert found.verdict is Verdict.SAME_CONTENTS
    assert [one.field for one in found.differences] == [
        "annotations[whole]",
        "annotations[note]",
        "artifactType",
    ]


def test_no_byte_of_a_layer_can_differ_unseen(maker: Maker) -> None:
    """Each mutation is found, or the archive can't be read any more; nothing else is raised."""
    chance = random.Random(4)
    whole = tar(pax("usr/app", "comment", "x")(parts()))
    before = maker.image(whole)
    read = 0
    for _ in range(100):
        changed = bytearray(whole)
        place = chance.randrange(len(changed))
        changed[place] = (changed[place] + chance.randrange(1, 256)) % 256
        try:
            found = maker.compare(before, maker.image(bytes(changed)))
        except Refused:
            continue
        read += 1
        assert found.verdict is Verdict.DIFFERENT, place
        assert found.found, place
        render(found)
        json.dumps(found.as_json()).encode()
    assert read > 30


def test_what_is_missing_on_the_left_is_not_told_with_what_is_missing_on_the_right(
    maker: Maker,
) -> None:
    sides = [tar([entry(f"{side}{n:02}") for n in range(40)]) for side in ("a", "b")]
    told = render(maker.compare(*(maker.image(side) for side in sides)))
    assert re.search(r"/a00.*\n.*only in the left", told)
    assert re.search(r"/b00.*\n.*only in the right", told)
