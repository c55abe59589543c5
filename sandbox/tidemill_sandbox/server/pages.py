"""Pages for people: repositories, runs, jobs, logs. Plain HTML, no scripts, everything escaped."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from markdown_it import MarkdownIt  # rich brings it

from tidemill.words.shas import short
from tidemill_sandbox.state import git_reading
from tidemill_sandbox.state.messages import Reply, Request, text
from tidemill_sandbox.state.shapes import Job, Repository, Run, Step

if TYPE_CHECKING:
    from tidemill_sandbox.state.hub import Hub

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem;
       color: #1f2328; background: #fff }
a { color: #0969da; text-decoration: none } a:hover { text-decoration: underline }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .35rem .6rem;
       border-bottom: 1px solid #d1d9e0; vertical-align: top }
pre { background: #f6f8fa; padding: 1rem; overflow-x: auto; font: 12px/1.45 monospace }
.success { color: #1a7f37 } .failure, .error { color: #cf222e } .warning { color: #9a6700 }
.cancelled, .skipped { color: #59636e }
small { color: #59636e }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #f0f6fc }
       a { color: #4493f8 } pre { background: #151b23 } td, th { border-color: #3d444d } }
"""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
_RUN = re.compile(r"/(?P<name>[^/]+/[^/]+)/actions/runs/(?P<run>\d+)(/job/(?P<job>\d+))?")
_COMMIT = re.compile(r"/(?P<name>[^/]+/[^/]+)/commit/(?P<sha>[0-9a-f]{40})")
_LOG = re.compile(r"/_logs/(?P<kind>run|job)/(?P<id>\d+)")
_MOST_LOG = 2 << 20  # bytes of a log on a page: its end
_MOST_ROWS = 200
_MOST_NAME = 90  # of a job or a step, in an archive of logs
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Pages:
    """Answers browsers, and the addresses of logs that the REST API signs."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def answer(self, request: Request) -> Reply:
        """A page."""
        if request.method not in ("GET", "HEAD"):
            return text(405, "this page can only be read\n")
        path = request.path.rstrip("/")
        if log := _LOG.fullmatch(path):
            if not self._hub.signer.is_valid(path, "GET", request.query):
                return text(403, "this address has expired\n")
            return self._log(log["kind"], int(log["id"]))
        if not path:
            return self._front()
        if found := _RUN.fullmatch(path):
            run = self._hub.run(int(found["run"]))
            if run is not None and run.repository.lower() == found["name"].lower():
                return self._run(run, int(found["job"]) if found["job"] else None)
            return text(404, "there is no such run\n")
        if found := _COMMIT.fullmatch(path):
            return self._commit(found["name"], found["sha"])
        repository = self._hub.repository(path[1:].removesuffix("/actions"))
        if repository is None:
            return text(404, "there is no such page\n")
        return self._repository(repository)

    def _front(self) -> Reply:
        rows = [
            [
                _link(f"/{one.name}/actions", one.name),
                escape(one.default_branch),
                "private" if one.is_private else "public",
            ]
            for one in self._hub.repositories.values()
        ]
        latest = list(reversed(self._hub.runs))[:20]
        body = [_table(("Repository", "Default branch", ""), rows), "<h2>Latest runs</h2>",
                self._runs(latest, with_repository=True)]  # fmt: skip
        if self._hub.deviations:
            listed = "".join(f"<li>{escape(what)}</li>" for what in list(self._hub.deviations))
            body.append(f"<h2 class=failure>Deviations from GitHub</h2><ul>{listed}</ul>")
        return _page("The stand-in for GitHub", "".join(body))

    def _repository(self, repository: Repository) -> Reply:
        heads = git_reading.refs(repository.path, "refs/heads/")
        branches = [
            [
                escape(ref.removeprefix("refs/heads/")),
                f"<code>{short(sha)}</code>",
                escape(git_reading.commit(repository.path, sha).message.partition("\n")[0]),
            ]
            for ref, (sha, _) in sorted(heads.items())
        ]
        runs = [run for run in reversed(list(self._hub.runs)) if run.repository == repository.name]
        clone = (
            f"<p><code>git clone {escape(self._hub.url)}/{escape(repository.name)}.git</code></p>"
        )
        return _page(
            repository.name,
            clone
            + _table(("Branch", "Commit", "Message"), branches)
            + "<h2>Runs</h2>"
            + self._runs(runs[:_MOST_ROWS]),
        )

    def _commit(self, name: str, sha: str) -> Reply:
        repository = self._hub.repository(name)
        if repository is None or not (told := git_reading.shown(repository.path, sha)):
            return text(404, "there is no such commit\n")
        body = f"<pre>{escape(told[:_MOST_LOG].decode(errors='replace'))}</pre>"
        return _page(f"{repository.name}: {short(sha)}", body)

    def _runs(self, runs: Iterable[Run], *, with_repository: bool = False) -> str:
        rows = []
        for run in runs:
            where = f"/{run.repository}/actions/runs/{run.id}"
            cells = [
                _link(where, f"{run.workflow.name} #{run.number}"),
                _state(run.status, run.conclusion),
                escape(run.event),
                f"{escape(run.head_branch or '')} <code>{escape(run.head_sha[:7])}</code>",
                escape(run.actor),
                _span(run.started_at or run.created_at, run.updated_at),
            ]
            rows.append([_link(f"/{run.repository}/actions", run.repository), *cells]
                        if with_repository else cells)  # fmt: skip
        heads = ("Run", "State", "Event", "Commit", "Actor", "Time")
        return _table(("Repository", *heads) if with_repository else heads, rows)

    def _run(self, run: Run, job_id: int | None) -> Reply:
        jobs = [job for job in list(run.jobs) if job_id in (None, job.id)]
        rows = [
            [
                _link(f"/{run.repository}/actions/runs/{run.id}/job/{job.id}", job.name),
                _state(job.status, job.conclusion),
                _span(job.started_at, job.completed_at),
            ]
            for job in jobs
        ]
        own = [found for found in list(self._hub.artifacts) if found.run_id == run.id]
        artifacts = _table(
            ("Artifact", "Bytes", "Digest"),
            [
                [escape(one.name), str(one.size), f"<code>{escape(one.digest)}</code>"]
                for one in own
            ],
        )
        logs = "".join(f"<h2>{escape(job.name)}</h2>{_shown(job.log)}" for job in jobs)
        whole = _shown(run.log) if job_id is None else ""
        return _page(
            f"{run.repository}: {run.workflow.name} #{run.number}",
            f"<p>{_link(f'/{run.repository}/actions', 'all runs')}: {escape(run.title)}, "
            f"{escape(run.event)}, {_state(run.status, run.conclusion)}</p>"
            + _table(("Job", "State", "Time"), rows)
            + _annotations(jobs)
            + "".join(_summary(job) for job in jobs)
            + (artifacts if own else "")
            + whole
            + logs,
        )

    def _log(self, kind: str, number: int) -> Reply:
        runs = list(self._hub.runs)
        if kind == "job":
            found = next((job for run in runs for job in run.jobs if job.id == number), None)
            if found is None or found.log is None or not found.log.is_file():
                return text(404, "there is no such log\n")
            return text(200, found.log.read_text(errors="replace"))
        run = next((run for run in runs if run.id == number), None)
        if run is None:
            return text(404, "there is no such log\n")
        return Reply(200, {"Content-Type": "application/zip"}, _zip(run.jobs))


def _zip(jobs: Iterable[Job]) -> bytes:
    """The logs of a run: a file for each job, and one in the job's folder for each of its steps."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, job in enumerate(list(jobs)):
            if job.log is not None and job.log.is_file():
                text = job.log.read_text(encoding="utf-8", errors="replace")
                name = _file_name(job.name, "/:")
                archive.writestr(f"{number}_{name}.txt", text)
                for step, part in _by_step(job, text):
                    archive.writestr(f"{name}/{step.number}_{_file_name(step.name)}.txt", part)
    return whole.getvalue()


