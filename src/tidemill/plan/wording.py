"""The words of what waits, and the command that ends the wait. Pure; nothing reads them again."""

from __future__ import annotations

import shlex
from datetime import datetime

from tidemill.facts.settings import ALL_SETS
from tidemill.facts.staleness import StaleFiles
from tidemill.plan import obstacles
from tidemill.plan.obstacles import About, Obstacle, Wait
from tidemill.words.durations import show_duration
from tidemill.words.moments import to_the_minute
from tidemill.words.names import one_line
from tidemill.words.shas import short

_MOST_SAID = 230  # so that the remedy fits on the line, too
_RULES_HELP = (
    "let the rules of main require the checks that run on auto, by these names, and no more, or "
    "let the app that pushes bypass them"
)


def subject(about: About) -> str:
    """What waits, as people name it."""
    which = f"{short(about.app_sha)} ({about.set})"
    match about.at:
        case "main":
            return f"main at {about.sha}"
        case "auto":
            return "auto"
        case "announced":
            return which
        case "for" | "on auto" if about.set == ALL_SETS:
            return f"the regeneration of {about.wave}"
        case "for":
            return f"{which} for {about.wave}"
        case "on auto":
            return f"{short(about.app_sha, 'a rollback')} ({about.set}) on auto for {about.wave}"
        case "in":
            return f"{which} in {about.wave}"
        case "asked":
            what = f" about {which}" if about.app_sha and about.set else ""
            return f"what was asked for in {about.wave}{what}"


