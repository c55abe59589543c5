"""Entry points and checks that look for the token of the very job that they run in."""

from __future__ import annotations

from pathlib import Path

from tests.clients.own_user import own_user as own_user  # noqa: PLC0414 - it is a fixture
from tests.sandbox.loop_world import GENERATE, Loop, announced, loop
from tests.sandbox.runner_world import ended, log, shared_tools

# In each process that can be seen, in what Git was told, and in all files of the runner.
LOOK = """\
#!/bin/sh
export LC_ALL=C  # grep reads thousands of files, byte by byte
token='ghs_[A-Za-z0-9_]{{20}}|authorization: (basic|bearer) '
for place in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do
  if tr '\\0' '\\n' <"$place" | grep -qaiE "$token"; then echo "token in $place"; fi
done >found 2>/dev/null
grep -rlaiE "$token" . "$HOME" {runs} {tools} --exclude=found >>found 2>/dev/null
git config --list 2>/dev/null | grep -iE "$token" >>found
if [ -s found ]; then head -n 3 found; rm found; exit 1; fi
rm found
"""


def look(shop: Loop) -> None:
    """Both commands of the repository look first, from now on."""
    folder = shop.mill.clone.folder
    places = {"runs": shop.mill.folder / "runs", "tools": shared_tools()}
    (folder / "look.sh").write_text(LOOK.format(**places))
    (folder / "generate.sh").write_text(f"sh look.sh || exit 1\n{GENERATE}")
    settings = (folder / "tidemill.toml").read_text()
    assert 'check = "! grep -rq broken images"' in settings
    (folder / "tidemill.toml").write_text(
        settings.replace('"! grep -rq broken images"', '"sh look.sh"')
    )
    shop.mill.push("Look for the token")
    shop.settle()
    shop.announce(announced("app", 1))
    shop.settle()


def test_in_the_one_job_neither_entry_points_nor_checks_find_its_token(
    own_user: None, tmp_path: Path
) -> None:
    with loop(tmp_path) as shop:
        look(shop)
        run = next(run for run in shop.hub.runs if run.title == "images-announced")
        said = log(run, "gitops / turn")
        assert ended(run) == {
            "gitops / turn": "success", "gitops / check": "skipped", "gitops / settle": "skipped",
            "gitops / review": "skipped", "gitops / rejected": "skipped",
        }, said  # fmt: skip
        assert shop.position("lab", "app") == 1, said


def test_as_the_same_user_they_would_have_found_it(tmp_path: Path) -> None:
    """So that the test above can fail."""
    with loop(tmp_path, check="own-job, entrypoints: same-user") as shop:
        look(shop)
        assert shop.position("lab", "app") == 0
        run = next(run for run in shop.hub.runs if run.title == "images-announced")
        assert "token in /proc/" in log(run, "gitops / turn")
