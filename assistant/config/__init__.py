"""luister.toml and answers/ become one frozen Organisation; every mistake is told at once."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError

from assistant.answers import Answer, load_answers
from assistant.case import Post, handle_key
from assistant.config.accounts import (
    Account,
    BlueskyAccount,
    MastodonAccount,
    ReplayAccount,
    WebhookAccount,
    XAccount,
)
from assistant.config.register import Body, Elections, NotPublic, Pointer, Triaging
from assistant.config.tables import (
    DAYS,
    About,
    Channel,
    Department,
    Frozen,
    Hours,
    Model,
    Official,
    Person,
    Replies,
    Retention,
    Role,
)
from assistant.errors import Misconfigured
from assistant.personal import Own

__all__ = [
    "DAYS",
    "About",
    "Account",
    "BlueskyAccount",
    "Body",
    "Department",
    "Elections",
    "Hours",
    "MastodonAccount",
    "Model",
    "NotPublic",
    "Official",
    "Organisation",
    "Person",
    "Pointer",
    "ReplayAccount",
    "Replies",
    "Retention",
    "Role",
    "Secrets",
    "Triaging",
    "WebhookAccount",
    "XAccount",
    "load",
]


class Organisation(Frozen):
    """Everything an organisation configures, checked as one whole."""

    organisation: About
    accounts: Annotated[tuple[Account, ...], Field(min_length=1)]
    triage_channel: Channel
    supervisors_channel: Channel
    departments: Annotated[tuple[Department, ...], Field(min_length=1)]
    people: Annotated[tuple[Person, ...], Field(min_length=1)]
    officials: tuple[Official, ...] = ()
    bodies: tuple[Body, ...] = ()
    not_public: tuple[NotPublic, ...] = ()
    elections: Elections | None = None
    pointers: tuple[Pointer, ...] = ()
    triage: Triaging = Triaging()
    replies: Replies = Replies()
    retention: Retention = Retention()
    model: Model | None = None
    answers: tuple[Answer, ...] = ()

    @property
    def id(self) -> str:
        return self.organisation.id

    @property
    def language(self) -> str:
        return self.organisation.language

    @property
    def own(self) -> Own:
        """Our own contact points and other bodies' numbers, which are never personal data."""
        about = self.organisation
        phones = (*about.phones, *(each.phone for each in self.bodies if each.phone))
        return Own(hosts=about.hosts, emails=(), phones=phones, addresses=about.addresses)

    def ours(self, post: Post) -> bool:
        """Say whether one of our own accounts wrote `post`."""
        ours = {handle_key(each.handle) for each in self.accounts if each.platform == post.platform}
        return bool(ours & {handle_key(each or "") for each in (post.author, post.handle)})

    def called(self, platform: str, account: str) -> str:
        """Return what staff call a platform: a gateway by its own name."""
        names: dict[tuple[str, str], str] = {
            (each.platform, each.handle): each.name
            for each in self.accounts
            if isinstance(each, WebhookAccount)
        }
        return names.get((platform, account), platform).capitalize()

    def department(self, id: str | None) -> Department | None:
        return next((each for each in self.departments if each.id == id), None)

    def body(self, name: str | None) -> Body | None:
        return next((each for each in self.bodies if each.name == name), None)

    def person(self, chat_user: str) -> Person | None:
        return next((each for each in self.people if each.chat_user == chat_user), None)

    def channel(self, department: str | None, official: str | None) -> str:
        """Return the channel of an official, else of a department, else the triage channel."""
        for each in self.officials:
            if official is not None and each.name == official:
                return each.channel
        found = self.department(department)
        return found.channel if found else self.triage_channel

    def local(self, moment: datetime) -> datetime:
        """Return `moment` on the organisation's own clock."""
        return moment.astimezone(ZoneInfo(self.organisation.timezone))

    def opening(self, department: str | None, moment: datetime) -> datetime:
        """Return when, from `moment` on, somebody is there: at the department, else at any."""
        found = self.department(department)
        asked = [found] if found else self.departments
        return min(each.hours.next_open(self.local(moment)) for each in asked)

    def asked(self, department: str | None) -> str:
        """Name whom to ask when somebody may not act: the writers, else the supervisors."""
        writers = [
            each.name
            for each in self.people
            if each.role in ("writer", "approver") and department in each.departments
        ]
        return ", ".join(
            writers or [each.name for each in self.people if each.role == "supervisor"]
        )


class Secrets(Frozen):
    """What comes from the environment only; its repr shows no value.

    `accounts` holds what the accounts of an organisation need, by the variable's name.
    """

    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    openai_api_key: SecretStr | None = None
    accounts: Mapping[str, SecretStr] = {}

    @classmethod
    def read(cls, environ: Any, *, organisation: Organisation | None = None) -> "Secrets":
        """Take SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SIGNING_SECRET and OPENAI_API_KEY.

        With an organisation also the variables its accounts name.
        """
        fixed = [name for name in cls.model_fields if name != "accounts"]
        names = {name: environ.get(name.upper()) for name in fixed}
        asked = organisation.accounts if organisation else ()
        held = {name: environ.get(name) for each in asked for name in each.variables}
        return cls(
            **{name: SecretStr(value) for name, value in names.items() if value},
            accounts={name: SecretStr(value) for name, value in held.items() if value},
        )


