"""Planted secrets never survive: in what was parsed, in the text that is kept, in differences, in errors."""

import json
import string
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collectors.secrets import (
    MASK,
    Known,
    masked_comment,
    masked_entry,
    masked_secret,
    masked_text,
    masked_value,
    masked_words,
    names_secret,
)
from tests.unit.collectors.collector_cases import COMPOSE, PROXY, Subject

SECRET_NAMES = (
    "DB_PASSWORD", "MYSQL_ROOT_PASSWORD", "PIHOLE_PW", "WEBPASSWORD", "DB_PASSWD", "passphrase", "apiKey", "API_KEY",
    "X-Auth-Token", "JWT_SECRET", "TS_AUTHKEY", "AWS_SECRET_ACCESS_KEY", "SMTP_PASS", "dbpass", "SENTRY_DSN",
    "Authorization", "Proxy-Authorization", "credentials", "GITHUB_TOKEN", "NEO4J_AUTH", "Cookie", "BindPass",
    "requirepass", "secret_key_base", "PRIVATE_KEY", "OAuthToken", "traefik.http.middlewares.in.basicauth.users",
)  # fmt: skip
HARMLESS_NAMES = (
    "DB_HOST", "KEYCLOAK_ADMIN", "MONKEY", "image", "PATH", "AUTHOR", "compass", "keys_zone", "username", "authentik",
    "proxy-passing", "default-authentication-plugin", "PGADMIN_DEFAULT_EMAIL", "hotkey", "keyboard", "TZ",
)  # fmt: skip

# What every context can hold as it stands, and what needs quotes in some.
PLAIN = string.ascii_letters + string.digits + "_.~+"
ANY = PLAIN + "!#%&*()-=:;,/?@[]{}|<>^$'` éß"


def planted(alphabet: str) -> st.SearchStrategy[str]:
    """Return secrets that are found by looking for what follows their beginning, too."""
    return st.text(alphabet, min_size=6, max_size=24).map(lambda rest: f"Zq9{rest.strip()}x7Kv").filter(_is_hard)


def _is_hard(secret: str) -> bool:
    return masked_value(secret) == MASK


def leaks(secret: str, text: str) -> bool:
    """Tell whether a secret, or the half of one, is in a text."""
    half = secret[: len(secret) // 2], secret[len(secret) // 2 :]
    return any(part in text or json.dumps(part)[1:-1] in text for part in half)


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_names_of_secrets(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_names_of_other_things(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("hunter2", MASK),
        ("", ""),
        ("yes", "yes"),
        ("${DB_PASSWORD}", "${DB_PASSWORD}"),
        ("$DB_PASSWORD", "$DB_PASSWORD"),
        ("$$hunter2", MASK),
        ("${DB_PASSWORD:-hunter2}", "${DB_PASSWORD:-***}"),
        ("${DB_PASSWORD:-${OTHER}}", "${DB_PASSWORD:-${OTHER}}"),
        ("${DB_PASSWORD:-}", "${DB_PASSWORD:-}"),
        ("a${DB_PASSWORD}", MASK),
        ("/run/secrets/db-password", "/run/secrets/db-password"),
    ],
)
def test_values(value: str, masked: str) -> None:
    assert masked_value(value) == masked


def test_names_of_files_with_secrets_are_none() -> None:
    assert masked_secret("DB_PASSWORD_FILE", "/etc/x") == "/etc/x"
    assert masked_secret("DB_PASSWORD_FILE", "hunter2") == MASK


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mysql://root:hunter2@db:3306/x", "mysql://***@db:3306/x"),
        ("https://ghp@host", "https://***@host"),
        ("amqp://${USER}:${PASSWORD}@host", "amqp://${USER}:${PASSWORD}@host"),
        ("https://example.org/@ada", "https://example.org/@ada"),
        ("https://example.org:8080/@ada", "https://example.org:8080/@ada"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("kafka://a:1,OUT://b:2", "kafka://a:1,OUT://b:2"),
        ("postgres://u:a/b@c@host/x", "postgres://***@host/x"),
        ("mysqld --password=hunter2 --x", "mysqld --password=*** --x"),
        ("mysqld --password 'hunter 2' --x", "mysqld --password '***' --x"),
        ('{"password": "hunter 2", "a": 1}', '{"password": "***", "a": 1}'),
        (r"{\"password\": \"hunter 2\", \"a\": 1}", r"{\"password\": \"***\", \"a\": 1}"),
        ("mysqladmin -uroot -phunter2 ping", "mysqladmin -uroot -p *** ping"),
        ("sqlcmd -S x -P hunter2 -Q y", "sqlcmd -S x -P *** -Q y"),
        ("--default-authentication-plugin=mysql_native_password", None),
        ("Authorization: Bearer abcdef123", "Authorization: *** ***"),
        ("send Basic aHVudGVyMg==", "send Basic ***"),
        ("basic authentication", None),
        ("password 'never ends", None),
        ("token='never ends at all", "token=***"),
        ("docker run -p 80:80 image", None),
        ("a ghp_abcdefghijklmnop", "a ***"),
        ("at https://hooks.slack.com/services/T0/B0/hunter2, x", "at https://hooks.slack.com/services/***, x"),
        ("https://discord.com/api/webhooks/123/hunter2?wait=true", "https://discord.com/api/webhooks/***"),
        (
            "https://canary.discordapp.com/api/v10/webhooks/1/hunter2",
            "https://canary.discordapp.com/api/v10/webhooks/***",
        ),
        (r"https:\/\/hooks.slack.com\/services\/T0\/hunter2", r"https:\/\/hooks.slack.com\/services\/***"),
        ("https://hooks.slack.com/services/${A}/${B}", None),
        ("https://discord.com/api/users/1", None),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc", MASK),
    ],
)
def test_texts(text: str, masked: str | None) -> None:
    assert masked_text(text) == (text if masked is None else masked)


