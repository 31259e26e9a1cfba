"""Which functions count as not written yet."""

import functools

import pytest

from w2vlib.check.stubs import is_untouched


class Stub:
    def dots(self): ...

    def only_pass(self):
        pass

    def docstring(self):
        """Says what to write."""

    def returns_none(self):
        return None

    def prepared(self, x):
        (W,) = self.params
        shape = W.shape  # noqa: F841

    def open_end(self, x):
        y = x + 1  # noqa: F841
        ...  # noqa: PIE790


class Written:
    def returns_its_argument(self, x):
        return x

    def forgets_to_return(self, x):
        y = x + 1  # noqa: F841

    def stores(self, x):
        self.x = x

    def loops(self, x):
        for _ in x:
            pass

    def open_end_after_a_return(self, x):
        if x:
            return
        ...  # noqa: PIE790

    def raises(self):
        raise ValueError


def methods(cls):
    return [getattr(cls(), name) for name in vars(cls) if not name.startswith("_")]


@pytest.mark.parametrize("method", methods(Stub), ids=lambda m: m.__name__)
def test_stubs(method):
    assert is_untouched(method)


@pytest.mark.parametrize("method", methods(Written), ids=lambda m: m.__name__)
def test_written(method):
    assert not is_untouched(method)


def test_wrapped_functions_and_things_without_code():
    @functools.wraps(Stub.dots)
    def wrapper(*args):
        return Stub.dots(*args)

    assert is_untouched(wrapper) and is_untouched(functools.partial(Stub.only_pass, None))
    assert is_untouched(staticmethod(Stub.dots)) or not is_untouched(len)
    assert not is_untouched(len) and not is_untouched(3)
