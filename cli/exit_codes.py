"""What the exit codes of `infrastructor` mean; `docs/exit-codes.md` says the same at greater length."""

from collections.abc import Mapping
from types import MappingProxyType

UNEXPECTED = 1
USAGE = 2
INTERRUPTED = 130

EXIT_CODES: Mapping[int, str] = MappingProxyType(
    {
        0: "done",
        UNEXPECTED: "a difference was found or refused; or a fault of this program, with a traceback",
        USAGE: "wrong usage: an unknown command, option or argument",
        65: "a file or an argument given is not what it should be (rules.yaml, policies.yaml)",
        69: "Kafka, the database, a receiver or a part of the local stack cannot be used; a topic is missing",
        70: "the database's schema is of another version; a state of the streams is lost",
        74: "the agent's spool cannot be read or written",
        75: "it runs already on this data folder, or a port is taken",
        76: "too many events could not be processed: the process stopped, its offsets are left",
        77: "Kafka or the database refused the login, a certificate or a permission",
        78: "a setting is missing or wrong; the message names the variable",
        INTERRUPTED: "interrupted by Ctrl-C before it was done",
    }
)
"""The code, and what it says. Those from 65 on follow sysexits(3)."""
