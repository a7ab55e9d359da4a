"""Checks on tone: promises, opinions, politics, irony, mixed address, the wrong language."""

import re
from collections.abc import Iterator

from assistant.checks.findings import Finding, Ground, approved_spans, finding, sentences
from assistant.language import ENOUGH_IN_A_SENTENCE, detect

_WE = r"(?:wij|we|ik|de gemeente)"
_DO = (
    r"(?:oplossen|repareren|herstellen|vervangen|weghalen|verwijderen|opruimen|plaatsen|aanpakken"
    r"|kwijtschelden|betalen|terugbetalen|vergoeden|toekennen|goedkeuren|verlenen|intrekken"
    r"|handhaven|regelen|maken|opknappen|ophalen|legen|bellen|terugbellen|langskomen|sturen)"
)
_DONE = (
    r"(?:opgelost|gerepareerd|hersteld|vervangen|weggehaald|verwijderd|opgeruimd|geplaatst"
    r"|aangepakt|kwijtgescholden|betaald|terugbetaald|uitbetaald|vergoed|toegekend|toegewezen"
    r"|goedgekeurd|verleend|gehonoreerd|ingewilligd|ingetrokken|gehandhaafd|geregeld|gemaakt"
    r"|afgehandeld|stilgelegd|stopgezet|weggewerkt|weggesleept|teruggedraaid|gecorrigeerd|doorgevoerd"
    r"|gerealiseerd|gereserveerd|beboet|bekeurd|aangelegd|geholpen|opgeknapt|opgehaald"
    r"|geleegd|gegrond verklaard|verlengd|verhoogd|verlaagd|gestopt)"
)
_FOR_YOU = r"(?:voor (?:u|jou|je|jullie)|persoonlijk|meteen|vandaag nog|alvast)"
_ASSURED = (
    r"reken (?:maar|er|daar|gerust)|(?:kunt|kan|mag|mogen) (?:\w+ ){0,5}(?:rekenen|aan houden)"
    r"|sta(?:an)? (?:(?:ik|wij|we) (?:\w+ )?(?:voor in|garant|borg)|er ?voor in|garant|borg)"
    r"|erewoord|mijn woord|ons woord|(?:my|our) word|zweer ik|ik zweer|zonder mitsen|no question"
    r"|verzeker(?:en)? (?:\w+ )?(?:u|je|jullie|dat)|(?:u|je|jullie) (?:\w+ )?verzekeren"
    r"|assures? you"
    r"|hoe dan ook|(?:honderd|100) ?(?:%|procent) zeker|zo goed als (?:rond|zeker|geregeld|binnen)"
    r"|komt (?:\w+ )?(?:in orde|voor elkaar)|gaat lukken|verleden tijd|uit de wereld|op een briefje"
    r"|laat (?:dat|het|dit) (?:maar )?aan (?:ons|mij) over|leave (?:it|that) (?:with|to) (?:me|us)"
    r"|vertrouw (?:daar|er) (?:maar )?op|neem (?:maar )?van (?:mij|ons) aan|trust (?:us|me)"
    r"|kwestie van (?:dagen|weken|uren)|consider it done|as good as (?:done|yours|in)"
    r"|hoogste prioriteit|top priority|met voorrang|(?:u|je|jij) krijgt voorrang|bovenaan"
    r"|z(?:eg|eggen) (?:ik |wij |we )?(?:u|je|het|dat) toe|staat (?:nu al )?vast dat"
    r"|top of the list"
    r"|(?:voor|op) (?:onze|mijn) (?:rekening|kosten)|draai(?:en)? (?:ik|wij|we) voor op"
    r"|at our (?:cost|expense)|exception for you|maken (?:we|wij) een uitzondering|bend the rules"
    r"|oogje (?:dicht|toe)|door de vingers|hand over (?:het|ons|mijn) hart|streep door"
    r"|goed woord(?:je)?|good word"
)
"""What assures somebody of an outcome, or treats one better than the next."""
_NOT_AFTER = "".join(
    rf"(?<!\b{word} )"
    for word in ("als", "dat", "of", "omdat", "wat", "die", "hoe", "kan", "kunnen", "mag", "wil")
)
_NOT_DOING = (
    r"(?!(?:kan|kunnen|mag|mogen|moet|moeten|wil|willen|hoe(?:f|ven)|vind(?:en)?|hopen?)\b)"
)
_WILL_DO = (
    rf"{_NOT_AFTER}(?:ik|wij|we) {_NOT_DOING}(?:(?!niet)\w+ ){{0,6}}?{_FOR_YOU}"
    r"|(?:neem|nemen) (?:ik|wij|we) (?:\w+ ){0,3}contact"
    r"|(?:ik|wij|we) (?:(?:neem|nemen) (?:\w+ ){0,4}contact|trek(?:ken)? (?:\w+ ){1,3}in)"
    r"|(?:u|je) hoort (?:\w+ ){0,6}van (?:ons|mij|mijn|een)"
    r"|bel(?:len)? (?:ik |wij |we )?(?:u|je) (?:\w+ ){0,3}terug"
)
"""What we do for this one citizen."""
PROMISE = re.compile(
    r"(?i)\b(?:"
    rf"{_ASSURED}|{_WILL_DO}|"
    rf"{_WE} beloven?|beloof {_WE}|beloofd|belofte|garande(?:er|ren)\w*|garantie|gegarandeerd"
    rf"|{_WE} (?:zullen|zal|gaan|ga|gaat)\b[^.!?\n]{{0,60}}?\b{_DO}"
    rf"|(?:zullen|zal|gaan|ga) {_WE}\b[^.!?\n]{{0,60}}?\b{_DO}"
    rf"|(?:wordt|worden|is|zijn)\b[^.!?,\n]{{0,50}}?\b{_DONE}"
    rf"|{_WE} (?:lossen|repareren|herstellen|vervangen|vergoeden|betalen|ruimen|pakken)\b"
    rf"|{_WE} (?:zorgen?|zorgt) (?:ervoor|er voor|dat|voor)|zorgen {_WE} (?:ervoor|voor)"
    r"|(?:u|je) (?:krijgt|ontvangt|hebt recht|heeft recht|hoeft (?:dit |dat |het |deze \w+ )?"
    r"(?:niet|niets|geen)\b[^.!?\n]{0,30}betalen)"
    r"|(?:krijgt|ontvangt|hoeft) (?:u|je)\b[^.!?\n]{0,40}?\b(?:geld|bericht|antwoord|vergoeding"
    r"|terug|niet te betalen|niets te betalen|reactie|brief|toestemming|vergunning)"
    r"|komt (?:het )?(?:helemaal |zeker |vast |allemaal )*goed|maak(?:t)? (?:je|u) geen zorgen"
    r"|geen zorgen|wees gerust|zeker weten|sowieso|zo snel mogelijk|zo spoedig mogelijk|z\.s\.m"
    r"|zsm\b|binnenkort|op korte termijn|spoedig|binnen (?:enkele|een paar|een aantal|afzienbare)"
    r"|uiterlijk|voor het (?:einde|eind) van|(?:nooit|niet) meer (?:gebeuren|voorkomen)"
    r"|gebeurt (?:nooit|niet) (?:meer|weer)|voortaan|schadevergoeding|aansprakelijk(?:heid)?"
    r"|(?:onze|mijn) (?:fout|schuld)|fout van (?:ons|de gemeente)|wij zijn verantwoordelijk"
    r"|(?:u|je) kunt (?:erop|er op|ervan|er van) (?:rekenen|vertrouwen|uitgaan)|vast en zeker"
    r"|toegezegd|toezegg\w+|(?:i|we)(?:'ll| will)? promise|promised?|guarantee[ds]?|rest assured"
    r"|(?:i|we)(?:'ll| will| are going to| shall) (?:\w+ )?(?:fix|repair|solve|resolve|replace"
    r"|remove|refund|pay|waive|grant|approve|make sure|ensure|clean|call|send|compensate)"
    r"|will (?:be|get) (?:\w+ )?(?:dealt with|handled|completed|corrected|delivered|collected"
    r"|emptied|installed|restored|processed|ready|fixed|repaired|solved|resolved|replaced|removed|refunded|paid"
    r"|waived|granted|approved|cleaned|compensated|issued|extended|done|sorted)"
    r"|(?:has|have|is|are) (?:been )?(?:approved|granted|waived|refunded)"
    r"|you(?:'ll| will) (?:get|receive|have)|you are entitled|you (?:do not|don't) have to pay"
    r"|(?:don't|do not|no need to) worry|as soon as possible|asap|shortly|very soon"
    r"|(?:never|won't|not) happen again|compensation|liab(?:le|ility)|(?:our|my) (?:fault|mistake)"
    r")\b"
)
_FEELING = r"(?:heel |erg |zeer |ook )*(?:vervelend|jammer|naar|rot|fijn|spijtig|leuk|goed dat)"
_JUDGED = (
    r"(?:tarief|tarieven|beleid|besluit|plan|plannen|regels?|maatregel(?:en)?|belasting(?:en)?"
    r"|boete|boetes|prijs|prijzen|verhoging|kritiek|keuze|voorstel|wet|policy|decision|tax|rule"
    r"|rules|fee|fine|measure|proposal|plans)"
)
_JUDGEMENT = (
    r"(?:(?:on)?eerlijk|(?:on)?redelijk|(?:on)?terecht|(?:on)?nodig|(?:on)?verstandig|goed|slecht"
    r"|dom|stom|logisch|nuttig|nutteloos|prima|belachelijk|schandalig|overdreven|te hoog|te laag"
    r"|te duur|(?:un)?fair|(?:un)?reasonable|(?:un)?necessary|ridiculous|stupid|too high|wrong)"
)
OPINION = re.compile(
    r"(?i)(?<!\w)(?:"
    rf"(?:ik|wij|we) vind(?:en)?(?! (?:het|dit|dat|je|u|jullie) {_FEELING})(?! {_FEELING})"
    rf"|vind(?:en)? (?:ik|wij|we)(?! (?:het |dit |dat )?{_FEELING})"
    r"|(?:mijn|onze) (?:mening|visie|standpunt)|volgens (?:mij|ons)|persoonlijk (?:vind|denk)"
    r"|wat (?:mij|ons) betreft|(?:ik|wij|we) (?:denken?|geloven?) dat|eerlijk gezegd"
    r"|(?:u|je|jij) (?:hebt|heeft|heb) (?:helemaal |volkomen |groot )?gelijk"
    r"|gelijk (?:hebt|heeft) u"
    r"|(?:ik|wij|we) (?:ben|zijn) het\b[^.!?\n]{0,30}?\beens|het (?:helemaal )?met (?:u|je) eens"
    r"|terechte? (?:kritiek|punt)"
    r"|onterecht\w*|belachelijk\w*|schandalig\w*|schandelijk\w*|onzin|idioot|idiote|flauwekul"
    r"|goede zaak|slechte zaak|(?:prima|goed|slecht|mooi|prachtig|dom) (?:plan|idee|besluit)"
    rf"|{_JUDGED} (?:\w+ )?(?:is|zijn|was|are|were) (?:\w+ )?{_JUDGEMENT}"
    rf"|(?:is|zijn) {_JUDGEMENT} (?:beleid|besluit)"
    r"|(?:i|we) (?:think|believe|feel|reckon|find)(?! (?:it|that|this) (?:is )?(?:sad|sorry))"
    r"|in (?:my|our) (?:opinion|view)|(?:i|we) (?:dis)?agree|you(?:'re| are) (?:absolutely )?right"
    r"|you(?:'re| are) wrong|nonsense|ridiculous|outrageous|disgraceful|(?:good|bad|great) (?:idea"
    r"|plan|decision)|to be honest|personally"
    r")(?!\w)"
)
_HOLDER = (
    r"(?:het college|de (?:gemeente)?raad|de wethouder|de burgemeester|het kabinet|de minister"
    r"|de regering|de coalitie|de oppositie|de politiek|den haag|the council|the mayor|the cabinet"
    r"|the government|the alderman)"
)
POLITICAL = re.compile(
    r"(?<!\w)(?:"
    r"(?-i:VVD|PVV|PvdA|GroenLinks|GL-PvdA|D66|CDA|SP|ChristenUnie|CU|SGP|PvdD|FvD|FVD|BBB|NSC|JA21"
    r"|DENK|50PLUS|BVNL|BIJ1|Volt Nederland|Partij voor de Dieren|Forum voor Democratie)"
    r"|(?i:coalitie\w*|oppositie\w*|verkiezingsprogramma\w*|stem (?:op|niet op|tegen|voor)"
    r"|(?:linkse|rechtse|progressieve|conservatieve|populistische) (?:partij|politiek|wethouder"
    r"|beleid|college|raad|hobby|media)\w*|links beleid|rechts beleid|extreem-?(?:links|rechts)"
    rf"|{_HOLDER} (?:\w+ )?(?:faalt|liegt|heeft (?:on)?gelijk"
    r"|doet (?:het|zijn best|haar best|niets)"
    r"|had (?:beter|moeten)|moet(?:en)?|zou moeten|wil|weigert|luistert|vindt|steunt|should|failed"
    r"|lied|is right|is wrong|refuses|wants|supports)"
    r"|(?:ons|het huidige|dit|het nieuwe) beleid (?:is|werkt|faalt|deugt)"
    r"|(?:wij|we|ik) (?:steunen|steun|zijn voor|zijn tegen|ben voor|ben tegen|verdedigen|verwerpen)"
    r"|(?:voor|tegen)stander(?:s)? van|politiek(?:e)? (?:keuze|spel|standpunt|motief|onwil)"
    r"|coalition|opposition part\w+|left-wing|right-wing|far-(?:left|right)|vote (?:for|against)"
    r"|(?:we|i) (?:support|oppose|stand with|condemn))"
    r")(?!\w)"
)
IRONY = re.compile(
    r"(?i)(?<!\w)(?:fijn hoor|lekker (?:dan|bezig|puh)|goed bezig|ja hoor|nou ja|tja|goh|joh|poeh"
    r"|jeetje|gossie|wat een verrassing|wie had dat gedacht|u weet het (?:vast|zeker) beter"
    r"|(?:u|je) (?:weet|snapt|begrijpt) het (?:vast|zeker|toch)|blijkbaar (?:kunt|kan|heeft|hebt"
    r"|bent|leest) (?:u|je)|zoals (?:u|je) (?:zelf )?(?:had|hebt|heeft) kunnen (?:lezen|weten)"
    r"|gefeliciteerd met (?:uw|je)|applaus|bravo|knap hoor|leuk geprobeerd|zogenaamd\w*|haha+|hihi"
    r"|lol|alsof|heus waar|echt waar\?|doe normaal|rustig aan|jammer dan|dikke pech|pech gehad"
    r"|google (?:het )?(?:eens|even|zelf)|yeah right|oh really|nice try|good for you|well done you"
    r"|big surprise|what a surprise|sure, because|good luck with that|as if|obviously you|duh)"
    r"(?!\w)|[🙄😏🙃🤡😒🤦🤷😜😉👏😂🤣]|(?<!\w)/s(?!\w)"
)
_FORMAL = re.compile(r"(?i)(?<![\w.-])(?:u|uw|uzelf)(?![\w-]|\.\w)")
_FAMILIAR = re.compile(r"(?i)(?<![\w.-])(?:je|jij|jou|jouw|jezelf)(?![\w-]|\.\w)")


