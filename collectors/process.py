"""The agent as a process: settings, log, metrics, health, signals."""

from collectors.agent import Agent
from collectors.compose import build_parts
from collectors.lean import settle_memory
from collectors.settings import AgentSettings
from collectors.ssh.settings import SshSettings
from runtime.health import HealthServer, Readiness
from runtime.log import configure_logging, get_logger
from runtime.metrics import new_registry
from runtime.process import Stop, run_process
from runtime.settings import (
    DataSettings,
    HttpSettings,
    KafkaSettings,
    LogSettings,
    ProcessSettings,
    load,
    secret_values,
)

PORT = 9464
"""Where metrics and health are when no setting says otherwise."""


def run_agent(*, version: str) -> int:
    """Run the agent of this machine until a signal; return the exit code. Raises InfrastructorError before it runs."""
    settings, kafka, http, ssh = load(AgentSettings), load(KafkaSettings), load(HttpSettings), load(SshSettings)
    data_dir, drain_s = load(DataSettings).data_dir, load(ProcessSettings).drain_s
    configure_logging(load(LogSettings), process="agent", secrets=secret_values(kafka))
    registry = new_registry(process="agent", version=version)
    readiness = Readiness()

    async def main(stop: Stop) -> None:
        health = HealthServer(registry, http, readiness=readiness, port=PORT) if http.enabled else None
        try:
            parts = build_parts(
                settings, kafka, ssh=ssh, data_dir=data_dir, registry=registry, readiness=readiness, version=version
            )
            if health is not None:
                health.start()
            settle_memory()
            get_logger("agent").info(
                "collecting", device=parts.device, epoch=str(parts.spool.epoch), kafka=kafka.servers
            )
            await Agent(parts).run(stop)
        finally:
            if health is not None:
                health.close()

    return run_process(main, drain_s=drain_s)
