"""The script for a machine with a GPU runs from end to end on the stand-in."""

import json
import re
import subprocess
import sys

import pytest

from tests.gpu import host_build


@pytest.mark.skipif(host_build.COMPILER is None, reason="needs a C++ compiler (g++)")
def test_dry_run(root):
    command = [sys.executable, "benchmarks/gpu.py", "--dry-run", "--threads", "1"]
    command += ["--only", "quality", "speed", "layers"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    found = {}
    for part in re.findall(r"^\{$.*?^\}$", done.stdout, re.MULTILINE | re.DOTALL):
        found |= json.loads(part)
    assert list(found) == ["quality", "speed", "layers"]
    assert not any("error" in step for step in found.values())
    assert {"cpu", "gpu, 4 warps"} == set(found["quality"]["cbow"])
    rows = [row for name, row in found["speed"].items() if "warps" in name]
    assert len(rows) == 3 and all(row["words_per_second"] > 0 for row in rows)


def test_without_a_gpu_it_says_so(root):
    code = "import sys; sys.modules['cupy'] = None; sys.path.insert(0, 'benchmarks'); import gpu\n"
    code += "sys.exit(gpu.main([]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2 and "--dry-run goes through the same steps" in done.stdout
