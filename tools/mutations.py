"""The breaks of a file: one place of the source, and what else could stand there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path("src/tidemill")
_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
Place = Callable[[ast.AST], tuple[int, int]]
"""Where a node begins and ends, in characters."""
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One break: characters of a file, and what stands there instead."""

    file: Path
    line: int
    start: int
    end: int
    instead: str
    what: str
    rows: range
    """The lines of the statement: a test that reaches none of them does not notice."""
    in_function: bool

    def __str__(self) -> str:
        return f"{self.file.relative_to(SOURCE)}:{self.line}: {self.what}"

    @property
    def name(self) -> str:
        """How tools/mutants-known.txt names it: without the line's number, which moves."""
        return f"{self.file.relative_to(SOURCE)}: {self.what}"

    def broken(self, text: str) -> str:
        """The file's text with the break in it."""
        return text[: self.start] + self.instead + text[self.end :]


def mutants(file: Path) -> list[Mutant]:
    """All breaks of one file, from top to bottom."""
    text = (ROOT / file).read_text(encoding="utf-8")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def place(node: ast.AST) -> tuple[int, int]:
        at = [
            starts[row - 1] + len(text[starts[row - 1] :].encode()[:column].decode())
            for row, column in (
                (node.lineno, node.col_offset),  # type: ignore[attr-defined]
                (node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
            )
        ]
        return at[0], at[1]

    def mutant(start: int, end: int, instead: str) -> Mutant:
        row, last = (text.count("\n", 0, at) for at in (start, end))
        was, now = _shortened(text[start:end]), _shortened(instead)
        around = text.splitlines()[row].strip()
        what = f"{around}: {was} -> {now}" if was != around else f"{was} -> {now}"
        around_it = _statement(statements, row + 1, last + 1)
        inside = any(row + 1 in rows for rows in bodies)
        return Mutant(file, row + 1, start, end, instead, what, around_it, inside)

    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    statements = [_own_lines(one) for one in nodes if isinstance(one, ast.stmt)]
    bodies = [_body(one) for one in nodes if isinstance(one, ast.FunctionDef)]
    found = [
        mutant(start, end, instead)
        for node in _running(tree)
        for start, end, instead in _breaks(node, text, place)
    ]
    return sorted(found, key=lambda one: (one.start, one.end, one.instead))


def _own_lines(one: ast.stmt) -> range:
    """The lines of a statement, without those of the statements in it."""
    inner = [row.lineno for row in ast.walk(one) if isinstance(row, ast.stmt) and row is not one]
    last = one.end_lineno or one.lineno
    return range(one.lineno, min([last + 1, *(row for row in inner if row > one.lineno)]))


def _statement(statements: Sequence[range], first: int, last: int) -> range:
    """The lines of the statement that begins last before a place, and of all of the place."""
    around = [rows for rows in statements if first in rows]
    begin = max((rows.start for rows in around), default=first)
    end = max((rows.stop for rows in around if rows.start == begin), default=first)
    return range(begin, max(end, last + 1))


def _body(one: ast.FunctionDef) -> range:
    return range(one.body[0].lineno, (one.end_lineno or one.lineno) + 1)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the program does: no decorators, and nothing else that says what a class is,
    as whether its values are frozen: mypy sees to that. And nothing that only makes sure, as that
    two lists are of the same length."""
    yield node
    left_out = {"decorator_list", *(["keywords"] if isinstance(node, ast.ClassDef) else [])}
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and name not in left_out and not _makes_sure(child):
                yield from _running(child)


def _makes_sure(node: ast.AST) -> bool:
    match node:
        case ast.keyword(arg="strict", value=ast.Constant(value=True)):
            return True
        case _:
            return False


def _shortened(text: str) -> str:
    """Its first line, and the first line that is a statement of its own after that."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[0] + (" ..." if len(lines) > 1 else "")


def _breaks(node: ast.AST, text: str, place: Place) -> Iterator[tuple[int, int, str]]:
    """What can be put in the place of a node or of a part of it, so that something else happens."""
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            start, end = place(left)[1], place(right)[0]
            before = text[start:end]
            signs = before.strip(" ()\n")
            yield start, end, before.replace(signs, _COMPARED[type(op)])
        case ast.BoolOp(values=values, op=op):
            for one, other in pairwise(values):
                start, end = place(one)[1], place(other)[0]
                old, new = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
                yield start, end, text[start:end].replace(old, new)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield *place(node), f"({text[slice(*place(operand))]})"
        case ast.Constant(value=bool(value)):
            yield *place(node), str(not value)
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            yield *place(node), str(value + 1)
        case ast.Call(func=ast.Name(id=name) as called) if name in _CALLED:
            yield *place(called), _CALLED[name]
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            start, end = place(left)[1], place(right)[0]
            old, new = ("+", "-") if isinstance(op, ast.Add) else ("-", "+")
            if "[" not in text[slice(*place(node))] and '"' not in text[slice(*place(node))]:
                yield start, end, text[start:end].replace(old, new)
        case ast.stmt() if _may_be_left_out(node):
            yield *place(node), "pass"
        case ast.FunctionDef(body=body):
            yield from _swaps(body, text, place)
        case _:
            pass


def _may_be_left_out(node: ast.stmt) -> bool:
    """Whether a statement does something, and nothing after it needs a name from there."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Expr | ast.AugAssign | ast.Delete) and not is_text


def _swaps(body: list[ast.stmt], text: str, place: Place) -> Iterator[tuple[int, int, str]]:
    """The steps of a function, each in the place of the next one."""
    acts = (ast.Expr, ast.AugAssign, ast.If, ast.While, ast.For)
    for one, after in pairwise(body):
        is_text = isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
        if isinstance(one, acts) and isinstance(after, acts) and not is_text:
            (start, end), (then, last) = place(one), place(after)
            yield start, last, text[then:last] + text[end:then] + text[start:end]
