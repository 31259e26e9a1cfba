"""The kernels compile for real GPUs, with NVIDIA's compiler; that needs no GPU and no driver."""

import ctypes
import ctypes.util
import importlib.util
import re
from pathlib import Path

import pytest

from w2vlib.fast.gpu.launch import compiler_options, source

KERNELS = ("train_cbow", "train_skipgram", "train_windows", "answer_items", "add_sorted")
SIZES = [(100, 5, 5), (300, 5, 5), (7, 2, 12)]  # H, w, K


def nvrtc_library():
    """NVRTC from NVIDIA's wheel, or from an installed CUDA."""
    found = importlib.util.find_spec("nvidia")
    folders = list(found.submodule_search_locations) if found else []
    wheels = (p for folder in folders for p in sorted(Path(folder).glob("*/lib/libnvrtc.so.1?")))
    for name in (*wheels, ctypes.util.find_library("nvrtc")):
        if name:
            try:
                return ctypes.CDLL(str(name))
            except OSError:
                continue
    return None


@pytest.fixture(scope="module")
def nvrtc():
    library = nvrtc_library()
    if library is None:
        pytest.skip("needs NVIDIA's compiler, not a GPU: pip install nvidia-cuda-nvrtc-cu12")
    return library


def compiled(nvrtc, architecture, sizes):
    """(code, log): PTX for compute_NN, machine code for sm_NN."""
    program, size = ctypes.c_void_p(), ctypes.c_size_t()

    def fetch(what):
        assert getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)) == 0
        text = ctypes.create_string_buffer(size.value)
        assert getattr(nvrtc, f"nvrtcGet{what}")(program, text) == 0
        return text.raw

    text = source().encode()
    created = nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, b"kernels.cu", 0, None, None)
    assert created == 0
    options = [f"--gpu-architecture={architecture}", *compiler_options(*sizes)]
    words = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
    failed = nvrtc.nvrtcCompileProgram(program, len(options), words)
    log = fetch("ProgramLog").decode().strip("\0\n ")
    assert not failed, log
    code = fetch("PTX" if architecture.startswith("compute") else "CUBIN")
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return code, log


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("sizes", SIZES[:2])
def test_machine_code_for_real_gpus(nvrtc, architecture, sizes):
    code, log = compiled(nvrtc, architecture, sizes)
    assert code.startswith(b"\x7fELF")
    assert all(f".text.{kernel}".encode() in code for kernel in KERNELS)
    assert log == ""  # no warnings


def bodies(ptx):
    """The text of each kernel in PTX."""
    parts = re.split(r"\.visible \.entry (\w+)\(", ptx)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("sizes", SIZES)
def test_what_the_compiler_made_of_it(nvrtc, sizes):
    """Weights are read past the first cache, added to atomically, and all else is in registers."""
    ptx, log = compiled(nvrtc, "compute_90", sizes)
    kernels = bodies(ptx.decode().strip("\0"))
    assert set(kernels) == set(KERNELS) and log == ""
    for name, body in kernels.items():
        assert "__local_depot" not in body, f"{name} keeps arrays in slow memory"
        changes = re.findall(r"(?:red|atom)\.\S*v4\.f32", body)
        if name.startswith("train"):
            assert changes and "ld.global.cg.v4" in body, name
        else:  # the fixed order needs no atomic operation
            assert not changes and "atom." not in body and "red." not in body, name


def test_older_gpus_add_number_by_number(nvrtc):
    ptx, _ = compiled(nvrtc, "compute_80", SIZES[0])
    body = bodies(ptx.decode().strip("\0"))["train_cbow"]
    assert re.search(r"(?:red|atom)\.\S*add\.f32", body) and "v4.f32 " not in re.sub(
        r"(ld|st)\S+v4\.f32", "", body
    )
