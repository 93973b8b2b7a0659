"""Making the archive of classes that later broker starts map into memory (JEP 483 and 514, Java 24 and 25).

The broker is run once, for a moment, with `-XX:AOTCacheOutput`; Java writes the archive (65 MB) when it ends.
"""

import tempfile
from pathlib import Path

from deploy.local.broker import Broker, BrokerOptions
from deploy.local.java import archive_path
from deploy.local.process import Child

_WRITE_SECONDS = 120.0


def warm(cache: Path) -> Path:
    """Make the archive unless it is there; takes about 7 s. Returns its path."""
    archive = archive_path(cache)
    if archive.exists():
        return archive
    with tempfile.TemporaryDirectory(prefix=".warm-", dir=cache) as folder:
        made = Path(folder) / archive.name
        options = BrokerOptions(java_options=(f"-XX:AOTCacheOutput={made}",))
        broker = Broker(Path(folder) / "kafka", cache=cache, options=options)
        child = Child(broker.prepare(), log=broker.log)
        try:
            broker.wait_ready(child.alive)
        finally:
            child.stop(within=_WRITE_SECONDS)
        made.replace(archive)
    return archive
