"""Memory errors of NVIDIA's cards, pages and rows taken out of use.

Source of the format: nvidia-smi(1), `ecc_errors`, `retired_pages`, `remapped_rows`. Since v11 each kind of memory has
its count (`dram_uncorrectable`); before, `single_bit` and `double_bit` had one for each part of the chip, and `total`.
"""

from collections.abc import Iterator, Mapping

from collectors.gpu.values import flag, number
from collectors.gpu.xml import Element
from collectors.system.samples import RATIO, sample
from schemas.metric import Sample

_SCOPES = ("volatile", "aggregate")
_CAUSES = {"multiple_single_bit_retirement": "single_bit", "double_bit_retirement": "double_bit"}
_PENDING = ("pending_retirement", "pending_blacklist")


def ecc_samples(gpu: Element, labels: Mapping[str, str], *, section: str) -> Iterator[Sample]:
    """Yield what a card counts of errors in its memory; raises ParseError."""
    enabled = flag(gpu.child("ecc_mode", "current_ecc"), yes="Enabled", no="Disabled")
    if enabled is not None:
        yield sample("hw.gpu.ecc.enabled", float(enabled), RATIO, labels)
    for scope in _SCOPES:
        for kind, element in _counts(gpu.child("ecc_errors", scope)):
            count = number(element, "count", section=section, path=f"gpu/ecc_errors/{scope}/{kind}")
            if count is not None:
                more = {"hw.type": "gpu", "error.type": kind, "hw.gpu.ecc.scope": scope}
                yield sample("hw.errors", count, "{error}", {**labels, **more})
    yield from _pages(gpu.child("retired_pages"), labels, section=section)
    yield from _rows(gpu.child("remapped_rows"), labels, section=section)


def _counts(scope: Element | None) -> Iterator[tuple[str, Element]]:
    for kind in scope.children if scope is not None else []:
        if not kind.children:
            yield kind.name, kind
            continue
        total = kind.child("total")
        if total is not None:
            yield kind.name, total


def _pages(pages: Element | None, labels: Mapping[str, str], *, section: str) -> Iterator[Sample]:
    if pages is None:
        return
    for name, cause in _CAUSES.items():
        # `retired_count`, in some versions `retired_page_count`.
        element = pages.child(name, "retired_count") or pages.child(name, "retired_page_count")
        count = number(element, "count", section=section, path=f"gpu/retired_pages/{name}")
        if count is not None:
            yield sample("hw.gpu.retired_pages", count, "{page}", {**labels, "error.type": cause})
    said = [flag(pages.child(name), yes="Yes", no="No") for name in _PENDING]
    known = [one for one in said if one is not None]
    if known:
        yield sample("hw.gpu.retired_pages.pending", float(any(known)), RATIO, labels)


def _rows(rows: Element | None, labels: Mapping[str, str], *, section: str) -> Iterator[Sample]:
    if rows is None:
        return
    for name, cause in (("remapped_row_corr", "correctable"), ("remapped_row_unc", "uncorrectable")):
        count = number(rows.child(name), "count", section=section, path=f"gpu/remapped_rows/{name}")
        if count is not None:
            yield sample("hw.gpu.remapped_rows", count, "{row}", {**labels, "error.type": cause})
    for name in ("pending", "failure"):
        said = flag(rows.child(f"remapped_row_{name}"), yes="Yes", no="No")
        if said is not None:
            yield sample(f"hw.gpu.remapped_rows.{name}", float(said), RATIO, labels)
