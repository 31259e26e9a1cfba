"""Eight numbers at a time: every operation against NumPy."""

import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::numba.NumbaWarning")


@pytest.fixture(scope="module")
def results():
    """All operations on x and y, a row of eight numbers each."""
    from numba import njit

    from w2vlib.fast import simd

    load8, store8, sums8, sum8 = simd.load8, simd.store8, simd.sums8, simd.sum8
    exp8, negative8, where8 = simd.exp_minus_abs8, simd.negative_part8, simd.where_positive8
    lane8, all8, zeros8, ones8 = simd.lane8, simd.all8, simd.zeros8, simd.ones8
    prefetch = simd.prefetch

    @njit
    def run(x, y, out):
        prefetch(x, 0)
        a, b = load8(x, 0), load8(y, 0)
        store8(out, 0, a + b)
        store8(out, 8, a - b)
        store8(out, 16, a * b)
        store8(out, 24, a / b)
        store8(out, 32, sums8(a, b, a + b, a * b, a - b, ones8()))
        store8(out, 40, exp8(a))
        store8(out, 48, negative8(a))
        store8(out, 56, where8(a, b, zeros8()))
        store8(out, 64, lane8(a, 0) + lane8(b, 7) + all8(x[3]))
        return sum8(a)

    def call(x, y):
        out = np.zeros(72, np.float32)
        total = run(x, y, out)
        return total, out.reshape(-1, 8)

    return call


@pytest.mark.parametrize("scale", [1e-3, 1.0, 20.0, 200.0])
def test_operations(results, scale):
    rng = np.random.default_rng(0)
    x = (scale * rng.normal(size=8)).astype(np.float32)
    x[2] = 0
    y = (1 + rng.random(8)).astype(np.float32)
    total, out = results(x, y)
    x, y = x.astype(np.float64), y.astype(np.float64)
    tolerance = {"rtol": 2e-6, "atol": 1e-6 * scale}
    np.testing.assert_allclose(out[:4], [x + y, x - y, x * y, x / y], **tolerance)
    sums = [x.sum(), y.sum(), (x + y).sum(), (x * y).sum(), (x - y).sum(), 8, 0, 0]
    np.testing.assert_allclose(out[4], sums, rtol=2e-6, atol=1e-5 * scale)
    np.testing.assert_allclose(out[5], np.exp(-np.minimum(np.abs(x), 87)), rtol=1e-5)
    np.testing.assert_allclose(out[6], np.maximum(-x, 0), **tolerance)
    np.testing.assert_allclose(out[7], np.where(x >= 0, y, 0), **tolerance)
    np.testing.assert_allclose(out[8], np.full(8, x[0] + y[7] + x[3]), **tolerance)
    assert total == pytest.approx(x.sum(), rel=2e-6, abs=1e-5 * scale)


def test_not_a_number_stays_one(results):
    x = np.full(8, np.nan, np.float32)
    _, out = results(x, np.ones(8, np.float32))
    assert np.isnan(out[0]).all()
