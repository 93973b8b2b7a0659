"""Whether Kafka takes what is sent: said once when it stops, and once when it goes on."""

from runtime.errors import InfrastructorError
from runtime.health import Readiness
from runtime.log import get_logger

CONDITION = "kafka"


class Link:
    """The state of the way to Kafka, for the log and for readiness."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness
        self._log = get_logger("agent")
        self._up: bool | None = None
        readiness.set(CONDITION, ok=False, why="not connected yet")

    def away(self, why: InfrastructorError | str) -> None:
        """Nothing is taken; what is seen waits in the spool."""
        message = why if isinstance(why, str) else why.message
        self._readiness.set(CONDITION, ok=False, why=message)
        if self._up is not False:
            self._up = False
            self._log.warning("nothing can be sent: events are kept in the spool until it can", reason=message)

    def taken(self) -> None:
        """Something was acknowledged, or the connection stands."""
        if self._up is not True:
            self._readiness.set(CONDITION, ok=True)
            self._log.info("connected to Kafka" if self._up is None else "Kafka takes events again")
            self._up = True
