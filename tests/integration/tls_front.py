"""A front that speaks PostgreSQL's TLS for a server built without: it takes TLS with a client's certificate, no other.

Source: PostgreSQL, "Message Formats": SSLRequest is eight bytes, the length 8 and 80877103; the answer is one byte.
"""

import contextlib
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_FIELDS = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for this host, no encryption\0\0"
_REFUSAL = b"E" + struct.pack("!i", 4 + len(_FIELDS)) + _FIELDS


class _Front(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, context: ssl.SSLContext, server: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.context = context
        self.behind = server


class _Session(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        front, plain = cast("_Front", self.server), cast("socket.socket", self.request)
        with contextlib.suppress(OSError):
            if plain.recv(8) != _SSL_REQUEST:
                plain.sendall(_REFUSAL)
                return
            plain.sendall(b"S")
            with (
                front.context.wrap_socket(plain, server_side=True) as client,
                socket.create_connection(front.behind) as server,
            ):
                answers = threading.Thread(target=_pump, args=(server, client), daemon=True)
                answers.start()
                _pump(client, server)
                answers.join(5)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def tls_front(server: tuple[str, int], *, root: Path, cert: Path, key: Path) -> Iterator[int]:
    """The port of a front to a server, with its certificate and those it takes of clients."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(root))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(cert, key)
    front = _Front(context, server)
    thread = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield int(front.server_address[1])
    front.shutdown()
    front.server_close()
    thread.join(5)
