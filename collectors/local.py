"""The transport to the machine that the agent runs on: files are read in place, programs are started."""

import asyncio
import contextlib
import glob
import os
import signal
import stat
from collections.abc import Iterator, Mapping

from collectors import sections
from collectors.daemon_thread import in_daemon_thread
from collectors.errors import (
    CommandFailed,
    LookFailed,
    LookTimedOut,
    OutputTooLarge,
    ProgramMissing,
    last_complaint,
)
from collectors.mounts import unescaped
from collectors.request import STATVFS, Command, FileSet, Gets, Request
from collectors.transport import Limits, Output
from collectors.unix_http import get_all

MOUNTS = "/proc/self/mounts"
OF_PROCESS = {MOUNTS: "/proc/1/mounts", "/proc/net/dev": "/proc/1/net/dev"}
"""Files that tell of the namespaces of whoever reads them: of this machine's, not of the container's, by process 1."""
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class LocalTransport:
    """The machine itself. One reader of files at a time: one that hangs in the kernel is not joined by others."""

    def __init__(self, environment: Mapping[str, str] | None = None, *, root: str = "") -> None:
        """`root` is where this machine's root is mounted, when this runs in a container: files are read below it."""
        self._root = root.rstrip("/")
        self._environment = dict(ENVIRONMENT if environment is None else environment)
        self._turn = asyncio.Lock()
        self._reading: asyncio.Future[str] | None = None

    async def fetch(self, request: Request, limits: Limits) -> Output:
        """Return the answer to one request; see `Transport.fetch`."""
        if isinstance(request, FileSet):
            return await self._files(request, limits)
        if isinstance(request, Gets):
            return await get_all(request, limits)
        return await self._run(request, limits)

    async def close(self) -> None:
        """Nothing to give back: programs under way are killed when their fetch is cancelled."""

    async def _files(self, request: FileSet, limits: Limits) -> Output:
        try:
            async with asyncio.timeout(limits.timeout_s), self._turn:
                text = await self._read(request)
        except TimeoutError:
            raise LookTimedOut(f"files were not read within {limits.timeout_s:g} s", operation="read files") from None
        size = len(text.encode())
        if size > limits.max_bytes:
            raise _too_large("the files", limits)
        return Output(text, size)

    async def _read(self, request: FileSet) -> str:
        if self._reading is not None and not self._reading.done():
            raise LookTimedOut("the reading of files before this one still hangs in the kernel", operation="read files")
        self._reading = in_daemon_thread(lambda: read_files(request, self._root), "read-files")
        return await asyncio.shield(self._reading)

    async def _run(self, command: Command, limits: Limits) -> Output:
        try:
            process = await asyncio.create_subprocess_exec(
                *command.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
            raise ProgramMissing(
                f"{command.argv[0]} cannot be run ({(error.strerror or '').lower()})", operation="run"
            ) from error
        except (OSError, ValueError) as error:
            raise LookFailed(f"{command.argv[0]} was not started ({error})", operation="run") from error
        try:
            async with asyncio.timeout(limits.timeout_s):
                return await _answer(process, command, limits)
        except TimeoutError:
            raise LookTimedOut(
                f"{command.argv[0]} did not end within {limits.timeout_s:g} s", operation="run"
            ) from None
        finally:
            await _end(process)


async def _answer(process: asyncio.subprocess.Process, command: Command, limits: Limits) -> Output:
    assert process.stdout is not None  # noqa: S101 - both were asked for as pipes
    assert process.stderr is not None  # noqa: S101
    complaints = asyncio.create_task(_read(process.stderr, 65_536, keep_reading=True))
    try:
        output = await _read(process.stdout, limits.max_bytes + 1, keep_reading=False)
        if len(output) > limits.max_bytes:
            raise _too_large(command.argv[0], limits)
        complaint = (await complaints).decode(errors="replace").strip()
        code = await process.wait()
    finally:
        complaints.cancel()
    if code not in command.accepted:
        why = last_complaint(complaint)
        raise CommandFailed(f"{command.argv[0]} ended with {code}{why}", operation="run", exit_code=code)
    return Output(output.decode(errors="replace"), len(output), code)


async def _read(stream: asyncio.StreamReader, most: int, *, keep_reading: bool) -> bytes:
    """Return at most `most` bytes; `keep_reading` drains the rest, so that the program is not held up."""
    parts: list[bytes] = []
    size = 0
    while part := await stream.read(65_536):
        if size < most:
            parts.append(part[: most - size])
        size += len(part)
        if size >= most and not keep_reading:
            break
    return b"".join(parts)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the program and all that it started, when it has not ended by itself."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def read_files(request: FileSet, root: str = "") -> str:
    """Return the text of a set of files, by their names on the machine whose root is mounted at `root`. Blocks."""
    return sections.join(_sections(request, root))


def _sections(request: FileSet, root: str) -> Iterator[tuple[str, str]]:
    for pattern in request.patterns:
        for path in sorted(_named(pattern, root)) if "*" in pattern else (pattern,):
            content = _content(path, root, request.max_file_bytes)
            if content is not None:
                yield path, content
    if request.filesystems:
        yield STATVFS, "".join(_statvfs_lines(request, root))


def _named(pattern: str, root: str) -> Iterator[str]:
    return (found.removeprefix(root) for found in glob.glob(root + pattern))


def _content(path: str, root: str, most: int) -> str | None:
    """Return a file of the machine; None when it cannot be read."""
    if not root or path not in OF_PROCESS:
        return _read_file(root + path, most)
    content = _read_file(root + OF_PROCESS[path], most)
    if content is None and path == MOUNTS:
        # Process 1 hides itself (hidepid, a namespace of users): what of the machine is mounted here must do.
        return "".join(_below(_read_file(MOUNTS, most) or "", root))
    return content


def _below(mounts: str, root: str) -> Iterator[str]:
    """Yield the mounts below a root as the machine would name them."""
    for line in mounts.splitlines(keepends=True):
        fields = line.split(" ")
        if len(fields) > 2 and (fields[1] == root or fields[1].startswith(f"{root}/")):
            yield " ".join([fields[0], fields[1].removeprefix(root) or "/", *fields[2:]])


def _read_file(path: str, most: int) -> str | None:
    # A sensor that is asleep, a file of another kernel, a permission: what is not given is absent.
    try:
        # Who opens a FIFO waits for its writer, unless told not to; nothing but files has an end to read to.
        with open(path, "rb", buffering=0, opener=_opened) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            parts = []
            left = most
            while left > 0 and (part := file.read(min(left, 65_536))):
                parts.append(part)
                left -= len(part)
    except OSError:
        return None
    return b"".join(parts).decode(errors="replace")


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _statvfs_lines(request: FileSet, root: str) -> Iterator[str]:
    for line in (_content(MOUNTS, root, request.max_file_bytes) or "").splitlines():
        fields = line.split(" ")
        if len(fields) < 3 or fields[2] not in request.filesystems:
            continue
        try:
            found = os.statvfs(root + unescaped(fields[1]))
        except (OSError, ValueError):
            continue
        yield (
            f"{found.f_blocks} {found.f_bfree} {found.f_bavail} {found.f_frsize} "
            f"{found.f_files} {found.f_ffree} {fields[1]}\n"
        )


def _too_large(what: str, limits: Limits) -> OutputTooLarge:
    return OutputTooLarge(f"{what} gave more than {limits.max_bytes} bytes", operation="read", limit=limits.max_bytes)
