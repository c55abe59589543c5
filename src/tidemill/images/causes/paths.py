"""Causes that the path of a file tells, whatever is in it."""

from __future__ import annotations

import re

from tidemill.images.causes.cause import CANONICAL, Cause

_PACKAGES = Cause(
    "package-manager log",
    "a package manager keeps logs or caches there, with times and orders of its own",
    "delete it in the step that installs, or copy only what is needed into the image",
)
_DATABASE = Cause(
    "package-manager log",
    "a package manager keeps its database there, with times and orders of its own",
    "install in one order, and copy only what is needed into the image",
)
_LISTS = Cause(
    "package lists",
    "apt's lists of packages change whenever the archive does",
    "delete /var/lib/apt/lists in the step that installs, or use a snapshot of the archive",
)
_LINKER = Cause(
    "ldconfig cache",
    "ldconfig keeps times and inode numbers there",
    "delete /var/cache/ldconfig/aux-cache in the same step",
)
_LOG = Cause(
    "log", "a log of the build was left in the image", "delete it in the step that writes it"
)
_RANDOM = Cause(
    "random id",
    "it is drawn at random when it is made",
    "delete it, and let it be made when the container starts",
)
_MACHINE = Cause(
    "machine name",
    "the builder's machine wrote its names and addresses there",
    "leave the file out of the image: the engine writes its own",
)
_SHADOW = Cause(
    "embedded time",
    "the day on which a password was last set stands in it",
    "set the day yourself, as with `chage -d 0`, or SOURCE_DATE_EPOCH where useradd knows it",
)
_GIT = Cause(
    "Git's repository",
    "Git keeps its repository there, which is another in each clone and with each commit",
    "name .git in the .dockerignore, or copy only what is needed into the image",
)
_RECORD = Cause(
    "python installer",
    "pip or uv lists hashes or times of what was installed there, so it follows the other files",
    "see to the other files first; with uv, UV_NO_INSTALLER_METADATA=1",
)
_PYC = Cause(
    "pyc",
    "Python compiles a module when it is installed or first imported",
    "install with --no-compile, and set PYTHONDONTWRITEBYTECODE=1",
)
_STUB = Cause(
    "builder's folder",
    "builders leave the places where they mount file systems for RUN, each in its own way",
    CANONICAL,
)
_WHITEOUT = Cause(
    "whiteout",
    "builders and file systems note in different ways what a layer takes away",
    CANONICAL,
)

_KNOWN = tuple(
    (re.compile(form), cause)
    for form, cause in (
        (r"var/lib/apt/lists(/.*)?", _LISTS),
        (r"var/cache/ldconfig(/.*)?", _LINKER),
        (r"var/log/(apt|dnf|yum|zypp)(/.*)?", _PACKAGES),
        (r"var/log/(dpkg|alternatives|dnf|yum|zypper|apt-get|hawkey|bootstrap|apk).*", _PACKAGES),
        (r"var/cache/(apt|dpkg|apk|dnf|yum|rpm|zypp|debconf|pacman)(/.*)?", _PACKAGES),
        (r"var/lib/(apt|dpkg|apk|dnf|yum|rpm|zypp|pacman)(/.*)?", _DATABASE),
        (r"(usr/)?lib/(apk/db|sysimage/rpm)(/.*)?|etc/apk/(cache|world)", _DATABASE),
        (r"(.*/)?\.(cache/(pip|uv|yarn|go-build)|npm/_\w+)(/.*)?", _PACKAGES),
        (r"usr/local/share/\.cache(/.*)?|var/cache/(man|fontconfig)(/.*)?", _PACKAGES),
        (r"(.*/)?node_modules/\.(package-lock\.json|cache(/.*)?)", _PACKAGES),
        (r"(etc|var/lib/dbus)/machine-id|var/lib/systemd/random-seed", _RANDOM),
        (r"etc/ssh/ssh_host_\w+_key(\.pub)?", _RANDOM),
        (r"(etc/ssl/private|etc/ssl/certs)/ssl-cert-snakeoil\.(key|pem)", _RANDOM),
        (r"etc/(hostname|hosts|resolv\.conf|mailname|mtab)", _MACHINE),
        (r"etc/g?shadow-?", _SHADOW),
        (r"(.*/)?\.git(/.*)?", _GIT),
        (r".*\.dist-info/(RECORD|uv_cache\.json|direct_url\.json)", _RECORD),
        (r"var/log/.*", _LOG),
    )
)
_ONLY_THERE = (
    (re.compile(r"(.*/)?__pycache__(/.*)?|.*\.pyc"), _PYC),
    (re.compile(r"(proc|sys|dev|run)(/.*)?|\.dockerenv"), _STUB),
    (re.compile(r"(.*/)?\.wh\.[^/]+"), _WHITEOUT),
)


def of_path(path: str) -> Cause | None:
    """What is known of the file at a path (without a slash first)."""
    return next((cause for form, cause in _KNOWN if form.fullmatch(path)), None)


# What will still be there when the image runs, and does no good there.
_SURPRISING = (_PACKAGES, _LISTS, _LINKER, _LOG, _RANDOM, _GIT)
_MAYBE = re.compile(
    r"var/.*|etc/(ss[hl]/.*|machine-id)|usr/local/share/.*|(.*/)?(\.(cache|npm|git)|node_modules/\.).*"
)


def surprise_at(path: str) -> Cause | None:
    """What is known of the file at a path, if that will surprise at run time."""
    cause = of_path(path) if _MAYBE.fullmatch(path) else None
    return cause if cause in _SURPRISING else None


def of_missing(path: str) -> Cause | None:
    """Why only one image has a path, where the path tells."""
    only = (cause for form, cause in _ONLY_THERE if form.fullmatch(path))
    return of_path(path) or next(only, None)
