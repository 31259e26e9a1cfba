"""Fixtures of the GPU tests."""

import sys

import pytest

from tests.gpu import strict_cupy
from w2vlib import backend


@pytest.fixture
def device(monkeypatch):
    """The strict stand-in in the place of CuPy; its counters begin at 0."""
    cupy, cupyx = strict_cupy.make_cupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "cupyx", cupyx)
    _forget()
    yield cupy
    _forget()


@pytest.fixture
def no_device(monkeypatch):
    """As if CuPy were not installed."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    _forget()
    yield
    _forget()


def _forget():
    backend.gpu_available.cache_clear()
    backend._notice_no_gpu.cache_clear()
