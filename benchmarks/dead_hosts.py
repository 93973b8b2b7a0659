"""Hosts that are dead in every way that an agent meets, on ports of the loopback."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.sshd import HOST

FILLERS = 4
CHUNK = b"x" * 65_536


@contextmanager
def refusing() -> Iterator[int]:
    """Hold a port on which nobody listens: the kernel refuses, and gives the port to nobody else."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        yield int(held.getsockname()[1])


@contextmanager
def black_hole() -> Iterator[int]:
    """Answer no SYN: Linux drops them while a listener's queue is full, as a packet filter does (listen(2))."""
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(FILLERS)]
        try:
            for one in fillers:
                one.settimeout(0)
                one.connect_ex(server.getsockname())
            time.sleep(0.1)
            yield int(server.getsockname()[1])
        finally:
            for one in fillers:
                one.close()


@contextmanager
def silent() -> Iterator[int]:
    """Take connections and say nothing."""
    with _listening(b"", endless=False) as port:
        yield port


@contextmanager
def mute() -> Iterator[int]:
    """Say the version of an SSH server, and nothing after that."""
    with _listening(b"SSH-2.0-mute\r\n", endless=False) as port:
        yield port


@contextmanager
def babbling() -> Iterator[int]:
    """Send without end, from the first moment, what is no SSH."""
    with _listening(CHUNK, endless=True) as port:
        yield port


@contextmanager
def _listening(words: bytes, *, endless: bool) -> Iterator[int]:
    held: list[socket.socket] = []
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen(100)
        threading.Thread(target=_serve, args=(server, held, words, endless), daemon=True).start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for one in held:
                one.close()


def _serve(server: socket.socket, held: list[socket.socket], words: bytes, endless: bool) -> None:  # noqa: FBT001
    while True:
        try:
            taken, _ = server.accept()
        except OSError:
            return
        held.append(taken)
        threading.Thread(target=_say, args=(taken, words, endless), daemon=True).start()


def _say(taken: socket.socket, words: bytes, endless: bool) -> None:  # noqa: FBT001
    try:
        taken.sendall(words)
        while endless:
            taken.sendall(words)
    except OSError:
        return
