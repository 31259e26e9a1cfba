"""Settings and fixtures that all tests share."""

import os

# One BLAS thread: results then agree to the last bit, and two test workers do not fight for cores.
# This must be set before NumPy is imported.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import signal  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402

try:
    import hypothesis
except ImportError:  # the notebooks can be tested without it
    hypothesis = None
else:
    # The same examples on every machine and in every run; a slow machine is not a fault.
    hypothesis.settings.register_profile(
        "w2vlib",
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    # Fewer of them for mutants (python -m tests.mutation), and no search for the smallest one.
    hypothesis.settings.register_profile(
        "mutants",
        hypothesis.settings.get_profile("w2vlib"),
        max_examples=25,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    hypothesis.settings.load_profile("w2vlib")

ROOT = Path(__file__).resolve().parents[1]

# A shell that starts the tests in the background tells them to ignore Ctrl-C, and their children
# would inherit that: then nothing could be interrupted, which is what some tests do.
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(config, val, argname):
    """Name bytes by their argument: compressed ones differ from second to second.

    Two test workers must see the same names, else neither starts.
    """
    if not isinstance(val, bytes):
        return None  # pytest's own name
    is_word = len(val) <= 20 and val.isascii() and val.decode("ascii").isprintable()
    return None if is_word else argname


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data files; the test is skipped where there is none."""
    name = os.environ.get("W2V_DATA")
    if not name:
        pytest.skip("needs real text: set W2V_DATA to the folder with ptb.train.txt and the others")
    folder = Path(name)
    if not folder.is_dir():
        pytest.fail(f"W2V_DATA names {name!r}, but there is no such folder")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium, for browser tests (mark them `browser`)."""
    from tests.browser.servers import find_chromium

    found = find_chromium()
    if found is None:
        message = "needs a Chromium browser; on Debian: sudo apt install chromium"
        if os.environ.get("W2V_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(autouse=True)
def _close_figures():
    """Close the figures that a test opened (only if it imported matplotlib at all)."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
