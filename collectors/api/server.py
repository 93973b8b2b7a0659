"""The agent's side: a few operators at a time, each with a bounded line and a bounded wait."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collectors.api.protocol import LONGEST_REQUEST_BYTES, Request, answer_lines, read_request, refusal_line
from collectors.api.socket import bound, removed
from collectors.device import Device
from collectors.front import Front
from collectors.look import Look
from runtime.errors import InfrastructorError, InputInvalid
from runtime.log import get_logger

MOST_CLIENTS = 8
IDLE_S = 60.0
WRITE_S = 30.0
"""A reader that takes nothing for so long is let go."""

FindDevice = Callable[[str | None], Device]
"""Returns a device, the agent's own for None. Raises InputInvalid, naming those there are."""

FindLook = Callable[[str, Device], Look[Any]]
"""Returns a look as it is made at a device. Raises InputInvalid."""


class OperatorApi:
    """Answers on a Unix socket until it is cancelled."""

    def __init__(self, path: Path, front: Front, *, device: FindDevice, look: FindLook) -> None:
        self._path = path
        self._front = front
        self._device = device
        self._look = look
        self._clients: set[asyncio.Task[Any]] = set()
        self._log = get_logger("agent")

    async def run(self) -> None:
        """Serve until cancelled; without a socket the agent goes on, and says so. Raises nothing else."""
        try:
            listening = bound(self._path)
        except OSError as error:
            self._log.error("operators cannot ask this agent", socket=str(self._path), error=error)
            return
        server = await asyncio.start_unix_server(self._accept, sock=listening, limit=LONGEST_REQUEST_BYTES)
        try:
            await asyncio.Event().wait()
        finally:
            removed(self._path)
            server.close()
            for client in self._clients:
                client.cancel()
            if self._clients:
                await asyncio.wait(self._clients)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: of one that asyncio made, it would log each that is cancelled.
        task = asyncio.create_task(self._serve(reader, writer, is_busy=len(self._clients) >= MOST_CLIENTS))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_busy: bool) -> None:
        try:
            # Gone, silent, or reading nothing: his affair.
            with contextlib.suppress(ConnectionError, TimeoutError, asyncio.LimitOverrunError):
                if is_busy:
                    await _write(writer, refusal_line(_busy()))
                else:
                    await self._converse(reader, writer)
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await _read_line(reader):
            try:
                request = read_request(line)
                device = self._device(request.device)
                look = self._look(request.collector, device)
            except InfrastructorError as error:
                await _write(writer, refusal_line(error))
                continue
            await self._answer(writer, request, device, look)

    async def _answer(self, writer: asyncio.StreamWriter, request: Request, device: Device, look: Look[Any]) -> None:
        # What is kept has no raw output: who wants that has it looked for.
        force = request.force or request.raw
        served = await self._front.asked(device, look, requested_by=request.requested_by, force=force)
        for line in answer_lines(request, served, device=device.id):
            await _write(writer, line)


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    """Return the next line; empty when the client is done, sends too much, or nothing for long."""
    try:
        async with asyncio.timeout(IDLE_S):
            return (await reader.readline()).strip()
    except ValueError:
        # Longer than a request may be.
        return b""


async def _write(writer: asyncio.StreamWriter, line: bytes) -> None:
    writer.write(line)
    async with asyncio.timeout(WRITE_S):
        await writer.drain()


def _busy() -> InputInvalid:
    return InputInvalid(f"{MOST_CLIENTS} operators are asking already: try again in a moment", operation="collect")
