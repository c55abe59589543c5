"""A command of a repository that looks for a token, and for ways to change what runs after it.

It is started in an entry point. Argument: a JSON file with the secret, and with the places to look
at. It prints JSON: what it found and what it could change, as lines, and none if it was nothing.
"""

import json
import os
import socket
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TRICKS = {
    "sudo": "sudo -n id",
    "su": "su root -c id",
    "remount": "mount -o remount,rw /",
    "namespace": "unshare -Urm sh -c 'mount -o remount,rw,bind / && touch /usr/local/changed'",
    "uncover": "unshare -Urm sh -c 'umount -l {home} && ls {home} | grep secret'",
    "host": "nsenter -t 1 -m ls /",
}


def reads(plan: dict[str, Any]) -> Iterator[str]:
    """Where the secret can be read."""
    secret = b64decode(plan["secret"])
    if secret in str(dict(os.environ)).encode():
        yield "environment"
    for number in numbers():
        for name in ("environ", "cmdline"):
            if secret in content(Path("/proc", number, name)):
                yield f"{name} of {number}"
    for place in plan["places"]:
        for parent, _, files in os.walk(place):
            for name in files:
                if secret in content(Path(parent, name)):
                    yield str(Path(parent, name))


def numbers() -> list[str]:
    """The processes that can be seen."""
    return [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]


def content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def writes(plan: dict[str, Any]) -> Iterator[str]:
    """What can be changed that it has no business with."""
    for place in plan["folders"]:
        try:
            Path(place, "changed").write_text("x")
            yield place
        except OSError:
            continue
    for place in plan["files"]:
        try:
            with Path(place).open("a") as file:
                file.write("changed")
            yield place
        except OSError:
            continue


def tricks(plan: dict[str, Any]) -> Iterator[str]:
    """Ways out."""
    for name, command in TRICKS.items():
        words = ["sh", "-c", command.format(home=plan["home"])]
        try:
            if subprocess.run(words, capture_output=True, check=False, timeout=300).returncode == 0:
                yield name
        except OSError:
            continue
    for path in plan["sockets"]:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(path)
                yield path
            except OSError:
                continue
    others = [number for number in numbers() if is_of_others(Path("/proc", number))]
    if others != ["1"]:
        yield f"processes {others}"
    for number in others:
        try:
            os.kill(int(number), 0)
            yield f"signals {number}"
        except OSError:
            continue


def is_of_others(process: Path) -> bool:
    try:
        return process.stat().st_uid != os.getuid()
    except OSError:
        return False


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    subprocess.Popen(["sleep", plan["daemon"]], start_new_session=True)
    found = {"reads": [*reads(plan)], "writes": [*writes(plan)], "tricks": [*tricks(plan)]}
    print(json.dumps({**found, "user": [os.getuid(), os.getgid(), os.getgroups()]}))


if __name__ == "__main__":
    main()
