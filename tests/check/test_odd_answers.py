"""What the checks say about answers and exceptions that nobody planned for."""

import math

import numpy as np
import pytest

from w2vlib import check
from w2vlib.check.answers import difference, plain, show


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dout):
        self.grads[0][...] = self.x.T @ dout
        return dout @ self.params[0].T


# ------------------------------------------------------------------------------ odd values

ODD = ["hello", "", b"x", ["a", "b"], {"a": 1}, {1}, 1 + 2j, np.array(None), len, [[1], [1, 2]]]
ODD += [np.array("x"), np.full((3, 3), np.inf), np.zeros(0), [None], ([[1], [1, 2]], [[1]])]


FUNCTIONS = [n for n in check.EXERCISES if check.exercise_named(n).kind == "function"]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("value", ODD, ids=lambda v: repr(v)[:20])
def test_a_function_that_returns_something_odd_is_wrong_and_no_crash(name, value):
    report = getattr(check, name)(lambda *args, **kwargs: value)
    assert report.status == "wrong"
    assert str(report)


@pytest.mark.parametrize("value", ODD, ids=lambda v: repr(v)[:20])
def test_a_pair_of_something_odd_is_wrong_and_no_crash(value):
    for pair in ((value, value), (value, [1]), ([[1]], value)):
        report = check.create_contexts_target(lambda *args, pair=pair, **kwargs: pair)
        assert report.status == "wrong"
        assert str(report)


@pytest.mark.parametrize("value", ODD, ids=lambda v: repr(v)[:20])
@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_method_that_returns_something_odd_is_wrong_and_no_crash(method, value):
    odd = type("Odd", (MatMul,), {method: lambda self, x: value})
    report = check.matmul(odd)
    assert report.status == "wrong"
    assert str(report)


class Cbow:
    """A CBOW or skip-gram that returns something odd; its shapes are right."""

    loss, wrong_params = 0.0, None

    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.params = [np.zeros((vocab_size, hidden_size)) for _ in range(2)]
        self.grads = [np.zeros((vocab_size, hidden_size)) for _ in range(2)]
        if self.wrong_params:
            self.params = self.wrong_params

    def forward(self, contexts, target, negatives=None):
        return self.loss

    def backward(self, dout=1):
        pass


@pytest.mark.parametrize("name", ["cbow", "skip_gram"])
@pytest.mark.parametrize("value", [*ODD, np.ones(3)], ids=lambda v: repr(v)[:20])
def test_a_model_with_an_odd_loss_is_wrong_and_no_crash(name, value):
    """The loss of each example, for one: their mean was forgotten."""
    odd = type("Odd", (Cbow,), {"loss": value})
    report = getattr(check, name)(odd)
    assert report.status == "wrong"
    assert str(report)


@pytest.mark.parametrize("params", [[1, 2], ["W", "U"], [[[1], [1, 2]], [1]]], ids=repr)
def test_a_model_with_odd_weights_is_wrong_and_no_crash(params):
    odd = type("Odd", (Cbow,), {"wrong_params": params})
    report = check.cbow(odd)
    assert report.status == "wrong"
    assert str(report)


@pytest.mark.parametrize("value", ["hello", [], np.zeros(2), None], ids=repr)
def test_a_layer_that_draws_and_has_an_odd_gradient_is_wrong_and_no_crash(value):
    class Odd:
        def __init__(self, W, corpus, power=0.75, sample_size=5):
            self.params, self.grads = [W], [value]

        def forward(self, h, target, negatives=None):
            return 0.0

        def backward(self, dout=1):
            return np.zeros((2, 2))

    report = check.negative_sampling_loss(Odd)
    assert report.status == "wrong"
    assert str(report)


def test_text_is_shown_in_quotation_marks():
    assert show(np.array("hello")) == "'hello'"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (object(), "an object that is no array of numbers"),
        ({}, "a dict that is no array of numbers"),
        (np.array([1 + 2j]), "an array of complex numbers"),
        (np.array([None]), "an array of Python objects"),
        ((np.zeros(2), np.zeros(3)), "a tuple of 2 that is no array of numbers"),
        ([[1], [1, 2]], "a list of 2 that is no array of numbers"),
    ],
    ids=["object", "dict", "complex", "objects", "tuple", "jagged"],
)
def test_what_is_no_array_of_numbers_is_called_what_it_is(value, text):
    assert plain(value).text == text


# --------------------------------------------------------------------- factors that say nothing


def test_a_factor_is_given_for_a_single_number_only_if_it_is_a_plain_one():
    """Any number is some multiple of any other one."""
    right = np.array(2.0)
    assert "1.37" not in difference("loss", np.array(2.74), right)
    assert "throughout" not in difference("loss", np.array(4.0), right)
    assert "Yours is 2 times" in difference("loss", np.array(4.0), right)
    assert "Yours is 0.3333 times" in difference("loss", np.array(2 / 3), right)
    assert "Yours is -1 times" in difference("loss", np.array(-2.0), right)


