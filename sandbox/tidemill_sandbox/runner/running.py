"""A run of a workflow: its jobs, each a process of act with a token and a folder of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from tidemill_sandbox.runner import answers as asking
from tidemill_sandbox.runner import chain, matrices, run_files
from tidemill_sandbox.runner.answers import RUNS, SKIPPED, Answers
from tidemill_sandbox.runner.chain import File, Level, Result
from tidemill_sandbox.runner.groups import Entry, Groups, Wish
from tidemill_sandbox.runner.reviews import Activity, Reviewed
from tidemill_sandbox.runner.rewriting import has_expression
from tidemill_sandbox.runner.run_files import Tree
from tidemill_sandbox.runner.workflow_files import InvalidWorkflow
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Job, Run

Ending = Literal["cancelled", "failure"]
_SKIPPED = Result("skipped")
_ANSWERS = Answers()  # of all runs


class Hands(Protocol):
    """What carries jobs out; `Workshop` does, with act."""

    def ask(
        self, make: Callable[[Mapping[str, str]], list[dict[str, Any]]], texts: Mapping[str, str]
    ) -> tuple[dict[str, str], Result | None]:
        """Have act evaluate texts, by name; with the report on the job that was asked in."""

    def do(self, job: Job, levels: Sequence[Level], granted: Mapping[str, Any]) -> Result:
        """Run a job with steps."""

    def kill(self) -> None:
        """End all that runs, and start nothing more."""


@dataclass(frozen=True)
class Waiting:
    """What runs wait for: their concurrency groups, and a slot among those that work at once.

    `notice` is called when one begins to wait for reviewers, and when it goes on.
    """

    groups: Groups
    slots: threading.Semaphore
    notice: Callable[[], None]


@dataclass(frozen=True)
class _Frame:
    """Where a file's jobs are run: the calls above it, and how its jobs ended so far.

    `anew` are those that ran in this attempt; where `may_keep`, others are as they were before.
    """

    above: tuple[Level, ...]
    tree: Tree
    prefix: str
    results: dict[str, Result]
    may_keep: bool = True
    anew: set[str] = field(default_factory=set)

    def levels(self, job: str, matrix: Mapping[str, Any] | None = None) -> tuple[Level, ...]:
        return (*self.above, Level(self.tree.file, job, dict(self.results), matrix))


class Running:
    """A run on its way.

    Args:
        hands: what carries jobs out.
        tree: the run's files, judged.
    """

    def __init__(self, hub: Hub, run: Run, tree: Tree, hands: Hands, waiting: Waiting) -> None:
        self._hub, self._run, self._tree = hub, run, tree
        self._hands, self._groups, self._slots = hands, waiting.groups, waiting.slots
        self._activity = Activity(self._rests_or_goes_on)
        self._reviewed = Reviewed(hub, run, self._activity)
        self._notice = waiting.notice
        self._ending: Ending | None = None
        self._entries: set[Entry] = set()
        self._lock = threading.Lock()

    def go(self, number: int, begun: Callable[[], None]) -> str:
        """Run to the end; returns the conclusion. `begun` is called when it has its slot; `number`
        is that in the line for the groups."""
        document = self._tree.file.document
        name = str(document.get("run-name") or "")
        wish = self._wish(self._tree.file, run_files.concurrency(document), name)
        entry = self._enter(wish, number)
        if entry is None:
            return "cancelled"
        try:
            with self._slots:
                if ending := self._ended():
                    return ending
                self._hub.update_run(self._run, "in_progress")
                begun()
                results = self._all(_Frame((), self._tree, "", {}))
        finally:
            self._leave(wish, entry)
        return self._ended() or _together(results.values()).result

    @property
    def is_idle(self) -> bool:
        """Whether all that is left of it waits for reviewers."""
        return self._activity.is_idle

    def _rests_or_goes_on(self) -> None:
        if self._run.status in ("in_progress", "waiting"):
            self._hub.update_run(self._run, "waiting" if self.is_idle else "in_progress")
        self._notice()

    def end(self, conclusion: Ending) -> None:
        """Cancel it (`cancelled`), or lose its machine (`failure`); what runs is killed."""
        with self._lock:
            self._ending = self._ending or conclusion
            waiting = list(self._entries)
        for entry in waiting:
            self._groups.withdraw(entry)
        self._hands.kill()
        self._reviewed.end()

    # --- the jobs of a file

    def _all(self, frame: _Frame) -> dict[str, Result]:
        """Run a file's jobs, each as soon as those that it needs have ended."""
        file = frame.tree.file
        going: dict[Future[Result], str] = {}
        left = list(file.jobs)
        with ThreadPoolExecutor(max_workers=max(1, len(left))) as pool:
            while left or going:
                ready = [name for name in left if all(n in frame.results for n in file.needs(name))]
                for name in ready:
                    left.remove(name)
                    self._activity.add(1)
                    going[pool.submit(self._job, frame, name)] = name
                for future in self._next(going):
                    frame.results[going.pop(future)] = future.result()
        return frame.results

    def _next(self, going: Collection[Future[Result]]) -> set[Future[Result]]:
        """Those of some jobs that end next; to wait for them is to do nothing."""
        self._activity.add(-1)
        done, _ = wait(going, return_when=FIRST_COMPLETED)
        self._activity.add(1 - len(done))
        return done

    def _job(self, frame: _Frame, name: str) -> Result:
        file = frame.tree.file
        job = file.jobs[name]
        title = _title(frame.prefix, name, job)
        if self._ending:
            return self._over(title, "cancelled")
        matrix = (job.get("strategy") or {}).get("matrix")
        questions = matrices.questions(matrix)
        group = run_files.concurrency(job)
        environment = run_files.environment(job)
        texts = {**questions, **_open(group)}
        if matrix is None:  # else each of its jobs may name another one
            texts |= _open({"environment": environment})
        answers: dict[str, str] = {}
        levels = frame.levels(name)
        condition = asking.condition(levels)
        if texts or "uses" in job or group or environment:
            known = _ANSWERS.of(condition)
            if known == SKIPPED:
                return self._over(title, "skipped")
            if texts or known is None:
                answers, report = self._hands.ask(
                    lambda files: chain.of_probe(
                        levels, {files[key]: text for key, text in texts.items()}, files["report"]
                    ),
                    texts,
                )
                ended = report.result if report else "failure"
                if ended in ("success", "skipped") and not self._ending:
                    _ANSWERS.keep(condition, SKIPPED if ended == "skipped" else RUNS)
                if ended != "success":
                    return self._over(title, ended)
        wish = _wish_of({key: answers.get(text, text) for key, text in group.items()})
        entry = self._enter(wish)
        if entry is None:
            return self._over(title, "cancelled")
        try:
            if matrix is None:
                named = answers.get(environment, environment).strip()
                return self._one(frame, name, title, None, named)
            found = matrices.combinations(matrices.answered(matrix, answers))
            return self._many(frame, name, title, found, environment)
        except InvalidWorkflow as error:
            self._note(str(error))
            return self._over(title, "failure")
        finally:
            self._leave(wish, entry)

    def _many(self, frame: _Frame, name: str, title: str, found: list[dict[str, Any]],
              environment: str) -> Result:  # fmt: skip
        strategy = frame.tree.file.jobs[name].get("strategy") or {}
        most = int(strategy.get("max-parallel") or len(found))
        is_fast = strategy.get("fail-fast", True) is not False
        has_failed = threading.Event()

        def one(combination: dict[str, Any]) -> Result:
            own = matrices.title(title, combination)
            if is_fast and has_failed.is_set():
                return self._over(own, "cancelled")
            named = self._named(frame.levels(name, combination), environment)
            result = self._one(frame, name, own, combination, named)
            if result.result == "failure":
                has_failed.set()
            return result

        futures: list[Future[Result]] = []
        going: set[Future[Result]] = set()
        with ThreadPoolExecutor(max_workers=most) as pool:
            for combination in found:
                if len(going) == most:
                    going -= self._next(going)
                self._activity.add(1)
                futures.append(pool.submit(one, combination))
                going.add(futures[-1])
            while going:
                going -= self._next(going)
        return _together(future.result() for future in futures)

    def _named(self, levels: Sequence[Level], environment: str) -> str:
        """The environment of one job of a matrix, whose values it may be named by."""
        texts = _open({"environment": environment})
        if not texts:
            return environment.strip()
        answers, _ = self._hands.ask(
            lambda files: chain.of_probe(
                levels, {files[key]: text for key, text in texts.items()}, files["report"]
            ),
            texts,
        )
        return answers.get(environment, "").strip()

    def _one(
        self,
        frame: _Frame,
        name: str,
        title: str,
        matrix: Mapping[str, Any] | None,
        environment: str,
    ) -> Result:
        levels = frame.levels(name, matrix)
        may_keep = frame.may_keep and frame.anew.isdisjoint(frame.tree.file.needs(name))
        if name in frame.tree.called:
            inner = _Frame(levels, frame.tree.called[name], f"{title} / ", {}, may_keep)
            result = self._call(inner, title)
            if inner.anew:
                frame.anew.add(name)
            return result
        if may_keep and (kept := self._hub.keep_job(self._run, title)):
            return Result(str(kept.conclusion), kept.outputs)
        frame.anew.add(name)
        job = self._hub.add_job(self._run, title)
        ending = self._ended()
        condition = asking.condition(levels)
        if ending is not None:
            result = Result(ending)
        elif _ANSWERS.of(condition) == SKIPPED:
            result = _SKIPPED
        else:
            result = self._do(job, levels, frame.tree.granted[name], environment)
            if result.result == "skipped" and not self._ending:
                _ANSWERS.keep(condition, SKIPPED)
            ending = self._ended()
        if ending is not None and result.result != "success":
            result = Result(ending, result.outputs)
        job.outputs = dict(result.outputs)
        self._hub.update_job(self._run, job, "completed", result.result)
        return result

    def _do(
        self, job: Job, levels: Sequence[Level], granted: Mapping[str, Any], environment: str
    ) -> Result:
        """Run a job, once the environment's reviewers let it, if it names one."""
        if not environment:
            return self._hands.do(job, levels, granted)
        deployment, may_start = self._reviewed.begin(job, environment, self._slots)
        if may_start and not self._ending:
            self._reviewed.tell(deployment, "in_progress")
            result = self._hands.do(job, levels, granted)
        else:
            result = Result("failure")
        self._reviewed.tell(deployment, "success" if result.result == "success" else "failure")
        return result

    def _call(self, frame: _Frame, title: str) -> Result:
        file = frame.tree.file
        wish = self._wish(file, run_files.concurrency(file.document))
        entry = self._enter(wish)
        if entry is None:
            return self._over(title, "cancelled")
        try:
            results = self._all(frame)
        finally:
            self._leave(wish, entry)
        kept = {name: value for name, value in self._outputs(frame, results).items() if value}
        return Result(_together(results.values()).result, kept)

    def _outputs(self, frame: _Frame, results: dict[str, Result]) -> dict[str, str]:
        """What a called workflow gives its caller, of all that this looks at."""
        file, caller = frame.tree.file, frame.above[-1].file
        texts = {
            name: text
            for name, text in run_files.call_outputs(file).items()
            if asking.is_used(name, caller)
        }
        questions = {
            name: asking.output(text, file, results, frame.above) for name, text in texts.items()
        }
        known = {name: _ANSWERS.of(question) for name, question in questions.items()}
        answers = {name: answer for name, answer in known.items() if answer is not None}
        unknown = {name: text for name, text in texts.items() if name not in answers}
        if unknown and not self._ending:
            whole = (*frame.above, Level(file, "", results))
            said, _ = self._hands.ask(
                lambda files: chain.of_outputs(
                    whole, {files[name]: text for name, text in unknown.items()}
                ),
                unknown,
            )
            for name, answer in said.items():
                if not self._ending:  # then act may have been killed at it
                    _ANSWERS.keep(questions[name], answer)
            answers |= said
        return answers

    def _over(self, title: str, conclusion: str) -> Result:
        """A job that never starts: it is skipped, or cancelled, or could not be judged."""
        job = self._hub.add_job(self._run, title)
        self._hub.update_job(self._run, job, "completed", conclusion)
        return Result(conclusion)

    # --- concurrency

    def _wish(self, file: File, group: Mapping[str, str], name: str = "") -> Wish | None:
        """The group of a whole workflow, whose expressions act evaluates; and the run's name.

        Args:
            name: the run's, which may have expressions; empty: it keeps the one that it has.
        """
        texts = _open({**group, "": name})
        answers: dict[str, str] = {}
        if texts:
            answers, _ = self._hands.ask(
                lambda files: chain.of_texts(
                    file, {files[key]: text for key, text in texts.items()}
                ),
                texts,
            )
        if named := " ".join(answers.get(name, name).split()):
            self._run.title = named
        return _wish_of({key: answers.get(text, text) for key, text in group.items()})

    def _enter(self, wish: Wish | None, number: int | None = None) -> Entry | None:
        entry = Entry(lambda: self.end("cancelled"))
        if wish is None:
            if number is not None:
                self._groups.step_out(number)
            return None if self._ending else entry
        with self._lock:
            if self._ending:
                return None
            self._entries.add(entry)
        self._groups.enter(self._run.repository, wish, entry, number)
        if self._groups.wait(entry):
            return entry
        self._leave(wish, entry)
        return None

    def _leave(self, wish: Wish | None, entry: Entry) -> None:
        if wish is not None:
            self._groups.leave(self._run.repository, wish, entry)
            with self._lock:
                self._entries.discard(entry)

    def _ended(self) -> Ending | None:
        return self._ending

    def _note(self, text: str) -> None:
        if self._run.log is not None:
            with self._run.log.open("a", encoding="utf-8") as stream:
                stream.write(f"{text}\n")


def _together(results: Any) -> Result:
    """How several jobs ended as one: any failure counts; outputs merge, the last one wins."""
    ended, outputs = set(), {}
    for one in results:
        ended.add(one.result)
        outputs.update(one.outputs)
    for worst in ("failure", "cancelled", "success"):
        if worst in ended:
            return Result(worst, outputs)
    return _SKIPPED


def _title(prefix: str, name: str, job: Mapping[str, Any]) -> str:
    given = job.get("name")
    return prefix + (str(given) if given else name)


def _open(group: Mapping[str, str]) -> dict[str, str]:
    return {text: text for text in group.values() if has_expression(text)}


def _wish_of(group: Mapping[str, str]) -> Wish | None:
    if not group:
        return None
    is_hasty = group.get("cancel-in-progress", "false").strip().lower() == "true"
    return Wish(group["group"].strip(), is_hasty, group.get("queue") == "max")
