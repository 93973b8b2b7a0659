"""Secrets in configuration: found by the name beside them, by their shape, and by value once they are known.

What a text says with a secret in it is kept, the secret is not. References to variables stay, for they are no secrets:
`${DB_PASSWORD}` stands as it is, of `${DB_PASSWORD:-hunter2}` the default is masked.

Too much masked is a blemish, too little is a leak: where a rule is in doubt, it masks. Everything here takes time in
proportion to the text.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

MASK = "***"
MOST_KNOWN = 500

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORDS = re.compile(r"[^A-Za-z0-9]+")
_ANYWHERE = re.compile(
    "password|passwd|passphrase|secret|token|credential|authorization|apikey|privatekey|accesskey|basicauth|digestauth"
    "|connectionstring"
)
_AS_WORD = frozenset({"pass", "pwd", "pw", "key", "keys", "psk", "cookie", "cookies", "jwt", "salt", "dsn", "otp"})
_AS_END = ("pass", "pwd", "key")
_HARMLESS_ENDS = frozenset({"bypass", "compass", "hockey", "hotkey", "monkey", "turkey", "whiskey"})
_HARMLESS_NAMES = frozenset({"keys_zone", "keyval", "keyval_zone"})
_OF_A_FILE = frozenset({"file", "files", "path", "dir"})

_HARMLESS_VALUES = frozenset({"", "true", "false", "yes", "no", "on", "off", "null", "none", "~"})
_VARIABLE = re.compile(r"\$\{[A-Za-z_]\w*\}|\$[A-Za-z_]\w*")
_VARIABLES = re.compile(rf"(?:{_VARIABLE.pattern})+")
_DEFAULTED = re.compile(r"(\$\{[A-Za-z_]\w*:?[-+?])(.*)\}", re.DOTALL)
_MOUNTED = re.compile(r"/run/secrets/[\w.-]++")
"""Where Docker puts a secret: the name of its file is none."""
_FILE_LIKE = re.compile(r"[/.~$%]|[A-Za-z]:[\\/]")

_NAME = re.compile(r"[A-Za-z_][\w.-]*+")
_ASSIGNED = re.compile(r"""\\?["'`]?\s{0,20}(?::=|=>|[=:])\s{0,20}""")
_APART = re.compile(r"[ \t]{1,20}")
# One word as a shell reads it; an open quote runs to the end.
_WORD = re.compile(
    r"""(?:[^\s"'\\]|\\["'](?:(?!\\["']).)*+\\["']|\\.|"(?:[^"\\]|\\.)*+"|'[^']*+'|["'].*)++|\\""", re.DOTALL
)
# A value in quotes, as JSON and its kin have it, rather than a part of a shell's word.
_LITERAL = re.compile(r"""(?:"(?:[^"\\]|\\.)*+"|'[^']*+'|\\"(?:[^"\\]|\\[^"])*+\\")(?=$|[\s,;:)\]}])""", re.DOTALL)
_QUOTED = re.compile(r"""(\\?["']).*\1""", re.DOTALL)
_ADDRESS = re.compile(r"""[^\s"'<>`]++""")
_LOGIN = re.compile(r"(?i)\b(bearer|basic|digest)([ \t]{1,8})([\w.~+/=-]{6,}+)")
_ISSUED = re.compile(
    r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk-|AKIA|eyJ)[\w.-]{12,}+"
    r"|\${1,2}(?:apr1|2[abxy]?|[156]|argon2\w{1,2})\${1,2}[^\s\"',]++"
)
_WEBHOOK = re.compile(
    r"""(?i)\b((?:hooks\.slack(?:-gov)?\.com(?::\d{1,5})?\\?/(?:services|workflows|triggers)"""
    r"""|discord(?:app)?\.com(?::\d{1,5})?\\?/api(?:\\?/v\d{1,3})?\\?/webhooks)\\?/)([^\s"'<>`,;)\]]++)"""
)
"""Addresses whose path is the token: who knows it may post."""
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_PROGRAM = re.compile(r"[a-z][a-z0-9_-]*+")
_OPTIONS = {
    "sqlcmd": "P", "redis-cli": "a", "valkey-cli": "a", "sshpass": "p", "mongo": "p", "mongosh": "p", "mongodump": "p",
    "ldapsearch": "w", "mosquitto_pub": "P", "mosquitto_sub": "P", "curl": "u", "mysql": "p", "mysqladmin": "p",
    "mysqldump": "p", "mariadb": "p", "mariadb-admin": "p", "mariadb-dump": "p",
}  # fmt: skip
"""Programs that take a secret behind an option of one letter."""


