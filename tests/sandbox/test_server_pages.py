"""Pages for people, and what the server refuses of everybody."""

from __future__ import annotations

import http.client
from html.parser import HTMLParser

import pytest
from tests.sandbox.server_world import World
from tests.sandbox.test_server_rest import a_run

HOSTILE = "<script>alert(1)</script>&\"'"


class _Reader(HTMLParser):
    """What elements a page has, and where its links lead."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.words = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attributes if name == "href" and value]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_runs_jobs_and_logs_are_pages_and_nothing_in_them_is_executed(pushed: World) -> None:
    run = a_run(pushed, title=HOSTILE)
    run.workflow.name = f"mill {HOSTILE}"
    job = pushed.hub.add_job(run, HOSTILE)
    assert job.log is not None
    job.log.write_text(f"\x1b[31mturned {HOSTILE}\x1b[0m")
    pushed.hub.update_job(run, job, "completed", "failure")
    pushed.push("main:refs/heads/x<b>y")
    seen, waiting = set(), ["/"]
    words = ""
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = pushed.ask("GET", path)
        assert answer.status == 200, path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        page = _Reader(answer.body)
        assert "script" not in page.tags
        assert "b" not in page.tags
        words += page.words
        waiting += page.links
    where = f"/acme/app/actions/runs/{run.id}"
    assert {"/", "/acme/app/actions", where, f"{where}/job/{job.id}"} <= seen
    assert f"turned {HOSTILE}" in words
    assert "x<b>y" in words


def test_a_run_s_page_has_its_annotations_and_its_summaries(pushed: World) -> None:
    run = a_run(pushed, title="turn")
    job = pushed.hub.add_job(run, "turn")
    assert job.log is not None
    job.annotations += [("warning", "Tidemill", f"held {HOSTILE}\nremedy: release")]
    table = f"| done |\n|---|\n| landed {HOSTILE} |\n\n<code>drop it</code>\n"
    summary = f"### Turn\n\n{table}\n[x](javascript:alert(1))\n"
    job.log.with_suffix(".md").write_text(summary)
    pushed.hub.update_job(run, job, "completed", "success")
    page = _Reader(pushed.ask("GET", f"/acme/app/actions/runs/{run.id}").body)
    assert "script" not in page.tags
    assert {"h3", "code"} <= set(page.tags)
    assert not [link for link in page.links if link.startswith("javascript")]
    assert f"held {HOSTILE}" in page.words
    assert f"landed {HOSTILE}" in page.words


def test_a_commit_has_a_page_which_summaries_link_to(pushed: World) -> None:
    sha = pushed.git("rev-parse", "main").strip()
    assert sha in _Reader(pushed.ask("GET", f"/acme/app/commit/{sha}").body).words
    assert pushed.ask("GET", f"/acme/app/commit/{'0' * 40}").status == 404


@pytest.mark.parametrize("path", ["/nothing", "/acme/nothing", "/acme/app/actions/runs/9",
                                  "/%2e%2e/x", "/_logs/run/1"])  # fmt: skip
def test_what_is_not_there_is_not_shown(pushed: World, path: str) -> None:
    assert pushed.ask("GET", path).status in (403, 404)


def test_deviations_are_on_the_front_page(pushed: World) -> None:
    pushed.call("GET", "/repos/acme/app/inventions")
    assert b"Deviations from GitHub" in pushed.ask("GET", "/").body
    pushed.forget("inventions")


def test_a_page_of_another_site_can_t_reach_it_by_a_name_of_its_own(pushed: World) -> None:
    address = pushed.hub.url.removeprefix("http://")
    for host, status in ((address, 200), ("evil.example", 421), ("github.localhost:1", 200)):
        connection = http.client.HTTPConnection(address, timeout=60)
        try:
            connection.request("GET", "/", headers={"Host": host})
            assert connection.getresponse().status == status
        finally:
            connection.close()


def test_one_connection_serves_many_requests_also_after_a_refusal(pushed: World) -> None:
    connection = http.client.HTTPConnection(pushed.hub.url.removeprefix("http://"), timeout=60)
    try:
        for path, status in (("/api/v3/repos/acme/app", 401), ("/", 200), ("/nothing", 404)):
            headers = {"User-Agent": "tests", "Authorization": "Bearer wrong"}
            method = "POST" if status == 401 else "GET"
            connection.request(method, path, body=b"x" * 1000, headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
    finally:
        connection.close()


def test_a_defect_of_its_own_is_told_and_noted(pushed: World) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a defect")

    pushed.hub.blobs.answer = fails  # type: ignore[method-assign, assignment]
    assert pushed.ask("GET", "/").status == 500
    pushed.forget("RuntimeError('a defect')")
