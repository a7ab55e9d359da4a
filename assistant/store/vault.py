"""Salted commitments for private values, and the hash chain over an event's stored bytes."""

import json
import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TypeVar

from pydantic import BaseModel

from assistant.case import ERASED, PRIVATE, Alias, Case, Event

SEALED = "sealed:"
SALT_BYTES = 16

T = TypeVar("T", bound=BaseModel)


def commit(salt: str, value: str) -> str:
    """Return the commitment to `value`: SHA-256 over salt and text, hexadecimal."""
    return sha256(f"{salt}:{value}".encode()).hexdigest()


class Vault:
    """The private values of one case: commitment -> `salt:value`.

    The same value keeps its commitment, so later events cite the first one.
    """

    def __init__(self, stored: Mapping[str, str]) -> None:
        self._values = {key: each.split(":", 1)[1] for key, each in stored.items()}
        self._commitments = {value: key for key, value in self._values.items()}
        self.fresh: dict[str, str] = {}

    def seal(self, value: str) -> str:
        """Return the stand-in for `value`, remembering what has to be stored beside the event."""
        known = self._commitments.get(value)
        if known is None:
            salt = secrets.token_hex(SALT_BYTES)
            known = commit(salt, value)
            self.fresh[known] = f"{salt}:{value}"
            self._values[known] = value
            self._commitments[value] = known
        return SEALED + known

    def open(self, sealed: str) -> str:
        """Return the value behind a stand-in, or ERASED when it is gone."""
        return self._values.get(sealed.removeprefix(SEALED), ERASED)


def transform(value: T, change: Callable[[str], str]) -> T:
    """Return `value` with `change` applied to every private field, however deep."""
    update: dict[str, object] = {}
    for name, field in type(value).model_fields.items():
        held = getattr(value, name)
        if isinstance(held, BaseModel):
            update[name] = transform(held, change)
        elif isinstance(held, tuple) and held and isinstance(held[0], BaseModel):
            update[name] = tuple(transform(each, change) for each in held)
        elif isinstance(held, str) and PRIVATE in field.metadata:
            update[name] = change(held)
    return value.model_copy(update=update) if update else value


def cited(value: BaseModel) -> tuple[str, ...]:
    """Return the commitments a sealed `value` names, however deep."""
    found: list[str] = []

    def note(sealed: str) -> str:
        found.append(sealed.removeprefix(SEALED))
        return sealed

    transform(value, note)
    return tuple(found)


def teaching(before: Case | None, after: Case | None, vault: Vault) -> dict[str, str]:
    """Return, as `taught`, what the index of all cases now holds of this one; nothing if the same.

    Both cases are sealed; the index is searched, so it holds the words themselves.
    """
    had, has = (each.taught if each else () for each in (before, after))
    return {} if had == has else {"taught": indexed(has, vault)}


def indexed(taught: tuple[Alias, ...], vault: Vault) -> str:
    """Return sealed aliases as the index of all cases holds them; empty for none."""
    opened = [transform(each, vault.open).model_dump(mode="json") for each in taught]
    return json.dumps(opened, ensure_ascii=False) if opened else ""


def link(event: Event, *, case: str, version: int, head: str) -> tuple[bytes, str]:
    """Return the bytes to store for a sealed `event` and their hash, the chain's new head."""
    body = event.model_dump_json(exclude_defaults=True)
    start = json.dumps({"case": case, "version": version, "prev": head})
    stored = f'{start[:-1]}, "event": {body}}}'.encode()
    return stored, sha256(stored).hexdigest()
