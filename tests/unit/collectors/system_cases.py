"""The folders of tests/cases/system: raw.txt, before.txt where a look needs two, and what comes out of them.

After a wanted change, `python -m tests.unit.collectors.system_cases` writes what comes out now; read the difference.
"""

from pathlib import Path

from collectors.errors import ParseError
from collectors.system.look import parse, tell
from schemas.metric import MetricCollectedData

FOLDER = Path(__file__).parents[2] / "cases" / "system"


def names() -> list[str]:
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def outcome(name: str) -> str:
    """Return one line a sample, or the error."""
    folder = FOLDER / name
    before = folder / "before.txt"
    try:
        readings = parse((folder / "raw.txt").read_text(encoding="utf-8"))
        earlier = parse(before.read_text(encoding="utf-8")) if before.exists() else None
    except ParseError as error:
        return f"ParseError: {error}\n"
    (observation,) = tell(readings, earlier, interval_s=10, per_cpu=False).observations
    assert isinstance(observation.data, MetricCollectedData)
    return "".join(
        f"{sample.name}{{{', '.join(f'{key}={value}' for key, value in sample.labels.items())}}}"
        f" {sample.value!r} {sample.unit}\n"
        for sample in observation.data.samples
    )


if __name__ == "__main__":
    for case in names():
        (FOLDER / case / "expected.txt").write_text(outcome(case), encoding="utf-8")
