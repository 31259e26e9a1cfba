"""The device question, with a stand-in for CuPy where no GPU is at hand."""

import sys
import types
import warnings

import numpy as np
import pytest

from tests.oracles import run_python
from w2vlib import backend
from w2vlib.backend import add_at_rows, get_array_module, gpu_available, to_cpu, to_gpu


class DeviceArray:
    """Something that is no NumPy array, as a CuPy array is."""

    def __init__(self, numbers):
        self.numbers = np.asarray(numbers)

    def sum(self):
        return self.numbers.sum()


@pytest.fixture
def fresh_cache():
    def clear():
        gpu_available.cache_clear()
        backend._notice_no_gpu.cache_clear()

    clear()
    yield
    clear()


@pytest.fixture
def cupy(monkeypatch, fresh_cache):
    """A module that answers to the name cupy."""
    fake = types.ModuleType("cupy")
    fake.ndarray = DeviceArray
    fake.is_available = lambda: True
    fake.arange = lambda n: DeviceArray(np.arange(n))
    fake.asarray = DeviceArray
    fake.asnumpy = lambda x: x.numbers
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake


@pytest.fixture
def no_cupy(monkeypatch, fresh_cache):
    """As if CuPy were not installed."""
    monkeypatch.setitem(sys.modules, "cupy", None)


def test_lists_numbers_and_nothing_belong_to_numpy(no_cupy):
    assert get_array_module() is np
    assert get_array_module([1, 2], 3, None, np.ones(2)) is np


def test_arrays_decide_the_device(cupy):
    there = DeviceArray([1])
    assert get_array_module(np.ones(2)) is np
    assert get_array_module(there) is cupy
    assert get_array_module(None, [1], there) is cupy
    assert get_array_module([1]) is np


def test_two_devices_are_never_mixed_silently(cupy):
    with pytest.raises(TypeError, match=r"partly on the CPU .*to_gpu\(\.\.\.\) or to_cpu"):
        get_array_module(np.ones(2), DeviceArray([1]))
    with pytest.raises(TypeError):
        get_array_module(DeviceArray([1]), np.ones(2))


def test_to_cpu_keeps_a_numpy_array(cupy):
    x = np.arange(3)
    assert to_cpu(x) is x
    assert to_cpu([1, 2]).tolist() == [1, 2]
    with pytest.raises(ValueError, match="rows of equal length"):
        to_cpu([[1], [2, 3]])
    assert to_cpu(DeviceArray([4, 5])).tolist() == [4, 5]


def test_to_gpu_moves_where_a_device_answers(cupy):
    moved = to_gpu([1, 2])
    assert isinstance(moved, DeviceArray)
    assert moved.numbers.tolist() == [1, 2]


def test_without_a_gpu_one_clear_notice_and_numpy(no_cupy):
    with pytest.warns(UserWarning, match="No usable GPU .* NumPy on the CPU") as caught:
        assert to_gpu([1, 2]).tolist() == [1, 2]
    assert len(caught) == 1
    assert caught[0].filename == __file__  # the notice points to the reader's line
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = np.ones(2)
        assert to_gpu(x) is x  # no second notice


def test_no_cupy_no_gpu(no_cupy):
    assert gpu_available() is False


def test_cupy_without_a_device_is_no_gpu(cupy, monkeypatch):
    monkeypatch.setattr(cupy, "is_available", lambda: False)
    assert gpu_available() is False


def test_a_device_that_fails_on_first_use_is_no_gpu(cupy, monkeypatch):
    def broken(n):
        raise RuntimeError("cudaErrorInsufficientDriver")

    monkeypatch.setattr(cupy, "arange", broken)
    assert gpu_available() is False


def test_a_device_that_computes_nonsense_is_no_gpu(cupy, monkeypatch):
    monkeypatch.setattr(cupy, "arange", lambda n: DeviceArray(np.zeros(n)))
    assert gpu_available() is False


def test_a_device_that_computes_is_a_gpu(cupy):
    assert gpu_available() is True


def test_add_at_rows_adds_repeats_up():
    a = np.zeros((3, 2), np.float32)
    add_at_rows(a, np.array([2, 0, 2]), np.array([[1, 2], [3, 4], [5, 6]], np.float32))
    # row 2: (1, 2) + (5, 6)
    assert a.tolist() == [[3, 4], [0, 0], [6, 8]]
    add_at_rows(a, np.array([0]), np.ones((1, 2), np.float32))
    assert a[0].tolist() == [4, 5]


def test_asking_does_not_import_cupy():
    code = "import sys, numpy; from w2vlib.backend import get_array_module, to_cpu\n"
    code += "get_array_module(numpy.ones(2)); to_cpu([1]); print('cupy' in sys.modules)"
    assert run_python(code) == "False\n"
