"""Runs one server in a private network namespace and relays a loopback port to it.

Started by `assistant.localslack` as a script of its own, inside `unshare --net`; it imports the
standard library only, so that it starts at once. The listening socket it inherits was opened
outside the namespace, the server listens inside: this process is where the two meet. On its way
the server's page is changed where it draws otherwise than Slack does.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import re
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator

_CHUNK = 64 * 1024
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1  # <linux/sockios.h>, <net/if.h>
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


_PAGE = b"HTTP/1.1 200 OK\r\ncontent-type: text/html"

AS_SLACK_DRAWS = (
    # A text of several lines in a box of several lines; the lines of any plain text kept apart.
    (
        b'"input",{className:"bk-plain-input",placeholder:',
        b'l.multiline?"textarea":"input",{className:"bk-plain-input",rows:10,placeholder:',
    ),
    (b"</style>", b".plain{white-space:pre-wrap}.bk-plain-input{max-width:none}</style>"),
    # What stands chosen beforehand in a list, and an error without the name of its block.
    (
        b'L.value)??"";return f.jsxs("select"',
        b'L.value)??l.initial_option?.value??"";return f.jsxs("select"',
    ),
    (b'[R,": ",L]', b"L"),
    # An app without a Home tab has none to open.
    (b"onClick:()=>C(ql(P.appId))", b"disabled:!0"),
)
"""What local-slack's page draws otherwise than Slack does, and how Slack does."""


async def _page(data: bytes, reader: asyncio.StreamReader) -> bytes:
    """Return the answer that begins with `data`, its page drawn as Slack would."""
    head, _, page = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    if not length:
        return data
    with contextlib.suppress(TimeoutError):  # only the head was asked for
        async with asyncio.timeout(1):
            while len(page) < int(length[1]) and (more := await reader.read(_CHUNK)):
                page += more
    if len(page) < int(length[1]):
        return b"%b\r\n\r\n%b" % (head, page)
    for drawn, wanted in AS_SLACK_DRAWS:
        page = page.replace(drawn, wanted)
    return b"%b\r\n\r\n%b" % (head.replace(length[0], b"content-length: %d" % len(page)), page)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(await _page(data, reader) if data.startswith(_PAGE) else data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carry bytes both ways until both sides have finished, or either breaks."""
    ends = [writer]
    try:
        answers, other = await asyncio.open_connection("127.0.0.1", port)
        ends.append(other)
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(reader, other))
            both.create_task(_pump(answers, writer))
        for end in ends:
            end.close()  # sends first what is still buffered
    except* OSError:
        pass  # a peer that breaks off is an ordinary end; the abort tells the other side
    finally:
        for end in ends:
            if not end.is_closing():
                end.transport.abort()


@contextlib.asynccontextmanager
async def relayed(listening: socket.socket, port: int) -> AsyncIterator[None]:
    """Relay every connection of `listening` to 127.0.0.1:`port`; on exit all are cut."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_join(reader, writer, port))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, sock=listening)
    try:
        yield
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def loopback_up() -> None:
    """Switch on the loopback interface of a new namespace, as `ip link set lo up` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name = b"lo".ljust(16, b"\0")
        answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16sH14x", name, 0))
        (flags,) = struct.unpack_from("H", answer, 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", name, flags | _IFF_UP))


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


async def _supervise(
    command: list[str], port: int, *, listening: int, control: socket.socket
) -> None:
    server = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, preexec_fn=_die_with_parent
    )
    assert server.stdout is not None
    while b"is running" not in (line := await server.stdout.readline()):
        if not line:
            return
    async with contextlib.AsyncExitStack() as stack:
        if listening >= 0:
            await stack.enter_async_context(relayed(socket.socket(fileno=listening), port))
        control.sendall(b"R")
        control.setblocking(False)
        parent_gone = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(control, 1))
        server_gone = asyncio.ensure_future(server.wait())
        await asyncio.wait({parent_gone, server_gone}, return_when=asyncio.FIRST_COMPLETED)
    with contextlib.suppress(ProcessLookupError):
        server.terminate()
    await server.wait()


def main(arguments: list[str]) -> None:
    """Arguments: fd of the outer socket (-1: no namespace), fd of the control socket, the
    server's port, ports to relay outward (comma separated, may be empty), then the command."""
    listening, control_fd, port, outward, *command = arguments
    control = socket.socket(fileno=int(control_fd))
    listeners = []
    if int(listening) >= 0:
        loopback_up()
        listeners = [socket.create_server(("127.0.0.1", int(p))) for p in outward.split(",") if p]
    # The parent serves these listeners itself: a socket stays in the namespace it was made in.
    socket.send_fds(control, [b"N"], [each.fileno() for each in listeners])
    asyncio.run(_supervise(command, int(port), listening=int(listening), control=control))


if __name__ == "__main__":
    main(sys.argv[1:])
