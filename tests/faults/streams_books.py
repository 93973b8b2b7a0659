"""Rules and policies, in revisions, for the faults of the streams workers: short times, conditions of every sort."""

from pathlib import Path
from typing import Any

import yaml

STATUS = "device.status_changed"


def rules(revision: int) -> dict[str, Any]:
    """From the second revision on a rule means something else, one is gone, and one is new."""
    later = revision > 1
    found = [
        _metric("wave_high", 0, {"kind": "above", "level": 0.6 if later else 0.5, "clear": 0.2}, **_slowly()),
        _metric("average", 2, {"kind": "above", "level": 0.4, "of": {"take": "average", "window": "4s"}}),
        _metric("jump", 3, {"kind": "above", "level": 0.8, "of": {"take": "change", "window": "3s"}}, severity="info"),
        _metric("gone", 2, {"kind": "absent", "after": "4s"}, severity="critical"),
        _status("offline", STATUS, {"kind": "status", "when": {"status": "offline"}}),
        _status("degraded", STATUS, {"kind": "status", "when": {"status": "degraded"}}, **{"for": "2s"}),
        _status("stopped", "container.status_changed", {"kind": "status", "when": {"status": "failed"}}),
    ]
    name, level = ("wave_deep", -0.5) if later else ("wave_low", 0.3)
    found.append(_metric(name, 1, {"kind": "below", "level": level, "clear": level + 0.3}, severity="critical"))
    return {"revision": revision, "rules": found}


def policies(revision: int) -> dict[str, Any]:
    """What is late, offline and told when, in a few seconds; later revisions wait longer, and lead elsewhere."""
    later = revision > 1
    first = {
        "name": "critical",
        "severity": "critical",
        "receivers": ["gotify", "webhook"],
        "group_wait": "1s",
        "group_interval": "3s" if later else "2s",
        "repeat_after": "5s",
    }
    rest = {
        "name": "rest",
        "receivers": ["webhook" if later else "gotify"],
        "group_wait": "2s",
        "group_interval": "3s",
        "repeat_after": None,
        "escalation": [{"after": "4s", "receivers": ["webhook"]}],
    }
    return {
        "revision": revision,
        "status": {
            "offline_after_least_seconds": 5.0 if later else 3.0,
            "flap_transitions": 4,
            "flap_stable_seconds": 8,
        },
        "entities": {"restart_loop_restarts": 2 if later else 3},
        "notifications": {
            "receivers": {"gotify": {"rate_limit": {"messages": 40, "per": "10s"}}, "webhook": {"rate_limit": None}},
            "routes": [first, rest],
            "inhibition": [{"name": "offline", "source": {"rule": "offline"}, "equal": ["device"]}],
            "dependencies": {"down": [{"rule": "offline"}]},
            "burst": {"alerts": 12, "window": "5s"},
            "backlog": {"settle": "3s"},
        },
    }


class Books:
    """The two files that all workers of a test watch."""

    def __init__(self, folder: Path) -> None:
        self.rules_file, self.policies_file = folder / "all-rules.yaml", folder / "all-policies.yaml"
        self.rules_revision = self.policies_revision = 0
        self.change_rules()
        self.change_policies()

    def change_rules(self) -> None:
        self.rules_revision += 1
        self.rules_file.write_text(yaml.safe_dump(rules(self.rules_revision)))

    def change_policies(self) -> None:
        self.policies_revision += 1
        self.policies_file.write_text(yaml.safe_dump(policies(self.policies_revision)))


def _slowly() -> dict[str, str]:
    return {"for": "1s", "clear_for": "1s"}


def _metric(
    name: str, index: int, condition: dict[str, Any], *, severity: str = "warning", **more: Any
) -> dict[str, Any]:
    select = {"metric": "load.value", "labels": {"index": str(index)}}
    summary = "{device}: no value" if condition["kind"] == "absent" else "{device}: {value|number}"
    return _rule(name, severity, select, condition=condition, summary=summary) | more


def _status(name: str, event: str, condition: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _rule(name, "critical", {"event": event}, condition=condition, summary="{device}: {event.summary}") | more


def _rule(
    name: str, severity: str, select: dict[str, Any], *, condition: dict[str, Any], summary: str
) -> dict[str, Any]:
    texts = {"summary": summary}
    return {"name": name, "severity": severity, "select": select, "condition": condition, "annotations": texts}