LONGEST_NAME = 64
"""Of names that are remembered."""


def names_secret(name: str) -> bool:
    """Tell whether what has this name is a secret: `DB_PASSWORD`, `apiKey`, `X-Auth-Token`, `TS_AUTHKEY`."""
    return _is_known_to(name) if len(name) <= LONGEST_NAME else _sounds_secret(name)


@lru_cache(maxsize=1024)
def _is_known_to(name: str) -> bool:
    # The same few hundred names stand in all compose files there are.
    return _sounds_secret(name)


def _sounds_secret(name: str) -> bool:
    if name in _HARMLESS_NAMES:
        return False
    spaced = _CAMEL.sub("_", name)
    # Acronyms and capitals in a row: `DBPASSWORD`, `OAuthToken`.
    squeezed = _WORDS.sub("", name).lower()
    if _ANYWHERE.search(squeezed):
        return True
    words = [word for word in _WORDS.split(spaced.lower()) if word]
    if words and words[-1] == "auth":
        return True
    return any(
        word in _AS_WORD or (word.endswith(_AS_END) and word not in _HARMLESS_ENDS) for word in {*words, squeezed}
    )


def masked_secret(name: str, value: str) -> str:
    """Return the value of something that names a secret: masked, but for variables, switches and names of files."""
    words = _WORDS.split(_CAMEL.sub("_", name).lower())
    if words[-1] in _OF_A_FILE and _FILE_LIKE.match(value) and "\n" not in value:
        return value
    return masked_value(value)


def masked_value(value: str) -> str:
    """Return a secret masked, but for variables and switches."""
    if value.strip().lower() in _HARMLESS_VALUES or _VARIABLES.fullmatch(value) or _MOUNTED.fullmatch(value):
        return value
    if defaulted := _DEFAULTED.fullmatch(value):
        inner = defaulted[2]
        return value if not inner or _VARIABLES.fullmatch(inner) else f"{defaulted[1]}{MASK}}}"
    return MASK


class Known:
    """Secrets known by value: where a password stands beside its name, it is sought elsewhere too.

    Short ones and plain words are not sought: the password `gitea` would hide the image of that name.
    """

    def __init__(self, values: Iterable[str]) -> None:
        worth = {value for value in values if _is_worth_seeking(value)}
        self.values = tuple(sorted(worth, key=lambda value: (-len(value), value)))

    def __call__(self, text: str) -> str:
        """Return a text without the known secrets."""
        for value in self.values:
            if value in text:
                text = text.replace(value, MASK)
        return text


def _is_worth_seeking(value: str) -> bool:
    if len(value) < 6 or MASK in value or masked_value(value) == value:
        return False
    if value.isdigit():
        return len(value) >= 8
    return len(value) >= 12 or not (value.isalpha() and value.islower())


def masked_text(text: str) -> str:
    """Return a text, such as a command line or an address, without the secrets in it."""
    if _PEM.search(text):
        return MASK
    text = _ADDRESS.sub(lambda found: _without_login(found[0]), text)
    text = _ISSUED.sub(MASK, text)
    text = _WEBHOOK.sub(_masked_webhook, text)
    text = _LOGIN.sub(_masked_login, text)
    return _short_options(_assignments(text))


def _without_login(word: str) -> str:
    """Return an address without a login: `https://ada:x@host`, `https://token@host`; `ssh://git@host` has no secret."""
    scheme, slashes, rest = word.partition("://")
    if not slashes:
        return word
    before, at, after = rest.rpartition("@")
    if not at:
        return word
    authority, slash, _ = before.partition("/")
    host, colon, port = authority.partition(":")
    if slash and (not colon or (port.isdigit() and len(port) <= 5)) and "@" not in host and "://" not in before:
        # https://host:80/@user: the sign belongs to the path.
        return word
    if not colon and not slash and scheme.endswith("ssh"):
        return word
    # A login that is variables has no secret in it: amqp://${USER}:${PASSWORD}@host.
    if all(_VARIABLES.fullmatch(part) for part in before.split(":") if part):
        return word
    return f"{scheme}://{MASK}@{after}"


