"""A TOML file of a known form: its value; or what is wrong with it, and what was probably meant."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tidemill.words.nearest import did_you_mean
from tidemill.words.toml_lines import line_of

if TYPE_CHECKING:
    from msgspec.inspect import Type

_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_NONE_OF = re.compile(r"Invalid enum value '(.*)'", re.DOTALL)


_T = TypeVar("_T")


class Mistake(Exception):
    """What is wrong with a file: `line` is where (from 1), None where that is not known.

    `keys` are those at the top of the file, as far as it is TOML.
    """

    def __init__(self, line: int | None, reason: str, keys: Collection[str] = ()) -> None:
        super().__init__(reason)
        self.line, self.reason, self.keys = line, reason, keys


def decoded(text: str, form: type[_T], hook: Callable[[type, Any], Any] | None = None) -> _T:
    """The value of a TOML text.

    Args:
        form: the msgspec struct that the whole file is to become; `hook`: msgspec's `dec_hook`.

    Raises:
        Mistake: it is no TOML, or of another form.
    """
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise Mistake(None, "arrays or tables are too deep in one another") from None
    except ValueError as error:  # no TOML, or a number of thousands of digits
        raise Mistake(None, str(error)) from None
    try:
        return msgspec.convert(table, form, dec_hook=hook)
    except msgspec.ValidationError as error:
        raise Mistake(*_mistake(error, text, form), table.keys()) from None


def _mistake(error: msgspec.ValidationError, text: str, form: type) -> tuple[int | None, str]:
    message, _, path = str(error).partition(" - at `")
    path = path.rstrip("`")
    where = f" in {path[2:]}" if len(path) > len("$.") else ""
    return line_of(text, path, message), f"{message}{where}{_choice(message, path, form)}"


def _choice(message: str, path: str, form: type) -> str:
    """What could stand there, in parentheses, for a key or a value that can't."""
    for pattern, names in ((_UNKNOWN, "the keys there are"), (_NONE_OF, "it takes")):
        if (found := pattern.search(message)) and (known := _known(path, form)):
            return f" ({did_you_mean(found[1], known)}{names} {', '.join(known)})"
    return ""


def _known(path: str, form: type) -> tuple[str, ...]:
    """The keys of the table, or the values of the choice, that a path like `$.waves[0]` names."""
    from msgspec import inspect  # which only mistakes need

    at = [inspect.type_info(form)]
    for step in _STEP.finditer(path):
        inner = [kind for one in at for kind in _inside(one, step[1])]
        at = [one for kind in inner for one in _members(kind)]
    for one in at:
        match one:
            case inspect.StructType(fields=fields):
                return tuple(field.encode_name for field in fields)
            case inspect.LiteralType(values=values):
                return tuple(map(str, values))
            case _:
                pass
    return ()


def _inside(kind: Type, key: str | None) -> list[Type]:
    """What stands below a key of a table; in a list, without one."""
    if key is None:
        item = getattr(kind, "item_type", None)
        return [] if item is None else [item]
    return [one.type for one in getattr(kind, "fields", ()) if one.encode_name == key]


def _members(kind: Type) -> tuple[Type, ...]:
    """The kinds of a union, or the one that it is."""
    members: tuple[Type, ...] = getattr(kind, "types", (kind,))
    return members
