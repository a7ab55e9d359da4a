"""The configuration: every mistake at once with file and key; secrets unseen; opening hours."""

import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from assistant.app import Wiring
from assistant.config import DAYS, BlueskyAccount, Hours, Model, Secrets, load
from assistant.errors import Misconfigured
from tests.core import TOWN

AMSTERDAM = ZoneInfo("Europe/Amsterdam")

GOOD = """
triage_channel = "CTRIAGE"
supervisors_channel = "CSUPER"
[organisation]
id = "town"
name = "Town"
[[accounts]]
platform = "replay"
handle = "@town"
[[departments]]
id = "waste"
name = "Waste"
channel = "CWASTE"
subjects = ["bin"]
[departments.hours]
days = ["mon"]
opens = 08:00:00
closes = 12:00:00
[[people]]
chat_user = "UANNA"
name = "Anna"
initials = "AB"
[[people]]
chat_user = "USAM"
name = "Sam"
initials = "SH"
role = "supervisor"
[[officials]]
name = "Mayor"
called = ["mayor"]
channel = "CMAYOR"
[replies]
undo_seconds = 5
[retention]
days = 9
[model]
name = "gpt"
"""


def folder(tmp_path: Path, text: str = GOOD) -> Path:
    """Return a configuration's folder with no approved answers."""
    (tmp_path / "answers").mkdir(exist_ok=True)
    (tmp_path / "luister.toml").write_text(text, "utf-8")
    return tmp_path


def mistakes(tmp_path: Path, text: str) -> tuple[str, ...]:
    """Return the mistakes told about a configuration, each without the file it begins with."""
    with pytest.raises(Misconfigured) as told:
        load(folder(tmp_path, text))
    start = f"{tmp_path / 'luister.toml'}: "
    assert all(each.startswith(start) for each in told.value.mistakes)
    return tuple(each.removeprefix(start) for each in told.value.mistakes)


# Mistakes


def test_a_good_file_is_read(tmp_path: Path) -> None:
    town = load(folder(tmp_path))
    assert town.departments[0].hours == Hours(days=("mon",), opens=time(8), closes=time(12))
    assert (town.replies.undo_seconds, town.retention.days) == (5, 9)
    with pytest.raises(ValidationError, match="frozen"):
        town.triage_channel = "C2"


TABLES = (
    "",
    "[organisation]\n",
    "[[accounts]]\n",
    "[[departments]]\n",
    "[departments.hours]\n",
    "[[people]]\n",
    "[[officials]]\n",
    "[replies]\n",
    "[retention]\n",
    "[model]\n",
)


@pytest.mark.parametrize("table", TABLES)
def test_a_key_nobody_knows_is_a_mistake_at_every_level(tmp_path: Path, table: str) -> None:
    wrong = GOOD.replace(table, f"{table}colour = 1\n", 1)
    place = ".".join(re.findall(r"\w+", table))
    [told] = mistakes(tmp_path, wrong)
    key, _, what = told.partition(": ")
    assert re.sub(r"\.\d+", "", key) == f"{place}.colour".removeprefix(".")
    assert what == "Extra inputs are not permitted"


def test_every_mistake_is_told_at_once_with_file_and_key(tmp_path: Path) -> None:
    wrong = GOOD
    for good, bad in (
        ('id = "town"', 'id = "Town!"\ntimezone = "Europe/Nowhere"'),
        ('platform = "replay"', 'platform = "fax"'),
        ('channel = "CWASTE"\nsubjects = ["bin"]', 'channel = ""\nsubjects = []'),
        ('days = ["mon"]', 'days = ["maandag"]'),
        ('initials = "AB"', 'initials = "a"\ndepartments = ["parks"]'),
        ('chat_user = "USAM"', 'chat_user = "UANNA"'),
        ('role = "supervisor"', 'role = "boss"'),
        ("undo_seconds = 5", "undo_seconds = 301"),
        ("days = 9", "days = 0"),
        ('name = "gpt"', "tokens_per_day = -1"),
    ):
        assert good in wrong
        wrong = wrong.replace(good, bad, 1)
    keys = sorted(each.partition(": ")[0] for each in mistakes(tmp_path, wrong))
    assert keys == [
        "accounts.0.platform",
        "departments.0.channel",
        "departments.0.hours.days.0",
        "departments.0.subjects",
        "model.name",
        "model.tokens_per_day",
        "organisation.id",
        "organisation.timezone",
        "people",
        "people.0.departments",
        "people.0.initials",
        "people.1.role",
        "people.chat_user",
        "replies.undo_seconds",
        "retention.days",
    ]


