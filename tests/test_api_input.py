"""Everything public, asked wrongly: a typed error with a remedy, or a right answer.

For each public name there is one sound call.  Each of its arguments is then replaced by everything
that a reader may hand over by mistake.  Allowed outcomes: an error of the documented kinds whose
message says something, or a result without NaN – and the same result as before where the argument
only lies otherwise in memory.  No argument may have changed afterwards, no warning may appear.
"""

import copy
import math
import re
import warnings

import numpy as np
import pytest

import w2vlib
from tests.oracles import LAYOUTS, laid_out
from w2vlib.sparse import RowGradient

RNG = np.random.default_rng(0)
V, H, B, C = 4, 3, 5, 2
CORPUS = np.array([0, 1, 2, 3, 1, 2, 0, 3, 1, 0])
TARGET = np.array([0, 1, 2, 3, 1])
CONTEXTS = np.array([[1, 2], [3, 1], [0, 0], [2, 1], [0, 3]])
NEGATIVES = np.array([[1, 2], [2, 3], [3, 0], [0, 1], [2, 2]])
W, HIDDEN = RNG.standard_normal((V, H)), RNG.standard_normal((B, H))
X, DOUT = RNG.standard_normal((B, V)), RNG.standard_normal((B, H))
WORDS = ["you", "say", "goodbye", "hello"]
WORD_TO_ID = {word: i for i, word in enumerate(WORDS)}
ID_TO_WORD = dict(enumerate(WORDS))
ONE_HOT = np.eye(V)


def layer(make, *weights):
    """A call that goes through a fresh layer once, forward and backward."""

    def call(**arguments):
        made = make(*[arguments.pop(name) for name in weights])
        dout = arguments.pop("dout", 1)
        y = made.forward(*arguments.values())
        dx = made.backward(dout)
        return [y, dx, *made.grads]

    return call


def model(make):
    def call(contexts, target, negatives=None, dout=1, **options):
        made = make(seed=0, **options)
        loss = made.forward(contexts, target, *([] if negatives is None else [negatives]))
        made.backward(dout)
        return [loss, *made.grads]

    return call


def classifier(windows, corrupt, **options):
    made = w2vlib.WindowClassifier(seed=0, **options)
    loss = made.forward(windows, corrupt)
    made.backward()
    return [loss, made.score(windows), *made.grads]


def optimizer(make):
    def call(params, grads, **options):
        made, params = make(**options), copy.deepcopy(params)
        made.update(params, grads)
        made.update(params, grads)
        return params

    return call


def clipped(grads, max_norm):
    grads = copy.deepcopy(grads)
    return [w2vlib.clip_grads(grads, max_norm), grads]


def trainer(**arguments):
    made = w2vlib.CBOW(V, H, 1, CORPUS, seed=0)
    found = w2vlib.Trainer(made, w2vlib.SGD(), seed=0, progress=False)
    found.fit(**arguments)
    return [found.loss_list, made.word_vecs]


def sampler(target, **arguments):
    return w2vlib.UnigramSampler(seed=0, **arguments).get_negative_sample(target)


def loss_layer(make):
    def call(W, corpus, h, target, negatives=None, **options):
        made = make(W, corpus, **options)
        loss = made.forward(h, target, *([] if negatives is None else [negatives]))
        return [loss, made.backward(), *made.grads]

    return call


def huffman(counts):
    tree = w2vlib.HuffmanTree(counts)
    return [tree.codes, tree.points, tree.expected_length(counts)]


def row_gradient(rows, values, shape):
    found = w2vlib.RowGradient(rows, values, shape)
    return [found.to_dense(), found.norm_squared()]


def word_vectors(words, vectors, word, top, counts):
    found = w2vlib.WordVectors(words, vectors, counts)
    return [found.most_similar(word, top=top), found.analogy(word, "say", "hello", top=top)]


def measured_gradient(x):
    return w2vlib.numerical_gradient(lambda a: float(np.tanh(a).sum()), x)


def checked_gradient(x, g):
    return bool(w2vlib.check_gradient(lambda: float(np.tanh(x).sum()), [x], [g]))


def checked_layer(x):
    return bool(w2vlib.check_layer(w2vlib.Sigmoid, (x,)))


