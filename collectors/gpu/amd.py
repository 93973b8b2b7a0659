"""AMD's cards, out of the files that the kernel's amdgpu driver has below /sys/class/drm.

Source of the formats: the kernel's Documentation/gpu/amdgpu/thermal.rst, driver-misc.rst and ras.rst, and
Documentation/hwmon/sysfs-interface.rst: percentages and bytes in device/; in device/hwmon/ temperatures in thousandths
of a degree, power in millionths of a watt, frequencies in hertz. A card that is asleep gives nothing, and is not woken.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.request import FileSet
from collectors.system.reading import signed, whole
from collectors.system.samples import BYTES, CELSIUS, RATIO, sample
from schemas.metric import Sample

FOLDER = "/sys/class/drm/"
_DEVICE = (
    "uevent",
    "vendor",
    "unique_id",
    "product_name",
    "gpu_busy_percent",
    "mem_busy_percent",
    "mem_info_vram_total",
    "mem_info_vram_used",
    "ras/*_err_count",
)
_HWMON = (
    "temp*_input",
    "temp*_label",
    "temp*_crit",
    "power1_average",
    "power1_input",
    "power1_cap",
    "fan1_input",
    "freq*_input",
    "freq*_label",
    "in0_input",
)
FILES = FileSet(
    (
        *(f"{FOLDER}card*/device/{name}" for name in _DEVICE),
        *(f"{FOLDER}card*/device/hwmon/hwmon*/{name}" for name in _HWMON),
    ),
    max_file_bytes=4096,
)
AMD = "0x1002"

# card0, and not card0-DP-1, which is a socket of it.
_PATH = re.compile(r"/sys/class/drm/(card[0-9]{1,4})/device/(?:hwmon/hwmon[0-9]{1,4}/)?([a-z0-9_/]{1,64})")
_SLOT = re.compile(r"^PCI_SLOT_NAME=([0-9a-fA-F:.]{1,32})$", re.MULTILINE)
_MODEL = re.compile(r"^PCI_ID=([0-9a-fA-F:]{1,16})$", re.MULTILINE)
_SENSOR = re.compile(r"(temp|freq)[0-9]{1,3}_input")
_ERRORS = re.compile(r"^(ue|ce|de): ([0-9]{1,20})$", re.MULTILINE)
_PLACES = {"edge": "gpu", "junction": "hotspot", "mem": "memory"}
_CLOCKS = {"sclk": "graphics", "mclk": "memory"}
_KINDS = {"ue": "uncorrectable", "ce": "correctable", "de": "deferred"}


@dataclass(frozen=True, slots=True)
class _Card:
    name: str
    files: Mapping[str, str]
    labels: Mapping[str, str]

    def number(self, name: str) -> int | None:
        text = self.files.get(name, "").strip()
        section = f"{FOLDER}{self.name}/device/{name}"
        return signed(text, section=section, line=1) if text else None

    def measured(self, name: str, value: float | None, unit: str, labels: Mapping[str, str]) -> Iterator[Sample]:
        if value is not None:
            yield sample(name, value, unit, {**self.labels, **labels})


def amd_samples(sections: Mapping[str, str]) -> tuple[Sample, ...]:
    """Return the samples of AMD's cards; raises ParseError. None when there is no such card."""
    cards: dict[str, dict[str, str]] = {}
    for path, content in sections.items():
        match = _PATH.fullmatch(path)
        if match is not None and content.strip():
            cards.setdefault(match[1], {})[match[2]] = content
    found: list[Sample] = []
    for name, files in cards.items():
        # Other makers' drivers have a vendor and a uevent here, too.
        if files.get("vendor", AMD).strip() == AMD and ("gpu_busy_percent" in files or "mem_info_vram_total" in files):
            found += _samples(_Card(name, files, _labels(name, files)))
    return tuple(found)


def _labels(name: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return who a card is: its own number where it has one, else its slot; the kernel's number changes at boots."""
    unique = files.get("unique_id", "").strip()
    slot, model = _SLOT.search(files.get("uevent", "")), _MODEL.search(files.get("uevent", ""))
    own = f"GPU-{unique}" if unique.strip("0") else slot[1] if slot is not None else name
    product = files.get("product_name", "").strip() or (model[1] if model is not None else "")
    return {"hw.id": own, "hw.vendor": "AMD"} | ({"hw.name": product} if product else {})


def _samples(card: _Card) -> Iterator[Sample]:
    for name, sampled, labels in (
        ("gpu_busy_percent", "hw.gpu.utilization", {"hw.gpu.task": "general"}),
        ("mem_busy_percent", "hw.gpu.memory.activity", {}),
    ):
        percent = card.number(name)
        yield from card.measured(sampled, percent / 100 if percent is not None else None, RATIO, labels)
    yield from _memory(card)
    yield from _sensors(card)
    for name, sampled in (
        ("power1_average", "hw.power"),
        ("power1_input", "hw.power"),
        ("power1_cap", "hw.power.limit"),
    ):
        microwatts = card.number(name)
        # Cards say the mean or the moment; those that say both are told by the mean.
        if microwatts is not None and not (name == "power1_input" and "power1_average" in card.files):
            yield from card.measured(sampled, microwatts / 1e6, "W", {"hw.type": "gpu"})
    millivolts = card.number("in0_input")
    yield from card.measured("hw.gpu.voltage", millivolts / 1000 if millivolts is not None else None, "V", {})
    yield from card.measured("hw.fan.speed", card.number("fan1_input"), "rpm", {})
    yield from _errors(card)


def _memory(card: _Card) -> Iterator[Sample]:
    total, used = card.number("mem_info_vram_total"), card.number("mem_info_vram_used")
    yield from card.measured("hw.gpu.memory.limit", total, BYTES, {})
    yield from card.measured("hw.gpu.memory.usage", used, BYTES, {})
    if total and used is not None:
        yield from card.measured("hw.gpu.memory.utilization", min(1.0, max(0.0, used / total)), RATIO, {})


def _sensors(card: _Card) -> Iterator[Sample]:
    for name in card.files:
        match = _SENSOR.fullmatch(name)
        value = card.number(name) if match is not None else None
        if match is None or value is None:
            continue
        sensor = name.removesuffix("_input")
        label = card.files.get(f"{sensor}_label", "").strip() or sensor
        if match[1] == "freq":
            clock = {"hw.gpu.clock": _CLOCKS.get(label, label)}
            yield from card.measured("hw.gpu.clock.frequency", value, "Hz", clock)
            continue
        place = {"hw.sensor_location": _PLACES.get(label, label)}
        yield from card.measured("hw.temperature", value / 1000, CELSIUS, place)
        critical = card.number(f"{sensor}_crit")
        limit = place | {"hw.limit_type": "high.critical"}
        yield from card.measured(
            "hw.temperature.limit", critical / 1000 if critical is not None else None, CELSIUS, limit
        )


def _errors(card: _Card) -> Iterator[Sample]:
    for name, text in card.files.items():
        if not name.startswith("ras/"):
            continue
        block = name.removeprefix("ras/").removesuffix("_err_count")
        for match in _ERRORS.finditer(text):
            count = whole(match[2], section=f"{FOLDER}{card.name}/device/{name}")
            kind = {"hw.type": "gpu", "error.type": f"{block}_{_KINDS[match[1]]}"}
            yield from card.measured("hw.errors", count, "{error}", kind)


def refuse_other(sections: Mapping[str, str]) -> None:
    """Raise ParseError when these are not the files of this look."""
    if sections and not any(path.startswith(FOLDER) for path in sections):
        raise ParseError("no file below /sys/class/drm", section=next(iter(sections))[:200])
