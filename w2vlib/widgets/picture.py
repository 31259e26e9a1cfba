"""Pictures of words as SVG: for the live widget, for files and for saved notebooks.

One drawing for all of them.  In the page its colours come from style variables, so it follows a
light and a dark theme; in a file every variable is replaced by its printed colour.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import numpy as np

from w2vlib.widgets.plane import Picture, Point

WIDTH, HEIGHT = 560, 400
_MARGIN = (40, 34, 40, 46)  # left, top, right, bottom
_FONT = 14
_LETTER = 0.58  # mean width of a letter, in units of the font size

# Colours: Okabe-Ito on white.  Shapes, numbers and words say the same without them.
STYLE = """
.w2v-pic { font-family: var(--w2v-font, system-ui, "Segoe UI", "DejaVu Sans", sans-serif); }
.w2v-pic text { fill: var(--w2v-ink, #222222); font-size: 14px; paint-order: stroke;
  stroke: var(--w2v-sheet, #ffffff); stroke-width: 3.5px; stroke-linejoin: round; }
.w2v-pic .sheet { fill: var(--w2v-sheet, #ffffff); }
.w2v-pic .shape { fill: var(--w2v-shape, #0072b2); fill-opacity: 0.09; stroke: none; }
.w2v-pic .side { stroke: var(--w2v-side, #0072b2); stroke-width: 2.2; fill: none; }
.w2v-pic .ideal { stroke: var(--w2v-side, #0072b2); stroke-width: 1.6; stroke-dasharray: 6 5;
  fill: none; }
.w2v-pic .gap { stroke: var(--w2v-gap, #b84e00); stroke-width: 2; stroke-dasharray: 2 4;
  stroke-linecap: round; fill: none; }
.w2v-pic .tip { fill: var(--w2v-side, #0072b2); }
.w2v-pic .mark { fill: var(--w2v-side, #0072b2); stroke: var(--w2v-sheet, #ffffff);
  stroke-width: 1.5; }
.w2v-pic .goal { fill: var(--w2v-sheet, #ffffff); stroke: var(--w2v-side, #0072b2);
  stroke-width: 2; }
.w2v-pic .found { fill: var(--w2v-gap, #b84e00); stroke: var(--w2v-sheet, #ffffff);
  stroke-width: 1.5; }
.w2v-pic .near { fill: var(--w2v-sheet, #ffffff); stroke: var(--w2v-muted, #666666);
  stroke-width: 1.6; }
.w2v-pic .small, .w2v-pic .near-name { fill: var(--w2v-muted, #595959); font-size: 12.5px; }
.w2v-pic .strong { font-weight: 700; }
.w2v-pic .gap-name { fill: var(--w2v-gap, #b84e00); font-size: 12.5px; font-weight: 600; }
.w2v-pic .rule { stroke: var(--w2v-muted, #666666); stroke-width: 1.5; }
.w2v-pic .frame { fill: none; stroke: var(--w2v-muted, #666666); stroke-width: 1.2;
  stroke-dasharray: 3 5; }
.w2v-pic .leader { stroke: var(--w2v-muted, #666666); stroke-width: 1; }
"""

_KINDS = {
    "a": "word a",
    "b": "word b",
    "c": "word c",
    "term": "word of the query",
    "target": "target",
    "answer": "first answer",
    "other": "answer",
}


@dataclass(frozen=True)
class Frame:
    """Which part of the plane the paper shows: same scale in both directions."""

    left: float
    bottom: float
    scale: float
    height: float = HEIGHT

    @classmethod
    def around(cls, points: list[Point]) -> Frame:
        """The largest scale at which all points fit."""
        x, y = np.array([p.x for p in points]), np.array([p.y for p in points])
        left, top, right, bottom = _MARGIN
        inner = np.array([WIDTH - left - right - 70, HEIGHT - top - bottom - 20])
        span = np.array([np.ptp(x), np.ptp(y)])
        scale = min(
            (float(room / size) for room, size in zip(inner, span, strict=True) if size > 0),
            default=100.0,
        )
        # In the middle of the sheet, whatever direction has room to spare.
        free = (inner - span * scale) / 2
        return cls(
            float(x.min() - (left + 35 + free[0]) / scale),
            float(y.min() - (bottom + 10 + free[1]) / scale),
            scale,
        )

    def on_paper(self, x: float, y: float) -> tuple[float, float]:
        """Pixels from the upper left corner."""
        return (x - self.left) * self.scale, self.height - (y - self.bottom) * self.scale


def draw(picture: Picture, *, title: str, frame: Frame | None = None, live: bool = False) -> str:
    """The picture as one ``<svg>`` element.

    Args:
        picture: what to draw.
        title: the accessible name; in a file also its title.
        frame: the part of the plane to show; by default all of it.
        live: for the widget: points can be reached by keyboard and mouse, colours follow the page.
    """
    frame = frame or Frame.around(list(picture.points))
    spots = {id(p): frame.on_paper(p.x, p.y) for p in picture.points}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="w2v-pic" viewBox="0 0 {WIDTH} {HEIGHT}" '
        + ("" if live else f'width="{WIDTH}" height="{HEIGHT}" ')
        + f'role="{"group" if live else "img"}" aria-label="{html.escape(title, quote=True)}">'
    ]
    if not live:
        parts += [f"<title>{html.escape(title)}</title>", f"<style>{printed(STYLE)}</style>"]
    parts.append(f'<rect class="sheet" width="{WIDTH}" height="{HEIGHT}" rx="6"/>')
    if picture.kind == "shadow":
        parts.append(
            f'<rect class="frame" x="5" y="5" width="{WIDTH - 10}" height="{HEIGHT - 10}" rx="6"/>'
        )
    parts += _lines(picture, spots)
    parts += _labels_and_marks(picture, spots, live)
    parts += _footer(picture, frame)
    return "".join([*parts, "</svg>"])


def printed(style: str) -> str:
    """The style with every variable replaced by its printed value."""
    return re.sub(r"var\(--[\w-]+, ((?:[^()]|\([^()]*\))*)\)", r"\1", style)


def _lines(picture: Picture, spots) -> list[str]:
    """The parallelogram, its sides as arrows, and the gap between target and answer."""
    parts = []
    found = {role: picture.point(role) for role in ("a", "b", "c", "target", "answer")}
    at = {role: spots[id(point)] for role, point in found.items() if point is not None}
    if {"a", "b", "c", "target"} <= set(at):
        corners = " ".join(
            f"{_n(x)},{_n(y)}" for x, y in (at[r] for r in ("a", "b", "target", "c"))
        )
        parts.append(f'<polygon class="shape" points="{corners}"/>')
        parts.append(_line(at["a"], at["c"], "ideal"))
        parts.append(_line(at["b"], at["target"], "ideal"))
        parts += _arrow(at["a"], at["b"], "side")
        parts += _arrow(at["c"], at["target"], "ideal")
    if "target" in at and "answer" in at:
        parts.append(_line(at["target"], at["answer"], "gap"))
    return parts


def _line(start, end, kind: str) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line class="{kind}" x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"/>'


def _arrow(start, end, kind: str) -> list[str]:
    """A line with a tip, ending a little before the mark it points to."""
    start, end = np.array(start), np.array(end)
    way = end - start
    length = float(np.linalg.norm(way))
    if length < 26:
        return [_line(start, end, kind)]
    way /= length
    across = np.array([-way[1], way[0]])
    tip, base = end - 11 * way, end - 22 * way
    corners = [tip, base + 5.5 * across, base - 5.5 * across]
    points = " ".join(f"{_n(x)},{_n(y)}" for x, y in corners)
    return [_line(start, base, kind), f'<polygon class="tip" points="{points}"/>']


def _mark(role: str, x: float, y: float) -> str:
    """Every role has a shape of its own."""
    if role == "b":
        return f'<rect class="mark" x="{_n(x - 7)}" y="{_n(y - 7)}" width="14" height="14"/>'
    if role == "c":
        corners = ((x, y - 9), (x + 8.5, y + 6.5), (x - 8.5, y + 6.5))
        return f'<polygon class="mark" points="{_points(corners)}"/>'
    if role == "target":
        cross = _line((x - 4, y), (x + 4, y), "side") + _line((x, y - 4), (x, y + 4), "side")
        return f'<circle class="goal" cx="{_n(x)}" cy="{_n(y)}" r="9"/>{cross}'
    if role == "answer":
        corners = ((x, y - 11), (x + 11, y), (x, y + 11), (x - 11, y))
        return f'<polygon class="found" points="{_points(corners)}"/>'
    if role == "other":
        return f'<circle class="near" cx="{_n(x)}" cy="{_n(y)}" r="5"/>'
    return f'<circle class="mark" cx="{_n(x)}" cy="{_n(y)}" r="7.5"/>'


def _points(corners) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in corners)


def _labels_and_marks(picture: Picture, spots, live: bool) -> list[str]:
    """Marks with their names; the important ones are drawn last, on top, and choose first."""
    order = ("answer", "target", "a", "b", "c", "term", "other")
    by_importance = sorted(picture.points, key=lambda p: order.index(p.role))
    placer = _Placer([spots[id(p)] for p in picture.points], _segments(picture, spots))
    labels = {}
    gap = _gap_label(picture, spots)
    for point in by_importance:
        text = _label(point)
        size = 12.5 if point.role == "other" else _FONT
        labels[id(point)] = (text, *placer.place(spots[id(point)], text, size))
    if gap is not None:
        x, y, text = gap
        gap = (text, *placer.place((x, y), text, 12.5)[:3])
    parts = []
    for point in reversed(by_importance):
        parts.append(_group(point, spots[id(point)], labels[id(point)], live))
    if gap is not None:
        text, x, y, anchor = gap
        parts.insert(
            0,
            f'<text class="gap-name" x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{text}</text>',
        )
    return parts


def _label(point: Point) -> str:
    if point.role in ("a", "b", "c"):
        return f"{point.role}: {point.name}"
    if point.role == "target":
        return "target"
    if point.rank is not None:
        return f"{point.rank}. {point.name}"
    return point.name


def _segments(picture: Picture, spots):
    """The lines that labels should keep away from."""
    at = {}
    for role in ("a", "b", "c", "target", "answer"):
        point = picture.point(role)
        if point is not None:
            at[role] = spots[id(point)]
    sides = (("a", "b"), ("a", "c"), ("b", "target"), ("c", "target"))
    pairs = [*(sides if "a" in at else ()), ("target", "answer")]
    return [(at[p], at[q]) for p, q in pairs if p in at and q in at]


def _gap_label(picture: Picture, spots):
    goal, found = picture.point("target"), picture.point("answer")
    if goal is None or found is None or picture.closure is None:
        return None
    (x1, y1), (x2, y2) = spots[id(goal)], spots[id(found)]
    return (x1 + x2) / 2, (y1 + y2) / 2, f"misses by {picture.closure:.2f}"


def _group(point: Point, spot, label, live: bool) -> str:
    text, x, y, anchor, far = label
    name = html.escape(text)
    kind = "near-name" if point.role == "other" else "strong" if point.role == "answer" else ""
    if point.role == "target":
        kind = "small"
    inner = (
        (_leader(spot, x, y, anchor) if far else "")
        + _mark(point.role, *spot)
        + f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{name}</text>'
    )
    full = f"{point.name}: {_KINDS[point.role]}"
    if point.rank is not None and point.role == "other":
        full = f"{point.name}: answer {point.rank}"
    if point.off > 5e-4:
        full += f", {point.off:.3f} beside the drawn plane"
    title = f"<title>{html.escape(full)}</title>"
    if not live or point.role == "target":
        return f"<g>{title}{inner}</g>"
    word = html.escape(point.name, quote=True)
    spoken = html.escape(f"{full}. Ask for {point.name}.", quote=True)
    return (
        f'<g class="w2v-point" role="button" tabindex="-1" data-word="{word}" '
        f'aria-label="{spoken}">{title}'
        f'<circle class="halo" cx="{_n(spot[0])}" cy="{_n(spot[1])}" r="15"/>{inner}</g>'
    )


def _leader(spot, x: float, y: float, anchor: str) -> str:
    """A thin line from a mark to its name, where there was no room beside it."""
    return _line(spot, _end_of_leader(spot, x, y, anchor), "leader")


def _end_of_leader(spot, x: float, y: float, anchor: str) -> tuple[float, float]:
    middle = y - 4.5
    aside = {"start": -3, "middle": 0, "end": 3}[anchor]
    above = 0 if aside else np.sign(spot[1] - middle) * 8
    return x + aside, middle + above


def _footer(picture: Picture, frame: Frame) -> list[str]:
    """What kind of picture it is, and a rule with a length to compare with."""
    if picture.kind == "plane":
        text = "exact plane through a, b, c"
    else:
        text = f"a shadow: {picture.share:.0%} of the variance of these words"
    parts = [f'<text class="small" x="16" y="{HEIGHT - 14}">{text}</text>']
    length = _round_length(90 / frame.scale)
    pixels = length * frame.scale
    right, y = WIDTH - 18, HEIGHT - 17
    left = right - pixels
    parts.append(
        f'<path class="rule" fill="none" d="M{_n(left)} {y - 5}v10m0 -5H{right}m0 -5v10"/>'
        f'<text class="small" x="{_n(left - 8)}" y="{y + 4}" text-anchor="end">'
        f"length {length:g}</text>"
    )
    return parts


def _round_length(length: float) -> float:
    """1, 2 or 5 times a power of ten, at most ``length``."""
    power = 10.0 ** np.floor(np.log10(length))
    return float(max(m * power for m in (1, 2, 5) if m * power <= length * (1 + 1e-9)))


class _Placer:
    """Puts labels where nothing else is: tries places around a mark, takes the emptiest."""

    def __init__(self, marks, segments=()) -> None:
        self.marks = np.array(marks, dtype=np.float64).reshape(-1, 2)
        x, y = self.marks.T
        boxes = [np.stack([x - 9, y - 9, x + 9, y + 9], axis=1)]
        boxes += [_along(start, end, 24, 4) for start, end in segments]
        self.taken = np.concatenate(boxes)
        self.names = np.zeros((0, 4))

    def place(self, spot, text: str, size: float) -> tuple[float, float, str, bool]:
        """(x, y, anchor, far) for a text that names the mark at ``spot``.

        ``far``: so far away that a line must lead there.
        """
        width, height = _LETTER * size * len(text) + 4, size * 1.15
        x = spot[0] + _PLACES[:, 0]
        y = spot[1] + _PLACES[:, 1] + size * 0.35
        left = x - width * _SIDES
        boxes = np.stack([left, y - height * 0.8, left + width, y + height * 0.25], axis=1)
        price = 0.6 * np.arange(len(boxes)) + _overlap(boxes, self.taken) + 40 * _outside(boxes)
        price[:_NEAR] += self._mistakable(boxes[:_NEAR], spot)
        price[_NEAR:] += 8
        best, chosen = np.inf, 0
        for i in np.argsort(price, kind="stable"):
            if price[i] >= best:
                break
            crossed = 0.0 if i < _NEAR else _overlap(self._line(spot, x, y, i), self.names).sum()
            if price[i] + 10 * crossed < best:
                best, chosen = price[i] + 10 * crossed, i
        far = bool(chosen >= _NEAR)
        self.names = np.concatenate([self.names, boxes[[chosen]]])
        self.taken = np.concatenate([self.taken, boxes[[chosen]]])
        if far:
            self.taken = np.concatenate([self.taken, self._line(spot, x, y, chosen)])
        return float(x[chosen]), float(y[chosen]), _ANCHORS[_SIDES[chosen]], far

    def _line(self, spot, x, y, place: int) -> np.ndarray:
        """Small boxes along the line that leads to a far place."""
        end = _end_of_leader(spot, x[place], y[place], _ANCHORS[_SIDES[place]])
        return _along(spot, end, 12, 1)

    def _mistakable(self, boxes: np.ndarray, spot) -> np.ndarray:
        """A price for names that stand nearer to another mark than to their own."""
        own = _distance(boxes, np.array([spot]))[:, 0]
        others = self.marks[np.abs(self.marks - spot).sum(axis=1) > 1]
        nearest = _distance(boxes, others).min(axis=1, initial=np.inf)
        return np.where(nearest < own + 3, 14.0, 0.0)


def _along(start, end, pieces: int, half: float) -> np.ndarray:
    """(pieces, 4) small boxes on a line."""
    part = np.linspace(0, 1, pieces)[:, None]
    x, y = ((1 - part) * np.array(start) + part * np.array(end)).T
    return np.stack([x - half, y - half, x + half, y + half], axis=1)


def _distance(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(m, n) how far n points lie outside of m boxes."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    return np.linalg.norm(points - np.clip(points, low, high), axis=2)


def _around(radius: float) -> list[tuple[float, float, float]]:
    """Places on a circle; see :data:`_PLACES`."""
    places = []
    for angle in np.deg2rad(np.arange(0, 360, 30)):
        dx, dy = radius * np.cos(angle), radius * np.sin(angle)
        side = 0.5 if abs(dx) < 0.3 * radius else 0.0 if dx > 0 else 1.0
        places.append((float(dx), float(dy), side))
    return places


# Where a name may stand, seen from its mark: to the right, downwards, and which part of the text
# that is (0: its beginning).  First beside the mark, then farther away, with a line to it.
_BESIDE = [
    (14, 0, 0.0),
    (0, -20, 0.5),
    (0, 21, 0.5),
    (-14, 0, 1.0),
    (11, -15, 0.0),
    (11, 16, 0.0),
    (-11, -15, 1.0),
    (-11, 16, 1.0),
]
_NEAR = len(_BESIDE)
_PLACES = np.array([*_BESIDE, *_around(32), *_around(48), *_around(64)])
_SIDES = _PLACES[:, 2]
_ANCHORS = {0.0: "start", 0.5: "middle", 1.0: "end"}


def _overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(m,) area that each of m boxes shares with all n others, in square pixels."""
    low = np.maximum(boxes[:, None, :2], others[:, :2])
    high = np.minimum(boxes[:, None, 2:], others[:, 2:])
    return np.maximum(high - low, 0).prod(axis=2).sum(axis=1)


def _outside(boxes: np.ndarray) -> np.ndarray:
    """(m,) by how much each box sticks out of the sheet."""
    left, top, right, bottom = boxes.T
    over = [4 - left, right - WIDTH + 4, 4 - top, bottom - HEIGHT + 26]
    return np.maximum(over, 0).sum(axis=0)


def _n(number: float) -> str:
    """A coordinate with one decimal."""
    return f"{number:.1f}".removesuffix(".0")
