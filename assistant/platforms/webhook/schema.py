"""The JSON Schema of the webhook, made from its models: `python -m ...webhook.schema > FILE`."""

import json
import sys

from pydantic.json_schema import models_json_schema

from assistant.platforms.webhook.payload import (
    About,
    CorrectReply,
    Done,
    FindReplies,
    Found,
    Introduce,
    LookAt,
    Push,
    Seen,
    SendReply,
    Sent,
    TakeBack,
)

PUSHED = (Push,)
ASKED = (SendReply, LookAt, FindReplies, TakeBack, CorrectReply, Introduce)
ANSWERED = (Sent, Seen, Found, Done, About)


def document() -> str:
    """Return the schema as docs/webhook.schema.json holds it."""
    _, definitions = models_json_schema(
        [(each, "validation") for each in (*PUSHED, *ASKED, *ANSWERED)],
        title="Luister's webhook",
        description="`Push` is what a gateway sends to Luister. What Luister asks of a gateway, "
        "each with its answer: SendReply and Sent, LookAt and Seen, FindReplies and Found, "
        "TakeBack and Done, CorrectReply and Done, Introduce and About.",
    )
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **definitions}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
