"""Where to draw words: the exact plane of an analogy, or a shadow of everything else.

a, b and c span one plane (through a, along b − a and c − a), and the target b − a + c lies in it.
So these four can be drawn without any loss; an answer lies somewhere beside that plane, and how far
is told in numbers.  Any other picture of many dimensions is a shadow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from w2vlib.widgets.formula import Term, show
from w2vlib.widgets.query import Answer, Query, rows_of, target
from w2vlib.word_vectors import WordVectors

MOST_DRAWN = 6  # answers in a picture
_TINY = 1e-9


@dataclass(frozen=True)
class Axes2:
    """A plane in H dimensions: a point and two unit vectors at right angles.

    Attributes:
        origin: (H,) the point drawn at (0, 0).
        basis: (2, H) the directions drawn to the right and upwards.
    """

    origin: np.ndarray
    basis: np.ndarray

    def place(self, points) -> tuple[np.ndarray, np.ndarray]:
        """(n, 2) coordinates of (n, H) points, and (n,) their distances from the plane."""
        moved = np.asarray(points, dtype=np.float64) - self.origin
        flat = moved @ self.basis.T
        return flat, np.linalg.norm(moved - flat @ self.basis, axis=1)


def plane_through(a, b, c) -> Axes2:
    """The plane through a, b and c: a at the origin, b to the right of it, c above.

    Args:
        a, b, c: (H,) points.

    Raises:
        ValueError: the three lie on one line (or coincide): there are many planes through them.
    """
    a, b, c = (np.asarray(x, dtype=np.float64) for x in (a, b, c))
    right = b - a
    width = np.linalg.norm(right)
    scale = max(width, np.linalg.norm(c - a))
    if width <= _TINY * max(scale, 1e-300) or scale == 0:
        raise ValueError("a and b are the same point: they do not span a plane with c.")
    right = right / width
    up = c - a
    up = up - (up @ right) * right
    up = up - (up @ right) * right  # once more, against rounding
    height = np.linalg.norm(up)
    if height <= 1e-6 * scale:
        raise ValueError("a, b and c lie on one line: they do not span a plane.")
    return Axes2(a, np.stack([right, up / height]))


def shadow_of(points) -> tuple[Axes2, float]:
    """The two directions in which (n, H) points spread most, and their share of the variance.

    Principal components: the projection that loses least.  Signs are fixed: the largest entry of
    each direction is positive.
    """
    points = np.asarray(points, dtype=np.float64)
    centre = points.mean(axis=0)
    _, spread, directions = np.linalg.svd(points - centre, full_matrices=False)
    basis = np.zeros((2, points.shape[1]))
    found = directions[:2]
    signs = np.sign(found[np.arange(len(found)), np.abs(found).argmax(axis=1)])
    basis[: len(found)] = found * np.where(signs == 0, 1, signs)[:, None]
    variance = spread**2
    total = variance.sum()
    return Axes2(centre, basis), float(variance[:2].sum() / total) if total > 0 else 1.0


@dataclass(frozen=True)
class Point:
    """A word in the picture.

    Attributes:
        name: the word, or the formula of the target.
        role: ``"a"``, ``"b"``, ``"c"``, ``"term"``, ``"target"``, ``"answer"`` (the first one) or
            ``"other"``.
        x, y: where it is drawn.
        off: its distance from the drawn plane.
        rank: its place among the answers, if it is one.
    """

    name: str
    role: str
    x: float
    y: float
    off: float
    rank: int | None = None


@dataclass(frozen=True)
class Picture:
    """Points in a plane and what is true about them.

    Attributes:
        kind: ``"plane"`` (a, b, c and the target are exact) or ``"shadow"``.
        share: of the variance of the drawn words that the picture shows, 0 … 1.
        closure: ‖answer − target‖ in all dimensions; ``None`` without an answer.
        within, off: the parts of it inside the plane and at right angles to it:
            closure² = within² + off².
        target_length: ‖target‖.
        unit: whether the vectors have length 1.
        note: why an exact plane was not possible, if it was asked for.
    """

    kind: str
    points: tuple[Point, ...]
    share: float
    closure: float | None
    within: float | None
    off: float | None
    target_length: float
    unit: bool
    note: str = ""

    def point(self, role: str) -> Point | None:
        """The first point with this role."""
        return next((p for p in self.points if p.role == role), None)


def axes_of(vectors: WordVectors, answer: Answer, kind: str = "plane") -> tuple[Axes2, str, bool]:
    """The plane to draw in, why it is no exact one (or nothing), and whether it is exact."""
    _, _, points = _points(vectors, answer.query, answer)
    return _axes(answer.query, points, kind)


def draw_answer(
    vectors: WordVectors, answer: Answer, kind: str = "plane", *, axes: Axes2 | None = None
) -> Picture:
    """The picture of a query and its answers.

    Args:
        vectors: the word vectors.
        answer: what :func:`~w2vlib.widgets.query.ask` found.
        kind: ``"plane"``: the exact plane where the query is an analogy, else a shadow;
            ``"shadow"``: always the shadow.
        axes: draw in this plane of another model instead (see :mod:`~w2vlib.widgets.compare`).
    """
    query = answer.query
    words, roles, points = _points(vectors, query, answer)
    chosen, note, exact = _axes(query, points, kind) if axes is None else (axes, "", False)
    flat, off = chosen.place(points)
    names = [
        target_name(query.terms) if role == "target" else word
        for word, role in zip(words, roles, strict=True)
    ]
    ranks = {row.word: row.rank for row in answer.rows}
    drawn = tuple(
        Point(
            name,
            role,
            float(x),
            float(y),
            float(o),
            ranks.get(name) if role in ("answer", "other") else None,
        )
        for name, role, (x, y), o in zip(names, roles, flat, off, strict=True)
    )
    gap = _gap(points, roles, chosen)
    return Picture(
        "plane" if exact else "shadow",
        drawn,
        _share(points, chosen),
        *gap,
        float(np.linalg.norm(points[roles.index("target")])) if "target" in roles else 0.0,
        query.similarity == "cosine",
        note,
    )


def _points(vectors: WordVectors, query: Query, answer: Answer):
    """(names, roles, (n, H) float64 points) of all that is drawn."""
    abc = query.analogy
    names = list(abc) if abc else list(query.words)
    roles = ["a", "b", "c"] if abc else ["term"] * len(names)
    ids = [vectors.word_to_id[name] for name in names]
    points = [rows_of(vectors, ids, query.similarity)]
    if len(query.terms) > 1 or query.terms[0].weight != 1:
        names.append("")
        roles.append("target")
        points.append(target(vectors, query)[None, :])
    answers = [row.word for row in answer.rows if not row.in_query][:MOST_DRAWN]
    if answers:
        names += answers
        roles += ["answer"] + ["other"] * (len(answers) - 1)
        ids = [vectors.word_to_id[word] for word in answers]
        points.append(rows_of(vectors, ids, query.similarity))
    return names, roles, np.concatenate(points)


def _axes(query: Query, points: np.ndarray, kind: str) -> tuple[Axes2, str, bool]:
    note = ""
    if kind == "plane" and query.analogy:
        try:
            return plane_through(*points[:3]), "", True
        except ValueError as error:
            note = f"No exact plane: {error}"
    return shadow_of(points)[0], note, False


def _share(points: np.ndarray, axes: Axes2) -> float:
    """Share of the points' variance around their mean that the plane's directions show."""
    moved = points - points.mean(axis=0)
    total = (moved**2).sum()
    return float(((moved @ axes.basis.T) ** 2).sum() / total) if total > 0 else 1.0


def _gap(points: np.ndarray, roles: list[str], axes: Axes2):
    """(closure, within, off) between the target and the first answer."""
    if "answer" not in roles or "target" not in roles:
        return None, None, None
    gap = points[roles.index("answer")] - points[roles.index("target")]
    flat = axes.basis @ gap
    return (
        float(np.linalg.norm(gap)),
        float(np.linalg.norm(flat)),
        float(np.linalg.norm(gap - flat @ axes.basis)),
    )


# -------------------------------------------------------------------------------- in words


def in_words(picture: Picture, answer: Answer) -> str:
    """What the picture shows, for readers who hear it instead of seeing it."""
    abc, first = answer.query.analogy, picture.point("answer")
    parts = []
    if picture.kind == "plane" and abc:
        a, b, c = abc
        parts.append(
            f"The plane through {a}, {b} and {c}: these three and the target {b} − {a} + {c} are "
            "drawn exactly where they are; they are the corners of a parallelogram."
        )
    else:
        parts.append(
            f"A shadow: two directions that show {picture.share:.0%} of the variance of the words "
            "drawn. Words that seem close may be far apart in the other directions."
        )
    if picture.note:
        parts.append(picture.note)
    if first is not None and picture.closure is not None:
        where = "the plane" if picture.kind == "plane" else "the drawn directions"
        which = "The first answer"
        if answer.first is not None and answer.first.in_query:
            which += " that is no word of the query"
        parts.append(
            f"{which}, {first.name}, misses the target by {picture.closure:.3f}: "
            f"{picture.within:.3f} within {where} and {picture.off:.3f} at right angles to it, "
            "which no flat picture can show."
        )
    elif first is not None:
        parts.append(f"The nearest word is {first.name}.")
    if picture.unit and picture.point("target") is not None:
        parts.append(
            f"All words have length 1; the target has length {picture.target_length:.3f}. "
            "Answers are ranked by the angle to it, not by this distance."
        )
    return " ".join(parts)


def target_name(terms: tuple[Term, ...]) -> str:
    """The target's formula with a real minus sign."""
    return show(terms).replace(" - ", " − ")
