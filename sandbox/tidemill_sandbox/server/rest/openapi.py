"""GitHub's official description of its REST API, to hold requests and answers against.

The description is OpenAPI 3.0; what differs there from JSON Schema is translated: `nullable`, and
`discriminator`, which only repeats what `oneOf` says. What we answer must be described to the last
field, so an answer may have no field that the description lacks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tidemill_sandbox import npm_files

_OPEN, _CLOSED = "urn:github:open:", "urn:github:closed:"
# Where one of these stands, an object may have more fields than `properties` names.
_MORE = {"additionalProperties", "patternProperties", "anyOf", "oneOf"}


def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or not value or bool(urlsplit(value).scheme)


_FORMATS = FormatChecker(formats=())
_FORMATS.checks("date-time", raises=ValueError)(_is_time)
_FORMATS.checks("uri", raises=ValueError)(_is_uri)


@dataclass(frozen=True)
class Operation:
    """An operation of the API: `template` as `/repos/{owner}/{repo}`, `method` in lower case."""

    template: str
    method: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.template}"


class Description:
    """The operations that GitHub describes, and what their requests and answers look like."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._registry: Registry[Any] = Registry(
            retrieve=cache(self._component)  # type: ignore[call-arg]
        )
        self._validators: dict[tuple[Operation, str], Draft202012Validator | None] = {}

    def describes(self, operation: Operation) -> bool:
        """Whether GitHub has this operation."""
        return operation.method in self._document["paths"].get(operation.template, ())

    def find(self, method: str, path: str) -> Operation | None:
        """The operation that a path is of, of all that GitHub has."""
        for template, pattern in _patterns(tuple(self._document["paths"])):
            if pattern.fullmatch(path) and method in self._document["paths"][template]:
                return Operation(template, method)
        return None

    # --- what deviates: sentences, none where all is well

    def request(self, operation: Operation, body: Any) -> Iterator[ValidationError]:
        """How a body deviates from what the operation takes."""
        described = self._of(operation).get("requestBody")
        if described is None or body is None:
            return
        validator = self._validator(operation, "request", described, is_closed=False)
        if validator is not None:
            yield from sorted(validator.iter_errors(body), key=lambda error: list(error.path))

    def body_keys(self, operation: Operation) -> frozenset[str] | None:
        """The keys that a body may have, None where that is open."""
        described = self._resolved(self._of(operation).get("requestBody") or {})
        schema = self._resolved(_json_of(described) or {})
        keys = schema.get("properties")
        return frozenset(keys) if keys and not schema.get("additionalProperties") else None

    def query(self, operation: Operation, query: Mapping[str, str]) -> Iterator[str]:
        """How the parameters behind the `?` deviate."""
        known = {
            parameter["name"]: parameter.get("schema", {})
            for reference in self._of(operation).get("parameters", [])
            if (parameter := self._resolved(reference))["in"] == "query"
        }
        for name, value in query.items():
            if name not in known:
                yield f"{operation} has no parameter {name!r}"
                continue
            schema = self._resolved(known[name])
            match schema.get("type"):
                case "integer" if not re.fullmatch(r"-?\d+", value):
                    yield f"{operation}: {name} is not an integer: {value!r}"
                case "boolean" if value.lower() not in ("true", "false"):
                    yield f"{operation}: {name} is neither true nor false: {value!r}"
                case "string" if value not in schema.get("enum", [value]):
                    yield f"{operation}: {name} can't be {value!r}"
                case _:
                    pass

    def answer(self, operation: Operation, status: int, body: Any) -> str | None:
        """How an answer deviates, None where it does not. Errors have GitHub's one shape."""
        responses = self._of(operation)["responses"]
        described = responses.get(str(status))
        validator = None
        if described is not None:
            validator = self._validator(operation, str(status), described, is_closed=status < 300)
        if validator is None and status >= 400:
            # The description names few errors of each operation, and all operations have them.
            is_error = isinstance(body, dict) and "message" in body
            return None if is_error else f"{operation}: an error {status} without a message"
        if described is None:
            return f"{operation}: GitHub does not answer {status}"
        if validator is None:
            return None if body is None else f"{operation}: an answer {status} has no body"
        error = best_match(validator.iter_errors(body))
        if error is None:
            return None
        where = "/".join(map(str, error.absolute_path))
        return f"{operation}: answer {status}, at {where or 'its top'}: {error.message[:500]}"

    def _component(self, uri: str) -> Resource[Any]:
        """A part of the description, translated when it is first met: there are thousands."""
        is_closed = uri.startswith(_CLOSED)
        found: Any = self._document
        for part in uri.removeprefix(_CLOSED if is_closed else _OPEN).split("/"):
            found = found[part]
        return DRAFT202012.create_resource(_translated(found, is_closed=is_closed))

    def _of(self, operation: Operation) -> Any:
        return self._document["paths"][operation.template][operation.method]

    def _resolved(self, schema: Mapping[str, Any]) -> Any:
        found: Any = schema
        while "$ref" in found:
            reference = found["$ref"]
            found = self._document
            for part in reference.removeprefix("#/").split("/"):
                found = found[part]
        return found

    def _validator(
        self, operation: Operation, part: str, described: Mapping[str, Any], *, is_closed: bool
    ) -> Draft202012Validator | None:
        key = (operation, part)
        if key not in self._validators:
            schema = _json_of(self._resolved(described))
            self._validators[key] = (
                None
                if schema is None
                else Draft202012Validator(
                    _translated(schema, is_closed=is_closed),
                    registry=self._registry,
                    format_checker=_FORMATS,
                )
            )
        return self._validators[key]


