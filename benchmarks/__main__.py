"""`make bench`: every benchmark, one after the other, each in a process of its own; ARGS names some of them."""

import subprocess
import sys
import time

PARTS = {
    "schemas": "reading and writing events, beside bare JSON",
    "agent": "spool to acknowledged, beside a bare producer; memory and processor time of the agent",
    "ssh": "500 devices over SSH, a dozen of them dead: looks that were missed, memory, processor time",
    "spool": "an outage of Kafka caught up: events a second, when each device is current, sequence verified",
    "streams": "events through the worker and the batch shell, beside Quix Streams and a bare Faust agent",
    "outage": "two hours of 500 devices worked off by the streams worker, and what people are told of it",
    "latency": "from a sample to its alert, 500 devices",
    "recovery": "a worker that starts with 500 devices' states, and one that takes over from one that died",
    "sink": "rows stored, beside a bare binary COPY of the same rows",
    "growth": "from Kafka to committed with 1, 2, 4 partitions and processes, beside COPY and Quix Streams",
    "visible": "from published to visible, 500 devices",
    "stored": "ten million samples: bytes a sample, compression, the dashboard's queries",
    "backfill": "rows stored again, beside the live sink over the same log",
}


def main(wanted: list[str]) -> int:
    """Run the benchmarks named, all when none is; return 0 when each ended well."""
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 64
    failed = []
    for name in wanted or PARTS:
        print(f"\n=== {name}: {PARTS[name]}", flush=True)
        began = time.monotonic()
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
        print(f"--- {name} took {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
