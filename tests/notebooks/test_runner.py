"""The notebook runner itself: what must pass passes, and what must fail fails."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbval")
pytest.importorskip("ipykernel")

from tests.notebooks.execute import _without_paths, clean  # noqa: E402
from tests.notebooks.kernel import ROOT  # noqa: E402

GOOD = [
    "import sys, time\nimport numpy as np\nfrom tqdm import tqdm\nfrom w2vlib import plotting\n"
    "plotting.use_style()",
    "print(np.round(np.arange(3) / 7, 3))",
    "np.arange(3);",  # the `;` hides the result, as it does for readers
    "start = time.perf_counter()\ntime.sleep(0.01)\n"
    "seconds = time.perf_counter() - start\n"
    "print(f'{seconds:.4f} s, {1 / seconds:,.0f} words/s, {60 + seconds:.1f} × faster')",
    "for _ in tqdm(range(3)):\n    time.sleep(0.01)",
    "object()",
    "plotting.show(plotting.loss_curve([3, 2, 1]), alt='It falls from 3 to 1.')",
    "print(plotting.use_style.__name__, file=sys.stderr)",
]
FAILS_ON_PURPOSE = "plotting.show('no figure', alt='this cell fails on purpose')"
BAD = {
    "another text": ("print('one')", "print('two')"),
    "another number": ("print(0.25)", "print(0.26)"),
    "another alternative text": (
        "from w2vlib import plotting\n"
        "plotting.show(plotting.loss_curve([3, 2]), alt='It falls to 2.')",
        "plotting.show(plotting.loss_curve([3, 2]), alt='It falls to 1.')",
    ),
    "an output too many": ("1 + 1;", "1 + 1"),
    "an error": ("x = 1", "1 / 0"),
    "no error though one was promised": ("1 / 0", "x = 1"),
    "a dead kernel": ("x = 2", "import os; os._exit(1)"),
}


def write(path: Path, sources, tags=()) -> Path:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    for cell in cells:
        if cell.source == FAILS_ON_PURPOSE or cell.source == "1 / 0":
            cell.metadata["tags"] = ["raises-exception"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def run(module: str, *arguments, cwd=ROOT) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )


def execute(path: Path) -> None:
    done = run("tests.notebooks.execute", path)
    assert done.returncode == 0, done.stdout + done.stderr


def nbval(path: Path) -> subprocess.CompletedProcess:
    options = ["--nbval", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return run("pytest", *options, f"--config-file={ROOT / 'pyproject.toml'}", path)


@pytest.mark.slow
def test_a_good_notebook_passes_and_its_file_names_no_machine(tmp_path):
    path = write(tmp_path / "good one.ipynb", [*GOOD, FAILS_ON_PURPOSE])
    execute(path)
    done = nbval(path)
    assert done.returncode == 0, done.stdout
    assert f"{len(GOOD) + 1} passed" in done.stdout
    assert re.search(r"seconds per notebook", done.stdout)
    assert re.search(r"\d\.\d  .*good one\.ipynb", done.stdout)

    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    for foreign in (str(ROOT), str(tmp_path), sys.prefix, "ipykernel_"):
        assert foreign not in text
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    assert [cell["execution_count"] for cell in notebook["cells"]] == list(range(1, len(GOOD) + 2))
    assert notebook["cells"][2]["outputs"] == []
    error = notebook["cells"][-1]["outputs"][0]
    assert error["ename"] == "TypeError"
    assert "w2vlib/plotting.py" in re.sub(r"\x1b\[[\d;]*m", "", "".join(error["traceback"]))


@pytest.mark.slow
def test_every_kind_of_difference_fails(tmp_path):
    path = write(tmp_path / "bad.ipynb", [stored for stored, _ in BAD.values()])
    execute(path)
    notebook = nbformat.read(path, as_version=4)
    for cell, (_, now) in zip(notebook.cells, BAD.values(), strict=True):
        cell.source = now  # the promise that a cell fails stays with its tags
    notebook.cells[4].metadata["tags"] = []
    nbformat.write(notebook, path)
    done = nbval(path)
    assert done.returncode == 1, done.stdout
    failed = re.findall(r"^FAILED .*::Cell (\d+)", done.stdout, flags=re.MULTILINE)
    assert failed == [str(number) for number in range(len(BAD))], done.stdout
    assert "the kernel died" in done.stdout


@pytest.mark.slow
def test_a_notebook_that_fails_is_not_saved(tmp_path):
    path = write(tmp_path / "broken.ipynb", ["print('before')", "undefined_name"])
    before = path.read_bytes()
    done = run("tests.notebooks.execute", path)
    assert done.returncode == 1
    assert "broken.ipynb: not saved" in done.stderr
    assert "NameError" in done.stderr
    assert path.read_bytes() == before


def test_cleaning_keeps_tags_and_drops_the_rest():
    cell = nbformat.v4.new_code_cell("1")
    cell.metadata = nbformat.from_dict(
        {"tags": ["nbval-ignore-output"], "collapsed": True, "execution": {"iopub.status": "x"}}
    )
    notebook = nbformat.v4.new_notebook(
        cells=[cell], metadata={"widgets": {}, "language_info": {"name": "python", "version": "3"}}
    )
    clean(notebook)
    assert notebook.cells[0].metadata == {"tags": ["nbval-ignore-output"]}
    assert notebook.metadata.language_info == {"name": "python"}
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("File /home/me/course/w2vlib/layers.py:12", "File w2vlib/layers.py:12"),
        ("File ~/course/w2vlib/layers.py:12", "File w2vlib/layers.py:12"),
        (f"File {ROOT}/w2vlib/layers.py:12", "File w2vlib/layers.py:12"),
        (
            "\x1b[32m/opt/lib/python3.12/json/a.py\x1b[39m",
            "\x1b[32mlib/python3.12/json/a.py\x1b[39m",
        ),
        ("/tmp/ipykernel_77/1234.py:1: UserWarning", "<cell>:1: UserWarning"),
        ("1/2 and w2vlib/ stay", "1/2 and w2vlib/ stay"),
    ],
)
def test_paths_are_shortened(text, short):
    assert _without_paths(text) == short


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("took 1.23 s", "took 4 s"),
        ("12.3 ms a step", "0.9 ms a step"),
        ("3min 2s", "1min 30s"),
        ("1,400 words/s", "56,000 words/s"),
        ("1.2 million words/s", "0.9 million words/s"),
        ("12 × faster", "11.5 × faster"),
        ("at 0x7f00aabbcc", "at 0x7f00aabbdd"),
        (" 10%|█    | 1/10 [00:00<00:01, 5.0it/s]", "100%|█████| 10/10 [00:02<00:00, 4.1it/s]"),
        ('<img alt="a" width="683" src="data:image/png;base64,AAAA">',
         '<img alt="a" width="690" src="data:image/png;base64,BBBB==">'),
    ],
)  # fmt: skip
def test_sanitising_hides_what_may_differ(first, second):
    assert sanitize(first) == sanitize(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("loss 1.23", "loss 1.24"),
        ("5 words", "6 words"),
        ("king 0.51", "queen 0.51"),
        ("shape (5, 3)", "shape (5, 4)"),
        ("2 × 3 = 6", "2 × 4 = 8"),
        ('<img alt="It falls to 2." src="x">', '<img alt="It falls to 1." src="x">'),
    ],
)
def test_sanitising_keeps_what_must_agree(first, second):
    assert sanitize(first) != sanitize(second)


def sanitize(text: str) -> str:
    from nbval.plugin import get_sanitize_patterns

    patterns = (ROOT / "tests/notebooks/sanitize.cfg").read_text(encoding="utf-8")
    for pattern, replacement in get_sanitize_patterns(patterns):
        text = re.sub(pattern, replacement, text)
    return text
