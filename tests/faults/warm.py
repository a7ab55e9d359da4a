"""What every worker process needs, made once in the process they are all forked from."""

from assistant.case import Post
from assistant.rules import judge, read, register_of
from assistant.store import utcnow
from assistant.words import Words
from tests.faults import chat_server, platform_server
from tests.faults.people import ROAD
from tests.faults.platform import ACCOUNT
from tests.faults.worker import organisation

__all__ = ["chat_server", "platform_server"]


def judge_one() -> None:
    """Have every list and expression read that the first post of a process waits for."""
    town, text = organisation("dorp"), f"Wanneer {ROAD}?"
    post = Post(
        platform="replay",
        account=ACCOUNT,
        id="p",
        root="p",
        author="burger",
        text=text,
        created_at=utcnow(),
        addressed="mention",
    )
    judge(read(post, text=text, own=town.own, register=register_of(town, utcnow().date())))


judge_one()
Words("nl")