def test_mistakes_in_answers_are_told_beside_those_in_the_file(tmp_path: Path) -> None:
    where = folder(tmp_path, GOOD + "colour = 1\n")
    (where / "answers" / "a.md").write_text("nothing")
    with pytest.raises(Misconfigured) as told:
        load(where)
    assert [each.partition(": ")[0] for each in told.value.mistakes] == [
        str(where / "luister.toml"),
        str(where / "answers" / "a.md"),
    ]


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ('[[accounts]]\nplatform = "replay"\nhandle = "TOWN"',
         "accounts.handle: 'town' on replay is used twice"),
        ("".join(f'[[accounts]]\nplatform = "webhook"\nhandle = "{each}"\nname = "square"\n'
                 'reply_url = "https://x.example"\n' for each in ("@a", "@b")),
         "accounts.name: 'square' is used twice"),
        ('[[departments]]\nid = "waste"\nname = "W"\nchannel = "C"\nsubjects = ["x"]',
         "departments.id: 'waste' is used twice"),
        ('[[people]]\nchat_user = "UANNA"\nname = "A"\ninitials = "XY"',
         "people.chat_user: 'UANNA' is used twice"),
        ('[[people]]\nchat_user = "U9"\nname = "A"\ninitials = "AB"',
         "people.initials: 'AB' is used twice"),
        ('[[people]]\nchat_user = "U9"\nname = "A"\ninitials = "XY"\ndepartments = ["parks"]',
         "people.2.departments: 'parks' is no department; known: ['waste']"),
        ('[[officials]]\nname = "Mayor"\ncalled = ["x"]\nchannel = "C"',
         "officials.name: 'Mayor' is used twice"),
        ('[[pointers]]\nlabel = "legal"\nanswer = "gone"',
         "pointers.0.answer: 'gone' is no approved answer"),
        (2 * '[[not_public]]\nname = "Hall"\nsubjects = ["hall"]\n',
         "not_public.name: 'Hall' is used twice"),
        ('[[bodies]]\nname = "Police"\nsubjects = ["theft"]',
         "bodies.0: Value error, give url or phone: a citizen must be able to go there"),
        ('[elections]\nfrom = 2026-03-02\nuntil = 2026-03-01',
         "elections: Value error, from must not be after until"),
    ],
)  # fmt: skip
def test_what_only_shows_side_by_side(tmp_path: Path, extra: str, told: str) -> None:
    assert mistakes(tmp_path, f"{GOOD}{extra}\n") == (told,)


def test_somebody_must_be_able_to_send_and_somebody_to_supervise(tmp_path: Path) -> None:
    nobody = GOOD.replace('initials = "AB"', 'initials = "AB"\nrole = "reader"')
    [told] = mistakes(tmp_path, nobody)
    assert told == "people: nobody has role 'writer' or 'approver', so nobody could send"
    [told] = mistakes(tmp_path, GOOD.replace('role = "supervisor"', 'role = "approver"'))
    assert told == "people: nobody has role 'supervisor'"


