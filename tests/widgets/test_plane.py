"""The plane is exact, the gap is measured in all dimensions, the rotation is the best one."""

import numpy as np
import pytest

from tests.widgets.planted import planted
from w2vlib import WordVectors
from w2vlib.widgets import compare, plane
from w2vlib.widgets.formula import Term, from_analogy
from w2vlib.widgets.query import Query, ask

V = planted(300)
ABC = ("man", "king", "woman")


def drawn(terms=None, vectors=V, kind="plane", **options):
    answer = ask(vectors, Query(tuple(terms or from_analogy(*ABC)), **options))
    return plane.draw_answer(vectors, answer, kind), answer


def vector(word, similarity):
    x = V[word].astype(np.float64)
    return x / np.linalg.norm(x) if similarity == "cosine" else x


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_a_b_c_and_the_target_are_exact(similarity):
    picture, _ = drawn(similarity=similarity)
    assert picture.kind == "plane"
    a, b, c = (vector(word, similarity) for word in ABC)
    full = {"a": a, "b": b, "c": c, "target": b - a + c}
    for p in full:
        assert picture.point(p).off == pytest.approx(0, abs=1e-6)
        for q in full:
            flat = np.hypot(
                picture.point(p).x - picture.point(q).x, picture.point(p).y - picture.point(q).y
            )
            assert flat == pytest.approx(np.linalg.norm(full[p] - full[q]), rel=1e-9, abs=1e-9)
    a, b = picture.point("a"), picture.point("b")
    assert (a.x, a.y, b.y) == pytest.approx((0, 0, 0), abs=1e-9)
    assert b.x > 0 and picture.point("c").y > 0


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_the_gap_is_measured_in_all_dimensions(similarity):
    picture, answer = drawn(similarity=similarity)
    a, b, c = (vector(word, similarity) for word in ABC)
    gap = vector(answer.first.word, similarity) - (b - a + c)
    assert picture.closure == pytest.approx(np.linalg.norm(gap), rel=1e-9)
    assert picture.closure**2 == pytest.approx(picture.within**2 + picture.off**2, rel=1e-9)
    # The part beside the plane, by least squares instead of a projection.
    spanned = np.stack([b - a, c - a], axis=1)
    left = gap - spanned @ np.linalg.lstsq(spanned, gap, rcond=None)[0]
    assert picture.off == pytest.approx(np.linalg.norm(left), rel=1e-7)
    assert picture.point("answer").off == pytest.approx(picture.off, rel=1e-7)


def test_distances_from_the_plane_of_all_answers():
    picture, answer = drawn()
    a, b, c = (vector(word, "cosine") for word in ABC)
    spanned = np.stack([b - a, c - a], axis=1)
    others = [p for p in picture.points if p.role in ("answer", "other")]
    assert [p.name for p in others] == answer.words[: plane.MOST_DRAWN]
    assert [p.rank for p in others] == list(range(1, plane.MOST_DRAWN + 1))
    for p in others:
        x = vector(p.name, "cosine") - a
        rest = x - spanned @ np.linalg.lstsq(spanned, x, rcond=None)[0]
        assert p.off == pytest.approx(np.linalg.norm(rest), rel=1e-7)


def test_everything_else_is_a_shadow_and_says_its_share():
    picture, answer = drawn([Term("king")])
    assert picture.kind == "shadow"
    words = ["king", *answer.words[: plane.MOST_DRAWN]]
    X = np.stack([vector(word, "cosine") for word in words])
    centred = X - X.mean(axis=0)
    eigenvalues = np.sort(np.linalg.eigvalsh(centred @ centred.T))[::-1]
    assert picture.share == pytest.approx(eigenvalues[:2].sum() / eigenvalues.sum(), rel=1e-6)
    assert f"{picture.share:.0%}" in plane.in_words(picture, answer)
    shadow, _ = drawn(kind="shadow")
    assert shadow.kind == "shadow"
    assert shadow.share < 1
    assert drawn()[0].share <= shadow.share + 1e-9  # no plane shows more than the best one


def test_points_on_one_line_have_no_plane_of_their_own():
    line = WordVectors(["a", "b", "c", "d"], np.array([[1.0, 0], [2, 0], [3, 0], [0, 1]]))
    picture, answer = drawn(from_analogy("a", "b", "c"), line, similarity="dot")
    assert picture.kind == "shadow"
    assert "one line" in picture.note and picture.note in plane.in_words(picture, answer)
    with pytest.raises(ValueError, match="same point"):
        plane.plane_through([1, 0], [1, 0], [0, 1])
    with pytest.raises(ValueError, match="one line"):
        plane.plane_through([1, 0, 0], [2, 0, 0], [3, 0, 0])


def test_a_question_with_a_word_twice():
    """king is to king as man is to …: no plane, but an answer."""
    picture, _ = drawn(from_analogy("king", "king", "man"))
    assert picture.kind == "shadow" and "same point" in picture.note


def test_a_vocabulary_of_one_other_word():
    tiny = WordVectors(["a", "b"], np.eye(2))
    picture, answer = drawn([Term("a")], tiny)
    assert [p.name for p in picture.points] == ["a", "b"]
    assert "b" in plane.in_words(picture, answer)


def test_the_picture_in_words_holds_the_numbers():
    picture, answer = drawn()
    text = plane.in_words(picture, answer)
    for number in (picture.closure, picture.within, picture.off):
        assert f"{number:.3f}" in text
    assert "queen" in text


# ---- two models ---------------------------------------------------------------------------------


def test_procrustes_finds_a_rotation_again():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 6))
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    np.testing.assert_allclose(compare.procrustes(points, points @ rotation), rotation, atol=1e-9)


def test_no_other_rotation_is_better():
    rng = np.random.default_rng(1)
    A, B = rng.normal(size=(30, 4)), rng.normal(size=(30, 4))
    best = np.linalg.norm(A @ compare.procrustes(A, B) - B)
    for _ in range(200):
        other = np.linalg.qr(rng.normal(size=(4, 4)))[0]
        assert best <= np.linalg.norm(A @ other - B) + 1e-9


@pytest.mark.parametrize(("source", "goal"), [(3, 5), (5, 3)])
def test_models_of_different_width(source, goal):
    rng = np.random.default_rng(2)
    R = compare.procrustes(rng.normal(size=(20, source)), rng.normal(size=(20, goal)))
    assert R.shape == (source, goal)
    small = R @ R.T if source <= goal else R.T @ R
    np.testing.assert_allclose(small, np.eye(min(source, goal)), atol=1e-9)


def test_a_turned_model_agrees_with_itself():
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(30, 30)))[0]
    other = WordVectors(V.words[::-1], (V.vectors @ rotation)[::-1])
    found = compare.align(other, V)
    assert found.agreement == pytest.approx(1, abs=1e-6)
    assert found.words == len(V)
    np.testing.assert_allclose(other.vectors @ found.rotation, V.vectors[::-1], atol=1e-4)


def test_models_without_a_common_word():
    with pytest.raises(ValueError, match="no word in common"):
        compare.align(WordVectors(["x"], np.ones((1, 2))), WordVectors(["y"], np.ones((1, 2))))
    with pytest.raises(ValueError, match="same number of rows"):
        compare.procrustes(np.eye(2), np.eye(3))


def test_moves():
    _, answer = drawn(top=3)
    first, second, third = answer.words
    found = compare.moves(answer, {first: 1, second: 1200})
    assert [move.text for move in found] == ["=", "▼ 1,198", "unknown there"]
    assert compare.moves(answer, {third: 1})[2].text == "▲ 2"
