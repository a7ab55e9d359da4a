"""[[accounts]]: our official accounts, one table a platform; what is secret stays out of them."""

from typing import Annotated, Literal

from pydantic import Field

from assistant.config.tables import Frozen

Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
"""The name of an environment variable that holds a secret, never the secret itself."""

Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+(/[^\s]*)?$")]


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
    """An account on Bluesky, by an app password."""

    platform: Literal["bluesky"]
    service: Url = "https://bsky.social"
    variable: Variable = "BLUESKY_APP_PASSWORD"

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable,)


class MastodonAccount(_Account):
    """An account on a Mastodon server, or on one that speaks its API, by an access token."""

    platform: Literal["mastodon"]
    server: Url
    variable: Variable = "MASTODON_TOKEN"

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable,)


class XAccount(_Account):
    """An account on X, by OAuth 2."""

    platform: Literal["x"]


class WebhookAccount(_Account):
    """Any other gateway, over signed HTTP in both directions."""

    platform: Literal["webhook"]


Account = Annotated[
    ReplayAccount | BlueskyAccount | MastodonAccount | XAccount | WebhookAccount,
    Field(discriminator="platform"),
]
