"""Runs notebooks from top to bottom and saves them with their outputs.

    make notebooks                                               # all of them
    .venv/bin/python -m tests.notebooks.execute notebooks/04*    # only these

A notebook in which a cell fails keeps its file as it was. What is saved does not depend on the
machine: no timestamps, no versions, no paths.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat

from tests.notebooks import figures
from tests.notebooks.kernel import CELL_TIMEOUT, ROOT, notebooks, prepare_environment

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_METADATA = {"tags", "jupyter", "slideshow", "nbgrader"}  # what a cell keeps
WIDGET = "application/vnd.jupyter.widget-view+json"

# In tracebacks: the way to the package's files, and the numbers of processes.
_PATHS = [
    (re.compile(r"[~/][^\s\x1b\"'(]*/(w2vlib/|site-packages/|lib/python3\.\d+/)"), r"\1"),
    (re.compile(r"[~/][^\s\x1b\"'(]*/ipykernel_\d+/\d+\.py"), "<cell>"),
]


def execute(path: Path) -> None:
    """Run one notebook and save it. Raises nbclient's CellExecutionError if a cell fails."""
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

    notebook = nbformat.read(path, as_version=4)
    manager = AsyncKernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
    )
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
    )
    # The kernel's own log would only repeat what the error says.
    client.execute(cleanup_kc=True, stderr=subprocess.DEVNULL)
    clean(notebook)
    text = nbformat.writes(notebook)
    path.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")


def clean(notebook) -> None:
    """Remove from a notebook what differs from machine to machine, in place."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.setdefault("id", f"cell-{number:03d}")
        kept = {k: v for k, v in cell.metadata.items() if k in CELL_METADATA and v}
        cell.metadata = nbformat.from_dict(kept)
        if "outputs" in cell:
            # A live widget needs its kernel; the still picture that it leaves is an output too.
            cell.outputs = [o for o in cell.outputs if WIDGET not in o.get("data", {})]
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = [_without_paths(line) for line in output.traceback]
            elif output.output_type in ("display_data", "execute_result"):
                output.metadata = nbformat.from_dict({})


def _without_paths(text: str) -> str:
    text = text.replace(f"{ROOT}/", "")
    if ROOT.is_relative_to(Path.home()):  # IPython writes ~ for the home folder
        text = text.replace(f"~/{ROOT.relative_to(Path.home())}/", "")
    for pattern, short in _PATHS:
        text = pattern.sub(short, text)
    return text


def main(names: list[str]) -> int:
    """Execute the named notebooks, or all; the number of failed ones limited to an exit status."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    paths = [Path(name).resolve() for name in names] or notebooks()
    prepare_environment()
    failed = 0
    for path in paths:
        start = time.perf_counter()
        try:
            execute(path)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            failed += 1
            print(f"FAILED   {path.name}: not saved\n{error}", file=sys.stderr)
        else:
            print(f"{time.perf_counter() - start:6.1f} s  {path.name}", flush=True)
    if not paths:
        print("there are no notebooks yet")
    if not names:
        figures.main()
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