def _pointed(code: str, pattern: re.Pattern[str], text: str) -> Iterator[Finding]:
    for match in pattern.finditer(text):
        yield finding(code, text, match.start(), match.end())


def promises(text: str, *, ground: Ground) -> Iterator[Finding]:
    """No outcome, term or liability that no approved source states (house rule 11)."""
    return _pointed("promise", PROMISE, text)


def opinions(text: str, *, ground: Ground) -> Iterator[Finding]:
    """Civil servants answer; opinions are for those who can be voted out (house rule 4)."""
    return _pointed("opinion", OPINION, text)


def politics(text: str, *, ground: Ground) -> Iterator[Finding]:
    """No defence or criticism of policy, parties or persons (house rule 4)."""
    return _pointed("political", POLITICAL, text)


def irony(text: str, *, ground: Ground) -> Iterator[Finding]:
    """Irony is read as contempt when it comes from a public body (house rule 4)."""
    return _pointed("irony", IRONY, text)


def mixed_address(text: str, *, ground: Ground) -> Iterator[Finding]:
    """One form of address in a text (house rule 12): points at the rarer one.

    At the other one where the rarer stands in approved sentences only: these stay as they are.
    """
    formal, familiar = list(_FORMAL.finditer(text)), list(_FAMILIAR.finditer(text))
    if not (formal and familiar):
        return
    approved = approved_spans(text, ground)
    forms = sorted((formal, familiar), key=len)
    free = [
        [match for match in form if not any(a <= match.start() < b for a, b in approved)]
        for form in forms
    ]
    for match in next((each for each in free if each), forms[0]):
        yield finding("mixed_address", text, match.start(), match.end())


def wrong_language(text: str, *, ground: Ground) -> Iterator[Finding]:
    """The citizen is answered in their own language (house rule 12), in every sentence."""
    language = detect(text, default=ground.language)
    if language != ground.language:
        yield finding("language", text, 0, len(text), language=language, expected=ground.language)
        return
    for start, end in sentences(text):
        said = detect(text[start:end], default=language, enough=ENOUGH_IN_A_SENTENCE)
        if said != language:
            yield finding("language", text, start, end, language=said, expected=language)
