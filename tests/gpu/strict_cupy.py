"""A stand-in for CuPy, over NumPy, that is stricter than CuPy: no GPU is needed to find mistakes.

It has the functions and arguments that CuPy has (``cupy_api.json``, written by ``record_api.py``
from the real package) and nothing else.  It refuses

* to turn into a NumPy array by itself (``__array__``), and NumPy's own functions on its arrays;
* host and device arrays in one operation, and host arrays as indices;
* writing to a row twice in one assignment (on a GPU nobody knows which one wins);
* what CuPy has not: ``random.choice(replace=False, p=…)``, ``min(initial=…)``, ``take(mode=…)`` …

It wraps ids that lie outside silently, as CuPy does, so that our own checks must catch them, and
it counts what costs time on a real device, see :class:`Counts`.
"""

import contextlib
import json
import operator
import sys
import types
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from tests.gpu import host_build

API = json.loads(Path(__file__).with_name("cupy_api.json").read_text(encoding="utf-8"))


@dataclass
class Counts:
    """What made the host wait for the device, or the other way round.

    Attributes:
        to_device, to_host: arrays that were copied.
        scalars: numbers fetched one by one: ``float(x)``, ``int(x)``, ``bool(x)``, ``x.item()``.
        waits: operations whose result has a size that only the device knows: ``x[mask]``,
            ``unique``, ``nonzero``.
        loops: Python loops over an array.
    """

    to_device: int = 0
    to_host: int = 0
    scalars: int = 0
    waits: int = 0
    loops: int = 0

    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))


counts = Counts()


@contextlib.contextmanager
def counting():
    """``with counting() as n:`` – afterwards ``n`` holds what happened inside."""
    before = Counts(**vars(counts))
    seen = Counts()
    yield seen
    for field in fields(Counts):
        difference = getattr(counts, field.name) - getattr(before, field.name)
        setattr(seen, field.name, difference)


class HostArrayError(TypeError):
    """A NumPy array where CuPy wants one of its own."""


def _refuse(*_args, **_options):
    raise TypeError(
        "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a "
        "NumPy array explicitly."
    )


def _inside(value):
    """The NumPy array in a device array; numbers as they are; host arrays are refused."""
    if isinstance(value, ndarray):
        return value._a
    if isinstance(value, np.ndarray):
        raise HostArrayError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, (list, tuple)):
        return type(value)(_inside(v) for v in value)
    return value


def _wrapped(result):
    """Everything that NumPy computed lies on the device; a number becomes an array of no axes."""
    if isinstance(result, (tuple, list)):
        return (
            type(result)(map(_wrapped, result))
            if type(result) in (tuple, list)
            else tuple(map(_wrapped, result))
        )
    return ndarray(np.asarray(result)) if isinstance(result, (np.ndarray, np.generic)) else result


def _index(key, shape, *, writing=False):
    """An index as NumPy understands it, with ids wrapped; a list counts as a copy."""
    keys = key if isinstance(key, tuple) else (key,)
    axis, out = 0, []
    used = sum(_axes_of(k) for k in keys)
    for k in keys:
        if isinstance(k, np.ndarray):
            raise HostArrayError("a NumPy array cannot index an array on the device")
        if isinstance(k, (list, bool, np.bool_)):
            k = asarray(k)
            if not k.size:
                k = k.astype(np.int32)
        if k is Ellipsis:
            axis += len(shape) - used
        if isinstance(k, ndarray):
            numbers = k._a
            if numbers.dtype.kind == "b":
                counts.waits += not writing
                axis += numbers.ndim - 1
            elif numbers.dtype.kind in "iu":
                size = shape[axis]
                numbers = numbers % numbers.dtype.type(size) if size else numbers
            else:
                raise IndexError("arrays used as indices must be of integer or boolean type.")
            k = numbers
        out.append(k)
        axis += k is not None and k is not Ellipsis
    return tuple(out)


def _axes_of(k):
    if k is None or k is Ellipsis:
        return 0
    is_mask = isinstance(k, ndarray) and k.dtype.kind == "b"
    return k.ndim if is_mask else 1


class _Pointer:
    def __init__(self, array):
        self.ptr = array.__array_interface__["data"][0]


