"""Checks for whole models: SimpleCBOW, SimpleSkipGram, CBOW, SkipGram."""

from __future__ import annotations

import numpy as np

from w2vlib.check import common
from w2vlib.check.answers import Remark
from w2vlib.check.common import numbers, second_pass
from w2vlib.check.exercise import Case, Exercise, Mistake, accepts
from w2vlib.check.model_rules import SAMPLE_SIZE, other_weights, own_negatives
from w2vlib.check.noise import corpus_with, seeds
from w2vlib.check.report import Report

# ---------------------------------------------------------------------- setting the weights


def set_weights(notes, model, W_in, W_out) -> tuple:
    """Write the given numbers into the model's own two matrices; returns those matrices.

    ``params`` may list the same matrix several times; the first one counts as W_in, unless
    ``word_vecs`` is the other.
    """
    params = getattr(model, "params", None)
    if not isinstance(params, list | tuple):
        notes.stop("loss", Remark("no gradient array: `params` must be a list of the weights"))
    different = list({id(p): p for p in params}.values())
    if len(different) != 2:
        number = f"{len(different)} different array{'s' * (len(different) != 1)}"
        text = f"{number} in `params`, where W_in and W_out are expected"
        notes.stop("loss", Remark(text))
    if getattr(model, "word_vecs", None) is different[1]:
        different.reverse()
    for weights, numbers_, name in zip(different, (W_in, W_out), ("W_in", "W_out"), strict=True):
        shape = getattr(weights, "shape", None)
        if shape != numbers_.shape:
            what = f"{name} of shape {shape}" if shape else f"a {type(weights).__name__} as {name}"
            text = f"{what}, where {numbers_.shape} is expected"
            notes.stop("loss", Remark(text))
        weights[...] = numbers_
    return tuple(different)


def _probe_model(model, case: Case, notes, inputs: tuple) -> None:
    """One step of a model, its weights set to those of the case."""
    W_in, W_out = set_weights(notes, model, case.W_in, case.W_out)
    held = [notes.hold(f"d{name}", model, W) for name, W in (("W_in", W_in), ("W_out", W_out))]
    extra = {}
    if "negatives" in case.inputs:
        extra["negatives"] = notes.give("negatives")
    if case.earlier:
        earlier = notes.give(*case.earlier, source=case.earlier)
        earlier = dict(zip(case.earlier, earlier, strict=True))
        first = {"negatives": earlier["negatives"]} if extra else {}
        notes.call("loss", model, "forward", *(earlier[name] for name in inputs), **first)
        notes.call("dW_in", model, "backward", returns=False)
    given = notes.give(*inputs)
    notes.value("loss", notes.call("loss", model, "forward", *given, **extra))
    upstream = () if case.dout == 1 else (case.dout,)
    notes.call("dW_in", model, "backward", *upstream, returns=False)
    notes.grad("dW_in", model, held[0])
    in_place = notes.seen["grads in place"]
    notes.grad("dW_out", model, held[1])
    if in_place.text != "filled in place":
        notes.seen["grads in place"] = in_place


_LABELS = {
    "loss": "forward(contexts, target)",
    "dW_in": "the gradient of W_in after backward()",
    "dW_out": "the gradient of W_out after backward()",
}

# ------------------------------------------------------------------- mistakes of all models

