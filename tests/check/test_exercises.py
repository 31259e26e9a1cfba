"""All checks: the library passes, references are right, stubs are no failure, nothing leaks."""

import inspect
import operator
import random
import signal
import threading
import time
import warnings

import numpy as np
import pytest

import w2vlib
from w2vlib import check, gradient_check
from w2vlib.check import counts, running, steps, window
from w2vlib.check.exercise import Notes, Raised, Remark, same

LIBRARY = {
    "matmul": "MatMul",
    "softmax_with_loss": "SoftmaxWithLoss",
    "sigmoid_with_loss": "SigmoidWithLoss",
    "embedding": "Embedding",
    "embedding_mean": "EmbeddingMean",
    "embedding_dot": "EmbeddingDot",
    "unigram_sampler": "UnigramSampler",
    "negative_sampling_loss": "NegativeSamplingLoss",
    "create_contexts_target": "create_contexts_target",
    "create_co_matrix": "create_co_matrix",
    "ppmi": "ppmi",
    "simple_cbow": "SimpleCBOW",
    "simple_skip_gram": "SimpleSkipGram",
    "cbow": "CBOW",
    "skip_gram": "SkipGram",
    "adam": "Adam",
    "most_similar": "most_similar",
    "analogy": "analogy",
    "huffman_tree": "huffman_codes",
    "hierarchical_softmax": "HierarchicalSoftmaxLoss",
    "numerical_gradient": "numerical_gradient",
    "spearman": "evaluation.spearman",
}
NOT_IN_THE_LIBRARY = {
    "window_score",
    "window_gradients",
    "optimal_score",
    "path_and_entropy",
    "skip_gram_cost",
    "softmax_scores",
    "reorder_sentences",
    "precision_recall",
    "nearest_mean",
    "text_classifier",
}
VARIANTS = {
    "embedding_sentences": counts.CONTEXTS_IN_SENTENCES,
    "lazy_adam": steps.LAZY_ADAM,
    "tanh_score": window._with(window.WINDOW_SCORE, "tanh"),
    "tanh_gradients": window._with(window.WINDOW_GRADIENTS, "tanh"),
}
ALL = {name: check.exercise_named(name) for name in check.EXERCISES} | VARIANTS


@pytest.mark.parametrize("name", LIBRARY)
def test_the_library_passes(name):
    report = getattr(check, name)(operator.attrgetter(LIBRARY[name])(w2vlib))
    assert report, str(report)


def test_the_library_passes_the_variants():
    def windows(corpus, window_size, starts):
        return w2vlib.create_contexts_target(corpus, window_size, sentence_starts=starts)

    assert check.create_contexts_target(windows, sentences=True)
    assert check.adam(w2vlib.Adam, lazy=True)
    sampler = w2vlib.UnigramSampler
    assert check.unigram_sampler(lambda c, p, k: sampler(c, p, k, replace=False))


def test_every_exercise_of_the_course_has_a_check():
    assert set(LIBRARY) | NOT_IN_THE_LIBRARY == set(check.EXERCISES)


@pytest.mark.parametrize("name", ALL)
def test_every_slip_of_the_reference_is_named(name):
    exercise = ALL[name]
    assert exercise.check(exercise._solution(""))
    for mistake in exercise.mistakes:
        for slip in mistake.variants():
            if (name, slip) == ("tanh_score", "sigmoid-overflow"):
                continue  # there is no sigmoid there
            assert exercise.check(exercise._solution(slip)).mistake == mistake.id, slip


@pytest.mark.parametrize("name", ALL)
def test_mistakes_are_described(name):
    exercise = ALL[name]
    assert len({m.id for m in exercise.mistakes}) == len(exercise.mistakes)
    case = exercise.cases(np.random.default_rng(0))[0]
    for mistake in exercise.mistakes:
        why = mistake.why(case) if callable(mistake.why) else mistake.why
        assert len(why) > 20 and mistake.title.endswith((".", "]."))
        assert mistake.hints and all(hint.endswith((".", "?", ")")) for hint in mistake.hints)
    assert len(exercise.hints) >= 2


@pytest.mark.parametrize("name", check.EXERCISES)
def test_docstrings_say_what_to_write(name):
    function = getattr(check, name)
    assert inspect.getdoc(function).startswith("Check a ")
    assert name in dir(check)


# ------------------------------------------------------------------------------------- stubs


