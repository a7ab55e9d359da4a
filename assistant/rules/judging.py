"""The rules: plain functions, stop labels before everything else, the last one catches all."""

from collections.abc import Callable
from dataclasses import replace

from assistant.case import Label
from assistant.likeness import ear
from assistant.rules.reading import Reading
from assistant.rules.verdict import ADVICE, DANGER, SENSITIVE, Verdict

CAREFUL: tuple[Label, ...] = ("emergency", "self_harm", "abuse", "legal", "political")
MUTE: tuple[Label, ...] = ("political", "opinion", "thanks", "spam")
SHORT = 8
"""Words in a post that can hardly be about anything else than what it names."""

Rule = Callable[[Reading], Verdict | None]


def _verdict(post: Reading, label: Label, heard: tuple[str, ...], *, why: str = "") -> Verdict:
    advice, rule = ADVICE[label]
    return Verdict(
        label=label,
        advice=advice,
        rule=rule,
        why=why or label,
        heard=heard,
        department=post.subject.department,
    )


def _unsure(
    post: Reading, label: Label, heard: tuple[str, ...], *, why: str, maybe: Label | None = None
) -> Verdict:
    """A person looks first: handed to whoever reads the triage channel.

    `maybe` is what it may be instead, whose rule is then the one to think of.
    """
    rule = ADVICE[maybe][1] if maybe else 3
    return Verdict(
        label=label,
        advice="hand_over",
        rule=rule,
        why=why,
        heard=heard,
        sure=False,
        department=None,
    )


def not_addressed(post: Reading) -> Verdict | None:
    """Only what is addressed to us is answered (rule 1)."""
    if post.addressed is not None:
        return None
    return Verdict(label="spam", advice="leave", rule=1, why="not_addressed")


def emergency(post: Reading) -> Verdict | None:
    """Somebody may be in danger now: it goes to a person at once (rule 9)."""
    heard = post.heard("emergency.sure")
    if not heard and (somebody := post.heard("emergency.somebody")):
        harm = post.heard("emergency.harm")
        heard = (*harm, *somebody[:1]) if harm else ()
    return replace(_verdict(post, "emergency", heard), urgent=True) if heard else None


def self_harm(post: Reading) -> Verdict | None:
    """Somebody may want to die or hurt themselves: a person at once, 113 is pointed to (rule 9)."""
    heard = post.heard("self_harm.sure")
    return replace(_verdict(post, "self_harm", heard), urgent=True) if heard else None


def threat(post: Reading) -> Verdict | None:
    """A threat is for the supervisor and the aggression protocol, at once (rule 10)."""
    heard = post.heard("abuse.threat")
    if not heard:
        return None
    verdict = _verdict(post, "abuse", heard, why="threat")
    return replace(verdict, advice="hand_over", urgent=True, department=None)


def abuse(post: Reading) -> Verdict | None:
    """Abuse gets no reply (rule 10)."""
    heard = (*post.heard("abuse.insult"), *post.starred)
    return _verdict(post, "abuse", heard) if heard else None


def legal(post: Reading) -> Verdict | None:
    """A legal form has its own road and often a term: a person takes it (rule 9)."""
    heard = post.heard("legal.sure")
    return _verdict(post, "legal", heard) if heard else None


def official(post: Reading) -> Verdict | None:
    """What is addressed to an official goes to their spokesperson (rule 5)."""
    titles = post.heard("official.title")
    if not (post.officials or titles):
        return None
    if not (spoken_to := post.heard("official.addressed")) and post.heard("political.sure"):
        return None
    heard = (*(called for _, called in post.officials), *titles, *spoken_to)
    verdict = _verdict(post, "official", heard)
    if len({name for name, _ in post.officials}) != 1:
        return replace(verdict, sure=False, department=None)
    return replace(verdict, official=post.officials[0][0], department=None)


def political(post: Reading) -> Verdict | None:
    """We take no part in political debate (rule 4)."""
    heard = post.heard("political.sure")
    return _verdict(post, "political", heard) if heard else None


def personal_data(post: Reading) -> Verdict | None:
    """Personal data in public: the conversation moves to a private road (rule 8)."""
    kinds = {each.kind for each in post.personal if each.certain}
    private = kinds - {"address", "handle", "name", "case_number"}
    if private or "address" in kinds:
        return _verdict(post, "personal_data", tuple(sorted(private or kinds)))
    return _verdict(post, "personal_data", post.others) if post.others else None