_SHARED = Mistake(
    "shared-weight-overwritten",
    "W_in has the gradient of one context only.",
    "All contexts look up the *same* W_in: one parameter, one gradient, the sum over the contexts. "
    "Where each of them writes into the same array, the last one wins. (And if one layer object is "
    "used for all contexts, a single call of its backward goes back through the last one only.)",
    (
        "How often is the array of W_in's gradient filled during one backward?",
        "One layer object for each context, or one lookup for all contexts at once; then add.",
    ),
    slips=("shared-weight-overwritten:last", "shared-weight-overwritten:first"),
)
_MISSING_C = Mistake(
    "missing-1/C",
    "the factor 1/C is missing.",
    "h is the *mean* of the C context vectors: forward divides by C, and therefore backward "
    "hands each of them dh / C. If only one of the two does so, gradient and loss belong to "
    "different functions.",
    ("Look for the division by C: one in each pass.", "`h = (…) / C`, and `dh / C` going back."),
    slips=("missing-1/C:both", "missing-1/C:forward", "missing-1/C:backward"),
)
_DIVIDED_BY_W = Mistake(
    "divided-by-window-size",
    "divided by the window size instead of the number of contexts.",
    lambda case: (
        f"A window of size w reaches to both sides: with w = {case.window_size} there are "
        f"C = 2w = {case.contexts.shape[1]} contexts, and h is the mean of their vectors. Forward "
        "divides by C, and therefore backward hands each of them dh / C."
    ),
    (
        "How many columns has `contexts`?",
        "Divide by `contexts.shape[1]`, or by `2 * window_size`: once in each pass.",
    ),
    slips=tuple(f"divided-by-window-size:{where}" for where in ("both", "forward", "backward")),
)
_DOUBLE_C = Mistake(
    "double-1/C",
    "divided by C twice.",
    "The mean over the contexts is taken once in each pass.",
    ("Where does 1/C stand in your code? Count the places.",),
)
_FIRST_ONLY = Mistake(
    "first-context-only",
    "only the first context counts.",
    "All C neighbours of a word are its context.",
    ("Which columns of `contexts` does your forward use?",),
)
_ACTIVATED = Mistake(
    "hidden-layer-activated",
    "the hidden layer got an activation function.",
    "word2vec's hidden layer is just the mean of word vectors. Without a non-linearity it is "
    "quick, and sums and differences of vectors keep their meaning.",
    ("What happens between the two matrices?",),
    slips=("hidden-layer-activated:sigmoid", "hidden-layer-activated:tanh"),
)
_SWAPPED = Mistake(
    "contexts-and-target-swapped",
    "contexts and target have swapped their parts.",
    "CBOW guesses the target from its contexts; skip-gram guesses the contexts from the target.",
    ("Which of the two goes into W_in?",),
)
_MISSING_B = Mistake(
    "missing-1/B",
    "the sum over the batch instead of its mean.",
    "With the sum, the size of a step depends on the batch size.",
    ("By which factor do yours and the expected values differ?",),
)
_MEAN_OVER_C = Mistake(
    "mean-instead-of-sum",
    "the mean over the contexts instead of their sum.",
    "Skip-gram asks C questions about each word, and their losses add up. The mean makes all steps "
    "C times smaller.",
    ("By which factor do yours and the expected values differ?",),
)
_PROBABILITIES_ONCE = Mistake(
    "probabilities-once",
    "the probabilities are in the gradient once instead of C times.",
    "All C losses share the same scores, and each of them sends back p − t with a t of its own. "
    "Their sum is C·p − Σt: the probabilities count once for each context. With a single p, the "
    "contexts' scores are pulled up C times as strongly as all scores are pushed down.",
    (
        "What does the loss of *one* context send back to the scores? And the sum of C of those?",
        "`ds = sum(p - contexts[:, c] for c in range(C))`: how often is p in there?",
    ),
)
_ONE_GRADIENT = Mistake(
    "dh-overwritten",
    "only one context sends its gradient back to h.",
    "The same h is used for all C contexts, so h gets the sum of C gradients.",
    ("How many losses depend on h?", "`dh += …` in the loop, not `dh = …`."),
    slips=("dh-overwritten:last", "dh-overwritten:first"),
)
_SHARED_OUT = Mistake(
    "shared-weight-overwritten",
    "W_out has the gradient of one context only.",
    "The losses of all C contexts use the *same* W_out: one parameter, one gradient, the sum over "
    "the contexts. Each loss layer knows only its own part of it.",
    (
        "Which layers have a share in the gradient of W_out, and which of them are in `grads`?",
        "List each of them in `params` and `grads`, or add them up: `grads[1][...] = sum(…)`.",
    ),
    slips=("W_out-overwritten:last", "W_out-overwritten:first"),
)
_ASSIGNED = Mistake(
    "assigned-instead-of-added",
    "you assigned where you must add.",
    "A word that occurs several times in the batch got only its last contribution to W_in.",
    ("What if the same word stands in two examples?", "`np.add.at(dW, ids, values)`."),
    slips=("assigned-instead-of-added", "assigned-instead-of-added:all"),
)
_WINDOW_IGNORED = Mistake(
    "window-ignored",
    "only the two direct neighbours count.",
    "With a window of size w there are C = 2w contexts; here those from the third on play no part.",
    ("For which columns of `contexts` did you make a layer?", "`range(2 * window_size)`."),
)


