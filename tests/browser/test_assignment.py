"""A released assignment in JupyterLab: opened, tried, solved, saved, validated, as students do."""

import json

import pytest

from tests.browser import servers
from tests.notebooks.kernel import ROOT
from w2vlib.classroom import batch, cli
from w2vlib.classroom.course import Course

NAME = "a1_rows"


@pytest.fixture(scope="module")
def handed_out(lab_server, tmp_path_factory):
    """The released files in the notebooks' folder; returns the assignment."""
    pytest.importorskip("nbgrader")
    root = tmp_path_factory.mktemp("assignments") / "course"
    for part in (f"source/{NAME}", "grading"):
        (root / part).mkdir(parents=True)
    for file in (f"source/{NAME}/{NAME}.ipynb", f"grading/{NAME}.py", "nbgrader_config.py"):
        (root / file).write_bytes((ROOT / "assignments" / file).read_bytes())
    course = Course(root)
    for path in batch.release(course, NAME).iterdir():
        (lab_server.folder / path.name).write_bytes(path.read_bytes())
    return course.assignment(NAME)


def test_opened_solved_and_validated(page, lab_server, handed_out, capsys):
    path = lab_server.folder / f"{NAME}.ipynb"
    notebook = servers.LabPage(page, lab_server, path.name).open()
    # Untouched: the first check says so and stops the run.
    notebook.run_all()
    page.locator(".jp-OutputArea", has_text="NotYet: ScoreAll: not attempted yet.").wait_for()
    assert cli.main(["validate", str(path)]) == 1
    # Solve it: the first task by hand, with a mistake at first; the others are filled in.
    tasks = handed_out.template.of_role("solution")
    wrong = tasks[0].source.replace("dW[...] = dout.T @ self.h", "dW += dout.T @ self.h")
    write_by_hand(page, tasks[0].name, wrong)
    for task in tasks[1:]:
        fill_in(page, task.name, task.source)
    notebook.run_all()
    page.locator(".jp-OutputArea", has_text="[grads-accumulate]").first.wait_for()
    write_by_hand(page, tasks[0].name, tasks[0].source)
    notebook.run_all()
    for task in handed_out.tasks:
        page.locator(".jp-OutputArea", has_text=f"{task.name}: passed").first.wait_for(
            state="attached"
        )
    assert page.locator(".jp-OutputArea", has_text="NotYet").count() == 0
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")  # waits
    capsys.readouterr()
    assert cli.main(["validate", str(path)]) == 0
    said = capsys.readouterr().out
    assert "Hand it in" in said
    assert "was changed" not in said, "saving in Lab leaves the given cells as they were"
    saved = json.loads(path.read_text(encoding="utf-8"))
    names = [c["metadata"].get("nbgrader", {}).get("grade_id", "") for c in saved["cells"]]
    assert names == [c.name for c in handed_out.template.cells]


PLACE = """name => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(
  cell => (cell.model.getMetadata('nbgrader') || {}).grade_id === name)"""


def write_by_hand(page, name: str, source: str) -> None:
    """Click into the cell, select everything, and put in the text as an input method does."""
    place = page.evaluate(PLACE, name)
    page.evaluate(
        """async place => {
          const content = window.jupyterapp.shell.currentWidget.content;
          content.activeCellIndex = place;
          await content.scrollToItem(place);
          content.mode = 'edit';
          content.activeCell.editor.focus();
        }""",
        place,
    )
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
    written = (
        "p => window.jupyterapp.shell.currentWidget.content.widgets[p].model.sharedModel.source"
    )
    assert page.evaluate(written, place) == source


def fill_in(page, name: str, source: str) -> None:
    page.evaluate(
        """([place, source]) => window.jupyterapp.shell.currentWidget.content.widgets[place]
             .model.sharedModel.setSource(source)""",
        [page.evaluate(PLACE, name), source],
    )
