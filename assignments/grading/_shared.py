"""What several grading modules need.  Like them it holds solutions: it never leaves this folder."""

from __future__ import annotations

import numpy as np

from w2vlib.check.exercise import Mistake


def softplus(x):
    """log(1 + eˣ), without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x):
    """1 / (1 + e⁻ˣ), without overflow."""
    return np.exp(-softplus(-x))


BATCH_SUMMED = Mistake(
    "batch-summed",
    "the batch was summed instead of averaged.",
    "The loss is the mean over the B rows, so loss and gradients are divided by B.",
    ("By which factor do yours and the expected values differ?",),
)
BATCH_FORGOTTEN = Mistake(
    "batch-forgotten",
    "the gradients are those of the sum over the batch.",
    "The loss is a mean over B rows: the 1/B belongs into the gradients as well.",
    ("By which factor do yours and the expected values differ?",),
)
