"""Several programs in one look, on the machine itself."""

import shlex

import pytest

from collectors import sections
from collectors.answers import split_answers
from collectors.chain import ask
from collectors.errors import CommandFailed, LookTimedOut, OutputTooLarge
from collectors.local import LocalTransport
from collectors.request import Chain, Command
from collectors.transport import Limits


def echo_each(text: str) -> tuple[Command, ...]:
    return tuple(Command(("printf", "%s", word)) for word in text.split())


async def test_the_first_answer_decides_what_else_is_asked() -> None:
    output = await ask(LocalTransport(), Chain(Command(("echo", "a b")), echo_each), Limits())
    assert sections.split(output.text) == {"echo 'a b'": "a b", "printf %s a": "a", "printf %s b": "b"}
    assert output.size == len("a b\n") + 2


async def test_a_program_that_fails_or_is_missing_is_an_answer() -> None:
    chain = Chain(
        Command(("true",)), lambda _: (Command(("sh", "-c", "echo x; exit 4")), Command(("no-such-program",)))
    )
    found = split_answers((await ask(LocalTransport(), chain, Limits())).text)
    assert [(one.line, one.text, one.code) for one in found] == [
        ("true", "", 0),
        (shlex.join(("sh", "-c", "echo x; exit 4")), "x", 4),
        ("no-such-program", "", 127),
    ]


async def test_the_first_must_answer() -> None:
    with pytest.raises(CommandFailed):
        await ask(LocalTransport(), Chain(Command(("false",)), echo_each), Limits())


async def test_all_share_one_deadline() -> None:
    chain = Chain(Command(("true",)), lambda _: (Command(("sleep", "0.2")), Command(("sleep", "30"))))
    with pytest.raises(LookTimedOut):
        await ask(LocalTransport(), chain, Limits(timeout_s=0.6))


async def test_all_share_one_bound_of_bytes() -> None:
    big = Command(("head", "-c", "600", "/dev/zero"))
    with pytest.raises(OutputTooLarge):
        await ask(LocalTransport(), Chain(Command(("true",)), lambda _: (big, big)), Limits(max_bytes=1000))