def test_a_factor_of_many_numbers_is_given_whatever_it_is():
    right = np.array([1.0, -2.0, 3.0])
    assert "Yours is 1.37 times" in difference("dW", 1.37 * right, right)
    assert "throughout" in difference("dW", 1.37 * right, right)


# ------------------------------------------------------------------------------- exceptions


def test_an_exception_that_cannot_say_what_happened():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    def ppmi(C):
        raise Mute

    report = check.ppmi(ppmi)
    assert report.status == "wrong"
    assert "Mute" in report.text


def test_an_exception_in_compiled_code_shows_the_line_that_called_it():
    class Sampler:
        def __init__(self, corpus, power, sample_size):
            self.K, self.rng = sample_size, np.random.default_rng(0)

        def get_negative_sample(self, target):
            return self.rng.choice(2, size=self.K, p=[0.5, 0.4])

    text = check.unigram_sampler(Sampler).text
    assert "Probabilities do not sum to 1" in text
    assert "self.rng.choice(2, size=self.K, p=[0.5, 0.4])" in text


def self_forgotten():
    class NoSelf(MatMul):
        def forward(x):
            return x

    return check.matmul(NoSelf)


def init_misspelt():
    class NoInit:
        def _init_(self, W):
            self.params = [W]

    return check.matmul(NoInit)


def without_end():
    def ppmi(C):
        return ppmi(C)

    return check.ppmi(ppmi)


def math_exp():
    def sigmoid(z):
        return 1 / (1 + math.exp(-z))

    def window_score(x, W, b, u):
        return sum(u_j * sigmoid(z_j) for u_j, z_j in zip(u, x @ W + b, strict=True))

    return check.window_score(window_score)


def math_log():
    class Loss:
        def __init__(self):
            self.params, self.grads = [], []

        def forward(self, x, t):
            y = 0.5 * (1 + np.tanh(x / 2))
            return -sum(math.log(p if k else 1 - p) for p, k in zip(y, t, strict=True)) / len(x)

    return check.sigmoid_with_loss(Loss)


@pytest.mark.parametrize(
    ("run", "tip"),
    [
        (self_forgotten, "`self`"),
        (init_misspelt, "two underscores"),
        (without_end, "calls itself"),
        (math_exp, "`np.exp`"),
        (math_log, "the logarithm of 0"),
    ],
)
def test_messages_that_puzzle_beginners_come_with_a_tip(run, tip):
    report = run()
    assert report.headline.startswith("your code stopped with")
    assert tip in report.text


def test_other_messages_come_without_a_tip():
    def ppmi(C):
        return C.nothing

    text = check.ppmi(ppmi).text
    assert text.count("\n") == 1


# ------------------------------------------------------------------------------ the example


def test_a_changed_input_is_what_the_example_shows():
    class Updating(MatMul):
        def backward(self, dout):
            dx = super().backward(dout)
            self.params[0] -= 0.1 * self.grads[0]
            return dx

    report = check.matmul(Updating)
    assert report.mistake == "input-modified"
    assert ("expected", "left alone") in report.example


def test_the_example_of_a_named_mistake_shows_that_mistake():
    """Here the loss is infinite, too, for one large score; that example says nothing of a sum."""

    class Summed:
        def __init__(self):
            self.params, self.grads = [], []

        def forward(self, x, t):
            y = np.exp(x - x.max(axis=1, keepdims=True))
            self.y = y / y.sum(axis=1, keepdims=True)
            self.t = t if t.ndim == 2 else np.eye(x.shape[1], dtype=x.dtype)[t]
            return -np.log((self.y * self.t).sum(axis=1)).sum()

        def backward(self, dout=1):
            return (self.y - self.t) * dout

    report = check.softmax_with_loss(Summed)
    if report.mistake:
        assert report.mistake == "missing-1/B"
        assert "1 times too large" not in report.text
        assert ("x", "[[  0., 800.]]") not in report.example


# ------------------------------------------------------------------------- said as it is


def test_zeros_are_not_blamed_on_a_missing_factor_alone():
    report = check.ppmi(lambda C: np.zeros(C.shape))
    assert report.headline.startswith("every value is 0")
    assert any("If N is there" in hint for hint in report.hints)


@pytest.mark.parametrize("name", check.EXERCISES)
def test_code_in_a_hint_is_code(name):
    """No sentence where the name of an array belongs."""
    for mistake in check.exercise_named(name).mistakes:
        for hint in mistake.hints:
            assert not [
                p
                for p in hint.split("`")[1::2]
                if " " in p.partition("[...]")[0] and "[...] = 0" in p
            ]


def test_a_batch_that_is_given_one_row_does_not_start_its_generator_again():
    """Its two calls may well agree by chance, because a few words come nearly always."""

    class OneRow:
        def __init__(self, corpus, power, sample_size, seed=None):
            counts = np.bincount(corpus) ** power
            self.p, self.K = counts / counts.sum(), sample_size
            self.rng = np.random.default_rng(seed)

        def get_negative_sample(self, target):
            p = self.p.copy()
            p[target] = 0
            return np.array([self.rng.choice(len(p), self.K, p=p / p.sum())] * len(target))

    assert check.unigram_sampler(OneRow).mistake == "same-for-all-rows"