def evaluated(pairs, vectors):
    return w2vlib.evaluate_similarity(w2vlib.WordVectors(WORDS, vectors), pairs).rho


def answered(questions, vectors, method):
    found = w2vlib.evaluate_analogies(
        w2vlib.WordVectors(WORDS, vectors), questions, method=method, case="exact"
    )
    return found.accuracy()


def corpus_of(ids, words):
    made = w2vlib.Corpus(ids, words)
    return [made.ids, made.counts]


def built(source, min_count):
    made = w2vlib.build_corpus(source, min_count=min_count)
    return [made.ids, made.counts]


def shared(p, g):
    return w2vlib.remove_duplicate([p, p], [g, copy.copy(g)])[1]


WORD2VEC = {"vocab_size": V, "hidden_size": H, "window_size": 1, "corpus": CORPUS}
WORD2VEC |= {"contexts": CONTEXTS, "target": TARGET, "dout": 1.0}
QUERY = {"word_to_id": WORD_TO_ID, "id_to_word": ID_TO_WORD, "word_matrix": W, "top": 2}
SIMPLE = {"vocab_size": V, "hidden_size": H}
SIMPLE |= {"contexts": ONE_HOT[CONTEXTS], "target": ONE_HOT[TARGET], "dout": 1.0}
UPDATE = {"params": [W], "grads": [W], "lr": 0.1}
OPTIMIZERS = {
    "SGD": {},
    "Momentum": {"momentum": 0.9},
    "AdaGrad": {},
    "Adam": {"beta1": 0.9, "beta2": 0.999},
}

