"""What may be a service besides Dockerfiles: commands of Go, projects of Python and Node."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

from tidemill.adopting.tree import Tree
from tidemill.words.documents import inside, text

_MAIN = re.compile(r"(?m)^package main\b")
_FOLDER = re.compile(r"[A-Za-z0-9._~+/-]+")  # Go takes no other one; it gets into a command


def go_commands(tree: Tree) -> list[str]:
    """The folders that `go build` makes a program of, where there is a module."""
    if not any(path.name == "go.mod" for path in tree.paths):
        return []
    found = {
        str(path.parent)
        for path in tree.paths
        if path.suffix == ".go"
        and _FOLDER.fullmatch(str(path.parent))
        and not path.name.endswith("_test.go")
        and _MAIN.search(code := tree.text(str(path)))
        and "//go:build ignore" not in code
    }
    return sorted(found)


def go_module(tree: Tree) -> str:
    """The last part of the name of the module at the root; empty if there is none."""
    found = re.search(r"(?m)^module\s+(\S+)", tree.text("go.mod"))
    return found[1].rpartition("/")[2] if found else ""


def python_projects(tree: Tree) -> dict[str, str]:
    """By folder, `.` at the root, the name of the project of Python there."""
    return _names(tree, "pyproject.toml", tomllib.loads, lambda one: text(one, "project", "name"))


def node_packages(tree: Tree) -> dict[str, str]:
    """By folder the name of the package of Node that can be started, without its scope."""

    def name(one: object) -> str:
        is_program = inside(one, "scripts", "start") or inside(one, "bin")
        return text(one, "name").rpartition("/")[2] if is_program else ""

    return _names(tree, "package.json", json.loads, name)


def _names(
    tree: Tree, file: str, parse: Callable[[str], Any], name: Callable[[object], str]
) -> dict[str, str]:
    found = {}
    for path in tree.paths:
        if path.name == file:
            try:
                found[str(path.parent)] = name(parse(tree.text(str(path))))
            except (ValueError, RecursionError):
                continue
    return {folder: called for folder, called in found.items() if called}
