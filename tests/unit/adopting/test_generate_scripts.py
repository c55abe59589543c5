"""The scripts that write images into files: what they change, and what they leave alone."""

from __future__ import annotations

import pytest

from tidemill.adopting.files import generate_kustomize, generate_yaml

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
API, WEB = "ghcr.io/acme/api", "ghcr.io/acme/web"
TAG = "c" * 40
TEXTS = {
    "a tag": (f"image: {API}:v1\n", f"image: {API}@{A}\n"),
    "a digest": (f"image: {API}@{B}\n", f"image: {API}@{A}\n"),
    "a tag and a digest": (f"image: {API}:v1@{B}\n", f"image: {API}@{A}\n"),
    "nothing": (f"- image: {API}\n", f"- image: {API}@{A}\n"),
    "in quotes, with a comment": (
        f'image: "{API}:v1" # was {API}:v0\r\n',
        f'image: "{API}@{A}" # was {API}:v0\r\n',
    ),
    "as in JSON": (f'{{"image": "{API}"}}\n', f'{{"image": "{API}@{A}"}}\n'),
    "in a list of words": (f"args: [{API}:v1, x]\n", f"args: [{API}@{A}, x]\n"),
    "another's that begins or ends so": (
        f"image: {API}-x:v1\nimage: x.{API}:v1\nimage: {API}/x:v1\n",
        f"image: {API}-x:v1\nimage: x.{API}:v1\nimage: {API}/x:v1\n",
    ),
    "a comment": (f"# image: {API}:v1\n", f"# image: {API}:v1\n"),
    "a repository alone, that is no image": (f"repo: {API}\n", f"repo: {API}\n"),
    "a chart's values": (
        f"image:\n  repository: {API}\n  tag: v1 # old\nother:\n  tag: v1\n",
        f'image:\n  repository: {API}\n  tag: "{TAG}" # old\nother:\n  tag: v1\n',
    ),
    "a chart's values, the tag first, with a digest": (
        f'image:\n  digest: ""\n  tag: v1\n\n  repository: {API}\n',
        f'image:\n  digest: "{A}"\n  tag: "{TAG}"\n\n  repository: {API}\n',
    ),
    "a chart's values with a registry": (
        "image:\n  registry: ghcr.io\n  repository: acme/api\n  tag: v1\n",
        f'image:\n  registry: ghcr.io\n  repository: acme/api\n  tag: "{TAG}"\n',
    ),
    "a list of values": (
        f"- repository: {API}\n  tag: v1\n- repository: x\n  tag: v1\n",
        f'- repository: {API}\n  tag: "{TAG}"\n- repository: x\n  tag: v1\n',
    ),
    "no end of line": (f"image: {API}:v1", f"image: {API}@{A}"),
}


@pytest.mark.parametrize(("before", "after"), TEXTS.values(), ids=TEXTS)
def test_yaml_gets_the_images_of_the_wave_and_twice_is_once(before: str, after: str) -> None:
    images = {API: (TAG, A)}
    assert generate_yaml.with_images(before, images) == after
    assert generate_yaml.with_images(after, images) == after


OURS = f"- name: {API}\n  digest: {A}\n"
OTHERS = "  - name: redis # others\n    newTag: '8'\n"
OVERLAYS = {
    "none yet": ("resources:\n- a\n", f"resources:\n- a\nimages:\n{OURS}"),
    "an empty list": ("images: []\nx: 1\n", f"images:\n{OURS}x: 1\n"),
    "a tag": (f"images:\n- name: {API}\n  newTag: v1\n", f"images:\n{OURS}"),
    "a mirror of it": (
        f"images:\n- name: {API}\n  newName: mirror.test/api\n  newTag: v1\n",
        f"images:\n- name: {API}\n  newName: mirror.test/api\n  digest: {A}\n",
    ),
    "a name of its own": (
        f"images:\n- newName: {API}\n  name: api\n  newTag: v1\n",
        f"images:\n- name: api\n  newName: {API}\n  digest: {A}\n",
    ),
    "others stay, and how far lines are indented": (
        f"images: # x\n{OTHERS}  - name: {API}\n    newTag: v1\n\n# more\npatches: []\n",
        f"images: # x\n{OTHERS}  - name: {API}\n    digest: {A}\n\n# more\npatches: []\n",
    ),
    "lines that end as on Windows": (
        f"# a\u2028 b\r\nimages:\r\n- name: {API}\r\n  newTag: v1\r\nx: 1\r\n",
        f"# a\u2028 b\r\nimages:\r\n- name: {API}\r\n  digest: {A}\r\nx: 1\r\n",
    ),
    "no end of line": ("resources: [a]", f"resources: [a]\nimages:\n{OURS}"),
}


@pytest.mark.parametrize(("before", "after"), OVERLAYS.values(), ids=OVERLAYS)
def test_overlay_gets_the_images_of_the_wave_and_twice_is_once(before: str, after: str) -> None:
    assert generate_kustomize.with_images(before, {API: A}, "x") == after
    assert generate_kustomize.with_images(after, {API: A}, "x") == after


def test_overlay_in_another_notation_is_refused() -> None:
    with pytest.raises(SystemExit, match="as a list"):
        generate_kustomize.with_images("images: [{name: a}]\n", {API: A}, "x")


@pytest.mark.parametrize(
    ("text", "is_used"),
    [
        (f"image: {API}:v1", True),
        (f"image: {API}-more:v1", False),
        (f"image: x/{API}:v1", False),
        ("resources: [https://example.com/base?ref=v1]", True),
        ("helmCharts:\n- name: x", True),
        ("", False),
    ],
)
def test_overlay_gets_only_the_images_that_it_names(text: str, is_used: bool) -> None:
    assert generate_kustomize.used({API: A}, text) == ({API: A} if is_used else {})
    assert generate_kustomize.with_images("resources: []\n", {}, "x") == "resources: []\n"