# Public name → (a sound call, its arguments).
CALLS = {
    "Affine": (layer(w2vlib.Affine, "W", "b"), {"W": W, "b": W[0], "x": X, "dout": DOUT}),
    "MatMul": (layer(w2vlib.MatMul, "W"), {"W": W, "x": X, "dout": DOUT}),
    "Softmax": (layer(w2vlib.Softmax), {"x": DOUT, "dout": DOUT}),
    "Sigmoid": (layer(w2vlib.Sigmoid), {"x": DOUT, "dout": DOUT}),
    "Tanh": (layer(w2vlib.Tanh), {"x": DOUT, "dout": DOUT}),
    "SoftmaxWithLoss": (layer(w2vlib.SoftmaxWithLoss), {"x": X, "t": TARGET, "dout": 1.0}),
    "SigmoidWithLoss": (
        layer(w2vlib.SigmoidWithLoss),
        {"x": X, "t": ONE_HOT[TARGET], "mask": np.ones((B, V)), "dout": 1.0},
    ),
    "MaxMarginLoss": (
        lambda **a: w2vlib.MaxMarginLoss().forward(**a),
        {"s": X[:, 0], "s_corrupt": X[:, 1]},
    ),
    "Embedding": (layer(w2vlib.Embedding, "W"), {"W": W, "idx": TARGET, "dout": DOUT}),
    "EmbeddingMean": (
        layer(w2vlib.EmbeddingMean, "W"),
        {"W": W, "contexts": CONTEXTS, "dout": DOUT},
    ),
    "EmbeddingDot": (
        layer(w2vlib.EmbeddingDot, "W"),
        {"W": W, "h": HIDDEN, "idx": CONTEXTS, "dout": X[:, :2]},
    ),
    "NegativeSamplingLoss": (
        loss_layer(w2vlib.NegativeSamplingLoss),
        {"W": W, "corpus": CORPUS, "h": HIDDEN, "target": TARGET, "negatives": NEGATIVES}
        | {"power": 0.75, "sample_size": 2, "seed": 0},
    ),
    "HierarchicalSoftmaxLoss": (
        loss_layer(w2vlib.HierarchicalSoftmaxLoss),
        {"W": W[1:], "corpus": CORPUS, "h": HIDDEN, "target": TARGET},
    ),
    "HuffmanTree": (huffman, {"counts": np.array([5, 3, 2, 1])}),
    "huffman_codes": (w2vlib.huffman_codes, {"counts": np.array([5, 3, 2, 1])}),
    "UnigramSampler": (
        sampler,
        {"corpus": CORPUS, "power": 0.75, "sample_size": 2, "vocab_size": V, "target": TARGET},
    ),
    "CBOW": (model(w2vlib.CBOW), WORD2VEC | {"negatives": NEGATIVES}),
    "SkipGram": (model(w2vlib.SkipGram), WORD2VEC | {"negatives": np.stack([NEGATIVES] * 2, 1)}),
    "SimpleCBOW": (model(w2vlib.SimpleCBOW), SIMPLE),
    "SimpleSkipGram": (model(w2vlib.SimpleSkipGram), SIMPLE),
    "WindowClassifier": (
        classifier,
        {"vocab_size": V, "vector_size": 2, "hidden_size": H, "window_size": 1}
        | {"word_vecs": X[:V, :2]}
        | {"windows": NEGATIVES[:, [0, 1, 0]], "corrupt": NEGATIVES[:, [1, 1, 0]]},
    ),
    **{
        name: (optimizer(getattr(w2vlib, name)), UPDATE | options)
        for name, options in OPTIMIZERS.items()
    },
    "clip_grads": (clipped, {"grads": [W, X], "max_norm": 1.0}),
    "Trainer": (
        trainer,
        {"contexts": CONTEXTS, "target": TARGET, "max_epoch": 2, "batch_size": 2}
        | {"max_grad": 5.0, "eval_interval": 2, "validation": (CONTEXTS, TARGET)},
    ),
    "remove_duplicate": (shared, {"p": W, "g": W}),
    "RowGradient": (row_gradient, {"rows": TARGET, "values": HIDDEN, "shape": (V, H)}),
    "softmax": (w2vlib.softmax, {"x": X}),
    "sigmoid": (w2vlib.sigmoid, {"x": X}),
    "log_sigmoid": (w2vlib.log_sigmoid, {"x": X}),
    "normalize": (w2vlib.normalize, {"x": X}),
    "cross_entropy_error": (
        w2vlib.cross_entropy_error,
        {"y": np.full((B, V), 0.25), "t": TARGET},
    ),
    "cos_similarity": (w2vlib.cos_similarity, {"x": X[0], "y": X[1]}),
    "preprocess": (w2vlib.preprocess, {"text": "You say goodbye and I say hello."}),
    "build_corpus": (built, {"source": "You say goodbye and I say hello.", "min_count": 1}),
    "Corpus": (corpus_of, {"ids": CORPUS, "words": WORDS}),
    "convert_one_hot": (w2vlib.convert_one_hot, {"corpus": CONTEXTS, "vocab_size": V}),
    "create_co_matrix": (
        w2vlib.create_co_matrix,
        {"corpus": CORPUS, "vocab_size": V, "window_size": 1},
    ),
    "create_contexts_target": (
        w2vlib.create_contexts_target,
        {"corpus": CORPUS, "window_size": 1, "sentence_starts": np.array([0, 4])},
    ),
    "cooccurrence": (
        w2vlib.cooccurrence,
        {"corpus": CORPUS, "vocab_size": V, "window_size": 1},
    ),
    "keep_probability": (
        w2vlib.keep_probability,
        {"counts": np.array([3, 3, 2, 2]), "t": 0.1, "formula": "code"},
    ),
    "tokenize": (w2vlib.tokenize, {"text": "You say goodbye.", "method": "book"}),
    "ppmi": (w2vlib.ppmi, {"C": np.array([[0, 2], [2, 1]]), "eps": 1e-8}),
    "subsample": (
        w2vlib.subsample,
        {"ids": CORPUS, "counts": np.array([3, 3, 2, 2]), "t": 0.1, "seed": 0},
    ),
    "WordVectors": (
        word_vectors,
        {"words": WORDS, "vectors": W, "word": "you", "top": 2, "counts": np.array([4, 3, 2, 1])},
    ),
    "most_similar": (w2vlib.most_similar, {"query": "you"} | QUERY),
    "analogy": (w2vlib.analogy, {"a": "you", "b": "say", "c": "hello"} | QUERY),
    "evaluate_similarity": (
        evaluated,
        {"pairs": [("you", "say", 1.0), ("say", "hello", 3.0)], "vectors": W},
    ),
    "evaluate_analogies": (
        answered,
        {"questions": {"all": [tuple(WORDS)]}, "vectors": W, "method": "3CosAdd"},
    ),
    "spearman": (w2vlib.spearman, {"x": X[0], "y": X[1]}),
    "numerical_gradient": (measured_gradient, {"x": X}),
    "check_gradient": (checked_gradient, {"x": X[0], "g": np.cosh(X[0]) ** -2.0}),
    "check_layer": (checked_layer, {"x": X}),
    "fastest": (lambda repeats: w2vlib.fastest(int, repeats=repeats) >= 0, {"repeats": 2}),
    "get_array_module": (lambda x: w2vlib.get_array_module(x).__name__, {"x": X}),
}
# Names that take nothing that could be wrong, or whose own tests need files or a device.
NO_INPUT = {
    "PAD", "UnknownWordError", "DataUnavailableError", "gpu_available", "to_cpu", "to_gpu", "ptb",
    "VectorFileError", "convert_book_pickle", "read_vectors", "write_vectors", "load_analogies",
    "load_similarities", "CheckpointError", "CheckpointWarning", "Checkpoints", "load_checkpoint",
}  # fmt: skip