@cache
def description() -> Description:
    """The description, got once per machine; raises as `npm_files.file_of` does."""
    file = npm_files.file_of(npm_files.REST, "generated/api.github.com.json")
    return Description(json.loads(file.read_bytes()))


def _json_of(described: Mapping[str, Any]) -> Any:
    content = described.get("content") or {}
    for kind in ("application/json", "application/scim+json"):
        if kind in content:
            return content[kind].get("schema", {})
    return None


@cache
def _patterns(templates: tuple[str, ...]) -> list[tuple[str, re.Pattern[str]]]:
    """Patterns of paths; what is fixed goes before what is open."""
    ordered = sorted(templates, key=lambda template: (template.count("{"), -len(template)))
    return [(template, pattern_of(template)) for template in ordered]


def pattern_of(template: str) -> re.Pattern[str]:
    """A template as a pattern; names that may have slashes take them."""
    parts = re.split(r"(\{\w+\})", template)
    return re.compile("".join(_part(part) for part in parts))


def _part(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    name = part[1:-1]
    return (
        f"(?P<{name}>.+)" if name in ("ref", "path", "branch", "basehead") else f"(?P<{name}>[^/]+)"
    )


def _translated(schema: Any, *, is_closed: bool) -> Any:
    """OpenAPI 3.0 as JSON Schema 2020-12; closed: objects have no field but the described ones."""
    match schema:
        case list():
            return [_translated(item, is_closed=is_closed) for item in schema]
        case {"$ref": str(reference)}:
            kind = _CLOSED if is_closed else _OPEN
            return {"$ref": kind + reference.removeprefix("#/")}
        case dict():
            return _translated_object(schema, is_closed=is_closed)
        case _:
            return schema


def _translated_object(schema: dict[str, Any], *, is_closed: bool) -> dict[str, Any]:
    # What `allOf` combines is not closed: each part lacks the fields of the others.
    is_closed = is_closed and "allOf" not in schema
    found: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "nullable" | "discriminator" | "example" | "examples" | "description" | "default":
                pass
            case "properties":
                found[key] = {
                    name: _translated(inner, is_closed=is_closed) for name, inner in value.items()
                }
            case "enum" | "required" | "type":
                found[key] = value
            case _:
                found[key] = _translated(value, is_closed=is_closed)
    if is_closed and "properties" in found and not found.keys() & _MORE:
        found["additionalProperties"] = False
    if schema.get("nullable") is True:
        return {"anyOf": [found, {"type": "null"}]}
    return found
