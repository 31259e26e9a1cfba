"""Check for the optimiser Adam, with ordinary gradients and with gradients of a few rows."""

from __future__ import annotations

import numpy as np

from w2vlib.check.answers import Remark, same
from w2vlib.check.common import numbers
from w2vlib.check.exercise import MIN_EVIDENCE, Case, Exercise, Mistake
from w2vlib.check.report import Report
from w2vlib.sparse import RowGradient

EPS = 1e-7
# Slips after which m, or v, goes into the step as it is; where it was stored, it is corrected then.
_M_AS_IT_IS = ("no-bias-correction", "half-bias-correction:v")
_M_AS_IT_IS += ("correction-stored", "correction-stored:m")
_V_AS_IT_IS = ("no-bias-correction", "half-bias-correction:m")
_V_AS_IT_IS += ("correction-stored", "correction-stored:v")


def adam(cls, *, lazy: bool = False) -> Report:
    """Check a class ``Adam(lr, beta1, beta2)``.

    Write::

        class Adam:
            def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
                ...

            def update(self, params, grads):    # lists of arrays; changes params in place
                ...

    In update number t = 1, 2, …, for each parameter::

        m ← β1·m + (1 − β1)·g          v ← β2·v + (1 − β2)·g²          (both start at 0)
        p ← p − lr · √(1 − β2ᵗ)/(1 − β1ᵗ) · m / (√v + 1e-7)

    Args:
        cls: the class, or a function of the same arguments that makes an instance.
        lazy: hand in gradients of a few rows, as :class:`~w2vlib.sparse.RowGradient`:
            ``rows, values = g.coalesce()`` gives their ids (n,), each once, and their gradients
            (n, H).  Then m, v and p may change in those rows only; t counts the updates as before.
    """
    return (LAZY_ADAM if lazy else ADAM).check(cls)


class _Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, *, slip: str = "") -> None:
        if slip == "betas-swapped":
            beta1, beta2 = beta2, beta1
        if slip == "betas-fixed":
            beta1, beta2 = 0.9, 0.999
        if slip == "lr-ignored":
            lr = 0.001
        self.lr, self.beta1, self.beta2, self.slip = lr, beta1, beta2, slip
        self.t, self.m, self.v = 0, None, None

    def update(self, params, grads):
        slip = self.slip
        if self.m is None or slip == "state-not-kept":
            self.m, self.v = ([np.zeros_like(p) for p in params] for _ in "mv")
            if slip == "state-shared":
                self.m, self.v = ([s[0]] * len(params) for s in (self.m, self.v))
        if slip != "t-not-advanced" or self.t == 0:
            self.t += 1
        for i, (p, g) in enumerate(zip(params, grads, strict=True)):
            if slip == "t-per-parameter" and i:
                self.t += 1
            if isinstance(g, RowGradient):
                self._update_rows(p, g, self.m[i], self.v[i])
            else:
                self._step(p, g, self.m[i], self.v[i], slice(None))

    def _update_rows(self, p, g, m, v):
        rows, values = g.coalesce()
        if self.slip == "dense-average":
            self._step(p, g.to_dense(), m, v, slice(None))
        elif self.slip == "dense-decay":
            m *= self.beta1
            v *= self.beta2
            m[rows] += (1 - self.beta1) * values
            v[rows] += (1 - self.beta2) * values**2
            p[rows] -= self._change(m[rows], v[rows], values)
        else:
            self._step(p, values, m, v, rows)

    def _step(self, p, g, m, v, rows):
        slip = self.slip
        m[rows] += (1 - self.beta1) * (g - m[rows])
        square = g if slip == "square-missing" else g * g
        v[rows] += (1 - self.beta2) * (square - v[rows])
        if slip in ("correction-stored", "correction-stored:m"):
            m[rows] /= 1 - self.beta1**self.t
        if slip in ("correction-stored", "correction-stored:v"):
            v[rows] /= 1 - self.beta2**self.t
        change = self._change(m[rows], v[rows], g)
        if slip == "wrong-sign":
            change = -change
        p[rows] -= change

    def _change(self, m, v, g):
        slip, t = self.slip, self.t
        correct_m, correct_v = 1 - self.beta1**t, np.sqrt(1 - self.beta2**t)
        if slip in _M_AS_IT_IS:
            correct_m = 1.0
        if slip in _V_AS_IT_IS:
            correct_v = 1.0
        if slip == "correction-exchanged":
            correct_m, correct_v = 1 - self.beta2**t, np.sqrt(1 - self.beta1**t)
        if slip == "correction-without-root":
            correct_v = correct_v**2
        if slip == "momentum-missing":
            m, correct_m = g, 1.0
        root = v if slip == "root-missing" else np.sqrt(v)
        return self.lr * correct_v / correct_m * m / (root + EPS)


