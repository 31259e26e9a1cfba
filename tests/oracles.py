"""Independent truth for the tests: plain loops, central differences, and awkward arrays.

Nothing here imports w2vlib: what a test compares with must not share a mistake with it.
"""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def numeric_gradient(f, x, eps=1e-6):
    """Central differences of the number ``f()`` with respect to each entry of the array ``x``."""
    gradient = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        kept = x[place]
        x[place] = kept + eps
        above = f()
        x[place] = kept - eps
        below = f()
        x[place] = kept
        gradient[place] = (above - below) / (2 * eps)
    return gradient


def log_sigmoid(x):
    """log σ(x) of one number."""
    return -math.log1p(math.exp(-x)) if x >= 0 else x - math.log1p(math.exp(x))


def dot(a, b):
    """Scalar product of two vectors, exactly rounded."""
    return math.fsum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def cross_entropy(scores, label):
    """−log softmax(scores)[label] for one row of scores."""
    top = max(map(float, scores))
    return top - float(scores[label]) + math.log(math.fsum(math.exp(s - top) for s in scores))


LAYOUTS = ("plain", "strided", "reversed", "fortran", "read-only")


def laid_out(array, layout):
    """The same numbers in another memory layout; all but "plain" are awkward in some way."""
    array = np.asarray(array)
    if layout == "strided":
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if layout == "reversed":
        return array[::-1].copy()[::-1]
    if layout == "fortran":
        return np.asfortranarray(array)
    copy = array.copy()
    if layout == "read-only":
        copy.setflags(write=False)
    return copy


def run_python(code, *arguments):
    """What a fresh Python process prints when it runs ``code`` in the project's folder."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