def in_words(  # noqa: PLR0912, PLR0915 - a case for each kind
    one: Obstacle, now: datetime | None = None
) -> str:
    """One obstacle; with `now`, also how long it still takes."""
    match one:
        case obstacles.NoSuchPlace():
            return "the settings no longer name its wave or its set"
        case obstacles.EndedRequest(what="rollback" | "hotfix"):
            return "it has ended"
        case obstacles.EndedRequest(what=asked):
            return f"its {asked} has ended"
        case obstacles.OtherSource(wave=wave, sources=()):
            return f"{wave} comes after no wave"
        case obstacles.OtherSource(wave=wave, sources=sources):
            return f"{wave} now takes its sets from {', '.join(sources)}"
        case obstacles.NewerSet():
            return "the wave has had it or a newer one"
        case obstacles.Nowhere():
            return "a wave that has had it, or has it: the turns know of none"
        case obstacles.HoldInForce(wave=wave, by=by, reason=reason, until=until):
            when = f" until {_clock(until)}" if until else ""
            return f"{wave} is held by {by or 'someone'}{when}: {reason}"
        case obstacles.FreezeInForce(wave=wave, reason=reason, until=until):
            return f"{wave} is frozen until {_clock(until)}: {reason}"
        case obstacles.ClosedWindow(wave=wave, until=until):
            return f"the window of {wave} opens at {_clock(until)}"
        case obstacles.MissingApproval(wave=wave, environment=str(environment)):
            return f"approval for {wave} on GitHub, reviewed in the environment {environment}"
        case obstacles.MissingReview(environment=environment, url=url):
            return f"a reviewer of the environment {environment} on GitHub: {url}"
        case obstacles.MissingApproval(wave=wave, approvers=approvers):
            return f"approval for {wave}" + (f" by {' or '.join(approvers)}" if approvers else "")
        case obstacles.UnknownAsker(wave=wave, reason=reason, remedy=remedy):
            return f"proof that an approver of {wave} asked: {reason}; {remedy}"
        case obstacles.StaleMain():
            return _stale(one)
        case obstacles.RegenerationFirst(wave=wave, after=after, named=named):
            return f"the regeneration of {wave} after {after}, which lands first ({named})"
        case obstacles.NothingStale(wave=wave):
            return f"main is what it generates for {wave}, or has changed"
        case obstacles.SetOnAuto(wave=wave, app_sha=sha):
            return f"{short(sha, 'a set')} is on auto for {wave}"
        case obstacles.SetInFlight(wave=wave, app_sha=sha, targets=targets, until=until):
            late = ", ".join(targets)
            what = f"{short(sha)} is in flight in {wave}: no healthy report yet from {late}"
            return f"{what}; it counts as silent at {_clock(until)}" if until else what
        case obstacles.SoakForFollower(wave=wave, app_sha=sha, follower=follower, until=until):
            what = f"{short(sha)} soaks in {wave} for {follower}"
            return what + _left(until, now)
        case obstacles.SetNotThere(wave=wave, because=because):
            why = f": {', '.join(in_words(each, now) for each in because)}" if because else ""
            return f"{wave} has not had it{why}"
        case obstacles.RollbackUnderWay(wave=wave):
            return f"{wave} is being rolled back from it"
        case obstacles.PastRollback(wave=wave):
            return f"it was rolled back in {wave}, and does not come back by itself"
        case obstacles.ReplacedByHotfix(wave=wave, hotfix=hotfix):
            return f"the hotfix {short(hotfix)} replaced it in {wave}"
        case obstacles.OtherSetThere(wave=wave):
            return f"{wave} has another set than the one that it was to replace"
        case obstacles.HotfixThere():
            return _replacement(one)
        case obstacles.FailureThere(wave=wave, targets=targets):
            return f"it failed on {', '.join(targets)} in {wave}"
        case obstacles.DegradedTargets(wave=wave, targets=targets, fails_at=fails_at):
            when = f"it counts as failed at {_clock(fails_at)}, if it stays so"
            return f"{wave} is Degraded on {', '.join(targets)}: {when}"
        case obstacles.ReplacedFailure(wave=wave):
            return f"it was replaced in {wave} while it was failed"
        case obstacles.MissingDeployment(wave=wave, targets=targets, spare=spare):
            if not spare:
                return f"a healthy report from {', '.join(targets)} in {wave}"
            return f"healthy reports from enough targets of {wave}: {_more(targets, spare)}"
        case obstacles.SetNotInFiles(wave=wave, naming=naming):
            return (
                f"it is not in the files of {wave}: {naming.words}; mend on main what generates "
                "them, so that they name what the image files say"
            )
        case obstacles.RunningSoak(wave=wave, until=until):
            return f"it soaks in {wave}" + _left(until, now)
        case obstacles.PausedSoak(wave=wave, targets=(), verifications=names):
            return f"its soak in {wave} stands still while {_verifications(names, '')} red"
        case obstacles.PausedSoak(wave=wave, targets=targets):
            return f"its soak in {wave} stands still while {', '.join(targets)} fails"
        case obstacles.FailedVerification(wave=wave, names=names, said=said):
            why = f" ({said})" if said else ""
            which = _verifications(names, ", which")
            return f"{which} red in {wave}{why}: a green answer, or a newer set"
        case obstacles.MissingVerification(wave=wave, names=names, lost=lost, why=why):
            what = f"a green answer in {wave} from {', '.join(names)}"
            if not lost:
                return what
            last = f"the last one was lost ({lost}{f': {why}' if why else ''})"
            return f"{what}: {last}, and the next turn asks again"
        case obstacles.PastEviction() | obstacles.PastEnding():
            return _end(one)
        case obstacles.EarlierAnnouncement(wave=wave, because=because):
            why = "".join(f", and {in_words(each, now)}" for each in because)
            return f"it was announced before {wave} came first{why}"
        case obstacles.NextTurn(lands=None):
            return "the next turn"
        case obstacles.NextTurn(lands=lands):
            return f"the next turn, which lands {lands}"
        case obstacles.NewerOnAuto(app_sha=sha):
            return f"{short(sha)}, which goes first: the older of the two ends when the newer lands"
        case obstacles.MissingCheck() | obstacles.RedCheck() | obstacles.LostCheck():
            return _check(one)
        case obstacles.ServerRefusal(reason=said, is_rule=is_rule):
            said = said if len(said) <= _MOST_SAID else f"{said[: _MOST_SAID - 1]}…"
            why = f"the server to let it land: {said}"
            return f"{why}; {_RULES_HELP}" if is_rule else why
        case obstacles.RedMain(last_green=green):
            last = f"; the last main known green is {green}" if green else ""
            return f"a commit that mends it: its check is red{last}; nobody is evicted meanwhile"
        case obstacles.BrokenMain(sha=sha, reason=reason, is_main=is_main):
            whose = "main" if is_main else short(sha)
            return f"a commit on main that mends it: {whose} does not generate: {reason}"
        case obstacles.TimeLimit(reason=reason):
            return f"another turn: {reason}"
        case obstacles.Starvation(times=times):
            return f"main to rest: it starves, main moved {times} times before a check could answer"
        case obstacles.FailingTargets(targets=targets):
            return f"{', '.join(targets)}, which failed: a healthy report, or a newer set"
        case obstacles.MissingReport(targets=targets, spare=spare):
            return f"a healthy report from {_more(targets, spare)}"