def test_lists() -> None:
    assert masked_words(["redis-cli", "-a", "hunter2", "ping"]) == ["redis-cli", "-a", MASK, "ping"]
    assert masked_words(["mysql", "-phunter2", "-u", "x"]) == ["mysql", "-p***", "-u", "x"]
    assert masked_words(["x", "--token", "hunter2", "--token", "-x"]) == ["x", "--token", MASK, "--token", "-x"]
    assert masked_entry("DB_PASSWORD=all of this") == "DB_PASSWORD=***"
    assert masked_entry("--password=all of this") == "--password=***"


@pytest.mark.parametrize(
    ("comment", "masked"),
    [
        ("# - DB_PASSWORD=hunter2 and more", "# - DB_PASSWORD=***"),
        ("# password: my dog's name", "# password: ***"),
        ("# the admin's password is hunter2", "# the admin's password is ***"),
        ("# if you enable the admin page with ADMIN_TOKEN in the environment", None),
        ("# see https://example.org/token", None),
    ],
)
def test_comments(comment: str, masked: str | None) -> None:
    assert masked_comment(comment) == (comment if masked is None else masked)


def test_known_secrets_are_sought_unless_they_are_plain_words() -> None:
    known = Known(["gitea", "hunter22", "correcthorsebattery", "12345", "${X}", "hunter22!"])
    assert known("gitea hunter22! hunter22 correcthorsebattery 12345") == "gitea *** *** *** 12345"


COMPOSE_PLACES = (
    "services:\n  a:\n    environment:\n      {name}: {quoted}\n",
    "services:\n  a:\n    environment: [{entry}]\n",
    "services:\n  a:\n    environment:\n      - {entry}\n    command: [x, {quoted}]\n    image: {quoted}\n",
    "services:\n  a:\n    build: {{args: {{{name}: {quoted}}}}}\n",
    "x-e: &e\n  {name}: {quoted}\nservices:\n  a:\n    environment:\n      <<: *e\n",
    "x-v: &v {quoted}\nservices:\n  a:\n    environment: {{{name}: *v}}\n",
    "x-v: &v\n  - {quoted}\nservices:\n  a:\n    environment: {{{name}: *v}}\n",
    "services:\n  a:\n    command: [x, --password, {quoted}]\n",
    "services:\n  a:\n    labels:\n      x.basicauth.users: {quoted}\n",
    "services:\n  a:\n    x-deep: {{secrets: [{{k: [{quoted}]}}]}}\n",
    "services:\n  a:\n    environment: {{<<: {{{name}: {quoted}}}, {name}: other}}\n",
    "configs:\n  a:\n    content: {quoted}\n",
    "services:\n  a:\n    environment:\n      {name}: {quoted}\n    healthcheck: {{test: {quoted_test}}}\n# {quoted}\n",
)
COMPOSE_PLAIN_PLACES = (
    "services:\n  a:\n    command: mysqld --password={secret} --x\n",
    "services:\n  a:\n    command: mysqld --password {secret} --x\n",
    "services:\n  a:\n    command: >\n      mysqld\n      --password={secret}\n      --x\n",
    "services:\n  a:\n    environment:\n      URL: https://ada:{secret}@host/x\n",
    "services:\n  a:\n    # - {name}={secret}\n    image: x\n",
    "services:\n  a:\n    image: x # {name}: {secret}\n",
    "services:\n  a:\n    environment:\n      {name}: |\n        {secret}\n        {secret}\n",
    "services:\n  a:\n    environment:\n      {name}: '{secret}'\n",
    "services:\n  a:\n    environment: [ {name}={secret} ]\n",
    "services:\n  a:\n    healthcheck:\n      test: curl -u ada:{secret} http://x\n",
    "services:\n  a:\n    command: sh -c 'PASSWORD={secret} run'\n",
)
PROXY_PLACES = (
    "location / {{ proxy_set_header {name} {quoted}; }}\n",
    "location / {{ proxy_set_header Authorization {quoted}; return 200 {quoted}; }}\n",
    "set $api_token {quoted};\n",
    "server {{ fastcgi_param {name} {quoted}; }}\n",
    "server {{ if ($http_x_api_key != {quoted}) {{ return 403; }} }}\n",
    "map $http_authorization $ok {{ default 0; {quoted} 1; }}\n",
    "map $uri $token {{ /a {quoted}; }}\n",
    "secure_link_secret {quoted};\n",
    'secure_link_md5 "$secure_link_expires$uri " {quoted};\n',
    "auth_ldap_binddn_passwd {quoted};\n",
    "auth_basic {quoted};\n",
    "add_header Set-Cookie {quoted};\n",
)
PROXY_PLAIN_PLACES = (
    "location / {{ proxy_pass http://ada:{secret}@app:80/; }}\n",
    "location / {{ proxy_pass http://app:80/?token={secret}; }}\n",
    "# proxy_set_header Authorization {secret};\nlisten 1;\n",
    '#proxy_set_header Authorization "Basic {secret}";\nlisten 1;\n',
    "listen 1; # the password: {secret}\n",
    "content_by_lua_block {{ local password = '{secret}' }}\n",
    "location / {{\n proxy_set_header\n Authorization\n {secret};\n}}\n",
)
HEADER_NAMES = ("X-Auth-Token", "Authorization", "X-Api-Key", "Cookie", "X-Ldap-BindPass")


