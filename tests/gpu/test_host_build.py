"""The CPU run of CUDA text finds what it says it finds."""

import numpy as np
import pytest

from tests.gpu import host_build
from tests.gpu.host_build import RawModule

pytestmark = pytest.mark.skipif(
    host_build.COMPILER is None, reason="needs a C++ compiler (g++) to run the CUDA text on the CPU"
)

CODE = """
extern "C" __global__ void sum(GLOBAL(const float) x, GLOBAL(float) y)
{
    float s = x[threadIdx.x];
    for (int far = 16; far; far /= 2) s += __shfl_xor_sync(0xffffffffu, s, far);
    if (threadIdx.x == 0) y[blockIdx.x] = s;
}
extern "C" __global__ void turned(GLOBAL(const float) x, GLOBAL(float) y, const int wait)
{
    SHARED(float, place);
    place[threadIdx.x] = x[threadIdx.x];
    if (wait) __syncwarp();
    y[threadIdx.x] = place[31 - threadIdx.x];
}
extern "C" __global__ void both_write(GLOBAL(const float) x, GLOBAL(float) y)
{
    SHARED(float, place);
    place[threadIdx.x / 2] = x[threadIdx.x];
}
extern "C" __global__ void outside(GLOBAL(const float) x, GLOBAL(float) y)
{
    y[threadIdx.x] = x[threadIdx.x + 1];
}
extern "C" __global__ void outside_shared(GLOBAL(const float) x, GLOBAL(float) y)
{
    SHARED(float, place);
    place[threadIdx.x + 1] = 0.f;
}
extern "C" __global__ void some_leave(GLOBAL(const float) x, GLOBAL(float) y)
{
    if (threadIdx.x == 7) return;
    y[threadIdx.x] = __shfl_sync(0xffffffffu, x[threadIdx.x], 0);
}
extern "C" __global__ void two_ways(GLOBAL(const float) x, GLOBAL(float) y)
{
    if (threadIdx.x < 9)
        y[threadIdx.x] = __shfl_sync(0xffffffffu, 1.f, 0);
    else
        y[threadIdx.x] = __shfl_sync(0xffffffffu, 2.f, 0);
}
extern "C" __global__ void half_a_warp(GLOBAL(const float) x, GLOBAL(float) y)
{
    y[threadIdx.x] = __shfl_sync(0xffffu, x[threadIdx.x], 0);
}
extern "C" __global__ void unset(GLOBAL(const float) x, GLOBAL(float) y)
{
    SHARED(float, place);
    y[threadIdx.x] = place[threadIdx.x];
}
"""


@pytest.fixture
def start(device):
    """``start(name, *more)`` runs a kernel on x = 0 … 31; returns y."""
    module = RawModule(code=CODE)
    x = device.asarray(np.arange(32, dtype=np.float32))

    def start(name, *more, grid=1, shared=128):
        y = device.zeros(32, dtype=np.float32)
        module.get_function(name)((grid,), (32,), (x, y, *more), shared_mem=shared)
        return y.get()

    return start


@pytest.mark.parametrize("order", range(4))
def test_it_computes(start, monkeypatch, order):
    monkeypatch.setattr(host_build, "order", order)
    assert start("sum", grid=3)[:4].tolist() == [496, 496, 496, 0]
    assert start("turned", np.int32(1)).tolist() == list(range(31, -1, -1))
    assert np.isnan(start("unset")).all()  # shared memory is not zero by itself


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("turned", (np.int32(0),), "a race"),
        ("both_write", (), "a race"),
        ("outside", (), "index 32 outside an array of 32"),
        ("outside_shared", (), "index 32 outside shared memory"),
        ("some_leave", (), "some threads have ended"),
        ("two_ways", (), "meet at different lines"),
        ("half_a_warp", (), "only whole warps"),
    ],
)
def test_it_finds_mistakes(start, monkeypatch, name, more, words, order):
    monkeypatch.setattr(host_build, "order", order)
    with pytest.raises(RuntimeError, match=words):
        start(name, *more)
    assert start("sum")[0] == 496  # and goes on afterwards


def test_arguments_are_those_of_cupy(start):
    with pytest.raises(TypeError, match="known size"):
        start("turned", 1)
    with pytest.raises(AssertionError, match="more shared memory"):
        start("sum", shared=49 << 10)
