"""Run one command as nobody, in a view of the machine that has nothing in it but its own business.

This file is started by itself, as root, by `tidemill.clients.machine.enclosure`: it imports nothing
of Tidemill. Its input is the `Plan`, by marshal, and its argument how many bytes that is. When the
input ends, so does the command, and with it everything that it started. What the command prints
goes to standard output, and what became of it to standard error: `code 3`; `limit written`, `limit
processes` or `limit /tmp`, where it used more than it may; or any other line, which is why it was
not run.

The command is in a process namespace of its own (it sees no other process, and none of its own
outlives it) and in a mount namespace of its own, which ends with it:

- every file system is read-only, but for the folders that it may write in;
- the folders that are hidden are empty, but for what is shown of them; so is every socket's place;
- /tmp, /var/tmp, /dev/shm and /proc are new, and no program gains rights by its owner.

It is the user nobody: no groups, no capabilities, and none to be had. What it may write is limited,
and so is the number of its processes and threads: else it could stop the machine for others.
"""

# It is started for each command: pathlib, json and typing would take longer than all the rest.
# ruff: noqa: PTH103, PTH110, PTH112, PTH116, PTH120, PTH123, PTH208

from __future__ import annotations

import ctypes
import marshal
import os
import resource
import select
import signal
import stat
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn, TypedDict

    class Plan(TypedDict):
        """What to run, and what it may see.

        Attributes:
            command: the program, looked for in the PATH of `env`, and its arguments.
            env: its whole environment.
            folder: where it is run.
            writable: folders that are given to it while it runs, with all that is in them.
            readable: folders and files that it sees although something above them is hidden.
            hidden: folders and files that it does not see.
            owner: whose the writable folders are when it has ended: user and group.
            written: how many bytes the writable folders and its output may come to hold.
            processes: how many processes and threads there may be of it.
        """

        command: list[str]
        env: dict[str, str]
        folder: str
        writable: list[str]
        readable: list[str]
        hidden: list[str]
        owner: list[int]
        written: int
        processes: int


NOBODY = 65534
_PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
_FRESH = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - they are replaced, not used

