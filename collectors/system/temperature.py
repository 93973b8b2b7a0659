"""/sys/class/hwmon and /sys/class/thermal.

Source of the formats: Documentation/hwmon/sysfs-interface.rst and Documentation/driver-api/thermal/sysfs-api.rst of the
kernel. Temperatures are in thousandths of a degree Celsius.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.errors import ParseError
from collectors.system.reading import signed
from collectors.system.samples import CELSIUS, sample
from schemas.metric import Sample

PATTERNS = (
    "/sys/class/hwmon/hwmon*/name",
    "/sys/class/hwmon/hwmon*/temp*_input",
    "/sys/class/hwmon/hwmon*/temp*_label",
    "/sys/class/thermal/thermal_zone*/type",
    "/sys/class/thermal/thermal_zone*/temp",
)

_HWMON = re.compile(r"^(?P<chip>/sys/class/hwmon/hwmon\d+)/(?P<sensor>temp\d+)_input$")
_ZONE = re.compile(r"^(?P<zone>/sys/class/thermal/thermal_zone\d+)/temp$")
_COLDEST, _HOTTEST = -273.15, 1000.0


@dataclass(frozen=True, slots=True)
class Temperature:
    """One sensor: an id that lasts, the chip or zone, what is measured there, degrees Celsius."""

    id: str
    chip: str
    location: str
    celsius: float


def parse_temperatures(sections: Mapping[str, str]) -> tuple[Temperature, ...]:
    """Read the files of `PATTERNS`; raises ParseError. A sensor that gives nothing, or nonsense, is absent."""
    found: list[Temperature] = []
    names: dict[str, str] = {}
    for path, text in sections.items():
        hwmon, zone = _HWMON.match(path), _ZONE.match(path)
        if not text.strip() or (hwmon is None and zone is None):
            continue
        celsius = _celsius(path, text)
        if celsius is None:
            continue
        if hwmon is not None:
            chip = _chip(hwmon["chip"], sections, names)
            label = sections.get(f"{hwmon['chip']}/{hwmon['sensor']}_label", "").strip() or hwmon["sensor"]
            found.append(Temperature(f"{chip}/{hwmon['sensor']}", chip.partition("#")[0], label, celsius))
        elif zone is not None:
            name = zone["zone"].rpartition("/")[2]
            kind = sections.get(f"{zone['zone']}/type", "").strip() or name
            found.append(Temperature(f"thermal/{name}", "thermal", kind, celsius))
    return tuple(found)


def _celsius(path: str, text: str) -> float | None:
    fields = text.split()
    if len(fields) != 1:
        raise ParseError("not one number", section=path, text=text)
    celsius = signed(fields[0], section=path) / 1000
    return celsius if _COLDEST <= celsius <= _HOTTEST else None


def _chip(folder: str, sections: Mapping[str, str], names: dict[str, str]) -> str:
    """Return what the chip is called; the second of a name is `name#2`, for hwmon's own numbers change at boots."""
    if folder not in names:
        name = sections.get(f"{folder}/name", "").strip() or folder.rpartition("/")[2]
        same = sum(1 for other in names.values() if other.partition("#")[0] == name)
        names[folder] = f"{name}#{same + 1}" if same else name
    return names[folder]


def temperature_samples(temperature: Temperature) -> Iterator[Sample]:
    """Yield one temperature."""
    labels = {
        "hw.id": temperature.id,
        "hw.name": temperature.chip,
        "hw.sensor_location": temperature.location,
    }
    yield sample("hw.temperature", temperature.celsius, CELSIUS, labels)
