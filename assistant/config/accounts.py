"""[[accounts]]: our official accounts, one table a platform; what is secret stays out of them."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from assistant.config.tables import Frozen

Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
"""The name of an environment variable that holds a secret, never the secret itself."""

Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+(/[^\s]*)?$")]


def _sealed(url: str) -> str:
    """Refuse a URL over which replies and citizens' ids could be read on their way."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("must begin with https://; only this machine itself may do without")
    return url


class _Account(Frozen):
    """What every account has."""

    handle: Annotated[str, Field(min_length=1)]

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables this account cannot do without."""
        return ()


class ReplayAccount(_Account):
    """Posts from a file; replies go to a file."""

    platform: Literal["replay"]


class BlueskyAccount(_Account):
    """An account on Bluesky, by an app password.

    `every` is the seconds between two readings; `stream` a WebSocket that wakes reading earlier:
    Jetstream's, or a server's own com.atproto.sync.subscribeRepos.
    """

    platform: Literal["bluesky"]
    service: Url = "https://bsky.social"
    variable: Variable = "BLUESKY_APP_PASSWORD"
    every: Annotated[float, Field(ge=1, le=3600)] = 15
    stream: Annotated[str, Field(pattern=r"^wss?://[^/\s]+(/[^\s]*)?$")] | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable,)


class MastodonAccount(_Account):
    """An account on a Mastodon server, or on one that speaks its API, by an access token.

    `every` is the seconds between two readings; where the server has a stream, it wakes reading
    earlier.
    """

    platform: Literal["mastodon"]
    server: Url
    variable: Variable = "MASTODON_TOKEN"
    every: Annotated[float, Field(ge=5, le=3600)] = 30

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable,)


Dollars = Annotated[Decimal, Field(ge=0)]


class XPrices(Frozen):
    """What X asks, in dollars a piece, as it was known on the day `as_of`.

    `reply_with_link` None: unknown, because X never said whether a link makes a reply to somebody
    who mentioned us dearer; against the budget it then counts as an ordinary post with a link.
    """

    as_of: date = date(2026, 8, 22)
    mention_read: Dollars = Decimal("0.005")
    post_read: Dollars = Decimal("0.005")
    user_read: Dollars = Decimal("0.010")
    reply: Dollars = Decimal("0.010")
    reply_with_link: Dollars | None = None
    dm_read: Dollars = Decimal("0.010")
    dm_send: Dollars = Decimal("0.015")


class XAccount(_Account):
    """An account on X, by OAuth 2; `webhook_variable` names the app's consumer secret."""

    platform: Literal["x"]
    plan: Literal["pay_per_use", "enterprise"]
    client_id: Annotated[str, Field(min_length=1)]
    variable: Variable = "X_CLIENT_SECRET"
    refresh_variable: Variable = "X_REFRESH_TOKEN"
    webhook_variable: Variable | None = None
    service: Url = "https://api.x.com"
    every: Annotated[float, Field(ge=5, le=3600)] = 60
    direct: bool = False
    daily_budget: Dollars | None = None
    prices: XPrices = XPrices()

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.plan == "pay_per_use" and self.daily_budget is None:
            raise ValueError("daily_budget: say how many dollars reading may cost a day (UTC)")
        return self

    @property
    def variables(self) -> tuple[str, ...]:
        webhook = (self.webhook_variable,) if self.webhook_variable else ()
        return (self.variable, self.refresh_variable, *webhook)


class WebhookAccount(_Account):
    """Any other gateway, over signed HTTP in both directions.

    It pushes to `/platforms/webhook/NAME`; `can` is what it answers to besides replies.
    """

    platform: Literal["webhook"]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    reply_url: Annotated[Url, AfterValidator(_sealed)]
    variable: Variable = "WEBHOOK_SECRET"
    limit: Annotated[int, Field(ge=1, le=20_000)] = 2000
    can: frozenset[Literal["look", "find", "take_back", "correct", "private"]] = frozenset()

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable,)


Account = Annotated[
    ReplayAccount | BlueskyAccount | MastodonAccount | XAccount | WebhookAccount,
    Field(discriminator="platform"),
]
