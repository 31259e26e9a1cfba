"""The course's own assignments: solvable, gradable, diagnosing, and without leaks."""

import json
import math
import shutil

import numpy as np
import pytest

from tests.classroom.conftest import ROOT
from w2vlib.check import running
from w2vlib.classroom import batch, grader, practice, publish, sandbox
from w2vlib.classroom.course import Course, read_template
from w2vlib.classroom.validate import validate

pytestmark = pytest.mark.classroom
COURSE = Course(ROOT / "assignments")
NAMES = COURSE.names
ASSIGNMENTS = {name: COURSE.assignment(name) for name in NAMES}
TASKS = [(name, task) for name in NAMES for task in ASSIGNMENTS[name].tasks]
EXACT = [(name, task) for name, task in TASKS if not hasattr(task, "measure")]


def by_name(pair):
    return getattr(pair, "name", pair)


def source_code(name):
    tree = json.loads(ASSIGNMENTS[name].notebook.read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in tree["cells"] if c["cell_type"] == "code"]


def test_there_are_six_with_twenty_points_each():
    assert len(NAMES) >= 6
    for name in NAMES:
        assert ASSIGNMENTS[name].max_score == 20, name
    answers = [c for a in ASSIGNMENTS.values() for c in a.template.of_role("answer")]
    assert len(answers) == 1, "one written answer, graded by hand"


@pytest.mark.parametrize("name", NAMES)
def test_the_teachers_version_passes_its_visible_and_hidden_tests(name, monkeypatch):
    monkeypatch.chdir(ASSIGNMENTS[name].notebook.parent)
    space = {"__name__": "__main__"}
    for source in source_code(name):
        exec(compile(source, name, "exec"), space)


@pytest.mark.parametrize(("name", "task"), EXACT, ids=by_name)
def test_every_answer_belongs_to_a_property(name, task):
    cases = task.practice_cases()
    expected = task.exercise.right_answers(cases)
    paid = {
        (case.name, quantity)
        for part in task.parts
        for case in cases
        for quantity in part.quantities
        if not part.cases or case.name in part.cases
    }
    for case, seen in zip(cases, expected, strict=True):
        for quantity in seen.keys() - {"inputs", "grads in place"}:
            assert (case.name, quantity) in paid
    assert {case for part in task.parts for case in part.cases} <= {case.name for case in cases}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("name", "task"), EXACT, ids=by_name)
def test_each_known_mistake_costs_points_and_is_named(name, task, seed):
    cases = task.cases(np.random.default_rng(seed))
    expected = task.exercise.right_answers(cases)
    verdict = task.judge(cases, expected)
    assert (verdict.status, verdict.points) == ("passed", task.points)
    for mistake in task.mistakes:
        for answers in task.exercise._played(mistake, cases, expected):
            verdict = task.judge(cases, answers)
            assert verdict.status == "wrong", mistake.id
            assert verdict.mistake == mistake.id
            assert verdict.points < task.points
            assert verdict.points > 0 or mistake.id in task.worthless


def trivial_solutions():
    """Answers that are no work: constants, the inputs, nothing."""

    def layer(answer):
        class Layer:
            def __init__(self, *arrays):
                self.params = list(arrays)
                self.grads = [np.zeros_like(a) for a in arrays]

            def forward(self, *inputs):
                return answer(inputs)

            def backward(self, *inputs):
                return answer(inputs) if inputs else 0.0

        return Layer

    answers = {
        "zeros": lambda inputs: np.zeros_like(inputs[0]),
        "ones": lambda inputs: np.ones(np.shape(inputs[0])),
        "the input": lambda inputs: inputs[0],
        "the last input": lambda inputs: inputs[-1],
        "one": lambda inputs: 1.0,
        "nan": lambda inputs: np.nan,
        "pairs": lambda inputs: (np.zeros(2), np.zeros(2)),
        "nothing": lambda inputs: None,
        "an exception": lambda inputs: [][0],
        "a text": lambda inputs: np.array("0"),
        "no entries": lambda inputs: np.zeros(0),
        "infinity": lambda inputs: np.full(np.shape(inputs[0]), np.inf),
        "minus zeros": lambda inputs: -np.zeros(np.shape(inputs[-1])),
    }
    for name, answer in answers.items():
        yield (
            name,
            {
                "class": layer(answer),
                "function": lambda *inputs, answer=answer: answer(inputs),
            },
        )


