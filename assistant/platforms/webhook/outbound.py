"""Calls to a gateway, and what goes wrong with them told by what to do next."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import aiohttp
from pydantic import ValidationError

from assistant.errors import Barred, Doubtful, LuisterError, Refused, TryAgain
from assistant.platforms.webhook.payload import Answer, Wire
from assistant.platforms.webhook.signing import Signer
from assistant.retry import retry_after

# Below the 10 s one call to a platform may take.
TIMEOUT = aiohttp.ClientTimeout(total=8, sock_connect=4)

T = TypeVar("T", bound=Answer)


class Gateway:
    """The other side of the webhook; nothing is tried twice here, see the reply step."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        signer: Signer,
        variable: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._url = url
        self._signer = signer
        self._variable = variable
        self._clock = clock

    async def ask(self, asked: Wire, answer: type[T], *, key: str | None = None) -> T:
        """Ask the gateway to do something; `key` makes the same call again harmless.

        Raises TryAgain, Doubtful, Refused, or Barred where it refuses our signature.
        """
        body = asked.model_dump_json().encode()
        id = key or secrets.token_hex(16)
        headers = self._signer.headers(body, id=id, now=self._clock())
        headers["Content-Type"] = "application/json"
        if key:
            headers["Idempotency-Key"] = key
        try:
            # Elsewhere the body would go unasked, and a signed one at that.
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as response:
                raw = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TryAgain(f"the gateway cannot be reached: {type(error).__name__}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Doubtful(f"no whole answer of the gateway: {type(error).__name__}") from None
        if response.status != 200:
            raise self._refusal(response)
        try:
            return answer.model_validate_json(raw)
        except ValidationError:
            raise Doubtful("the gateway answered 200 and something else than asked") from None

    def _refusal(self, response: aiohttp.ClientResponse) -> LuisterError:
        status = response.status
        if status == 401:
            return Barred(
                f"the gateway refuses our signature: is {self._variable} its secret too, and is "
                "its clock right?"
            )
        if status == 429:
            after = retry_after(response.headers, now=self._clock())
            return TryAgain("the gateway asks us to wait", after=after)
        if status < 300 or status == 408 or status >= 500:
            return Doubtful(f"the gateway answered {status}")
        return Refused(f"the gateway answered {status}")
