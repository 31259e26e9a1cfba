"""The record of what many warps cost: how it is made, and what the documentation makes of it."""

import json
import re

import pytest

from tests.gpu import host_build


@pytest.mark.skipif(host_build.COMPILER is None, reason="needs a C++ compiler (g++)")
def test_the_script_in_small(device, root, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import gpu_warps

    monkeypatch.setattr(gpu_warps, "pretend", lambda: None)  # the fixture has done it
    monkeypatch.setattr(host_build, "together", 1000)
    monkeypatch.setattr(gpu_warps, "SEEDS", 2)
    monkeypatch.setattr(
        gpu_warps.machine, "record", lambda *_: pytest.fail("short runs only print")
    )
    found = gpu_warps.main(["--tokens", "400"])
    assert found["tokens"] == 400 and len(found["cpu"]) == 2
    assert set(found["gpu"]) == set(gpu_warps.PLANS)
    for name, row in found["gpu"].items():
        assert 3 < row["loss"] < 4.2, name
    assert "256 at once" in capsys.readouterr().out


def test_the_documentation_has_the_numbers_of_the_record(root):
    from w2vlib.fast import gpu

    path = root / "benchmarks" / "results" / "gpu_warps.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    text = " ".join(gpu.__doc__.split())
    sentence = (
        "loss of # in the CPU's engine (five seeds, ± #), of # with a growing number of warps, up "
        "to #, of # with 256 and # with 512 from the beginning"
    )
    told = re.search(re.escape(sentence).replace(r"\#", r"([\d.]+)"), text)
    cpu, rows = found["cpu"], found["gpu"]
    mean = sum(cpu) / len(cpu)
    deviation = (sum((x - mean) ** 2 for x in cpu) / (len(cpu) - 1)) ** 0.5
    growing = rows["growing, 1 for 1,000 tokens so far"]
    wanted = [mean, deviation, growing["loss"], growing["warps in the end"]]
    wanted += [rows[f"{n} at once"]["loss"] for n in (256, 512)]
    assert [float(x) for x in told.groups()] == pytest.approx(wanted, abs=0.00051)
    assert "date" in found and "processor" in found


def test_no_kernel_is_said_to_have_run_where_it_has_not(root):
    """As long as there is no record of a card, the documentation says so, kernel by kernel."""
    from w2vlib.fast import gpu
    from w2vlib.fast.gpu.launch import source

    kernels = re.findall(r'extern "C" __global__ void (\w+)\(', source())
    recorded = (root / "benchmarks" / "results" / "gpu.json").exists()
    words = {
        "w2vlib/fast/gpu": " ".join(gpu.__doc__.split()),
        "README": " ".join((root / "README.md").read_text(encoding="utf-8").split()),
    }
    assert len(kernels) == 5
    for name, text in words.items():
        if not recorded:
            assert "not yet run on a card" in text, name
    if not recorded:
        assert all(f"``{kernel}``" in words["w2vlib/fast/gpu"] for kernel in kernels)
