"""Reading and repairing notebooks: nothing crashes, and what was repaired is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.classroom import mini
from w2vlib.classroom import handin
from w2vlib.classroom.course import Course, CourseError, read_template, released_source


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "mini.ipynb"
    path.write_text(json.dumps(mini.notebook(mini.source_cells())))
    return read_template(path)


def reduced(template, cells):
    data = json.dumps(mini.notebook(cells)).encode()
    return handin.reduce(template, handin.parse(data))


def sources(result):
    return "\n".join(cell["source"] for cell in result.run)


def place(cells, name):
    for i, cell in enumerate(cells):
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == name:
            return i
    raise KeyError(name)


def defines(result, name):
    """What the last definition of ``name`` is, as a notebook would have it."""
    space = {}
    for cell in result.run:
        if "import practice" not in cell["source"]:
            exec(cell["source"], space)
    return space[name]


RIGHT = "def blend(x, y):\n    return x + 2 * y"


def test_only_what_must_run_runs(template):
    result = reduced(template, mini.solved(blend=RIGHT))
    assert result.remarks == []
    assert RIGHT in sources(result)
    assert "practice.open()" in sources(result)
    assert "check(" not in sources(result), "tests are the grader's business"
    assert "demonstration" not in sources(result)
    assert [cell["number"] for cell in result.run] == [2, 3, 6]


def test_a_deleted_set_up_cell_comes_back(template):
    cells = mini.solved(blend=RIGHT)
    del cells[place(cells, "setup")]
    result = reduced(template, cells)
    assert "import numpy" in result.run[0]["source"]
    assert result.remarks == ["The cell “setup” was missing; it was put back."]


def test_deleted_solution_and_test_cells(template):
    cells = mini.solved(blend=RIGHT)
    for name in ("scale", "test_scale", "why"):
        del cells[place(cells, name)]
    result = reduced(template, cells)
    assert "The cell “scale” is missing." in result.remarks
    assert "The cell “why” is missing." in result.remarks
    assert RIGHT in sources(result)


def test_a_copied_cell_whose_stub_comes_last_does_not_win(template):
    cells = mini.solved()
    at = place(cells, "blend")
    copy = json.loads(json.dumps(cells[at]))
    copy["source"] = RIGHT
    cells.insert(at, copy)
    result = reduced(template, cells)
    assert defines(result, "blend")(1, 2) == 5


def test_a_copy_in_a_cell_of_ones_own_behind_or_before_the_stub(template):
    for step in (0, 1):
        cells = mini.solved()
        cells.insert(place(cells, "blend") + step, mini.cell("code", RIGHT))
        assert defines(reduced(template, cells), "blend")(1, 2) == 5


def test_of_two_solutions_the_last_one_counts_as_in_a_notebook(template):
    cells = mini.solved(blend="def blend(x, y):\n    return 0")
    at = place(cells, "blend")
    copy = json.loads(json.dumps(cells[at]))
    copy["source"] = RIGHT
    cells.insert(at + 1, copy)
    result = reduced(template, cells)
    assert defines(result, "blend")(1, 2) == 5
    assert "The cell “blend” is there 2 times; all were run." in result.remarks


def test_a_split_cell_runs_in_order(template):
    cells = mini.solved(blend="def helper(y):\n    return 2 * y")
    cells.insert(
        place(cells, "blend") + 1, mini.cell("code", "def blend(x, y):\n    return x + helper(y)")
    )
    assert defines(reduced(template, cells), "blend")(1, 2) == 5


def test_changed_set_up_and_tests_are_replaced(template):
    cells = mini.solved(blend=RIGHT, setup="import numpy as np\nnp.allclose = 1", test_blend="pass")
    result = reduced(template, cells)
    assert "np.allclose" not in sources(result)
    assert result.remarks == [
        "The cell “setup” was changed; the original was used.",
        "The cell “test_blend” was changed; the original was used.",
    ]


def test_without_nbgraders_metadata_the_cells_own_ids_help(template):
    cells = mini.solved(blend=RIGHT)
    for cell in cells:
        cell["metadata"] = {}
    result = reduced(template, cells)
    assert result.remarks == []
    assert [cell["number"] for cell in result.run] == [2, 3, 6]


def test_without_any_ids_the_code_still_runs(template):
    cells = mini.solved(blend=RIGHT)
    for cell in cells:
        cell["metadata"] = {}
        del cell["id"]
    result = reduced(template, cells)
    assert RIGHT in sources(result)
    assert "check(" not in sources(result), "a test is known by its text, too"
    assert any("blend was found in another cell" in r for r in result.remarks)


def test_a_solution_in_a_cell_that_became_text(template):
    cells = mini.solved(blend=RIGHT)
    cells[place(cells, "blend")]["cell_type"] = "markdown"
    result = reduced(template, cells)
    assert RIGHT in sources(result)
    assert "The cell “blend” was not a code cell; it was run as one." in result.remarks


def test_claimed_points_and_forged_ids_mean_nothing(template):
    cells = mini.solved(blend=RIGHT)
    at = place(cells, "test_blend")
    cells[at]["metadata"]["nbgrader"] |= {"points": 1000, "locked": False, "solution": True}
    cells[at]["source"] = "import os"
    cells.append(mini.cell("code", "y = 1", "no_such_cell", solution=True))
    result = reduced(template, cells)
    assert "import os" not in sources(result)
    assert "y = 1" in sources(result)


def test_written_answers(template):
    assert reduced(template, mini.solved()).answers == {"why": ""}
    cells = mini.solved(why="Because.")
    assert reduced(template, cells).answers == {"why": "Because."}
    cells.append(json.loads(json.dumps(cells[place(cells, "why")])))
    assert reduced(template, cells).answers == {"why": "Because.\n\nBecause."}


def test_commands_of_ipython_become_comments():
    text = (
        "%matplotlib inline\n!pip install x\nx = !ls\nnp.dot?\nif 1:\n    %time y\n"
        's = """\n%not a command\n"""\nz = 5 % 3'
    )
    out = handin.without_magics(text)
    compile(out, "cell", "exec")
    assert "%not a command" in out and "z = 5 % 3" in out
    assert handin.without_magics("%%bash\nrm -rf /") == "# %%bash\n# rm -rf /"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"[]", "no list of cells"),
        (b'{"cells": {}}', "no list of cells"),
        (b"\xff\xfe\x00", "not readable"),
        (b'{"cells":' + b"[" * 100_000, "not JSON"),
        (json.dumps({"cells": [{}] * 3_000}).encode(), "3,000 cells"),
    ],
)
def test_what_is_no_notebook(data, words):
    with pytest.raises(handin.HandInError, match=words):
        handin.parse(data)


def test_lone_surrogates_and_null_bytes_do_no_harm():
    data = b'{"cells": [{"cell_type": "code", "source": "x = \'\\ud800\\u0000\'"}]}'
    (cell,) = handin.parse(data).cells
    cell.source.encode("utf-8")
    assert "\0" not in cell.source


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["cells", "cell_type", "source", "metadata", "nbgrader", "grade_id", "id"]
            ),
            inner | st.sampled_from(["code", "markdown", "blend", "setup"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(tree=st.fixed_dictionaries({"cells": st.lists(JSON, max_size=6)}))
def test_any_json_is_read_or_refused(template, tree):
    try:
        hand_in = handin.parse(json.dumps(tree).encode())
    except handin.HandInError:
        return
    result = handin.reduce(template, hand_in)
    assert any("practice.open" in cell["source"] for cell in result.run)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    with pytest.raises(handin.HandInError):
        handin.parse(data)


def test_released_source():
    text = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n# more"
    stub = "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError()\n# more"
    assert released_source(text) == stub
    assert released_source("all of it is the answer", code=False) == "YOUR ANSWER HERE"
    hidden = "check(f)\n### BEGIN HIDDEN TESTS\nsecret\n### END HIDDEN TESTS\nafter"
    assert released_source(hidden, solution=False) == "check(f)\nafter"


def test_course_errors(tmp_path):
    with pytest.raises(CourseError, match="no folder 'source'"):
        Course(tmp_path)
    root = mini.make_course(
        tmp_path / "c", Course(mini.Path(__file__).parents[2] / "assignments").root
        / "nbgrader_config.py"
    )  # fmt: skip
    course = Course(root)
    with pytest.raises(CourseError, match="there are: mini"):
        course.assignment("other")
    text = (root / "grading/mini.py").read_text()
    (root / "grading/mini.py").write_text(text.replace('"vectors", 1,', '"vectors", 2,'))
    with pytest.raises(CourseError, match="disagree"):
        course.assignment("mini")
