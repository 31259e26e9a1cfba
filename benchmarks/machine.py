"""About the machine: what a record must say, and two ceilings."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import time

import numpy as np

RESULTS = pathlib.Path(__file__).resolve().parent / "results"


def when_and_where() -> dict:
    """Date, Python, NumPy and kind of machine: the least that a record says."""
    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.machine()}, {platform.system()}",
    }


def about(*packages: str) -> dict:
    """The same, with processor, cores and the versions of more packages."""
    return {
        **when_and_where(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        **{name: importlib.metadata.version(name) for name in ("numba", *packages)},
    }


def _processor() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"


def record(name: str, section: str | None, result) -> pathlib.Path:
    """Write a result to ``results/NAME.json``, whole or as one section of it."""
    path = RESULTS / f"{name}.json"
    if section is not None:
        whole = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        result = whole | {section: result}
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return path


def ceilings() -> dict:
    """What one core can do at best.

    Operations a second: a product of two matrices that fit into the cache.  Bytes a second:
    copying an array (read and written) that lies in the second cache, and one in main memory.
    """
    A = np.ones((256, 256), np.float32)
    small = np.ones(100_000, np.float32)
    large = np.ones(50_000_000, np.float32)
    small_to, large_to = np.empty_like(small), np.empty_like(large)
    return {
        "operations_per_second": 2 * 256**3 / _best(lambda: A @ A, 50),
        "cache_bytes_per_second": 2 * small.nbytes / _best(lambda: np.copyto(small_to, small), 50),
        "memory_bytes_per_second": 2 * large.nbytes / _best(lambda: np.copyto(large_to, large), 5),
    }


def _best(run, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)
