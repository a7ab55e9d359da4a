"""The editor and the forms: what is shown, and what a person typed in them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.card import Choice, Editor, Form
from assistant.chats.slack import views
from assistant.words import Words
from tests.strict.rules import view_problems

NL = Words("nl")
EDITOR = Editor(
    case="c1",
    revision=2,
    draft="d1",
    title="Antwoord versturen",
    post="Wanneer <!channel>?",
    text="@jansen Morgen.\n^AB",
    limit=500,
    hint="Links tellen als 23.",
    text_label="Uw antwoord",
    submit="Versturen",
    hints=("Zegt je.",),
)
FORM = Form(
    case="c1",
    version=3,
    action="close",
    title="Sluiten",
    submit="Sluit",
    choice_label="Waarom?",
    choices=(Choice(value="spam", label="Spam"), Choice(value="other", label="Anders")),
    text_label="Toelichting",
)


def submitted(view: views.View, **values: Any) -> views.View:
    """The view as Slack sends it back; an input left out arrives as null."""
    state: dict[str, Any] = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            name, element = block["block_id"], block["element"]
            key = "selected_option" if element["type"] == "static_select" else "value"
            value = values.get(name)
            chosen = {"value": value} if key == "selected_option" and value else value
            state[name] = {element["action_id"]: {"type": element["type"], key: chosen}}
    return {**view, "state": {"values": state}}


def editor_view(editor: Editor = EDITOR) -> views.View:
    """The editor as people get it."""
    return views.editor_view(editor, nonce="n1", channel="C01", words=NL)


READERS = {
    "readers_label": "Wie mag dit lezen?",
    "readers": (
        Choice(value="public", label="Iedereen"),
        Choice(value="private", label="Alleen deze inwoner"),
    ),
}


@pytest.mark.parametrize("reader", ["public", "private"])
def test_who_may_read_it_stands_chosen_and_untouched_stays_so(reader: Any) -> None:
    """A chat that shows no choice beforehand sends null for one nobody touched."""
    view = editor_view(EDITOR.model_copy(update=READERS | {"reader": reader}))
    assert view_problems(view) == []
    for typed in (None, reader):
        read = views.read_editor(submitted(view, reader=typed))
        assert (read.reader, read.text) == (reader, EDITOR.text)
    other = "public" if reader == "private" else "private"
    assert views.read_editor(submitted(view, reader=other)).reader == other


def test_an_editor_without_a_choice_says_nothing_of_who_may_read_it() -> None:
    assert views.read_editor(submitted(editor_view())).reader is None


def test_an_editor_of_a_correction_keeps_what_it_corrects() -> None:
    view = editor_view(EDITOR.model_copy(update={"corrects": "r1"}))
    assert views.read_editor(submitted(view)).corrects == "r1"


def test_editor_shows_the_post_and_the_whole_text() -> None:
    view = editor_view()
    assert view_problems(view) == []
    plain = {"type": "plain_text", "emoji": False}
    assert view["blocks"][1]["text"] == {**plain, "text": "Wanneer <!channel>?"}
    assert view["blocks"][-1] == {
        "type": "input",
        "block_id": "text",
        "label": {**plain, "text": "Uw antwoord"},
        "element": {
            "type": "plain_text_input",
            "multiline": True,
            "max_length": 3000,
            "initial_value": "@jansen Morgen.\n^AB",
            "action_id": "text",
        },
        "optional": False,
        "hint": {
            **plain,
            "text": "Hooguit 500 tekens, zoals het platform telt. Links tellen als 23.",
        },
    }


def test_editor_carries_its_case_revision_draft_and_nonce() -> None:
    typed = views.read_editor(submitted(editor_view(), text="Ja"))
    assert typed == views.Typed(
        case="c1",
        revision=2,
        draft="d1",
        nonce="n1",
        channel="C01",
        text="Ja",
        reason="",
        asked=False,
    )


def test_untouched_editor_means_the_text_that_very_view_showed() -> None:
    view = submitted(editor_view())
    assert view["state"]["values"]["text"]["text"]["value"] is None
    assert views.read_editor(view).text == "@jansen Morgen.\n^AB"


@pytest.mark.parametrize("value", ["", " \n\t "])
def test_emptied_editor_is_empty_and_not_what_it_began_with(value: str) -> None:
    assert views.read_editor(submitted(editor_view(), text=value)).text == ""


def test_editor_without_a_suggestion_begins_empty() -> None:
    view = editor_view(EDITOR.model_copy(update={"text": ""}))
    assert "initial_value" not in view["blocks"][-1]["element"]
    assert view_problems(view) == []
    assert views.read_editor(submitted(view)).text == ""


def test_questions_ask_for_a_reason() -> None:
    asking = EDITOR.model_copy(update={"asks": ("Belooft een datum.",), "reason_label": "Waarom?"})
    view = editor_view(asking)
    assert view_problems(view) == []
    assert view["blocks"][-2]["text"]["text"] == "⚠️ Belooft een datum."
    assert view["blocks"][-1]["optional"] is False
    typed = views.read_editor(submitted(view, reason=" Staat op de site "))
    assert (typed.asked, typed.reason) == (True, "Staat op de site")


def test_line_ends_become_plain() -> None:
    assert views.outgoing("a\r\nb\rc\u2028d\n") == "a\nb\nc\nd"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (":+1: fijn :tada:", "👍 fijn 🎉"),
        (":-1:", "👎"),
        (":wave::skin-tone-4:", "👋🏽"),
        (":flag-nl:", "🇳🇱"),
        (":flag-xx:", ":flag-xx:"),
        (":man-shrugging:", "🤷\u200d♂️"),
        (":male-police-officer:", "👮\u200d♂️"),
        (":smiling_face_with_3_hearts:", "🥰"),
        ("om 10:30:00 of 9:15:", "om 10:30:00 of 9:15:"),
        ("let op:dit:is geen", "let op:dit:is geen"),
        (":waterstad-logo:", ":waterstad-logo:"),
        ("https://x.nl:8080/:id:/a :id:", "https://x.nl:8080/:id:/a 🆔"),
        ("<b> &amp; & *x* _y_", "<b> &amp; & *x* _y_"),
    ],
)
def test_shortcodes_become_emoji_and_nothing_else_changes(typed: str, meant: str) -> None:
    assert views.outgoing(typed) == meant


def test_form_asks_and_nothing_is_chosen_beforehand() -> None:
    view = views.form_view(FORM, channel="C01", words=NL)
    assert view_problems(view) == []
    select, note = view["blocks"]
    assert [option["value"] for option in select["element"]["options"]] == ["spam", "other"]
    assert "initial_option" not in select["element"]
    assert (select["optional"], note["optional"]) == (False, True)
    assert views.read_form(submitted(view)).choice is None
    filled = views.read_form(submitted(view, choice="spam", note=" :+1: "))
    assert filled == views.Filled(
        case="c1",
        version=3,
        action="close",
        channel="C01",
        choice="spam",
        second=None,
        text="👍",
        text_required=False,
    )


def test_form_may_ask_two_choices_as_they_stand() -> None:
    advice = (Choice(value="answer", label="Ja"), Choice(value="leave", label="Nee"))
    two = FORM.model_copy(
        update={
            "chosen": "other",
            "second_label": "Wat nu?",
            "second_choices": advice,
            "second_chosen": "leave",
        }
    )
    view = views.form_view(two, channel="C01", words=NL)
    assert view_problems(view) == []
    first, second, _ = view["blocks"]
    assert first["element"]["initial_option"]["value"] == "other"
    assert second["element"]["initial_option"]["value"] == "leave"
    filled = views.read_form(submitted(view, choice="spam", second="answer"))
    assert (filled.choice, filled.second) == ("spam", "answer")


def test_a_long_list_stands_in_groups_and_loses_nothing() -> None:
    many = tuple(Choice(value=f"a{at}", label=f"Antwoord {at}") for at in range(260))
    view = views.form_view(FORM.model_copy(update={"choices": many}), channel="C01", words=NL)
    assert view_problems(view) == []
    groups = view["blocks"][0]["element"]["option_groups"]
    assert [each["label"]["text"] for each in groups] == ["1-100", "101-200", "201-260"]
    shown = [each["value"] for group in groups for each in group["options"]]
    assert shown == [each.value for each in many]
    assert views.read_form(submitted(view, choice="a259")).choice == "a259"


def test_the_longest_list_still_fits_a_window() -> None:
    many = tuple(Choice(value=f"{at}{'a' * 60}", label=f"{at} {'é' * 99}") for at in range(1500))
    view = views.form_view(FORM.model_copy(update={"choices": many}), channel="C01", words=NL)
    assert view_problems(view) == []


def test_form_may_ask_only_a_text() -> None:
    only = FORM.model_copy(update={"choices": (), "text_required": True})
    view = views.form_view(only, channel="C01", words=NL)
    assert view_problems(view) == []
    assert [block["optional"] for block in view["blocks"]] == [False]
    assert views.read_form(submitted(view)).text is None


_TEXT = st.text(max_size=40) | st.text(min_size=1, max_size=20).map(lambda text: text * 400)


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Editor,
        case=st.text(max_size=60),
        revision=st.integers(0, 10**9),
        draft=st.none() | st.text(max_size=60),
        **dict.fromkeys(("title", "post", "hint", "text_label", "submit"), _TEXT),
        text=st.text(max_size=3000),
        limit=st.integers(1, 10**6),
        asks=st.lists(_TEXT, max_size=20).map(tuple),
        hints=st.lists(_TEXT, max_size=20).map(tuple),
        reason_label=st.none() | _TEXT,
    )
)
def test_any_editor_keeps_every_limit_and_its_text(editor: Editor) -> None:
    view = editor_view(editor)
    assert view_problems(view) == []
    about = json.loads(view["private_metadata"])
    assert (about["case"], about["draft"]) == (editor.case, editor.draft)
    shown = next(block for block in view["blocks"] if block.get("block_id") == "text")
    assert shown["element"].get("initial_value", "") == editor.text


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Form,
        case=st.text(max_size=60),
        version=st.integers(0, 10**9),
        action=st.just("close"),
        **dict.fromkeys(("title", "submit"), _TEXT),
        choice_label=st.none() | _TEXT,
        choices=st.lists(
            st.builds(Choice, value=st.text(min_size=1, max_size=75), label=_TEXT),
            max_size=130,
            unique_by=lambda choice: choice.value,
        ).map(tuple),
        text_label=st.none() | _TEXT,
        text_required=st.booleans(),
    )
)
def test_any_form_keeps_every_limit(form: Form) -> None:
    assert view_problems(views.form_view(form, channel="C01", words=NL)) == []