def _file_name(name: str, gone: str = "") -> str:
    """A name as GitHub has it in the archive, where `gone` are left out."""
    kept = "".join(one for one in name if one not in gone)
    return re.sub(r"[^A-Za-z0-9 ._()-]", "_", kept)[:_MOST_NAME].strip()


def _by_step(job: Job, text: str) -> Iterator[tuple[Step, str]]:
    """The part of a job's log that is of each step: from its first line to that of the next one."""
    lines = text.splitlines(keepends=True)
    steps = list(job.steps)
    starts: list[int] = []
    for number, line in enumerate(lines):
        waited = steps[len(starts)] if len(starts) < len(steps) else None
        if waited and line.partition("Z ")[2].rstrip("\n") == f"##[group]{waited.name}":
            starts.append(number)
    for step, (start, end) in zip(steps, pairwise([*starts, len(lines)]), strict=False):
        yield step, "".join(lines[start:end])


def _shown(log: Path | None) -> str:
    if log is None or not log.is_file():
        return ""
    with log.open("rb") as file:
        size = log.stat().st_size
        file.seek(max(0, size - _MOST_LOG))
        words = file.read().decode(errors="replace")
    return f"<pre>{escape(_ANSI.sub('', words))}</pre>"


def _annotations(jobs: Iterable[Job]) -> str:
    """What steps put on the run's page, as they wrote it."""
    rows = [
        [
            f'<span class="{escape(kind)}">{escape(kind)}</span>',
            escape(job.name),
            f"<strong>{escape(title)}</strong><br>" * bool(title)
            + escape(words).replace("\n", "<br>"),
        ]
        for job in jobs
        for kind, title, words in list(job.annotations)
    ]
    return "<h2>Annotations</h2>" + _table(("", "Job", ""), rows) if rows else ""


def _summary(job: Job) -> str:
    written = job.log.with_suffix(".md") if job.log is not None else None
    if written is None or not written.is_file():
        return ""
    words = _MARKDOWN.render(written.read_text(errors="replace"))
    for tag in ("code", "/code"):  # the one element of HTML that our summaries have
        words = words.replace(f"&lt;{tag}&gt;", f"<{tag}>")
    return f"<h2>{escape(job.name)}: summary</h2><div class=summary>{words}</div>"


def _page(title: str, body: str) -> Reply:
    head = f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title>"
    top = f"<style>{_STYLE}</style><p><small>{_link('/', 'stand-in for GitHub')}</small></p>"
    return Reply(200, _HEADERS, f"{head}{top}<h1>{escape(title)}</h1>{body}\n".encode())


def _link(path: str, words: str) -> str:
    return f'<a href="{escape(quote(path))}">{escape(words)}</a>'


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _state(status: str, conclusion: str | None) -> str:
    word = conclusion or status
    return f'<span class="{escape(word)}">{escape(word.replace("_", " "))}</span>'


def _span(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return ""
    return f"<small>{start:%H:%M:%S}, {(end - start).total_seconds():.1f} s</small>"
