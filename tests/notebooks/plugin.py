"""pytest plugin: runs notebooks with nbval as readers run them, and reports their times.

It is always loaded (see `addopts` in pyproject.toml) and does nothing without `--nbval`:

    .venv/bin/python -m pytest --nbval notebooks/04*.ipynb
"""

import time
from collections import defaultdict
from pathlib import Path
from queue import Empty

import pytest

from tests.notebooks.kernel import CELL_TIMEOUT, prepare_environment

SANITIZE = Path(__file__).with_name("sanitize.cfg")
GOAL = 60  # seconds a chapter may take


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if not getattr(config.option, "nbval", False):
        return
    option = config.option
    option.nbval_current_env = True
    option.nbval_cell_timeout = min(option.nbval_cell_timeout, CELL_TIMEOUT)
    option.nbval_sanitize_with = option.nbval_sanitize_with or str(SANITIZE)
    prepare_environment()
    _run_cells_as_readers_do()
    config.pluginmanager.register(NotebookTimes(config), "w2vlib-notebook-times")


def _run_cells_as_readers_do() -> None:
    """Mend two habits of nbval."""
    from nbval.kernel import RunningKernel

    def execute_cell_input(self, cell_input, allow_stdin=None):
        # nbval runs cells outside the history, and IPython then ignores a trailing `;`:
        # output that a reader never sees would be compared.
        return self.kc.execute(
            cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
        )

    def await_reply(self, msg_id, timeout=None):
        # nbval notices a dead kernel only when the cell's time is up.
        end = time.monotonic() + (timeout or CELL_TIMEOUT)
        while True:
            try:
                return original(self, msg_id, timeout=min(2.0, max(0.0, end - time.monotonic())))
            except Empty:
                if not self.is_alive():
                    raise RuntimeError("the kernel died while it ran this cell") from None
                if time.monotonic() >= end:
                    raise

    original = RunningKernel.await_reply
    if original.__name__ == "await_reply" and original.__module__ == "nbval.kernel":
        RunningKernel.execute_cell_input = execute_cell_input
        RunningKernel.await_reply = await_reply


class NotebookTimes:
    """Adds up the seconds of each notebook's cells, over all test workers."""

    def __init__(self, config):
        self.config = config
        self.seconds = defaultdict(float)

    def pytest_runtest_logreport(self, report):
        name = report.location[0]
        if name.endswith(".ipynb"):
            self.seconds[name] += report.duration

    def pytest_terminal_summary(self, terminalreporter):
        if not self.seconds:
            return
        terminalreporter.section("seconds per notebook")
        for name, seconds in sorted(self.seconds.items()):
            remark = "  more than a minute!" if seconds > GOAL else ""
            terminalreporter.line(f"{seconds:7.1f}  {name}{remark}")
        cache = getattr(self.config, "cache", None)
        if cache is not None:  # also as a file: .pytest_cache/v/w2vlib/notebook_seconds
            rounded = {name: round(seconds, 1) for name, seconds in sorted(self.seconds.items())}
            cache.set("w2vlib/notebook_seconds", rounded)