def _adam_cases(rng) -> list[Case]:
    def gradient(*shape):
        # Not small, so that it does not matter where the tiny constant against 0/0 is added.
        return rng.integers(8, 33, shape) * rng.choice([-1, 1], shape) / 8

    def case(name, shapes, steps, settings=(0.1, 0.9, 0.999)):
        inputs = dict(zip(("lr", "beta1", "beta2"), settings, strict=True))
        inputs["params"] = [numbers(rng, *shape) for shape in shapes]
        inputs["grads"] = [[gradient(*shape) for shape in shapes] for _ in range(steps)]
        return Case(name, inputs)

    return [
        case("first step", [(3,)], 1),
        case("first step", [(2, 2)], 1, (0.01, 0.9, 0.999)),
        case("several steps", [(2,)], 3),
        case("several steps", [(2, 2)], 4, (0.01, 0.8, 0.99)),
        case("two parameters", [(2,), (2,)], 3),
        case("two parameters", [(2, 3), (2, 3)], 2, (0.2, 0.7, 0.95)),
        case("parameters of different shapes", [(2, 3), (4,)], 3, (0.05, 0.9, 0.99)),
    ]


def _lazy_cases(rng) -> list[Case]:
    def case(name, V, H, steps):
        inputs = {"lr": 0.1, "beta1": 0.9, "beta2": 0.95, "params": [numbers(rng, V, H)]}
        inputs["rows"] = [np.array(rows) for rows in steps]
        inputs["values"] = [
            rng.integers(8, 33, (len(rows), H)) * rng.choice([-1, 1], (len(rows), H)) / 8
            for rows in steps
        ]
        return Case(name, inputs)

    return [
        case("rows in turn", 3, 2, [[0], [1], [0]]),
        case("rows in turn", 4, 2, [[0, 2], [2], [3, 0]]),
        case("repeated rows", 3, 2, [[1, 1], [0, 2, 0]]),
        case("repeated rows", 4, 1, [[3, 0, 3], [1, 3]]),
    ]


def _probe_adam(make, case: Case, notes) -> None:
    optimizer = notes.make(make, case.lr, case.beta1, case.beta2, quantity="p[0]")
    originals = [p.copy() for p in case.params]
    params = list(originals)
    names = [f"p[{i}]" for i in range(len(params))]
    if "rows" in case.inputs:
        pairs = zip(case.rows, case.values, strict=True)
        shape = params[0].shape
        steps = [[RowGradient(r.copy(), v.copy(), shape)] for r, v in pairs]
    else:
        steps = notes.give("grads")
    for step in steps:
        notes.call("p[0]", optimizer, "update", params, step, returns=False)
    kept = all(a is b for a, b in zip(params, originals, strict=True))
    for name, p in zip(names, params, strict=True):
        notes.value(name, p)
    notes.seen["in place"] = Remark("changed in place" if kept else "replaced by new arrays")


def _nothing_happens(cases, answers, expected) -> str | None:
    """All parameters are what they were."""
    for case, seen in zip(cases, answers, strict=False):
        for i, p in enumerate(case.params):
            got = seen.get(f"p[{i}]")
            if not isinstance(got, np.ndarray) or not same(got, p):
                return None
    return "p[0]"


