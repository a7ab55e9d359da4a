"""Dutch numbers in words, from one to ninety-nine."""

_SMALL = "een twee drie vier vijf zes zeven acht negen"
_TEENS = "tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien"
_TENS = "twintig dertig veertig vijftig zestig zeventig tachtig negentig"

DUTCH: dict[str, int] = {
    word: number for number, word in enumerate(f"{_SMALL} {_TEENS}".split(), 1)
} | {ten: 10 * tens for tens, ten in enumerate(_TENS.split(), 2)}
DUTCH |= {
    f"{small}{'ën' if small.endswith('e') else 'en'}{ten}": 10 * tens + number
    for tens, ten in enumerate(_TENS.split(), 2)
    for number, small in enumerate(_SMALL.split(), 1)
}
