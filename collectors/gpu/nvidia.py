"""NVIDIA's cards, out of `nvidia-smi -q -x`.

Source of the format: nvidia-smi(1), and the DTDs nvsmi_device_v8 to v12 that its answers name. Between the versions
elements moved: `power_readings` became `gpu_power_readings`, `clocks_throttle_reasons` became `clocks_event_reasons`,
memory errors went from cells of a chip to kinds of memory. What a card or a driver does not have is absent.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.gpu.ecc import ecc_samples
from collectors.gpu.values import flag, number, word
from collectors.gpu.xml import Element, read_xml
from collectors.system.samples import BYTES, CELSIUS, RATIO, SECONDS, sample
from schemas.metric import Sample

SECTION = "nvidia-smi -q -x"
ROOT = "nvidia_smi_log"
# Every clock that a card can run at, hundreds of them; processes that have ended.
_SKIPPED = frozenset({"supported_clocks", "accounted_processes", "retired_pagelist", "row_remapper_histogram"})

_UTILIZATION = {
    "gpu_util": "general",
    "encoder_util": "encoder",
    "decoder_util": "decoder",
    "jpeg_util": "jpeg",
    "ofa_util": "optical_flow",
}
_CLOCKS = {"graphics_clock": "graphics", "sm_clock": "sm", "mem_clock": "memory", "video_clock": "video"}
_POWER = ("gpu_power_readings", "power_readings")
_REASONS = (("clocks_event_reasons", "clocks_event_reason_"), ("clocks_throttle_reasons", "clocks_throttle_reason_"))
_COUNTERS = ("clocks_event_reasons_counters", "clocks_event_reasons_counters_")


@dataclass(frozen=True, slots=True)
class Card:
    """One element and what its samples are labelled with."""

    element: Element
    labels: dict[str, str]

    def number(self, kind: str, *path: str) -> float | None:
        """Return the number under a path."""
        return number(self.element.child(*path), kind, section=SECTION, path="/".join(("gpu", *path)))

    def first(self, kind: str, parents: tuple[str, ...], names: tuple[str, ...]) -> float | None:
        """Return the first number that there is: of each parent in turn, of its names in turn."""
        for parent in parents:
            for name in names:
                found = self.number(kind, parent, name)
                if found is not None:
                    return found
        return None

    def measured(self, name: str, value: float | None, unit: str, **labels: str) -> Iterator[Sample]:
        """Yield a sample, when there is a value; `__` of label names stands for a dot."""
        if value is not None:
            more = {key.replace("__", "."): text for key, text in labels.items()}
            yield sample(name, value, unit, self.labels | more)


def nvidia_samples(text: str) -> tuple[Sample, ...]:
    """Return the samples of all cards. ParseError when it is no answer of nvidia-smi, naming the line."""
    root = read_xml(text, section=SECTION, skipped=_SKIPPED)
    if root.name != ROOT:
        raise ParseError(f"the root is no {ROOT}", section=SECTION, line=root.line, text=root.name)
    found = list(_attached(root))
    for element in root.all("gpu"):
        card = Card(element, labels_of(element))
        for part in (_use, _memory, _heat, _clocks, _throttling, _link, _processes, _instances):
            found += part(card)
        found += ecc_samples(element, card.labels, section=SECTION)
    return tuple(found)


def _attached(root: Element) -> Iterator[Sample]:
    count = number(root.child("attached_gpus"), "count", section=SECTION, path="attached_gpus")
    if count is not None:
        yield sample("hw.gpu.count", count, "{gpu}", {"hw.vendor": "NVIDIA"})


def labels_of(element: Element) -> dict[str, str]:
    """Return who a card is: its UUID lasts, its serial number is often missing, its slot may change."""
    own = word(element.child("uuid")) or word(element.child("serial")) or element.attributes.get("id")
    if not own:
        raise ParseError("a gpu without uuid, serial and id", section=SECTION, line=element.line)
    name = word(element.child("product_name"))
    return {"hw.id": own, "hw.vendor": "NVIDIA"} | ({"hw.name": name} if name else {})


def _use(card: Card) -> Iterator[Sample]:
    for name, task in _UTILIZATION.items():
        value = card.number("ratio", "utilization", name)
        yield from card.measured("hw.gpu.utilization", value, RATIO, hw__gpu__task=task)
    yield from card.measured("hw.gpu.memory.activity", card.number("ratio", "utilization", "memory_util"), RATIO)
    yield from card.measured("hw.fan.speed_ratio", card.number("ratio", "fan_speed"), RATIO)
    state = word(card.element.child("performance_state")) or word(card.element.child("power_state"))
    if state is not None and state[:1] == "P" and state[1:].isascii() and state[1:].isdigit() and len(state) <= 3:
        yield from card.measured("hw.gpu.performance_state", float(state[1:]), RATIO)


def _memory(card: Card) -> Iterator[Sample]:
    total, used = (card.number("bytes", "fb_memory_usage", name) for name in ("total", "used"))
    yield from card.measured("hw.gpu.memory.limit", total, BYTES)
    yield from card.measured("hw.gpu.memory.usage", used, BYTES)
    yield from card.measured("hw.gpu.memory.reserved", card.number("bytes", "fb_memory_usage", "reserved"), BYTES)
    if total and used is not None:
        yield from card.measured("hw.gpu.memory.utilization", min(1.0, max(0.0, used / total)), RATIO)


def _heat(card: Card) -> Iterator[Sample]:
    for name, place in (("gpu_temp", "gpu"), ("memory_temp", "memory")):
        value = card.number("celsius", "temperature", name)
        yield from card.measured("hw.temperature", value, CELSIUS, hw__sensor_location=place)
    for name, kind in (("gpu_temp_slow_threshold", "high.degraded"), ("gpu_temp_max_threshold", "high.critical")):
        value = card.number("celsius", "temperature", name)
        labels = {"hw__sensor_location": "gpu", "hw__limit_type": kind}
        yield from card.measured("hw.temperature.limit", value, CELSIUS, **labels)
    margin = card.number("celsius", "temperature", "gpu_temp_tlimit")
    yield from card.measured("hw.gpu.temperature.margin", margin, CELSIUS)
    drawn = card.first("watts", _POWER, ("power_draw", "instant_power_draw", "average_power_draw"))
    yield from card.measured("hw.power", drawn, "W", hw__type="gpu")
    limit = card.first("watts", _POWER, ("enforced_power_limit", "current_power_limit", "power_limit"))
    yield from card.measured("hw.power.limit", limit, "W", hw__type="gpu")
    yield from card.measured("hw.gpu.voltage", card.number("volts", "voltage", "graphics_volt"), "V")


def _clocks(card: Card) -> Iterator[Sample]:
    for parent, name in (("clocks", "hw.gpu.clock.frequency"), ("max_clocks", "hw.gpu.clock.frequency.limit")):
        for tag, clock in _CLOCKS.items():
            yield from card.measured(name, card.number("hertz", parent, tag), "Hz", hw__gpu__clock=clock)


def _throttling(card: Card) -> Iterator[Sample]:
    for parent, prefix in _REASONS:
        for one in _inside(card.element.child(parent)):
            active = flag(one, yes="Active", no="Not Active")
            value = float(active) if active is not None else None
            reason = one.name.removeprefix(prefix)
            yield from card.measured("hw.gpu.throttle", value, RATIO, hw__gpu__throttle__reason=reason)
    for one in _inside(card.element.child(_COUNTERS[0])):
        seconds = number(one, "seconds", section=SECTION, path=one.name)
        reason = one.name.removeprefix(_COUNTERS[1])
        yield from card.measured("hw.gpu.throttle.time", seconds, SECONDS, hw__gpu__throttle__reason=reason)


def _link(card: Card) -> Iterator[Sample]:
    link = ("pci", "pci_gpu_link_info")
    generation = card.number("count", *link, "pcie_gen", "current_link_gen")
    width = card.number("lanes", *link, "link_widths", "current_link_width")
    yield from card.measured("hw.gpu.pcie.link.generation", generation, RATIO)
    yield from card.measured("hw.gpu.pcie.link.width", width, "{lane}")
    for name, direction in (("rx_util", "receive"), ("tx_util", "transmit")):
        value = card.number("rate", "pci", name)
        yield from card.measured("hw.gpu.pcie.throughput", value, "By/s", network__io__direction=direction)
    replays = card.number("count", "pci", "replay_counter")
    yield from card.measured("hw.errors", replays, "{error}", hw__type="gpu", error__type="pcie_replay")


def _processes(card: Card) -> Iterator[Sample]:
    listed = card.element.child("processes")
    if listed is None or (listed.text and not listed.children):
        return
    processes = listed.all("process_info")
    yield from card.measured("hw.gpu.process.count", float(len(processes)), "{process}")
    path = "gpu/processes/process_info/used_memory"
    known = [number(one.child("used_memory"), "bytes", section=SECTION, path=path) for one in processes]
    given = [value for value in known if value is not None]
    if given or not processes:
        yield from card.measured("hw.gpu.process.memory", sum(given), BYTES)


def _instances(card: Card) -> Iterator[Sample]:
    """Yield the memory of what a card is divided into (MIG)."""
    for one in _inside(card.element.child("mig_devices")):
        numbers = [word(one.child(name)) for name in ("gpu_instance_id", "compute_instance_id")]
        if one.name == "mig_device" and None not in numbers:
            own = f"{card.labels['hw.id']}/{'/'.join(str(part) for part in numbers)}"
            yield from _memory(Card(one, card.labels | {"hw.id": own, "hw.parent": card.labels["hw.id"]}))


def _inside(element: Element | None) -> list[Element]:
    return element.children if element is not None else []
