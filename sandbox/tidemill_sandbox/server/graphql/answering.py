"""GraphQL: every query is held against GitHub's own schema, and answered as far as we have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from tidemill_sandbox import npm_files
from tidemill_sandbox.server.graphql.costs import TooMuch, usage
from tidemill_sandbox.server.graphql.fields import FIELDS, Asker


class Unsupported(Exception):
    """The query asks for something that GitHub has, and we have not."""


@cache
def schema() -> GraphQLSchema:
    """GitHub's public schema; that takes seconds, so it is read at the first query."""
    text = npm_files.file_of(npm_files.GRAPHQL, "schema.graphql").read_text()
    return build_schema(text, assume_valid=True, no_location=True)


def answered(
    asker: Asker,
    body: Mapping[str, Any],
    count: Callable[[int], bool],
    deviate: Callable[[str], None],
) -> dict[str, Any]:
    """The answer to a query: `data`, `errors`, or both.

    Args:
        body: `query` and `variables`.
        count: is told the points that the query costs, and says whether they are granted.
        deviate: is told where a query is none that GitHub takes.

    Raises:
        Unsupported: nothing was looked up.
    """
    variables = body.get("variables") or {}
    try:
        document = parse(str(body.get("query") or ""))
        wrong = validate(schema(), document)
    except GraphQLError as error:
        wrong, document = [error], DocumentNode(definitions=())
    if wrong:
        deviate(f"a query is not what GitHub's schema has: {wrong[0].message}")
        return {"errors": [_formatted(error) for error in wrong]}
    try:
        used = usage(schema(), document, variables)
    except TooMuch as error:
        deviate(f"a query asks for too much: {error}")
        return {"errors": [{"type": error.kind, "message": str(error)}]}
    _check_supported(used.fields)
    if not count(used.points):
        message = "API rate limit already exceeded"
        return {"errors": [{"type": "RATE_LIMITED", "message": message}]}
    found = execute_sync(
        schema(),
        document,
        context_value=asker,
        variable_values=variables,
        field_resolver=_resolved,
        type_resolver=lambda value, *_: value["__typename"],
    )
    errors = {"errors": [_formatted(error) for error in found.errors]} if found.errors else {}
    return {"data": found.data, **errors}


def _check_supported(used: Mapping[str, set[str]]) -> None:
    for name, arguments in used.items():
        known = FIELDS.get(name)
        if known is None:
            raise Unsupported(f"The stand-in for GitHub does not have {name}")
        if more := arguments - known.arguments:
            raise Unsupported(f"The stand-in for GitHub does not have {name}({', '.join(more)})")


def _resolved(source: Any, info: GraphQLResolveInfo[Asker], **given: Any) -> Any:
    kinds = (info.parent_type, *info.parent_type.interfaces)
    names = (f"{kind.name}.{info.field_name}" for kind in kinds)
    found = next(FIELDS[name] for name in names if name in FIELDS)
    return found.resolve(info.context, source, given)


def _formatted(error: GraphQLError) -> dict[str, Any]:
    """An error as GitHub shows it: with its type beside the message."""
    shown: dict[str, Any] = dict(error.formatted)
    kind = (shown.pop("extensions", None) or {}).get("type")
    return {"type": kind, **shown} if kind else shown