def filled(place: str, name: str, secret: str) -> str:
    return place.format(
        name=name,
        secret=secret,
        quoted=json.dumps(secret, ensure_ascii=False),
        entry=json.dumps(f"{name}={secret}", ensure_ascii=False),
        quoted_test=json.dumps(f"check {secret} now", ensure_ascii=False),
    )


def survives_nowhere(subject: Subject, text: str, secret: str, *, before: str) -> None:
    (file,) = subject.parse(text).files
    assert not leaks(secret, file.text or ""), file.text
    assert not leaks(secret, json.dumps(file.content, ensure_ascii=False)), file.content
    for earlier in (before, "listen 2;\n" if subject is PROXY else "services: {b: }\n"):
        event = subject.encoded(f"==> /a/x.yml <==\n{text}", f"==> /a/x.yml <==\n{earlier}").decode()
        assert not leaks(secret, event), event
    for end in range(0, len(text), 7):
        assert not leaks(secret, subject.encoded(text[:end] + "\n  }{ ]").decode())


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(COMPOSE_PLACES), st.sampled_from(SECRET_NAMES), planted(ANY), planted(ANY))
def test_a_secret_in_a_compose_file_survives_nowhere(place: str, name: str, secret: str, other: str) -> None:
    assume(secret not in place)
    survives_nowhere(COMPOSE, filled(place, name, secret), secret, before=filled(place, name, other))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(COMPOSE_PLAIN_PLACES), st.sampled_from(SECRET_NAMES), planted(PLAIN), planted(PLAIN))
def test_a_plain_secret_in_a_compose_file_survives_nowhere(place: str, name: str, secret: str, other: str) -> None:
    survives_nowhere(COMPOSE, filled(place, name, secret), secret, before=filled(place, name, other))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PROXY_PLACES), st.sampled_from(HEADER_NAMES), planted(ANY), planted(ANY))
def test_a_secret_in_a_proxy_configuration_survives_nowhere(place: str, name: str, secret: str, other: str) -> None:
    survives_nowhere(PROXY, filled(place, name, secret), secret, before=filled(place, name, other))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PROXY_PLAIN_PLACES), planted(PLAIN), planted(PLAIN))
def test_a_plain_secret_in_a_proxy_configuration_survives_nowhere(place: str, secret: str, other: str) -> None:
    survives_nowhere(PROXY, filled(place, "x", secret), secret, before=filled(place, "x", other))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_masked_without_an_error(text: str) -> None:
    for function in (masked_text, masked_entry, masked_value, masked_comment):
        assert isinstance(function(text), str)
    assert len(masked_words(text.split())) == len(text.split())
    assert isinstance(names_secret(text), bool)


SIZE = 262_144
HUGE = {
    "one word": "a" * SIZE,
    "addresses": "a://b:" * (SIZE // 6),
    "addresses with logins": "a://b:c@d " * (SIZE // 10),
    "names": "password " * (SIZE // 9),
    "assignments": "password=" * (SIZE // 9),
    "open quotes": "password='" * (SIZE // 10),
    "escaped quotes": 'password=\\"' * (SIZE // 11),
    "options": "mysql -p" * (SIZE // 8),
    "headers of tokens": "eyJ" * (SIZE // 3),
    "bearers": "bearer " * (SIZE // 7),
    "blanks": "password" + " " * SIZE,
    "signs": "$" * SIZE,
    "dashes": "-----BEGIN " * (SIZE // 11),
    "variables": "${A:-" * (SIZE // 5),
    "quotes in a word": "password=" + "\"a'b" * (SIZE // 4),
}


@pytest.mark.parametrize("what", HUGE)
def test_a_large_text_takes_a_time_in_proportion(what: str) -> None:
    began = time.process_time()
    for function in (masked_text, masked_entry, masked_value, masked_comment):
        function(HUGE[what])
    masked_words(HUGE[what].split())
    assert time.process_time() - began < 10