@pytest.mark.parametrize("name", ["organisation", "accounts", "departments", "people"])
@pytest.mark.parametrize("value", ["1", '"text"', "[1]", "[{ id = [1] }]", "{ }"])
def test_a_table_of_another_form_is_told_and_breaks_nothing(
    tmp_path: Path, name: str, value: str
) -> None:
    others = re.sub(rf"\[+{name}[^\]]*\]+\n([^\[\n]+\n)*(\[{name}\..*\n([^\[\n].*\n)*)?", "", GOOD)
    text = f"{name} = {value}\n{others}"
    assert any(each.startswith(name) for each in mistakes(tmp_path, text))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="not found; give --config"):
        load(tmp_path)
    (tmp_path / "luister.toml").mkdir()
    with pytest.raises(Misconfigured, match=r"luister\.toml: cannot be read"):
        load(tmp_path)
    (tmp_path / "luister.toml").rmdir()
    [told] = mistakes(tmp_path, "triage_channel = \n")
    assert "line 1" in told
    (tmp_path / "luister.toml").write_bytes(b"\xff")
    with pytest.raises(Misconfigured, match="utf-8"):
        load(tmp_path)


def test_a_model_may_come_from_the_environment_but_the_file_wins(tmp_path: Path) -> None:
    environ = {"LUISTER_MODEL": "small", "LUISTER_MODEL_URL": "http://127.0.0.1:8000/v1"}
    assert load(folder(tmp_path), environ=environ).model == Model(name="gpt")
    without = GOOD.partition("[model]")[0]
    assert load(folder(tmp_path, without), environ=environ).model == Model(
        name="small", base_url="http://127.0.0.1:8000/v1", allowed_hosts=("127.0.0.1",)
    )
    assert load(folder(tmp_path, without)).model is None


# Secrets


FIXED = [name for name in Secrets.model_fields if name != "accounts"]
SECRETS = {name.upper(): f"hush-{name}" for name in FIXED} | {"BLUESKY_APP_PASSWORD": "hush-sky"}


def test_secrets_come_from_the_environment_and_show_in_nothing() -> None:
    sky = TOWN.model_copy(update={"accounts": (BlueskyAccount(platform="bluesky", handle="@t"),)})
    secrets = Secrets.read(SECRETS | {"OTHER": "x"}, organisation=sky)
    assert secrets.accounts["BLUESKY_APP_PASSWORD"].get_secret_value() == "hush-sky"
    for name in FIXED:
        held = getattr(secrets, name)
        assert isinstance(held, SecretStr)
        assert held.get_secret_value() == f"hush-{name}"
    wiring = Wiring(organisation=TOWN, store_url="redis://:hush@x", state=Path(), secrets=secrets)
    for shown in (
        repr(secrets),
        str(secrets),
        secrets.model_dump_json(),
        repr(secrets.model_dump()),
    ):
        assert "hush" not in shown
    assert "hush-" not in repr(wiring)


def test_a_missing_or_empty_secret_is_none() -> None:
    assert Secrets.read({"SLACK_BOT_TOKEN": ""}) == Secrets()


def test_no_secret_has_a_place_in_a_file(tmp_path: Path) -> None:
    for name in FIXED:
        [told] = mistakes(tmp_path, f'{name} = "hush"\n{GOOD}')
        assert told.startswith(f"{name}: ")
        assert "hush" not in told
    assert not re.search(r"hush|secret", load(folder(tmp_path)).model_dump_json())


# Hours


