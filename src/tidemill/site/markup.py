"""Markup that can't be forgotten to be escaped: whatever is not made by `el` is text.

A template language would be another language, which no type checker reads, and 1.4 MB in the
environment of every action; this takes one function.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from tidemill.words.names import visible

_WEB = re.compile(r"https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?([/?#][!-~]*)?")
VOID = frozenset({"br", "input", "link", "meta", "path", "rect"})


class Markup(str):
    """Text that is markup already. Only this file makes it."""

    __slots__ = ()


Child: TypeAlias = str | Iterable["Child"] | None
Value: TypeAlias = str | int | float | bool | None


def el(name: str, /, *children: Child, **attributes: Value) -> Markup:
    """An element.

    Args:
        children: markup, or texts, which are escaped; None is nothing.
        attributes: by name, where `_` stands for `-`, and one at the end for nothing; those that
            are None or False are left out, True has no value.
    """
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{joined(children)}</{name}>")


def joined(*children: Child) -> Markup:
    """Several one after the other."""
    return Markup("".join(_text(child) for child in children))


def document(head: Child, body: Child) -> bytes:
    """A whole page of HTML."""
    html = el("html", el("head", head), body, lang="en")
    return f"<!doctype html>\n{html}\n".encode()


def xml(root: Markup) -> bytes:
    """A whole document of XML."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n{root}\n'.encode()


def web_address(text: str | None) -> str | None:
    """An address that a link may lead to; None for any other scheme, and for none."""
    return text if text and _WEB.fullmatch(text) else None


def _text(child: Child) -> str:
    match child:
        case None:
            return ""
        case Markup():
            return str(child)
        case str():
            return escape(visible(child))
        case _:
            return "".join(_text(one) for one in child)


def _attribute(key: str, value: Value) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(visible(str(value)))}"'
