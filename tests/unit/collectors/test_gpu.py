"""Graphics processors: the cases, what must hold of any input, real outputs of other people's machines."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.absence import absence
from collectors.errors import ParseError, ProgramMissing
from collectors.gpu.look import amd_gpu_look, gpu_look, parse, tell
from collectors.gpu.xml import read_xml
from schemas.metric import MetricCollectedData
from tests.unit.collectors.collector_cases import CORPUS, GPU

INPUTS = [GPU.text(case) for case in GPU.cases()]
FOLDER = CORPUS / "nvidia_smi"
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=()), max_size=200)


def test_command_lines_of_processes_stay_where_they_are() -> None:
    assert any("planted-secret" in text for text in INPUTS)
    assert not any("planted-secret" in GPU.outcome(case) for case in GPU.cases())


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_broken_answer_is_a_parse_error_or_parsed(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(INPUTS))
    start = data.draw(st.integers(0, len(text)))
    broken = text[:start] + data.draw(ANY_TEXT) + text[start + data.draw(st.integers(0, 100)) :]
    for variant in (broken, broken[: data.draw(st.integers(0, len(broken)))]):
        _parses_or_is_refused(variant)


@settings(max_examples=100, deadline=None)
@given(ANY_TEXT, st.binary(max_size=200))
def test_anything_at_all_is_a_parse_error_or_parsed(text: str, octets: bytes) -> None:
    _parses_or_is_refused(text)
    _parses_or_is_refused("<" + text)
    _parses_or_is_refused(octets.decode(errors="replace"))


def _parses_or_is_refused(text: str) -> None:
    with contextlib.suppress(ParseError):
        tell(parse(text), None)


@pytest.mark.parametrize(
    "text",
    [
        "<a>" * 3_000_000,
        "<nvidia_smi_log>" + "<gpu id='1'><a/></gpu>" * 500_000 + "</nvidia_smi_log>",
        "<nvidia_smi_log>" + "<b/>" * 2_500_000 + "</nvidia_smi_log>",
        "<nvidia_smi_log><gpu id='" + "1" * 10_000_000 + "'/></nvidia_smi_log>",
        "<nvidia_smi_log><gpu id='1'><uuid>" + "&amp;" * 2_000_000 + "</uuid></gpu></nvidia_smi_log>",
        "<nvidia_smi_log><gpu id='1'><supported_clocks>" + "<v/>" * 2_500_000,
        "<nvidia_smi_log><!-- " + "x" * 10_000_000,
        "==> /sys/class/drm/card0/device/gpu_busy_percent <==\n" + "9" * 10_000_000,
    ],
    ids=["depth", "cards", "elements", "attribute", "references", "skipped", "comment", "digits"],
)
def test_ten_megabytes_take_bounded_time(text: str) -> None:
    began = time.monotonic()
    _parses_or_is_refused(text)
    assert time.monotonic() - began < 20


def test_entities_are_refused_however_they_are_declared() -> None:
    for declaration in ('<!ENTITY a "b">', '<!ENTITY % a "b">', '<!ENTITY a SYSTEM "file:///etc/passwd">'):
        with pytest.raises(ParseError, match="declares an entity"):
            read_xml(f"<!DOCTYPE r [{declaration}]><r>&a;</r>", section="here")


def test_the_registry_entries() -> None:
    assert gpu_look().argv == ("nvidia-smi", "-q", "-x")
    assert amd_gpu_look().argv[:2] == ("sh", "-c")
    assert gpu_look().hash != amd_gpu_look().hash


def _corpus() -> list[str]:
    return sorted(path.name for path in FOLDER.iterdir()) if FOLDER.is_dir() else []


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is not there")
@pytest.mark.parametrize("name", _corpus())
def test_outputs_of_real_machines_parse(name: str) -> None:
    readings = parse((FOLDER / name).read_text(encoding="utf-8"))
    (observation,) = tell(readings, None).observations
    assert isinstance(observation.data, MetricCollectedData)
    assert {"hw.gpu.count", "hw.gpu.memory.usage", "hw.temperature", "hw.power"} <= {
        one.name for one in observation.data.samples
    }


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is not there")
def test_numbers_of_a_real_machine_are_right() -> None:
    samples = parse((FOLDER / "rtx-3080-v12.xml").read_text(encoding="utf-8")).samples
    found = {
        (one.name, one.labels.get("hw.gpu.clock") or one.labels.get("hw.limit_type")): one.value for one in samples
    }
    assert found["hw.gpu.memory.usage", None] == 1128 * 2**20
    assert found["hw.gpu.memory.activity", None] == 0.37
    assert found["hw.power", None] == 22.78
    assert found["hw.gpu.clock.frequency", "memory"] == 405e6
    assert found["hw.temperature.limit", "high.degraded"] == 95
    assert found["hw.gpu.process.count", None] == 5
    assert found["hw.gpu.process.memory", None] == (550 + 18 + 79 + 541 + 159) * 2**20


def test_a_program_that_prints_nothing_is_not_read_and_one_that_is_missing_is_no_failure() -> None:
    for nothing in ("", "\n"):
        with pytest.raises(ParseError, match="nothing was printed"):
            gpu_look().parse(nothing)
    assert amd_gpu_look().parse("").samples == ()
    assert absence(ProgramMissing("nvidia-smi cannot be run", operation="run"), gpu_look()) is not None
