"""On a machine with an NVIDIA card: the checks of the benchmark, on the card itself."""

import json
import subprocess
import sys

import pytest

from w2vlib.backend import gpu_available


@pytest.mark.gpu
def test_the_checks_pass_on_the_card(root, tmp_path):
    if not gpu_available():
        pytest.skip("needs an NVIDIA card and CuPy")
    record = tmp_path / "gpu.json"
    command = [sys.executable, "benchmarks/gpu.py", "--only", "checks", "--record", str(record)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(record.read_text())["checks"].values()
    assert not any(isinstance(value, dict) for value in found)  # those are errors