_OUTPUT_NOT_FILLED = Mistake(
    "output-grads-not-filled",
    "the gradient of W_out does not arrive in `grads`.",
    "After backward the array that stands beside W_out in `grads` is still zero, so training will "
    "never change W_out. A layer that holds W_out writes its gradient into an array of its own; "
    "the model has to list that very array.",
    (
        "Which part of your code computes the gradient of W_out, and where does it put it?",
        "Take the array from the layer: `self.grads = … + layer.grads`, not new zeros.",
    ),
    edit=lambda case, answers: {
        q: np.zeros_like(v) if q == "dW_out" and isinstance(v, np.ndarray) else v
        for q, v in answers.items()
    },
)


def _common_mistakes() -> tuple[Mistake, ...]:
    return (
        _MISSING_B,
        common.dout_ignored(),
        common.wrong_sign("dW_in", "dW_out"),
        common.grads_not_filled("the gradient of W_in", "dW_in"),
        _OUTPUT_NOT_FILLED,
        common.grads_accumulate("grads[0]"),
        common.stale_cache("the contexts and targets"),
    )


# --------------------------------------------------------------- SimpleCBOW, SimpleSkipGram


def simple_cbow(cls) -> Report:
    """Check a class ``SimpleCBOW(vocab_size, hidden_size)``: one-hot vectors and softmax.

    Write::

        class SimpleCBOW:
            def __init__(self, vocab_size, hidden_size):
                ...
                self.params = [W_in, W_out]     # (V, H) and (H, V)
                self.grads = [dW_in, dW_out]    # arrays of the same shapes

            def forward(self, contexts, target):    # one-hot: (B, 2, V) and (B, V)
                ...     # h = mean over the contexts of contexts W_in, scores = h W_out
                ...     # → the mean softmax cross entropy, a number

            def backward(self, dout=1):     # fills grads in place
                ...

    The check writes its own numbers into the two matrices in ``params``.  A matrix that several
    layers share may be listed several times; the gradients beside it count together.

    Args:
        cls: the class, or a function of the same arguments that makes an instance.
    """
    return SIMPLE_CBOW.check(cls)


def simple_skip_gram(cls) -> Report:
    """Check a class ``SimpleSkipGram(vocab_size, hidden_size)``: one-hot vectors and softmax.

    As :func:`simple_cbow`, but the other way round: ``h = target W_in``, ``scores = h W_out``, and
    the loss is the *sum* over the contexts of the mean softmax cross entropy.

    Args:
        cls: the class, or a function of the same arguments that makes an instance.
    """
    return SIMPLE_SKIP_GRAM.check(cls)


def _hidden(h, slip: str):
    """The hidden layer and its derivative; plain, unless the slip adds an activation."""
    if slip.endswith("activated:sigmoid"):
        y = 1 / (1 + np.exp(-h))
        return y, y * (1 - y)
    if slip.endswith("activated:tanh"):
        y = np.tanh(h)
        return y, 1 - y * y
    return h, np.ones_like(h)


