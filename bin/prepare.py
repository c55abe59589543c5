"""Installs the packages that Tidemill needs to run, once per machine: what `bin/run` calls.

    python3 -I bin/prepare.py requirements.lock FOLDER [new]

With `new`, the folder around FOLDER must not be there yet: what is there could be another job's.
FOLDER then has `packages/`, `pycache/` (filled by later runs), and `python`, whose one line is the
path of the Python that they are for. It is made beside its place and renamed there when it is
complete: one that was killed leaves nothing that looks complete, and the next one removes what it
left. Of two at once, the second waits. It takes uv, if that is on PATH, else pip; both check every
hash of what they download, and keep it nowhere: a cache of theirs is not checked again.

Nothing of the folder that this was started in runs, nor of what the environment names for Python,
pip or uv; but where packages come from may be configured.

Only the standard library is imported, and nothing of Tidemill's own.
"""

import fcntl
import os
import re
import shutil
import stat
import subprocess  # noqa: TID251 (nothing of Tidemill is imported here)
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

TOOLS = "# --- tools"
# It is for keys of a GitHub App alone, which nobody has here: its index page and its wheel would be
# a sixth of what pip does. Whoever installs by hand gets it, since PyGithub asks for it.
LEFT_OUT = re.compile(r"(?m)^cryptography==.*\n(?: .*\n)*")
TIMES = 3  # attempts at a network that does not answer; each one of pip's waits longer
LINES = 12  # of what uv or pip printed, the last ones
MISMATCH = re.compile("hash mismatch|do not match the hashes", re.IGNORECASE)  # uv, pip

# What a configuration may say of where packages come from is right; of what else is to happen, not.
_OF_THE_NETWORK = (
    "CERT|CLIENT_CERT|CONFIG_FILE|DEFAULT_(INDEX|TIMEOUT)|EXTRA_INDEX_URL|FIND_LINKS|HTTP_TIMEOUT|"
    "INDEX|INDEX_STRATEGY|INDEX_URL|INDEX_[A-Z0-9_]+_(USERNAME|PASSWORD)|INSECURE_HOST|"
    "KEYRING_PROVIDER|NATIVE_TLS|NO_INDEX|OFFLINE|PROXY|RETRIES|SYSTEM_CERTS|TIMEOUT|TRUSTED_HOST"
)
OF_THE_NETWORK = re.compile(f"(PIP|UV)_({_OF_THE_NETWORK})")
# What would choose another Python, or start something first; and what is not for pip or uv to know.
NOT_PASSED_ON = re.compile(
    "(PIP|UV|PYTHON|CONDA|TIDEMILL|INPUT|ACTIONS|GITHUB|BASH)_?.*|ENV|VIRTUAL_ENV"
)
PIP = {
    "PIP_BREAK_SYSTEM_PACKAGES": "0",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_REQUIRE_VIRTUALENV": "0",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_USER": "0",
}