@pytest.mark.parametrize(("name", "task"), TASKS, ids=by_name)
def test_no_work_no_points(name, task):
    cases = task.cases(np.random.default_rng(5))
    for what, solutions in trivial_solutions():
        answers, _ = task.exercise.collect(solutions[task.kind], cases)
        assert task.judge(cases, answers).points == 0, what


@pytest.mark.parametrize("name", ["a1_rows", "a3_scores"])
def test_a_type_is_seen_and_not_told(name):
    """float64 that calls itself float32 earns nothing for its type."""
    task = ASSIGNMENTS[name].tasks[1 if name == "a1_rows" else 0]
    title = {"a1_rows": "float32 stays float32", "a3_scores": "the scores"}[name]
    quantity, of = next(step[1:] for step in task.steps if step[0] == "dtype")
    cases = task.cases(np.random.default_rng(8))
    answers = task.exercise.right_answers(cases)
    for case, seen in zip(cases, answers, strict=True):
        if case.name == "float32":
            assert seen[quantity].text == "float32"
            seen[of] = seen[of].astype(np.float64)
    verdict = task.judge(cases, answers)
    assert verdict.mistake == "float32-leak"
    assert next(mark for mark in verdict.marks if mark.title == title).points == 0


def test_none_repeats_an_exercise_of_the_chapters():
    """Neither the name of a check, nor a whole definition that a chapter shows or asks for."""
    from w2vlib import check

    asked = {task.name for _, task in TASKS}
    assert not asked & set(check.EXERCISES)
    known = {}
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                known |= dict.fromkeys(bodies("".join(cell["source"])), path.name)
    assert len(known) > 50
    for name in NAMES:
        for cell in ASSIGNMENTS[name].template.of_role("solution"):
            repeated = {known[body] for body in bodies(cell.source) if body in known}
            assert not repeated, (name, cell.name, repeated)


def bodies(source):
    """What its functions and classes do, without names, docstrings and comments."""
    import ast

    class Nameless(ast.NodeTransformer):
        def visit_Name(self, node):
            return ast.Name("x", ast.Load())

        def visit_arg(self, node):
            return ast.arg("x")

    try:
        tree = ast.parse(source)
    except SyntaxError:  # commands of IPython
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name != "__init__":
            body = [s for s in node.body if not isinstance(getattr(s, "value", 0), ast.Constant)]
            if len(list(ast.walk(ast.Module(body, [])))) > 12:  # a line is nobody's own
                found.add("\n".join(ast.dump(Nameless().visit(s)) for s in body))
    return found


