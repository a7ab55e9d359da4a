"""Holds what goes to X and comes from it against X's own description of its API."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SPEC = Path(__file__).parent.parent.parent.parent / "shared/data/x-openapi.json"
"""X's description lies beside the repository; it is not ours to copy."""

ABSENT = "the shared data with X's description of its API is not beside this repository"


@cache
def _spec() -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(SPEC.read_text("utf-8"))
    return spec


@cache
def _registry() -> Any:
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_spec()}
    return Registry().with_resource("urn:x", Resource.from_contents(draft))


@cache
def _validator(schema: str) -> Draft202012Validator:
    whole = json.loads(schema.replace('"#/components', '"urn:x#/components'))
    return Draft202012Validator(whole, registry=_registry())


def _wrong(schema: Any, value: Any) -> list[str]:
    errors = _validator(json.dumps(schema)).iter_errors(value)
    return [f"{'/'.join(map(str, each.path))}: {each.message[:160]}" for each in errors]


def request_wrong(method: str, path: str, *, query: dict[str, str], body: Any) -> list[str]:
    """Return what X's description forbids in a request; nothing where it is not there."""
    if not SPEC.exists():
        return []
    called = _spec()["paths"][path][method]
    known = dict(_parameter(each) for each in called.get("parameters", []))
    wrong = [f"unknown parameter {name}" for name in query if name not in known]
    wrong += [
        f"{name}: {each}"
        for name, value in query.items()
        if name in known
        for each in _wrong(known[name], _typed(known[name], value))
    ]
    if body is not None:
        content = called["requestBody"]["content"]["application/json"]
        wrong += _wrong(content["schema"], body)
    return [f"{method} {path}: {each}" for each in wrong]


def response_wrong(method: str, path: str, status: int, body: Any) -> list[str]:
    """Return what X's description forbids in an answer; nothing where it is not there."""
    if not SPEC.exists():
        return []
    answers = _spec()["paths"][path][method]["responses"]
    schema = answers.get(str(status), answers["default"])["content"]["application/json"]["schema"]
    return [f"{method} {path} {status}: {each}" for each in _wrong(schema, body)]


def _parameter(told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    found = told
    if "$ref" in told:
        name = re.sub(".*/", "", told["$ref"])
        found = _spec()["components"]["parameters"][name]
    return found["name"], found["schema"]


def _typed(schema: dict[str, Any], value: str) -> Any:
    if schema.get("type") == "array":
        return value.split(",")
    return int(value) if schema.get("type") == "integer" and value.isdigit() else value
