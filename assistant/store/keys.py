"""Every key the store uses."""


class Keys:
    """Every key of an organisation; its braces keep them in one slot of a cluster."""

    def __init__(self, organisation: str) -> None:
        start = f"luister:{{{organisation}}}:"
        self.start = start
        self.secret = start + "secret"
        self.log = start + "log"
        self.seen = start + "seen"
        self.threads = start + "threads"
        self.later = start + "later"
        self.cases = start + "cases:"
        self.work = start + "work:"
        self.lane = start + "lane:"
        self.lanes = start + "lanes"
        self.citizen = start + "citizen:"
        self.remotes = start + "remotes"
        self.dead = start + "dead"
        self.failures = start + "failures"
        self.quarantine = start + "quarantine"
        self.roots = start + "roots"
        self.counters = start + "counters"
        self.notices = start + "notices"
        self.cursors = start + "cursors"
        self.echoes = start + "echoes:"
        self.kept = start + "kept"
        self.aliases = start + "aliases"
        self.connections = start + "connections"

    def case(self, case: str) -> str:
        return f"{self.start}case:{case}"

    def events(self, case: str) -> str:
        return f"{self.start}events:{case}"

    def private(self, case: str) -> str:
        return f"{self.start}private:{case}"

    def commands(self, case: str) -> str:
        return f"{self.start}commands:{case}"

    def shown(self, case: str) -> str:
        return f"{self.start}shown:{case}"

    def messages(self, case: str) -> str:
        return f"{self.start}messages:{case}"

    def lease(self, name: str) -> str:
        return f"{self.start}lease:{name}"
