"""What a device is, out of /proc and /etc: host name, machine-id, kernel, operating system, processor, memory.

Source of the formats: os-release(5), machine-id(5), proc_cpuinfo(5), proc_meminfo(5), proc_sys_kernel(5).
"""

import re

from collectors import sections
from collectors.errors import ParseError
from collectors.look import Look, Told
from collectors.request import FileSet
from schemas.device import DeviceAttributes, OperatingSystem, Processor

NAME = "identity"

HOSTNAME = "/proc/sys/kernel/hostname"
KERNEL = "/proc/sys/kernel/osrelease"
ARCHITECTURE = "/proc/sys/kernel/arch"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
MACHINE_ID = "/etc/machine-id"
OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
CPUINFO = "/proc/cpuinfo"
MEMINFO = "/proc/meminfo"

FILES = FileSet((HOSTNAME, KERNEL, ARCHITECTURE, BOOT_ID, MACHINE_ID, *OS_RELEASE, CPUINFO, MEMINFO))

LONGEST = 255
_MACHINE_ID = re.compile(r"^[0-9a-f]{32}$")
_MEM_TOTAL = re.compile(r"^MemTotal:\s+(\d{1,15}) kB$", re.MULTILINE)
_ASSIGNMENT = re.compile(r"^([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
# The key for the model differs by architecture: x86, arm, s390, power.
_MODEL_KEYS = ("model name", "Model", "Hardware", "cpu model", "cpu")
_ESCAPE = re.compile(r"\\([\\\"$`'])")


def parse(text: str) -> DeviceAttributes:
    """Read what a device is; what is not there is absent. ParseError when it is no Linux that answers."""
    found = {name: content for name, content in sections.split(text).items() if content.strip()}
    if HOSTNAME not in found:
        raise ParseError("is not there: this is not Linux, or /proc is not mounted", section=HOSTNAME)
    machine_id = found.get(MACHINE_ID, "").strip()
    memory = _MEM_TOTAL.search(found.get(MEMINFO, ""))
    return DeviceAttributes(
        hostname=_name(found.get(HOSTNAME)),
        machine_id=machine_id if _MACHINE_ID.match(machine_id) else None,
        boot_id=_name(found.get(BOOT_ID)),
        kernel=_name(found.get(KERNEL)),
        architecture=_name(found.get(ARCHITECTURE)),
        os=operating_system(next((found[path] for path in OS_RELEASE if path in found), "")),
        processor=processor(found.get(CPUINFO, "")),
        memory_bytes=int(memory[1]) * 1024 if memory else None,
    )


def operating_system(text: str) -> OperatingSystem | None:
    """Read os-release; None when it names nothing."""
    values = {key: _unquoted(value) for key, value in _ASSIGNMENT.findall(text)}
    found = OperatingSystem(
        id=_name(values.get("ID")), version=_name(values.get("VERSION_ID")), name=_name(values.get("PRETTY_NAME"))
    )
    return found if found != OperatingSystem() else None


def processor(text: str) -> Processor | None:
    """Read /proc/cpuinfo; None when it names nothing."""
    count = 0
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        key, colon, value = line.partition(":")
        if not colon:
            continue
        key = key.strip()
        # `processor : 0` on most, `processor 0: version = ...` on s390.
        count += key == "processor" or key.startswith("processor ")
        fields.setdefault(key, value.strip())
    model = next((fields[key] for key in _MODEL_KEYS if fields.get(key)), None)
    if model is None and not count:
        return None
    return Processor(model=_name(model), logical_count=count or None)


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return _ESCAPE.sub(r"\1", value)


def _name(text: str | None) -> str | None:
    return (text or "").replace("\x00", "").strip()[:LONGEST] or None


def tell(now: DeviceAttributes, before: DeviceAttributes | None) -> Told:
    """Return the attributes; whether they are news is decided against what the spool remembers."""
    return Told(attributes=now)


def identity_look() -> Look[DeviceAttributes]:
    """Return the entry of the command registry."""
    return Look(
        name=NAME,
        category="inventory",
        request=FILES,
        parse=parse,
        tell=tell,
        timeout_s=10.0,
        cache_ttl_s=300.0,
        retries=2,
        programs=("sh", "head"),
    )
