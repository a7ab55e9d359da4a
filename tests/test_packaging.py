"""What users install: a wheel with every file the program reads, locks with every hash."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.txt", "requirements-test.txt", "requirements-node.txt")
BESIDE = {"prompts": "_prompts", "examples/waterstad": "_example"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built here with what is installed and nothing fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("luister-*.whl")
    return built


def test_the_wheel_holds_every_file_the_program_reads(wheel: Path) -> None:
    sources = [path for path in ROOT.glob("assistant/**/*") if path.is_file()]
    expected = {str(path.relative_to(ROOT)) for path in sources if "__pycache__" not in path.parts}
    for source, packed in BESIDE.items():
        top = ROOT / source
        for path in [top] if top.is_file() else top.rglob("*"):
            if path.is_file():
                expected.add(str(Path("assistant", packed, path.relative_to(top))))
    with zipfile.ZipFile(wheel) as archive:
        packed_files = {name for name in archive.namelist() if name.startswith("assistant/")}
    assert packed_files == expected
    for kind in ("store.lua", "/nl.toml", "_prompts/draft/prompt.md", "_example/luister.toml"):
        assert any(name.endswith(kind) for name in packed_files), kind


def test_the_wheel_has_the_command_and_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            name: archive.read(name).decode() for name in archive.namelist() if "info/" in name
        }
    (entry,) = [text for name, text in texts.items() if name.endswith("entry_points.txt")]
    assert "luister = assistant.__main__:main" in entry
    (licence,) = [text for name, text in texts.items() if name.endswith("licenses/LICENSE")]
    assert licence == (ROOT / "LICENSE").read_text()


def test_the_installed_wheel_finds_its_own_files(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import assistant.prompts, assistant.words\n"
        "print(assistant.__file__, *sorted(assistant.prompts.load_prompts()))\n"
        "assistant.words.Words('nl')"
    )
    said = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert said[0].startswith(str(tmp_path))
    assert {"draft", "triage"} <= set(said[1:])


@pytest.mark.parametrize("name", LOCKS)
def test_every_pinned_package_has_a_hash(name: str) -> None:
    text = (ROOT / name).read_text().replace("\\\n", " ")
    for line in text.splitlines():
        assert re.match(r"[a-z0-9-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", line), line


@pytest.mark.parametrize("name", [*LOCKS, "package-lock.json"])
def test_no_lock_names_a_host(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.search(r"\bindex-url\b|\bresolved\b|\.(com|org|io|net|dev)\b", text)


def test_the_npm_lock_pins_with_a_hash() -> None:
    text = (ROOT / "package-lock.json").read_text()
    assert text.count('"integrity": "sha512-') == text.count('"node_modules/') > 0


def test_the_locks_cover_the_project_and_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run, test = _pins("requirements.txt"), _pins("requirements-test.txt")
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["embedded"], *extras["build"]]
    assert {_name(each) for each in wanted} <= run.keys()
    assert {_name(each) for each in extras["test"]} <= test.keys()
    assert run.items() <= test.items()


def _pins(lock: str) -> dict[str, list[str]]:
    pins: dict[str, list[str]] = {}
    for name, version in re.findall(
        r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE
    ):
        pins.setdefault(name, []).append(version)
    return pins


def _name(requirement: str) -> str:
    found = re.match(r"[a-z0-9-]+", requirement)
    assert found
    return found[0]


def test_the_licence_is_the_whole_eupl() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2")
    assert re.findall(r"^(\d+)\.\S", text, re.MULTILINE) == [str(number) for number in range(1, 16)]
    assert "Appendix" in text
    assert text.rstrip().endswith("require the production of a new EUPL version.")