def test_every_public_name_is_in_the_table():
    assert set(CALLS) | NO_INPUT == set(w2vlib.__all__)
    assert not set(CALLS) & NO_INPUT


# ---- what a reader may hand over by mistake -----------------------------------------------------


def spoiled(value):
    """(what is wrong, the wrong value) for an argument whose sound value is given."""
    if isinstance(value, np.ndarray):
        yield from spoiled_array(value)
    elif isinstance(value, bool) or callable(value):
        return
    elif isinstance(value, int):
        for wrong in (0, -1, 1.5, np.nan, "3", None, True, [3], 2**40, np.int8(1), np.uint64(2)):
            if not (wrong == 2**40):  # would ask for memory that nobody has
                yield f"{wrong!r}", wrong
    elif isinstance(value, float):
        for wrong in (0.0, -1.0, np.nan, np.inf, "1", None, True, [1.0], 1j, np.float32(0.5), 1):
            yield f"{wrong!r}", wrong
    elif isinstance(value, str):
        # Another case, NUL, wide letters, an accent on its own, half a surrogate pair.
        odd = ("Say", "you\0", "\uff33\uff21\uff39", "sa\u0301y", "\ud800")
        for wrong in ("", " ", "zzz", 3, None, b"you", ["you"], *odd):
            yield f"{wrong!r}", wrong
    elif isinstance(value, dict):
        for wrong in ({}, None, [], dict(list(value.items())[:-1])):
            yield f"{wrong!r}", wrong
    elif isinstance(value, (list, tuple)):
        yield "empty", type(value)()
        yield "None", None
        yield "one missing", value[:-1]
        yield "one too many", (*value, value[0]) if isinstance(value, tuple) else [*value, value[0]]
        yield "None inside", type(value)([None, *value[1:]])
        if isinstance(value[0], np.ndarray):
            for what, wrong in spoiled_array(value[0]):
                yield f"first {what}", type(value)([wrong, *value[1:]])


def spoiled_array(a):
    yield "None", None
    yield "a word", "you"
    yield "words", np.full(a.shape, "you")
    yield "objects", np.full(a.shape, None)
    yield "complex", a + 1j
    yield "no rows", a[:0]
    yield "one row", a[:1]
    yield "a row less", a[:-1]
    yield "a row more", np.concatenate([a, a[:1]])
    yield "an axis less", a[0]
    yield "an axis more", a[None]
    yield "one number", a.ravel()[0]
    yield "ragged", [[1], [2, 3]]
    yield "a list", a.tolist()
    yield "transposed", a.T
    yield "boolean", a.astype(bool)
    if a.dtype.kind == "f":
        for value in (np.nan, np.inf, -np.inf, 1e300, -1.0, 2.0):
            yield f"with {value}", put(a, value)
        yield "all zero", np.zeros_like(a)
        yield "integers", a.astype(int)
        yield "half precision", a.astype(np.float16)
        yield "single precision", a.astype(np.float32)
        yield "long double", a.astype(np.longdouble)
    else:
        for value in (-1, -2, -(2**31), V, 2**31, 2**62):
            yield f"with {value}", put(a.astype(np.int64), value)
        yield "floats", a.astype(float)
        yield "floats with nan", put(a.astype(float), np.nan)
        for dtype in (np.int8, np.uint8, np.uint64):
            yield dtype.__name__, a.astype(dtype)