def stub_class(kind):
    class Stub:
        def __init__(self, *args):
            self.params = [a for a in args if isinstance(a, np.ndarray)][:1]
            self.grads = [np.zeros_like(p) for p in self.params]

        if kind == "raises":

            def forward(self, *args, negatives=None):
                raise NotImplementedError("your code here")

            def backward(self, dout=1):
                raise NotImplementedError("your code here")

            update = get_negative_sample = forward
        else:

            def forward(self, *args, negatives=None): ...

            def backward(self, dout=1):
                """Fills the gradients."""

            def update(self, params, grads):
                pass

            def get_negative_sample(self, target):
                return None

    return Stub


def stub_function(kind):
    def raises(*args):
        raise NotImplementedError

    def nothing(*args): ...

    return raises if kind == "raises" else nothing


@pytest.mark.parametrize("kind", ["raises", "nothing"])
@pytest.mark.parametrize("name", check.EXERCISES)
def test_a_stub_is_not_attempted(name, kind):
    exercise = check.exercise_named(name)
    stub = stub_class(kind) if exercise.kind == "class" else stub_function(kind)
    if name in ("simple_cbow", "simple_skip_gram", "cbow", "skip_gram"):
        V_H = {"simple_cbow": True, "simple_skip_gram": True}.get(name, False)

        def stub(V, H, *rest, cls=stub):
            model = cls()
            model.params = [np.zeros((V, H)), np.zeros((H, V) if V_H else (V, H))]
            model.grads = [np.zeros_like(p) for p in model.params]
            return model

    report = getattr(check, name)(stub)
    assert report.status == "not attempted", str(report)
    assert report.mistake is None and not report and report.hints


def test_where_forward_is_right_no_hint_speaks_about_forward():
    class Half(w2vlib.Embedding):
        def backward(self, dout):
            self.grads[0][...] = 7

    class Nothing(Half):
        def forward(self, idx):
            super().forward(idx)
            return np.zeros((len(idx), 1))

    hints = check.exercise_named("embedding").hints
    assert hints[0].startswith("Forward") and hints[1].startswith("Backward")
    assert check.embedding(Nothing).hints == hints
    assert check.embedding(Half).hints == hints[1:]


@pytest.mark.parametrize("name", check.EXERCISES)
@pytest.mark.parametrize("nothing", [None, ...])
def test_nothing_at_all_is_not_attempted(name, nothing):
    assert getattr(check, name)(nothing).status == "not attempted"


class HalfDone:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dout):
        raise NotImplementedError


def test_half_an_exercise_says_what_is_right_so_far():
    report = check.matmul(HalfDone)
    assert report.status == "not attempted"
    assert "`forward(x)`" in report.text and "`backward(dout)`" in report.text


def test_half_an_exercise_that_is_wrong_is_wrong():
    class Wrong(HalfDone):
        def forward(self, x):
            return -(x @ self.params[0])

    assert check.matmul(Wrong).status == "wrong"


def test_blanks_of_a_stub_are_not_attempted():
    def ppmi(C):
        M = np.zeros(C.shape)
        M[0, 0] = ...
        return M

    def prepared(C):
        M = np.zeros(C.shape)  # noqa: F841 – a line that the stub prepares
        ...  # noqa: PIE790

    assert check.ppmi(ppmi).status == "not attempted"
    assert check.ppmi(prepared).status == "not attempted"


def test_a_forgotten_return_is_a_mistake_and_no_stub():
    def ppmi(C):
        M = np.log2(C + 1.0)  # noqa: F841 – the return is what is missing

    report = check.ppmi(ppmi)
    assert (report.status, report.mistake) == ("wrong", "forgotten-return")


def test_an_object_instead_of_the_class():
    report = check.matmul(w2vlib.MatMul(np.eye(2)))
    assert report.mistake == "not-callable" and "check.matmul(YourName)" in str(report)


# -------------------------------------------------------------------------------- exceptions


class Raises(HalfDone):
    def forward(self, x):
        y = x @ self.params[0]
        return y[:, 99]  # no such column

    def backward(self, dout):
        return dout


def test_an_exception_is_shown_with_its_line_and_without_our_traceback():
    report = check.matmul(Raises)
    text = str(report)
    assert report.status == "wrong" and report.mistake is None
    assert "IndexError: index 99 is out of bounds" in text
    assert (
        "return y[:, 99]" in text and f"line {Raises.forward.__code__.co_firstlineno + 2}" in text
    )
    assert "Traceback" not in text and "exercise.py" not in text


