"""The stand-ins for third-party actions, run by act against the stand-in's server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.runner_world import NAME, Mill, ended, job, log, mill, node, printed

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"
APP_TOKEN = "actions/create-github-app-token@1b10c78c7865c340bc4f6099eb2f838309f1e8c3"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    node()
    with mill(tmp_path) as found:
        yield found


def test_a_checkout_is_the_commit_without_history_and_without_a_token(shop: Mill) -> None:
    shop.push()
    shop.push(
        a=f"""
        on: push
        permissions: {{contents: read}}
        jobs:
          shallow:
            runs-on: x
            steps:
              - uses: {CHECKOUT}
                with: {{persist-credentials: false}}
              - run: git rev-list --count HEAD; git status --short --branch; cat .git/config
          whole:
            runs-on: x
            steps:
              - {{uses: "{CHECKOUT}", with: {{fetch-depth: 0, filter: "tree:0"}}}}
              - run: git rev-list --count HEAD; git rev-parse HEAD; git ls-remote -q origin main
        """
    )
    run = shop.only_run()
    assert ended(run) == {"shallow": "success", "whole": "success"}
    shallow, whole = log(run, "shallow"), log(run, "whole").splitlines()
    assert "## main" in shallow
    assert "extraheader" not in shallow
    assert "1" in shallow.splitlines()
    assert "2" in whole
    assert f"{run.head_sha}\trefs/heads/main" in whole, "the token was kept for later steps"


def test_artifacts_go_from_job_to_job(shop: Mill) -> None:
    shop.push(
        a=f"""
        on: push
        jobs:
          make:
            strategy: {{matrix: {{n: [1, 2]}}}}
            runs-on: x
            steps:
              - run: mkdir -p out/deep; echo ${{{{ matrix.n }}}} > out/deep/${{{{ matrix.n }}}}.txt
              - uses: {UPLOAD}
                with: {{name: "${{{{ matrix.n }}}}-records", path: out, if-no-files-found: error}}
          take:
            needs: make
            runs-on: x
            steps:
              - uses: {DOWNLOAD}
                with: {{pattern: "*-records", path: in, merge-multiple: true}}
              - run: cat in/deep/1.txt in/deep/2.txt
              - {{uses: "{DOWNLOAD}", with: {{path: apart}}}}
              - run: test -f apart/1-records/deep/1.txt
        """
    )
    run = shop.only_run()
    assert run.conclusion == "success", log(run, "take")
    assert "1\n2" in log(run, "take")
    found = shop.rest("GET", f"/repos/{NAME}/actions/runs/{run.id}/artifacts")
    assert sorted(one["name"] for one in found["artifacts"]) == ["1-records", "2-records"]


@pytest.mark.parametrize(
    ("policy", "conclusion"), [("error", "failure"), ("warn", "success"), ("ignore", "success")]
)
def test_an_artifact_of_nothing_is_what_its_caller_says(
    shop: Mill, policy: str, conclusion: str
) -> None:
    shop.push(
        a=f"""
        on: push
        jobs:
          a:
            runs-on: x
            steps: [{{uses: "{UPLOAD}", with: {{path: none, if-no-files-found: {policy}}}}}]
        """
    )
    run = shop.only_run()
    assert run.conclusion == conclusion
    assert ("No files were found" in log(run, "a")) is (policy != "ignore")


def test_an_app_gets_a_narrow_token_that_ends_with_the_job(shop: Mill) -> None:
    app, key = shop.hub.register_app(
        "mill", "acme", {"contents": "write", "statuses": "write", "workflows": "write"}
    )
    shop.hub.install_app(app, "acme")
    shop.repository.secrets["KEY"] = key
    kept = shop.folder / "token"
    shop.push(
        b="on: push\njobs: {b: {runs-on: x, steps: [{run: ':'}]}}",
        a=f"""
        on: repository_dispatch
        permissions: {{}}
        jobs:
          a:
            runs-on: x
            steps:
              - id: app
                uses: {APP_TOKEN}
                with:
                  client-id: {app.client_id}
                  private-key: ${{{{ secrets.KEY }}}}
                  permission-contents: write
                  permission-deployments: ${{{{ false && 'write' || '' }}}}
              - uses: {CHECKOUT}
                with: {{token: "${{{{ steps.app.outputs.token }}}}"}}
              - shell: bash
                env: {{T: "${{{{ steps.app.outputs.token }}}}"}}
                run: |
                  git -c user.name=x -c user.email=x@y commit -q --allow-empty -m more
                  git push -q origin HEAD:main
                  curl -so /dev/null -w '%{{http_code}}\\n' -H "Authorization: Bearer $T" \\
                    -d '{{"state": "success"}}' \\
                    $GITHUB_API_URL/repos/$GITHUB_REPOSITORY/statuses/$GITHUB_SHA
                  echo "$T" >{kept}; echo "$T"
        """,
    )
    shop.dispatch()
    first, second, third = shop.settled()
    assert second.conclusion == "success", log(second, "a")
    lines = log(second, "a").splitlines()
    assert "403" in lines, "it has no statuses, though the App has"
    assert kept.read_text().strip() not in log(second, "a")
    assert shop.hub.tokens.who(kept.read_text().strip()) is None
    assert (first.event, third.event, third.actor) == ("push", "push", "mill[bot]")
    assert job(third, "b").conclusion == "success", "a push by an App starts runs"


@pytest.mark.parametrize("kind", ["upload", "download"])
def test_an_action_for_artifacts_sees_a_server_that_is_not_enterprises(
    tmp_path: Path, kind: str
) -> None:
    """What the real ones ask before they do anything (`isGhes` of @actions/artifact)."""
    action = tmp_path / "action"
    action.mkdir()
    (action / "action.yml").write_text("name: x\nruns: {using: node20, main: main.js}\n")
    (action / "main.js").write_text(
        "const url = new URL(process.env.GITHUB_SERVER_URL);\n"
        "console.log(JSON.stringify({ host: url.hostname }));\n"
    )
    actions: dict[str, Any] = {f"actions/{kind}-artifact": action, "actions/cache": action}
    with mill(tmp_path, actions=actions) as shop:
        shop.push(
            a=f"""
            on: push
            jobs:
              a: {{runs-on: x, steps: [{{uses: "actions/{kind}-artifact@v7"}}]}}
              b: {{runs-on: x, steps: [{{uses: "actions/cache@v5"}}]}}
            """
        )
        run = shop.only_run()
        assert printed(run, "a") == {"host": "github.localhost"}
        assert printed(run, "b") == {"host": "127.0.0.1"}
