"""Words in files: one list a file, the words between spaces or line ends."""

from importlib.resources import files


def listed(name: str) -> frozenset[str]:
    """Return the words of the list `name`, a file beside this one."""
    return frozenset((files("assistant") / "lists" / name).read_text("utf-8").split())