def _divisor(C: int, slip: str, way: str) -> float:
    """What the pass ``way`` divides by for the mean of C context vectors."""
    mistake, _, where = slip.partition(":")
    if where not in ("", "both", way):
        return C
    return {"missing-1/C": 1, "double-1/C": C * C, "divided-by-window-size": C / 2}.get(mistake, C)


def _pick(parts: list, slip: str) -> np.ndarray:
    """The sum of the contexts' parts, or one of them alone."""
    if slip.endswith("overwritten:last"):
        return parts[-1]
    if slip.endswith("overwritten:first"):
        return parts[0]
    return sum(parts)


class _SimpleModel:
    """Both simple models: what is the input, and what is to be guessed?"""

    skip_gram = False

    def __init__(self, vocab_size, hidden_size, *, slip: str = "") -> None:
        shapes = (vocab_size, hidden_size), (hidden_size, vocab_size)
        self.params = [np.zeros(shape) for shape in shapes]
        self.grads = [np.zeros(shape) for shape in shapes]
        self.slip, self.cache = slip, None

    def forward(self, contexts, target):
        (W_in, W_out), slip, C = self.params, self.slip, contexts.shape[1]
        if self.skip_gram == (slip != "contexts-and-target-swapped"):
            inputs, answers = [target], [contexts[:, c] for c in range(C)]
        else:
            inputs, answers = [contexts[:, c] for c in range(C)], [target]
        if slip == "first-context-only":
            inputs, answers = inputs[:1], answers[:1]
        mean = sum(x @ W_in for x in inputs) / _divisor(len(inputs), slip, "forward")
        h, slope = _hidden(mean, slip)
        x = h @ W_out
        log_y = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
        if slip != "stale-cache" or self.cache is None:
            self.cache = inputs, answers, h, slope, np.exp(log_y)
        return self._mean(-sum((t * log_y).sum() for t in answers), len(x), len(answers))

    def backward(self, dout=1):
        (_, W_out), slip = self.params, self.slip
        inputs, answers, h, slope, y = self.cache
        dout = 1 if slip == "dout-ignored" else dout
        counted = [slip != "probabilities-once" or c == 0 for c in range(len(answers))]
        dx = [y * n - t for n, t in zip(counted, answers, strict=True)]
        dx = [self._mean(d * dout, len(h), len(answers)) for d in dx]
        dh = _pick([d @ W_out.T for d in dx], slip if slip.startswith("dh-") else "") * slope
        dh = dh / _divisor(len(inputs), slip, "backward")
        parts = [x.T @ dh for x in inputs]
        new = _pick(parts, slip if slip.startswith("shared") else ""), h.T @ sum(dx)
        for grad, value in zip(self.grads, new, strict=True):
            grad[...] = grad + value if slip == "grads-accumulate" else value

    def _mean(self, total, B, C):
        return total / {"missing-1/B": 1, "mean-instead-of-sum": B * C}.get(self.slip, B)


class _SimpleSkipGram(_SimpleModel):
    skip_gram = True


def _simple_cases(rng) -> list[Case]:
    def case(name, V, H, B, dout=1.0):
        eye = np.eye(V, dtype=np.int32)
        ids = np.array([rng.permutation(V)[:3] for _ in range(B)])
        return Case(
            name,
            {
                "W_in": numbers(rng, V, H),
                "W_out": numbers(rng, H, V),
                "contexts": eye[ids[:, :2]],
                "target": eye[ids[:, 2]],
                "dout": dout,
            },
        )

    given = "contexts", "target"
    return [
        case("known answers", 4, 2, 1),
        case("known answers", 5, 3, 2),
        case("larger", 6, 4, 5),
        case("upstream gradient", 4, 3, 2, 2.0),
        case("upstream gradient", 5, 2, 3, -0.5),
        second_pass(case("", 4, 2, 2), case("", 4, 2, 2), *given),
        second_pass(case("", 5, 3, 2), case("", 5, 3, 2), *given),
    ]


