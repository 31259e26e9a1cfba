"""Answers of checked code as plain data: what they are, whether two agree, how they are shown.

An answer is an array of numbers (or of words), a :class:`Remark` on what is no number, or what the
code raised, :class:`~w2vlib.check.running.Raised`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from w2vlib.check.running import Raised

TOLERANCE = {"float64": 1e-5, "float32": 2e-4, "float16": 2e-2}
"""Allowed difference, relative to the largest entry.  Mistakes differ by far more."""


@dataclass(frozen=True)
class Remark:
    """A value that is no number: what is odd about it, in words (``"a str"``, ``"nothing"``)."""

    text: str


NOTHING = Remark("None: nothing was returned")
UNWRITTEN = Remark("not written yet")


def plain(value):
    """A number or array as a fresh NumPy array; anything else as a remark."""
    if isinstance(value, Raised | Remark):
        return value
    if value is None:
        return NOTHING
    if value is Ellipsis:
        return UNWRITTEN
    try:
        array = np.array(value)
    except Exception:
        return Remark(f"{_kind(value)} that is no array of numbers")
    if array.dtype.kind not in "fiubU":
        return Remark(
            _OTHER_ARRAYS.get(array.dtype.kind, _OTHER)
            if isinstance(value, np.ndarray)
            else f"{_kind(value)} that is no array of numbers"
        )
    return array


_OTHER = "an array of something else than numbers"
_OTHER_ARRAYS = {"c": "an array of complex numbers", "O": "an array of Python objects"}


def _kind(value) -> str:
    """What it is: ``a dict``, ``a tuple of 2``."""
    length = f" of {len(value)}" if type(value) in (list, tuple) else ""
    return article(type(value).__name__) + length


def article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"


def is_remark(value, remark: Remark) -> bool:
    """Whether an answer is this remark (``==`` would compare arrays entry by entry)."""
    return isinstance(value, Remark) and value == remark


def same(got, expected, slack: float = 1.0) -> bool:
    """Whether two answers agree, within what the type of number allows (times ``slack``)."""
    if isinstance(got, Raised) or isinstance(expected, Raised):
        return isinstance(got, Raised) and isinstance(expected, Raised)
    if isinstance(got, Remark) or isinstance(expected, Remark):
        return type(got) is type(expected) and got == expected
    if got.shape != expected.shape:
        # A single number may come as 0.5 or as an array with one entry.
        if not (got.size == expected.size == 1 and min(got.ndim, expected.ndim) == 0):
            return False
        got, expected = got.reshape(()), expected.reshape(())
    if "U" in (got.dtype.kind, expected.dtype.kind):
        return bool(np.array_equal(got, expected))
    return bool(np.all(close_entries(got, expected, slack)))


def close_entries(got: np.ndarray, expected: np.ndarray, slack: float = 1.0) -> np.ndarray:
    """Entry by entry: near enough, measured by the largest entry that is expected."""
    tolerance = slack * max(TOLERANCE.get(x.dtype.name, 1e-5) for x in (got, expected))
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    with np.errstate(all="ignore"):
        finite = np.abs(expected[np.isfinite(expected)])
        scale = finite.max() if finite.size else 0.0
        close = np.abs(got - expected) <= tolerance * scale + 1e-12
    return close | (got == expected) | (np.isnan(got) & np.isnan(expected))


# ------------------------------------------------------------------------------------- in words


def raised_text(error: Raised) -> str:
    """What the code raised, in which line, and in which call."""
    where = f"in line {error.line} (`{error.function}`): `{error.source}`" if error.line else ""
    if error.line and not error.source:
        where = f"in line {error.line} (`{error.function}`)"
    called = f"It happened when the check called `{error.call}`."
    return f"`{error.kind}: {error.message}` {where}\n{called}{_tip(error)}"


# Messages that puzzle beginners: exception, what it says, and what that means.
_TIPS = (
    (
        "TypeError",
        r"\b[A-Za-z_]\w*\.\w+\(\) takes \d+ positional",
        "The object itself counts as one of them: the first parameter of a method is `self`.",
    ),
    (
        "TypeError",
        r"^\w+\(\) takes no arguments",
        "There is no `__init__` that takes them. (The name has two underscores on either side.)",
    ),
    (
        "RecursionError",
        "",
        "A function calls itself, directly or through others, and nothing puts an end to it.",
    ),
    (
        "OverflowError",
        "math range error",
        "`math.exp` stops where the result is too large for a number; `np.exp` goes on with "
        "infinity.",
    ),
    (
        "ValueError",
        "math domain error|expected a (positive|nonnegative) input",
        "The functions of `math` stop where there is no result, as at the logarithm of 0.",
    ),
)


def _tip(error: Raised) -> str:
    for kind, message, tip in _TIPS:
        if error.kind == kind and re.search(message, error.message):
            return "\n" + tip
    return ""


def difference(label: str, got, right) -> str:
    """What the numbers say when no mistake was recognised."""
    if isinstance(got, Remark) or isinstance(right, Remark):
        return f"`{label}` is not what it should be."
    if got.shape != right.shape:
        return f"`{label}` has shape {got.shape}; it should have shape {right.shape}."
    if "U" in (got.dtype.kind, right.dtype.kind):
        return f"`{label}` is not what it should be."
    if not np.isfinite(got.astype(float)).all() and np.isfinite(right.astype(float)).all():
        return f"`{label}` contains NaN or infinity."
    if got.size == 1:
        return f"`{label}` is not the right number.{_ratio(got, right)}"
    apart = int((~close_entries(got, right)).sum())
    return (
        f"`{label}` differs from what it should be in {apart} of {got.size} entries."
        f"{_ratio(got, right)}"
    )


def first_apart(got, right) -> tuple[tuple[str, str], ...]:
    """Where two larger arrays of numbers first differ, so that nobody has to search."""
    if isinstance(got, Remark) or got.shape != right.shape or got.size < 5 or got.dtype.kind == "U":
        return ()
    apart = np.argwhere(~close_entries(got, right))
    if not len(apart):
        return ()
    where = tuple(apart[0].tolist())
    yours, wanted = shown_alike(got[where], right[where])
    return (("first difference", f"[{', '.join(map(str, where))}]: {yours} for {wanted}"),)


def _ratio(got, right) -> str:
    """A constant factor is worth mentioning: it often gives the slip away."""
    got, right = got.astype(float).ravel(), right.astype(float).ravel()
    used = np.abs(right) > 1e-9
    if not used.any() or np.abs(got[~used]).max(initial=0) > 1e-9:
        return ""
    ratio = got[used] / right[used]
    if not np.allclose(ratio, ratio[0], rtol=1e-4) or abs(ratio[0] - 1) < 1e-4 or ratio[0] == 0:
        return ""
    if used.sum() > 1:
        return f" Yours is {ratio[0]:.4g} times the expected value throughout."
    return f" Yours is {ratio[0]:.4g} times the expected value." if _is_simple(ratio[0]) else ""


def _is_simple(ratio: float) -> bool:
    """Whether it is n or 1/n.  (Every number is some multiple of any other one.)"""
    large = max(abs(ratio), 1 / abs(ratio))
    return large < 100 and abs(large - round(large)) < 1e-4 * large


def shown_alike(got, right) -> tuple[str, str]:
    """Both as text, with as many digits as it takes to see that they differ."""
    for digits in (4, 7, 12):
        yours, wanted = show(got, digits), show(right, digits)
        if yours != wanted:
            break
    return yours, wanted


def show(value, digits: int = 4) -> str:
    """A value as text, the same in every run."""
    if isinstance(value, Remark):
        return value.text
    if isinstance(value, Raised):
        return f"{value.kind}: {value.message}"
    if isinstance(value, np.ndarray) and value.ndim:
        value = value + 0.0 if value.dtype.kind == "f" else value  # no "-0."
        return np.array2string(
            value,
            precision=digits,
            suppress_small=True,
            floatmode="maxprec",
            threshold=80,
            edgeitems=4,
            max_line_width=76,
            separator=", ",
        )
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return show(repr(value.item()), digits)
    if isinstance(value, (float, np.floating, np.ndarray)):
        return f"{float(value) + 0.0:.{digits + 2}g}"
    if isinstance(value, list) and any(isinstance(v, list | np.ndarray) for v in value):
        return "\n".join(show(v, digits) for v in value)
    text = str(value)
    return text if len(text) < 500 else text[:500] + " …"
