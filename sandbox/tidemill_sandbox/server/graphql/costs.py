"""What a query uses of GitHub's schema, and what it costs.

GitHub counts the calls that it would take to get each connection, with as many nodes as `first` or
`last` allow; a hundred of them are a point. A query may touch half a million nodes
(docs.github.com, "Rate limits and query limits for the GraphQL API").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    value_from_ast_untyped,
)

MOST_OF_CONNECTION, MOST_NODES = 100, 500_000
_BOUNDS = ("first", "last")


class TooMuch(Exception):
    """A query asks for more than GitHub gives: `kind` is GitHub's type of the error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass
class Usage:
    """What a query uses.

    Attributes:
        fields: each `Type.field`, with the arguments that it is given.
        calls: how many calls it would take without GraphQL.
        nodes: how many it may touch.
    """

    fields: dict[str, set[str]] = field(default_factory=dict)
    calls: int = 0
    nodes: int = 0

    @property
    def points(self) -> int:
        """What it counts against the hourly limit."""
        return max(1, round(self.calls / 100))


def usage(schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> Usage:
    """What a valid query uses.

    Raises:
        TooMuch: a connection has no bound or too high a one, or all of it touches too many nodes.
    """
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    walk = _Walk(schema, fragments, variables)
    for one in document.definitions:
        root = schema.query_type
        if isinstance(one, OperationDefinitionNode) and root is not None:
            walk.through(one.selection_set, root, 1)
    if walk.found.nodes > MOST_NODES:
        raise TooMuch(
            "MAX_NODE_LIMIT_EXCEEDED",
            f"This query requests up to {walk.found.nodes:,} possible nodes which exceeds the "
            f"maximum limit of {MOST_NODES:,}.",
        )
    return walk.found


@dataclass
class _Walk:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    found: Usage = field(default_factory=Usage)

    def through(self, part: SelectionSetNode, kind: GraphQLCompositeType, times: int) -> None:
        """Note what a part of the query uses, that is asked for `times` times."""
        for one, of in self._fields(part, kind):
            name = one.name.value
            if name.startswith("__"):
                continue
            arguments = {each.name.value: each.value for each in one.arguments or ()}
            self.found.fields.setdefault(f"{of.name}.{name}", set()).update(arguments)
            inner = get_named_type(of.fields[name].type)
            many = times
            if inner.name.endswith("Connection"):
                many = times * self._bound(name, arguments)
                self.found.calls += times
                self.found.nodes += many
            if one.selection_set and isinstance(inner, GraphQLObjectType | GraphQLInterfaceType):
                self.through(one.selection_set, inner, many)

    def _fields(
        self, part: SelectionSetNode, kind: GraphQLCompositeType
    ) -> Iterator[tuple[FieldNode, GraphQLObjectType | GraphQLInterfaceType]]:
        for one in part.selections:
            if isinstance(one, FieldNode):
                if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
                    yield one, kind
            elif isinstance(one, FragmentSpreadNode):
                fragment = self.fragments[one.name.value]
                of = self._named(fragment.type_condition.name.value, kind)
                yield from self._fields(fragment.selection_set, of)
            elif isinstance(one, InlineFragmentNode):
                named = one.type_condition.name.value if one.type_condition else ""
                yield from self._fields(one.selection_set, self._named(named, kind))

    def _named(self, name: str, otherwise: GraphQLCompositeType) -> GraphQLCompositeType:
        found: Any = self.schema.get_type(name) if name else None
        return found or otherwise

    def _bound(self, name: str, arguments: Mapping[str, Any]) -> int:
        given = [
            value_from_ast_untyped(arguments[bound], dict(self.variables))
            for bound in _BOUNDS
            if bound in arguments
        ]
        if not given:
            raise TooMuch(
                "MISSING_PAGINATION_BOUNDARIES",
                f"You must provide a `first` or `last` value to properly paginate the `{name}` "
                "connection.",
            )
        if not 1 <= int(given[0]) <= MOST_OF_CONNECTION:
            raise TooMuch(
                "EXCESSIVE_PAGINATION",
                f"Requesting {given[0]} records on the `{name}` connection exceeds the `first` "
                f"limit of {MOST_OF_CONNECTION} records.",
            )
        return int(given[0])
