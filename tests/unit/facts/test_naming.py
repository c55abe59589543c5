"""What files name: references, digests and tags apart, other images, other repositories."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from tidemill.facts import image_files, settings_file
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.naming import (
    ImageIndex,
    Naming,
    OtherImage,
    SetUsage,
    files_id,
    look,
    named_twice,
    parsed,
)
from tidemill.words.references import canonical, running

SHA, OLD = "7d1043473d55bfa90e8530d35801d4e381bc69f0", "1" * 40
A, B, X = (f"sha256:{letter * 64}" for letter in "abe")
API, JOB = "ghcr.io/acme/api", "ghcr.io/acme/job"
FILE = "generated/lab/l1/all.yaml"


def of(services: Mapping[str, tuple[str, str]], sha: str = SHA) -> ImageFiles:
    """Image files: by service its repository and its digest."""
    tags = {name: f"{repository}:{sha}" for name, (repository, _) in services.items()}
    digests = {name: f"{repository}@{digest}" for name, (repository, digest) in services.items()}
    return image_files.from_maps(tags, digests, None)


ONE = of({"api": (API, A)})
TWO = of({"api": (API, A), "job": (JOB, B)})
MONO = of({"api": ("r.test/mono", A), "job": ("r.test/mono", B)})


def judged(
    files: Mapping[str, str | bytes],
    sets: Mapping[str, ImageFiles] | None = None,
    path: str = '"generated/{wave}/{target}"',
    targets: str = '["l1", "l2"]',
) -> dict[str, SetUsage]:
    """What `look` says of the wave lab; `path` is of the settings."""
    valid = settings_file.parse(
        f'[deployments]\npath = {path}\n[[waves]]\nname = "lab"\ntargets = {targets}\n'
        '[[waves]]\nname = "live"\ntargets = ["x"]\n'
    )

    def read(paths):  # type: ignore[no-untyped-def]
        for name, text in files.items():
            if any(name == one or name.startswith(f"{one}/") for one in paths):
                yield name, text if isinstance(text, bytes) else text.encode()

    return look(valid, "lab", valid.waves[0].targets, sets or {"app": ONE}, read)


def naming(text: str | bytes, files: ImageFiles = ONE) -> Naming | None:
    return judged({FILE: text}, {"app": files})["app"].naming


NAMED = {
    "digest": f"image: {API}@{A}",
    "tag": f"image: {API}:{SHA}",
    "both": f"image: {API}:{SHA}@{A}",
    "digest-with-another-tag": f"image: {API}:latest@{A}",
    "json": f'{{"image":"{API}@{A}","x":1}}',
    "argument": f"args: [--image={API}@{A}]",
    "scheme": f"image: docker://{API}@{A}",
    "mirror-by-digest": f"image: mirror.test/acme/api@{A}",
    "windows-line-ends": f"image: {API}@{A}\r\n",
    "not-utf-8": b"\xff\xfe\x00 image: " + f"{API}@{A}".encode() + b"\x80\n",
    "kustomize-digest": f"images:\n- name: api\n  newName: {API}\n  digest: {A}\n",
    "kustomize-tag": f"images:\n- name: {API}\n  newTag: {SHA}\n",
    "helm-digest": f"image:\n  repository: {API}\n  digest: {A}\n",
    "helm-tag": f"image:\n  repository: {API}\n  tag: '{SHA}'\n",
    "helm-tag-alone": f"global:\n  tag: {SHA}\n",
    "registry-apart": f"registry: ghcr.io\nrepository: acme/api\ntag: {SHA}\n",
    "right-after-a-colon": f"image:{API}@{A}",
    "tag-right-after-a-colon": f"image:{API}:{SHA}",
    "from-the-first-character-on": f"{API}@{A}",
    "before-a-comment": f"{API}@{A} # {API}:v0",
    "behind-a-quote-of-a-line-before": f'say: it"s\nimage: {API}@{A} # was {API}:v0\n',
    "behind-a-hash-in-a-string": f'"a #b": "{API}@{A}"',
    "beside-what-is-too-long-for-a-reference": f"image: {API}@{A}\nx: {API}:{'v' * 700}",
    "lone-tag-beside-words-that-look-like-an-image": f"name: api:v1\ntag: {SHA}",
    "old-one-in-a-comment": f"image: {API}@{A} # was {API}:v1\n# {API}:v0\n  // {API}:v0",
    "longer-name-beside-it": f"image: {API}@{A}\nother: {API}-extra:v1\nmore: {API}/x:v2",
    "no-tag-beside-it": f"image: {API}@{A}\nfor: {API}",
    "hash-in-a-string": f'{{"channel": "a #b", "image": "{API}@{A}"}}',
}


@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED.keys())
def test_image_is_named(text: str | bytes) -> None:
    assert naming(text) is None


NOTHING = {
    "empty": ("", None),
    "name-alone": (f"image: {API}", API),
    "comment": (f"# image: {API}@{A}", None),
    "longer-digest": (f"image: {API}@{A}0", f"{API}@{A}0"),
    "another-repository": ("image: r.test/acme/api:v1", "r.test/acme/api:v1"),
    "new-tag-in-another-repository": (f"image: r.test/acme/api:{SHA}", f"r.test/acme/api:{SHA}"),
    "label-beside-another-repository": (
        f"version: {SHA}\nimage: r.test/acme/api:v1",
        "r.test/acme/api:v1",
    ),
    "something-else": ('"image": "nginx:1.27"', "nginx:1.27"),
    "short-tag": (f"repository: {API}\ntag: {SHA[:12]}", None),
}


@pytest.mark.parametrize(("text", "names"), NOTHING.values(), ids=NOTHING.keys())
def test_no_image_is_named_and_what_is_named_is_said(text: str, names: str | None) -> None:
    found = OtherImage(file=FILE, names=names) if names else None
    assert naming(text) == Naming(absent=("api",), nothing=True, found=found)


OTHERS = {
    "tag": f"{API}:v1",
    "old-sha": f"{API}:{OLD}",
    "digest": f"{API}@{X}",
    "digest-of-another": f"{API}@{B}",
    "right-tag-of-a-wrong-digest": f"{API}:{SHA}@{X}",
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS.keys())
def test_another_image_of_a_repository_is_named(text: str) -> None:
    found = naming(f"a: {API}@{A}\nb: {text}\n", TWO)
    assert found is not None
    assert found.others == (OtherImage(file=FILE, names=text),)
    assert found.is_wrong
    assert not found.nothing
    assert f"{FILE} names {text}" in found.words


def test_service_that_no_file_mentions_is_absent() -> None:
    found = naming(f"image: {API}@{A}\nimage: r.test/old/job:v1", TWO)
    assert found == Naming(absent=("job",), found=OtherImage(file=FILE, names="r.test/old/job:v1"))
    assert not found.is_wrong
    assert found.words == f"no file names the images of job; {FILE} names r.test/old/job:v1"


def test_any_target_of_the_wave_may_name_it() -> None:
    files = {FILE: f"image: {API}@{A}", "generated/lab/l2/b.yaml": f"image: {JOB}@{B}"}
    app = judged(files, {"app": TWO})["app"]
    assert app == SetUsage(users=frozenset({"l1", "l2"}))


def test_only_the_target_that_names_another_is_misled() -> None:
    files = {FILE: f"image: {API}@{A}", "generated/lab/l2/b.yaml": f"image: {API}:v1"}
    app = judged(files)["app"]
    assert app.misled == {"l2"}
    assert app.users == {"l1", "l2"}, "it mentions the repository"
    assert app.is_named_by("l1")
    assert not app.is_named_by("l2")


@pytest.mark.parametrize("digest", [A, B])
def test_of_several_services_in_one_repository_any_image_will_do(digest: str) -> None:
    found = naming(f"image: r.test/mono@{digest}", MONO)
    assert found is not None
    assert not found.others


def test_sets_share_a_repository() -> None:
    sets = {"app": of({"api": ("r.test/mono", A)}), "web": of({"web": ("r.test/mono", B)}, OLD)}
    text = f"a: r.test/mono@{A}\nb: r.test/mono:{OLD}\n"
    assert [one.naming for one in judged({FILE: text}, sets).values()] == [None, None]
    found = judged({FILE: f"{text}c: r.test/mono@{X}"}, sets)
    assert all(one.naming and one.naming.others for one in found.values())


def test_target_uses_the_sets_that_its_files_mention() -> None:
    sets = {"app": ONE, "web": of({"job": (JOB, B)})}
    files = {FILE: f"image: {API}@{A}", "generated/lab/l2/b.yaml": f"image: {JOB}@{B}"}
    assert {name: set(one.users) for name, one in judged(files, sets).items()} == {
        "app": {"l1"},
        "web": {"l2"},
    }


def test_target_uses_the_set_only_if_its_own_places_mention_it() -> None:
    files = {"a/lab/x.yaml": f"image: {API}@{A}", "b/lab/x.yaml": f"image: {JOB}@{B}"}
    own = '["a/{wave}", "b/{wave}"]\n[[targets]]\nname = "l1"\npath = "a/{wave}"'
    found = judged(files, {"app": ONE}, path=own)
    assert found["app"].users == {"l1", "l2"}
    other = own.replace('path = "a/{wave}"', 'path = "b/{wave}"')
    assert judged(files, {"app": ONE}, path=other)["app"].users == {"l2"}


def test_tag_that_stands_alone_tells_a_set_only_where_it_is_a_commits() -> None:
    """`v1` may be the tag of anything."""
    sets = {"app": ONE, "web": of({"job": (JOB, B)}, OLD)}
    files = {FILE: f"tag: {SHA}", "generated/lab/l2/b.yaml": f"image: {JOB}@{B}"}
    assert judged(files, sets)["app"].users == {"l1"}
    sets["app"] = of({"api": (API, A)}, "v1")
    both = {FILE: f"tag: v1\nimage: {JOB}@{B}", "generated/lab/l2/b.yaml": f"image: {API}:v1"}
    assert judged(both, sets)["app"].users == {"l2"}


def test_where_no_file_tells_every_target_uses_every_set() -> None:
    found = judged({FILE: "replicas: 1"}, {"app": ONE, "web": TWO})
    assert all(one.users == {"l1", "l2"} for one in found.values())


def test_file_that_waves_share_is_a_template() -> None:
    path = '["base", "overlays/{wave}"]'
    base = {"base/api.yaml": f"image: {API}:latest"}
    overlay = {"overlays/lab/kustomization.yaml": f"images:\n- name: {API}\n  newTag: {SHA}"}
    assert judged({**base, **overlay}, path=path)["app"].naming is None
    nothing = judged(base, path=path)["app"].naming
    found = OtherImage(file="base/api.yaml", names=f"{API}:latest")
    assert nothing == Naming(absent=("api",), nothing=True, found=found)
    wrong = {"overlays/lab/patch.yaml": f"image: {API}:latest"}
    misled = judged({**base, **wrong}, path=path)["app"].naming
    assert misled is not None
    assert [one.file for one in misled.others] == ["overlays/lab/patch.yaml"]


def test_path_that_includes_the_image_files_names_everything() -> None:
    files: dict[str, str | bytes] = {
        "charts/app/values.yaml": f"image: {API}:v1",
        "images/lab/tags.json": image_files.render(TWO.tags),
        "images/lab/digests.json": image_files.render(TWO.digests),
    }
    found = judged(files, {"app": TWO}, path='["charts/app", "images/{wave}"]')
    assert found["app"] == SetUsage(users=frozenset({"l1", "l2"}))


def test_without_a_path_nothing_is_judged() -> None:
    assert judged({FILE: f"{API}:v1"}, path="[]")["app"] == SetUsage(users=frozenset({"l1", "l2"}))


@pytest.mark.parametrize("rest", ["", f"image: {JOB}@{B}"], ids=["nothing", "one"])
def test_service_that_no_file_mentions_is_named_beside_another_image(rest: str) -> None:
    sets = of({"api": (API, A), "job": (JOB, B), "db": ("r.test/db", X)})
    found = naming(f"image: {API}:old\n{rest}", sets)
    assert found is not None
    absent = "db" if rest else "db, job"
    assert found.words == (
        f"files name another image: {FILE} names {API}:old; no file names the images of {absent}"
    )


def test_image_files_that_can_not_be_read_name_nothing_to_look_for() -> None:
    broken = ImageFiles({}, {}, None, "x", "")
    assert judged({FILE: "x: y"}, {"app": broken})["app"].naming is None


def test_only_some_of_many_absent_services_are_listed() -> None:
    many = of({f"s{number}": (f"r.test/s{number:03}", A) for number in range(30)})
    found = naming("", many)
    assert found is not None
    assert (len(found.absent), found.more) == (20, 10)
    assert "and 10 more" in found.words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("redis", "docker.io/library/redis"),
        ("acme/api", "index.docker.io/acme/api"),
        ("docker.io/redis", "library/redis"),
        ("localhost/api", "localhost/api"),
        ("reg:5000/api", "reg:5000/api"),
    ],
)
def test_repository_has_one_canonical_name(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


def test_names_of_docker_hub_are_the_same_repository() -> None:
    hub = of({"api": ("docker.io/acme/api", A)})
    assert naming(f"image: acme/api:{SHA}", hub) is None
    assert naming("image: acme/api:v1", hub) == Naming(
        nothing=True, others=(OtherImage(file=FILE, names="acme/api:v1"),)
    )
    library = of({"api": ("docker.io/library/api", A)}, "v1")
    assert naming("images: [{name: api, newTag: v1}]", library) is None


@pytest.mark.parametrize(
    "text", [b'"\\"', b" #", b'"a" #', b"a:", b'image: "', b"\n#", b"sha256:", b"a/:", b'" ']
)
def test_time_grows_with_the_size_of_a_file(text: bytes) -> None:
    def took(data: bytes) -> float:
        begun = time.process_time()
        naming(data)
        return time.process_time() - begun

    small, large = (min(took(text * size) for _ in range(3)) for size in (10_000, 160_000))
    assert large < 100 * max(small, 0.001)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":1.0", None),
        (f":1.0@sha256:{'a' * 64}", None),
        ("", None),
        ("web", None),
        ("web:", None),
        ("localhost:5000/web", None),
        ("localhost:5000/web:1", ("localhost:5000/web", "1", None)),
        ("ghcr.io/acme/web@sha256:" + "a" * 64, ("ghcr.io/acme/web", None, "sha256:" + "a" * 64)),
        (
            "ghcr.io/acme/web:1@sha256:" + "a" * 64,
            ("ghcr.io/acme/web", "1", "sha256:" + "a" * 64),
        ),
        ("ghcr.io/acme/web@sha256:x", None),
    ],
)
def test_reference_has_a_repository_and_a_tag_or_a_digest(
    text: str, expected: tuple[str, str | None, str | None] | None
) -> None:
    found = parsed(text)
    told = found and (found.repository, found.tag, found.digest)
    assert told == expected


@pytest.mark.parametrize(
    ("image", "is_allowed"),
    [
        ("ghcr.io/acme/web:1", True),
        ("ghcr.io/acme/web:2", False),
        ("ghcr.io/acme/web:1@sha256:" + "b" * 64, False),
        ("ghcr.io/acme/web@sha256:" + "a" * 64, True),
        ("ghcr.io/acme/other:2", True),
    ],
)
def test_image_of_a_repository_of_the_set_is_one_that_a_set_has(
    image: str, *, is_allowed: bool
) -> None:
    name = "ghcr.io/acme/web"
    files = image_files.from_maps({"web": f"{name}:1"}, {"web": f"{name}@sha256:{'a' * 64}"}, None)
    assert ImageIndex({"app": files}).allows(running(image), of="app") is is_allowed


def test_what_was_looked_at_has_a_name_of_forty_digits_that_follows_from_it() -> None:
    one = files_id({"lab-1": "tree"}, {})
    assert len(one) == 40
    assert one == files_id({"lab-1": "tree"}, {})
    assert one != files_id({"lab-1": "other"}, {})
    assert one != files_id({"lab-2": "tree"}, {})
    assert (
        one
        != files_id({"lab-1": "tree"}, {"app": ONE})
        != files_id({"lab-1": "tree"}, {"web": ONE})
    )
    assert files_id({}, {"app": ONE}) != files_id({}, {"app": TWO})


def test_services_that_several_sets_of_a_wave_name_are_named_with_these() -> None:
    sets = {"web": of({"job": (JOB, B)}), "app": TWO}
    assert named_twice(sets) == [("job", ("app", "web"))]


def test_tag_that_is_no_commits_is_of_the_repository_that_is_named_beside_it() -> None:
    files = of({"api": (API, A)}, "v1")
    assert naming(f"repository: {API}\ntag: v1", files) is None
    assert naming("repository: r.test/other\ntag: v1", files) is not None


def test_of_tag_and_digest_the_digest_says_which_service_is_named() -> None:
    found = naming(f"image: r.test/mono:{SHA}@{B}", MONO)
    assert found == Naming(absent=("api",))


def test_of_several_other_repositories_the_first_by_name_is_told() -> None:
    found = naming("b: r.test/b/api:v1\na: r.test/a/api:v1")
    assert found is not None
    assert found.found == OtherImage(file=FILE, names="r.test/a/api:v1")


def test_set_that_no_file_mentions_beside_one_that_is_has_no_users() -> None:
    sets = {"app": ONE, "web": of({"job": (JOB, B)}, OLD)}
    found = judged({FILE: f"tag: {SHA}\nimage: {API}@{A}"}, sets)
    assert found["app"].users == {"l1"}
    assert found["web"].users == frozenset()
    assert found["web"].naming == Naming(
        absent=("job",), nothing=True, found=OtherImage(file=FILE, names=f"{API}@{A}")
    )


def test_wave_without_targets_lacks_nothing() -> None:
    assert judged({}, targets="[]")["app"].naming is None


@pytest.mark.parametrize("name", ["web", "shop-web"])
def test_other_repository_may_be_called_as_the_service_or_as_its_own(name: str) -> None:
    files = of({"web": ("ghcr.io/acme/shop-web", A)})
    found = naming(f"sidecar: r.test/old/{name}:v1\nimage: redis:7", files)
    assert found is not None
    assert found.found == OtherImage(file=FILE, names=f"r.test/old/{name}:v1")
