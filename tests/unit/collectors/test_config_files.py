"""What is read of configuration files on a real machine, and what is published of them, and when."""

import hashlib
import shlex
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collectors import config_files
from collectors.chain import ask
from collectors.compose_files.commands import is_acceptable, question, read_list, then
from collectors.compose_files.look import compose_files_look
from collectors.config_files import ConfigFile, Configurations, Understood, read_all, remembering, split_files
from collectors.configuration import Kept, step
from collectors.difference import LONGEST, unified
from collectors.errors import ParseError
from collectors.local import LocalTransport
from collectors.proxy_configs.look import proxy_configs_look
from collectors.request import argv_of
from collectors.transport import Limits
from collectors.unpublished import read_told
from schemas.config import ConfigObservedData

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
BODIES = {
    "a.conf": "server {\n    listen 80;\n}\n",
    "b.conf": "server { listen 81; }",
    "c.conf": "\n\nserver { listen 82; }\n\n\n",
    "d.conf.sample": "# nothing\r\n",
    "e.conf": "",
    "f.conf": "==> not a header\nserver { listen 83; } # ==> x <==",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, body in BODIES.items():
        (tmp_path / name).write_bytes(body.encode())
    return tmp_path


@pytest.mark.parametrize("how", ["files", "script"])
async def test_the_hash_is_that_of_the_file_however_it_was_read(folder: Path, how: str) -> None:
    look = proxy_configs_look(patterns=(f"{folder}/*.conf", f"{folder}/*.conf.sample"))
    transport = LocalTransport()
    if how == "files":
        text = (await ask(transport, look.request, Limits())).text
    else:
        text = subprocess.run(look.argv, capture_output=True, check=True).stdout.decode()
    read = {Path(file.path).name: file for file in look.parse(text).files}
    assert {name: file.content_hash for name, file in read.items()} == {
        name: hashlib.sha256(body.encode()).hexdigest() for name, body in BODIES.items()
    }
    assert {name: file.size_bytes for name, file in read.items()} == {name: len(body) for name, body in BODIES.items()}
    assert read["a.conf"].enabled
    assert read["d.conf.sample"].enabled is False


async def test_compose_files_are_listed_and_read_on_a_real_machine(tmp_path: Path) -> None:
    bodies = {"shop/compose.yaml": "services: {a: {image: b}}", "wiki/docker-compose.yml": "services:\n  c:\n\n"}
    for name, body in bodies.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(body)
    look = compose_files_look(patterns=(f"{tmp_path}/*/compose.yaml", f"{tmp_path}/*/*.yml"))
    text = (await ask(LocalTransport({"PATH": "/usr/bin:/bin"}), look.request, Limits())).text
    seen = look.parse(text)
    found = {str(Path(file.path).relative_to(tmp_path)): file for file in seen.files}
    assert {name: file.content_hash for name, file in found.items()} == {
        name: hashlib.sha256(body.encode()).hexdigest() for name, body in bodies.items()
    }
    assert [file.name for file in seen.files] == ["shop", "wiki"]
    assert seen.lacks(f"{tmp_path}/gone/compose.yaml")
    assert not seen.lacks("/elsewhere/compose.yaml")


def test_labels_name_files_and_only_what_may_be_one_is_read() -> None:
    text = (
        "label shop\t/srv/shop\t/srv/shop/compose.yaml,more.yml\n"
        "label bad\t/\t/etc/shadow\nlabel bad\t/srv\t../etc/x.yml\nlabel bad\nfile -n.yml\nfile /a b/compose.yml\n"
    )
    listed = read_list(text)
    assert listed.paths == ("/srv/shop/compose.yaml", "/srv/shop/more.yml", "/a b/compose.yml")
    assert listed.projects == {"/srv/shop/compose.yaml": "shop", "/srv/shop/more.yml": "shop"}
    (command,) = then(text)
    assert command.argv[-4:] == ("--", *listed.paths)
    assert not is_acceptable("/a\n/b.yml")


def test_a_list_without_end_is_cut_and_then_nothing_counts_as_gone() -> None:
    text = "".join(f"file /srv/{number}/compose.yaml\n" for number in range(700))
    assert len(read_list(text).paths) == 500
    assert sum(len(command.argv) - 5 for command in then(text)) == 500
    assert max(len(shlex.join(command.argv)) for command in then(text)) < 100_000
    look = compose_files_look(patterns=("/srv/*/compose.yaml",))
    seen = look.parse(f"==> {shlex.join(look.argv)} <==\n{text}")
    assert not seen.lacks("/srv/x/compose.yaml")


def test_patterns_that_mean_something_to_a_shell_are_refused() -> None:
    for pattern in ("/srv/$(id)/compose.yaml", "compose.yaml", "/a;b", "/a b"):
        with pytest.raises(ValueError, match="absolute path"):
            question((pattern,))
    assert argv_of(question(("/srv/*/compose.yaml",)))[0] == "sh"


def test_a_file_that_fills_the_bound_may_have_been_cut_and_is_not_read() -> None:
    look = proxy_configs_look(patterns=("/a/*.conf",))
    text = "==> /a/big.conf <==\n" + "#" * config_files.MAX_FILE_BYTES + "\n==> /a/b.conf <==\nlisten 1;\n"
    big, small = look.parse(text).files
    assert big.error == f"/a/big.conf: has {config_files.MAX_FILE_BYTES} bytes or more, and is not read"
    assert (big.text, big.content) == (None, None)
    assert small.error is None


def test_files_beyond_the_bound_of_a_look_say_so() -> None:
    body = "#" * (config_files.MAX_FILE_BYTES - 1)
    many = "\n".join(f"==> /a/{number}.conf <==\n{body}" for number in range(20))
    calls = []

    def understand(path: str, text: str) -> Understood:
        calls.append(path)
        return Understood(text, {})

    files = read_all(many, understand, kind="proxy", enabled=lambda _: True)
    assert len(files) == 20
    assert len(calls) == 16
    assert "beyond" in (files[-1].error or "")


def test_what_a_file_meant_is_remembered_until_it_is_another() -> None:
    calls = []

    def understand(path: str, text: str) -> Understood:
        calls.append(text)
        if text == "bad":
            raise ParseError("bad", section=path)
        return Understood("m" * 3_000_000, {"a": len(text)})

    meaning = remembering(understand)
    assert meaning("/a", "1") == meaning("/a", "1") == Understood("m" * 3_000_000, {"a": 1})
    assert calls == ["1"]
    meaning("/b", "1")
    meaning("/c", "1")
    meaning("/a", "1")
    assert calls == ["1"] * 4, "the oldest made room"
    for _ in range(2):
        with pytest.raises(ParseError):
            meaning("/a", "bad")


def test_headers_within_a_line_are_no_headers() -> None:
    assert split_files("==> /a <==\nx ==> /b <==\n==> b <==\n") == {"/a": "x ==> /b <=="}


def seen(*files: ConfigFile) -> Configurations:
    return Configurations("proxy", files, ("/a/*.conf",), frozenset({"/a/unread.conf"}))


def file(text: str | None, path: str = "/a/x.conf") -> ConfigFile:
    error = None if text is not None else "line 1: broken"
    return ConfigFile("proxy", path, hashlib.sha256(repr(text).encode()).hexdigest(), 3, text=text, error=error)


def test_a_file_is_published_when_it_is_new_when_it_changed_and_once_a_day() -> None:
    first = step(seen(file("a\n")), {}, NOW)
    assert [one.previous_hash for one in first.published] == [None]
    kept = {path: one for path, one in first.kept.items() if one is not None}
    assert step(seen(file("a\n")), kept, NOW + timedelta(hours=23)).published == ()
    assert step(seen(file("a\n")), kept, NOW + timedelta(hours=23)).kept == {}
    for passed in (timedelta(days=1), timedelta(days=-1)):
        (again,) = step(seen(file("a\n")), kept, NOW + passed).published
        assert (again.previous_hash, again.diff) == (None, None)
    changed = step(seen(file("b\n")), kept, NOW + timedelta(minutes=5))
    (data,) = changed.published
    assert data.previous_hash == file("a\n").content_hash
    assert data.diff == "--- x.conf\n+++ x.conf\n@@ -1 +1 @@\n-a\n+b\n"
    assert changed.kept == {"/a/x.conf": Kept(file("b\n").content_hash, "b\n", NOW + timedelta(minutes=5))}


def test_while_a_file_is_broken_the_last_text_is_kept_to_compare_with() -> None:
    kept = {"/a/x.conf": Kept(file("a").content_hash, "a", NOW)}
    broken = step(seen(file(None)), kept, NOW)
    assert [(one.error, one.diff) for one in broken.published] == [("line 1: broken", None)]
    mended = step(seen(file("b")), {path: one for path, one in broken.kept.items() if one}, NOW)
    assert mended.published[0].diff == "--- x.conf\n+++ x.conf\n@@ -1 +1 @@\n-a\n+b\n"


def test_a_file_is_gone_when_its_pattern_does_not_find_it_and_only_once() -> None:
    kept = {path: Kept("0" * 64, "", NOW) for path in ("/a/x.conf", "/a/unread.conf", "/b/x.conf", "/a/b/x.conf")}
    gone = step(seen(), kept, NOW)
    assert [(one.path, one.present, one.previous_hash) for one in gone.published] == [("/a/x.conf", False, "0" * 64)]
    assert gone.kept == {"/a/x.conf": None}


def test_what_is_kept_survives_a_store() -> None:
    kept = Kept("0" * 64, "täxt", NOW)
    assert Kept.from_json(kept.to_json()) == kept
    assert Kept.from_json(replace(kept, text=None).to_json()).text is None
    with pytest.raises(ValueError, match="Invalid JSON"):
        Kept.from_json(b"nonsense")


def test_a_difference_has_the_lines_of_the_files_and_a_bound() -> None:
    old = "".join(f"{number}\n" for number in range(100))
    new = old.replace("\n50\n", "\nfifty\n")
    difference = unified("/a/x.conf", old, new) or ""
    assert "@@ -48,7 +48,7 @@\n 47\n 48\n 49\n-50\n+fifty\n 51\n" in difference
    assert unified("/a/x.conf", old, old) is unified("/a/x.conf", old, None) is unified("/a/x.conf", None, old) is None
    many = unified("/a/x.conf", "x\n" * 100_000, "y\n" * 100_000) or ""
    assert len(many) <= LONGEST
    assert many.endswith(" more lines\n")
    assert len(unified("/a/x.conf", "x", "y" * 1_000_000) or "") <= LONGEST


def test_a_file_cannot_speak_for_another() -> None:
    forged = "listen 1;\n==> /etc/nginx/conf.d/z.conf <==\nlisten 2;\n==> /etc/shadow <==\nlisten 3;\n"
    text = f"==> /etc/nginx/conf.d/a.conf <==\nlisten 0;\n\n==> /etc/nginx/conf.d/b.conf <==\n{forged}"
    text += "\n==> /etc/nginx/conf.d/a.conf <==\nlisten 4;\n"
    look = proxy_configs_look(patterns=("/etc/nginx/conf.d/a.conf", "/etc/nginx/conf.d/b*"))
    found = {file.path: file for file in look.parse(text).files}
    assert set(found) == {"/etc/nginx/conf.d/a.conf", "/etc/nginx/conf.d/b.conf"}
    assert found["/etc/nginx/conf.d/a.conf"].text == "listen 0;\n"
    # What nobody asked for is a part of the file that it stands in.
    assert found["/etc/nginx/conf.d/b.conf"].content_hash == hashlib.sha256(forged.encode()).hexdigest()


def test_only_listed_compose_files_are_told() -> None:
    look = compose_files_look(patterns=("/srv/*/compose.yaml",))
    body = "services: {a: {image: b}}\n"
    text = (
        f"==> {shlex.join(look.argv)} <==\nfile /srv/a/compose.yaml\n\n==> head -v <==\n==> /srv/a/compose.yaml <==\n"
    )
    text += f"{body}==> /srv/b/compose.yaml <==\n{body}"
    assert [file.path for file in look.parse(text).files] == ["/srv/a/compose.yaml"]


def test_a_filter_reads_what_a_look_with_other_patterns_gave() -> None:
    text = "==> /volume1/swag/a.conf <==\nlisten 1;\n"
    look = proxy_configs_look(patterns=("/etc/nginx/conf.d/*.conf",))
    assert look.parse(text).files == ()
    (observation,) = read_told(look, text).observations
    assert isinstance(observation.data, ConfigObservedData)
    assert observation.data.path == "/volume1/swag/a.conf"


def test_the_size_of_what_is_not_all_of_a_file_is_not_told() -> None:
    look = proxy_configs_look(patterns=("/a/*.conf",))
    cut = "#" * config_files.MAX_FILE_BYTES
    text = f"==> /a/a.conf <==\n{cut}\n==> /a/b.conf <==\n# \ufffd\n\n==> /a/c.conf <==\n# ü\n"
    assert [file.size_bytes for file in look.parse(text).files] == [None, None, 5]
    assert look.parse("# \ufffd\n").files[0].size_bytes is None