def _all_nan(cases, answers, expected) -> str | None:
    """Every parameter is NaN from end to end, as after 0 / 0 in the correction."""
    got = [seen.get("p[0]") for seen in answers]
    nan = [isinstance(p, np.ndarray) and bool(np.isnan(p.astype(float)).all()) for p in got]
    return "p[0]" if len(nan) == len(cases) and all(nan) else None


def _rebound(cases, answers, expected) -> str | None:
    """The numbers are right, but the arrays in the list were exchanged."""
    wrong = 0
    for seen, right in zip(answers, expected, strict=False):
        for q, value in seen.items():
            if q == "in place":
                wrong += not same(value, right[q])
            elif not same(value, right.get(q, value)):
                return None
    return "in place" if wrong >= MIN_EVIDENCE else None


_LABELS = {
    "p[0]": "params[0] after the last update",
    "p[1]": "params[1] after the last update",
    "in place": "the arrays in params",
}
_MISTAKES = (
    Mistake(
        "nothing-happens",
        "the parameters do not change.",
        "`p = p - …` makes a new array and gives it the name p; the model's own array stays as "
        "it is.",
        (
            "Which of your lines writes into the array that was handed in?",
            "`p -= …` or `params[i] -= …` changes the array itself.",
        ),
        rule=_nothing_happens,
    ),
    Mistake(
        "params-rebound",
        "the numbers are right, but in new arrays.",
        "`params[i] = params[i] - …` puts another array into the list. The layers still hold the "
        "old one, so the model never learns.",
        ("Which array does the layer use in its next forward?", "`params[i] -= …`."),
        rule=_rebound,
    ),
    Mistake(
        "no-bias-correction",
        "the bias correction is missing.",
        "m and v start at 0, so at first both are far too small: m by 1 − β1ᵗ, v by 1 − β2ᵗ. "
        "Without the correction the first steps have the wrong size.",
        ("How large is m after the first step, compared with g?", "`√(1 − β2ᵗ) / (1 − β1ᵗ)`."),
    ),
    Mistake(
        "half-bias-correction",
        "only one of the two averages was corrected.",
        "m is too small by the factor 1 − β1ᵗ *and* v by 1 − β2ᵗ (so √v by its root).",
        ("Where do β1ᵗ and β2ᵗ appear in your code?",),
        slips=("half-bias-correction:m", "half-bias-correction:v"),
    ),
    Mistake(
        "correction-exchanged",
        "the two corrections are exchanged.",
        "m forgets with β1 and is too small by 1 − β1ᵗ: divide by that. v forgets with β2; the "
        "step divides by √v, so its correction √(1 − β2ᵗ) stands above.",
        ("After the first step m is (1 − β1)·g. What makes up for it?",),
    ),
    Mistake(
        "correction-without-root",
        "the correction of v lacks its root.",
        "v is too small by 1 − β2ᵗ. The step divides by √v, which is too small by √(1 − β2ᵗ).",
        ("How large should the first step be, whatever the gradient?", "`np.sqrt(1 - beta2**t)`."),
    ),
    Mistake(
        "correction-stored",
        "the corrected average was stored as the average.",
        "The correction is for this step only. Stored in m or v, it is part of all averages to "
        "come, and there it is corrected again: with every step it grows instead of fading out.",
        (
            "Which m does the second update start from: the average, or the corrected one?",
            "Give the corrected average a name of its own: `m_hat = m / (1 - beta1**t)`, and leave "
            "`self.m` alone; likewise v.",
        ),
        slips=("correction-stored", "correction-stored:m", "correction-stored:v"),
    ),
    Mistake(
        "t-from-zero",
        "the first update ends in NaN.",
        "With t = 0 the corrections 1 − β1⁰ and 1 − β2⁰ are both 0, and 0/0 is NaN. The first "
        "update is number 1.",
        ("How large is t in the first update?", "`t += 1` at the beginning of `update`."),
        rule=_all_nan,
    ),
    Mistake(
        "t-not-advanced",
        "the step counter stands still.",
        "The bias correction should fade out as t grows; with t = 1 for ever, it never does.",
        ("Where is t increased?", "Once in every call of `update`."),
    ),
    Mistake(
        "t-per-parameter",
        "the step counter runs with the parameters.",
        "t counts calls of `update`. Increased inside the loop, each parameter sees another t.",
        ("How often is t increased in one update of two parameters?",),
    ),
    Mistake(
        "square-missing",
        "the square is missing in v.",
        "v is the average of g², the size of the gradient; without the square it can be "
        "negative, and its root is NaN.",
        ("What does v average?", "`v += (1 - beta2) * (g**2 - v)`."),
    ),
    Mistake(
        "root-missing",
        "the root is missing.",
        "The step is m / √v, so that its size does not depend on the scale of the gradient.",
        ("If all gradients were 10 times larger, how should the step change?",),
    ),
    Mistake(
        "momentum-missing",
        "the step follows the gradient instead of its average.",
        "Without m this is another method (RMSProp): Adam steps along the average m.",
        ("Where does m appear in the step?",),
    ),
    Mistake(
        "betas-swapped",
        "β1 and β2 are swapped.",
        "β1 belongs to m, the average of g; β2 to v, the average of g².",
        ("Which of the two averages should forget faster?",),
    ),
    Mistake(
        "betas-fixed",
        "`beta1` and `beta2` play no part.",
        "The averages always forget as with 0.9 and 0.999, whatever was asked for.",
        ("Where do the arguments appear in your code?",),
    ),
    Mistake(
        "lr-ignored",
        "`lr` plays no part.",
        "The step is always that of lr = 0.001.",
        ("Where does `lr` appear in your code?",),
    ),
    Mistake(
        "state-not-kept",
        "m and v start anew in every update.",
        "They are averages over all steps so far, so they must survive from call to call.",
        ("Where are m and v set to 0?", "Only if they are still None."),
    ),
    Mistake(
        "state-shared",
        "all parameters share one m and one v.",
        "Each parameter has its own averages; with the same shape the mix-up goes unnoticed.",
        ("How many arrays m do two parameters need?", "`[np.zeros_like(p) for p in params]`."),
    ),
    Mistake(
        "wrong-sign",
        "the step goes uphill.",
        "The gradient points to where the loss grows; the step goes the other way.",
        ("Plus or minus?",),
    ),
)
_LAZY_MISTAKES = (
    Mistake(
        "dense-average",
        "rows without a gradient moved too.",
        "The averages m of all rows went on, so every word takes a step in every update, whether "
        "it occurred or not. That costs V rows a step instead of a few, which is what the lazy "
        "form saves.",
        (
            "Which rows did your update touch?",
            "Compute with `m[rows]`, `v[rows]` and `p[rows]` only.",
        ),
    ),
    Mistake(
        "dense-decay",
        "the averages of rows without a gradient decayed.",
        "`m *= beta1` goes through all V rows. In the lazy form a row's averages wait for its next "
        "gradient.",
        ("Which lines of your update go through the whole of m?",),
    ),
)
_HINTS = (
    "Keep one m and one v for each parameter, and one counter t; all of them in self.",
    "In each update: t += 1 once; then for each parameter m, v, and the step.",
    "`lr_t = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)`; `p -= lr_t * m / (np.sqrt(v) + 1e-7)`.",
)
ADAM = Exercise(
    "adam", _adam_cases, _probe_adam, _Adam, labels=_LABELS, mistakes=_MISTAKES, hints=_HINTS
)
LAZY_ADAM = Exercise(
    "adam",
    _lazy_cases,
    _probe_adam,
    _Adam,
    labels=_LABELS,
    mistakes=_LAZY_MISTAKES + _MISTAKES[:5],
    hints=(
        "`rows, values = g.coalesce()`: which rows of m, v and p does this update concern?",
        *_HINTS,
    ),
)
