"""How long each check takes on a reply of 500 characters; the whole must stay under 5 ms."""

import statistics
import time
from collections.abc import Callable, Iterable

from assistant.checks import CHECKS, Ground, check, graphemes
from assistant.language import warm
from assistant.mask import mask
from assistant.personal import Own

OWN = Own(
    hosts=("waterstad.example",),
    phones=("14 0123",),
    addresses=("Raadhuisplein 1, 1234 AB Waterstad",),
)
SOURCE = (
    "U kunt grof afval gratis wegbrengen naar de milieustraat. De milieustraat is open van "
    "maandag t/m zaterdag van 9.00 tot 17.00 uur. Een extra rolcontainer kost € 12,50 per maand. "
    "Wij halen grof afval op binnen 5 werkdagen. Maak een afspraak op www.waterstad.example/afval "
    "of bel 14 0123. Neem uw pas mee. "
)
REPLY = (
    "Hallo Sanne, vervelend dat de bank nog op de stoep staat! Grof afval mag u gratis naar de "
    "milieustraat brengen. Die is open van maandag tot en met zaterdag, van 9 tot 17 uur. Kunt u "
    "niet zelf komen? Maak dan een afspraak op waterstad.example/afval of bel 14 0123. We komen "
    "binnen 5 werkdagen langs. Een extra container kost € 12,50 per maand. Staat de bank er langer "
    "dan een week, of ligt er meer afval naast de container aan de overkant? Stuur dan een bericht "
    "met een foto, dan kijken wij mee. ^AB"
)
GROUND = Ground(
    post="@waterstad hoi, wanneer halen jullie die bank op? staat er al weken. gr Sanne",
    language="nl",
    sources=(SOURCE * 3, SOURCE.replace("afval", "vuil") * 3),
    links=("https://www.waterstad.example/afval",),
    own=OWN,
    limit=600,
    handle="@sanne",
    initials="AB",
)
LIMIT_MS = 5.0


def microseconds(run: Callable[[], object], *, rounds: int = 100) -> float:
    """Return the median CPU time of `run` over `rounds`, in microseconds."""
    times = []
    for _ in range(rounds):
        began = time.process_time_ns()
        run()
        times.append(time.process_time_ns() - began)
    return statistics.median(times) / 1000


def main() -> None:
    """Print the microseconds of each check, of the whole, and of masking the same text."""
    warm()
    print(f"checks on {len(REPLY)} characters, median of 100")
    for look in CHECKS:

        def one(look: Callable[..., Iterable[object]] = look) -> object:
            return list(look(REPLY, ground=GROUND))

        print(f"  {getattr(look, '__name__', ''):20} {microseconds(one):8.0f} µs")
    whole = microseconds(lambda: check(REPLY, ground=GROUND, length=graphemes))
    print(f"  {'check, all together':20} {whole:8.0f} µs (limit {LIMIT_MS * 1000:.0f})")
    print(f"  {'mask':20} {microseconds(lambda: mask(REPLY, own=OWN)):8.0f} µs")


if __name__ == "__main__":
    main()
