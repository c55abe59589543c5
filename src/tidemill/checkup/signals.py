"""Can the receivers of signals be reached from the workflow?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidemill.checkup.calls import Call
from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import Finding, ok, unknown, warning
from tidemill.facts.signals import Receiver, parse_addresses
from tidemill.words.lists import listed
from tidemill.words.nearest import did_you_mean

_ADD = "add these lines to the job, and set those secrets"


def signals(known: Checkup) -> Iterator[Finding]:
    """`signals`: has each receiver of the settings an address where the workflow sends?"""
    receivers = known.cfg.signals.receivers if known.cfg else ()
    if not receivers:
        return
    if not known.calls:
        names = listed([one.name for one in receivers])
        yield unknown(
            f"whether TIDEMILL_SIGNALS has the addresses of {names} can't be seen from here",
            "set it where Tidemill runs: a line of name=address for each",
        )
    for call in known.calls:
        found = [*_addresses(call, receivers), *_issues(call, receivers)]
        yield from found or [ok(f"{call.file} gives the address of each receiver of signals")]


def _addresses(call: Call, receivers: Sequence[Receiver]) -> Iterator[Finding]:
    given = str(call.secrets.get("signals", ""))
    names = [one.name for one in receivers if one.kind != "issue"]
    is_whole = given.strip().startswith("${{") and "\n" not in given.strip()
    if call.inherits or is_whole:
        yield unknown(
            f"{call.file} hands on the addresses of receivers as one secret: whether it has a line "
            f"for each of {listed(names)} can't be seen",
            "look for it yourself, or name each in the workflow",
            _lines(names),
        )
        return
    found, wrong = parse_addresses(given)
    if missing := [name for name in names if name not in found]:
        what = f"{call.file} gives no address for {listed(missing)}: nothing is sent there"
        yield warning(what, _ADD, _lines(names))
    everybody = [one.name for one in receivers]
    for name in (name for name in found if name not in everybody):
        yield warning(
            f"{call.file} gives an address for {name}, and [[signals.receivers]] has none of "
            "that name",
            f"{did_you_mean(name, everybody)}take the line out, or add that receiver",
        )
    for why in wrong:
        yield warning(f"{call.file}: {why}", "write each as name=address", _lines(names))


def _issues(call: Call, receivers: Sequence[Receiver]) -> Iterator[Finding]:
    found, _ = parse_addresses(str(call.secrets.get("signals", "")))
    issues = [one.name for one in receivers if one.kind == "issue" and one.name not in found]
    if issues and not (call.has_app and call.inputs.get("issues") is True):
        yield warning(
            f"{call.file} does not let {listed(issues)} open issues: the job's own token can't",
            "with a GitHub App that has issues write, add this line below with: and without one "
            f"add a line {issues[0]}=TOKEN to the secret signals",
            "issues: true",
        )


def _lines(names: Sequence[str]) -> str:
    def secret(name: str) -> str:
        return "".join(each if each.isalnum() else "_" for each in name).upper() + "_URL"

    lines = [f"    {name}=${{{{ secrets.{secret(name)} }}}}" for name in names]
    return "\n".join(["secrets:", "  signals: |", *lines])