def nearly(one, other) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(nearly(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(nearly, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return one == other


@pytest.mark.parametrize("name", NAMES)
def test_practice_questions_are_up_to_date(name):
    path = ASSIGNMENTS[name].notebook.parent / practice.FILE
    fresh = json.loads(publish.practice_text(ASSIGNMENTS[name]))
    remedy = f"run: python -m w2vlib.classroom release {name}"
    assert nearly(json.loads(path.read_text(encoding="utf-8")), fresh), remedy
    assert path.stat().st_size < 300_000


@pytest.mark.parametrize(("name", "task"), EXACT, ids=by_name)
def test_practice_says_what_the_task_says(name, task):
    """The recorded check, which holds no solution, gives the same verdicts and names."""
    path = ASSIGNMENTS[name].notebook.parent / practice.FILE
    recorded = practice.exercise_from(practice.open(path).tasks[task.name])
    cases = recorded.cases(None)
    expected = task.exercise.right_answers(task.practice_cases())
    assert recorded.judge(cases, expected).status == "passed"
    for mistake in task.mistakes:
        for answers in task.exercise._played(mistake, cases, expected):
            report = recorded.judge(cases, answers)
            assert (report.status, report.mistake) == ("wrong", mistake.id)
            assert report.hints and report.example and report.text


def test_practice_holds_no_code():
    for name in NAMES:
        text = (ASSIGNMENTS[name].notebook.parent / practice.FILE).read_text(encoding="utf-8")
        for task in ASSIGNMENTS[name].tasks:
            assert "slip" not in text
            assert f"_{task.name}(" not in text


# ---- the students' version ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    pytest.importorskip("nbgrader")
    root = tmp_path_factory.mktemp("own") / "course"
    ignored = shutil.ignore_patterns("release", "submitted", "*.db", "records", "results")
    shutil.copytree(ROOT / "assignments", root, ignore=ignored)
    course = Course(root)
    for name in NAMES:
        batch.release(course, name)
    return course


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_nbgraders_version_is_what_the_grader_expects(name, released):
    folder = released.root / "release" / name
    assert sorted(p.name for p in folder.iterdir()) == sorted([f"{name}.ipynb", "practice.json"])
    ours, theirs = ASSIGNMENTS[name].template, read_template(folder / f"{name}.ipynb")
    assert [c.name for c in ours.cells] == [c.name for c in theirs.cells]
    for mine, made in zip(ours.cells, theirs.cells, strict=True):
        assert mine.released.rstrip() == made.source.rstrip(), mine.name
    assert publish.leaks(released.assignment(name), folder) == []


@pytest.mark.slow
def test_leaks_are_found(released, tmp_path):
    name = NAMES[0]
    folder = tmp_path / name
    shutil.copytree(released.root / "release" / name, folder)
    path = folder / f"{name}.ipynb"
    tree = json.loads(path.read_text())
    kept = json.dumps(tree)
    for cell, source in (
        (-1, "the answer: np.subtract.at(dW, self.b, dout)"),
        (4, "np.subtract.at(dW, self.b, dout)"),
        (4, "x = 1\n### BEGIN HIDDEN TESTS"),
    ):
        tree = json.loads(kept)
        tree["cells"][cell]["source"] = source
        path.write_text(json.dumps(tree))
        leaky = "np.subtract" in source and not source.startswith("the answer")
        assert bool(publish.leaks(released.assignment(name), folder)) == (
            leaky or "HIDDEN" in source
        )
    path.write_text(kept)
    (folder / "solution.py").write_text("x")
    assert publish.leaks(released.assignment(name), folder) == ["a file too many: solution.py"]


# ---- graded in the sandbox ----------------------------------------------------------------------


def hand_in(folder, student, name, replaced=()):
    tree = json.loads(ASSIGNMENTS[name].notebook.read_text(encoding="utf-8"))
    for cell in tree["cells"]:
        source = "".join(cell["source"])
        about = cell["metadata"].get("nbgrader", {})
        if about.get("solution") and replaced is not None:
            for old, new in replaced:
                source = source.replace(old, new)
            cell["source"] = source
        else:
            released = ASSIGNMENTS[name].template.cells[tree["cells"].index(cell)].released
            cell["source"] = released
    path = folder / student / name
    path.mkdir(parents=True)
    (path / f"{name}.ipynb").write_text(json.dumps(tree), encoding="utf-8")


@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize("name", NAMES)
def test_the_solution_gets_all_points_and_the_stub_none(name, tmp_path):
    hand_in(tmp_path, "solution", name)
    hand_in(tmp_path, "stub", name, None)
    record = grader.grade(ASSIGNMENTS[name], tmp_path, "solution")
    assert record.points == record.max, [(t.name, t.headline) for t in record.tasks]
    assert record.points + record.manual == ASSIGNMENTS[name].max_score
    assert not record.remarks and not record.cells
    record = grader.grade(ASSIGNMENTS[name], tmp_path, "stub")
    assert record.points == 0
    assert {task.status for task in record.tasks} == {"not attempted"}


@pytest.mark.parametrize("name", NAMES)
def test_validate_is_content_with_the_solution_and_with_nothing_less(name, tmp_path):
    practice_file = ASSIGNMENTS[name].notebook.parent / practice.FILE
    for student, replaced, good in (("solution", (), True), ("stub", None, False)):
        hand_in(tmp_path, student, name, replaced)
        folder = tmp_path / student / name
        shutil.copy(practice_file, folder)
        result = validate(folder / f"{name}.ipynb")
        assert bool(result) is good, (result.problems, [str(r) for r in result.reports])
        assert len(result.reports) == len(ASSIGNMENTS[name].tasks)
        assert not result.errors


# (assignment, what is changed in the solution, the mistake that it makes)
WRONG = [
    ("a1_rows", ("dW[...] = dout.T @ self.h", "dW += dout.T @ self.h"), "grads-accumulate"),
    ("a1_rows", ("np.add.at(dW, self.a, dout)\n        np.subtract.at(dW, self.b, dout)",
                 "dW[self.a] += dout\n        dW[self.b] -= dout"), "plus-equals"),
    ("a1_rows", ("np.subtract.at(dW, self.b, dout)", "np.add.at(dW, self.b, dout)"),
     "second-not-negated"),
    ("a1_rows", ("(dout * W[self.ids]).sum(axis=0)", "(dout * W[self.ids]).mean(axis=0)"),
     "gate-averaged"),
    ("a2_probabilities", ("np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))",
                          "-np.log(1 / (1 + np.exp(x)) + 1e-7)"), "capped"),
    ("a2_probabilities", ("(weights * losses).sum() / weights.sum()", "(weights * losses).mean()"),
     None),
    ("a2_probabilities", ("(np.exp(log_p) - q) / B", "np.exp(log_p) - q"), "not-divided-by-batch"),
    ("a3_scores", ("np.add.at(db, self.ids, dout)", "db[self.ids] = dout"), "bias-assigned"),
    ("a3_scores", (".sum(axis=1)\n", ".mean(axis=1)\n"), "averaged-over-candidates"),
    ("a3_scores", ("np.where(scale > 0, gap / np.where(scale > 0, scale, 1), 0.0)", "gap / scale"),
     "zero-by-zero"),
    ("a4_noise", ('side="right"', 'side="left"'), "wrong-side"),
    ("a4_noise", ("draw(q / q.sum(), uniforms[b])", "draw(q, uniforms[b])"), "not-renormalised"),
    ("a4_noise", ("np.full(self.ids.shape, 1 / K)", "np.ones(self.ids.shape)"), "negatives-summed"),
    ("a5_training", ("max(floor, start * (1 - step / steps))", "start * (1 - step / steps)"),
     "floor-forgotten"),
    ("a5_training", ("scores[[a, b, c]] = -np.inf", "pass"), "query-words-kept"),
    ("a6_tree", ("turns[::-1]", "turns"), None),
    ("a6_tree", ("/ len(self.h)", ""), "batch-forgotten"),
    ("a6_tree", ("return (counts * lengths).sum() / counts.sum()", "return lengths.mean()"),
     "words-not-counted"),
]  # fmt: skip


def cheaper(task):
    return not hasattr(task, "measure")


@pytest.mark.parametrize(("name", "change", "mistake"), WRONG)
def test_wrong_solutions_lose_a_part_and_are_named(name, change, mistake):
    """Asked with secret numbers, as the grader does, but in this process."""
    code = "\n\n".join(source_code(name)[1:])
    assert change[0] in code
    space = {"np": np, "check": lambda *a: None}
    cells = ASSIGNMENTS[name].template.of_role("solution")
    exec("\n\n".join(c.source for c in cells).replace(*change), space)
    results = {}
    for task in filter(cheaper, ASSIGNMENTS[name].tasks):
        cases = task.cases(np.random.default_rng(11))
        answers, _ = task.exercise.collect(space[task.name], cases)
        results[task.name] = task.judge(cases, answers)
    wrong = {n: v for n, v in results.items() if v.status == "wrong"}
    assert wrong, "it was noticed"
    named = {v.mistake for v in wrong.values()}
    assert mistake is None or mistake in named, named
    earned = sum(v.points for v in results.values())
    assert 0 < earned < sum(t.points for t in ASSIGNMENTS[name].tasks if cheaper(t))


@pytest.mark.usefixtures("walls")
def test_training_earns_by_its_result(tmp_path):
    name = "a5_training"
    weak = [("for _ in range(4):", "for _ in range(1):"), ("0.1 * grad", "0.07 * grad")]
    hand_in(tmp_path, "weak", name, weak)
    hand_in(tmp_path, "random", name, [("for _ in range(4):", "for _ in range(0):")])
    hand_in(tmp_path, "odd", name, [("    return W\n", "    return W[:-1]\n")])
    limits = sandbox.Limits()
    points = {}
    for student in ("weak", "random", "odd"):
        record = grader.grade(ASSIGNMENTS[name], tmp_path, student, seed=3, limits=limits)
        points[student] = record.tasks[2].points
        assert record.tasks[0].points == 3 and record.tasks[1].points == 5
    assert 0 < points["weak"] < 12
    assert points["random"] == points["odd"] == 0


def test_practice_is_loud(monkeypatch):
    monkeypatch.chdir(ASSIGNMENTS["a6_tree"].notebook.parent)
    check = practice.open()

    def path(word, vocab_size):
        raise NotImplementedError

    with pytest.raises(practice.NotYet, match="not attempted"):
        check(path)

    def path(word, vocab_size):
        return np.array([1]), np.array([0])

    with pytest.raises(practice.NotYet):
        check(path)
    with pytest.raises(ValueError, match="this assignment asks for path"):
        check(lambda: None)
    assert check.example("path").keys() == {"word", "vocab_size"}
    monkeypatch.chdir(ROOT)
    with pytest.raises(FileNotFoundError, match=r"practice\.json"):
        practice.open()
    assert running.TIME_LIMIT == 10.0