def _masked_webhook(found: re.Match[str]) -> str:
    if all(_VARIABLES.fullmatch(part) for part in found[2].split("/") if part):
        return found[0]
    return f"{found[1]}{MASK}"


def _masked_login(found: re.Match[str]) -> str:
    # `basic authentication` is prose.
    if re.search(r"[0-9=+/_~]|.[A-Z]", found[3]):
        return f"{found[1]}{found[2]}{MASK}"
    return found[0]


def _assignments(text: str) -> str:
    """Mask `name=secret`, `"name": "secret"`, `--name secret`."""
    done, parts = 0, []
    for found in _NAME.finditer(text):
        if found.start() < done or not names_secret(found[0]):
            continue
        between = _ASSIGNED.match(text, found.end())
        if between is None and text[max(0, found.start() - 1) : found.start()] == "-":
            between = _APART.match(text, found.end())
        if between is None or text.startswith("//", between.end()):
            continue
        word = _LITERAL.match(text, between.end()) or _WORD.match(text, between.end())
        if word is None:
            continue
        parts += [text[done : between.end()], _masked_word(found[0], word[0])]
        done = word.end()
    return "".join(parts) + text[done:]


def _masked_word(name: str, word: str) -> str:
    quoted = _QUOTED.fullmatch(word)
    if quoted is None:
        return masked_secret(name, word)
    quote = quoted[1]
    return f"{quote}{masked_secret(name, word[len(quote) : -len(quote)])}{quote}"


def _short_options(text: str) -> str:
    words = text.split()
    letters = {_OPTIONS[name] for word in words if (name := _program(word)) in _OPTIONS}
    for letter in letters:
        text = re.sub(rf"(?<!\S)-{letter}(?:(?=[^\s-])|[ \t]+(?!-))(?:{_WORD.pattern})", f"-{letter} {MASK}", text)
    return text


def _program(word: str) -> str:
    return word.rpartition("/")[2].strip("\"'()`;|&$")


def masked_words(words: Sequence[str]) -> list[str]:
    """Return an argument vector, or a list of `name=value`, without the secrets in it."""
    masked: list[str] = []
    option, letters = "", set[str]()
    for word in words:
        if option and not word.startswith("-"):
            masked.append(masked_secret(option, word))
            option = ""
            continue
        option = word.lstrip("-") if word.startswith("-") and "=" not in word else ""
        option = option if option and (option in letters or names_secret(option)) else ""
        letters.update(_OPTIONS.get(_program(word), ""))
        attached = word[2:] if word[:1] == "-" and word[1:2] in letters else ""
        masked.append(f"{word[:2]}{MASK}" if attached else masked_entry(word))
    return masked


def masked_entry(text: str) -> str:
    """Return an entry of a list without secrets: of `NAME=value`, the whole rest is the value."""
    name, equals, value = text.partition("=")
    if equals and _NAME.fullmatch(name.lstrip("-")) and names_secret(name):
        return f"{name}={masked_secret(name, value)}"
    return masked_text(text)


def masked_comment(line: str) -> str:
    """Return a comment's line without secrets: behind a name that says so and a sign, nothing is told.

    In prose, the words behind such a name that are no plain words are masked.
    """
    line = masked_text(line)
    for found in _NAME.finditer(line):
        if not names_secret(found[0]):
            continue
        between = _ASSIGNED.match(line, found.end())
        rest = line[found.end() :]
        if between is not None and not line.startswith("//", between.end()):
            value = line[between.end() :].strip()
            masked = masked_secret(found[0], value) if value else ""
            return line[: between.end()] + (masked if masked != value else value)
        return line[: found.end()] + re.sub(r"\S++", lambda word: _masked_prose(word[0]), rest)
    return line


def _masked_prose(word: str) -> str:
    plain = word.strip("\"'.,;:!?()")
    if _VARIABLES.fullmatch(plain) or not (re.search(r"[0-9]", plain) and re.search(r"[A-Za-z]", plain)):
        return word
    return MASK
