"""The fold of the alerts in Quix Streams: a stateful application over the same topic, with the same rules.

Arguments: broker, how many metric events, a JSON file of the rules, a folder for its state, the name of its group. As
Quix does it by default: state in RocksDB with a changelog topic, one write a key and checkpoint, a checkpoint every 5 s
(and one at the end); its JSON is orjson. The step is what our core does for rules of a threshold: skip what is not
newer by offset and sequence, find the rules of each sample by name and labels, begin, go on with or drop a pending
instance, raise it when it held for long enough. It checks no types, limits or times, as our reader does.

Prints a JSON object: events a second from the first to the last, the same with the last checkpoint and the end of the
application, processor time an event in microseconds.
"""

import json
import sys
import time
from datetime import datetime
from typing import Any

from quixstreams import Application


class Rules:
    """Rules of a threshold by the name of the metric that they read."""

    def __init__(self, path: str) -> None:
        self.by_name: dict[str, list[dict[str, Any]]] = {}
        with open(path) as file:
            for rule in json.load(file)["rules"]:
                self.by_name.setdefault(rule["select"]["metric"], []).append(rule)


class Fold:
    """The step, and the clock of the run."""

    def __init__(self, rules: Rules, wanted: int) -> None:
        self.rules = rules.by_name
        self.wanted = wanted
        self.seen = 0
        self.raised = 0
        self.began = (0.0, 0.0)
        self.ended = 0.0
        self.application: Any = None

    def step(self, event: dict[str, Any], state: Any) -> None:
        """Fold one event into the state of its device."""
        if event["type"] != "infrastructor.metric.collected.v1":
            return
        if self.seen == 0:
            self.began = (time.perf_counter(), time.process_time())
        self.seen += 1
        device = state.get("device", default=None) or {"scopes": {}, "instances": {}}
        if event["sequence"] > device["scopes"].get(event["source"], 0):
            device["scopes"][event["source"]] = event["sequence"]
            self._look(event, device["instances"])
            state.set("device", device)
        if self.seen == self.wanted:
            self.ended = time.perf_counter()
            self.application.stop()

    def _look(self, event: dict[str, Any], instances: dict[str, Any]) -> None:
        at = datetime.fromisoformat(event["time"]).timestamp()
        for sample in event["data"]["samples"]:
            for rule in self.rules.get(sample["name"], ()):
                labels = sample["labels"]
                if all(labels.get(name) == value for name, value in rule["select"]["labels"].items()):
                    self._judge(rule, sample, instances, at=at)

    def _judge(self, rule: dict[str, Any], sample: dict[str, Any], instances: dict[str, Any], *, at: float) -> None:
        key = f"{rule['name']}|{sorted(sample['labels'].items())}"
        instance = instances.get(key)
        if sample["value"] <= rule["condition"]["level"]:
            if instance is not None:
                del instances[key]
            return
        if instance is None:
            instance = instances[key] = {"since": at, "raised": False}
        instance["last"], instance["value"] = at, sample["value"]
        if not instance["raised"] and at - instance["since"] >= 300:
            instance["raised"] = True
            self.raised += 1


def main(broker: str, wanted: str, rules: str, folder: str, group: str) -> None:
    fold = Fold(Rules(rules), int(wanted))
    application = Application(
        broker_address=broker,
        consumer_group=group,
        auto_offset_reset="earliest",
        state_dir=folder,
        loglevel="ERROR",
        # As our own consumers: events are larger than the default expects, and the changelog is zstd, too.
        consumer_extra_config={"fetch.message.max.bytes": 10 << 20},
        producer_extra_config={"compression.type": "zstd"},
    )
    fold.application = application
    topic = application.topic("infra.metrics", value_deserializer="json", key_deserializer="bytes")
    frame = application.dataframe(topic)
    frame.update(fold.step, stateful=True)
    application.run()
    busy = time.process_time() - fold.began[1]
    figures = {
        "rate": fold.wanted / (fold.ended - fold.began[0]),
        "rate_committed": fold.wanted / (time.perf_counter() - fold.began[0]),
        "busy_us": busy / fold.wanted * 1e6,
        "raised": fold.raised,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
