"""Several sinks that come and go: one stopped past its session that wakes up again, and a storm of rebalances."""

import signal
import time

import pytest

from tests.faults.stage import Sink, Stage

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(300)]

STORM_S = 12.0
MOST = 3


def test_a_zombie_stores_nothing_and_a_storm_of_rebalances_loses_nothing(stage: Stage) -> None:
    stage.planter.start()
    first = stage.sink()
    stage.goes_on()
    zombie_wakes(stage, first)
    storm(stage)
    stage.judge()


def zombie_wakes(stage: Stage, zombie: Sink) -> None:
    """The zombie is continued when another has its partitions; what it still holds must not be stored again."""
    assert zombie.process is not None
    time.sleep(stage.chance.uniform(0, 1))
    stage.say("the first sink is stopped")
    zombie.process.send_signal(signal.SIGSTOP)
    stage.sink()
    # A session that was in the middle of a transaction holds its partitions for half a minute.
    before = stage.stored()
    stage.until("another has taken over", lambda: stage.stored() > before + 200, within_s=75)
    stage.say("the first sink is continued")
    zombie.process.send_signal(signal.SIGCONT)
    time.sleep(stage.chance.uniform(2, 4))
    stage.goes_on()


def storm(stage: Stage) -> None:
    """Sinks are started, asked to end and killed in quick succession."""
    ends_at = time.monotonic() + STORM_S
    while time.monotonic() < ends_at:
        running = [one for one in stage.sinks if one.process is not None and one.process.poll() is None]
        if len(running) < MOST and (len(running) < 2 or stage.chance.random() < 0.6):
            stage.say("one more")
            stage.sink()
        else:
            one, how = stage.chance.choice(running), stage.chance.choice((signal.SIGTERM, signal.SIGKILL))
            stage.say(f"{one.name} gets {how.name}")
            assert one.process is not None
            one.process.send_signal(how)
        time.sleep(stage.chance.uniform(0.3, 1.5))
    stage.sink()
