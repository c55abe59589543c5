"""`tidemill doctor`: what is wrong with cfg-app.git or app.git, before the loop meets it."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import Finding, Fix
from tidemill.checkup.order import findings
from tidemill.clients.git import files_of_checkout
from tidemill.clients.git.inspection import Inspection
from tidemill.commands import _options
from tidemill.commands._examination import Examination
from tidemill.commands._parameters import Argument, Arguments, Option
from tidemill.commands._results import Diagnosis, Mended, Result
from tidemill.commands._writing import teller

EXAMPLE = "tidemill doctor --offline"

PARAMETERS = (
    Argument(
        ["folder"],
        metavar="[DIR]",
        default=".",
        help="a checkout of cfg-app.git or app.git; here by default",
    ),
    Option(
        "--repo",
        metavar="URL",
        help="where it is, if its remote origin does not say; GitHub is asked with the token in "
        "TIDEMILL_TOKEN",
    ),
    Option("--offline", is_flag=True, help="look at the checkout alone, and ask no server"),
    Option(
        "--fix",
        is_flag=True,
        help="mend what is safe to mend in the checkout, and show how: nothing is committed",
    ),
    _options.ENTRYPOINTS,
    _options.JSON,
)


def run(arguments: Arguments) -> Result:
    """Look, mend what is to be mended, and look again, now at everything."""
    checkout = Inspection(Path(arguments.folder))
    look = Examination(checkout, teller(as_json=arguments.json))
    known = look.files()
    mended: tuple[Mended, ...] = ()
    if arguments.fix:
        mended = _mended(checkout.top, findings(known))
        known = look.files() if mended else known
    known = look.running(known)
    known = look.servers(known, arguments.repo, is_offline=arguments.offline)
    is_here = checkout.top.resolve() == Path.cwd()
    return Diagnosis(_kind(known), findings(known), mended, "" if is_here else str(checkout.top))


def _kind(known: Checkup) -> str:
    return "cfg-app.git" if known.cfg else "app.git" if known.app else ""


def _mended(top: Path, found: tuple[Finding, ...]) -> tuple[Mended, ...]:
    """Do what mends; each file once, and none that is a link, or behind one."""
    fixes = {one.fix.path: one.fix for one in found if one.fix is not None}
    return tuple(
        _fixed(top, fix)
        for path, fix in fixes.items()
        if (top / path).resolve() == top.resolve() / path
    )


def _fixed(top: Path, fix: Fix) -> Mended:
    file = top / fix.path
    if not fix.lines:
        file.chmod(file.stat().st_mode | 0o111)
        return Mended(fix.path, "old mode 100644\nnew mode 100755")
    before = file.read_bytes() if file.exists() else b""
    after = _with_lines(before, fix)
    files_of_checkout.write(top, fix.path, after)
    old, new = (one.decode(errors="replace").splitlines() for one in (before, after))
    lines = unified_diff(old, new, f"a/{fix.path}", f"b/{fix.path}", lineterm="")
    return Mended(fix.path, "\n".join(lines))


def _with_lines(before: bytes, fix: Fix) -> bytes:
    """A file with more lines, which end as its own do; every other byte stays as it is."""
    end = b"\r\n" if b"\r\n" in before else b"\n"
    lines = before.splitlines(keepends=True)
    if lines and not lines[-1].endswith((b"\n", b"\r")):
        lines[-1] += end
    at = len(lines) if fix.at is None else fix.at
    return b"".join([*lines[:at], *(line.encode() + end for line in fix.lines), *lines[at:]])
