"""How the notebooks' kernels are started: the same way for testing and for saving.

Expected outputs agree only if the run that stores them and the run that checks them share their
settings, so both use this module.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CELL_TIMEOUT = 300  # seconds; generous, for slow and busy machines
_IPYTHON = "w2vlib-ipython-"


def prepare_environment() -> None:
    """Set the environment that kernels inherit from this process."""
    # One BLAS thread: sums come out the same to the last bit on every machine with the same code.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    # Kernels choose their own way to show figures; one chosen for tests must not reach them.
    os.environ.pop("MPLBACKEND", None)
    # Test this checkout, also where another copy of w2vlib is installed.
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    # Nobody's own IPython settings or history. (Test workers inherit the folder.)
    if _IPYTHON not in os.environ.get("IPYTHONDIR", ""):
        folder = tempfile.mkdtemp(prefix=_IPYTHON)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["IPYTHONDIR"] = folder


def notebooks() -> list[Path]:
    """All notebooks of the course, in reading order."""
    found = (ROOT / "notebooks").rglob("*.ipynb")
    return sorted(p for p in found if not any(part.startswith(".") for part in p.parts[-3:]))
