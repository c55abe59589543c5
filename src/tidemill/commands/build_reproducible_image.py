"""`tidemill build-reproducible-image`: same content, same digest, on any machine."""

from __future__ import annotations

from pathlib import Path

from tidemill.building.order import OF_A_COMMIT
from tidemill.building.services import Run, build_dockerfile, build_services
from tidemill.building.shipping import of_the_machine
from tidemill.clients.machine import processes
from tidemill.clients.machine.scratch import scratch
from tidemill.commands import _build_files, _build_options
from tidemill.commands._parameters import Arguments
from tidemill.commands._results import Build, Result
from tidemill.commands._writing import tell
from tidemill.images.image_store import quiet

EXAMPLE = "tidemill build-reproducible-image --to registry.example.com/acme"

_INTERRUPTED = 130

PARAMETERS = _build_options.PARAMETERS


def run(arguments: Arguments) -> Result:
    """Build and publish, and write the files that were asked for."""
    try:
        return _run(arguments)
    except (KeyboardInterrupt, SystemExit) as stop:
        tell("\nInterrupted. What has no tag yet gets none; run it again.")
        # Threads that wait for a registry or an engine would keep the process for minutes.
        processes.end_at_once(stop.code if isinstance(stop, SystemExit) else _INTERRUPTED)


def _run(arguments: Arguments) -> Build:
    say = quiet if arguments.quiet else tell
    options = _build_options.options(arguments)
    for label in sorted(set(options.labels) & set(OF_A_COMMIT)):
        say(f"left out: the label {label}, which would change the image with every commit")
    build = _build_options.dockerfile(arguments)
    with scratch(large=True) as folder:
        here = Run(folder, _build_options.given(arguments), options, say)
        try:
            if build is not None:
                shipped = build_dockerfile(build, here)
            else:
                names = _build_options.services(arguments)
                shipped = build_services(Path(arguments.checkout), names, here, arguments.settings)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise of_the_machine(error) from None
    built = Build(tuple(shipped))
    _build_files.write(built, arguments)
    return built
