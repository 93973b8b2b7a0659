"""An nginx configuration without its secrets: words that are some are masked, and the text written anew from words.

So nothing is in the text that was not looked at as a word. It has the lines and the indents of the file.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from collectors.errors import ParseError
from collectors.proxy_configs.statements import Statement, Word, read_statements, read_words, walk
from collectors.secrets import (
    MASK,
    MOST_KNOWN,
    Known,
    masked_comment,
    masked_secret,
    masked_text,
    masked_value,
    names_secret,
)

_SECRET_DIRECTIVE = re.compile(r"passw(?:or)?d|secret|bind_?pass|^secure_link_md5$")
_OF_A_FILE = re.compile(r"_files?$")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_OPERATORS = frozenset({"(", ")", "=", "!=", "~", "~*", "!~", "!~*", ""})
_OF_A_MAP = frozenset({"default", "include", "hostnames", "volatile"})
_NAMING = re.compile(r"header|trailer|param|option|env")
"""Directives whose first argument names what the others are: `proxy_set_header Authorization ...`."""
_MAPS = frozenset({"map", "geo", "split_clients"})

Masked = dict[int, str]
"""What is to stand in place of words, by their numbers."""


def masked_words(words: Sequence[Word], statements: Sequence[Statement], *, section: str) -> list[Word]:
    """Return the words with secrets masked. ParseError when there are more of them than can be sought."""
    masked: Masked = {}
    for statement in walk(statements):
        masked.update(_secrets_of(statement))
    known = Known(
        value for number, text in masked.items() if text != words[number].text for value in _values(words[number].text)
    )
    if len(known.values) > MOST_KNOWN:
        raise ParseError(f"has more than {MOST_KNOWN} secrets, and is not told", section=section)
    silent = any(word.is_comment and "PRIVATE KEY" in word.text for word in words)
    return [
        replace(word, text=known(masked[number] if number in masked else _without_secrets(word, silent=silent)))
        for number, word in enumerate(words)
    ]


def _values(text: str) -> Iterator[str]:
    # `if ($http_x_key = "abc")`, `Basic abc`, `Authorization: Bearer abc`: the last word is what is secret, or all of
    # them: a password may hold a space.
    bare = text.strip("()")
    yield bare
    yield from bare.split()[-1:]


def _secrets_of(statement: Statement) -> Iterator[tuple[int, str]]:
    """Yield the words that are secrets because of where they stand."""
    name, args, numbers = statement.name, statement.args, statement.words[1:]
    if statement.inside and statement.inside[-1].name in _MAPS:
        yield from _secrets_of_entry(statement, statement.inside[-1])
    elif name == "if":
        yield from _secrets_of_condition(args, numbers)
    elif name in {"set", "set_by_lua_block"} and len(args) > 1 and names_secret(args[0]):
        yield from ((number, masked_secret(args[0], arg)) for number, arg in zip(numbers[1:], args[1:], strict=True))
    elif name == "auth_basic" and args:
        yield numbers[0], masked_value(args[0])
    elif _SECRET_DIRECTIVE.search(name.lower()) and not _OF_A_FILE.search(name):
        yield from ((number, masked_value(arg)) for number, arg in zip(numbers, args, strict=True))
    elif len(args) > 1 and _NAMING.search(name) and names_secret(args[0]):
        yield from ((number, masked_value(arg)) for number, arg in zip(numbers[1:], args[1:], strict=True))
    elif name.startswith("more_") and args:
        yield from ((number, masked_comment(arg)) for number, arg in zip(numbers, args, strict=True))


def _secrets_of_entry(entry: Statement, block: Statement) -> Iterator[tuple[int, str]]:
    """Yield the secrets of `map $http_x_token $known { "hunter2" 1; }`."""
    if entry.name in _OF_A_MAP or not block.args:
        numbers: tuple[int, ...] = ()
    else:
        numbers = entry.words[:1]
    if any(names_secret(name) for name in _VARIABLE.findall(" ".join(block.args[:-1]))):
        yield from ((number, masked_value(entry.name)) for number in numbers)
    if any(names_secret(name) for name in _VARIABLE.findall(block.args[-1] if block.args else "")):
        yield from ((number, masked_value(arg)) for number, arg in zip(entry.words[1:], entry.args, strict=True))


def _secrets_of_condition(args: tuple[str, ...], numbers: tuple[int, ...]) -> Iterator[tuple[int, str]]:
    """Yield what a variable that is a secret is compared with."""
    if not any(names_secret(name) for name in _VARIABLE.findall(" ".join(args))):
        return
    for number, arg in zip(numbers, args, strict=True):
        bare = arg.strip("()")
        if bare not in _OPERATORS and not _VARIABLE.match(bare):
            left, right = "(" * arg.startswith("("), ")" * arg.endswith(")")
            yield number, f"{left}{masked_value(bare)}{right}"


def _without_secrets(word: Word, *, silent: bool) -> str:
    if not word.is_comment:
        return masked_text(word.text)
    return f"# {MASK}" if silent else _masked_remark(word.text)


def _masked_remark(comment: str) -> str:
    """Return a comment without secrets; one that is a statement put out of use is masked like one."""
    text = comment.lstrip("#")
    signs, statement = comment[: len(comment) - len(text)], text.rstrip()
    masked = _masked_statement(statement.removesuffix("{")) if statement.endswith((";", "{")) else None
    return f"{signs}{masked_comment(text) if masked is None else masked}"


def _masked_statement(text: str) -> str | None:
    """Return a statement without secrets; None when it is none, or has no secrets because of what it says."""
    try:
        words = read_words(text if text.endswith(";") else f"{text} ;", section="comment")
        statements = read_statements(words, section="comment")
    except ParseError:
        return None
    masked: Masked = dict(pair for statement in statements for pair in _secrets_of(statement))
    if all(words[number].text == one for number, one in masked.items()):
        return None
    shown = [replace(word, text=masked.get(number, masked_text(word.text))) for number, word in enumerate(words)]
    return rendered(shown, text).rstrip()


def rendered(words: Sequence[Word], text: str = "") -> str:
    """Return the text of words: those of a line in one line, indented as it is in the text that they were read from."""
    lines: dict[int, list[str]] = {}
    for word in words:
        line = lines.setdefault(word.line, [])
        if word.is_sign(";") and line:
            line[-1] += ";"
        else:
            line.append(_written(word))
    given = text.split("\n")
    most = max(lines, default=0)
    return "".join(
        f"{_indent(given, number)}{' '.join(lines[number])}\n" if number in lines else "\n"
        for number in range(1, most + 1)
    )


def _indent(lines: Sequence[str], number: int) -> str:
    if number > len(lines):
        return ""
    line = lines[number - 1]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _written(word: Word) -> str:
    if not word.quoted:
        return word.text
    escaped = word.text.replace('"', '\\"')
    return f'"{escaped}"'
