"""One process a data folder."""

import os
from pathlib import Path

import pytest

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