class _Flags:
    def __init__(self, flags):
        self.c_contiguous, self.f_contiguous = flags.c_contiguous, flags.f_contiguous
        self.owndata = flags.owndata


class ndarray:
    """An array on the device."""

    __array_ufunc__ = None
    __array__ = _refuse
    __array_function__ = _refuse
    __hash__ = None

    def __init__(self, shape, dtype=float, base=None):
        self._a = shape if isinstance(shape, np.ndarray) else np.zeros(shape, dtype)
        self.base = None if base is None else base if base.base is None else base.base

    shape = property(lambda self: self._a.shape)
    dtype = property(lambda self: self._a.dtype)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    nbytes = property(lambda self: self._a.nbytes)
    itemsize = property(lambda self: self._a.itemsize)
    strides = property(lambda self: self._a.strides)
    flags = property(lambda self: _Flags(self._a.flags))
    data = property(lambda self: _Pointer(self._a))
    T = property(lambda self: ndarray(self._a.T, base=self))
    real = property(lambda self: ndarray(self._a.real))

    def __len__(self):
        return len(self._a)

    # -- to the host: possible, and counted

    def get(self):
        counts.to_host += 1
        return self._a.copy()

    def tolist(self):
        return self.get().tolist()

    def set(self, array):
        if not isinstance(array, np.ndarray) or array.dtype != self.dtype:
            raise TypeError("set() takes a NumPy array of the same dtype")
        counts.to_device += 1
        self._a[...] = array

    def item(self):
        counts.scalars += 1
        return self._a.item()

    def __float__(self):
        counts.scalars += 1
        return float(self._a.item())

    def __int__(self):
        counts.scalars += 1
        return int(self._a.item())

    def __bool__(self):
        counts.scalars += 1
        return bool(self._a)

    def __iter__(self):
        counts.loops += 1
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        return repr(self.get())

    def __format__(self, spec):
        counts.scalars += 1
        return format(self._a.item() if spec else self._a, spec)

    # -- reading and writing parts

    def __getitem__(self, key):
        return ndarray(np.asarray(self._a[_index(key, self.shape)]))

    def __setitem__(self, key, value):
        index, value = _index(key, self.shape, writing=True), _inside(value)
        if isinstance(value, (list, tuple)):
            raise TypeError("write device arrays or numbers, not lists")
        arrays = [k for k in index if isinstance(k, np.ndarray) and k.dtype.kind in "iu"]
        if arrays and np.ndim(value):
            places = np.stack([k.ravel() for k in np.broadcast_arrays(*arrays)])
            if np.unique(places, axis=1).shape[1] < places.shape[1]:
                raise ValueError("a place is written twice: on a GPU nobody knows which one wins")
        masks = any(isinstance(k, np.ndarray) and k.dtype.kind == "b" for k in index)
        counts.waits += bool(masks and np.ndim(value))
        self._a[index] = value

    def scatter_add(self, key, value):
        np.add.at(self._a, _index(key, self.shape, writing=True), _inside(value))

    def take(self, indices, axis=None, out=None):
        return take(self, indices, axis, out)

    def fill(self, value):
        if isinstance(value, (np.ndarray, ndarray)) and value.ndim:
            raise ValueError("fill takes a number")
        self._a.fill(_inside(value))

    def nonzero(self):
        return nonzero(self)

    def compress(self, condition, axis=None, out=None):
        return compress(condition, self, axis, out)


def _checked(name, allowed, args, options):
    """Refuse what CuPy does not know; numbers and arrays as NumPy wants them."""
    unknown = set(options) - set(allowed)
    if unknown or len(args) > len(allowed) and not any(a.startswith("*") for a in allowed):
        raise TypeError(f"cupy: {name}() does not take {sorted(unknown) or args}")
    options = {k: _inside(v) for k, v in options.items() if k != "blocking"}
    return [_inside(a) for a in args], options


def _method(name, allowed):
    def method(self, *args, **options):
        args, options = _checked(name, allowed, args, options)
        return _wrapped(getattr(self._a, name)(*args, **options))

    method.__name__ = name
    return method


