"""`tidemill.toml` of app.git: typed once, and wrong in one clear way."""

from datetime import timedelta

import pytest

from tidemill.building.settings import parse
from tidemill.errors import Refused, SettingsInvalid
from tidemill.images.oci import Platform
from tidemill.images.recipe import Recipe, Times

GOOD = """\
images = "ghcr.io/acme/{service}"

[compile]
command = "make 'all of it'"
time_limit = "90s"

[[services]]
name = "Gateway"
files = [{ from = "bin/gateway", to = "/gateway", mode = "0755" }]
entrypoint = ["/gateway"]

[[services]]
name = "reporter"
set = "batch"
files = [{ from = "bin/reporter", to = "/reporter" }]
"""


def test_everything_has_a_type_and_a_default() -> None:
    settings = parse(GOOD)
    gateway, reporter = settings.services
    assert (settings.branch, gateway.set, reporter.set) == ("main", "app", "batch")
    assert (gateway.base, gateway.platforms) == (None, ("linux/amd64",))
    assert (gateway.files[0].source, gateway.files[0].path) == ("bin/gateway", "gateway")
    assert settings.compile is not None
    assert settings.compile.words == ["make", "all of it"]
    assert settings.compile.limit == timedelta(seconds=90)
    assert settings.in_set("batch") == ("reporter",)


@pytest.mark.parametrize("text", ["2026-05-01T02:00:00+02:00", '"2026-05-01T00:00:00Z"'])
def test_what_images_say_of_times_is_a_setting(text: str) -> None:
    assert parse(GOOD).times == Times()
    settings = parse(f'created = {text}\ncontent_times = ["/srv/www"]\n{GOOD}')
    assert settings.times == Times("2026-05-01T00:00:00Z", ("/srv/www",))


def test_a_repository_has_no_capitals() -> None:
    assert parse(GOOD).repository("Gateway") == "ghcr.io/acme/gateway"


def test_services_are_picked_in_the_order_of_the_file() -> None:
    settings = parse(GOOD)
    assert settings.picked(()) == settings.services
    assert settings.picked(("reporter", "Gateway")) == settings.services
    assert settings.picked(("reporter",)) == settings.services[1:]


def test_a_service_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(Refused, match="no service 'shop'") as refused:
        parse(GOOD).picked(("shop",))
    assert refused.value.remedy == "name some of: Gateway, reporter"


BAD = [
    ("images =", "imgs =", "unknown field", 1),
    ("{service}", "shop", "would both be pushed to ghcr.io/acme/shop", None),
    ("ghcr.io/acme/", "ghcr.io/Acme/", "not an image repository", None),
    ("command =", "cmd =", "unknown field `cmd`", 4),
    ("make 'all of it'", "make 'all", "No closing quotation", 3),
    ("make 'all of it'", "", "the command is empty", 3),
    ("make 'all of it'", "make a && b", "no shell reads the command, so && would be", 3),
    ("make 'all of it'", "A=1 make", "no shell reads the command, so A=1 would be the program", 3),
    ("90s", "soon", "'soon' is not a duration", 3),
    ("90s", "0m", "the time limit is 0", 3),
    ('"90s"', '"9s"\nenvironment = ["A=B"]', "not the name of an environment variable", 3),
    ('"90s"', "90", "Expected `str`, got `int`", 5),
    ('"Gateway"', '"../x"', "not a valid name of a service", 7),
    ('"batch"', '"a.lock"', "not a valid name of a set", 12),
    ('"reporter"', '"gateway"', "would both be pushed", None),
    ('from = "bin/gateway"', 'from = "../gateway"', "leads out of the build context", 9),
    ('to = "/gateway"', 'to = "gateway"', "not a path in the image", 9),
    ("0755", "0777", "Invalid enum value '0777'", 9),
    ("entrypoint", 'base = "alpine"\nentrypoint', "not given by digest", 7),
    ("entrypoint =", "entry =", "unknown field `entry`", 10),
    ('[[services]]\nname = "r', '[services]\nname = "r', "at line 12", None),
    ("[compile]", 'content_times = ["www"]\n[compile]', "'www' is not a path in the image", None),
    ("[compile]", 'content_times = ["/a/../b"]\n[compile]', "is not a path in the image", None),
    ("[compile]", 'created = "today"\n[compile]', "Invalid RFC3339", 3),
    ("[compile]", "created = 2026-01-01\n[compile]", "datetime", 3),
    ("[[services]]", "[[service]]", "unknown field `service`", 7),
]


