"""Does the gradient checker accuse the innocent?  Many random layers, all of them correct.

Each run draws a network from a seed: what comes in (numbers or ids, small, large or saturated),
up to three layers, and how it ends (an array, or one of several losses, perhaps scaled by 1e-8 or
1e8).  Its gradient is exact by construction, so every failure that ``check_layer`` reports is a
false alarm.  One answer is counted apart: "nothing judged", for networks that are constant (rows
of length 1, summed up in squares), where the right gradient is 0 and every digit of it rounding.

With ``--wrong`` one gradient of each network is spoiled (made 0, turned, or multiplied by 1.001 or
1.00001), and the silent ones are counted.  A network is left out if the check of its right form
says itself that this gradient is 0 or negligible: there a mistake cannot show.

    python benchmarks/gradient_false_alarms.py --runs 10000 --save
    python benchmarks/gradient_false_alarms.py --runs 2000 --wrong --save

write the results into ``results/``, and go on there if they are interrupted; delete the file to
begin anew.  ``--seed`` shows one layer, for example one that was listed as ``found``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from w2vlib.gradient_check import GradientReport, check_layer
from w2vlib.layers import (
    Affine,
    Embedding,
    EmbeddingDot,
    EmbeddingMean,
    MatMul,
    MaxMarginLoss,
    Sigmoid,
    SigmoidWithLoss,
    Softmax,
    SoftmaxWithLoss,
    Tanh,
)
from w2vlib.models import CBOW, SkipGram, WindowClassifier
from w2vlib.negative_sampling import NegativeSamplingLoss
from w2vlib.sparse import RowGradient


class Formula:
    """A layer without parameters, from a formula and its derivative."""

    def __init__(self, f, df) -> None:
        self.f, self.df = f, df
        self.params, self.grads = [], []

    def forward(self, x):
        self.x = x
        return self.f(x)

    def backward(self, dout):
        return dout * self.df(self.x)


class LayerNorm:
    """Rows shifted to mean 0 and scaled to variance 1."""

    def __init__(self, eps=1e-3) -> None:
        self.eps, self.params, self.grads = eps, [], []

    def forward(self, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        self.std = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.eps)
        self.y = centred / self.std
        return self.y

    def backward(self, dout):
        mean = dout.mean(axis=-1, keepdims=True)
        along = (dout * self.y).mean(axis=-1, keepdims=True)
        return (dout - mean - self.y * along) / self.std


class UnitRows:
    """Rows scaled to length 1."""

    def __init__(self) -> None:
        self.params, self.grads = [], []

    def forward(self, x):
        self.length = np.sqrt((x**2).sum(axis=-1, keepdims=True) + 1e-12)
        self.y = x / self.length
        return self.y

    def backward(self, dout):
        return (dout - self.y * (dout * self.y).sum(axis=-1, keepdims=True)) / self.length


class HalfSquare:
    """L = ½ Σ x² / B."""

    def __init__(self) -> None:
        self.params, self.grads = [], []

    def forward(self, x):
        self.x = x
        return float(0.5 * (x**2).sum() / len(x))

    def backward(self, dout=1):
        return dout * self.x / len(self.x)


class RoughLogSigmoid:
    """L = mean log(1 + exp(−x)), written so that it rounds: small losses become a staircase."""

    def __init__(self) -> None:
        self.params, self.grads = [], []

    def forward(self, x):
        self.x = x
        with np.errstate(over="ignore"):
            cost = np.where(x < -30, -x, np.log(1 + np.exp(-np.maximum(x, -30))))
        return float(cost.mean())

    def backward(self, dout=1):
        with np.errstate(over="ignore"):
            y = 1 / (1 + np.exp(-self.x))
        return dout * (y - 1) / self.x.size


class Net:
    """Layers in a row; the last may be a loss that takes labels.  ``scale`` multiplies the end."""

    def __init__(self, layers, scale=1.0) -> None:
        self.layers, self.scale = layers, scale
        self.params = [p for layer in layers for p in layer.params]
        self.grads = [g for layer in layers for g in layer.grads]

    def forward(self, x, *rest):
        for layer in self.layers[:-1]:
            x = layer.forward(x)
        return self.scale * self.layers[-1].forward(x, *rest)

    def backward(self, dout):
        dout = self.scale * dout
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


FORMULAS = {
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(float)),
    "softplus": (softplus, sigmoid),
    "sine": (np.sin, np.cos),
    "swish": (
        lambda x: x * sigmoid(x),
        lambda x: sigmoid(x) + x * sigmoid(x) * sigmoid(-x),
    ),
    "root": (lambda x: np.sqrt(x**2 + 1), lambda x: x / np.sqrt(x**2 + 1)),
    "square": (lambda x: x**2, lambda x: 2 * x),
    "negative": (lambda x: -x, lambda x: -np.ones_like(x)),
}


def random_case(seed: int):
    """(description, factory, inputs) of one random correct layer."""
    rng = np.random.default_rng(seed)
    kinds = [_network] * 7 + [_dot, _sampled_loss, _cbow, _skip_gram, _window]
    return kinds[rng.integers(len(kinds))](rng)


def _numbers(rng, shape):
    """Anything from tiny to saturated, sometimes with zeros in it."""
    x = rng.standard_normal(shape) * 10.0 ** rng.uniform(-3, 3)
    if rng.random() < 0.2:
        x *= rng.random(shape) < 0.6
    return x


def _weights(rng, *shape):
    return rng.standard_normal(shape) * 10.0 ** rng.uniform(-2.5, 1.0)


def _ids(rng, size, shape):
    """Ids, often with repeats."""
    return rng.integers(0, rng.integers(1, size + 1), shape)


def _network(rng):
    rows, width = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    names, makers = [], []
    if rng.random() < 0.35:
        V = int(rng.integers(2, 8))
        W = _weights(rng, V, width)
        if rng.random() < 0.5:
            first, x = Embedding, _ids(rng, V, rows)
        else:
            first, x = EmbeddingMean, _ids(rng, V, (rows, int(rng.integers(1, 5))))
            x[rng.random(x.shape) < 0.15] = -1
        makers.append(lambda: first(W.copy()))
        names.append(first.__name__)
    else:
        x = _numbers(rng, (rows, width))
    for _ in range(int(rng.integers(0, 4))):
        name, maker, width = _inner_layer(rng, width)
        names.append(name)
        makers.append(maker)
    name, maker, labels = _ending(rng, rows, width)
    if name:
        names.append(name)
        makers.append(maker)
    if not makers:
        names, makers = ["Tanh"], [Tanh]
    scale = 10.0 ** rng.uniform(-8, 8) if rng.random() < 0.3 else 1.0
    inputs = (x, labels) if labels is not None else (x,)
    text = f"{' > '.join(names)}, input {x.dtype} {x.shape}, scale {scale:.0e}"
    return text, lambda: Net([make() for make in makers], scale), inputs


def _inner_layer(rng, width):
    kind = rng.integers(8)
    if kind <= 1:
        out = int(rng.integers(1, 6))
        W, b = _weights(rng, width, out), _weights(rng, out)
        if kind == 0:
            return "MatMul", lambda: MatMul(W.copy()), out
        return "Affine", lambda: Affine(W.copy(), b.copy()), out
    simple = {2: Tanh, 3: Sigmoid, 4: Softmax}
    if width > 2:  # rows of one or two numbers become constants, with gradients of mere rounding
        simple |= {5: LayerNorm, 6: UnitRows}
    if kind in simple:
        return simple[kind].__name__, simple[kind], width
    name = str(rng.choice(list(FORMULAS)))
    return name, lambda: Formula(*FORMULAS[name]), width


def _ending(rng, rows, width):
    kind = rng.integers(6)
    if kind == 0:
        return "SoftmaxWithLoss", SoftmaxWithLoss, _ids(rng, width, rows)
    if kind == 1:
        return "SoftmaxWithLoss", SoftmaxWithLoss, np.eye(width)[_ids(rng, width, rows)]
    if kind == 2:
        return "SigmoidWithLoss", SigmoidWithLoss, rng.integers(0, 2, (rows, width))
    if kind == 3:
        return "HalfSquare", HalfSquare, None
    if kind == 4:
        return "RoughLogSigmoid", RoughLogSigmoid, None
    return "", None, None


def _dot(rng):
    V, H, B = (int(n) for n in rng.integers(1, 6, 3))
    W = _weights(rng, V, H)
    idx = _ids(rng, V, (B, int(rng.integers(1, 4))) if rng.random() < 0.5 else B)
    sparse = bool(rng.random() < 0.5)
    inputs = (_numbers(rng, (B, H)), idx)
    return f"EmbeddingDot {V, H, B}", lambda: EmbeddingDot(W.copy(), sparse_grad=sparse), inputs


def _sampled_loss(rng):
    V, H, B, K = (int(n) for n in rng.integers(2, 6, 4))
    W, corpus = _weights(rng, V, H), np.arange(V).repeat(2)
    inputs = (_numbers(rng, (B, H)), _ids(rng, V, B), _ids(rng, V, (B, K)))
    seed = int(rng.integers(1000))
    if rng.random() < 0.3:
        inputs = inputs[:2]  # it draws its own negatives
    return (
        f"NegativeSamplingLoss {V, H, B, K}, {len(inputs)} inputs",
        lambda: NegativeSamplingLoss(W.copy(), corpus, sample_size=K, seed=seed),
        inputs,
    )


def _model(rng, model, loss):
    V, H = int(rng.integers(3, 7)), int(rng.integers(1, 4))
    values = [_weights(rng, V, H), _weights(rng, V, H)]
    corpus = np.arange(V).repeat(2)

    def factory():
        made = model(V, H, 1, corpus, seed=0, loss=loss, dtype=np.float64)
        for p, value in zip(made.params, values, strict=True):
            p[...] = value[: len(p)]
        return made

    return V, factory


def _cbow(rng):
    loss = str(rng.choice(["negative_sampling", "hierarchical_softmax"]))
    V, factory = _model(rng, CBOW, loss)
    B = int(rng.integers(1, 5))
    contexts = _ids(rng, V, (B, 2))
    contexts[rng.random(B) < 0.3, 0] = -1
    more = (_ids(rng, V, (B, 3)),) if loss == "negative_sampling" else ()
    return f"CBOW {V, B} {loss}", factory, (contexts, _ids(rng, V, B), *more)


def _skip_gram(rng):
    loss = str(rng.choice(["negative_sampling", "hierarchical_softmax"]))
    V, factory = _model(rng, SkipGram, loss)
    B = int(rng.integers(1, 5))
    more = (_ids(rng, V, (B, 2, 3)),) if loss == "negative_sampling" else ()
    return f"SkipGram {V, B} {loss}", factory, (_ids(rng, V, (B, 2)), _ids(rng, V, B), *more)


def _window(rng):
    V, D, H, B = (int(n) for n in rng.integers(2, 4, 4))
    kind = str(rng.choice(["tanh", "sigmoid"]))
    vectors = _weights(rng, V, D)
    if rng.random() < 0.3:
        inputs = (_numbers(rng, B), _numbers(rng, B))
        return f"MaxMarginLoss {B}", MaxMarginLoss, inputs
    return (
        f"WindowClassifier {V, D, H, B} {kind}",
        lambda: WindowClassifier(
            V, D, H, 1, activation=kind, word_vecs=vectors, seed=0, dtype=np.float64
        ),
        (_ids(rng, V, (B, 3)), _ids(rng, V, (B, 3))),
    )


def run_case(seed: int) -> tuple[str, GradientReport]:
    """Check the layer that belongs to this seed."""
    text, factory, inputs = random_case(seed)
    return text, check_layer(factory, inputs, seed=seed)


class Spoiled:
    """A layer of which one gradient is multiplied by a factor; the gradients are dense."""

    def __init__(self, layer, which: int, factor: float) -> None:
        self.layer, self.which, self.factor = layer, which, factor
        self.params, self.grads = layer.params, [np.zeros(p.shape) for p in layer.params]

    def forward(self, *inputs):
        return self.layer.forward(*inputs)

    def backward(self, dout):
        returned = self.layer.backward(dout)
        for mine, theirs in zip(self.grads, self.layer.grads, strict=True):
            mine[...] = theirs.to_dense() if isinstance(theirs, RowGradient) else theirs
        if self.which < len(self.grads):
            self.grads[self.which] *= self.factor
            return returned
        if isinstance(returned, tuple):
            return (returned[0] * self.factor, *returned[1:])
        return returned * self.factor


def run_spoiled(seed: int) -> tuple[str, GradientReport, bool]:
    """Check a wrong layer; also tells whether its mistake can be seen at all."""
    text, factory, inputs = random_case(seed)
    rng = np.random.default_rng(seed)
    count = len(factory().params) + (inputs[0].dtype.kind == "f")
    if not count:
        return text, GradientReport("nothing to spoil"), False
    which, factor = int(rng.integers(count)), [0.0, -1.0, 1.001, 1.00001][seed % 4]
    report = check_layer(lambda: Spoiled(factory(), which, factor), inputs, seed=seed)
    right = check_layer(factory, inputs, seed=seed).comparisons if report.passed else []
    name = list(dict.fromkeys(c.name for c in right))[which] if right else ""
    visible = not report.passed or any(c.informative for c in right if c.name == name)
    return f"{text}, gradient {which} times {factor}", report, visible


def count_alarms(seed: int, result: dict) -> None:
    """Check a right layer; print it if it is accused."""
    text, report = run_case(seed)
    for name, count in (
        ("entries_measured", lambda c: c.measured),
        ("too_small_to_judge", lambda c: c.unsure),
        ("on_a_kink", lambda c: c.kinks),
    ):
        result[name] = result.get(name, 0) + sum(int(count(c).sum()) for c in report.comparisons)
    flat = [p.name for p in report.problems] == ["nothing judged"]
    result["nothing_to_judge"] = result.get("nothing_to_judge", 0) + flat
    if not report.passed and not flat:
        result["found"].append(seed)
        print(f"seed {seed}: {text}\n{report}", flush=True)


def count_missed(seed: int, result: dict) -> None:
    """Check a wrong layer; print it if it gets through."""
    text, report, visible = run_spoiled(seed)
    result["cannot_be_seen"] = result.get("cannot_be_seen", 0) + (not visible)
    if report.passed and visible:
        result["found"].append(seed)
        print(f"seed {seed}: {text}\n{report}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=200, help="go on until there are so many")
    parser.add_argument("--wrong", action="store_true", help="spoil the layers, count the silent")
    parser.add_argument("--seed", type=int, help="check this one layer only")
    parser.add_argument("--save", action="store_true", help="continue and update the saved result")
    options = parser.parse_args()
    if options.seed is not None:
        print(*(run_spoiled if options.wrong else run_case)(options.seed), sep="\n")
        return
    name = "gradient_misses.json" if options.wrong else "gradient_false_alarms.json"
    path = Path(__file__).with_name("results") / name
    result = {"what": "missed" if options.wrong else "false alarms", "runs": 0, "found": []}
    if options.save and path.exists():
        result = json.loads(path.read_text(encoding="utf-8"))
    for seed in range(result["runs"], options.runs):
        (count_missed if options.wrong else count_alarms)(seed, result)
        result["runs"] += 1
        if options.save and (result["runs"] % 100 == 0 or result["runs"] == options.runs):
            import machine  # beside this script; the tests use only the random layers

            text = json.dumps(result | machine.when_and_where(), indent=2) + "\n"
            path.write_text(text, encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
