"""What other people's smartctl and zpool said."""

import pytest

from collectors.errors import ParseError
from tests.unit.collectors.collector_cases import CORPUS, DRIVES, ZFS, Subject


@pytest.mark.parametrize(("subject", "folder"), [(DRIVES, "smartctl"), (ZFS, "zpool")], ids=["smartctl", "zpool"])
def test_every_file_of_the_corpus_parses(subject: Subject, folder: str) -> None:
    """A file that is not understood must say where."""
    files = sorted((CORPUS / folder).glob("*"))
    if not files:
        pytest.skip(f"{CORPUS / folder} is absent")
    for file in files:
        text = file.read_text(encoding="utf-8")
        try:
            subject.parse(text)
        except ParseError as error:
            pytest.fail(f"{file.name}: {error}")
        assert subject.encoded(text)
