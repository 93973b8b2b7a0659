"""The look itself: which compose files there are, then what is in them."""

from functools import partial

from collectors.compose_files.commands import PATTERNS, question
from collectors.compose_files.reading import parse, understood
from collectors.config_files import Configurations, remembering
from collectors.configuration import tell
from collectors.look import Look

NAME = "compose_files"


def compose_files_look(*, patterns: tuple[str, ...] = PATTERNS) -> Look[Configurations]:
    """Return the entry of the command registry. ValueError when a pattern is no absolute path."""
    return Look(
        name=NAME,
        category="configuration",
        request=question(patterns),
        parse=partial(parse, patterns=patterns, meaning=remembering(understood)),
        tell=tell,
        timeout_s=30.0,
        cache_ttl_s=300.0,
        retries=1,
        programs=("sh", "head"),
    )
