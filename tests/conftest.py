"""What holds for every test: nothing leaves the machine, and in CI no skip passes for a pass."""

import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.command_line import folder, luister  # noqa: F401 - fixtures for all
from tests.platforms.table import Table
from tests.redis_server import RedisServer

# A shell lets what it starts in the background ignore Ctrl-C, and programs pass that on: those that
# a test starts, and means to interrupt, would never hear of it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

left_the_machine: list[str] = []


def _keep_inside(event: str, args: tuple[Any, ...]) -> None:
    """Refuse every connection, datagram and name look-up that is not for this machine itself."""
    if event in ("socket.connect", "socket.sendto") and args[0].family in _INTERNET:
        _only_loopback(args[1][0])
    elif event == "socket.getaddrinfo" and args[0] is not None:
        _only_loopback(args[0])


_INTERNET = (socket.AF_INET, socket.AF_INET6)


def _only_loopback(host: str | bytes) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name == "localhost":
        return
    try:
        inside = ipaddress.ip_address(name).is_loopback
    except ValueError:
        inside = False
    if not inside:
        left_the_machine.append(name)
        raise PermissionError(f"a test may reach this machine only, not {name!r}")


sys.addaudithook(_keep_inside)


@pytest.fixture(autouse=True)
def _nothing_left_the_machine() -> Iterator[None]:
    """Fail a test that tried to reach outside, also when its code swallowed the refusal."""
    left_the_machine.clear()
    yield
    assert not left_the_machine


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Each test process's own real server; what a test did to it is undone by `store_url`."""
    server = RedisServer(tmp_path_factory.mktemp("redis"), environ=os.environ)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_url(redis_server: RedisServer) -> str:
    """The URL of this test process's own server."""
    return redis_server.url


@pytest.fixture
def store_url(redis_server: RedisServer) -> str:
    """The URL of a running, empty store for this one test."""
    redis_server.start()
    redis_server.flush()
    return redis_server.url


class _Skips:
    """Counts what was skipped, over all processes, and fails the run for it where CI is set."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        # xdist passes on the skipped tests but not the files skipped as a whole
        self.reasons |= getattr(node, "workeroutput", {}).get("skips", {})

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if (output := getattr(session.config, "workeroutput", None)) is not None:
            output["skips"] = self.reasons
        elif self.reasons and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.reasons and os.environ.get("CI"):
            terminalreporter.section("skipped, which fails the run because CI is set", red=True)
            for test, reason in sorted(self.reasons.items()):
                terminalreporter.line(f"{test}: {reason}")

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped:
            where = report.longrepr
            self.reasons[report.nodeid] = where[2] if isinstance(where, tuple) else str(where)


def pytest_configure(config: pytest.Config) -> None:
    """Count skips from the start, and note the cells of the contract."""
    config.pluginmanager.register(_Skips())
    config.pluginmanager.register(Table())
