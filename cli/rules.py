"""`infrastructor rules`: rules of alerts, checked and tested before they are put into the log."""

import time
from pathlib import Path

import click

FAILED = 1
"""Exit code when something was found, or a test failed."""

_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def rules() -> None:
    """Check and test the rules of alerts."""


@rules.command("check")
@click.argument("file", type=_file)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--cost", is_flag=True, help="Show what each rule costs for each series that it judges.")
def check_command(*, file: Path, strict: bool, cost: bool) -> None:
    """Say what is wrong with a file of rules, with line numbers. Exit code 0: nothing; 1: something.

    Errors refuse the file. Warnings are metrics that no collector emits, rules that can never hold or never clear,
    groups that look like a slip of the pen, and rules without a runbook. Notes name groups that must be those of
    devices.yaml.
    """
    # Imported here: the command line itself is quick.
    from streams.rulecheck.check import check  # noqa: PLC0415
    from streams.rulecheck.cost import cost_of  # noqa: PLC0415

    checked = check(file.read_text(encoding="utf-8", errors="replace"), where=str(file))
    for one in checked.findings:
        click.echo(f"{file}:{one.line}: {one.level}: {one.message}")
    known = checked.rules.rules if checked.rules is not None else ()
    costs = [(rule.name, cost_of(rule)) for rule in known]
    if cost:
        click.echo(f"{'rule':<32} {'µs a sample':>12} {'bytes a series':>15}  looks at")
        for name, estimate in costs:
            click.echo(f"{name:<32} {estimate.microseconds:>12.1f} {estimate.state_bytes:>15}  {estimate.why}")
    warnings = checked.warnings
    if checked.rules is not None:
        whole = sum(estimate.microseconds for _, estimate in costs)
        state = sum(estimate.state_bytes for _, estimate in costs)
        click.echo(
            f"{_counted(len(known), 'rule')}, revision {checked.rules.revision}; of a device with one series for each: "
            f"{whole:.0f} µs a look, {state / 1024:.1f} KiB of state"
        )
    click.echo(f"{_counted(checked.errors, 'error')}, {_counted(warnings, 'warning')}")
    if checked.errors or (strict and warnings):
        raise SystemExit(FAILED)


@rules.command("test")
@click.argument("files", type=_file, nargs=-1, required=True)
@click.option("--rules", "other", type=_file, help="Test these rules, not those that the files name.")
def test_command(*, files: tuple[Path, ...], other: Path | None) -> None:
    """Run tests of rules in virtual time, through the real cores. Exit code 0: all passed; 1: some did not.

    A file names its `rules` and has `tests`: `series` over time, status `events`, and the alerts to `expect`. See
    docs/rules.md.
    """
    from streams.rulecheck.trial import run_file  # noqa: PLC0415

    began, passed, failed = time.monotonic(), 0, 0
    for file in files:
        for outcome in run_file(file, rules=other):
            if not outcome.differences:
                passed += 1
                continue
            failed += 1
            click.echo(f"FAILED {file}: {outcome.name}")
            for line in outcome.differences:
                click.echo(f"       {line}")
    click.echo(f"{passed} passed, {failed} failed in {time.monotonic() - began:.2f} s")
    if failed:
        raise SystemExit(FAILED)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
