"""Broken and hostile configuration: a ParseError or valid events, in bounded time, and nothing else."""

import contextlib
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.compose_files.commands import then
from collectors.compose_files.nodes import Read, Scalar, read_yaml
from collectors.errors import ParseError
from tests.unit.collectors.collector_cases import COMPOSE, PROXY, Subject

SUBJECTS = (PROXY, COMPOSE)
ALL = [(subject, case) for subject in SUBJECTS for case in subject.cases()]
TEN_MB = 10_000_000
LARGEST = 262_000
LONGEST_S = 8.0
PIECES = [
    *"{};\"'#\\\n\t\x00\x85|>[]:%@\r", "&a ", "*a", "<<: ", "!x ", "? ", "- ", "==> /x <==\n", "\ufeff", "${",
    "set $a $a$a;", "---\n", "...\n", "\U0001f600",
]  # fmt: skip
# What is drawn is slow on a busy machine, and that is no failure.
RELAXED = [HealthCheck.too_slow]


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Subject, str]:
    """Return a case's text with pieces cut out, repeated, or replaced by anything."""
    subject, case = draw(st.sampled_from(ALL))
    text = subject.text(case)
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 200)))
        middle = draw(st.just("") | st.text(max_size=30) | st.sampled_from(PIECES) | st.just(text[start:end] * 2))
        text = text[:start] + middle + text[end:]
    return subject, text


@settings(max_examples=400, deadline=None, suppress_health_check=RELAXED)
@given(damaged())
def test_damaged_text_is_an_error_of_ours_or_a_valid_event(given_text: tuple[Subject, str]) -> None:
    given_text[0].encoded(given_text[1])
    with contextlib.suppress(ParseError):
        then(given_text[1])


@settings(max_examples=300, deadline=None, suppress_health_check=RELAXED)
@given(st.text(max_size=200), st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_text_is_an_error_of_ours_or_a_valid_event(text: str, raw: bytes, pieces: list[str]) -> None:
    for subject in SUBJECTS:
        for one in (text, raw.decode(errors="replace"), "".join(pieces), raw.decode("utf-8", "surrogateescape")):
            subject.encoded(one)
            subject.encoded(f"==> /a.yml <==\n{one}\n==> /b.conf <==\n{one}", one)


@settings(max_examples=300, deadline=None, suppress_health_check=RELAXED)
@given(st.text(alphabet="ab'\"\\ü\U0001f600 \n", max_size=30), st.sampled_from(["\n", "\r\n"]))
def test_values_stand_where_they_are_said_to(text: str, end: str) -> None:
    """The places of values count characters, whatever stands before them."""
    document = f'# {text.replace(chr(10), " ")}{end}a: plain{end}ü: &x "quoted"{end}b: [one, two]{end}'
    read: Read = read_yaml(document, section="x")
    raws = [document[scalar.start : scalar.end] for scalar in read.scalars]
    assert raws == ["a", "plain", "ü", '&x "quoted"', "b", "one", "two"]
    assert all(isinstance(scalar, Scalar) for scalar in read.scalars)


def test_values_resolve_as_compose_reads_them() -> None:
    document = (
        "a: 22:22\nb: yes\nc: 010\nd: 1.10\ne: ~\nf: true\ng: '5'\nh: 5\ni: !!str 5\nj: !reset 5\nk: 2026-11-21\n"
    )
    values = [scalar.value for scalar in read_yaml(document, section="x").scalars[1::2]]
    assert values == ["22:22", "yes", "010", "1.10", None, True, "5", 5, "5", None, "2026-11-21"]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("services:\n  a: [", 2, "did not find"),
        ("services:\n\ta: b\n", 2, "cannot start any token"),
        ("services:\n  a: *b\n", 2, "an alias"),
        ("a: &a [*a]\n", 1, "an alias"),
        ("services: {}\n---\nservices: {}\n", 2, "a second document"),
        ("services:\n  ? [a]\n  : b\n", 2, "a key that is no text"),
        ("services:\n  a: !!binary x\n", 2, "a tag"),
        ("services:\n" + "".join(" " * depth + "a:\n" for depth in range(1, 60)), 41, "nested deeper"),
    ],
)
def test_errors_of_a_compose_file_name_the_line(text: str, line: int, what: str) -> None:
    with pytest.raises(ParseError, match=what) as raised:
        COMPOSE.parse(text)
    # At the end of a text, the reader's line is the one after.
    assert raised.value.details["line"] in {line, line + 1}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("server {\n  listen 1\n}\n", 3),
        ("server {\n  listen 1;\n", 1),
        ("listen 1;\n}\n", 2),
        ("listen 1;\n;\n", 2),
        ("listen 1;\nset $a 'x;\n", 2),
        ("listen 1;\nset $a x", 2),
        ("a {" * 30, 1),
        ("content_by_lua_block x", 1),
    ],
)
def test_errors_of_a_proxy_configuration_name_the_line(text: str, line: int) -> None:
    with pytest.raises(ParseError) as raised:
        PROXY.parse(text)
    assert raised.value.details["line"] == line


