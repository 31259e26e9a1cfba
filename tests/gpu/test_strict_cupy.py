"""The stand-in is as strict as it says, and computes what NumPy computes."""

import json
import operator

import numpy as np
import pytest

from tests.gpu import record_api, strict_cupy
from tests.gpu.strict_cupy import HostArrayError, counting


@pytest.fixture
def x(device):
    return device.asarray(np.arange(6.0).reshape(2, 3))


def test_no_conversion_by_itself(x):
    for convert in (np.asarray, np.array, np.exp, np.sum, np.concatenate, list, np.add.reduce):
        if convert is not list:
            with pytest.raises(TypeError):
                convert(x)
    with pytest.raises(TypeError):
        np.add.at(x, np.array([0]), 1.0)
    with pytest.raises(TypeError):
        np.add(x, x)
    host = np.zeros((2, 3))
    with pytest.raises(TypeError):
        host[...] = x
    with pytest.raises(TypeError):
        np.random.default_rng(0).permutation(x)


OPERATORS = ("add", "sub", "mul", "truediv", "pow", "matmul", "lt", "eq", "iadd", "imul", "isub")


@pytest.mark.parametrize("name", OPERATORS)
def test_host_and_device_do_not_mix(x, name):
    host = np.ones((2, 3))
    function = getattr(operator, name)
    with pytest.raises(TypeError):
        function(x, host)
    with pytest.raises(TypeError):
        function(host, x)


def test_functions_refuse_host_arrays_and_lists(device, x):
    host = np.ones((2, 3))
    for call in (
        lambda: device.exp(host),
        lambda: device.maximum(x, host),
        lambda: device.where(x > 0, host, x),
        lambda: device.concatenate([x, host]),
        lambda: device.sum(host),
        lambda: device.sum([1, 2]),
        lambda: device.add.at(x, device.asarray([0]), host[:1]),
        lambda: device.add.at(host, np.array([0]), 1.0),
        lambda: device.exp(x, out=host),
        lambda: x[np.array([0])],
        lambda: x.take(np.array([0]), axis=0),
        lambda: operator.setitem(x, slice(None), host),
        lambda: operator.setitem(x, np.array([0]), 1.0),
    ):
        with pytest.raises(TypeError):
            call()


def test_missing_functions_and_arguments(device, x):
    with pytest.raises(AttributeError):
        device.insert  # noqa: B018
    with pytest.raises(AttributeError):
        device.errstate  # noqa: B018
    for call in (
        lambda: x.min(initial=0),
        lambda: device.max(x, initial=0),
        lambda: x.sum(where=x > 0),
        lambda: device.exp(x, where=x > 0),
        lambda: x.take(device.asarray([0]), axis=0, mode="clip"),
        lambda: device.take(x, device.asarray([0]), mode="clip"),
        lambda: device.argsort(x, order="a"),
        lambda: x.astype(float, unsafe=True),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(NotImplementedError):
        device.random.choice(3, 2, replace=False, p=device.asarray([0.5, 0.25, 0.25]))
    with pytest.raises(NotImplementedError):
        device.multiply.at(x, device.asarray([0]), 2.0)
    with pytest.raises(ValueError):
        device.repeat(x, device.asarray([1, 2]), axis=0)
    assert not hasattr(x, "__array_interface__") and not hasattr(x, "__index__")


def test_ids_outside_wrap_silently(device):
    W = device.asarray(np.arange(3.0)[:, None])
    far = device.asarray([3, -1, 7])
    assert W[far].tolist() == W.take(far, axis=0).tolist() == [[0], [2], [1]]
    W[device.asarray([5])] = 9.0
    device.add.at(W, device.asarray([3, 3]), device.asarray([[1.0], [1.0]]))
    assert W.tolist() == [[2], [1], [9]]
    with pytest.raises(IndexError):
        W[3]  # a plain number is checked by CuPy as well
    square = device.asarray(np.arange(9).reshape(3, 3))
    rows, columns = device.asarray([4, 0]), device.asarray([2, -4])
    assert square[rows, columns].tolist() == [5, 2]
    assert square[:, device.asarray([4])].tolist() == [[1], [4], [7]]
    assert square[..., device.asarray([4])].tolist() == [[1], [4], [7]]


def test_a_place_is_not_written_twice(device):
    W = device.zeros((3, 2))
    twice = device.asarray([1, 4])  # 4 wraps to 1
    with pytest.raises(ValueError, match="nobody knows"):
        W[twice] = device.ones((2, 2))
    with pytest.raises(ValueError, match="nobody knows"):
        W[twice] += device.ones((2, 2))
    W[twice] = 5.0  # the same number everywhere is fine
    assert W.tolist() == [[0, 0], [5, 5], [0, 0]]


def test_results_without_axes_stay_on_the_device(device, x):
    for result in (x.sum(), x.max(), device.sum(x), x[0, 0], x.argmax(), device.exp(x[0, 0])):
        assert isinstance(result, device.ndarray) and result.shape == ()
    assert isinstance(x.sum() / 2, device.ndarray)
    assert isinstance(2 * x[0, 0], device.ndarray)


def test_counts(device, x):
    with counting() as n:
        device.zeros(3), device.arange(4), x + 1, x.sum(), device.exp(x), x[0], x[:, 1:]
        x[device.arange(2)], device.zeros_like(x), device.concatenate([x, x])
        x[x > 3] = 0
    assert n.total() == 0
    with counting() as n:
        device.asarray([1, 2]), device.array(np.ones(2)), x[[0, 1]]
    assert (n.to_device, n.total()) == (3, 3)
    with counting() as n:
        x.get(), device.asnumpy(x), x.tolist(), repr(x)
    assert (n.to_host, n.total()) == (4, 4)
    with counting() as n:
        float(x.sum()), int(x.max()), bool(x.all()), x.min().item(), f"{x.sum():.2f}"
        if x.any():
            pass
    assert (n.scalars, n.total()) == (6, 6)
    with counting() as n:
        x[x > 3], device.unique(x), device.nonzero(x), x.nonzero(), device.where(x > 0)
        device.bincount(x.ravel().astype(int))
    assert (n.waits, n.total()) == (6, 6)
    with counting() as n:
        for _ in x:
            pass
    assert n.loops == 1


def test_dtypes_as_in_numpy(device):
    x = device.ones(3, dtype=np.float32)
    assert (x * 2.5).dtype == (2 * x).dtype == (x / 3).dtype == np.float32
    assert (x * np.float64(2)).dtype == np.float64
    assert x.sum(dtype=np.float64).dtype == np.float64


def test_same_memory(device):
    W = device.zeros((2, 3))
    assert W.T.data.ptr == W.data.ptr and W.T.strides == W.strides[::-1]
    view = W[0]
    view += 1
    assert W.tolist() == [[1, 1, 1], [0, 0, 0]]
    same = W
    W += 1
    assert same is W and same.tolist() == [[2, 2, 2], [1, 1, 1]]


def test_the_record_is_that_of_cupy():
    pytest.importorskip("cupy", reason="only where CuPy is installed (no GPU is needed)")
    recorded = json.loads(record_api.RECORD.read_text(encoding="utf-8"))
    now = record_api.record()
    if now["version"] != recorded["version"]:
        pytest.skip(f"the record is of CuPy {recorded['version']}, here is {now['version']}")
    assert now == recorded


def test_the_error_names_the_type(device, x):
    with pytest.raises(HostArrayError, match="numpy.ndarray"):
        x + np.ones(3)
    assert strict_cupy.API["functions"]["take"] == ["a", "indices", "axis", "out"]