def load(folder: Path, *, environ: Any = None) -> Organisation:
    """Read `folder`/luister.toml and `folder`/answers/*.md.

    Raises Misconfigured with every mistake found, each with its file and key.
    """
    path = folder / "luister.toml"
    answers, mistakes = load_answers(folder / "answers")
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        # The demo and containers choose a model by environment; a file wins over it.
        if environ and "model" not in table and environ.get("LUISTER_MODEL"):
            table["model"] = _model_from(environ)
    except FileNotFoundError:
        raise Misconfigured(f"{path}: not found; give --config the folder that holds it") from None
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: {error}", *mistakes) from error
    mistakes += tuple(f"{path}: {each}" for each in _crossed(table, answers))
    try:
        organisation = Organisation.model_validate({**table, "answers": answers})
    except ValidationError as error:
        raise Misconfigured(*_told(path, error), *mistakes) from None
    Misconfigured.raise_any(mistakes)
    return organisation


def _told(path: Path, error: ValidationError) -> list[str]:
    errors = error.errors(include_url=False, include_input=False)
    places = [_place(each["loc"], each["type"]) for each in errors]
    return [
        f"{path}: {'.'.join(str(part) for part in at) or 'file'}: {each['msg']}"
        for at, each in zip(places, errors, strict=True)
        # A list all of whose rows are wrong counts as empty too; that is no mistake of its own.
        if each["type"] != "too_short" or not any(more[: len(at)] == at != more for more in places)
    ]


def _place(at: tuple[int | str, ...], type: str) -> tuple[int | str, ...]:
    """Return the key as it stands in the file: pydantic adds which kind of account it took."""
    if at[:1] != ("accounts",):
        return at
    return (*at, "platform") if type.startswith("union_tag") else at[:2] + at[3:]


def _model_from(environ: Any) -> dict[str, Any]:
    base_url = environ.get("LUISTER_MODEL_URL", "https://api.openai.com/v1")
    host = re.sub(r"^\w+://([^/:]+).*$", r"\1", base_url)
    return {"name": environ["LUISTER_MODEL"], "base_url": base_url, "allowed_hosts": (host,)}


_UNIQUE = (
    ("accounts", "name"),
    ("departments", "id"),
    ("people", "chat_user"),
    ("people", "initials"),
    ("officials", "name"),
    ("bodies", "name"),
    ("not_public", "name"),
)


def _crossed(table: dict[str, Any], answers: Iterable[Answer]) -> list[str]:
    """Return the mistakes that only show when tables are held side by side.

    `table` is as it was read: what else is wrong with it must not hide these.
    """
    mistakes = [
        f"{name}.{key}: {value!r} is used twice"
        for name, key in _UNIQUE
        for value, times in sorted(Counter(_texts(_rows(table, name), key)).items())
        if times > 1
    ]
    mistakes += _twice(_rows(table, "accounts"))
    people = _rows(table, "people")
    known = sorted(set(_texts(_rows(table, "departments"), "id")))
    for index, person in enumerate(people):
        listed = person.get("departments")
        mistakes += [
            f"people.{index}.departments: {each!r} is no department; known: {known}"
            for each in (listed if isinstance(listed, list) else [])
            if each not in known
        ]
    mistakes += [
        f"answers: {answer.path}: department: {answer.department!r} is no department"
        for answer in answers
        if answer.department not in known
    ]
    written = {answer.id for answer in answers}
    mistakes += [
        f"pointers.{index}.answer: {pointer['answer']!r} is no approved answer"
        for index, pointer in enumerate(_rows(table, "pointers"))
        if isinstance(pointer.get("answer"), str) and pointer["answer"] not in written
    ]
    roles = set(_texts(({"role": "writer", **each} for each in people), "role"))
    if not roles & {"writer", "approver"}:
        mistakes.append("people: nobody has role 'writer' or 'approver', so nobody could send")
    if "supervisor" not in roles:
        mistakes.append("people: nobody has role 'supervisor'")
    return mistakes


def _twice(accounts: Iterable[dict[str, Any]]) -> list[str]:
    named = [
        (str(row.get("platform")), handle_key(handle))
        for row in accounts
        for handle in _texts([row], "handle")
    ]
    return [
        f"accounts.handle: {handle!r} on {platform} is used twice"
        for (platform, handle), times in sorted(Counter(named).items())
        if times > 1
    ]


def _rows(table: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = table.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _texts(rows: Iterable[dict[str, Any]], key: str) -> list[str]:
    return [row[key] for row in rows if isinstance(row.get(key), str)]
