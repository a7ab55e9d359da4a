"""Prompts are files: read, checked at start, and filled in one pass."""

import hashlib
import re
import tomllib
from pathlib import Path
from random import Random
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from assistant.errors import Misconfigured

_FILE = re.compile(
    r"\A\+\+\+\n(?P<keys>.*?)^\+\+\+\n\s*^# system\n(?P<system>.*?)^# user\n(?P<user>.*)\Z",
    re.DOTALL | re.MULTILINE,
)
_PLACEHOLDER = re.compile(r"\{\{ ([a-z_]+) \}\}")
_BRACES = re.compile(r"\{\{.*?\}\}|\{\{|\}\}")
_MARK = re.compile(r"[a-z]{6,}")

_PACKAGED = Path(__file__).parent / "_prompts"  # put there by the wheel's build
_CHECKOUT = Path(__file__).parent.parent / "prompts"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Prompt(BaseModel):
    """One prompt file: what the model is told, with `{{ name }}` where a value goes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text
    version: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.-]+$")]
    inputs: tuple[Text, ...]
    max_output_tokens: Annotated[int, Field(strict=True, ge=1)]
    system: Text
    user: Text
    sha: str

    @property
    def label(self) -> str:
        """Name, version and hash of the file, as every log line and card cites it."""
        return f"{self.name}@{self.version}+{self.sha}"

    def render(self, **values: str) -> tuple[str, str]:
        """Fill both texts and give (system, user).

        One pass, so a value holding `{{ sources }}` stays that text. A missing or an extra value
        is a `ValueError`.
        """
        if wrong := set(values) ^ set(self.inputs):
            raise ValueError(f"prompt {self.label}: missing or extra input {sorted(wrong)}")
        return _filled(self.system, values), _filled(self.user, values)


def parse_prompt(text: str, *, path: str) -> Prompt:
    """Read one prompt file: TOML between `+++` lines, then `# system` and `# user`.

    Raises `Misconfigured` with a line per mistake, naming `path` and the key or placeholder.
    """
    text = text.replace("\r\n", "\n")
    whole = _FILE.match(text)
    if whole is None:
        raise Misconfigured(f"{path}: must hold keys between +++ lines, then # system, then # user")
    try:
        keys = tomllib.loads(whole["keys"])
        prompt = Prompt.model_validate(
            keys
            | {"system": whole["system"], "user": whole["user"]}
            | {"sha": hashlib.sha256(text.encode()).hexdigest()[:12]}
        )
    except tomllib.TOMLDecodeError as exc:
        raise Misconfigured(f"{path}: between the +++ lines: {exc}") from exc
    except ValidationError as exc:
        raise Misconfigured(*(f"{path}: {_mistake(each)}" for each in exc.errors())) from exc
    Misconfigured.raise_any(f"{path}: {each}" for each in _misplaced(prompt))
    return prompt


def load_prompts(folder: Path | None = None) -> dict[str, Prompt]:
    """Read the prompts of the product, each replaced by the file of its name in `folder`.

    `folder` is an organisation's own `<name>/prompt.md` files. Raises `Misconfigured` with every
    mistake: a bad file, an unknown prompt, other placeholders than the prompt it replaces.
    """
    base = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    prompts, mistakes = _read_folder(base)
    if folder is not None:
        own, found = _read_folder(folder)
        mistakes += found + [each for name in own for each in _unlike(own[name], prompts, folder)]
        prompts |= own
    Misconfigured.raise_any(mistakes)
    return prompts


def fence(text: str, mark: str) -> str:
    """Put `text` between `<post-MARK>` tags, with each `<` in it escaped, so it cannot close them.

    `mark` comes from `new_mark`; anything but six or more small letters is a `ValueError`.
    """
    if not _MARK.fullmatch(mark):
        raise ValueError("a mark is six or more small letters")
    return f"<post-{mark}>\n{text.replace('<', '&lt;')}\n</post-{mark}>"


def new_mark(random: Random) -> str:
    """Give an unguessable mark; consonants only, which masking never takes for personal data."""
    return "".join(random.choices("bcdfghjklmnpqrstvwxz", k=10))


def _read_folder(folder: Path) -> tuple[dict[str, Prompt], list[str]]:
    prompts: dict[str, Prompt] = {}
    mistakes: list[str] = []
    files = sorted(folder.glob("*/prompt.md"))
    if not files:
        mistakes.append(f"{folder}: holds no <name>/prompt.md")
    for file in files:
        try:
            prompt = parse_prompt(file.read_text(encoding="utf-8-sig"), path=str(file))
        except Misconfigured as exc:
            mistakes.extend(exc.mistakes)
        except (OSError, UnicodeDecodeError) as exc:
            mistakes.append(f"{file}: cannot be read as UTF-8 text ({type(exc).__name__})")
        else:
            prompts[prompt.name] = prompt
            if prompt.name != file.parent.name:
                mistakes.append(f"{file}: name: {prompt.name!r} is not the name of its folder")
    return prompts, mistakes


def _misplaced(prompt: Prompt) -> list[str]:
    texts = prompt.system + prompt.user
    used = set(_PLACEHOLDER.findall(texts))
    odd = [each for each in _BRACES.findall(texts) if not _PLACEHOLDER.fullmatch(each)]
    return [
        *(f"{each}: write a placeholder as {{{{ name }}}}" for each in odd),
        *(f"{{{{ {name} }}}}: not among the inputs" for name in sorted(used - set(prompt.inputs))),
        *(f"inputs: {name!r} is used nowhere" for name in sorted(set(prompt.inputs) - used)),
    ]


def _unlike(own: Prompt, prompts: dict[str, Prompt], folder: Path) -> list[str]:
    file = folder / own.name / "prompt.md"
    if own.name not in prompts:
        return [f"{file}: name: there is no prompt {own.name!r} to replace"]
    differing = sorted(set(own.inputs) ^ set(prompts[own.name].inputs))
    return [f"{file}: inputs: {name!r} must be the same as in the original" for name in differing]


def _filled(text: str, values: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def _mistake(error: Any) -> str:
    return f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