# <sched.h>, <sys/mount.h>, <sys/prctl.h>
_NEW_MOUNTS, _NEW_IPC, _NEW_PIDS = 0x00020000, 0x08000000, 0x20000000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_PROGRAMS = 1, 2, 4, 8
_REMOUNT, _BIND, _ALL_BELOW, _PRIVATE = 32, 4096, 16384, 1 << 18
_KEPT_FLAGS = {
    "ro": _READ_ONLY,
    "nosuid": _NO_SUID,
    "nodev": _NO_DEVICES,
    "noexec": _NO_PROGRAMS,
    "noatime": 1024,
    "nodiratime": 2048,
    "relatime": 1 << 21,
}
_DIE_WITH_PARENT, _DROP_CAPABILITY, _NO_NEW_RIGHTS = 1, 24, 38
_CAPABILITIES = 64
_LOOK = 0.5  # seconds between two looks at what it uses
_SHARE = 20  # and so many times as long as a look takes
_FULL = 1 << 20  # so many bytes left are none
_BLOCK = 4096
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the end of the input says it all
_CHANGED_SIGNALS = (*_IGNORED, signal.SIGPIPE, signal.SIGXFSZ)  # the last two by Python
_TOO_LARGE = 128 + signal.SIGXFSZ
_NEW_KEYS = {"x86_64": 250, "aarch64": 219}  # keyctl(KEYCTL_JOIN_SESSION_KEYRING) by machine

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Read the plan, lend the folders, run, and give them back."""
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o022)  # what is made on the way must be seen by the command, whoever started this
    try:
        plan = _plan()
        try:
            _own(plan["writable"], [NOBODY, NOBODY])
            said = _supervise(plan)
        finally:
            _own(plan["writable"], plan["owner"])
    except (OSError, EOFError, ValueError) as error:
        said = _in_words(error)
    _say(said)


def _plan() -> Plan:
    """The plan; of the input no byte more is taken than that: its end is waited for."""
    size, data = int(sys.argv[1]), b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            raise EOFError("the input has ended")
        data += more
    plan: Plan = marshal.loads(data)  # noqa: S302 - from whoever started this, by the same Python
    return plan


def _own(folders: list[str], owner: list[int]) -> None:
    """Give folders to a user; chown itself takes any depth, and follows no link."""
    words = ["chown", "-hR", f"{owner[0]}:{owner[1]}", "--", *folders]
    pid = os.posix_spawnp("chown", words, _PATH, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
    if os.waitpid(pid, 0)[1]:
        raise OSError(0, "chown failed", folders[0])


def _supervise(plan: Plan) -> str:
    """Start the first process of the new namespace; end it when our input ends, or at a limit."""
    ours = os.open("/proc/self/ns/pid", os.O_RDONLY)
    alive, held = os.pipe()
    _checked(_libc.unshare(_NEW_PIDS), "unshare")
    pid = os.fork()
    if pid == 0:
        os.close(held)
        _first_process(plan, alive)
    os.close(alive)
    _checked(_libc.setns(ours, _NEW_PIDS), "setns")
    handle = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    poll.register(handle, select.POLLIN)
    pause, hit = _LOOK, ""
    while not (ready := dict(poll.poll(pause * 1000))) and not hit:
        began = time.monotonic()
        if hit := _limit(plan, pid):
            os.kill(pid, signal.SIGKILL)
        pause = max(_LOOK, _SHARE * (time.monotonic() - began))
    if handle not in ready:
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    is_too_much = code == _TOO_LARGE or (handle in ready and _written(plan) > plan["written"])
    return hit or ("limit written" if is_too_much else f"code {code}")


def _limit(plan: Plan, pid: int) -> str:
    """Which limit the command has passed by now, if any."""
    if _tasks(pid) > plan["processes"]:
        return "limit processes"
    return "limit written" if _written(plan, pid) > plan["written"] else ""


def _tasks(pid: int) -> int:
    """How many processes and threads there are in the namespace, as its own /proc has them."""
    place, count = f"/proc/{pid}/root/proc", 0
    try:
        if os.stat(place).st_dev == os.stat("/proc").st_dev:
            return 0  # it has no view of its own yet
        for name in os.listdir(place):
            if name.isdigit():
                try:
                    count += os.stat(f"{place}/{name}/task").st_nlink - 2
                except OSError:  # it has ended
                    continue
    except OSError:
        return 0
    return count


def _written(plan: Plan, pid: int | None = None) -> int:
    """How many bytes the writable folders and the output hold; du takes any depth.

    A file without content takes room, too, as much as a block. And one that is open takes it after
    its name is gone: those of the namespace of `pid` are counted as well.
    """
    held = max(_used(plan, "-k") * 1024, _used(plan, "--inodes") * _BLOCK)
    nameless = _nameless(plan, pid) if pid is not None else 0
    return held + nameless + os.fstat(1).st_blocks * 512


def _used(plan: Plan, what: str) -> int:
    """What du counts of the writable folders."""
    ours, its = os.pipe()
    words = ["du", "-sx", what, "--", *plan["writable"]]
    actions = [(os.POSIX_SPAWN_DUP2, its, 1), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawnp("du", words, _PATH, file_actions=actions)
    os.close(its)
    with open(ours, "rb") as file:
        lines = file.read().splitlines()
    os.waitpid(pid, 0)
    return sum(int(line.split(b"\t")[0]) for line in lines if line.split(b"\t")[0].isdigit())


def _nameless(plan: Plan, pid: int) -> int:
    """How many bytes open files hold that are in no folder any more; without the output."""
    place, found = f"/proc/{pid}/root/proc", {}
    try:
        disks = {os.stat(path).st_dev for path in plan["writable"]}
        if os.stat(place).st_dev == os.stat("/proc").st_dev:
            return 0  # it has no view of its own yet
        folders = [f"{place}/{name}/fd" for name in os.listdir(place) if name.isdigit()]
    except OSError:
        return 0
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:  # it has ended
            continue
        for name in names:
            try:
                file = os.stat(f"{folder}/{name}")
            except OSError:  # it has closed the file
                continue
            if file.st_nlink == 0 and file.st_dev in disks:
                found[file.st_dev, file.st_ino] = file.st_blocks * 512
    output = os.fstat(1)
    found.pop((output.st_dev, output.st_ino), None)
    return sum(found.values())


def _first_process(plan: Plan, alive: int) -> NoReturn:
    """Make the view, start the command in it, and wait for it; the rest ends with this process."""
    code = 1
    try:
        _checked(_libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL), "prctl")
        waiting = select.poll()
        waiting.register(alive, 0)
        if not waiting.poll(0):  # else whoever started this has ended before it could be told
            _make_view(plan)
            command = os.fork()
            if command == 0:
                _become(plan)
            ended, status = os.wait()
            while ended != command:
                ended, status = os.wait()
            code = os.waitstatus_to_exitcode(status)
            if code != 0:
                _say_full()
    except OSError as error:
        _say(_in_words(error))
    finally:
        os._exit(code if code >= 0 else 128 - code)


def _say_full() -> None:
    """Name the folders in memory that are full: it may well have failed for that."""
    for path in _FRESH:
        found = os.statvfs(path)
        if found.f_bavail * found.f_frsize < _FULL:
            _say(f"limit {path}")


def _become(plan: Plan) -> NoReturn:
    """Be nobody, and then the command."""
    try:
        os.setsid()
        os.chdir(plan["folder"])
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _allow(resource.RLIMIT_FSIZE, plan["written"])
        # Beyond what is named: this is for what grows faster than anyone looks.
        _allow(resource.RLIMIT_NPROC, 2 * plan["processes"])
        for number in _CHANGED_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        if os.uname().machine in _NEW_KEYS:
            _libc.syscall(_NEW_KEYS[os.uname().machine], 1, None)
        for capability in range(_CAPABILITIES):
            _libc.prctl(_DROP_CAPABILITY, capability, 0, 0, 0)
        _checked(_libc.prctl(_NO_NEW_RIGHTS, 1, 0, 0, 0), "prctl")
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        report = os.dup(2)  # closed when the command starts
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(1, 2)
        try:
            os.execvpe(plan["command"][0], plan["command"], plan["env"])  # noqa: S606
        except OSError as error:
            os.dup2(report, 2)
            raise error
    except OSError as error:
        _say(_in_words(error))
    finally:
        os._exit(1)


def _allow(what: int, most: int) -> None:
    """Set a limit, unless there is a lower one."""
    hard = resource.getrlimit(what)[1]
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (wanted, wanted))


def _make_view(plan: Plan) -> None:
    """Hide, show, and make read-only; nothing of it is seen outside."""
    _checked(_libc.unshare(_NEW_MOUNTS | _NEW_IPC), "unshare")
    _mount(None, "/", None, _ALL_BELOW | _PRIVATE)
    kept = {path: os.open(path, os.O_PATH) for path in plan["readable"] + plan["writable"]}
    hidden = {path for path in (*plan["hidden"], *_FRESH) if os.path.isdir(path)}
    hidden |= {above for path in kept for above in _shut(path)}
    files = {path for path in plan["hidden"] if os.path.exists(path)}
    for path in (files | _sockets()) - hidden:
        if path not in plan["writable"] and not any(_is_below(path, above) for above in hidden):
            _mount(os.devnull, path, None, _BIND)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    size = max(_FULL, min(plan["written"], memory // 4))
    # From the top down: what is shown of a hidden folder may have something to hide again.
    for path in sorted(hidden | kept.keys(), key=lambda path: (path.count("/"), path)):
        if path in hidden:
            if os.path.isdir(path):
                mode = f"mode=1777,size={size}" if path in _FRESH else "mode=755"
                _mount("tmpfs", path, "tmpfs", _NO_SUID | _NO_DEVICES, mode)
        elif path in plan["writable"] or any(_is_below(path, above) for above in hidden):
            _show(path, kept[path])
    _mount("proc", "/proc", "proc", _NO_SUID | _NO_DEVICES | _NO_PROGRAMS)
    _make_read_only(but={*plan["writable"], *_FRESH, "/proc"}, ours=set(plan["readable"]))
    for handle in kept.values():
        os.close(handle)


def _sockets() -> set[str]:
    """Sockets with a name: of this network, or mounted here by themselves, as into a container."""
    with open("/proc/self/net/unix", "rb") as file:
        named = [os.fsdecode(line.split(None, 7)[7].strip()) for line in file if b" /" in line]
    found = set()
    for path in (*named, *(path for path, _ in _mounted())):
        try:
            if stat.S_ISSOCK(os.stat(path).st_mode):
                found.add(os.path.realpath(path))
        except (OSError, ValueError):
            continue
    return found


def _shut(path: str) -> Iterator[str]:
    """The folder above a path that others may not go into, if there is one."""
    parts = path.split("/")[1:-1]
    for end in range(1, len(parts) + 1):
        above = "/" + "/".join(parts[:end])
        if not os.stat(above).st_mode & stat.S_IXOTH:
            yield os.path.realpath(above)
            return


def _show(path: str, handle: int) -> None:
    """Put what a handle is of where it was, though what is above it is hidden now."""
    if os.path.isdir(f"/proc/self/fd/{handle}"):
        os.makedirs(path, exist_ok=True)
    elif not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o444))
    _mount(f"/proc/self/fd/{handle}", path, None, _BIND | _ALL_BELOW)


def _make_read_only(but: set[str], ours: set[str]) -> None:
    """Make all that is mounted read-only, and see that it is; what is beneath is out of reach."""
    for path, flags in _mounted():
        wanted = flags | _NO_SUID | (0 if path in but else _READ_ONLY)
        if path in but:
            wanted &= ~_READ_ONLY
        try:
            _mount(None, path, None, _REMOUNT | _BIND | wanted)
        except OSError:
            if path in ours:
                raise
            # Else it is out of sight by now, and what is there instead is judged below.
    for path, _ in _mounted():
        try:
            is_read_only = os.statvfs(path).f_flag & os.ST_RDONLY
        except OSError:
            continue
        if not is_read_only and not any(path == one or _is_below(path, one) for one in but):
            raise OSError(0, "it can't be made read-only", path)


def _mounted() -> list[tuple[str, int]]:
    """Where something is mounted, and with which flags (proc_pid_mountinfo(5))."""
    found = []
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            words = line.split(b" ")
            path = os.fsdecode(words[4].decode("unicode_escape").encode("latin-1"))
            options = words[5].decode().split(",")
            found.append((path, sum(_KEPT_FLAGS.get(option, 0) for option in options)))
    return found


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _mount(source: str | None, path: str, kind: str | None, flags: int, data: str = "") -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, path, kind)]
    _checked(_libc.mount(*words, ctypes.c_ulong(flags), data.encode() or None), "mount", path)


def _checked(result: int, what: str, path: str | None = None) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}", path)


def _in_words(error: Exception) -> str:
    if not isinstance(error, OSError):
        return f"its plan could not be read: {error}"
    return f"{error.strerror}{f' ({error.filename})' if error.filename else ''}"


def _say(said: str) -> None:
    os.write(2, os.fsencode(f"{said}\n"))


if __name__ == "__main__":
    main()