WEEKDAYS = Hours(opens=time(8, 30), closes=time(17))


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-20 08:29", "2026-11-20 08:30"),
        ("2026-11-20 08:30", "2026-11-20 08:30"),
        ("2026-11-20 16:59", "2026-11-20 16:59"),
        ("2026-11-20 17:00", "2026-11-23 08:30"),  # Friday's end
        ("2026-11-21 12:00", "2026-11-23 08:30"),
        ("2026-11-22 23:59", "2026-11-23 08:30"),
        ("2026-11-23 00:00", "2026-11-23 08:30"),  # midnight
        ("2026-11-24 00:00", "2026-11-24 08:30"),
        ("2026-03-27 18:00", "2026-03-30 08:30"),  # over the night summer time begins
        ("2026-10-23 18:00", "2026-10-26 08:30"),  # over the night it ends
    ],
)
def test_next_open(now: str, opens: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=AMSTERDAM)
    assert WEEKDAYS.next_open(moment) == datetime.fromisoformat(opens).replace(tzinfo=AMSTERDAM)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-03-29T00:30:00+00:00", "2026-03-29T06:30:00+00:00"),  # 01:30 CET -> 08:30 CEST
        ("2026-10-25T00:30:00+00:00", "2026-10-25T07:30:00+00:00"),  # 02:30 CEST -> 08:30 CET
        ("2026-10-25T01:30:00+00:00", "2026-10-25T07:30:00+00:00"),  # 02:30 once more, CET
    ],
)
def test_next_open_on_the_days_the_clock_changes(now: str, opens: str) -> None:
    daily = Hours(days=DAYS, opens=time(8, 30), closes=time(17))
    local = TOWN.local(datetime.fromisoformat(now))
    assert daily.next_open(local).astimezone(UTC) == datetime.fromisoformat(opens)


@pytest.mark.parametrize(
    ("opens", "closes", "expected"),
    [
        (time(2, 30), time(5), "2026-10-25T01:15:00+00:00"),  # it opened the first time round
        (time(1), time(2, 30), "2026-10-26T00:00:00+00:00"),  # and closed the first time round
    ],
)
def test_the_hour_that_comes_twice(opens: time, closes: time, expected: str) -> None:
    again = TOWN.local(datetime(2026, 10, 25, 1, 15, tzinfo=UTC))
    assert (again.hour, again.minute, again.fold) == (2, 15, 1)
    found = Hours(days=DAYS, opens=opens, closes=closes).next_open(again)
    assert found.astimezone(UTC) == datetime.fromisoformat(expected)


def test_hours_that_end_with_the_day_and_seconds_that_count() -> None:
    always = Hours(days=DAYS, opens=time.min, closes=time.max)
    late = datetime(2026, 11, 20, 23, 59, 59, 500, tzinfo=AMSTERDAM)
    assert always.next_open(late) == late
    brief = Hours(days=DAYS, opens=time(8, 0, 30), closes=time(8, 0, 40))
    assert brief.next_open(late) == datetime(2026, 11, 21, 8, 0, 30, tzinfo=AMSTERDAM)


MOMENTS = st.timedeltas(timedelta(), timedelta(days=230)).map(
    lambda after: datetime(2026, 3, 20, tzinfo=UTC) + after
)
CHANGES = st.sampled_from([datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
NEAR = st.builds(lambda day, at: day + at, CHANGES, st.timedeltas(timedelta(), timedelta(hours=4)))


@settings(deadline=None)
@given(
    now=MOMENTS | NEAR,
    times=st.lists(st.times(), min_size=2, max_size=2, unique=True).map(sorted),
    days=st.sets(st.sampled_from(DAYS), min_size=1),
)
def test_next_open_is_never_past_and_on_an_open_day(
    now: datetime, times: list[time], days: set[Any]
) -> None:
    hours = Hours(days=tuple(days), opens=times[0], closes=times[1])
    opens = hours.next_open(TOWN.local(now))
    assert opens.timestamp() >= now.timestamp()
    assert opens.timestamp() <= (now + timedelta(days=8)).timestamp()
    assert DAYS[opens.weekday()] in days
    assert hours.next_open(opens) == opens


@pytest.mark.parametrize(
    "hours",
    [
        {"opens": time(17), "closes": time(8)},
        {"opens": time(9), "closes": time(9)},
        {"days": ()},
        {"opens": "08:00Z", "closes": "17:00"},
    ],
)
def test_hours_that_are_none_are_refused(hours: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Hours.model_validate(hours)