def command(one: Obstacle, about: About) -> tuple[str, ...] | None:
    """The command that ends a wait, as words without `--repo`; None where time alone does."""
    match one:
        case obstacles.HoldInForce(wave=wave, set=set_name):
            only = () if set_name == ALL_SETS else ("--set", set_name)
            return ("release-wave", "--wave", wave, *only, "--reason", "it may go on")
        case obstacles.MissingApproval(environment=str()):
            return None  # nobody's terminal can: see `form`
        case obstacles.MissingApproval(wave=wave, set=set_name, app_sha=sha):
            return ("promote-wave", "--wave", wave, "--set", set_name, "--sha", sha)
        case (
            obstacles.PastRollback(wave=wave, set=set_name, app_sha=sha)
            | obstacles.ReplacedByHotfix(wave=wave, set=set_name, app_sha=sha)
        ):
            return ("promote-wave", "--wave", wave, "--set", set_name, "--sha", sha)
        case obstacles.HotfixThere(wave=wave, set=set_name, is_held=True):
            words = ("release-wave", "--wave", wave, "--set", set_name)
            return (*words, "--reason", "a newer set has the fix")
        case obstacles.SetNotThere(because=because):
            return next(filter(None, (command(each, about) for each in because)), None)
        case (
            obstacles.FailedVerification(wave=wave, set=set_name, names=targets, back_to=str())
            | obstacles.FailureThere(wave=wave, set=set_name, targets=targets, back_to=str())
            | obstacles.FailingTargets(wave=wave, set=set_name, targets=targets, back_to=str())
        ):
            why = f"it failed on {', '.join(targets)}"
            return ("rollback-wave", "--wave", wave, "--set", set_name, "--reason", why)
        case (
            obstacles.PastEviction(app_sha=str(sha))
            | obstacles.PastEnding(app_sha=sha)
            | obstacles.EarlierAnnouncement(app_sha=sha)
        ):
            return ("retry", "--sha", sha)
        case (
            obstacles.MissingCheck(sha=str(sha))
            | obstacles.RedCheck(sha=str(sha))
            | obstacles.LostCheck(sha=str(sha))
        ):
            return ("check-cfg-app", "--sha", sha)
        case (
            obstacles.RedMain(sha=sha)
            | obstacles.BrokenMain(sha=sha)
            | obstacles.SetNotInFiles(commit=sha)
            | obstacles.StaleMain(stale=StaleFiles(until=sha))
        ):
            return ("check-cfg-app", "--sha", sha)
        case (
            obstacles.NextTurn()
            | obstacles.ServerRefusal()
            | obstacles.TimeLimit()
            | obstacles.MissingVerification()
            | obstacles.UnknownAsker()
        ):
            return ("reconcile-cfg-app",)
        case _:
            return None


