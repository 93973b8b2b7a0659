"""The self-test log, newest first.

Source of the format: smartctl(8), option `-l selftest`; results: ACS-4 table A.26, NVM Express log page 06h, SPC-4
table 361. A test that was aborted or still runs has neither passed nor failed.
"""

from collections.abc import Iterator
from itertools import chain, islice

from collectors.document import Document
from schemas.drive import SelfTest

MOST = 21
"""As many as the ATA log holds."""


def read_self_tests(document: Document) -> tuple[SelfTest, ...]:
    """Read the log of an ATA, NVMe or SCSI drive."""
    return tuple(islice(chain(_ata(document), _nvme(document), _scsi(document)), MOST))


def _ata(document: Document) -> Iterator[SelfTest]:
    # The extended log has addresses of 48 bits; old drives have the standard one only.
    logs = (document.at("ata_smart_self_test_log", log, "table") for log in ("extended", "standard"))
    for entry in next((log for log in logs if log.value), Document(None, document.section)).items():
        running = (entry.at("status", "value").whole() or 0) >> 4 == 0xF
        yield SelfTest(
            kind=entry.at("type", "string").text() or "unknown",
            result=entry.at("status", "string").text() or "unknown",
            passed=None if running else entry.at("status", "passed").flag(),
            remaining_percent=entry.at("status", "remaining_percent").whole(most=100),
            power_on_hours=entry.at("lifetime_hours").whole(),
            first_error_block=entry.at("lba").whole(),
        )


def _nvme(document: Document) -> Iterator[SelfTest]:
    for entry in document.at("nvme_self_test_log", "table").items():
        yield SelfTest(
            kind=entry.at("self_test_code", "string").text() or "unknown",
            result=entry.at("self_test_result", "string").text() or "unknown",
            passed=_verdict(entry.at("self_test_result", "value").whole(), failed=(5, 6, 7)),
            power_on_hours=entry.at("power_on_hours").whole(),
            first_error_block=entry.at("lba").whole(),
        )


def _scsi(document: Document) -> Iterator[SelfTest]:
    for number in range(20):
        entry = document.at(f"scsi_self_test_{number}")
        if entry.value is not None:
            yield SelfTest(
                kind=entry.at("code", "string").text() or "unknown",
                result=entry.at("result", "string").text() or "unknown",
                passed=_verdict(entry.at("result", "value").whole(), failed=(3, 4, 5, 6, 7)),
                power_on_hours=entry.at("power_on_time", "hours").whole(),
                first_error_block=entry.at("lba_first_failure", "value").whole(),
            )


def _verdict(result: int | None, *, failed: tuple[int, ...]) -> bool | None:
    if result == 0:
        return True
    return False if result in failed else None
