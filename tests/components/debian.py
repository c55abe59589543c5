"""Debian's packages, fetched and checked by apt, and unpacked without being installed."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.components.absence import Missing
from tests.components.commands import run
from tests.components.store import note

HELPER = Path("/usr/lib/apt/apt-helper")
AS_WE_ARE = ("-o", "APT::Sandbox::User=")  # apt's own user may not write into our folder
ONLY_HERE = "These tests run on Debian 12 (amd64); elsewhere, CI runs them."
NETWORK = "Make sure that apt reaches its archive (apt-get update), then run `make components`."


@dataclass(frozen=True)
class Pinned:
    """A package of another release of Debian: where in the archive, and what its bytes are."""

    package: str
    version: str
    path: str
    sha256: str


def of_this_release(releases: Mapping[str, str], folder: Path) -> None:
    """Unpack what apt offers of each package, whose version must begin as it says there."""
    _on_debian_12()
    packages = folder / "packages"
    packages.mkdir()
    fetch = ["apt-get", *AS_WE_ARE, "-qq", "download", *releases]
    try:
        run(fetch, cwd=packages, remedy=NETWORK)
    except Missing:  # apt's lists are missing, or older than its archive
        run(["apt-get", "-qq", "update"], remedy=NETWORK)
        run(fetch, cwd=packages, remedy=NETWORK)
    found = {}
    for file in sorted(packages.iterdir()):
        name, version = _field(file, "Package"), _field(file, "Version")
        release = version.partition(":")[2] or version  # without an epoch
        if not release.startswith(releases[name]):
            raise Missing(
                f"apt offers {name} {version}, not {releases[name]}.",
                "Mend pins.toml, or apt's sources.",
            )
        found[name] = version
        _unpack(file, folder)
    shutil.rmtree(packages)
    note(folder, found)


def of_another_release(pins: list[Pinned], folder: Path) -> None:
    """Unpack just these packages, out of the archive that apt has its own from."""
    _on_debian_12()
    targets = run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)", "Created-By: Packages"],
        remedy=NETWORK,
    )
    sites = [
        site
        for site, _, name in (line.partition(" ") for line in targets.splitlines())
        if name == "bookworm"
    ]
    if not sites:
        raise Missing(
            "apt has no source for bookworm, so Debian's archive is not known.", ONLY_HERE
        )
    for pin in pins:
        file = folder / "package.deb"
        gone = f"If {pin.package} {pin.version} has left the archive, pin a newer one in pins.toml."
        run(
            [
                HELPER,
                *AS_WE_ARE,
                "-q",
                "download-file",
                f"{sites[0]}/{pin.path}",
                file,
                f"SHA256:{pin.sha256}",
            ],
            remedy=f"{gone} {NETWORK}",
        )
        _unpack(file, folder)
        file.unlink()
    note(folder, {pin.package: pin.version for pin in pins})


def libraries(folder: Path) -> Path:
    """Where the unpacked packages have their shared libraries."""
    return folder / "usr" / "lib" / f"{platform.machine()}-linux-gnu"


def _on_debian_12() -> None:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    if release.get("VERSION_CODENAME") != "bookworm" or platform.machine() != "x86_64":
        raise Missing(
            f"This is not Debian 12 on amd64: {release.get('PRETTY_NAME', platform.system())}.",
            ONLY_HERE,
        )


def _field(package: Path, field: str) -> str:
    return run(["dpkg-deb", "-f", package, field], remedy=NETWORK).strip()


def _unpack(package: Path, folder: Path) -> None:
    run(["dpkg", "-x", package, folder], remedy=NETWORK)