def _probe_simple(make, case: Case, notes) -> None:
    model = notes.make(make, *case.W_in.shape, quantity="loss", **seeds(make))
    _probe_model(model, case, notes, ("contexts", "target"))


SIMPLE_CBOW = Exercise(
    "simple_cbow",
    _simple_cases,
    _probe_simple,
    _SimpleModel,
    labels=_LABELS,
    mistakes=(_MISSING_C, _DOUBLE_C, _SHARED, _FIRST_ONLY, _ACTIVATED, _SWAPPED)
    + _common_mistakes(),
    hints=(
        "One after the other: contexts W_in (for each context), mean, times W_out, softmax with "
        "loss.",
        "Backward goes the same way back. The mean hands each context dh / C, and W_in gets the "
        "*sum* of what the contexts contribute.",
        "With two MatMul layers on the same W_in, list both in `params` and `grads`.",
    ),
)
SIMPLE_SKIP_GRAM = Exercise(
    "simple_skip_gram",
    _simple_cases,
    _probe_simple,
    _SimpleSkipGram,
    labels=_LABELS,
    mistakes=(
        _MEAN_OVER_C,
        _ONE_GRADIENT,
        _PROBABILITIES_ONCE,
        _FIRST_ONLY,
        _ACTIVATED,
        _SWAPPED,
    )
    + _common_mistakes(),
    hints=(
        "One after the other: target W_in, times W_out, and then one softmax loss for each "
        "context.",
        "The losses add up, and so do their gradients with respect to the scores.",
        "Use one loss layer for each context: `ds = sum(layer.backward(dout) for layer in …)`.",
    ),
)

# ------------------------------------------------------------------------- CBOW, SkipGram


def cbow(cls) -> Report:
    """Check a class ``CBOW(vocab_size, hidden_size, window_size, corpus)``.

    Write::

        class CBOW:
            def __init__(self, vocab_size, hidden_size, window_size, corpus):
                ...
                self.params = [W_in, W_out]     # both (V, H)
                self.grads = [dW_in, dW_out]    # arrays of the same shapes

            def forward(self, contexts, target, negatives=None):    # (B, C), (B,), (B, K) ids
                ...     # h = mean of the C rows W_in[contexts]
                ...     # → NegativeSamplingLoss of h, target and (if given) negatives

            def backward(self, dout=1):     # fills grads in place
                ...

    C = 2 · window_size.  The check writes its own numbers into the two matrices in ``params``, W_in
    first.  A matrix that several layers share may be listed several times; the gradients beside
    it count together.  Without the argument ``negatives`` the model is checked with two words only,
    where nothing is left to chance; it must then draw 5 negatives.

    Args:
        cls: the class, or a function of the same arguments that makes an instance.
    """
    return CBOW.check(cls)


def skip_gram(cls) -> Report:
    """Check a class ``SkipGram(vocab_size, hidden_size, window_size, corpus)``.

    As :func:`cbow`, but ``h = W_in[target]`` and the loss is the *sum* over the C contexts of their
    negative sampling losses; ``negatives`` has the shape (B, C, K).

    Args:
        cls: the class, or a function of the same arguments that makes an instance.
    """
    return SKIP_GRAM.check(cls)


