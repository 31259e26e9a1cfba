"""word2vec from scratch, all the way to full speed: the course's helper package.

Everything public can be imported from here; modules are loaded when first used, so that
``import w2vlib`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what editors and type checkers read; the program itself never does
    from w2vlib.backend import get_array_module, gpu_available, to_cpu, to_gpu
    from w2vlib.book_pickle import convert_book_pickle
    from w2vlib.checkpoints import CheckpointError, Checkpoints, CheckpointWarning, load_checkpoint
    from w2vlib.corpus import (
        Corpus,
        build_corpus,
        convert_one_hot,
        cooccurrence,
        create_co_matrix,
        create_contexts_target,
        keep_probability,
        ppmi,
        preprocess,
        subsample,
    )
    from w2vlib.datasets import DataUnavailableError, load_analogies, load_similarities, ptb
    from w2vlib.evaluation import evaluate_analogies, evaluate_similarity, spearman
    from w2vlib.files import VectorFileError
    from w2vlib.functions import (
        cos_similarity,
        cross_entropy_error,
        log_sigmoid,
        normalize,
        sigmoid,
        softmax,
    )
    from w2vlib.gradient_check import check_gradient, check_layer, numerical_gradient
    from w2vlib.hierarchical_softmax import HierarchicalSoftmaxLoss, HuffmanTree, huffman_codes
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
    from w2vlib.models import CBOW, SimpleCBOW, SimpleSkipGram, SkipGram, WindowClassifier
    from w2vlib.negative_sampling import NegativeSamplingLoss, UnigramSampler
    from w2vlib.optimizers import SGD, AdaGrad, Adam, Momentum, clip_grads
    from w2vlib.sparse import RowGradient
    from w2vlib.text import tokenize
    from w2vlib.timing import fastest
    from w2vlib.trainer import Trainer, remove_duplicate
    from w2vlib.validation import PAD, UnknownWordError
    from w2vlib.vector_files import read_vectors, write_vectors
    from w2vlib.word_vectors import WordVectors, analogy, most_similar

__version__ = "0.1.0"

# Public names by module, bottom to top.
_PUBLIC = {
    "validation": ("PAD", "UnknownWordError"),
    "backend": ("get_array_module", "gpu_available", "to_cpu", "to_gpu"),
    "timing": ("fastest",),
    "datasets": ("DataUnavailableError", "load_analogies", "load_similarities", "ptb"),
    "text": ("tokenize",),
    "corpus": (
        "Corpus",
        "build_corpus",
        "convert_one_hot",
        "cooccurrence",
        "create_co_matrix",
        "create_contexts_target",
        "keep_probability",
        "ppmi",
        "preprocess",
        "subsample",
    ),
    "functions": (
        "cos_similarity",
        "cross_entropy_error",
        "log_sigmoid",
        "normalize",
        "sigmoid",
        "softmax",
    ),
    "sparse": ("RowGradient",),
    "layers": (
        "Affine",
        "Embedding",
        "EmbeddingDot",
        "EmbeddingMean",
        "MatMul",
        "MaxMarginLoss",
        "Sigmoid",
        "SigmoidWithLoss",
        "Softmax",
        "SoftmaxWithLoss",
        "Tanh",
    ),
    "negative_sampling": ("NegativeSamplingLoss", "UnigramSampler"),
    "hierarchical_softmax": ("HierarchicalSoftmaxLoss", "HuffmanTree", "huffman_codes"),
    "optimizers": ("AdaGrad", "Adam", "Momentum", "SGD", "clip_grads"),
    "gradient_check": ("check_gradient", "check_layer", "numerical_gradient"),
    "models": ("CBOW", "SimpleCBOW", "SimpleSkipGram", "SkipGram", "WindowClassifier"),
    "trainer": ("Trainer", "remove_duplicate"),
    "checkpoints": ("CheckpointError", "CheckpointWarning", "Checkpoints", "load_checkpoint"),
    "files": ("VectorFileError",),
    "vector_files": ("read_vectors", "write_vectors"),
    "book_pickle": ("convert_book_pickle",),
    "word_vectors": ("WordVectors", "analogy", "most_similar"),
    "evaluation": ("evaluate_analogies", "evaluate_similarity", "spearman"),
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}
_SUBMODULES = {*_PUBLIC, "check", "fast", "plotting", "widgets"}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str):
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(f"w2vlib.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"w2vlib.{name}")
    raise AttributeError(f"module 'w2vlib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