def runs_as(words: tuple[str, ...], repo: str) -> str:
    """A command as it is typed, with the repository that it is about."""
    return shlex.join(["tidemill", *words, "--repo", repo])


def line_command(line: Wait) -> tuple[str, ...]:
    """The command that a line ends with: the first that ends one of its waits, or a look."""
    found = (command(one, line.about) for one in line.obstacles)
    return next((words for words in found if words), ("status",))


def form(line: Wait) -> tuple[str, ...] | None:
    """The command that ends a wait and counts only as a form on GitHub."""
    found = (one for one in line.obstacles if isinstance(one, obstacles.MissingApproval))
    one = next((one for one in found if one.environment), None)
    if one is None:
        return None
    return ("promote-wave", "--wave", one.wave, "--set", one.set, "--sha", one.app_sha)


def reasons(line: Wait, now: datetime | None = None) -> list[str]:
    """What a line waits for, one text for each, and when it could go."""
    said = [in_words(one, now) for one in line.obstacles]
    if line.earliest is not None and len(line.obstacles) > 1:
        said.append(f"at the earliest at {_clock(line.earliest)}")
    return said


def _end(one: obstacles.PastEviction | obstacles.PastEnding) -> str:
    match one:
        case obstacles.PastEviction(reason=reason, said=said):
            why = f": {reason}" if reason else ""
            return f"it was evicted{why}" + (f"; the check said: {said}" if said else "")
        case obstacles.PastEnding(how=how, reason=reason):
            return f"its announcement was {how}" + (f": {reason}" if reason else "")


def _verifications(names: tuple[str, ...], which: str) -> str:
    if len(names) == 1:
        return f"the verification {names[0]}{which} is"
    return f"the verifications {', '.join(names)}{which} are"


def _more(targets: tuple[str, ...], spare: int) -> str:
    """Those that are missing, of which so many are not needed."""
    named = ", ".join(targets)
    return f"{len(targets) - spare} more of {named}" if spare else named


def _replacement(one: obstacles.HotfixThere) -> str:
    what = f"a newer set than all that {one.wave} has had, to replace this hotfix"
    if one.next:
        when = ", once the wave is released" if one.is_held else ""
        return f"{what}: the next one is {short(one.next)}{when}"
    return f"{what}: there is none yet" + (", and the wave is held" if one.is_held else "")


def _stale(one: obstacles.StaleMain) -> str:
    generate = f"`{one_line(one.generate)}`"
    if one.stale.unstable:
        return (
            f"a commit on main that makes {generate} deterministic: two runs on the same files "
            f"differ, first in {one.stale.unstable}"
        )
    red = "; their regeneration was red twice" if one.was_red else ""
    return (
        f"a commit on main with what it generates for {one.wave}: since {one.stale.since} these "
        f"files are not that: {one.stale.named}{red}; run {generate} and commit what it changes"
    )


def _check(one: obstacles.MissingCheck | obstacles.RedCheck | obstacles.LostCheck) -> str:
    which = one.sha or "its commit"
    match one:
        case obstacles.MissingCheck(missing=missing, is_asked_for=is_asked_for):
            names = f" ({', '.join(missing)})" if missing else ""
            return f"the check of {which}{names}" + (
                ", which was asked for" if is_asked_for else ""
            )
        case obstacles.RedCheck(said=said):
            why = f"; it said: {said}" if said else ""
            return f"the check of {which} to be repeated: it is red{why}"
        case obstacles.LostCheck():
            return f"the check of {which}: it was cancelled or timed out, and is asked for again"


def _left(until: datetime | None, now: datetime | None) -> str:
    if until is None:
        return ""
    left = f", {show_duration(until - now)} to go" if now else ""
    return f" until {_clock(until)}{left}"


def _clock(when: datetime | None) -> str:
    return to_the_minute(when) if when else "no time that is known"
