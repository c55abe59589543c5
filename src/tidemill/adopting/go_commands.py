"""Go: the folders of main packages."""

from __future__ import annotations

import re

from tidemill.adopting.tree import Tree

_MAIN = re.compile(r"(?m)^package main\b")


def commands(tree: Tree) -> list[str]:
    """The folders that `go build` makes a program of, where there is a module."""
    if not any(path.name == "go.mod" for path in tree.paths):
        return []
    found = {
        str(path.parent)
        for path in tree.paths
        if path.suffix == ".go"
        and not path.name.endswith("_test.go")
        and _MAIN.search(text := tree.text(str(path)))
        and "//go:build ignore" not in text
    }
    return sorted(found)


def module(tree: Tree) -> str:
    """The last part of the name of the module at the root; empty if there is none."""
    found = re.search(r"(?m)^module\s+(\S+)", tree.text("go.mod"))
    return found[1].rpartition("/")[2] if found else ""
