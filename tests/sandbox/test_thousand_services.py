"""1,000 services: the job that plans them, of the real publish-images.yml."""

from __future__ import annotations

import re
from pathlib import Path

from tests.sandbox.runner_world import ROOT, log, mill, node

OURS = "tidemill/tidemill/"
SERVICE = '[[services]]\nname = "service-{0:04}"\nfile = "Dockerfile"\n'
SHOW = """
  show:
    needs: plan
    runs-on: x
    steps:
      - env: {M: "${{ needs.plan.outputs.matrix }}"}
        run: printf 'planned %s\\n' "$M" | tr -d '\\n'; echo
"""


def plan_alone() -> str:
    """The shipped workflow with its job `plan` alone, and one that shows what it says."""
    text = (ROOT / ".github/workflows/publish-images.yml").read_text(encoding="utf-8")
    text = text[: text.index("  build:\n    name: build")]
    text = re.sub(r"\$/(actions/[a-z-]+)", rf"{OURS}\1@" + "a" * 40, text)
    return text + SHOW


CALLER = """
on: push
permissions: {}
jobs:
  publish:
    permissions: {contents: read}
    uses: ./.github/workflows/plan.yml
    with: {cfg-repository: acme/cfg-app, max-jobs: 256}
"""


def test_a_thousand_services_are_put_into_256_jobs(tmp_path: Path) -> None:
    node()
    with mill(tmp_path) as shop:
        settings = 'images = "ghcr.io/acme/{service}"\n' + "".join(
            SERVICE.format(number) for number in range(1000)
        )
        (shop.clone.folder / "tidemill.toml").write_text(settings, encoding="utf-8")
        shop.push(images=CALLER, plan=plan_alone())
        run = shop.only_run()
        assert run.conclusion == "success", log(run, "publish / plan")
        said = log(run, "publish / show")
        planned = said[said.index("planned {") :]
        assert planned.count('"services":') == 256
        assert set(re.findall(r"service-\d{4}", planned)) == {
            f"service-{number:04}" for number in range(1000)
        }
