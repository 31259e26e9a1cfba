"""The models: a few layers in a row, each a readable sentence of forward and of backward."""

from __future__ import annotations

import numpy as np

from w2vlib.backend import get_array_module
from w2vlib.functions import as_float, check_probabilities
from w2vlib.hierarchical_softmax import HierarchicalSoftmaxLoss
from w2vlib.layers import (
    Affine,
    Embedding,
    EmbeddingMean,
    MatMul,
    MaxMarginLoss,
    Sigmoid,
    SoftmaxWithLoss,
    Tanh,
)
from w2vlib.negative_sampling import NegativeSamplingLoss
from w2vlib.validation import PAD, as_count, as_generator, as_ids

LOSSES = ("negative_sampling", "hierarchical_softmax")


def _small_random(shape, rng: np.random.Generator, dtype):
    """The book's initial weights: normal with standard deviation 0.01."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f" or dtype.itemsize < 4:
        raise ValueError(f"dtype must be float32 or float64, got {dtype}.")
    return (0.01 * rng.standard_normal(shape)).astype(dtype)


class Model:
    """What all models share: the parameters and gradients of their layers, in one list each."""

    def _collect(self, *layers) -> None:
        self.params = [p for layer in layers for p in layer.params]
        self.grads = [g for layer in layers for g in layer.grads]

    @property
    def word_vecs(self):
        """The word vectors: W_in, one row a word, (V, H)."""
        return self.params[0]


class SimpleCBOW(Model):
    """CBOW with one-hot vectors and softmax over all words: guess a word from its neighbours.

    ``h = (1/C) Σ_c contexts_c W_in``, ``L = cross entropy of softmax(h W_out) and target``.

    Args:
        vocab_size: V.
        hidden_size: H.
        seed, rng: for the initial weights.
        dtype: float32 or float64.

    Shapes: contexts (B, C, V) and target (B, V), both one-hot → loss, a float.  W_in (V, H),
    W_out (H, V).

    Raises:
        ValueError, TypeError: sizes that are no whole numbers ≥ 1; input that is not one-hot.

    Source: Deep Learning from Scratch 2, section 3.4.
    """

    def __init__(self, vocab_size, hidden_size, *, seed=None, rng=None, dtype=np.float32) -> None:
        V, H = as_count(vocab_size, "vocab_size"), as_count(hidden_size, "hidden_size")
        rng = as_generator(rng, seed)
        self.in_layer = MatMul(_small_random((V, H), rng, dtype))
        self.out_layer = MatMul(_small_random((H, V), rng, dtype))
        self.loss_layer = SoftmaxWithLoss()
        self._collect(self.in_layer, self.out_layer)

    def forward(self, contexts, target) -> float:
        contexts, target = _as_one_hot(contexts, target, self.word_vecs)
        self._contexts = contexts.shape[1]
        h = self.in_layer.forward(contexts).mean(axis=1)
        return self.loss_layer.forward(self.out_layer.forward(h), target)

    def backward(self, dout=1) -> None:
        dh = self.out_layer.backward(self.loss_layer.backward(dout)) / self._contexts
        xp = get_array_module(dh)
        self.in_layer.backward(xp.repeat(dh[:, None, :], self._contexts, axis=1))


class SimpleSkipGram(Model):
    """Skip-gram with one-hot vectors and softmax: guess each neighbour from the word.

    ``h = target W_in``, ``L = Σ_c cross entropy of softmax(h W_out) and contexts_c``.

    Arguments, shapes and errors as in :class:`SimpleCBOW`.

    Source: Deep Learning from Scratch 2, section 3.5.2.
    """

    def __init__(self, vocab_size, hidden_size, *, seed=None, rng=None, dtype=np.float32) -> None:
        V, H = as_count(vocab_size, "vocab_size"), as_count(hidden_size, "hidden_size")
        rng = as_generator(rng, seed)
        self.in_layer = MatMul(_small_random((V, H), rng, dtype))
        self.out_layer = MatMul(_small_random((H, V), rng, dtype))
        self.loss_layer = SoftmaxWithLoss()
        self._collect(self.in_layer, self.out_layer)

    def forward(self, contexts, target) -> float:
        contexts, target = _as_one_hot(contexts, target, self.word_vecs)
        self._contexts = contexts.shape[1]
        score = self.out_layer.forward(self.in_layer.forward(target))
        return sum(self.loss_layer.forward(score, contexts[:, c]) for c in range(self._contexts))

    def backward(self, dout=1) -> None:
        dscore = sum(self.loss_layer.backward(dout) for _ in range(self._contexts))
        self.in_layer.backward(self.out_layer.backward(dscore))


def _as_one_hot(contexts, target, W_in):
    """One-hot contexts (B, C, V) and target (B, V), in the dtype of the weights."""
    contexts = as_float(contexts, "contexts", like=W_in)
    target = as_float(target, "target", like=W_in)
    V, shape = len(W_in), contexts.shape
    if len(shape) != 3 or shape[1] == 0 or shape[2] != V or target.shape != (shape[0], V):
        raise ValueError(
            f"contexts must be one-hot, shape (B, C, {V}) with C >= 1, and target (B, {V}); got "
            f"{contexts.shape} and {target.shape}. Use convert_one_hot(ids, vocab_size)."
        )
    check_probabilities(contexts, "contexts")
    check_probabilities(target, "target")
    return contexts, target


class _Word2Vec(Model):
    """What CBOW and SkipGram share: two matrices, and a loss that needs a few rows only."""

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        window_size: int,
        corpus,
        *,
        loss: str = "negative_sampling",
        sample_size: int = 5,
        power: float = 0.75,
        seed: int | None = None,
        rng: np.random.Generator | None = None,
        dtype=np.float32,
        sparse_grad: bool = False,
    ) -> None:
        V, H = as_count(vocab_size, "vocab_size", 2), as_count(hidden_size, "hidden_size")
        self.window_size = as_count(window_size, "window_size")
        rng = as_generator(rng, seed)
        self.loss = loss
        W_in = _small_random((V, H), rng, dtype)
        if loss == "negative_sampling":
            W_out = _small_random((V, H), rng, dtype)
            self.loss_layer = NegativeSamplingLoss(
                W_out, corpus, power, sample_size, rng=rng, sparse_grad=sparse_grad
            )
        elif loss == "hierarchical_softmax":
            W_out = _small_random((V - 1, H), rng, dtype)
            self.loss_layer = HierarchicalSoftmaxLoss(W_out, corpus, sparse_grad=sparse_grad)
        else:
            raise ValueError(f"loss must be one of {LOSSES}, got {loss!r}.")
        self.in_layer = self._make_in_layer(W_in, sparse_grad)
        self._collect(self.in_layer, self.loss_layer)

    def check_examples(self, contexts, target) -> None:
        """Refuse examples that :meth:`forward` would refuse: for all of them at once."""
        self._checked(contexts, target)

    def _checked(self, contexts, target):
        W_in, words = self.word_vecs, len(self.word_vecs)
        contexts = as_ids(contexts, words, "contexts", allow_pad=True, like=W_in)
        target = as_ids(target, words, "target", like=W_in)
        C = 2 * self.window_size
        if contexts.ndim != 2 or contexts.shape[1] != C or target.shape != contexts.shape[:1]:
            raise ValueError(
                f"contexts must have shape (B, {C}) for window_size={self.window_size}, and target "
                f"(B,); got {contexts.shape} and {target.shape}. Make both with "
                "create_contexts_target(corpus, window_size)."
            )
        return contexts, target


class CBOW(_Word2Vec):
    """Continuous bag of words: guess a word from the mean of its neighbours' vectors.

    ``h = mean of W_in[contexts]``; the loss compares h with the target's row (and a few others) of
    W_out.  Contexts that are ``PAD`` do not count.

    Args:
        vocab_size: V.
        hidden_size: H, the length of a word vector.
        window_size: words on either side; C = 2 · window_size.
        corpus: (T,) ids or a Corpus, for the word counts.
        loss: ``"negative_sampling"`` or ``"hierarchical_softmax"``.
        sample_size, power: of the negative sampling.
        seed, rng: for the initial weights and the negative samples.
        dtype: float32 or float64.
        sparse_grad: gradients as RowGradients; much faster when V is large, with any optimiser of
            :mod:`w2vlib.optimizers`.

    Shapes: contexts (B, C), target (B,) ids → loss, a float.  params = [W_in, W_out].

    Raises:
        ValueError: sizes, a corpus or an option that cannot be; contexts that are not (B, C).
        TypeError, IndexError: ids that are not integers in 0 … V−1.

    Source: Mikolov et al. 2013a; Deep Learning from Scratch 2, section 4.3.
    """

    def _make_in_layer(self, W_in, sparse_grad):
        return EmbeddingMean(W_in, sparse_grad)

    def forward(self, contexts, target, negatives=None) -> float:
        """The loss of a batch; ``negatives`` (B, K) replaces the random draws."""
        contexts, target = self._checked(contexts, target)
        h = self.in_layer.forward(contexts)
        return self.loss_layer.forward(h, target, *_given(negatives))

    def backward(self, dout=1) -> None:
        self.in_layer.backward(self.loss_layer.backward(dout))


class SkipGram(_Word2Vec):
    """Skip-gram: guess every neighbour from the word's own vector.

    ``h = W_in[target]``; the loss sums over the C neighbours.  Those that are ``PAD`` do not count.

    Arguments, shapes and errors as in :class:`CBOW`.

    Source: Mikolov et al. 2013b; Deep Learning from Scratch 2, appendix of chapter 4.
    """

    def _make_in_layer(self, W_in, sparse_grad):
        return Embedding(W_in, sparse_grad)

    def forward(self, contexts, target, negatives=None) -> float:
        """The loss of a batch; ``negatives`` (B, C, K) replaces the random draws."""
        contexts, target = self._checked(contexts, target)
        h = self.in_layer.forward(target)
        return self.loss_layer.forward(h, contexts, *_given(negatives))

    def backward(self, dout=1) -> None:
        self.in_layer.backward(self.loss_layer.backward(dout))


def _given(negatives) -> tuple:
    return () if negatives is None else (negatives,)


class WindowClassifier(Model):
    """Is the word in the middle of this window a name?  The network of CS224n, lecture 4.

    ``x`` = the window's word vectors, one after the other; ``s = f(x W + b) · u``.  Training asks
    that a true window scores at least 1 more than a corrupt one (max-margin loss).

    Args:
        vocab_size: V.
        vector_size: D, length of a word vector.
        hidden_size: H.
        window_size: words on either side; a window has n = 2 · window_size + 1 words.
        activation: f, ``"sigmoid"`` or ``"tanh"``.
        word_vecs: (V, D) vectors to start from; random ones by default.
        train_vectors: whether training changes the word vectors too.
        seed, rng: for the initial weights.
        dtype: float32 or float64.

    Shapes: windows, corrupt (B, n) ids, where PAD is a place outside the sentence (it has a vector
    of its own, the last row of the table) → loss, a float.  W (n·D, H), b (H,), u (H, 1).

    Raises:
        ValueError: sizes or an option that cannot be; windows that are not (B, n).
        TypeError, IndexError: ids that are not integers in 0 … V−1 or PAD.

    Source: CS224n 2019, lecture 4.
    """

    def __init__(
        self,
        vocab_size: int,
        vector_size: int,
        hidden_size: int,
        window_size: int = 2,
        *,
        activation: str = "tanh",
        word_vecs=None,
        train_vectors: bool = True,
        seed: int | None = None,
        rng: np.random.Generator | None = None,
        dtype=np.float32,
    ) -> None:
        V, D = as_count(vocab_size, "vocab_size"), as_count(vector_size, "vector_size")
        H = as_count(hidden_size, "hidden_size")
        self.window_size, self.vocab_size = as_count(window_size, "window_size", 0), V
        if activation not in ("sigmoid", "tanh"):
            raise ValueError(f"activation must be 'sigmoid' or 'tanh', got {activation!r}.")
        rng = as_generator(rng, seed)
        inputs = (2 * self.window_size + 1) * D
        table = 10 * _small_random((V + 1, D), rng, dtype)  # one more row: outside the sentence
        if word_vecs is not None:
            word_vecs = as_float(word_vecs, "word_vecs", like=table)
            if word_vecs.shape != (V, D):
                raise ValueError(f"word_vecs must be ({V}, {D}), got {word_vecs.shape}.")
            table[:V] = word_vecs
        self.embedding = Embedding(table)
        self.affine = Affine(
            (rng.standard_normal((inputs, H)) / np.sqrt(inputs)).astype(dtype), np.zeros(H, dtype)
        )
        self.activation = Sigmoid() if activation == "sigmoid" else Tanh()
        self.score_layer = MatMul((rng.standard_normal((H, 1)) / np.sqrt(H)).astype(dtype))
        self.loss_layer = MaxMarginLoss()
        self._table, self.train_vectors = table, bool(train_vectors)
        trained = [self.embedding] if train_vectors else []
        self._collect(*trained, self.affine, self.score_layer)

    @property
    def word_vecs(self):
        """The word vectors, (V, D), without the row for places outside the sentence."""
        return self._table[: self.vocab_size]

    def score(self, windows):
        """s (B,) for windows (B, n): how much the middle word looks like a name."""
        windows = self._checked(windows)
        x = self.embedding.forward(windows)  # (B, n, D)
        x = x.reshape(len(x), x.shape[1] * x.shape[2])
        return self.score_layer.forward(self.activation.forward(self.affine.forward(x)))[:, 0]

    def forward(self, windows, corrupt) -> float:
        """Max-margin loss of true windows against corrupt ones, both (B, n) ids."""
        return self.loss_layer.forward(self.score(windows), self.score(corrupt))

    def backward(self, dout=1) -> None:
        ds, ds_corrupt = self.loss_layer.backward(dout)
        self._backward_score(ds_corrupt)  # last in, first out
        self._backward_score(ds)

    def _backward_score(self, ds) -> None:
        da = self.score_layer.backward(ds[:, None])
        dx = self.affine.backward(self.activation.backward(da))
        if self.train_vectors:
            n = 2 * self.window_size + 1
            self.embedding.backward(dx.reshape(len(dx), n, self._table.shape[1]))

    def check_examples(self, windows, corrupt) -> None:
        """Refuse examples that :meth:`forward` would refuse: for all of them at once."""
        self._checked(windows), self._checked(corrupt)

    def _checked(self, windows):
        """PAD points to the extra row; everything else must be a word id."""
        n = 2 * self.window_size + 1
        windows = as_ids(windows, self.vocab_size, "windows", allow_pad=True, like=self._table)
        if windows.ndim != 2 or windows.shape[1] != n:
            raise ValueError(f"windows must have shape (B, {n}), got {windows.shape}.")
        windows = windows.astype(np.int64)  # a small integer type may not hold V
        windows[windows == PAD] = self.vocab_size
        return windows
