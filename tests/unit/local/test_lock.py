"""One process a data folder."""

import os
from pathlib import Path

import pytest

from deploy.local.errors import LocalStackFailed
from deploy.local.lock import DataLock
from runtime.errors import AlreadyRunning


def test_a_second_lock_names_the_process_that_holds_the_first(data_dir: Path) -> None:
    with DataLock(data_dir), pytest.raises(AlreadyRunning, match=f"in use by process {os.getpid()}:"):
        DataLock(data_dir).acquire()


def test_a_released_lock_can_be_taken_again(data_dir: Path) -> None:
    for _ in range(2):
        with DataLock(data_dir):
            assert (data_dir / "lock").read_text() == f"{os.getpid()}\n"


def test_a_refused_lock_leaves_the_holders_number(data_dir: Path) -> None:
    with DataLock(data_dir):
        with pytest.raises(AlreadyRunning):
            DataLock(data_dir).acquire()
        assert (data_dir / "lock").read_text() == f"{os.getpid()}\n"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalStackFailed, match=r"file cannot be written \(file exists\): .* INFRASTRUCTOR_DATA_DIR"):
        DataLock(tmp_path / "file").acquire()


def test_a_disk_that_is_full_leaves_no_lock_behind(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "lock").symlink_to("/dev/full")
    for _ in range(2):
        with pytest.raises(LocalStackFailed, match="cannot be written"):
            DataLock(data_dir).acquire()
