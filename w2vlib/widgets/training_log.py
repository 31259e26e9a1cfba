"""What a training monitor remembers and tells, without any widget: numbers, neighbours, curves."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from w2vlib.evaluation import evaluate_analogies
from w2vlib.widgets.export import number
from w2vlib.widgets.picture import STYLE, printed
from w2vlib.word_vectors import WordVectors

MOST_QUESTIONS = 200  # of an analogy set, evenly chosen: enough for a curve
_NEIGHBOURS = 6
_MOST_POINTS = 240  # of a drawn curve


@dataclass(frozen=True)
class Moment:
    """The state of a training at one time.

    Attributes:
        seconds: of training so far, pauses left out.
        done: share of the whole training, 0 … 1; ``None`` if unknown.
        epoch: epochs finished.
        loss: the mean loss of the last stretch; NaN before the first.
        words_per_second: speed.
        lr: learning rate; ``None`` if the trainer has none.
        neighbours: probe → its nearest words, best first.
        score: share of the analogy questions answered right; ``None`` if none are asked.
    """

    seconds: float
    done: float | None
    epoch: int
    loss: float
    words_per_second: float
    lr: float | None
    neighbours: dict[str, tuple[str, ...]] = field(default_factory=dict)
    score: float | None = None


class TrainingLog:
    """Collects moments, and draws and tells them.

    Args:
        probes: words whose neighbours are looked at.
        questions: analogy questions by category, as :func:`~w2vlib.datasets.load_analogies` gives
            them; at most 200 of them are asked, evenly chosen.
    """

    def __init__(self, probes: Sequence[str] = (), questions=None) -> None:
        if isinstance(probes, str):
            raise TypeError(f"probes must be a list of words, got the single str {probes!r}.")
        self.probes = tuple(probes)
        self.questions = None if questions is None else _some(questions)
        self.moments: list[Moment] = []
        self.losses: list[tuple[float, float]] = []  # (share or batches done, loss)
        self.status = "not started"

    def look(self, vectors: WordVectors | None) -> dict:
        """Neighbours of the probes and the score, with these vectors."""
        if vectors is None:
            return {}
        neighbours = {
            probe: tuple(word for word, _ in vectors.most_similar(probe, top=_NEIGHBOURS))
            for probe in self.probes
            if probe in vectors
        }
        score = None
        if self.questions:
            score = evaluate_analogies(vectors, self.questions).accuracy(1)
        return {"neighbours": neighbours, "score": score}

    @property
    def last(self) -> Moment | None:
        """The newest moment."""
        return self.moments[-1] if self.moments else None

    def moved(self) -> dict[str, list[dict]]:
        """For each probe its neighbours now, each with its step since the moment before."""
        if self.last is None:
            return {}
        before = self.moments[-2].neighbours if len(self.moments) > 1 else {}
        result = {}
        for probe, words in self.last.neighbours.items():
            old = before.get(probe)
            result[probe] = [{"word": w, "step": _step(w, i, old)} for i, w in enumerate(words)]
        return result

    # -- telling

    def facts(self) -> list[tuple[str, str]]:
        """The numbers of the newest moment, as pairs of a label and a text."""
        moment = self.last
        if moment is None:
            return []
        pairs = [("epochs done", f"{moment.epoch}")]
        if np.isfinite(moment.loss):
            pairs.append(("loss", number(moment.loss, 4)))
        if np.isfinite(moment.words_per_second):
            pairs.append(("speed", f"{_round(moment.words_per_second):,} words/s"))
        if moment.lr is not None:
            pairs.append(("learning rate", f"{moment.lr:.3g}"))
        if moment.score is not None:
            pairs.append(("analogies right", f"{moment.score:.0%}"))
        pairs.append(("time", f"{moment.seconds:.1f} s"))
        return pairs

    def sentence(self) -> str:
        """The curves in words."""
        if not self.losses:
            return "No training yet."
        curve = _thinned(np.array(self.losses))  # the same points as in the picture
        first, last = float(curve[0, 1]), float(curve[-1, 1])
        way = "fell" if last < first else "rose" if last > first else "stayed"
        text = f"The loss {way} from {number(first)} to {number(last)}."
        scores = [m.score for m in self.moments if m.score is not None]
        if scores:
            text += f" Analogies answered right: from {scores[0]:.0%} to {scores[-1]:.0%}."
        return text

    def curves(self, apart: bool = False) -> str:
        """The loss and the score against the progress, as SVG: one, or one for each curve."""
        panels = []
        if len(self.losses) > 1:
            panels.append(("loss", np.array(self.losses), None))
        scored = [(m.done, m.score) for m in self.moments if None not in (m.score, m.done)]
        if len(scored) > 1:
            panels.append(("analogies answered right", np.array(scored), (0.0, 1.0)))
        return "".join(_panels([panel]) for panel in panels) if apart else _panels(panels)

    def state(self) -> dict:
        """All there is to show, as data that JSON can carry."""
        done = None if self.last is None else self.last.done
        return {
            "status": self.status,
            "done": done,
            "facts": [list(pair) for pair in self.facts()],
            "sentence": self.sentence(),
            "curves": self.curves(apart=True),
            "probes": self.moved(),
        }

    def html(self) -> str:
        """Curves, numbers and neighbours without a kernel."""
        from w2vlib.widgets.export import _image

        svg = self.curves()
        picture = _image(_as_file(svg), self.sentence()) if svg else ""
        facts = " · ".join(f"{label}: {text}" for label, text in self.facts())
        rows = "".join(
            f'<tr><th scope="row" style="text-align: left">{html.escape(probe)}</th>'
            f'<td style="text-align: left">{html.escape(", ".join(words))}</td></tr>'
            for probe, words in (self.last.neighbours if self.last else {}).items()
        )
        table = f"<table><caption>nearest words</caption><tbody>{rows}</tbody></table>"
        return (
            '<div class="w2v-static" style="max-width: 60em;">'
            f"<p><strong>Training: {html.escape(self.status)}</strong></p>{picture}"
            f"<p>{html.escape(self.sentence())}</p><p>{html.escape(facts)}</p>"
            f"{table if rows else ''}</div>"
        )


def _some(questions) -> dict[str, list]:
    """At most :data:`MOST_QUESTIONS`, every n-th of each category."""
    named = dict(questions.items() if hasattr(questions, "items") else questions)
    named = {name: list(block) for name, block in named.items()}
    total = sum(map(len, named.values()))
    every = max(1, -(-total // MOST_QUESTIONS))
    return {name: block[::every] for name, block in named.items()}


def _step(word: str, place: int, old) -> str:
    """Where a neighbour was the last time: ``"new"``, ``"▲ 2"``, ``"▼ 1"`` or nothing."""
    if old is None:
        return ""
    if word not in old:
        return "new"
    won = old.index(word) - place
    return "" if not won else f"{'▲' if won > 0 else '▼'} {abs(won)}"


def _round(rate: float) -> int:
    """Two digits that mean something."""
    return int(float(f"{rate:.2g}"))


# ---- the drawing --------------------------------------------------------------------------------

_W, _H, _LEFT, _TOP, _BOTTOM = 360, 210, 46, 30, 34


def _panels(panels) -> str:
    """Curves side by side as one SVG; empty without any."""
    if not panels:
        return ""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" class="w2v-pic" role="img" '
        f'aria-label="{html.escape(" and ".join(p[0] for p in panels))} against progress" '
        f'viewBox="0 0 {_W * len(panels)} {_H}">',
        f'<rect class="sheet" width="{_W * len(panels)}" height="{_H}"/>',
    ]
    for i, (title, points, limits) in enumerate(panels):
        parts.append(f'<g transform="translate({_W * i} 0)">{_panel(title, points, limits)}</g>')
    return "".join([*parts, "</svg>"])


def _panel(title: str, points: np.ndarray, limits) -> str:
    points = _thinned(points)
    x, y = points.T
    low, high = limits or (float(y.min()), float(y.max()))
    span = (high - low) or 1.0
    wide, tall = _W - _LEFT - 14, _H - _TOP - _BOTTOM
    now = float(x[-1]) or 1.0
    px = _LEFT + wide * np.clip(x / now, 0, 1)
    py = _TOP + tall * (1 - (y - low) / span)
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px, py, strict=True))
    base = _TOP + tall
    end = "whole training" if now > 0.995 else f"now: {now:.1%} of the training"
    show = (lambda v: f"{v:.0%}") if limits else (lambda v: number(v, 2))
    ticks = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_W - 14}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="small" x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{show(v)}</text>'
        for v, at in ((high, _TOP), ((low + high) / 2, _TOP + tall / 2), (low, base))
    )
    return (
        f'<text class="strong" x="{_LEFT}" y="18">{html.escape(title)}</text>{ticks}'
        f'<text class="small" x="{_LEFT}" y="{_H - 12}">start</text>'
        f'<text class="small" x="{_W - 14}" y="{_H - 12}" text-anchor="end">{end}</text>'
        f'<polyline class="side" points="{path}"/>'
        f'<circle class="mark" cx="{px[-1]:.1f}" cy="{py[-1]:.1f}" r="4.5"/>'
    )


def _thinned(points: np.ndarray) -> np.ndarray:
    """At most so many points, each the mean of its neighbours; the last one stays."""
    if len(points) <= _MOST_POINTS:
        return points
    begins = np.linspace(0, len(points) - 1, _MOST_POINTS).astype(int)
    sums = np.add.reduceat(points[:-1], begins[:-1], axis=0)
    return np.concatenate([sums / np.diff(begins)[:, None], points[-1:]])


def _as_file(svg: str) -> str:
    size = svg.split('viewBox="0 0 ')[1].split('"')[0].split()
    sized = svg.replace("<svg ", f'<svg width="{size[0]}" height="{size[1]}" ', 1)
    grid = ".w2v-pic .grid { stroke: #dddddd; stroke-width: 1; }"
    return sized.replace('">', f'"><style>{printed(STYLE)}{grid}</style>', 1)


class Clock:
    """Seconds of training, pauses left out."""

    def __init__(self) -> None:
        self._sum, self._since = 0.0, None

    def run(self) -> None:
        """Go on counting."""
        if self._since is None:
            self._since = time.perf_counter()

    def rest(self) -> None:
        """Stop counting."""
        if self._since is not None:
            self._sum += time.perf_counter() - self._since
            self._since = None

    @property
    def seconds(self) -> float:
        """The sum so far."""
        running = 0.0 if self._since is None else time.perf_counter() - self._since
        return self._sum + running