def test_an_exception_inside_the_library_shows_the_line_that_called_it():
    class Calls(HalfDone):
        def forward(self, x):
            return w2vlib.Embedding(self.params[0]).forward(x)

    assert "return w2vlib.Embedding(self.params[0]).forward(x)" in check.matmul(Calls).text


@pytest.mark.parametrize("error", [SystemExit(3), ValueError("<b>&</b>"), RecursionError("deep")])
def test_any_exception_becomes_a_report(error):
    def ppmi(C):
        raise error

    report = check.ppmi(ppmi)
    assert report.status == "wrong" and type(error).__name__ in report.headline
    assert "<b>" not in report._repr_html_()


def test_addresses_in_messages_are_the_same_in_every_run():
    def ppmi(C):
        raise ValueError(f"{object()}")

    assert "0x…" in str(check.ppmi(ppmi))


def test_missing_methods_arguments_and_lists_are_explained():
    class NoForward:
        def __init__(self, W):
            self.params, self.grads = [W], [W * 0]

    class NoGrads:
        def __init__(self, W):
            self.params, self.grads = [W], []

        forward = backward = HalfDone.forward

    class Copied(HalfDone):
        def __init__(self, W):
            super().__init__(W.copy())

    class TooMany(HalfDone):
        def __init__(self, W, b):
            super().__init__(W)

    assert "has no method `forward`" in str(check.matmul(NoForward))
    assert check.matmul(NoGrads).mistake == "no-gradient-array"
    assert "does not hold the weights W itself" in str(check.matmul(Copied))
    assert "missing 1 required positional argument: 'b'" in check.matmul(TooMany).text


# ------------------------------------------------------------------- time, output, leftovers


def test_an_endless_loop_is_stopped(monkeypatch):
    monkeypatch.setattr(running, "TIME_LIMIT", 0.3)

    def ppmi(C):
        while True:
            pass

    def stubborn(C):
        while True:
            try:
                while True:
                    pass
            except Exception:
                pass

    for endless in (ppmi, stubborn):
        assert check.ppmi(endless).mistake == "time-limit"


def test_code_that_only_waits_is_stopped_too(monkeypatch):
    monkeypatch.setattr(running, "TIME_LIMIT", 0.1)

    def ppmi(C):
        time.sleep(60)

    assert check.ppmi(ppmi).mistake == "time-limit"


def test_an_alarm_of_somebody_else_still_rings():
    if not hasattr(signal, "setitimer"):
        pytest.skip("no alarms here")
    rung = []
    old = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    waiting = signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        assert running.limited(lambda: time.sleep(0.1) or 5, 10) == 5
        time.sleep(0.1)
        assert rung
    finally:
        signal.signal(signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, *waiting)


def test_a_check_works_in_another_thread_and_stops_endless_loops_there(monkeypatch):
    monkeypatch.setattr(running, "TIME_LIMIT", 0.5)
    reports = []

    def endless(C):
        while True:
            pass

    def work():
        reports.extend([check.ppmi(w2vlib.ppmi), check.ppmi(endless)])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert [r.status for r in reports] == ["passed", "wrong"]
    assert reports[1].mistake == "time-limit"


def test_output_is_swallowed_and_cut_short(capsys):
    def noisy(C):
        for _ in range(100_000):
            print("still here")
        return C

    report = check.ppmi(noisy)
    assert capsys.readouterr() == ("", "")
    assert report.printed.startswith("still here\nstill here")
    assert len(report.printed) < 2000 and "characters more" in report.printed


def test_nothing_outside_is_changed():
    def meddling(C):
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        np.seterr(all="raise")
        warnings.simplefilter("error")
        return w2vlib.ppmi(C)

    before = (
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        random.getstate(),
        np.geterr(),
        list(warnings.filters),
        np.random.default_rng,
    )
    check.ppmi(meddling)
    check.unigram_sampler(w2vlib.UnigramSampler)
    after = (
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        random.getstate(),
        np.geterr(),
        list(warnings.filters),
        np.random.default_rng,
    )
    assert before == after


def test_the_verdict_does_not_depend_on_the_surroundings():
    def softmax_cost():
        return w2vlib.SoftmaxWithLoss()

    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check.softmax_with_loss(softmax_cost)
        assert check.sigmoid_with_loss(lambda: w2vlib.SigmoidWithLoss())


