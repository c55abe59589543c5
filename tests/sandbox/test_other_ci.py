"""Another CI answers for the commits of auto, by the workflow that the documents have."""

from __future__ import annotations

import re
from pathlib import Path

from tests.sandbox.loop_world import announced, loop
from tests.sandbox.runner_world import ROOT, node

CHECK = 'make generate && test -z "$(git status --porcelain)" && make check'
SHOPS_OWN = 'test -z "$(grep -r broken images)"'
(CI,) = (
    block
    for block in re.findall(
        r"(?ms)^```yaml\n(.*?)^```$", (ROOT / "docs/adopt-github.md").read_text(encoding="utf-8")
    )
    if block.startswith("name: ci\n")
)


def test_the_documented_ci_answers_and_the_loop_goes_on(tmp_path: Path) -> None:
    node()
    with loop(tmp_path, check="other-ci", sets=("app", "batch")) as shop:
        settings = shop.mill.clone.folder / "tidemill.toml"
        settings.write_text(settings.read_text().replace("tidemill/check", "ci"))
        assert CHECK in CI
        shop.mill.push("CI", ci=CI.replace(CHECK, SHOPS_OWN))
        shop.settle()
        shop.announce(announced("app", 1))
        shop.announce(announced("batch", 1, broken=True))
        shop.rest()
        assert shop.position("lab", "app") == 1
        assert shop.position("lab", "batch") == 0
        assert sorted(how for [how] in shop.endings().values()) == ["evicted", "landed"]
        said = {(one.context, one.state) for one in shop.hub.statuses}
        assert said == {("ci", "success"), ("ci", "failure")}
        checks = [run for run in shop.hub.runs if run.workflow.name == "ci"]
        asked = [run for run in checks if run.event == "repository_dispatch"]
        assert asked, "its commits were asked for"
        assert all(run.jobs[-1].name == "answer" for run in checks)
