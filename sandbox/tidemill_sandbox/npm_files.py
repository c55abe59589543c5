"""GitHub's own descriptions, from packages of npm: got once per machine, and checked by their hash.

A package is fetched with `npm pack`, so proxies and registries are those of the user's npm; nothing
of it is installed or run.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tidemill.errors import Refused, Unreachable

_LIMIT = 300  # seconds for one package
_REMEDY = "install npm, which comes with Node.js, or use `tidemill demo`, which needs neither"


@dataclass(frozen=True)
class Package:
    """A release of a package: `integrity` is `sha512-<base64>`, as in npm's lock files."""

    name: str
    version: str
    integrity: str

    @property
    def archive(self) -> str:
        """What `npm pack` calls the file."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


REST = Package(
    "@octokit/openapi",
    "23.0.2",
    "sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
)
GRAPHQL = Package(
    "@octokit/graphql-schema",
    "15.26.1",
    "sha512-RFDC2MpRBd4AxSRvUeBIVeBU7ojN/SxDfALUd7iVYOSeEK3gZaqR2MGOysj4Zh2xj2RY5fQAUT+Oqq7hWTraMA==",
)
WEBHOOKS = Package(
    "@octokit/webhooks-schemas",
    "7.6.1",
    "sha512-qW0Bwtb76r4m2WzVhKDyfEeEnt1GEQoRjkCqmq2ZeB0nNVDJ+Z2LBDS9FDPyduuMXf/ZTWiCJp9PFFHgRfBe3A==",
)


def cache() -> Path:
    """The folder of what is got once per machine, for all checkouts of this user."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    if not Path(home).is_dir():  # unset, or switched off
        home = ""
    return (Path(home) if home else Path.home() / ".cache") / "tidemill" / "npm"


def file_of(package: Package, member: str) -> Path:
    """A file of a package, such as `schema.json`; fetched where it is not in the cache yet.

    Raises:
        Refused: there is no npm, or what it brought is not the release that is pinned.
        Unreachable: npm can't get it.
    """
    kept = cache() / f"{package.archive.removesuffix('.tgz')}" / member
    if kept.is_file():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache()) as name:
        folder = Path(name)
        _extract(_fetched(package, folder), f"package/{member}", folder / "member")
        (folder / "member").replace(kept)  # whole or not at all, also where two do this at once
    return kept


def _fetched(package: Package, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise Refused(f"{package.name} comes from npm, and npm is not here", remedy=_REMEDY)
    command = [npm, "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"]
    try:
        done = subprocess.run(
            [*command, "--pack-destination", str(folder)],
            cwd=folder,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unreachable(
            f"npm did not bring {package.name} within {_LIMIT} seconds", remedy="try again"
        ) from None
    archive = folder / package.archive
    if done.returncode or not archive.is_file():
        words = done.stderr.decode(errors="replace").strip()[-300:]
        raise Unreachable(
            f"npm can't bring {package.name} {package.version}: {words}",
            remedy="make its registry reachable and try again: it is needed once per machine",
        )
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{found}" != package.integrity:
        raise Refused(
            f"{package.name} {package.version} is another file than the one that is pinned",
            remedy="find out what npm's registry is, and who changed it",
        )
    return archive


def _extract(archive: Path, member: str, to: Path) -> None:
    with tarfile.open(archive) as whole:
        source = whole.extractfile(member)
        if source is None:
            raise Refused(f"{archive.name} has no {member}", remedy="this is a defect: report it")
        with source, to.open("wb") as target:
            shutil.copyfileobj(source, target)
