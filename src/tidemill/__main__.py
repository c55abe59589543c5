"""The command table, and the only place that turns an error into an exit code."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from tidemill import __version__
from tidemill.errors import TidemillError

COMMANDS = (
    "update-cfg-app",
    "reconcile-cfg-app",
    "record-check",
    "record-deployment",
    "promote-wave",
    "rollback-wave",
    "hold-wave",
    "release-wave",
    "drop",
    "retry",
    "status",
    "check-cfg-app",
    "demo",
)
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused or failed, 2 usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _stop)
    parser = _parser(given[0] if given else None)
    parsed = parser.parse_args(given)
    module = _module(parsed.command)
    try:
        code: int = module.run(parsed)
        sys.stdout.flush()
        return code
    except TidemillError as error:
        _show(error, as_json=getattr(parsed, "json", False))
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. What was pushed stays; any later turn goes on with it.\n")
        return _INTERRUPTED


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """The parser; only the chosen command's module is imported, except for the overall help."""
    parser = argparse.ArgumentParser(
        prog="tidemill",
        description="A GitOps loop with nothing to host: it turns when an event comes in, and stops.",
        epilog="tidemill COMMAND --help says more, with an example.",
    )
    parser.add_argument("--version", action="version", version=f"tidemill {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in (chosen,) if chosen in COMMANDS else COMMANDS:
        module = _module(name)
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__.partition(": ")[2] if module.__doc__ else None,
            epilog=f"example:\n  {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add(command)
    return parser


def _module(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a module with HELP, EXAMPLE, add and run
    return importlib.import_module(f"tidemill.commands.{name.replace('-', '_')}")


def _show(error: TidemillError, *, as_json: bool) -> None:
    if as_json:
        from tidemill.commands._report import write_json

        write_json({"error": error.as_json()})
    else:
        sys.stderr.write(f"error: {error.what}.\n  written: {error.written}\n  remedy: {error.remedy}\n")


def _stop(number: int, _: FrameType | None) -> None:
    """End as an exception, so that process groups and temporary files go too."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
