"""Optimisers: how a gradient changes a parameter.

Gradients are arrays of the parameter's shape, or :class:`~w2vlib.sparse.RowGradient`.  For the
latter only the touched rows change ("lazy"): identical for SGD and AdaGrad; Momentum and Adam leave
a row and its moving averages alone until the row's next gradient, where their dense forms
would let it drift on.
"""

from __future__ import annotations

import math

import numpy as np

from w2vlib.backend import get_array_module, may_look
from w2vlib.sparse import RowGradient
from w2vlib.validation import as_number, as_weights, check_finite


class Optimizer:
    """What all optimisers share: state arrays ("slots") for each parameter, and the walk over rows.

    Subclasses name their slots in ``slots`` and write :meth:`step`, which works alike on whole
    arrays and on rows.
    """

    slots: tuple[str, ...] = ()

    def __init__(self, lr: float) -> None:
        self.lr = as_number(lr, "lr", minimum=0)
        self.iteration = 0
        self.state: list[dict] = []

    def update(self, params: list, grads: list) -> None:
        """Change each parameter in place by its gradient.

        Args:
            params: arrays.
            grads: for each parameter an array of its shape or a RowGradient.

        Raises:
            ValueError: the lists do not belong together, or changed since the last call; a
                parameter is read-only; a gradient holds NaN, or numbers too large to be squared.
            TypeError: a parameter is no array of floating-point numbers.
        """
        self._check(params, grads)
        self.iteration += 1
        for p, g, state in zip(params, grads, self.state, strict=True):
            if isinstance(g, RowGradient):
                self._update_rows(p, g, state)
            else:
                p -= self.step(g, state)

    def step(self, g, state: dict):
        """What to subtract for the gradient ``g``; changes the arrays in ``state`` in place."""
        raise NotImplementedError

    def _update_rows(self, p, g: RowGradient, state: dict) -> None:
        rows, values = g.coalesce()
        picked = {name: slot.take(rows, axis=0) for name, slot in state.items()}
        p[rows] -= self.step(values, picked)
        for name, slot in state.items():
            slot[rows] = picked[name]

    def _check(self, params: list, grads: list) -> None:
        if not (isinstance(params, (list, tuple)) and isinstance(grads, (list, tuple))):
            raise TypeError("params and grads must be lists of arrays: update([W], [dW]).")
        for i, p in enumerate(params):
            if getattr(p, "dtype", np.dtype(object)).kind != "f":
                got = getattr(p, "dtype", type(p).__name__)
                raise TypeError(f"params[{i}] must be a floating-point array, got {got}.")
            if not getattr(p.flags, "writeable", True):
                raise ValueError(f"params[{i}] is read-only and cannot be trained: use a copy.")
        if not self.state:
            for i, p in enumerate(params):
                check_finite(p, f"params[{i}]")
            self.state = [
                {name: get_array_module(p).zeros_like(p) for name in self.slots} for p in params
            ]
            self._shapes = [p.shape for p in params]
        if len(params) != len(grads) or [p.shape for p in params] != self._shapes:
            raise ValueError(
                f"Got {len(params)} parameters and {len(grads)} gradients; this optimiser works "
                f"for parameters of the shapes {self._shapes}. Use one optimiser for one model."
            )
        for i, g in enumerate(grads):
            _check_gradient(g, params[i], f"grads[{i}]")


def _check_gradient(g, p, name: str) -> None:
    """Refuse, before anything has changed, what would spoil the parameter for good."""
    if getattr(g, "shape", None) != p.shape:
        got = getattr(g, "shape", type(g).__name__)
        raise ValueError(f"{name} must be an array of shape {p.shape}, got {got}.")
    values = g.coalesce()[1] if isinstance(g, RowGradient) else g
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got dtype {values.dtype}.")
    if not values.size or not may_look(values):
        return
    limit = float(np.finfo(p.dtype).max) ** 0.5  # AdaGrad and Adam square it
    if not (-limit < float(values.min()) and float(values.max()) < limit):
        check_finite(values, name)
        raise ValueError(
            f"{name} holds numbers beyond {limit:.1g}, too large for {p.dtype}. Use a smaller "
            "learning rate or max_grad."
        )


class SGD(Optimizer):
    """Gradient descent: ``W ← W − lr · dW``."""

    def __init__(self, lr: float = 0.01) -> None:
        super().__init__(lr)

    def step(self, g, state):
        return self.lr * g


