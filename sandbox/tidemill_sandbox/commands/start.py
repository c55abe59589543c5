"""`tidemill-sandbox start`: a stand-in for GitHub here, which runs the real workflow files."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidemill.clients.machine.environment import variable
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._writing import write_json
from tidemill.errors import Refused, SettingsInvalid
from tidemill.facts import settings, settings_file
from tidemill.words.names import shown
from tidemill_sandbox.commands._folders import make_anew
from tidemill_sandbox.commands._results import Served
from tidemill_sandbox.demo.narrator import Narrator
from tidemill_sandbox.runner import faults as event_faults

if TYPE_CHECKING:
    from tidemill_sandbox.world import World

EXAMPLE = "tidemill-sandbox start --clusters 1"
MARK = ".tidemill-sandbox"
_ROOT = Path(__file__).resolve().parents[3]
_HELP = "see `tidemill-sandbox start --help`"

PARAMETERS = (
    Option(
        "--to",
        metavar="DIR",
        default=".sandbox",
        help="the folder that is made anew; .sandbox by default",
    ),
    Option(
        "--app",
        metavar="DIR",
        help="your app.git: what is committed there; the example by default",
    ),
    Option(
        "--cfg",
        metavar="DIR",
        help="your cfg-app.git: what is committed there; the example by default",
    ),
    Option(
        "--app-name",
        metavar="OWNER/NAME",
        default="acme/app",
        help="what app.git is called; acme/app by default",
    ),
    Option(
        "--cfg-name",
        metavar="OWNER/NAME",
        default="acme/cfg-app",
        help="what cfg-app.git is called; acme/cfg-app by default",
    ),
    Option(
        "--clusters",
        metavar="SECONDS",
        type=click.FloatRange(min=0),
        help="deploy main to every target, and report, so long after a push",
    ),
    Option(
        "--jobs",
        metavar="N",
        type=click.IntRange(min=1),
        default=2,
        help="how many runs work at once; 2 by default",
    ),
    Option(
        "--port",
        metavar="PORT",
        type=click.IntRange(0, 65535),
        default=0,
        help="of the server; any free one by default",
    ),
    Option(
        "--action",
        multiple=True,
        metavar="NAME[@REF]=DIR",
        help="use this folder for an action: actions/checkout=DIR",
    ),
    Option(
        "--secret",
        multiple=True,
        metavar="NAME",
        help="a secret of both repositories; its value is the variable's",
    ),
    Option(
        "--faults",
        metavar="JSON",
        default="",
        help='what happens to events: {"seed": 1, "faults": [{"drop": 0.1}]}',
    ),
    Option(
        "--token-mode",
        choices=("github-token", "app"),
        default="github-token",
        help="whether cfg-app.git has a GitHub App, or its GITHUB_TOKEN alone",
    ),
    Option("--keep", is_flag=True, help="keep the folders of jobs"),
    Option("--story", is_flag=True, help="run the demo's story through the workflow files"),
    Option("--json", is_flag=True, help="print addresses as JSON"),
)


def run(arguments: Arguments) -> Served:
    """Start it, say where it is, and serve until Ctrl-C; or tell the story."""
    try:
        from tidemill_sandbox import workflow_story, world
        from tidemill_sandbox.state.hub import is_repository_name
    except ImportError as error:
        raise Refused(
            f"what the stand-in needs is not installed: {shown(str(error.name))}",
            remedy="install `tidemill-sandbox` with all it needs: `make setup` in a checkout does",
        ) from None
    if not (_ROOT / "actions").is_dir():
        raise Refused(
            "Tidemill's actions are not here", remedy="run it from a checkout of Tidemill"
        )
    if arguments.story and (arguments.app or arguments.cfg):
        raise Refused("the story is about the examples", remedy="leave out --app and --cfg")
    faults = _faults(arguments.faults or "{}")
    names = (arguments.app_name, arguments.cfg_name)
    for name in names:
        if not is_repository_name(name):
            raise Refused(
                f"{shown(name)} is not the name of a repository", remedy="give it as owner/name"
            )
    if names[0].lower() == names[1].lower():
        raise Refused(
            f"both repositories are to be called {names[0]}",
            remedy="give them two names, with --app-name and --cfg-name",
        )
    clusters = 0.5 if arguments.story and arguments.clusters is None else arguments.clusters
    wishes = world.Wishes(
        folder=Path(arguments.to).absolute(),
        checkout=_ROOT,
        app=_folder(arguments.app),
        cfg=_folder(arguments.cfg),
        names=names,
        mode=arguments.token_mode,
        port=arguments.port,
        most=arguments.jobs,
        clusters=clusters,
        edits=workflow_story.EDITS if arguments.story else {},
        actions=dict(_action(one) for one in arguments.action),
        secrets={name: _secret(name) for name in arguments.secret},
        keep=arguments.keep,
    )
    _expect_free(wishes.port)
    make_anew(wishes.folder, MARK, "stand-in", [
        one for one in (wishes.app, wishes.cfg, *wishes.actions.values()) if one is not None
    ])  # fmt: skip
    narrator = Narrator(sys.stderr if arguments.json else None)
    began = time.monotonic()
    with world.World(wishes) as found:
        found.starter.faults.set(faults)
        if arguments.json:
            write_json(_addresses(found))
        if arguments.story:
            narrator.line(f"Look on: {found.hub.url}")
            workflow_story.Story(found, narrator).tell()
            narrator.line(f"\nEverything held, in {time.monotonic() - began:.0f} s.")
            return Served()
        if not arguments.json:
            _welcome(found, narrator.line)
        try:
            signal.pause()
        except KeyboardInterrupt:
            narrator.line(
                f"\nThe stand-in has ended. What was in its repositories is in {wishes.folder}"
            )
    return Served()


def _welcome(found: World, say: Callable[[str], None]) -> None:
    """What a person wants to know first, and what to try."""
    hub = found.hub
    app, cfg = found.wishes.names
    grace, control = found.tokens["grace"], found.server.control_token
    here = _environment(found)
    api = f"curl -sX POST -H 'Authorization: Bearer {grace}'"
    say(f"\nThe stand-in listens at {hub.url} (its API: {hub.api_url}).\n")
    for name, clone in ((app, found.app), (cfg, found.cfg)):
        say(f"  {name}")
        say(f"    runs and logs   {hub.url}/{name}/actions")
        say(f"    a clone         {clone.folder}")
        say(f"    to clone        {clone.url}")
    say(f"  images go to      {found.registry.host}")
    say(f"  jobs work in      {found.jobs}\n")
    say("Try:")
    say(f"  use tidemill here: . {here}; tidemill status --repo $CFG")
    say(f"  push a commit: cd {found.app.folder} && git commit --allow-empty -m Try && git push")
    say("    (origin has a token in it, which is worth nothing elsewhere)")
    say(
        f"  start a turn: {api} {hub.api_url}/repos/{cfg}/actions/workflows/tidemill.yml/"
        'dispatches -d \'{"ref": "main"}\''
    )
    report = report_of(found.cfg.folder / settings.FILE)
    say(f"  report a target: {api} {hub.api_url}/repos/{cfg}/dispatches -d '{report}'")
    say(
        f"  let the schedule be due: curl -sX POST -H 'Authorization: Bearer {control}' "
        f'{hub.url}/_sandbox/tick -d \'{{"repository": "{cfg}"}}\''
    )
    say("    (also at /_sandbox/: event-faults, faults, limits, kill, cancel, state, deviations)")
    say("\nCtrl-C ends it.")


def report_of(file: Path) -> str:
    """What Argo CD would send of a target: the first one that the settings list."""
    try:
        first = settings_file.parse(file.read_text(encoding="utf-8")).waves[0]
        place = first.name, first.targets[0]
    except (OSError, SettingsInvalid):
        place = "WAVE", "TARGET"
    payload = {
        "version": 1,
        "wave": place[0],
        "target": place[1],
        "revision": "SHA OF MAIN",
        "phase": "Succeeded",
        "health": "Healthy",
        "finished_at": "2026-01-02T03:04:05Z",
    }
    return json.dumps({"event_type": "target-deployed", "client_payload": payload})


def _environment(found: World) -> Path:
    """A file for a shell to read: with it, commands work on cfg-app.git as its owner does."""
    file = found.wishes.folder / "env"
    lines = {
        "GITHUB_SERVER_URL": found.hub.url,
        "TIDEMILL_TOKEN": found.tokens["grace"],
        "CFG": f"{found.hub.url}/{found.wishes.names[1]}",
    }
    text = "".join(f"export {name}={value}\n" for name, value in lines.items())
    file.write_text(text, encoding="utf-8")
    return file


def _addresses(found: World) -> dict[str, object]:
    names = dict(zip(("app", "cfg-app"), found.wishes.names, strict=True))
    return {
        "server": found.hub.url,
        "api": found.hub.api_url,
        "registry": found.registry.host,
        "control_token": found.server.control_token,
        "tokens": found.tokens,
        "repositories": {
            short: {"name": name, "clone": str(clone.folder), "url": clone.url}
            for (short, name), clone in zip(names.items(), (found.app, found.cfg), strict=True)
        },
    }


def _folder(given: str | None) -> Path | None:
    if given is None:
        return None
    if not Path(given).is_dir():
        raise Refused(f"{shown(given)} is no folder", remedy="name a checkout of the repository")
    return Path(given).absolute()


def _action(given: str) -> tuple[str, Path]:
    name, _, folder = given.partition("=")
    if not folder or not Path(folder).is_dir():
        raise Refused(f"--action {shown(given)} names no folder", remedy="write NAME[@REF]=DIR")
    return name, Path(folder).absolute()


def _secret(name: str) -> str:
    value = variable(name)
    if value is None:
        raise Refused(f"the variable {shown(name)} is not set", remedy="set it to the secret")
    return value


def _faults(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused("--faults is no JSON object", remedy=_HELP)
    try:
        event_faults.asked(found)
    except ValueError as error:
        raise Refused(f"--faults: {error}", remedy=_HELP) from None
    return found


def _expect_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Refused(
                f"port {port} can't be had: {error.strerror}",
                remedy="name another one with --port, or none",
            ) from None
