"""Jars are accepted only when they are the pinned ones."""

import hashlib
from pathlib import Path, PurePosixPath

import pytest

from deploy.local.errors import JarRefused, LocalStackFailed
from deploy.local.jars import PINS, Pin, cache_dir, class_path, main, read_pins, verify, write_pins

BYTES = b"a jar"
PIN = Pin(PurePosixPath("org/example/thing/1.0/thing-1.0.jar"), hashlib.sha256(BYTES).hexdigest())


def _put(folder: Path, content: bytes = BYTES) -> Path:
    jar = folder / PIN.path
    jar.parent.mkdir(parents=True)
    jar.write_bytes(content)
    return jar


def test_the_pinned_jars_are_kafka_and_what_it_needs() -> None:
    names = {pin.path.name for pin in read_pins()}
    assert len(names) == 46
    assert {"kafka_2.13-4.3.0.jar", "kafka-clients-4.3.0.jar", "log4j-slf4j-impl-2.25.4.jar"} <= names


def test_each_pin_has_a_whole_sum_and_its_own_path() -> None:
    pins = read_pins()
    assert all(len(pin.sha256) == 64 and pin.path.suffix == ".jar" for pin in pins)
    assert len({pin.path for pin in pins}) == len(pins)


def test_the_path_in_the_repository_spells_the_coordinates() -> None:
    assert PIN.coordinates == ("org.example", "thing", "1.0")


def test_pins_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_pins(read_pins(), tmp_path / "pins")
    assert (tmp_path / "pins").read_text() == PINS.read_text()


def test_a_jar_with_the_right_sum_is_accepted(tmp_path: Path) -> None:
    jar = _put(tmp_path / "maven")
    assert class_path(tmp_path, pins=[PIN]) == (jar,)


def test_a_changed_jar_is_refused_by_name(tmp_path: Path) -> None:
    jar = _put(tmp_path / "maven", b"another jar")
    with pytest.raises(JarRefused, match=r"thing-1\.0\.jar is not the jar that was pinned"):
        class_path(tmp_path, pins=[PIN])
    assert jar.exists(), "what differs is shown to the operator, not replaced behind the back"


def test_a_missing_jar_is_named(tmp_path: Path) -> None:
    with pytest.raises(JarRefused, match=r"thing-1\.0\.jar is missing"):
        verify(tmp_path / PIN.path, PIN)


def test_a_missing_jar_is_taken_from_the_users_own_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _put(tmp_path / "m2")
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    (jar,) = class_path(tmp_path / "cache", pins=[PIN])
    assert jar.read_bytes() == BYTES
    assert jar.is_relative_to(tmp_path / "cache")
    assert not list((tmp_path / "cache").glob(".fetch-*"))


def test_a_jar_that_no_repository_has_ends_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.jars._TRIES", 1)
    monkeypatch.setenv("M2_REPO", str(tmp_path / "none"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(LocalStackFailed, match=r"thing-1\.0\.jar could not be fetched"):
        class_path(tmp_path / "cache", pins=[PIN])


def test_the_cache_folder_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFRASTRUCTOR_CACHE_DIR", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("INFRASTRUCTOR_CACHE_DIR")
    assert cache_dir() == Path.home() / ".cache" / "infrastructor"


def test_the_command_is_quick_when_all_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "46 jars verified" in capsys.readouterr().out
