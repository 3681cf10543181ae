"""Describes the machine that a measurement ran on."""

import importlib.metadata
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from streams import compiled_core

_GIB = 1 << 30


def machine() -> str:
    """Return cores, processor, memory, system, Python and the relevant libraries in one line."""
    libraries = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("faust-streaming", "aiokafka", "uvloop", "quixstreams")
    )
    return (
        f"{_cores()} cores ({_processor()}), {_memory_gib():.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}{core()}, {libraries}, {kafka()}"
    )


def core() -> str:
    """Return a note if a worker and a relay of this environment run the compiled core."""
    is_off = os.environ.get(compiled_core.VARIABLE, "").lower() == compiled_core.OFF
    return ", compiled core" if compiled_core.usable()[0] and not is_off else ""


def today() -> str:
    """Return the date of the measurement."""
    return datetime.now(UTC).date().isoformat()


def kafka() -> str:
    """Return the version of the broker that a measurement starts, or that an external one was used."""
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return "a Kafka from outside"
    from runtime.jars import KAFKA_VERSION  # noqa: PLC0415

    return f"Apache Kafka {KAFKA_VERSION}, one broker on the same machine"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
