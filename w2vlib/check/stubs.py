"""Has this function been written yet?

A stub is no failure.  It raises ``NotImplementedError``, or does nothing at all.  A body that does
compute something and then returns nothing is different: there the ``return`` was forgotten.
"""

from __future__ import annotations

import ast
import dis
import functools
import inspect
import textwrap

# Instructions that only move things about, as in ``(W,) = self.params`` followed by ``...``.
_IDLE = (
    "RESUME",
    "NOP",
    "CACHE",
    "LOAD_",
    "STORE_FAST",
    "UNPACK_SEQUENCE",
    "POP_TOP",
    "PUSH_NULL",
    "COPY_FREE_VARS",
    "MAKE_CELL",
    "EXTENDED_ARG",
    "BUILD_TUPLE",
    "RETURN_VALUE",
    "RETURN_CONST",
    "NOT_TAKEN",
)


def is_untouched(function) -> bool:
    """Whether ``function`` (or the method's function) does nothing: ``pass``, ``...``, a docstring.

    A body that ends in a bare ``...`` or ``pass`` and returns nothing counts too: course stubs
    prepare a line or two and leave the rest open.
    """
    function = _plain(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    return _does_nothing(code) or _ends_open(code, code.co_filename)


def _plain(function):
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isclass(function):
        function = function.__init__
    function = inspect.unwrap(function)
    return getattr(function, "__func__", function)


@functools.lru_cache(256)
def _does_nothing(code) -> bool:
    before = None
    for step in dis.get_instructions(code):
        if not step.opname.startswith(_IDLE):
            return False
        if step.opname == "RETURN_CONST" and step.argval is not None:
            return False
        if step.opname == "RETURN_VALUE":
            loaded_none = before.opname.startswith("LOAD_CONST") and before.argval is None
            if not loaded_none:
                return False
        before = step
    return True


@functools.lru_cache(256)
def _ends_open(code, filename: str) -> bool:
    """Whether the last statement is a bare ``...`` or ``pass`` and there is no ``return``."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return False
    if not tree.body or not isinstance(tree.body[0], ast.FunctionDef):
        return False
    last = tree.body[0].body[-1]
    is_open = isinstance(last, ast.Pass) or (
        isinstance(last, ast.Expr)
        and isinstance(last.value, ast.Constant)
        and last.value.value is Ellipsis
    )
    return is_open and not any(isinstance(node, ast.Return) for node in ast.walk(tree))