def _files(body: str) -> str:
    """Return ten megabytes of files: some as large as one may be, and one that is larger than that."""
    body = (body * (TEN_MB // len(body) + 1))[:TEN_MB]
    files = [body[:LARGEST]] * 3 + [body[: TEN_MB - 3 * LARGEST]]
    return "\n".join(f"==> /a/{number}.conf <==\n{text}" for number, text in enumerate(files))


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{','.join(['*' + chr(97 + level)] * 9)}]\n" for level in range(20)
)
FOR_BOTH = {
    "one word": "a" * TEN_MB,
    "headers": "==> /a <==\n" * (TEN_MB // 11),
    "small files": "".join(f"==> /a/{number} <==\na b;\n\n" for number in range(TEN_MB // 24)),
    "quotes": _files("a \"b\" 'c' "),
}
HUGE = {
    "statements": (PROXY, _files("location /a { set $token b; proxy_pass http://a:b@c; }\n")),
    "comments": (PROXY, _files("# password: hunter2, token=x\n")),
    "blocks": (PROXY, _files("a {")),
    "variables": (PROXY, _files("set $a $a$a; ")),
    "services": (COMPOSE, _files("- {image: 'a:1', environment: [PASSWORD=b, 'C=d']}\n")),
    "bombs": (COMPOSE, "\n".join(f"==> /a/{number}.yml <==\n{BOMB}" for number in range(TEN_MB // len(BOMB)))),
    "brackets": (COMPOSE, _files("[ ")),
    "question marks": (COMPOSE, _files("? ")),
    "anchors": (COMPOSE, _files("- &a x\n- *a\n")),
    "merges": (COMPOSE, _files("- {<<: {a: b}, c: d}\n")),
    "blank lines": (COMPOSE, _files("\n")),
    "listed": (COMPOSE, "file /a.yml\n" * (TEN_MB // 12)),
    **{f"{what}, proxy": (PROXY, text) for what, text in FOR_BOTH.items()},
    **{f"{what}, compose": (COMPOSE, text) for what, text in FOR_BOTH.items()},
}


@pytest.mark.parametrize("what", HUGE)
def test_ten_megabytes_take_a_bounded_time(what: str) -> None:
    subject, text = HUGE[what]
    began = time.process_time()
    subject.encoded(text)
    with contextlib.suppress(ParseError):
        then(text)
    assert time.process_time() - began < LONGEST_S


def test_merges_within_merges_do_not_double_the_work() -> None:
    text = "services:\n  a: " + "{<<: {x: " * 18 + "1" + "}}" * 18 + "\n"
    began = time.process_time()
    assert b"services" in COMPOSE.encoded(text)
    assert time.process_time() - began < 2


def test_variables_that_hold_one_another_end() -> None:
    text = "set $a $b$b$b; set $b $a$a$a; location / { proxy_pass http://$a; }"
    (file,) = PROXY.parse(text).files
    assert len(str(file.content)) < 10_000
