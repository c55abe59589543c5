"""What holds for every test: no configuration but the repository's own, one identity, one date."""

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.components.absence import IN_CI
from tests.world import GIT_CONFIG, SHARED, World

pytest_plugins = ["tests.components.fixtures"]

# A test must not see the user's Git, the repository it runs from, or the workflow it runs in.
FOREIGN = ("CI", "GIT_", "GITHUB_", "ACTIONS_", "RUNNER_", "INPUT_", "TIDEMILL_", "PYTHON")
OURS = ("TIDEMILL_COMPONENTS",)  # where `make components` keeps what it made

# They take a minute or more each, and start first, so that no worker is left with one at the end.
LONGEST = (
    "sandbox/test_runner_story.py",
    "sandbox/test_burst.py",
    "loop/test_long_run.py",
    "loop/test_unreadable_refs.py",
    "simulation/test_histories.py",
    "loop/test_concurrency.py",
    "loop/test_renaming.py",
    "sandbox/test_demo.py",
    "contract/test_recipes.py",
    "contract/test_jobs.py",
    "clients/test_engines_agree.py",
    "contract/test_tutorial.py",
    "sandbox/test_runner_of_small_means.py",
    "sandbox/test_approvers.py",
    "loop/test_verification.py",
    "commands/test_bin_run.py",
    "simulation/test_twins.py",
    "simulation/test_small_worlds.py",
    "simulation/test_rules_have_teeth.py",
)

UNIT = Path(__file__).with_name("unit")

ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "file:http",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05+00:00",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05+00:00",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    # A file: the variables that configure Git do not reach a server that Git starts by itself.
    "GIT_CONFIG_GLOBAL": str(GIT_CONFIG),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_EDITOR": "false",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
    "NO_COLOR": "1",
    "TZ": "UTC",
    "XDG_CONFIG_HOME": os.devnull,
}


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI"):
        os.environ[IN_CI] = "yes"
    for name in [name for name in os.environ if name.startswith(FOREIGN) and name not in OURS]:
        del os.environ[name]
    os.environ.update(ENVIRONMENT)
    sys.dont_write_bytecode = False  # thousands of processes would each compile what they run
    # Where `python3` is a script that looks for one, it takes longer than most of what it runs.
    if os.path.realpath(shutil.which("python3") or "") != os.path.realpath(sys.executable):
        os.environ["PATH"] = os.pathsep.join((f"{sys.base_prefix}/bin", os.environ["PATH"]))
    if not hasattr(config, "workerinput"):  # workers have it from whoever started them
        os.environ[SHARED] = tempfile.mkdtemp(prefix="tidemill-tests-")
    # A job in the background of a shell ignores SIGINT, and so would all that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(SHARED), ignore_errors=True)


@contextmanager
def process_as_it_was() -> Iterator[None]:
    """Whatever is done to this process does not outlive the block: tests share it."""
    environment, folder = dict(os.environ), Path.cwd()
    stop = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, stop)
        os.chdir(folder)
        for name in {*os.environ, *environment} - {"PYTEST_CURRENT_TEST"}:
            if name not in environment:
                del os.environ[name]
            elif os.environ.get(name) != environment[name]:
                os.environ[name] = environment[name]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    with process_as_it_was():
        yield


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a file of tests leaves to be collected is closed while there is room to do so.

    A later test may read what is nested too deeply: where the stack is full, connections that
    happen to be collected can't be closed, and that test would fail for them. Unit tests have none.
    """
    yield
    if not request.path.is_relative_to(UNIT):
        gc.collect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get("/".join(item.path.parts[-2:]), len(LONGEST)))


def pytest_collection_finish() -> None:
    """The thousands of tests stay to the end: nobody need look through them for what is left."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show of each repository that a failed test has in hand what is in it."""
    report = yield
    if report.failed and call.excinfo is not None:
        frames = [frame.frame.f_locals.values() for frame in call.excinfo.traceback]
        worlds = {id(one): one for values in frames for one in values if isinstance(one, World)}
        report.sections += [(f"state of {one.bare}", one.in_git()) for one in worlds.values()]
    return report