@pytest.mark.parametrize(("old", "new", "reason", "line"), BAD, ids=[row[1][:30] for row in BAD])
def test_wrong_settings_are_one_error_that_names_the_line(
    old: str, new: str, reason: str, line: int | None
) -> None:
    assert old in GOOD
    with pytest.raises(SettingsInvalid) as refused:
        parse(GOOD.replace(old, new))
    assert reason in refused.value.what
    assert refused.value.what.startswith(
        f"tidemill.toml of app.git, line {line}: " if line else "tidemill.toml of app.git"
    )


@pytest.mark.parametrize("branch", ["", "a..b", "-x", "a b", "x.lock"])
def test_a_branch_that_git_refuses_is_refused(branch: str) -> None:
    with pytest.raises(SettingsInvalid, match="name of a branch"):
        parse(f'branch = "{branch}"\n{GOOD}')


def test_no_services_at_all_is_an_error() -> None:
    with pytest.raises(SettingsInvalid, match=r"at least one \[\[services\]\]"):
        parse('images = "x/{service}"\nservices = []')


DOCKERFILES = """\
images = "ghcr.io/acme/{service}"
engine = "buildkit"

[base]
file = "docker/Dockerfile.base"
context = "bin"

[[services]]
name = "gateway"
file = "docker/Dockerfile"
build_args = { SERVICE = "gateway" }
platforms = ["linux/amd64", "linux/arm64/v8"]
labels = { team = "edge" }

[[services]]
name = "worker"
files = [{ from = "bin/{os}/{arch}{variant}/worker", to = "/worker" }]
"""


def test_a_service_is_a_dockerfile_or_a_recipe() -> None:
    settings = parse(DOCKERFILES)
    gateway, worker = settings.services
    assert (gateway.file, gateway.context, gateway.build_args) == (
        "docker/Dockerfile",
        None,
        {"SERVICE": "gateway"},
    )
    assert worker.file is None
    assert worker.recipe({"a": "b"}) == Recipe(files=worker.files, labels={"a": "b"})
    assert worker.files[0].source_for(Platform.parse("linux/arm/v7")) == "bin/linux/armv7/worker"
    assert settings.base is not None
    assert settings.base.build_arg == "BASE_IMAGE"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('file = "docker/Dockerfile"\n', "", "build_args has no meaning for a service with no"),
        (
            'file = "docker/Dockerfile"\n',
            'file = "Dockerfile"\nuser = "1"\n',
            "user has no meaning for a service with a Dockerfile",
        ),
        ('"docker/Dockerfile"', '"../Dockerfile"', "leads out of the checkout"),
        ('"docker/Dockerfile.base"', '"/etc/Dockerfile"', "leads out of the checkout"),
        ('context = "bin"', 'context = ""', "leads out of the checkout"),
        (
            '{ SERVICE = "gateway" }',
            '{}\nbuild_contexts.x = "a/../../b"',
            "leads out of the checkout",
        ),
        ('context = "bin"', 'build_arg = "A B"', "not the name of a build argument"),
        ('"linux/arm64/v8"', '"linux"', "not a platform"),
        ('["linux/amd64", "linux/arm64/v8"]', "[]", "platforms is empty"),
        ('"buildkit"', '"docker"', "Invalid enum value 'docker'"),
        ('engine = "buildkit"', 'compile = { command = "make", caches = ["A-B"] }', "variable"),
    ],
    ids=lambda text: text[:24],
)
def test_a_service_that_can_not_be_built_so_is_refused(old: str, new: str, reason: str) -> None:
    assert old in DOCKERFILES
    with pytest.raises(SettingsInvalid, match=reason):
        parse(DOCKERFILES.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("images =", '"x\\n::error::forged" = 1\nimages ='),
        ('from = "bin/gateway"', 'from = "bin\\n::error::forged"'),
        ('to = "/gateway"', 'to = "/x\\u001b[2J"'),
    ],
)
def test_what_settings_say_stays_on_one_printable_line(old: str, new: str) -> None:
    """It is printed in the log of a workflow, where a line of its own could be a command."""
    assert old in GOOD
    with pytest.raises(SettingsInvalid) as refused:
        parse(GOOD.replace(old, new))
    assert refused.value.what.isprintable()


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ("command =", "comand =", "did you mean command? the keys there are command, "),
        ("0755", "0775", "it takes 0644, 0755)"),
        ("[[services]]", "[[service]]", "did you mean services? "),
    ],
    ids=["key", "value", "table"],
)
def test_what_is_nearly_right_is_named(old: str, new: str, meant: str) -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        parse(GOOD.replace(old, new))
    assert meant in invalid.value.what


def test_the_settings_of_cfg_app_are_told_from_those_of_app() -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        parse('[[waves]]\nname = "lab"\ntargets = []\n')
    assert "tidemill.toml of app.git" in invalid.value.what
    assert "it is cfg-app.git's, with [[waves]]" in invalid.value.what
    assert "in a checkout of app.git" in invalid.value.remedy