for _name, _allowed in API["methods"].items():
    if _name not in vars(ndarray):
        setattr(ndarray, _name, _method(_name, _allowed))


def _operator(name, swap=False):
    function = getattr(operator, name)

    def method(self, other):
        if isinstance(other, (np.ndarray, list, tuple)):
            raise HostArrayError(f"Unsupported type {type(other)}")
        if not isinstance(other, (ndarray, int, float, bool, np.generic)):
            return NotImplemented
        pair = (_inside(other), self._a) if swap else (self._a, _inside(other))
        return _wrapped(function(*pair))

    return method


def _in_place(name):
    function = getattr(operator, name)

    def method(self, other):
        if isinstance(other, (np.ndarray, list, tuple)):
            raise HostArrayError(f"Unsupported type {type(other)}")
        if not isinstance(other, (ndarray, int, float, bool, np.generic)):
            return NotImplemented
        self._a = function(self._a, _inside(other))
        return self

    return method


def _unary(name):
    function = getattr(operator, name)
    return lambda self: _wrapped(function(self._a))


for _name in "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift".split():
    _dunder = _name.strip("_")
    setattr(ndarray, f"__{_dunder}__", _operator(_name))
    setattr(ndarray, f"__r{_dunder}__", _operator(_name, swap=True))
    if _name != "matmul":
        setattr(ndarray, f"__i{_dunder}__", _in_place(f"i{_dunder}"))
for _name in "lt le eq ne gt ge".split():
    setattr(ndarray, f"__{_name}__", _operator(_name))
ndarray.__hash__ = None
for _name in "neg pos abs invert".split():
    setattr(ndarray, f"__{_name}__", _unary(_name))


# ---- functions ----------------------------------------------------------------------------------

# Their results have a size that the host must ask for.
_WAIT = {"unique", "nonzero", "flatnonzero", "argwhere", "bincount", "compress", "extract"}
_FROM_HOST = {"array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray"}
_LISTS = {"concatenate", "stack", "hstack", "vstack", "column_stack", "dstack", "broadcast_arrays"}


def _function(name, allowed):
    numpy_function = getattr(np, name)
    ndim_free = {"shape", "shape_like", "newshape", "axis", "axes", "arys", "reps"}

    def function(*args, **options):
        for value, argument in zip(args, allowed, strict=False):
            if isinstance(value, (list, tuple)) and name not in _LISTS:
                numbers = all(isinstance(v, (int, np.integer, tuple, list)) for v in value)
                if not numbers or argument in ("a", "x", "ar", "v", "b"):
                    raise TypeError(f"cupy.{name} takes arrays of the device, not lists")
        args, options = _checked(name, [*allowed, *ndim_free], args, options)
        if name in _WAIT:
            counts.waits += 1
        return _wrapped(numpy_function(*args, **options))

    function.__name__ = name
    return function


class _Ufunc:
    """An element-wise function: ``out``, ``dtype`` and ``casting`` are all that CuPy takes."""

    def __init__(self, name):
        self.name, self._f = name, getattr(np, name)

    def __call__(self, *args, **options):
        args, options = _checked(self.name, ["out", "dtype", "casting", "x", "y"], args, options)
        if not any(isinstance(a, np.ndarray) for a in args):
            args = [np.asarray(a) for a in args]
        result = self._f(*args, **options)
        return ndarray(result) if isinstance(result, np.ndarray) else _wrapped(result)

    def at(self, a, indices, b=None):
        if self.name not in ("add", "maximum", "minimum"):
            raise NotImplementedError(f"cupy.{self.name}.at")
        if not isinstance(a, ndarray) or isinstance(b, np.ndarray):
            raise HostArrayError("`at` works on arrays of the device")
        index = _index(indices, a.shape, writing=True)
        self._f.at(a._a, index, _inside(b))


def _copied(value, dtype, order):
    counts.to_device += 1
    return ndarray(np.array(value, dtype=dtype, order=order or "C"))


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    if isinstance(a, ndarray):
        same = dtype is None or a.dtype == np.dtype(dtype)
        return a if same and not copy else ndarray(a._a.astype(dtype or a.dtype))
    return _copied(a, dtype, order)


