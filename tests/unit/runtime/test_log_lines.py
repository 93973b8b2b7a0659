"""Log lines as a person is told of them."""

import pytest

from runtime.log_lines import error_in, told


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"event": "waiting", "why": "Kafka is away", "level": "warning"}', "waiting: Kafka is away"),
        ('{"event": "nothing can be sent", "reason": "refused"}', "nothing can be sent: refused"),
        ('{"event": "ended", "error": {"message": "no spool"}}', "ended: no spool"),
        ('{"event": "told"}', "told"),
        ("error: INFRASTRUCTOR_X is wrong", "error: INFRASTRUCTOR_X is wrong"),
        ('{"event": 1}', '{"event": 1}'),
        ('{"cut', '{"cut'),
    ],
)
def test_a_line_is_told_as_its_message_and_why(line: str, sentence: str) -> None:
    assert told(line) == sentence


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"event": "rules refused", "why": "no YAML", "level": "error"}', "rules refused: no YAML"),
        ('{"event": "waiting", "why": "Kafka is away", "level": "warning"}', None),
        ("Traceback (most recent call last):", None),
    ],
)
def test_errors_alone_are_errors(line: str, sentence: str | None) -> None:
    assert error_in(line) == sentence