class Momentum(Optimizer):
    """A ball with inertia: ``v ← momentum · v + lr · dW``, ``W ← W − v``."""

    slots = ("v",)

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        super().__init__(lr)
        self.momentum = as_number(momentum, "momentum", minimum=0, maximum=1)

    def step(self, g, state):
        v = state["v"]
        v *= self.momentum
        v += self.lr * g
        return v


class AdaGrad(Optimizer):
    """Smaller steps where much was learned: ``s ← s + dW²``, ``W ← W − lr · dW / (√s + 1e-7)``.

    Source: Duchi et al. 2011.
    """

    slots = ("s",)

    def __init__(self, lr: float = 0.01) -> None:
        super().__init__(lr)

    def step(self, g, state):
        s = state["s"]
        s += g * g
        return self.lr * g / (get_array_module(g).sqrt(s) + 1e-7)


class Adam(Optimizer):
    """Momentum and AdaGrad together, with averages that forget.

    ``m ← m + (1 − β₁)(dW − m)``, ``v ← v + (1 − β₂)(dW² − v)``,
    ``W ← W − lr √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + 1e-7)`` in update t = 1, 2, …

    Args:
        lr: learning rate.
        beta1, beta2: how slowly the averages m and v forget.

    Source: Kingma and Ba 2015; constants as in Deep Learning from Scratch.
    """

    slots = ("m", "v")

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> None:
        super().__init__(lr)
        self.beta1 = as_number(beta1, "beta1", minimum=0, maximum=1 - 1e-12)
        self.beta2 = as_number(beta2, "beta2", minimum=0, maximum=1 - 1e-12)

    def step(self, g, state):
        m, v, t = state["m"], state["v"], self.iteration
        # One work array instead of a new one for every term: twice the speed.
        work = g - m
        work *= 1 - self.beta1
        m += work
        work = get_array_module(g).multiply(g, g, out=work)
        work -= v
        work *= 1 - self.beta2
        v += work
        work = get_array_module(g).sqrt(v, out=work)
        work += 1e-7
        lr_t = self.lr * float(np.sqrt(1 - self.beta2**t)) / (1 - self.beta1**t)
        step = lr_t * m
        step /= work
        return step


def clip_grads(grads: list, max_norm: float) -> float:
    """Shrink all gradients together so that their common length is at most ``max_norm``.

    Args:
        grads: floating-point arrays of any shape or RowGradients, changed in place.
        max_norm: the longest length allowed, > 0.

    Returns:
        The length before.

    Raises:
        TypeError, ValueError: something else than finite numbers in the gradients or ``max_norm``.

    Source: Pascanu et al. 2013; Deep Learning from Scratch 2, section 6.1.4.
    """
    max_norm = as_number(max_norm, "max_norm", minimum=0, open_minimum=True)
    if not isinstance(grads, (list, tuple)):
        raise TypeError("grads must be a list of arrays: clip_grads([dW], max_norm).")
    if not all(may_look(g.coalesce()[1] if isinstance(g, RowGradient) else g) for g in grads):
        return _clip_unseen(grads, max_norm)
    length = math.hypot(*(_length(g, f"grads[{i}]") for i, g in enumerate(grads)))
    if length > max_norm:
        for g in grads:
            if isinstance(g, RowGradient):
                g.scale_(max_norm / length)
            else:
                g *= max_norm / length
    return length


def _clip_unseen(grads: list, max_norm: float):
    """:func:`clip_grads` on a device in trusted code: neither the length nor the answer is seen."""
    values = [g.coalesce()[1] if isinstance(g, RowGradient) else g for g in grads]
    length = sum((v.astype(np.float64) ** 2).sum() for v in values) ** 0.5
    factor = max_norm / get_array_module(length).maximum(length, max_norm)
    for g in grads:
        if isinstance(g, RowGradient):
            g.scale_(factor)
        else:
            g *= factor.astype(g.dtype)
    return length


def _length(g, name: str) -> float:
    values = g.coalesce()[1] if isinstance(g, RowGradient) else as_weights(g, name)
    largest = float(abs(values).max()) if values.size else 0.0
    if largest == 0:
        return 0.0
    # Dividing by the largest entry first keeps the squares from overflowing.
    return largest * math.sqrt(float(((values.astype(np.float64) / largest) ** 2).sum()))
