"""What the agent's process carries, and what it must not."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = ("rich", "pygments", "faust", "mode", "psycopg", "sqlalchemy", "alembic", "asyncssh", "aiohttp", "uvloop")

IMPORT = """
import sys
from collectors.lean import import_structlog
import_structlog()
import cli.agent, cli.main, collectors.process
import runtime.kafka.admin, runtime.kafka.catalog
print(*sorted({name.partition('.')[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    ran = subprocess.run([sys.executable, "-c", IMPORT], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


@pytest.mark.parametrize("package", HEAVY)
def test_the_agent_does_not_carry(package: str, loaded: set[str]) -> None:
    assert "aiokafka" in loaded
    assert package not in loaded


def test_what_was_hidden_can_be_imported_afterwards() -> None:
    code = "from collectors.lean import import_structlog; import_structlog(); import rich; print(rich.__name__)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "rich\n"
