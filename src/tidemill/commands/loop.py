"""`tidemill loop`: turn, check what is asked for, and turn again, until nothing is due."""

from __future__ import annotations

from msgspec.structs import replace

from tidemill.clients.git.repository import opened
from tidemill.clients.machine import enclosure, workflow
from tidemill.commands import _options
from tidemill.commands._parameters import AnyResult, Arguments, Option
from tidemill.errors import Refused
from tidemill.facts.checks import CONTEXT

EXAMPLE = "tidemill loop --once --repo https://git.example.com/cfg-app.git"
_WITHIN = "30m"  # a token of a GitHub App lives for an hour, and the last check takes its time, too

PARAMETERS = (
    *_options.TURN,
    _options.ENTRYPOINTS,
    _options.WITHOUT_ENTRYPOINTS,
    _options.WITHOUT_BRANCHES,
    Option(
        "--once",
        is_flag=True,
        help="changes nothing: without it, too, the loop ends when nothing is due any more",
    ),
    Option(
        "--accept",
        is_flag=True,
        help="first write to Git what the event of this workflow brings, as accept-event does",
    ),
    Option(
        "--accepted",
        metavar="ID",
        help="the request that this run has accepted already: with --without-entrypoints or "
        "--without-branches, what others have just sent is left to their own runs, and this run "
        "starts none for it",
    ),
    Option(
        "--context",
        metavar="NAME",
        help=f"where verdicts are in Git: the name of the check that this answers. By default the "
        f"one that [checks] required names, or {CONTEXT}",
    ),
    Option(
        "--within",
        default=_WITHIN,
        metavar="DURATION",
        help="begin no check after this time, and leave the rest to the next run; "
        f"{_WITHIN} by default",
    ),
    Option(
        "--fail-on-red",
        is_flag=True,
        help="end with 1 where a commit that was checked is not green; without this, a red commit "
        "is no failure of the run: it is taken off auto, and the rest goes on",
    ),
    _options.DEPLOYMENTS,
    _options.PAGE,
)


def run(arguments: Arguments) -> AnyResult:
    """Accept, and do all rounds that are due."""
    options = _options.options(arguments)
    within = _options.duration(arguments.within, "--within", _WITHIN)
    if workflow.is_inside() and not enclosure.is_wanted():
        raise Refused(
            "in a workflow, checks run in the job of the turn only as a user of their own, and "
            f"this run has --entrypoints {enclosure.SAME_USER}",
            remedy=f"set entrypoints: {enclosure.OWN_USER}, or check: own-job, where gitops.yml is "
            "called",
        )
    with opened(arguments.repo) as store:
        from tidemill.commands._looping import Loop, Wishes  # while the server is asked who it is

        wishes = Wishes(
            arguments.context,
            within.total_seconds(),
            deployments=arguments.deployments,
            may_try=not arguments.without_entrypoints,
            may_move=not arguments.without_branches,
            accepted=arguments.accepted,
            fails_on_red=arguments.fail_on_red,
        )
        loop = Loop(store, arguments.repo, options, wishes)
        if arguments.accept:
            from tidemill.commands._event import event

            loop.accept(*event())
        for one in loop.rounds():
            loop.done.append(one)
            loop.tell_github(one.turn)
        done = loop.result()
        if not arguments.page_to:
            return done
        from tidemill.commands._paging import with_page

        return replace(done, turn=with_page(store, arguments, done.turn))
