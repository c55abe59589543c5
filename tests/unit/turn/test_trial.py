"""Which service's digest arrives in which file, with images that are invented."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.unit.sets import images
from tests.unit.turn.checkouts import HEAD, Command, Files, MemorySource
from tests.unit.turn.states import image_bytes

from tidemill.facts.arrival import Arrival, invented
from tidemill.facts.image_files import DIGESTS, TAGS, ImageFiles, parse
from tidemill.facts.settings_file import parse as parse_settings
from tidemill.turn.trial import named_otherwise, tried

GENERATE = "make all"
APP, LIB = images(3), images(4, "lib")
OF_APP = {"web": "ghcr.io/acme/app"}


def toml(sets: tuple[str, ...] = ("app",), generate: bool = True, path: str = "{wave}") -> str:
    lines = ['[images]\npath = "images/{wave}/{set}"\nallow = ["ghcr.io/acme/*"]']
    lines += [f'[deployments]\npath = "{path}"'] if path else []
    lines += [f'[entrypoints]\ngenerate = "{GENERATE}"'] if generate else []
    lines += ['[checks]\ntimeout = "5m"', *(f'[[sets]]\nname = "{one}"' for one in sets)]
    lines += [f'[[waves]]\nname = "{one}"\ntargets = ["t"]' for one in ("lab", "shop")]
    return "\n".join(lines)


def generates(checkout: Files) -> None:
    """Write what is rendered of each wave: all that its image files say."""
    for wave in ("lab", "shop"):
        held = [
            data
            for path, data in sorted(checkout.files.items())
            if path.startswith(f"images/{wave}/") and path.endswith(DIGESTS)
        ]
        checkout.files[f"{wave}/all.yaml"] = b"".join(held)


def checkout(files: Mapping[str, bytes], command: Command = generates) -> Files:
    source = MemorySource({HEAD: files}, {GENERATE: command})
    return Files(source, files, HEAD)


def tried_on(
    files: Mapping[str, bytes] | None = None,
    text: str = "",
    sets: Mapping[str, ImageFiles] | None = None,
) -> tuple[list[Arrival], Files, list[str]]:
    """What arrives where there are files, and image files by `wave/set`."""
    held = dict(files or {})
    for place, one in (sets or {}).items():
        held |= image_bytes(one, f"images/{place}")
    there, said = checkout(held), list[str]()
    return [*tried(there, parse_settings(text or toml()), said.append)], there, said


def told(found: list[Arrival]) -> list[tuple[str, str, bool, dict[str, tuple[str, ...]]]]:
    return [(one.wave, one.image_set, one.is_invented, dict(one.services)) for one in found]


def test_images_are_invented_for_each_wave_that_has_none() -> None:
    found, there, said = tried_on(sets={"lab/app": APP})
    assert told(found) == [
        ("lab", "app", False, {"web": ("lab/all.yaml",)}),
        ("shop", "app", True, {"web": ("shop/all.yaml",)}),
    ]
    assert there.ran == [(GENERATE, 300.0)]
    assert said == ["generate, with invented digests"]
    written = parse({name: there.files[f"images/shop/app/{name}"] for name in (TAGS, DIGESTS)})
    assert written == invented("shop", OF_APP)
    assert [one.repositories for one in found] == [("ghcr.io/acme/app",)] * 2


def test_images_are_invented_of_the_set_s_own_services() -> None:
    found, _, _ = tried_on(sets={"lab/app": APP, "shop/lib": LIB}, text=toml(("app", "lib")))
    assert [(one.wave, one.image_set, one.is_invented) for one in found] == [
        ("lab", "app", False),
        ("lab", "lib", True),
        ("shop", "app", True),
        ("shop", "lib", False),
    ]
    assert [one.repositories for one in found] == [
        ("ghcr.io/acme/app",), ("ghcr.io/acme/lib",), ("ghcr.io/acme/app",), ("ghcr.io/acme/lib",)
    ]  # fmt: skip


def test_where_all_is_there_nothing_is_generated() -> None:
    files = {"lab/all.yaml": APP.digests["web"].encode()}
    found, there, said = tried_on(files, sets={"lab/app": APP, "shop/app": APP})
    assert told(found) == [
        ("lab", "app", False, {"web": ("lab/all.yaml",)}),
        ("shop", "app", False, {"web": ()}),
    ]
    assert (there.ran, said) == ([], [])


def test_without_generate_what_is_there_is_looked_at() -> None:
    found, there, said = tried_on(sets={"lab/app": APP}, text=toml(generate=False))
    assert [one.is_invented for one in found] == [False, True]
    assert (there.ran, said) == ([], [])


SAYS_APP = b"image: ghcr.io/acme/web:v1\n"


@pytest.mark.parametrize(
    ("files", "sets", "services"),
    [
        ({"lab/all.yaml": SAYS_APP}, ("app",), ["web"]),
        ({"base/all.yaml": SAYS_APP}, ("app",), ["web"]),
        ({"lab/all.yaml": SAYS_APP, "base/all.yaml": b"image: ghcr.io/acme/job:v1\n"}, ("app",),
         ["web"]),
        ({"lab/all.yaml": b"image: elsewhere.example.com/web:v1\n"}, ("app",), []),
        ({"lab/all.yaml": SAYS_APP}, ("app", "lib"), []),
        ({}, ("app",), []),
    ],
    ids=["in a wave", "in a base", "in a wave first", "not allowed", "two sets", "nothing"],
)  # fmt: skip
def test_services_are_guessed_where_no_wave_has_any(
    files: Mapping[str, bytes], sets: tuple[str, ...], services: list[str]
) -> None:
    found, there, _ = tried_on(files, toml(sets))
    assert [(one.wave, one.is_invented) for one in found] == (
        [("lab", True), ("shop", True)] if services else []
    )
    assert all([*one.services] == services for one in found)
    assert bool(there.ran) is bool(services)


def test_services_are_not_guessed_where_a_wave_has_some() -> None:
    found, _, _ = tried_on({"lab/all.yaml": SAYS_APP}, sets={"lab/app": APP})
    assert [one.repositories for one in found] == [("ghcr.io/acme/app",)] * 2


def test_image_files_of_nothing_tell_nothing() -> None:
    nothing = ImageFiles({}, {}, None, "", "")
    found, there, _ = tried_on(sets={"lab/app": nothing, "shop/app": nothing})
    assert found == []
    assert there.ran == []
    found, _, _ = tried_on({"lab/all.yaml": SAYS_APP}, sets={"lab/app": nothing})
    assert found == [], "what a wave has, if it is nothing, is known"


def test_image_from_elsewhere_and_tags_without_a_repository_are_named() -> None:
    files = {
        "lab/all.yaml": b"image: elsewhere.example.com/acme/app:v1\n",
        "lab/values.yaml": b"web:\n  repository: ghcr.io/acme/app\n  tag: v1\n",
        "shop/values.yaml": b"web:\n  tag: v1\n",
    }
    lab, shop = tried_on(files, toml(generate=False), {"lab/app": APP, "shop/app": APP})[0]
    assert lab.elsewhere == {"web": ("lab/all.yaml", "elsewhere.example.com/acme/app:v1")}
    assert (shop.elsewhere, lab.nameless) == ({}, ())
    assert [(one.file, one.keys, one.lines) for one in shop.nameless] == [
        ("shop/values.yaml", "web", ("repository: ghcr.io/acme/app",))
    ]


def test_without_a_path_no_file_is_a_wave_s() -> None:
    found, _, _ = tried_on({"lab/all.yaml": SAYS_APP}, toml(path=""), {"lab/app": APP})
    assert [dict(one.services) for one in found] == [{"web": ()}, {"web": ()}]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"lab/a.yaml": b"image: r.example.com/x:1"}, ("r.example.com/x",)),
        ({"base/a.yaml": b"image: r.example.com/x:1"}, ("r.example.com/x",)),
        (
            {"lab/a.yaml": b"image: r.example.com/x:1", "base/a.yaml": b"image: r.example.com/y:1"},
            ("r.example.com/x",),
        ),
        ({"lab/a.yaml": SAYS_APP}, ()),
    ],
    ids=["in a wave", "in a base", "in a wave first", "allowed"],
)
def test_repositories_that_are_not_allowed_are_named(
    files: Mapping[str, bytes], expected: tuple[str, ...]
) -> None:
    assert named_otherwise(checkout(files), parse_settings(toml())) == expected
