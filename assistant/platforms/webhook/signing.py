"""Standard Webhooks: an HMAC-SHA256 over id, time and raw body tells who sent it and when."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from pydantic import SecretStr

from assistant.errors import Misconfigured

TOLERANCE = 300.0
"""Seconds a signature's time may differ from ours (the specification leaves it open; its libraries
all take five minutes)."""

PREFIX = "whsec_"
SHORTEST = 24
"""Bytes of a secret, at least (standardwebhooks.com, "Symmetric" signatures: 24 to 64 bytes)."""

LONGEST_ID = 255


class Signer:
    """Signs what we send and checks what we get, by the secrets in an environment variable.

    Several secrets stand with spaces between them, while one takes over from another: each of
    them is accepted, and what we send carries a signature by each.
    """

    def __init__(self, secret: SecretStr, *, variable: str) -> None:
        words = secret.get_secret_value().split()
        self._keys = tuple(_key(word, variable=variable) for word in words)
        if not self._keys:
            raise Misconfigured(f"{variable}: empty")

    def headers(self, body: bytes, *, id: str, now: datetime) -> dict[str, str]:
        """Return the headers that sign this body."""
        at = str(int(now.timestamp()))
        return {
            "webhook-id": id,
            "webhook-timestamp": at,
            "webhook-signature": " ".join(self._signatures(body, id=id, at=at)),
        }

    def sender(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> str | None:
        """Return the call's id when it is signed with our secret, and now; else None."""
        id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        # The id is kept with what nobody understands, and shown on a terminal.
        if not (0 < len(id) <= LONGEST_ID and id.isascii() and id.isprintable()):
            return None
        if not (at.isascii() and at.isdigit() and len(at) < 13):
            return None
        if abs(now.timestamp() - int(at)) > TOLERANCE:
            return None
        good = [each.encode() for each in self._signatures(body, id=id, at=at)]
        given = headers.get("webhook-signature", "").encode(errors="replace").split()
        found = [hmac.compare_digest(one, other) for one in good for other in given]
        return id if any(found) else None

    def _signatures(self, body: bytes, *, id: str, at: str) -> list[str]:
        said = f"{id}.{at}.".encode() + body
        made = (hmac.digest(key, said, sha256) for key in self._keys)
        return ["v1," + b64encode(each).decode() for each in made]


def _key(word: str, *, variable: str) -> bytes:
    try:
        key = b64decode(word.removeprefix(PREFIX), validate=True)
    except (Error, ValueError):
        key = b""
    if not word.startswith(PREFIX) or len(key) < SHORTEST:
        raise Misconfigured(
            f"{variable}: must be {PREFIX} and at least {SHORTEST} random bytes in base64: "
            f"echo {PREFIX}$(openssl rand -base64 32)"
        )
    return key