def put(a, value):
    a = a.copy()
    a.flat[-1] = value
    return a


ARGUMENTS = [
    pytest.param(name, argument, id=f"{name}-{argument}")
    for name, (_, arguments) in CALLS.items()
    for argument in arguments
]


def outcome(name, arguments):
    """The result of a call, or the error; fails if it changed an argument."""
    call, _ = CALLS[name]
    before = copy.deepcopy(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = call(**arguments)
        except Exception as error:
            found = error
    assert same(arguments, before), "an argument was changed"
    return found


def same(a, b):
    """Equal to the last bit, NaN included, in whatever they are packed."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, RowGradient):
        return same(a.to_dense(), b.to_dense())
    if isinstance(a, np.ndarray) and a.dtype.kind in "fc":
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, float) and a != a:
        return b != b
    return type(a) is type(b) and a == b


def numbers(found):
    """All numbers of a result, in whatever they are packed."""
    if isinstance(found, dict):
        found = [*found.keys(), *found.values()]
    if isinstance(found, (list, tuple)):
        for part in found:
            yield from numbers(part)
    elif isinstance(found, RowGradient):
        yield from numbers(found.to_dense())
    elif isinstance(found, np.ndarray):
        assert found.dtype.kind in "iufb", found.dtype
        yield from found.ravel().tolist()
    elif isinstance(found, (float, int, np.number)):
        yield found


# They hand NaN on: the next one in a training step refuses it.
HAND_NAN_ON = {"remove_duplicate"}

# What Python and NumPy say by themselves: true, but no help to a reader.
RAW = (
    "object is not", "has no attribute", "unsupported operand", "could not be broadcast", "ufunc",
    "could not convert", "cannot reshape", "out of bounds", "zero-size array", "matmul",
    "required positional", "unexpected keyword", "inhomogeneous", "not supported between",
    "invalid literal", "not allowed on 0d", "too many indices", "must be real number",
    "shape mismatch", "not aligned", "unpack", "division by zero", "cannot be interpreted",
)  # fmt: skip


def complaint(name, argument, found):
    """What is not good about an outcome, or ''."""
    if not isinstance(found, Exception):
        if name not in HAND_NAN_ON and any(map(math.isnan, numbers(found))):
            return f"NaN in {found}"
        return ""
    if not isinstance(found, (TypeError, ValueError, IndexError, KeyError, FloatingPointError)):
        return repr(found)
    words = re.findall(r"\w+", str(found))
    named = words[0] in CALLS[name][1] or argument in words
    raw = any(phrase in str(found) for phrase in RAW)
    return repr(found) if len(str(found)) <= 20 or (raw and not named) else ""


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_an_error_that_helps_or_a_right_answer(name, argument):
    _, arguments = CALLS[name]
    bad = {}
    for what, wrong in spoiled(arguments[argument]):
        found = complaint(name, argument, outcome(name, arguments | {argument: wrong}))
        if found:
            bad[what] = found
    assert not bad


@pytest.mark.parametrize("name", CALLS)
def test_the_sound_call_is_sound_and_repeatable(name):
    found = outcome(name, CALLS[name][1])
    if isinstance(found, Exception):
        raise found
    assert all(map(math.isfinite, numbers(found)))
    assert same(outcome(name, CALLS[name][1]), found)


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_memory_layout_does_not_matter(name, argument):
    _, arguments = CALLS[name]
    value = arguments[argument]
    if not isinstance(value, np.ndarray):
        return
    truth = [*numbers(outcome(name, arguments))]
    for layout in [*LAYOUTS[1:], "other byte order"]:
        awkward = layout in ("read-only", "other byte order")
        if awkward and (name, argument) == ("check_gradient", "x"):
            continue  # these numbers are moved a little in place, in float64
        moved = laid_out(value, layout)
        if layout == "other byte order":
            moved = value.astype(value.dtype.newbyteorder())
        found = outcome(name, arguments | {argument: moved})
        if isinstance(found, Exception):
            raise found
        assert [*numbers(found)] == pytest.approx(truth, rel=1e-10, abs=1e-13), layout


# ---- by name: what the design promises ----------------------------------------------------------

LONELY = ["you"]  # a vocabulary of one word


def cbow(corpus=CORPUS, **options):
    return w2vlib.CBOW(
        **({"vocab_size": V, "hidden_size": H, "window_size": 1} | options), corpus=corpus
    )


def tree_loss(corpus):
    return w2vlib.HierarchicalSoftmaxLoss(W[:1], corpus)


def windows(corpus):
    return w2vlib.create_contexts_target(corpus, 1)


TRIPLE = w2vlib.preprocess("you say you say")
TEXT = w2vlib.build_corpus("you say you say hello")
FOR_COUNTS = "^counts must hold one count for each word, got <Corpus .*corpus.counts"
FIRST = (
    r"^corpus must hold word ids, got \(ids, word_to_id, id_to_word\)\. Take the first of the three"
)

PROMISED = [
    # (what, call, error, message with the remedy)
    ("empty corpus", lambda: cbow([]), ValueError, "^corpus is empty"),
    ("empty text", lambda: w2vlib.preprocess(""), ValueError, "no word"),
    ("blank text", lambda: w2vlib.preprocess(" \n\t"), ValueError, "no word"),
    ("empty source", lambda: w2vlib.build_corpus([]), ValueError, "no word"),
    ("one word for CBOW", lambda: cbow([0], vocab_size=1), ValueError, "^vocab_size must be at le"),
    ("one word in the corpus", lambda: cbow([1, 1]), ValueError, "at least 2 different words"),
    ("one word to code", lambda: w2vlib.huffman_codes([7]), ValueError, "at least 2 words"),
    (
        "one word to compare",
        lambda: w2vlib.WordVectors(LONELY, W[:1]).doesnt_match(["you", "you"]),
        ValueError,
        "at least three words",
    ),
    (
        "window longer than the corpus",
        lambda: w2vlib.create_contexts_target(CORPUS, 5),
        ValueError,
        "^window_size = 5 needs at least 11 words .* has 10. Use a smaller window",
    ),
    (
        "window longer than every sentence",
        lambda: w2vlib.create_contexts_target(w2vlib.build_corpus([["a", "b"]] * 9), 1),
        ValueError,
        "^window_size = 1 needs sentences of at least 3 words.*Use a smaller window",
    ),
    (
        "as many negatives as words",
        lambda: w2vlib.UnigramSampler(CORPUS, sample_size=V, replace=False),
        ValueError,
        "^sample_size=4 .*smaller sample_size, replace=True, or a larger",
    ),
    ("zero epochs", lambda: fit(max_epoch=0), ValueError, "^max_epoch must be at least 1, got 0"),
    ("half an epoch", lambda: fit(max_epoch=0.5), TypeError, "^max_epoch must be a whole number"),
    ("empty batches", lambda: fit(batch_size=0), ValueError, "^batch_size must be at least 1"),
    ("no examples", lambda: fit(CONTEXTS[:0], TARGET[:0]), ValueError, "nothing to train on"),
    (
        "unequal lengths",
        lambda: fit(target=TARGET[1:]),
        ValueError,
        r"rows, got \[\(5, 2\), \(4,\)",
    ),
    ("another window", lambda: fit(CONTEXTS[:, :1]), ValueError, "for window_size=1"),
    ("ids of a larger vocabulary", lambda: fit(CONTEXTS + V), IndexError, "the same vocabulary"),
    ("negative ids", lambda: fit(target=TARGET - 1), IndexError, "must lie in 0 … 3"),
    ("float ids", lambda: fit(target=TARGET / 1), TypeError, r"target\.astype\(np\.int32\)"),
    ("words for ids", lambda: cbow(["you", "say"]), TypeError, "word_to_id"),
    (
        "unknown word",
        lambda: w2vlib.most_similar("helo", WORD_TO_ID, ID_TO_WORD, W),
        w2vlib.UnknownWordError,
        "^'helo' is not in the vocabulary. Did you mean 'hello'",
    ),
    (
        "unknown word in an analogy",
        lambda: w2vlib.analogy("you", "Say", "hello", WORD_TO_ID, ID_TO_WORD, W),
        w2vlib.UnknownWordError,
        "^'Say' is not in the vocabulary. Did you mean 'say'",
    ),
    (
        "unknown word of a corpus",
        lambda: w2vlib.build_corpus("you say hello").encode("you saye"),
        KeyError,
        "^'saye' is not in the vocabulary. Did you mean 'say'",
    ),
    ("the book's triple, counted", lambda: w2vlib.UnigramSampler(TRIPLE), TypeError, FIRST),
    ("the book's triple, CBOW", lambda: w2vlib.CBOW(2, H, 1, TRIPLE), TypeError, FIRST),
    ("the book's triple, skip-gram", lambda: w2vlib.SkipGram(2, H, 1, TRIPLE), TypeError, FIRST),
    ("the book's triple, a tree", lambda: tree_loss(TRIPLE), TypeError, FIRST),
    ("the book's triple, windows", lambda: windows(TRIPLE), TypeError, FIRST),
    ("the book's triple, one-hot", lambda: w2vlib.convert_one_hot(TRIPLE, 2), TypeError, FIRST),
    ("a corpus for counts, codes", lambda: w2vlib.huffman_codes(TEXT), TypeError, FOR_COUNTS),
    ("a corpus for counts, tree", lambda: w2vlib.HuffmanTree(TEXT), TypeError, FOR_COUNTS),
    (
        "a corpus for counts, mean path",
        lambda: w2vlib.HuffmanTree([1, 1, 1]).expected_length(TEXT),
        TypeError,
        FOR_COUNTS,
    ),
    ("a corpus for counts, keep", lambda: w2vlib.keep_probability(TEXT), TypeError, FOR_COUNTS),
    ("a corpus for counts, thin", lambda: w2vlib.subsample(TEXT, TEXT), TypeError, FOR_COUNTS),
    (
        "a corpus for counts, noise",
        lambda: w2vlib.UnigramSampler(None, counts=TEXT),
        TypeError,
        FOR_COUNTS,
    ),
    ("seed and rng", lambda: cbow(seed=0, rng=RNG), ValueError, "either rng or seed"),
    ("RandomState", lambda: cbow(rng=np.random.RandomState(0)), TypeError, "default_rng"),
    ("bfloat", lambda: cbow(dtype=np.float16), ValueError, "float32 or float64"),
]


def fit(contexts=CONTEXTS, target=TARGET, **options):
    w2vlib.Trainer(cbow(), w2vlib.SGD(), progress=False).fit(contexts, target, **options)


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in PROMISED],
                         ids=[row[0] for row in PROMISED])  # fmt: skip
def test_promised_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_vocabulary_of_one_word_where_that_makes_sense():
    assert w2vlib.preprocess("you")[1] == {"you": 0}
    assert w2vlib.convert_one_hot([0, 0], 1).tolist() == [[1], [1]]
    assert w2vlib.create_co_matrix([0, 0], 1).tolist() == [[2]]
    assert w2vlib.WordVectors(LONELY, W[:1]).most_similar("you", top=3) == []
    sampler = w2vlib.UnigramSampler([0, 0], exclude_target=False, sample_size=2)
    assert sampler.get_negative_sample([0]).tolist() == [[0, 0]]
    assert w2vlib.softmax([[3.0]]).tolist() == [[1]]


def test_more_negatives_than_words_with_replacement():
    loss = w2vlib.NegativeSamplingLoss(W, CORPUS, sample_size=50, seed=0)
    assert math.isfinite(loss.forward(HIDDEN, TARGET))
    assert loss.negatives.shape == (B, 50)


def test_both_normal_forms_of_a_word_are_one_word():
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    corpus = w2vlib.build_corpus(f"{composed} {decomposed} tea")
    assert corpus.vocab_size == 2
    assert corpus.encode([composed]).tolist() == corpus.encode([decomposed]).tolist()


def test_errors_leave_a_model_usable():
    model = cbow(seed=0)
    trainer = w2vlib.Trainer(model, w2vlib.Adam(), seed=0, progress=False)
    wrong = TARGET.copy()
    wrong[-1] = V
    with pytest.raises(IndexError):
        trainer.fit(CONTEXTS, wrong, 1, 2)
    with pytest.raises(ValueError):
        model.forward(CONTEXTS, TARGET, negatives=NEGATIVES[:2])
    trainer.fit(CONTEXTS, TARGET, 1, 2)
    assert np.isfinite(model.word_vecs).all()
