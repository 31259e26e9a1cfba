"""The CUDA text compiled for the CPU: ``RawModule`` of the stand-in.

See ``host/warp.h`` for what it looks for.  Needs a C++ compiler; tests that need it are skipped
where there is none.
"""

import ctypes
import functools
import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent / "host"
COMPILER = shutil.which("g++") or shutil.which("clang++")
_folder = tempfile.TemporaryDirectory(prefix="w2v-host-build-")

order = 0
"""In which order the threads of a warp run: 0 upwards, 1 downwards, else drawn from this seed."""

together = 1
"""How many warps take turns; with 1, each runs to its end before the next begins."""

launches: list = []
"""(kernel, grid, shared bytes) of everything that ran; tests clear it."""


@functools.cache
def library(code: str, options: tuple[str, ...]):
    """The shared library for a text and its ``-D`` options."""
    name = hashlib.sha256(repr((code, options)).encode()).hexdigest()[:16]
    folder = Path(_folder.name)
    source, target = folder / f"{name}.cu", folder / f"{name}.so"
    source.write_text(code, encoding="utf-8")
    kernels = re.findall(r'extern "C" __global__ void (\w+)\(', code)
    offers = "".join(f"OFFER({kernel});" for kernel in kernels)
    command = [COMPILER, "-std=c++17", "-O1", "-g0", "-shared", "-fPIC", "-w", f"-I{HERE}"]
    command += [f'-DKERNELS="{source}"', f"-DOFFERS={offers}", str(HERE / "host.cpp")]
    command += [option for option in options if option.startswith("-D")]
    subprocess.run([*command, "-o", str(target)], check=True, capture_output=True, text=True)
    return ctypes.CDLL(str(target))


class RawModule:
    """Like ``cupy.RawModule``: compiled at once, functions by name."""

    def __init__(self, *, code, options=(), backend="nvrtc"):
        self._library, self._code = library(code, tuple(options)), code

    def get_function(self, name):
        return Function(self._library, name)


class Function:
    """Like ``cupy.RawKernel``: called with grid, block and arguments."""

    def __init__(self, lib, name):
        self._library, self.name = lib, name
        self.max_dynamic_shared_size_bytes = 48 << 10
        self.num_regs = 94  # of train_cbow and train_windows on an H200, for H = 100 and K = 5

    def __call__(self, grid, block, args, *, shared_mem=0):
        from tests.gpu.strict_cupy import ndarray

        assert tuple(block) == (32,), "a block is one warp"
        assert shared_mem <= self.max_dynamic_shared_size_bytes, "more shared memory than allowed"
        assert 1 <= grid[0] < 2**31
        arrays = [a for a in args if isinstance(a, ndarray)]
        assert all(a.flags.c_contiguous for a in arrays)
        cells = [_cell(a, ndarray) for a in args]
        message = ctypes.create_string_buffer(256)
        launches.append((self.name, grid[0], shared_mem))
        failed = self._library.launch_on_host(
            self.name.encode(),
            ctypes.c_uint(grid[0]),
            ctypes.c_size_t(shared_mem),
            (ctypes.c_void_p * len(cells))(*[ctypes.addressof(cell) for cell in cells]),
            len(arrays),
            (ctypes.c_void_p * len(arrays))(*[a.data.ptr for a in arrays]),
            (ctypes.c_size_t * len(arrays))(*[a.nbytes for a in arrays]),
            ctypes.c_uint(order),
            ctypes.c_uint(together),
            message,
        )
        if failed:
            raise RuntimeError(message.value.decode())


def _cell(value, ndarray):
    """An argument as the CUDA driver wants it: the bytes of a pointer or of a number."""
    if isinstance(value, ndarray):
        return ctypes.c_uint64(value.data.ptr)
    if not isinstance(value, np.generic):
        raise TypeError(f"give kernels arrays or NumPy numbers of a known size, not {type(value)}")
    raw = value.tobytes()
    return ctypes.create_string_buffer(raw, len(raw))
