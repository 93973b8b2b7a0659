"""Settings by concern: one class a concern, read from the environment, `runtime.env` and `.env`."""

from runtime.settings.concern import Concern, Origin, Problem, SettingProblem, Value, secret_values
from runtime.settings.data import DataSettings
from runtime.settings.database import PostgresSettings
from runtime.settings.http import HttpSettings
from runtime.settings.kafka import KafkaSettings
from runtime.settings.load import World, check, load, provenance, unknown_variables
from runtime.settings.log import LogSettings
from runtime.settings.process import ProcessSettings

__all__ = [
    "Concern",
    "DataSettings",
    "HttpSettings",
    "KafkaSettings",
    "LogSettings",
    "Origin",
    "PostgresSettings",
    "Problem",
    "ProcessSettings",
    "SettingProblem",
    "Value",
    "World",
    "check",
    "load",
    "provenance",
    "secret_values",
    "unknown_variables",
]