class _NegativeModel:
    """Both models: rows of W_in → h → K + 1 questions for each word to be guessed."""

    skip_gram = False

    def __init__(self, vocab_size, hidden_size, window_size, corpus, *, slip: str = "") -> None:
        shape = vocab_size, hidden_size
        self.params, self.grads = [np.zeros(shape) for _ in "12"], [np.zeros(shape) for _ in "12"]
        self.slip, self.cache, self.C = slip, None, 2 * window_size

    def forward(self, contexts, target, negatives=None):
        (W_in, W_out), slip = self.params, self.slip
        inputs, answers = contexts, target[:, None]
        if self.skip_gram == (slip != "contexts-and-target-swapped"):
            inputs, answers = answers, inputs
        if negatives is None:  # two words: the negatives are always the other one
            negatives = np.repeat(1 - answers[:, :, None], SAMPLE_SIZE, axis=2)
        if negatives.ndim == 2:
            negatives = negatives[:, None, :]
        if slip == "first-context-only":
            inputs, answers, negatives = inputs[:, :1], answers[:, :1], negatives[:, :1]
        if slip == "window-ignored":
            inputs, answers, negatives = inputs[:, :2], answers[:, :2], negatives[:, :2]
        mean = W_in[inputs].sum(axis=1) / _divisor(inputs.shape[1], slip, "forward")
        h, slope = _hidden(mean, slip)
        ids = np.concatenate([answers[:, :, None], negatives], axis=2)
        t = np.zeros(ids.shape)
        t[:, :, 0] = 1
        x = np.einsum("bckh,bh->bck", W_out[ids], h)
        if slip != "stale-cache" or self.cache is None:
            self.cache = inputs, ids, t, h, slope, 1 / (1 + np.exp(-x))
        cost = np.logaddexp(0, x) - t * x
        return self._mean(cost.sum(), len(h), answers.shape[1])

    def backward(self, dout=1):
        (W_in, W_out), slip = self.params, self.slip
        inputs, ids, t, h, slope, y = self.cache
        dout = 1 if slip == "dout-ignored" else dout
        dx = self._mean((y - t) * dout, len(h), ids.shape[1])
        parts = list(np.einsum("bck,bckh->cbh", dx, W_out[ids]))
        dh = _pick(parts, slip if slip.startswith("dh-") else "") * slope
        share = dh / _divisor(inputs.shape[1], slip, "backward")
        dW_out = np.zeros_like(W_out)
        shares = dx[..., None] * h[:, None, None, :]
        kept = {"W_out-overwritten:first": slice(1), "W_out-overwritten:last": slice(-1, None)}
        c = kept.get(slip, slice(None))
        np.add.at(dW_out, ids[:, c], shares[:, c])
        parts = []
        for c in range(inputs.shape[1]):
            parts.append(np.zeros_like(W_in))
            if slip == "assigned-instead-of-added":
                parts[-1][inputs[:, c]] = share
            else:
                np.add.at(parts[-1], inputs[:, c], share)
        if slip == "assigned-instead-of-added:all":
            parts = [np.zeros_like(W_in)]
            parts[0][inputs] = share[:, None, :]
        new = _pick(parts, slip if slip.startswith("shared") else ""), dW_out
        for grad, value in zip(self.grads, new, strict=True):
            grad[...] = grad + value if slip == "grads-accumulate" else value

    def _mean(self, total, B, C):
        return total / {"missing-1/B": 1, "mean-instead-of-sum": B * C}.get(self.slip, B)


class _SkipGram(_NegativeModel):
    skip_gram = True


def _model_cases(rng, skip_gram: bool) -> list[Case]:
    def case(name, V, H, window_size, B, K=2, dout=1.0, repeat=False):
        C = 2 * window_size
        words = 2 if repeat else V
        contexts, target = rng.integers(0, words, (B, C)), rng.integers(0, words, B)
        answers = contexts if skip_gram else target
        shift = rng.integers(1, V, (*answers.shape, K))
        return Case(
            name,
            {
                "W_in": numbers(rng, V, H),
                "W_out": numbers(rng, V, H),
                "window_size": window_size,
                "contexts": contexts,
                "target": target,
                "negatives": (answers[..., None] + shift) % V,
                "dout": dout,
            },
        )

    given = "contexts", "target", "negatives"
    return [
        case("known answers", 5, 2, 1, 1),
        case("known answers", 6, 3, 1, 2),
        case("wider window", 7, 3, 2, 2),
        case("wider window", 9, 2, 2, 3, 3),
        case("repeated words", 4, 2, 1, 3, repeat=True),
        case("repeated words", 5, 3, 2, 4, repeat=True),
        case("upstream gradient", 5, 2, 1, 2, dout=2.0),
        case("upstream gradient", 6, 3, 1, 3, dout=-0.5),
        second_pass(case("", 5, 2, 1, 2), case("", 5, 2, 1, 2), *given),
        second_pass(case("", 6, 3, 1, 2), case("", 6, 3, 1, 2), *given),
    ]


