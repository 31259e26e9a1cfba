"""Texts and matrices with more entries than 32 bits can count: places in the CUDA text hold them.

Nothing large is made here.  Small kernels behind the real text show which places it asks for.
"""

import numpy as np
import pytest

from tests.gpu import host_build
from w2vlib.fast.gpu.launch import PIECE, compiler_options, source
from w2vlib.fast.kernels import draw_many

pytestmark = pytest.mark.skipif(
    host_build.COMPILER is None, reason="needs a C++ compiler (g++) to run the CUDA text on the CPU"
)
HIDDEN, WINDOW = 500, 3
PROBES = """
struct Far {  // a matrix that answers with the place it was asked for, in two exact parts
    float4 operator[](long long i) const
    {
        return make_float4((float)(i >> 22), (float)(i & 0x3fffff), 0.f, 0.f);
    }
};

extern "C" __global__ void places(GLOBAL(float4) out, const long long row)
{
    const int lane = threadIdx.x;
    store(out, 0, lane, load(Far(), row, lane));
}

extern "C" __global__ void draws(
    GLOBAL(const u64) table, GLOBAL(int) out, const u64 key, const u64 number, const int size)
{
    out[threadIdx.x] = draw_negative(table, (u32)size, key, number + threadIdx.x, -1);
}

extern "C" __global__ void pieces(
    GLOBAL(long long) out, const long long begin, const long long end, const long long number,
    const int piece_size)
{
    Orders o = {};
    o.begin = begin, o.end = end, o.lr_end = end, o.piece = piece_size;
    const Piece piece = piece_of(o, number, end + 1);
    const long long all[] = {piece.from, piece.to, piece.begin, piece.end,
                             piece.slot(piece.begin), piece.slot(piece.end)};
    if (threadIdx.x == 0)
        for (int i = 0; i < 6; i++) out[i] = all[i];
}
"""


@pytest.fixture
def start(device):
    module = host_build.RawModule(
        code=source() + PROBES, options=compiler_options(HIDDEN, WINDOW, 5)
    )
    return lambda name, *arguments: module.get_function(name)((1,), (32,), arguments)


@pytest.mark.parametrize("row", [7, 30_000_000, 2**31 - 1])
def test_rows_of_a_matrix_with_billions_of_numbers(device, start, row):
    out = device.zeros((HIDDEN // 4, 4), dtype=np.float32)
    start("places", out, np.int64(row))
    high, low = out.get()[:, :2].astype(np.int64).T
    assert (high * 2**22 + low == row * (HIDDEN // 4) + np.arange(HIDDEN // 4)).all()


@pytest.mark.parametrize("number", [0, 5 * 10**9, 2**40])
def test_draws_of_a_text_with_billions_of_pairs(device, start, number):
    """10⁸ tokens have 5 · 10⁹ negatives in skip-gram; draw n is the same however far on."""
    rng = np.random.default_rng(0)
    share, other = rng.integers(0, 2**32, 50), rng.integers(0, 50, 50)
    table = share.astype(np.uint64) | other.astype(np.uint64) << np.uint64(32)
    out, key = device.zeros(32, dtype=np.int32), 99
    start("draws", device.asarray(table), out, np.uint64(key), np.uint64(number), np.int32(50))
    ahead = (key + number * 0x9E3779B97F4A7C15) % 2**64  # where draw number `number` begins
    assert (out.get() == draw_many(table, np.uint64(ahead), 32)).all()


@pytest.mark.parametrize("begin", [0, 100_000_000, 5_000_000_000])
def test_pieces_of_a_text_with_billions_of_words(device, start, begin):
    out, number, size = device.zeros(6, dtype=np.int64), 3, begin + 500
    start("pieces", out, np.int64(begin), np.int64(size), np.int64(number), np.int32(PIECE))
    first, last, low, high, first_slot, last_slot = out.get().tolist()
    assert (first, last) == (begin + 3 * PIECE, size)
    assert (low, high) == (first - WINDOW, size + 1)
    ring = 2 * WINDOW + 2
    assert (first_slot, last_slot) == (0, (high - low) % ring)