def spam(post: Reading) -> Verdict | None:
    """Advertising, bait, bots and what was not meant for us are left alone (rule 3)."""
    heard = post.heard("spam.sure")
    return _verdict(post, "spam", heard) if heard else None


def thanks(post: Reading) -> Verdict | None:
    """Thanks ask for nothing (rule 3)."""
    heard = post.heard("thanks.sure")
    if not heard or post.asks or post.heard("complaint.grief"):
        return None
    return _verdict(post, "thanks", heard)


def like_danger(post: Reading) -> Verdict | None:
    """What no rule knows and is most like danger is looked at, whatever else there is to say of it.

    A quarrel is left alone, and so is an opinion: not by somebody who may be in danger (rule 9).
    """
    if post.likest not in DANGER or _known(post) is not None:
        return None
    return unrecognised(post)


def heated(post: Reading) -> Verdict | None:
    """Citizens who quarrel with each other are left to it (rule 4)."""
    if not post.quarrel or not post.heard("heated.spoken_to"):
        return None
    verdict = _verdict(post, _everyday(post).label, post.quarrel, why="heated")
    return replace(verdict, advice="leave", rule=4)


def elections(post: Reading) -> Verdict | None:
    """Before an election what only sounds like policy is left alone as well (rule 4)."""
    heard = post.heard("political.careful") if post.register.elections else ()
    return _verdict(post, "political", heard, why="elections") if heard else None


def not_public(post: Reading) -> Verdict | None:
    """What is not public yet is agreed with the department or the college first (rule 6)."""
    if not post.not_public:
        return None
    heard = tuple(each for _, each in post.not_public)
    verdict = _verdict(post, _everyday(post).label, heard, why="not_public")
    return replace(verdict, advice="hand_over", rule=6)


def careful(post: Reading) -> Verdict | None:
    """Words that may mean more than they say: nothing is offered before a person has looked.

    The label stays the everyday one: a siren on every "hoe hoog is" would soon be heard by nobody.
    """
    for label in CAREFUL:
        if heard := post.heard(f"{label}.careful"):
            everyday = _everyday(post).label
            return _unsure(post, everyday, heard, why=f"careful_{label}", maybe=label)
    return None


def elsewhere(post: Reading) -> Verdict | None:
    """What another body is for is pointed there, by its name (rule 3).

    Grief about something of ours often names others in passing, so there our own subject wins.
    """
    # What no rule knows the form of may ask anything beside the other body's subject.
    everyday = _known(post) if post.bodies else None
    if everyday is None:
        return None
    label = everyday.label
    if label not in ("question", "complaint", "report"):
        return None
    if label != "question" and post.subject.department is not None:
        return None
    names = {name for name, _ in post.bodies}
    heard = tuple(each for _, each in post.bodies)
    if len(names) > 1:
        return _unsure(post, label, heard, why="bodies")
    return replace(_verdict(post, label, heard, why="elsewhere"), rule=3, body=names.pop())


def question(post: Reading) -> Verdict | None:
    """A question on one of our subjects is answered (rule 3)."""
    heard = post.heard("question.form") if post.asks else ()
    if not heard and not post.heard("opinion.taste"):
        heard = post.heard("question.plain") or post.opens("question.form")
    if heard and (staff := post.heard("abuse.staff")):
        return _unsure(post, "abuse", staff, why="careful_staff", maybe="abuse")
    return _ours(post, "question", heard) if heard else None


def complaint(post: Reading) -> Verdict | None:
    """Dissatisfaction with our service to the writer is answered (rule 3)."""
    grief = post.heard("complaint.grief")
    if not grief:
        return None
    where = post.heard("complaint.contact")
    weak = not where and not post.heard("complaint.service")
    if len(grief) < 2 and (weak or post.heard("opinion.taste")):
        return None
    return _ours(post, "complaint", (*grief, *where))


