"""The script for a machine with a GPU runs from end to end on the stand-in."""

import datetime
import json
import subprocess
import sys

import pytest

from tests.gpu import host_build


@pytest.mark.skipif(host_build.COMPILER is None, reason="needs a C++ compiler (g++)")
def test_one_call_does_it_all(root, tmp_path):
    """Builds, checks and times everything, in small, and writes it down with date and device."""
    path = tmp_path / "deep" / "gpu.json"
    command = [sys.executable, "benchmarks/gpu.py", "--dry-run", "--threads", "1", "--record", path]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(path.read_text(encoding="utf-8"))
    assert list(found) == ["about", "build", "checks", "speed", "layers", "quality", "goal"]
    assert "error" not in path.read_text(encoding="utf-8").replace("error of", "")
    about = found["about"]
    assert about["date"] == datetime.date.today().isoformat()
    assert about["device"] == "none: a dry run on the stand-in"
    assert {"processor", "cores", "numpy", "cupy"} <= set(about)
    for kind in ("cbow", "skipgram", "windows"):
        assert found["build"][f"{kind}, H=8"]["registers"] > 0
        for order in ("", " in order"):
            assert found["checks"][f"error of {kind} H=6 K=5{order}"] < 1e-4
    assert found["checks"]["updates equal to the layers'"] is True
    assert found["checks"]["same seed, same bytes"] is True
    rows = [row for name, row in found["speed"].items() if name.startswith("synthetic")]
    assert len(rows) == 3
    for row in rows:
        assert row["words_per_second"] > 0 and row["part_of_cache"] >= 0
    assert set(found["layers"]) == {"reading", "gpu, batch 100", "cpu, batch 100", "step_seconds"}
    for kind in ("cbow", "skipgram, shared negatives"):
        for name in ("cpu", "gpu", "gpu, in order"):
            mean, deviation = found["quality"][f"{kind}: {name}"]["loss"]
            assert 1 < mean < 42 and deviation >= 0
    assert set(found["goal"]["loss, gpu minus cpu"]) == {"difference", "spread_of_cpu"}


@pytest.fixture
def script(device, root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    monkeypatch.delitem(sys.modules, "gpu", raising=False)
    import gpu

    monkeypatch.setattr(gpu, "pretend", lambda: None)  # the fixture has done it
    return gpu


def test_what_fails_is_recorded_and_the_rest_goes_on(script, tmp_path, monkeypatch):
    def out_of_memory(args, *more):
        raise MemoryError("out of memory")

    written = []

    def layers(args, record):
        written.append(json.loads(path.read_text(encoding="utf-8")))
        record.put("gpu, batch 100", 1)

    path = tmp_path / "gpu.json"
    monkeypatch.setattr(script, "quality", out_of_memory)  # a whole step
    monkeypatch.setattr(script, "build_one", out_of_memory)  # each part of a step
    monkeypatch.setattr(script, "layers", layers)
    only = ["--only", "quality", "build", "layers"]
    assert script.main(["--dry-run", "--record", str(path), *only]) == 1
    found = json.loads(path.read_text(encoding="utf-8"))
    error = {"error": "MemoryError: out of memory"}
    assert found["quality"]["error"] == error
    assert found["build"]["cbow, H=8"] == found["build"]["windows, H=8"] == error
    assert found["layers"]["gpu, batch 100"] == 1
    assert written[0]["build"]["cbow, H=8"] == error  # it was in the file before the next step


def test_a_dry_run_leaves_the_real_record_alone(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script.machine, "RESULTS", tmp_path)
    assert script.main(["--dry-run", "--only", "goal"]) == 0
    assert not list(tmp_path.iterdir())


def test_without_a_gpu_it_says_so(root):
    code = "import sys; sys.modules['cupy'] = None; sys.path.insert(0, 'benchmarks'); import gpu\n"
    code += "sys.exit(gpu.main([]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2 and "--dry-run goes through the same steps" in done.stdout
