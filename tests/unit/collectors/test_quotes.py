"""What errors quote of what devices answered has no secrets in it, wherever the quote is cut."""

import asyncio
import time

import pytest

from collectors.document import Document, read_document
from collectors.errors import MAX_COMPLAINT, MAX_QUOTE, CommandFailed, ParseError, last_complaint
from collectors.local import LocalTransport
from collectors.request import Command
from collectors.services.units import read_unit
from collectors.transport import Limits

SECRET = "Zq9hunter-22-x7Kv"


def leaks(text: str) -> bool:
    return SECRET[:5] in text or SECRET[-5:] in text


@pytest.mark.parametrize(
    "text",
    [
        f"mysqld --password={SECRET} --port=1",
        f"E: failed to fetch https://ada:{SECRET}@deb.example.org/x",
        f'{{"token": "{SECRET}"}}',
        f"Authorization: Bearer {SECRET}",
        # Cut in the middle of the secret, or just behind its name.
        f"{'x' * (MAX_QUOTE - 16)} password={SECRET}",
        f"{'x' * (MAX_QUOTE - 9)} password={SECRET}",
        f"{'x' * (MAX_COMPLAINT - 16)} password={SECRET}",
    ],
)
def test_a_quote_has_no_secret(text: str) -> None:
    assert not leaks(str(ParseError("not a line", section="s", text=text)))
    assert not leaks(str(Document({"a": text}, "s").at("a").wrong("a number")))
    assert not leaks(last_complaint(f"first\n{text}\n"))


def test_a_complaint_is_its_last_line() -> None:
    assert last_complaint("one\n two \n\n") == ":  two"
    assert last_complaint(" \n") == ""
    assert last_complaint("y" * 1000) == ": " + "y" * MAX_COMPLAINT


@pytest.mark.parametrize("behind", ["", "x", "," * 30, ' "b": 1' * 5])
def test_json_that_is_broken_behind_a_secret_does_not_quote_it(behind: str) -> None:
    with pytest.raises(ParseError, match="no JSON") as caught:
        read_document(f'{{"password": "{SECRET}"{behind}', section="s")
    assert not leaks(str(caught.value))


def test_a_program_that_complains_of_a_secret() -> None:
    failing = Command(("sh", "-c", f"echo cannot log in with --password {SECRET} at db >&2; exit 3"))
    with pytest.raises(CommandFailed, match=r"ended with 3: cannot log in with --password \*\*\* at db") as caught:
        asyncio.run(LocalTransport().fetch(failing, Limits()))
    assert not leaks(str(caught.value.to_dict()))


def test_what_somebody_called_a_unit_has_no_secret() -> None:
    block = {"Id": "a.service", "ActiveState": "active", "Description": f"Backup to https://ada:{SECRET}@nas/x"}
    assert read_unit(block, section="s").service.description == "Backup to https://***@nas/x"


def test_a_large_answer_is_quoted_in_a_moment() -> None:
    began = time.process_time()
    ParseError("not a line", section="s", text="password=" * 1_000_000)
    last_complaint("a://b:" * 10_000)
    with pytest.raises(ParseError):
        read_document("[" + '"password": ' * 500_000, section="s")
    assert time.process_time() - began < 5
