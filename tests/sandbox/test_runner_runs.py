"""Runs of workflows through act: jobs, calls, tokens, folders, ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sandbox.runner_world import NAME, Mill, ended, job, log, mill, printed

from tidemill_sandbox.runner.workflow_files import yaml_of


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    with mill(tmp_path) as found:
        yield found


def test_a_job_gets_the_results_and_outputs_of_those_that_it_needs(shop: Mill) -> None:
    shop.push(
        a="""
        on: push
        jobs:
          first:
            runs-on: ubuntu-24.04
            outputs: {text: "${{ steps.s.outputs.text }}"}
            steps: [{id: s, run: "echo \\"text=it's }} '{\\" >> $GITHUB_OUTPUT"}]
          red: {runs-on: x, needs: first, steps: [{run: exit 3}]}
          second:
            needs: [first, red]
            if: always() && needs.red.result == 'failure'
            runs-on: ubuntu-24.04
            steps: [{run: 'echo "$N"', env: {N: "${{ toJSON(needs) }}"}, shell: bash}]
          never: {needs: red, runs-on: x, steps: [{run: ":"}]}
          nor: {needs: never, runs-on: x, steps: [{run: ":"}]}
        """
    )
    run = shop.only_run()
    assert run.conclusion == "failure"
    assert ended(run) == {"first": "success", "red": "failure", "second": "success",
                          "never": "skipped", "nor": "skipped"}  # fmt: skip
    assert '"text": "it\'s }} \'{"' in log(run, "second")
    assert log(run, "red").splitlines()[-1] == "##[error]Process completed with exit code 3"
    assert [step.conclusion for step in job(run, "red").steps] == ["failure"]


CALLEE = """
on:
  workflow_call:
    inputs: {who: {type: string}, many: {type: number, default: 2}}
    secrets: {key: {required: true}}
    outputs: {greeting: {value: "${{ jobs.two.outputs.greeting }}"}}
jobs:
  one:
    runs-on: x
    outputs: {n: "${{ inputs.many }}"}
    steps: [{run: ":"}]
  two:
    needs: one
    runs-on: x
    outputs: {greeting: "${{ needs.one.outputs.n }} for ${{ inputs.who }}"}
    steps:
      - run: echo "${#KEY} $GITHUB_WORKFLOW ${{ job.workflow_sha == github.sha }}"
        shell: bash
        env: {KEY: "${{ secrets.key }}"}
"""


def test_a_called_workflow_gets_inputs_and_secrets_and_gives_outputs(shop: Mill) -> None:
    shop.repository.secrets["LONG"] = 'a\nb"$HOME'
    shop.push(
        callee=CALLEE,
        a="""
        name: Caller
        on: push
        jobs:
          call:
            uses: ./.github/workflows/callee.yml
            with: {who: "${{ github.actor }}"}
            secrets: {key: "${{ secrets.LONG }}"}
          after:
            needs: call
            runs-on: x
            steps: [{run: "echo '<${{ needs.call.outputs.greeting }}>'"}]
        """,
    )
    run = shop.only_run()
    assert ended(run) == dict.fromkeys(["call / one", "call / two", "after"], "success")
    assert log(run, "call / two").splitlines()[-1] == "9 Caller true"
    assert log(run, "after").splitlines()[-1] == "<2 for ada>"


def test_a_matrix_that_a_job_makes_has_a_job_for_each_combination(shop: Mill) -> None:
    shop.push(
        a="""
        on: push
        jobs:
          plan:
            runs-on: x
            outputs: {all: "${{ steps.s.outputs.all }}"}
            steps:
              - id: s
                run: echo 'all=[{"n":1},{"n":2},{"n":3}]' >> $GITHUB_OUTPUT
          build:
            name: build ${{ matrix.n }}
            needs: plan
            strategy:
              fail-fast: false
              matrix: {include: "${{ fromJSON(needs.plan.outputs.all) }}"}
            runs-on: x
            steps: [{run: "test ${{ matrix.n }} != 2"}]
        """
    )
    run = shop.only_run()
    assert ended(run) == {"plan": "success", "build 1": "success", "build 2": "failure",
                          "build 3": "success"}  # fmt: skip


def test_each_job_has_a_folder_and_a_token_of_its_own_and_nothing_of_this_machine(
    shop: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_PASSWORD", "geheim")
    shop.repository.secrets["OTHER"] = "other"
    text = """
        on: push
        permissions: {contents: read}
        jobs:
          one: &job
            runs-on: x
            steps:
              - shell: bash
                env: {T: "${{ github.token }}", S: "${{ secrets.GITHUB_TOKEN }}", F: FILE}
                run: |
                  test "$T" = "$S"
                  test -z "$(ls -A)"
                  touch left-over
                  echo "$T" >>"$F"
                  env -u T -u S | sort
          two:
            <<: *job
            permissions: {statuses: write}
        """
    seen = shop.folder / "tokens"
    shop.push(a=text.replace("FILE", str(seen)))
    run = shop.only_run()
    assert ended(run) == {"one": "success", "two": "success"}
    tokens = seen.read_text().split()
    assert len(set(tokens)) == 2
    assert [shop.hub.tokens.who(token) for token in tokens] == [None, None], "revoked at the end"
    environment = dict(line.split("=", 1) for line in log(run, "one").splitlines() if "=" in line)
    assert environment["GITHUB_REPOSITORY"] == NAME
    assert environment["GITHUB_API_URL"] == shop.hub.api_url
    assert environment["GITHUB_SHA"] == run.head_sha
    assert environment["GITHUB_REF"] == "refs/heads/main"
    assert environment["GITHUB_RUN_ID"] == str(run.id)
    assert environment["GITHUB_ACTOR"] == "ada"
    assert not Path(environment["HOME"]).exists(), "gone with the job"
    leaked = {"MY_PASSWORD", "ACT", "ACTIONS_RUNTIME_TOKEN", "SHA_REF", "OTHER", "GITHUB_TOKEN"}
    assert not leaked & environment.keys()


def test_a_token_may_what_its_job_says_and_no_more(shop: Mill) -> None:
    shop.push(
        a="""
        on: push
        jobs:
          read:
            runs-on: x
            permissions: {contents: read}
            steps:
              - &ask
                shell: bash
                env: {T: "${{ github.token }}"}
                run: |
                  curl -so /dev/null -w '%{http_code}\\n' -H "Authorization: Bearer $T" \\
                    -d '{"state": "success"}' \\
                    $GITHUB_API_URL/repos/$GITHUB_REPOSITORY/statuses/$GITHUB_SHA
          write: {runs-on: x, permissions: {statuses: write}, steps: [*ask]}
        """
    )
    run = shop.only_run()
    assert log(run, "read").splitlines()[-1] == "403"
    assert log(run, "write").splitlines()[-1] == "201"


@pytest.mark.parametrize(
    ("a", "words"),
    [
        (
            "on: push\npermissions: {}\njobs: {c: {uses: ./.github/workflows/callee.yml}}",
            "'up' is requesting 'statuses: write', but is only allowed 'statuses: none'",
        ),
        ("on: push\njobs: {c: {uses: ./.github/workflows/b.yml}}", "workflow was not found"),
        ("on: push\njobs: {c: {uses: ./.github/workflows/a.yml}}", "not reusable"),
        ("on: push\njobs: {c: {needs: d, runs-on: x, steps: [{run: ':'}]}}", "unknown job 'd'"),
        ("on: push\njobs: {c: {needs: c, runs-on: x, steps: [{run: ':'}]}}", "depends on itself"),
        ("on: push\njobs: {c: {runs-on: x, steps: [{uses: a/b@v1}]}}", "Unable to resolve action"),
        ("on: push\njobs: [", "error in your yaml syntax"),
        (
            "on: push\npermissions: {statuses: write}\n"
            "jobs: {c: {uses: ./.github/workflows/callee.yml, env: {A: b}}}",
            "Unexpected value 'env' (c)",
        ),
        (
            "on: push\nconcurrency: {group: g, queue: max, cancel-in-progress: true}\n"
            "jobs: {c: {runs-on: x, steps: [{run: ':'}]}}",
            "`queue: max` and `cancel-in-progress: true` exclude each other",
        ),
    ],
)
def test_what_github_would_not_start_ends_as_startup_failure(
    shop: Mill, a: str, words: str
) -> None:
    up = "{permissions: {statuses: write}, runs-on: x, steps: [{run: ':'}]}"
    callee = f"on: workflow_call\njobs: {{up: {up}}}"
    shop.push(a=a, callee=callee)
    run = shop.only_run()
    assert run.conclusion == "startup_failure"
    assert run.jobs == []
    assert run.log is not None
    assert words in run.log.read_text()


SLOW = """
on: repository_dispatch
concurrency: CONCURRENCY
jobs:
  wait: {runs-on: x, steps: [{run: "touch STARTED.$GITHUB_RUN_ID; read -r _ < GATE"}]}
"""


@pytest.fixture
def gate(shop: Mill) -> Path:
    """A pipe that jobs wait for until a test writes to it."""
    path = shop.folder / "gate"
    os.mkfifo(path)
    return path


def slow(shop: Mill, gate: Path, concurrency: str) -> str:
    text = SLOW.replace("CONCURRENCY", concurrency).replace("GATE", str(gate))
    return text.replace("STARTED", str(shop.folder / "started"))


def begun(shop: Mill, count: int) -> None:
    """Wait until so many jobs are at the gate."""
    while len(list(shop.folder.glob("started.*"))) < count:
        threading.Event().wait(0.01)


def let_through(gate: Path, count: int) -> None:
    for _ in range(count):
        gate.write_text("go\n")


def test_of_runs_that_wait_in_a_group_only_the_last_goes_on(shop: Mill, gate: Path) -> None:
    shop.push(a=slow(shop, gate, "{group: 'g-${{ github.ref }}'}"))
    for _ in range(3):
        shop.dispatch()
        shop.hub.settle()
        if len(shop.hub.runs) == 1:
            begun(shop, 1)
    shop_waits(shop, 2)
    let_through(gate, 1)
    begun(shop, 2)
    let_through(gate, 1)
    assert [run.conclusion for run in shop.settled()] == ["success", "cancelled", "success"]


def shop_waits(shop: Mill, index: int) -> None:
    """Wait until a run has cancelled the one before it in its group."""
    while shop.hub.runs[index - 1].status != "completed":
        threading.Event().wait(0.01)


def test_a_cancelled_run_ends_with_all_that_it_started(shop: Mill, gate: Path) -> None:
    shop.push(a=slow(shop, gate, "g"))
    shop.dispatch()
    begun(shop, 1)
    (run,) = shop.hub.runs
    assert shop.hub.control["cancel"]({"run": run.id}) == {"ended": True}
    assert shop.only_run().conclusion == "cancelled"
    assert ended(run) == {"wait": "cancelled"}
    command = f"read -r _ < {gate}".encode()
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if command in content(p)]
    assert left == []


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_run_whose_machine_dies_has_failed(shop: Mill, gate: Path) -> None:
    shop.push(a=slow(shop, gate, "g"))
    shop.dispatch()
    begun(shop, 1)
    shop.hub.control["kill"]({"run": shop.hub.runs[0].id})
    assert shop.only_run().conclusion == "failure"


def test_an_action_of_a_repository_here_runs_at_its_ref(shop: Mill) -> None:
    folder = shop.clone.folder / "act"
    folder.mkdir()
    (folder / "action.yml").write_text("""
name: say
description: say
inputs: {text: {description: t, default: none}, other-one: {description: o, default: "2"}}
outputs: {said: {description: s, value: "${{ steps.s.outputs.said }}"}}
runs:
  using: composite
  steps:
    - id: s
      shell: bash
      env: {INPUT_TEXT: "${{ inputs.text }}"}
      run: |
        echo "said=$INPUT_TEXT" >>"$GITHUB_OUTPUT"
        env | grep -c ^INPUT_
        echo "# Said $INPUT_TEXT" >>"$GITHUB_STEP_SUMMARY"
        test -f "$GITHUB_ACTION_PATH/action.yml"
""")
    sha = shop.push()
    shop.push(
        a=f"""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - uses: $/act
                with: {{text: own}}
                id: own
              - uses: acme/shop/act@{sha}
                id: pinned
              - run: echo '<${{{{ steps.own.outputs.said }}}} ${{{{ steps.pinned.outputs.said }}}}>'
        """
    )
    run = shop.only_run()
    assert "<own none>" in log(run, "a")
    assert log(run, "a").splitlines().count("1") == 2, "no INPUT_ but the one that env gives"
    said = job(run, "a").log
    assert said is not None
    assert said.with_suffix(".md").read_text() == "# Said own\n# Said none\n"


def test_what_is_used_at_a_branch_is_as_the_branch_is_now(shop: Mill) -> None:
    action = shop.clone.folder / "act"
    action.mkdir()

    def pushed(word: str) -> None:
        say = f"name: x\nruns: {{using: composite, steps: [{{shell: bash, run: echo {word}}}]}}"
        (action / "action.yml").write_text(say)
        callee = f"on: workflow_call\njobs: {{c: {{runs-on: x, steps: [{{run: echo {word}}}]}}}}"
        shop.push(
            callee=callee,
            a="""
            on: repository_dispatch
            jobs:
              a: {runs-on: x, steps: [{uses: acme/shop/act@main}]}
              b: {uses: acme/shop/.github/workflows/callee.yml@main}
            """,
        )
        shop.dispatch()
        run = shop.settled()[-1]
        assert log(run, "a").splitlines()[-1] == word
        assert log(run, "b / c").splitlines()[-1] == word

    pushed("before")
    pushed("after")


def test_a_summary_is_kept_beside_the_log(shop: Mill) -> None:
    shop.push(
        a="""
        on: push
        jobs: {a: {runs-on: x, steps: [{run: 'echo "# Done" >> $GITHUB_STEP_SUMMARY'}]}}
        """
    )
    path = job(shop.only_run(), "a").log
    assert path is not None
    assert path.with_suffix(".md").read_text() == "# Done\n"


def test_jobs_of_one_group_run_one_after_the_other(shop: Mill) -> None:
    seen = shop.folder / "seen"
    one = f"""
            runs-on: x
            concurrency: {{group: "deploy-${{{{ github.ref }}}}", queue: max}}
            steps:
              - run: echo begin >>{seen}
              - run: echo end >>{seen}
"""
    shop.push(
        a=f"""
        on: push
        jobs:
          first: {one}
          second: {one}
          third: {one}
        """
    )
    assert shop.only_run().conclusion == "success"
    assert seen.read_text().split() == ["begin", "end"] * 3


def test_calls_go_through_several_files_with_what_each_passes_on(shop: Mill) -> None:
    shop.repository.secrets["MINE"] = "four"
    inner = """
        on: {workflow_call: {inputs: {n: {type: number}}, outputs: {m: {value: "${{ jobs.x.outputs.m }}"}}}}
        jobs:
          x:
            runs-on: x
            outputs: {m: "${{ inputs.n }}-${{ github.event_name }}"}
            steps: [{run: "test $L = 4", env: {L: "${{ secrets.MINE == 'four' && 4 || 0 }}"}}]
    """  # noqa: E501
    middle = """
        on: {workflow_call: {inputs: {n: {type: number}}, outputs: {m: {value: "${{ jobs.y.outputs.m }}"}}}}
        jobs:
          y:
            strategy: {matrix: {n: ["${{ inputs.n }}"]}}
            uses: $/.github/workflows/inner.yml
            with: {n: "${{ fromJSON(matrix.n) }}"}
            secrets: inherit
    """  # noqa: E501
    shop.push(
        inner=inner,
        middle=middle,
        a="""
        on: push
        jobs:
          red: {runs-on: x, steps: [{run: exit 1}]}
          z:
            needs: red
            if: failure()
            uses: ./.github/workflows/middle.yml
            with: {n: 7}
            secrets: inherit
          end:
            needs: z
            if: always()
            runs-on: x
            steps: [{run: "echo '<${{ needs.z.outputs.m }}>'"}]
        """,
    )
    run = shop.only_run()
    assert ended(run) == {"red": "failure", "z / y (7) / x": "success", "end": "success"}
    assert log(run, "end").splitlines()[-1] == "<7-push>"


def test_a_step_gets_each_character_of_a_workflow_file_as_it_is(shop: Mill) -> None:
    odd = "é 🙂 \x7f\x85\xa0\u2028\ufeff \\u0041 \t\"'"
    code = "import json, os; print(json.dumps({'odd': os.environ['ODD']}))"
    step = {"run": f'python3 -c "{code}"', "env": {"ODD": odd}}
    shop.push(a=yaml_of({"on": "push", "jobs": {"a": {"runs-on": "x", "steps": [step]}}}))
    assert printed(shop.only_run(), "a") == {"odd": odd}
