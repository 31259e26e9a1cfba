"""Four small experiments as plain classes: what can be turned, what it shows, and that in words.

Each lesson has ``title``, ``controls()`` (what can be set), ``set(name, value)``, ``html()`` (a
table whose numbers are text, never colour alone) and ``tell()`` (what it shows, in words).  The
widgets in :mod:`~w2vlib.widgets.teaching` only show these.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from w2vlib.functions import sigmoid
from w2vlib.validation import as_count, as_ids, as_matrix, as_number
from w2vlib.widgets.export import number

_CELL = "padding: 0.1em 0.6em; text-align: right; border: 0; font-variant-numeric: tabular-nums;"
_LEFT = _CELL.replace("right", "left").replace("0.1em 0.6em", "0.1em 0.6em 0.1em 0")
_MOST_ROWS = 16
# A frame, a sign and bold type; the colour is only company.
_PICKED = " font-weight: 700; border-top: 2px solid; border-bottom: 2px solid;"


def slider(name: str, label: str, low, high, step, value, text: str) -> dict:
    """A control: a number between two others."""
    return {
        "kind": "slider", "name": name, "label": label, "min": low, "max": high, "step": step,
        "value": value, "text": text,
    }  # fmt: skip


class OneHotLesson:
    """A one-hot vector times a matrix copies one row.

    Args:
        W: (V, H) matrix, small enough to be written out (V <= 16).
        words: names of the rows.
    """

    title = "A one-hot vector picks a row"

    def __init__(self, W, words: Sequence[str] | None = None) -> None:
        self.W = as_matrix(np.asarray(W), "W")
        if not 2 <= len(self.W) <= _MOST_ROWS:
            raise ValueError(
                f"W must have 2 to {_MOST_ROWS} rows to be written out, got {len(self.W)}."
            )
        self.words = [str(i) for i in range(len(self.W))] if words is None else list(words)
        if len(self.words) != len(self.W):
            raise ValueError(f"words has {len(self.words)} names, but W has {len(self.W)} rows.")
        self.row = 0

    def controls(self) -> list[dict]:
        """Which word is 1."""
        last = len(self.W) - 1
        return [slider("row", "word", 0, last, 1, self.row, self.words[self.row])]

    def set(self, name: str, value) -> None:
        """Choose the row."""
        self.row = int(as_ids([int(value)], len(self.W), name)[0])

    def result(self) -> np.ndarray:
        """(H,) the product x @ W, computed as a product."""
        x = np.zeros(len(self.W))
        x[self.row] = 1
        return x @ self.W

    def html(self) -> str:
        """The vector, the matrix with the picked row, and the product."""
        rows = []
        for i, (word, row) in enumerate(zip(self.words, self.W, strict=True)):
            style = _PICKED if i == self.row else ""
            sign = "◀" if i == self.row else ""
            cells = "".join(_td(number(v, 2), style) for v in row)
            rows.append(
                f"<tr>{_th(word)}{_td('1' if i == self.row else '0', style)}{cells}{_td(sign)}</tr>"
            )
        result = "".join(_td(number(v, 2), _PICKED) for v in self.result())
        columns = "".join(_th(f"W·{j}", "col") for j in range(self.W.shape[1]))
        return (
            f"<table><caption>x, and the matrix W</caption><thead><tr>{_th('word', 'corner')}"
            f"{_th('x', 'col')}{columns}{_td('')}</tr></thead><tbody>{''.join(rows)}"
            f"<tr>{_th('h = x W')}{_td('')}{result}{_td('')}</tr></tbody></table>"
        )

    def tell(self) -> str:
        """What the product did."""
        V, H = self.W.shape
        return (
            f"The product takes {V} × {H} = {V * H} multiplications, of which {V * H - H} are by "
            f"zero. What comes out is row {self.row} of W, the vector of {self.words[self.row]!r}."
        )


class CostLesson:
    """What one target costs: a softmax over all words, or a few yes-or-no questions."""

    title = "Softmax or a few sigmoids: the cost of one target"

    def __init__(self, vocab_size: int = 10_000, hidden_size: int = 100, sample_size: int = 5):
        self.V, self.H = (
            as_count(vocab_size, "vocab_size", 10),
            as_count(hidden_size, "hidden_size"),
        )
        self.K = as_count(sample_size, "sample_size")

    def controls(self) -> list[dict]:
        """Vocabulary size (by powers of ten) and negatives."""
        power = round(float(np.log10(self.V)), 2)
        return [
            slider("V", "vocabulary size V", 1, 7, 0.25, power, f"{self.V:,}"),
            slider("K", "negatives K", 1, 30, 1, self.K, str(self.K)),
        ]

    def set(self, name: str, value) -> None:
        """Set V (as a power of ten) or K."""
        if name == "V":
            power = as_number(value, "V", minimum=1, maximum=7)
            self.V = int(float(f"{10**power:.2g}"))
        elif name == "K":
            self.K = as_count(int(value), "K")
        else:
            raise ValueError(f"There is no control {name!r}; there are V and K.")

    def costs(self) -> tuple[int, int]:
        """Multiplications of the output layer, forward: V·H, and (1 + K)·H."""
        return self.V * self.H, (1 + self.K) * self.H

    def html(self) -> str:
        """Both costs as bars on a logarithmic scale, with their numbers."""
        names = ("softmax over all V words", "sigmoids: 1 target + K negatives")
        longest = np.log10(10**7 * self.H)
        bars = [
            (name, f"{cost:,}", float(np.log10(cost) / longest))
            for name, cost in zip(names, self.costs(), strict=True)
        ]
        return _bars("multiplications for one target (logarithmic bars)", bars)

    def tell(self) -> str:
        """The ratio."""
        full, few = self.costs()
        ratio = full / few
        compared = f"{ratio:,.0f} times fewer" if ratio >= 1.5 else "no gain worth the name"
        return (
            f"With V = {self.V:,}, H = {self.H} and K = {self.K}: {full:,} multiplications against "
            f"{few:,}, {compared}. The softmax grows with V, the sigmoids do not."
        )


class PowerLesson:
    """How the power bends the noise distribution: P(w) ∝ count(w) ** power.

    Args:
        counts: (V,) how often each word occurs.
        words: the V words.
        shown: how many words to show, spread evenly over the ranks.
    """

    title = "The power in the noise distribution"

    def __init__(self, counts, words: Sequence[str] | None = None, shown: int = 8) -> None:
        self.counts = np.asarray(counts, dtype=np.float64)
        if self.counts.ndim != 1 or not len(self.counts) or (self.counts < 0).any():
            raise ValueError("counts must be one list of numbers >= 0, one for each word.")
        if not self.counts.sum() > 0:
            raise ValueError("counts must not all be 0.")
        self.words = [str(i) for i in range(len(self.counts))] if words is None else list(words)
        if len(self.words) != len(self.counts):
            raise ValueError(f"{len(self.words)} words, but {len(self.counts)} counts.")
        self.power = 0.75
        order = np.argsort(-self.counts, kind="stable")
        order = order[self.counts[order] > 0]
        if len(order) > shown:  # else there is room for all
            order = order[np.unique(np.geomspace(1, len(order), shown).round().astype(int) - 1)]
        self.shown = order

    def controls(self) -> list[dict]:
        """The power."""
        return [slider("power", "power", 0, 1.5, 0.05, self.power, f"{self.power:.2f}")]

    def set(self, name: str, value) -> None:
        """Set the power, 0 … 1.5."""
        self.power = round(as_number(value, name, minimum=0, maximum=1.5), 2)

    def probabilities(self) -> np.ndarray:
        """(V,) the noise distribution; words that never occur are never drawn."""
        weights = np.where(self.counts > 0, self.counts**self.power, 0.0)
        return weights / weights.sum()

    def html(self) -> str:
        """Words from the most frequent to the rarest, each with its share."""
        p = self.probabilities()
        longest = max(p[self.shown].max(), 1e-12)
        bars = [
            (f"{self.words[i]} ({int(self.counts[i]):,} ×)", _percent(p[i]), p[i] / longest)
            for i in self.shown
        ]
        return _bars(f"chance to be drawn as a negative, power {self.power:.2f}", bars)

    def tell(self) -> str:
        """How often the most frequent word is drawn, against the rarest shown."""
        p = self.probabilities()
        first, last = self.shown[0], self.shown[-1]
        ratio = p[first] / p[last]
        return (
            f"With the power {self.power:.2f}, {self.words[first]!r} is drawn {ratio:,.0f} times "
            f"as often as {self.words[last]!r}; in the text it occurs "
            f"{self.counts[first] / self.counts[last]:,.0f} times as often. Power 1 draws as in "
            "the text, power 0 draws all words alike."
        )


class NegativeLesson:
    """One update of CBOW with negative sampling, step by step.

    Args:
        W_in, W_out: (V, H) weights; copied.
        contexts: ids of the context words.
        target: id of the target.
        negatives: ids of the negative samples; one that occurs twice counts twice.
        lr: learning rate.
        words: the V words.
    """

    title = "One update with negative sampling"
    STEPS = ("before", "mean of the contexts", "scores", "errors", "gradients", "after")

    def __init__(self, W_in, W_out, contexts, target: int, negatives, lr=0.5, words=None) -> None:
        self.W_in = as_matrix(np.asarray(W_in), "W_in").astype(np.float64)
        self.W_out = as_matrix(np.asarray(W_out), "W_out").astype(np.float64)
        if self.W_in.shape != self.W_out.shape:
            raise ValueError("W_in and W_out must have the same shape (V, H).")
        V = len(self.W_in)
        self.contexts = as_ids(np.atleast_1d(contexts), V, "contexts")
        self.outputs = as_ids(np.array([target, *np.atleast_1d(negatives)]), V, "negatives")
        if not len(self.contexts):
            raise ValueError("contexts must hold at least one word.")
        self.lr = as_number(lr, "lr", minimum=0)
        self.words = [str(i) for i in range(V)] if words is None else list(words)
        self.step = 0
        self._compute()

    def _compute(self) -> None:
        self.h = self.W_in[self.contexts].mean(axis=0)
        self.scores = self.W_out[self.outputs] @ self.h
        self.labels = np.eye(len(self.outputs))[0]
        self.errors = sigmoid(self.scores) - self.labels
        self.grad_h = self.errors @ self.W_out[self.outputs]
        self.new_in, self.new_out = self.W_in.copy(), self.W_out.copy()
        np.add.at(self.new_out, self.outputs, -self.lr * self.errors[:, None] * self.h)
        share = self.grad_h / len(self.contexts)
        np.add.at(self.new_in, self.contexts, -self.lr * share)

    def loss(self, after: bool = False) -> float:
        """−log σ(h·target) − Σ log σ(−h·negative), before or after the update."""
        W_in, W_out = (self.new_in, self.new_out) if after else (self.W_in, self.W_out)
        signs = 2 * self.labels - 1
        scores = W_out[self.outputs] @ W_in[self.contexts].mean(axis=0)
        return float(np.logaddexp(0, -signs * scores).sum())

    def controls(self) -> list[dict]:
        """Which step is shown."""
        return [slider("step", "step", 0, len(self.STEPS) - 1, 1, self.step, self.STEPS[self.step])]

    def set(self, name: str, value) -> None:
        """Go to a step, 0 … 5."""
        step = as_count(int(value), name, 0)
        if step >= len(self.STEPS):
            raise ValueError(f"step must be at most {len(self.STEPS) - 1}, got {step}.")
        self.step = step

    def html(self) -> str:
        """The rows that take part, with what is known at this step."""
        H = self.W_in.shape[1]
        columns = "".join(_th(f"{j}", "col") for j in range(H))
        head = f"<tr>{_th('row', 'corner')}{columns}"
        extra = ["score h·w", "σ(score)", "label", "error"][: (0, 0, 1, 4, 4, 0)[self.step]]
        head += "".join(_th(text, "col") for text in extra) + "</tr>"
        rows = [self._row("in", i, "context") for i in dict.fromkeys(self.contexts.tolist())]
        if self.step >= 1:
            rows.append(f"<tr>{_th('h, their mean')}{_numbers(self.h)}</tr>")
        for place, i in enumerate(self.outputs.tolist()):
            name = "target" if place == 0 else "negative"
            rows.append(self._row("out", i, name, place))
        if self.step == 4:
            rows.append(f"<tr>{_th('gradient of h')}{_numbers(self.grad_h)}</tr>")
        caption = f"step {self.step}: {self.STEPS[self.step]}"
        return (
            f"<table><caption>{caption}</caption><thead>{head}</thead>"
            f"<tbody>{''.join(rows)}</tbody></table>"
        )

    def _row(self, side: str, i: int, role: str, place: int | None = None) -> str:
        old, new = (self.W_in, self.new_in) if side == "in" else (self.W_out, self.new_out)
        label = f"W_{side}[{self.words[i]}], {role}"
        values = _numbers(old[i])
        if self.step == 5:
            moved = [
                f"{number(a, 2)} → {number(b, 2)}" for a, b in zip(old[i], new[i], strict=True)
            ]
            values = "".join(_td(text) for text in moved)
        cells = ""
        if place is not None and 2 <= self.step < 5:
            texts = [number(self.scores[place], 2)]
            if self.step >= 3:
                texts += [number(float(sigmoid(self.scores[place])), 2)]
                texts += [f"{self.labels[place]:.0f}", number(self.errors[place], 2)]
            cells = "".join(_td(text) for text in texts)
        return f"<tr>{_th(label)}{values}{cells}</tr>"

    def tell(self) -> str:
        """What happens at this step."""
        named = [self.words[i] for i in self.outputs]
        n = len(set(self.contexts.tolist())) + len(set(self.outputs.tolist()))
        return (
            "Only these rows take part; all others stay as they are.",
            "The hidden layer is the mean of the context rows.",
            f"A dot product with h for the target {named[0]!r} and for each negative.",
            "The error is σ(score) − label: the target should say 1, the negatives 0.",
            "A row of W_out moves along h, by its error; h passes its gradient on to the contexts.",
            f"{n} rows have changed. The loss of this example fell from {number(self.loss())} to "
            f"{number(self.loss(after=True))}."
            if self.loss(after=True) < self.loss()
            else f"{n} rows have changed. The loss rose from {number(self.loss())} to "
            f"{number(self.loss(after=True))}: the learning rate is too large.",
        )[self.step]


# ---- tables -------------------------------------------------------------------------------------


def _td(text: str, style: str = "") -> str:
    return f'<td style="{_CELL}{style}">{html.escape(text)}</td>'


def _th(text: str, scope: str = "row") -> str:
    """The head of a row, of a column, or (``"corner"``) of the column of heads."""
    style = _CELL if scope == "col" else _LEFT
    scope = "row" if scope == "row" else "col"
    return f'<th scope="{scope}" style="{style}">{html.escape(text)}</th>'


def _numbers(values) -> str:
    return "".join(_td(number(float(v), 2)) for v in values)


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _bars(caption: str, bars) -> str:
    """Rows of a name, a number and a bar (length in 0 … 1)."""
    rows = "".join(
        f'<tr>{_th(name)}{_td(text)}<td style="width: 20em; border: 0;">'
        f'<div class="w2v-bar" style="width: {100 * max(share, 0.003):.1f}%; height: 0.8em; '
        'background: #0072b2;"></div></td></tr>'
        for name, text, share in bars
    )
    return f"<table><caption>{html.escape(caption)}</caption><tbody>{rows}</tbody></table>"
