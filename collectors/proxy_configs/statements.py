"""An nginx configuration as words and statements.

The words are found by crossplane's lexer, which knows quotes, escapes, comments and blocks of Lua. Its parser is not
used: it reads files only, follows what they include unless told not to, and goes down a level of the interpreter's
stack with each block. Source of the format: ngx_conf_file.c, ngx_conf_read_token().
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from crossplane import lexer  # type: ignore[import-untyped]
from crossplane.errors import NgxParserBaseException  # type: ignore[import-untyped]

from collectors.errors import ParseError

MOST_STATEMENTS = 20_000
DEEPEST = 20
_END = "infrastructor_end_of_file"


@dataclass(frozen=True, slots=True)
class Word:
    """A word, a comment, or one of `{`, `}` and `;`, and the line that it begins in."""

    text: str
    line: int
    quoted: bool = False

    def is_sign(self, signs: str) -> bool:
        """Tell whether it is one of these signs."""
        return not self.quoted and len(self.text) == 1 and self.text in signs

    @property
    def is_comment(self) -> bool:
        """Whether it is a comment, its `#` first."""
        return not self.quoted and self.text.startswith("#")


@dataclass(slots=True)
class Statement:
    """A directive: the numbers of its words among all words, and what stands in its block, None without one."""

    words: tuple[int, ...]
    name: str
    args: tuple[str, ...]
    line: int
    block: "list[Statement] | None" = None
    inside: "list[Statement]" = field(default_factory=list)
    """The blocks that it stands in, the outermost first."""


def read_words(text: str, *, section: str) -> list[Word]:
    """Return the words of a configuration. ParseError when it ends within one."""
    lines = io.StringIO(f"{text}\n{_END} ;\n")
    try:
        # The function behind crossplane.lex(), which takes the name of a file: secrets must not touch a disk.
        found = [Word(word, line, quoted) for word, line, quoted in lexer._lex_file_object(lines)]  # noqa: SLF001
    except NgxParserBaseException as error:
        raise ParseError(str(error.strerror), section=section, line=error.lineno) from None
    if [word.text for word in found[-2:]] != [_END, ";"]:
        last = found[-1].line if found else 1
        raise ParseError("a quote or a block that begins after this has no end", section=section, line=last)
    return found[:-2]


def read_statements(words: Sequence[Word], *, section: str) -> list[Statement]:
    """Return the statements of a configuration. ParseError, with the line, when it is not one."""
    top: list[Statement] = []
    open_blocks: list[Statement] = []
    pending: list[int] = []
    count = 0
    for number, word in enumerate(words):
        if word.is_comment:
            continue
        if word.is_sign("}"):
            if pending or not open_blocks:
                what = "a statement without `;` before `}`" if pending else "a `}` without its `{`"
                raise ParseError(what, section=section, line=word.line)
            open_blocks.pop()
        elif word.is_sign("{;"):
            if not pending:
                raise ParseError(f"a `{word.text}` without a directive", section=section, line=word.line)
            statement = _statement(words, pending, open_blocks)
            (_inside(open_blocks) if open_blocks else top).append(statement)
            pending, count = [], count + 1
            if word.text == "{":
                statement.block = []
                open_blocks.append(statement)
        else:
            pending.append(number)
        if count > MOST_STATEMENTS or len(open_blocks) > DEEPEST:
            what = f"more than {MOST_STATEMENTS} statements, or blocks nested deeper than {DEEPEST}"
            raise ParseError(what, section=section, line=word.line)
    if pending or open_blocks:
        unfinished = words[pending[0]].line if pending else open_blocks[-1].line
        what = "a statement without `;` at its end" if pending else "a block without its `}`"
        raise ParseError(what, section=section, line=unfinished)
    return top


def _statement(words: Sequence[Word], numbers: list[int], inside: list[Statement]) -> Statement:
    first = words[numbers[0]]
    args = tuple(words[number].text for number in numbers[1:])
    return Statement(tuple(numbers), first.text, args, first.line, inside=list(inside))


def _inside(open_blocks: list[Statement]) -> list[Statement]:
    block = open_blocks[-1].block
    return block if block is not None else []


def walk(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Yield statements and those in their blocks, in their order."""
    for statement in statements:
        yield statement
        yield from walk(statement.block or ())


def directives(statements: Iterable[Statement], name: str) -> Iterator[Statement]:
    """Yield the statements of a name, not those in blocks."""
    return (statement for statement in statements if statement.name == name)
