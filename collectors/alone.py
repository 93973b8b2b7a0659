"""A look without an agent: nothing is kept or published; the events have placeholders but for their time."""

from typing import Any

from collectors.absence import absence, nothing_read
from collectors.api.client import Reply
from collectors.api.protocol import Ended
from collectors.chain import ask
from collectors.device import Device
from collectors.errors import LookFailed, LookSkipped
from collectors.look import Look
from collectors.looked import read_in_part
from collectors.transport import Limits
from collectors.unpublished import NO_RUN, told_events
from runtime.clock import Clock


async def look_alone(look: Look[Any], device: Device, clock: Clock) -> Reply:
    """Look once; return the answer as the agent would. Raises nothing of a look's own failures."""
    began = clock.monotonic()
    raw: str | None = None
    events: tuple[bytes, ...] = ()
    failed: LookFailed | None = None
    partial: tuple[str, ...] = ()
    try:
        limits = Limits(timeout_s=look.timeout_s)
        output = await ask(device.transport, look.request, limits, sudo=look.sudo if device.elevates else ())
        raw = output.text
        told = look.tell(look.parse(raw), None)
        failed = nothing_read(look, raw)
        events = () if failed is not None else told_events(look, told, device, at=clock.now())
        partial = told.partial
    except LookFailed as error:
        failed = absence(error, look) or error
    finally:
        await device.transport.close()
    ended = _ended(look, device, failed, duration_s=clock.monotonic() - began)
    if failed is None and partial:
        ended = ended.model_copy(update={"message": read_in_part(partial)})
    return Reply(ended, events, raw)


def _ended(look: Look[Any], device: Device, failed: LookFailed | None, *, duration_s: float) -> Ended:
    return Ended(
        status="success" if failed is None else "skipped" if isinstance(failed, LookSkipped) else failed.status,
        device=device.id,
        collector=look.name,
        correlation=NO_RUN,
        duration_seconds=max(0.0, duration_s),
        error_code=failed.error_code if failed is not None else None,
        message=failed.message if failed is not None else None,
    )
