"""Checks for the exercises: not only *that* something is wrong, but *what*.

Each check takes your class or function and returns a :class:`~w2vlib.check.report.Report`::

    from w2vlib import check

    check.embedding(MyEmbedding)

A check is quick, gives the same answer every time, and changes nothing outside.  An exercise that
is not written yet is no failure: the report says "not attempted".

To add a check, write in a module of this package: a function with a docstring that says exactly
what to write; an :class:`~w2vlib.check.exercise.Exercise` of the same name in capitals, with
questions, a reference solution that can make each mistake (``slip=…``), and the mistakes in words;
list it in ``_MODULE_OF``; and put right and wrong solutions into ``tests/check/bank/``.
"""

from __future__ import annotations

import importlib

# Check → module; a module is loaded when its first check is used.
_MODULE_OF = {
    "numerical_gradient": "differences",
    "window_score": "window",
    "window_gradients": "window",
    "matmul": "dense",
    "softmax_with_loss": "dense",
    "sigmoid_with_loss": "dense",
    "create_contexts_target": "counts",
    "create_co_matrix": "counts",
    "ppmi": "counts",
    "embedding": "rows",
    "embedding_mean": "context_mean",
    "embedding_dot": "rows",
    "unigram_sampler": "noise",
    "negative_sampling_loss": "negatives",
    "simple_cbow": "models",
    "simple_skip_gram": "models",
    "cbow": "models",
    "skip_gram": "models",
    "adam": "steps",
    "most_similar": "queries",
    "analogy": "queries",
    "spearman": "meaning",
    "huffman_tree": "trees",
    "hierarchical_softmax": "trees",
    "path_and_entropy": "pencil",
    "skip_gram_cost": "cost",
    "precision_recall": "transfer",
    "nearest_mean": "transfer",
    "text_classifier": "transfer",
    "optimal_score": "meaning",
    "softmax_scores": "pencil",
    "reorder_sentences": "order",
}
EXERCISES = tuple(_MODULE_OF)
"""Names of all checks, in the order of the course."""

__all__ = [*EXERCISES, "EXERCISES", "Report", "exercise_named"]


def __getattr__(name: str):
    if name == "Report":
        from w2vlib.check.report import Report

        return Report
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(f"w2vlib.check.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"w2vlib.check has no check {name!r}; there are: {', '.join(EXERCISES)}")


def __dir__() -> list[str]:
    return sorted(__all__)


def exercise_named(name: str):
    """The :class:`~w2vlib.check.exercise.Exercise` behind a check, for tools that grade.

    Raises:
        ValueError: there is no such check.
    """
    if name not in _MODULE_OF:
        raise ValueError(f"name must be one of {', '.join(EXERCISES)}; got {name!r}.")
    module = importlib.import_module(f"w2vlib.check.{_MODULE_OF[name]}")
    return getattr(module, name.upper())
