"""The looks themselves: NVIDIA's cards by a program, AMD's by files. What they read is told alike."""

from dataclasses import dataclass
from functools import partial

from collectors import sections
from collectors.errors import ParseError
from collectors.gpu import amd
from collectors.gpu.nvidia import SECTION, nvidia_samples
from collectors.look import NOTHING_READ, Look, Observation, Told
from collectors.request import Command
from schemas.metric import MetricCollected, MetricCollectedData, Sample
from schemas.registry import METRICS

NVIDIA = "gpu"
AMD = "gpu_amd"
MOST_SAMPLES = 2_500

# 14: a card's own record of itself is damaged; all that was asked for is told before.
NVIDIA_SMI = Command(("nvidia-smi", "-q", "-x"), frozenset({0, 14}))


@dataclass(frozen=True, slots=True)
class Readings:
    """What one look read."""

    samples: tuple[Sample, ...] = ()


def parse(text: str) -> Readings:
    """Read what `nvidia-smi -q -x` printed, or the files of AMD's cards. ParseError otherwise."""
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        return Readings(_distinct(nvidia_samples(text.lstrip("\ufeff \t\r\n"))))
    found = sections.split(text)
    if text.strip() and not found:
        raise ParseError(
            "neither XML of nvidia-smi nor files of /sys/class/drm", section=SECTION, line=1, text=text[:80]
        )
    amd.refuse_other(found)
    return Readings(_distinct(amd.amd_samples(found)))


def parse_nvidia(text: str) -> Readings:
    """Read what `nvidia-smi -q -x` printed. ParseError otherwise: it never prints nothing."""
    if not text.strip():
        raise ParseError("nothing was printed", section=SECTION)
    return parse(text)


def _distinct(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """Return each series once: cards that hide who they are share an id in some virtual machines."""
    once: dict[tuple[str, frozenset[tuple[str, str]]], Sample] = {}
    for one in samples:
        once.setdefault((one.name, frozenset(one.labels.items())), one)
    return tuple(once.values())


def tell(now: Readings, before: Readings | None, *, interval_s: float | None = None, name: str = NVIDIA) -> Told:
    """Return the numbers; a device without such a card tells nothing."""
    del before
    parts = [now.samples[start : start + MOST_SAMPLES] for start in range(0, len(now.samples), MOST_SAMPLES)]
    data = [MetricCollectedData(collector=name, interval_seconds=interval_s, samples=part) for part in parts]
    return Told(tuple(Observation(MetricCollected, METRICS, one) for one in data))


def gpu_look(*, interval_s: float | None = None) -> Look[Readings]:
    """Return the entry of the command registry for NVIDIA's cards."""
    return Look(
        name=NVIDIA,
        category="hardware",
        request=NVIDIA_SMI,
        parse=parse_nvidia,
        tell=partial(tell, interval_s=interval_s),
        # Without nvidia-persistenced the driver is loaded anew each time, which takes seconds a card.
        timeout_s=30.0,
        cache_ttl_s=30.0,
        programs=("nvidia-smi",),
    )


def amd_gpu_look(*, interval_s: float | None = None) -> Look[Readings]:
    """Return the entry of the command registry for AMD's cards."""
    return Look(
        name=AMD,
        category="hardware",
        request=amd.FILES,
        parse=parse,
        tell=partial(tell, interval_s=interval_s, name=AMD),
        timeout_s=10.0,
        cache_ttl_s=30.0,
        retries=1,
        programs=("sh", "head"),
        absent=(NOTHING_READ,),
    )