class Trouble(Exception):
    """What happened, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def prepare(lock: Path, home: Path, *, is_new: bool) -> None:
    """Make `home`, unless it is complete already.

    Args:
        is_new: whether the folder around it is made here, and was not there before.

    Raises:
        Trouble: the packages can't be had, or can't be written there.
    """
    try:
        home.parent.mkdir(mode=0o700 if is_new else 0o755, parents=True, exist_ok=not is_new)
        trust(home.parent)
        with (home.parent / f".{home.name}.lock").open("w") as guard:
            with suppress(OSError):  # a file system without locks: then two do the same work
                fcntl.flock(guard, fcntl.LOCK_EX)
            if not is_complete(home):
                make(lock, home)
    except OSError as error:
        raise Trouble(
            f"{home} can't be made: {error.strerror}",
            "make its folder writable and free of others' files, or name another one in "
            "RUNNER_TOOL_CACHE",
        ) from None


def trust(folder: Path) -> None:
    """Refuse a folder in which somebody else could change what will run."""
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise Trouble(
            f"{folder} belongs to another user, who could change what runs here",
            "remove it, or name another folder in RUNNER_TOOL_CACHE",
        )
    folder.chmod(stat.S_IMODE(found.st_mode) & ~0o022)


def is_complete(home: Path) -> bool:
    """Whether another one has made it meanwhile; the same question as `is_ready` of bin/run."""
    noted = home / "python"
    with suppress(OSError):
        if noted.stat().st_uid == os.geteuid():
            python = Path(noted.read_text(encoding="utf-8").rstrip("\n"))
            return os.access(python, os.X_OK) and python.stat().st_mtime <= noted.stat().st_mtime
    return False


def make(lock: Path, home: Path) -> None:
    """Install into a new folder, and give it its name."""
    beside = f"{home.name}.making-"
    for left in home.parent.glob(f"{beside}*"):
        shutil.rmtree(left, ignore_errors=True)
    making = Path(tempfile.mkdtemp(prefix=beside, dir=home.parent))
    try:
        print("Installing what Tidemill needs, once on this machine ...", file=sys.stderr)  # noqa: T201
        runtime = making / "requirements.txt"
        runtime.write_text(needed(lock.read_text(encoding="utf-8")), encoding="utf-8")
        install(runtime, making)
        (making / "pycache").mkdir(mode=0o700)
        (making / "python").write_text(f"{interpreter()}\n", encoding="utf-8")
        making.chmod(0o755)
        if home.exists():
            home.rename(Path(tempfile.mkdtemp(prefix=beside, dir=home.parent)) / "old")
        making.rename(home)
    finally:
        for left in home.parent.glob(f"{beside}*"):
            shutil.rmtree(left, ignore_errors=True)


def needed(lock: str) -> str:
    """The part of the lock that Tidemill needs to run."""
    return LEFT_OUT.sub("", lock.partition(f"\n{TOOLS}")[0] + "\n")


def install(requirements: Path, making: Path) -> None:
    """Run uv or pip; both are told to check hashes and to follow no dependency."""
    common = ["--quiet", "--no-deps", "--require-hashes", "--target", str(making / "packages")]
    environment = passed_on(os.environ)  # noqa: TID251
    if uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--no-cache", "--python", sys.executable, *common]
    else:
        command = [sys.executable, "-I", "-m", "pip", "install", "--no-cache-dir", "--no-compile"]
        command += common
        environment = {"PIP_RETRIES": str(TIMES), **environment, **PIP}
    done = subprocess.run(  # noqa: S603
        [*command, "--requirement", str(requirements)],
        cwd="/",  # uv looks for settings in the working directory, and in all above it
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        raise not_installed(Path(command[0]).name if uv else "pip", done.stdout)


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """What pip or uv get to see; a configuration only where no checkout can have brought it."""
    found = {
        name: value
        for name, value in environment.items()
        if OF_THE_NETWORK.fullmatch(name) or not NOT_PASSED_ON.fullmatch(name)
    }
    workspace = Path(environment.get("GITHUB_WORKSPACE") or "/nowhere").resolve()
    for name in ("PIP_CONFIG_FILE", "UV_CONFIG_FILE"):
        file = Path(found.get(name, os.devnull))
        if not file.is_absolute() or file.resolve().is_relative_to(workspace):
            found.pop(name, None)
    return found


def not_installed(name: str, output: bytes) -> Trouble:
    """Say what uv or pip said last, and what may help."""
    text = output.decode(errors="replace").strip()
    last = "\n".join(f"  {name}: {line}" for line in text.splitlines()[-LINES:])
    print(last, file=sys.stderr)  # noqa: T201
    if MISMATCH.search(text):
        return Trouble(
            f"{name} got a package that is not the one of requirements.lock",
            "find out which index it comes from (PIP_INDEX_URL, UV_INDEX_URL, their configuration) "
            "and who changed it there; don't use it",
        )
    return Trouble(
        f"{name} could not install the packages of requirements.lock",
        "let this machine reach the Python package index, or name a mirror in PIP_INDEX_URL "
        "(UV_INDEX_URL for uv), and run it again",
    )


def interpreter() -> Path:
    """The Python itself: not a shim, whose choice changes, nor an environment's, which may go."""
    base = Path(getattr(sys, "_base_executable", None) or sys.executable)
    real = Path(os.path.realpath(base))
    check = "import sys; print(sys.version_info[:3])"
    for found in (real, base):
        done = subprocess.run(  # noqa: S603
            [found, "-I", "-S", "-c", check], capture_output=True, check=False
        )
        if done.stdout.decode().strip() == str(sys.version_info[:3]):
            return found
    return Path(sys.executable)


def main() -> int:
    """Prepare; 1 if it can't be done."""
    os.umask(0o022)
    try:
        prepare(Path(sys.argv[1]), Path(sys.argv[2]), is_new=sys.argv[3:] == ["new"])
    except Trouble as trouble:
        sys.stderr.write(
            f"error: {trouble.what}.\n  written: nothing\n  remedy: {trouble.remedy}\n"
        )
        if os.environ.get("GITHUB_ACTIONS") == "true":  # noqa: TID251
            text = f"{trouble.what}. Remedy: {trouble.remedy}".replace("%", "%25")
            sys.stdout.write(f"::error title=Tidemill::{' '.join(text.split())}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