def _two_words(case: Case) -> Case:
    """The case with a vocabulary of two words: whatever is not the target is the negative."""

    def cut(inputs: dict) -> dict:
        kept = {name: value for name, value in inputs.items() if name != "negatives"}
        for name in kept.keys() & {"W_in", "W_out"}:
            kept[name] = kept[name][:2]
        for name in kept.keys() & {"contexts", "target"}:
            kept[name] = kept[name] % 2
        return kept

    return Case("two words", cut(case.inputs), cut(case.earlier))


def _both_kinds(rng, skip_gram: bool) -> list[Case]:
    cases = _model_cases(rng, skip_gram)
    return cases + [_two_words(case) for case in cases]


def _probe_negative_model(make, case: Case, notes) -> None:
    """Cases with negatives go to models that take them, cases with two words to the others."""
    V, H = case.W_in.shape
    corpus = corpus_with([3] * V)
    model = notes.make(make, V, H, case.window_size, corpus, quantity="loss", **seeds(make))
    takes_negatives = accepts(getattr(model, "forward", None), "negatives")
    wanted = takes_negatives == ("negatives" in case.inputs)
    if wanted or isinstance(model, _NegativeModel):
        _probe_model(model, case, notes, ("contexts", "target"))


CBOW = Exercise(
    "cbow",
    lambda rng: _both_kinds(rng, False),
    _probe_negative_model,
    _NegativeModel,
    labels=_LABELS,
    mistakes=(
        _MISSING_C,
        _DIVIDED_BY_W,
        _DOUBLE_C,
        _SHARED,
        _FIRST_ONLY,
        _WINDOW_IGNORED,
        _ACTIVATED,
        _SWAPPED,
        _ASSIGNED,
        other_weights(skip_gram=False),
        own_negatives(skip_gram=False),
    )
    + _common_mistakes(),
    hints=(
        "Contexts → Embedding(W_in) → mean → NegativeSamplingLoss(W_out): the same road as "
        "SimpleCBOW, with rows picked instead of matrices multiplied. Hand `negatives` on to it.",
        "`W_in[contexts]` has shape (B, C, H); the mean runs over axis 1. Going back, each context "
        "gets dh / C.",
        "One Embedding for each context column, all with the same W_in. Add up their gradients, "
        "`grads[0][...] = sum(…)`, or list each layer in `params` and `grads`. Or one Embedding "
        "for all: `backward(np.repeat(dh[:, None] / C, C, axis=1))`.",
    ),
)
SKIP_GRAM = Exercise(
    "skip_gram",
    lambda rng: _both_kinds(rng, True),
    _probe_negative_model,
    _SkipGram,
    labels=_LABELS,
    mistakes=(
        _MEAN_OVER_C,
        _ONE_GRADIENT,
        _SHARED_OUT,
        _FIRST_ONLY,
        _WINDOW_IGNORED,
        _ACTIVATED,
        _SWAPPED,
        _ASSIGNED,
        other_weights(skip_gram=True),
        own_negatives(skip_gram=True),
    )
    + _common_mistakes(),
    hints=(
        "h is one row of W_in for each target; the loss asks about each of its C neighbours. "
        "`negatives[:, c]` belongs to the neighbour c.",
        "One NegativeSamplingLoss for each context column, all with the same W_out: the losses add "
        "up, and so do the dh that they send back.",
        "`dh = sum(layer.backward(dout) for layer in self.loss_layers)`, then the embedding.",
    ),
)