def test_reports_are_the_same_in_every_run():
    class Unseeded(w2vlib.UnigramSampler):
        def __init__(self, corpus, power, sample_size):
            super().__init__(corpus, 1.5, sample_size)

    reports = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        reports.append(check.unigram_sampler(Unseeded))
    assert reports[0] == reports[1] and not reports[0]
    assert reports[0]._repr_html_() == reports[1]._repr_html_()


def test_a_harmless_overflow_is_remarked_but_passes():
    class Naive:
        params, grads = [], []

        def forward(self, x, t):
            self.y, self.t = 1 / (1 + np.exp(-x)), t.astype(x.dtype)
            return np.mean(np.logaddexp(0, np.where(t == 1, -x, x)))

        def backward(self, dout=1):
            return (self.y - self.t) * dout / len(self.t)

    report = check.sigmoid_with_loss(Naive)
    assert report and "overflow encountered in exp" in report.remarks[0]


# ------------------------------------------------------------------------ the reference itself


@pytest.mark.parametrize("name", ["embedding", "embedding_mean", "embedding_dot", "matmul"])
def test_references_of_layers_agree_with_measured_gradients(name):
    exercise, rng = check.exercise_named(name), np.random.default_rng(1)
    W = rng.normal(size=(4, 3))
    inputs = {
        "embedding": [np.array([1, 3, 1])],
        "embedding_mean": [np.array([[1, 3], [1, 1]])],
        "embedding_dot": [rng.normal(size=(3, 3)), np.array([1, 3, 1])],
        "matmul": [rng.normal(size=(2, 4))],
    }[name]
    layer = exercise.reference(W)
    dout = rng.normal(size=np.shape(layer.forward(*inputs)))

    def loss(_):
        return float((layer.forward(*inputs) * dout).sum())

    measured = gradient_check.numerical_gradient(loss, W)
    layer.forward(*inputs)
    layer.backward(dout)
    np.testing.assert_allclose(layer.grads[0], measured, atol=1e-8)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_references_of_the_window_agree_with_measured_gradients(activation):
    rng = np.random.default_rng(2)
    variables = [rng.normal(size=s) for s in ((4,), (4, 3), (3,), (3,))]

    def score(_):
        return float(window._score(*variables, activation=activation))

    dW, db, du, dx = window._gradients(*variables, activation=activation)
    for variable, gradient in zip(variables, (dx, dW, db, du), strict=True):
        measured = gradient_check.numerical_gradient(score, variable)
        np.testing.assert_allclose(gradient, measured, atol=1e-8)


def test_secret_inputs_can_be_judged_without_running_the_code_again():
    exercise = check.exercise_named("embedding_dot")
    cases = exercise.cases(np.random.default_rng(123))
    answers, remains = exercise.collect(w2vlib.EmbeddingDot, cases)
    assert all(
        isinstance(v, np.ndarray | Remark | Raised) for seen in answers for v in seen.values()
    )
    assert exercise.judge(cases, answers, remains)
    answers[0]["score"] = answers[0]["score"] + 1
    assert exercise.judge(cases, answers).status == "wrong"


def test_unknown_names():
    with pytest.raises(AttributeError, match="no check 'embeding'"):
        check.embeding  # noqa: B018
    with pytest.raises(ValueError, match="name must be one of"):
        check.exercise_named("embeding")
    with pytest.raises(ValueError, match="activation must be one of"):
        check.window_score(lambda: 0, activation="relu")


@pytest.mark.parametrize(
    ("got", "expected", "verdict"),
    [
        (np.array(0.5), np.array([0.5]), True),
        (np.array([0.5, 1]), np.array([0.5]), False),
        (np.array([np.nan]), np.array([1.0]), False),
        (np.array([np.inf]), np.array([np.inf]), True),
        (np.array([1e-6]), np.array([0.0]), False),
        (np.array([1.0, 1e-7]), np.array([1.0, 0.0]), True),
        (np.array([1.0001]), np.array([1.0]), False),
        (np.array([1.0001], np.float32), np.array([1.0]), True),
        (Remark("a"), Remark("a"), True),
        (Remark("a"), np.array([1.0]), False),
        (np.array([1.0, 2.0]), Raised("ValueError", ""), False),
    ],
)
def test_when_answers_agree(got, expected, verdict):
    assert same(got, expected) is verdict


def test_notes_keep_answers_apart_from_later_changes():
    exercise = check.exercise_named("matmul")
    notes = Notes(exercise.cases(np.random.default_rng(0))[0])
    array = np.zeros(2)
    notes.value("y", array)
    array += 1
    assert notes.seen["y"].tolist() == [0, 0]