def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    result = asarray(obj, dtype, None if order == "K" else order)
    return ndarray(np.array(result._a, ndmin=ndmin)) if copy or ndmin else result


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def take(a, indices, axis=None, out=None):
    if not isinstance(a, ndarray) or isinstance(indices, np.ndarray):
        raise HostArrayError("take works on arrays of the device")
    numbers = np.asarray(_inside(indices))
    size = a.size if axis is None else a.shape[axis]
    numbers = numbers % size if size else numbers
    return _wrapped(np.take(a._a, numbers, axis, _inside(out)))


def repeat(a, repeats, axis=None):
    if isinstance(repeats, ndarray):
        raise ValueError("`repeats` of an array on the device must be a number or a list")
    return _wrapped(np.repeat(_inside(a), repeats, axis))


def where(condition, x=None, y=None):
    if x is None:
        return nonzero(condition)
    if not any(isinstance(v, ndarray) for v in (condition, x, y)):
        raise TypeError("cupy.where takes arrays of the device")
    return _wrapped(np.where(_inside(condition), _inside(x), _inside(y)))


def get_array_module(*args):
    return sys.modules["cupy"] if any(isinstance(a, ndarray) for a in args) else np


def _choice(a, size=None, replace=True, p=None):
    if not replace and p is not None:
        raise NotImplementedError("cupy.random.choice(replace=False, p=…)")
    p = None if p is None else _inside(p)
    return _wrapped(np.random.default_rng(0).choice(_inside(a), size, replace, p))


class _Device:
    """The sizes of an H200, of which a test changes what it wants to."""

    attributes = {
        "MultiProcessorCount": 132,
        "MaxSharedMemoryPerBlockOptin": 227 << 10,
        "MaxSharedMemoryPerMultiprocessor": 228 << 10,
        "MaxRegistersPerMultiprocessor": 64 << 10,
        "MaxBlocksPerMultiprocessor": 32,
    }

    def synchronize(self):
        counts.waits += 1


class _Event:
    """A mark between two launches; waiting for one that was never set is a mistake."""

    unfinished = 0  # marks that were set and not waited for; the most of them at a time
    most_unfinished = 0

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self._recorded = False

    def record(self, stream=None):
        assert not self._recorded
        self._recorded = True
        _Event.unfinished += 1
        _Event.most_unfinished = max(_Event.most_unfinished, _Event.unfinished)

    def synchronize(self):
        assert self._recorded
        self._recorded = False
        _Event.unfinished -= 1


def make_cupy():
    """A module that answers to the name ``cupy``; and one for ``cupyx``."""
    cupy = types.ModuleType("cupy")
    cupy.__version__ = API["version"] + " (stand-in)"
    for name in API["ufuncs"]:
        if isinstance(getattr(np, name, None), np.ufunc):
            setattr(cupy, name, _Ufunc(name))
    for name, allowed in API["functions"].items():
        if name in globals() or hasattr(np, name):  # NumPy 2.0 has not yet all of them
            setattr(cupy, name, globals().get(name) or _function(name, allowed))
    # Types and constants are NumPy's own, in CuPy too.
    for name in dir(np):
        thing = getattr(np, name)
        if isinstance(thing, type) and issubclass(thing, np.generic):
            setattr(cupy, name, thing)
    cupy.newaxis, cupy.inf, cupy.nan, cupy.pi = None, np.inf, np.nan, np.pi
    cupy.ndarray, cupy.dtype, cupy.asnumpy = ndarray, np.dtype, asnumpy
    cupy.array, cupy.asarray, cupy.get_array_module = array, asarray, get_array_module
    cupy.is_available = lambda: True
    cupy.random = types.SimpleNamespace(choice=_choice)
    cupy.RawModule = host_build.RawModule
    cupy.cuda = types.SimpleNamespace(Device=_Device, Event=_Event)
    cupyx = types.ModuleType("cupyx")
    cupyx.scatter_add = lambda a, slices, value: a.scatter_add(slices, value)
    return cupy, cupyx


nonzero = _function("nonzero", API["functions"]["nonzero"])
compress = _function("compress", ["condition", "a", "axis", "out"])
ascontiguousarray = asanyarray = asarray
