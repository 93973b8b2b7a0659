"""The look itself: the configuration files in a proxy's folders."""

from functools import partial

from collectors.config_files import MAX_FILE_BYTES, Configurations, remembering
from collectors.configuration import tell
from collectors.look import Look
from collectors.proxy_configs.reading import parse, understood
from collectors.request import FileSet

NAME = "proxy_configs"
PATTERNS = (
    "/config/nginx/proxy-confs/*.conf",
    "/config/nginx/proxy-confs/*.conf.sample",
    "/etc/nginx/conf.d/*.conf",
    "/etc/nginx/sites-enabled/*",
)
"""Where SWAG has them, seen from within its container, and where an nginx of the system has them."""


def proxy_configs_look(*, patterns: tuple[str, ...] = PATTERNS) -> Look[Configurations]:
    """Return the entry of the command registry. ValueError when a pattern is no absolute path."""
    return Look(
        name=NAME,
        category="configuration",
        request=FileSet(patterns, max_file_bytes=MAX_FILE_BYTES),
        parse=partial(parse, patterns=patterns, meaning=remembering(understood)),
        tell=tell,
        timeout_s=30.0,
        cache_ttl_s=300.0,
        retries=1,
        programs=("sh", "head"),
        parse_any=parse,
    )