def report(post: Reading) -> Verdict | None:
    """Something broken or dirty in public space: the citizen is pointed to the report (rule 9)."""
    thing, state = post.heard("report.thing"), post.heard("report.state")
    heard = tuple(dict.fromkeys((*thing[:1], *state, *thing)))
    # One word may be a thing and its state at once ("weg"): that alone says nothing.
    if not (thing and state and len(heard) > 1):
        return None
    if len(heard) == 2 and not post.heard("report.place") and len(post.plain.split()) > SHORT:
        return None
    if post.heard("opinion.taste"):
        return None
    if living := post.heard("emergency.living"):
        return _unsure(post, "report", living, why="careful_emergency", maybe="emergency")
    verdict = _verdict(post, "report", heard)
    return replace(verdict, sure=verdict.department is not None)


def _ours(post: Reading, label: Label, heard: tuple[str, ...]) -> Verdict:
    if not post.subject.ours:
        return _unsure(post, label, heard, why="nobodys")
    verdict = _verdict(post, label, heard)
    return replace(verdict, sure=verdict.department is not None)


def judged(post: Reading) -> Verdict | None:
    """An opinion asks for no answer, and we give none of our own (rule 4)."""
    heard = post.heard("opinion.sure")
    return _verdict(post, "opinion", heard) if heard else None


def coloured(post: Reading) -> Verdict | None:
    """Praise, mockery or regret with nothing asked is an opinion too (rule 4)."""
    heard = post.heard("opinion.taste") or post.heard("opinion.mild")
    return _verdict(post, "opinion", heard, why="opinion") if heard else None


def unrecognised(post: Reading) -> Verdict:
    """What no rule knows is never answered by a rule; its label is what it is most like (rule 3).

    A person looks, unless it is like what gets no answer, asks nothing and may be about nothing of
    ours. Of 356 such posts that an ear was not trained on, and was sure of, 83% got their label.
    """
    label = post.likest
    mute = not (post.asks or post.subject.ours)
    if label is None:
        label = "question" if post.asks else "opinion"
        why = "asked" if post.asks else "maybe_ours"
        return _silent(label) if mute else _unsure(post, label, (), why=why)
    if label in MUTE and mute:
        return _silent(label)
    return _resembling(post, label, given="complaint" if label == "legal" else label)


def _silent(label: Label) -> Verdict:
    return Verdict(label=label, advice="leave", rule=3, why="unrecognised", sure=False)


def _resembling(post: Reading, label: Label, *, given: Label) -> Verdict:
    """Hand over what may be `label`; `given` is the label it gets.

    Not that of a legal form where nobody has read it: its term would run.
    """
    heard = ear("silence").told(post.all_words, label) if label in SENSITIVE else ()
    maybe = label if label in SENSITIVE else None
    return _unsure(post, given, heard, why=f"like_{label}", maybe=maybe)


EVERYDAY: tuple[Rule, ...] = (question, report, complaint, coloured)
"""What a post is when nothing grave was heard."""


def _known(post: Reading) -> Verdict | None:
    return next((verdict for rule in EVERYDAY if (verdict := rule(post)) is not None), None)


def _everyday(post: Reading) -> Verdict:
    return _known(post) or unrecognised(post)


RULES: tuple[Rule, ...] = (
    not_addressed,
    emergency,
    self_harm,
    threat,
    abuse,
    official,
    legal,
    political,
    personal_data,
    spam,
    thanks,
    like_danger,
    heated,
    judged,
    elections,
    not_public,
    careful,
    elsewhere,
    *EVERYDAY,
    unrecognised,
)


def judge(post: Reading) -> Verdict:
    """Return the first verdict of RULES; the last rule has one for every post.

    What they would answer goes to a person all the same where the second ear hears that the post is
    like those that may get no draft: lists know the words somebody thought of, it knows others.
    """
    verdict = next(verdict for rule in RULES if (verdict := rule(post)) is not None)
    if verdict.advice != "answer" or post.silence <= ear("silence").limits["held"]:
        return verdict
    if post.likest == post.like:
        found = _resembling(post, post.like, given=verdict.label)
    else:
        # Like several a little: to name one would alarm for nothing.
        heard = ear("silence").told(post.all_words, post.like)
        found = _unsure(post, verdict.label, heard, why="doubt")
    return replace(found, body=verdict.body)


def quiet(post: Reading) -> bool:
    """Say whether nothing in the post is at all like those that may get no draft.

    Stricter than `judge`: advice is weighed by whoever reads it, a text that stands there is sent.
    Thanks and advertising are no danger, yet a line that fits any post would stand under them too.
    """
    return post.likest not in MUTE and post.silence <= ear("silence").limits["general"]
