"""What watching costs: the same training with and without a TrainingMonitor, in a real notebook.

    python benchmarks/monitor_cost.py                        # about ten minutes
    python benchmarks/monitor_cost.py --pairs 1 --seconds 3  # to try it

Opens JupyterLab on this machine's loopback in a headless Chromium.  A cell trains; another trains
the same and shows a monitor with curves, neighbours of four words and 200 analogy questions, which
the browser paints.  Both take turns, with seconds by the clock and by the kernel's processor time,
from before the monitor is made until ``fit`` returns.  Writes benchmarks/results/monitor_cost.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import machine  # noqa: E402
import numpy as np  # noqa: E402

from w2vlib import CBOW, SGD, Trainer, create_contexts_target, datasets  # noqa: E402
from w2vlib.fast import FastTrainer  # noqa: E402
from w2vlib.widgets import TrainingMonitor  # noqa: E402

GOAL = 0.05  # of the time without a monitor
MOST_UPDATES = 5  # a second
PROBES = ("king", "paris", "walked", "better")
BATCH = 100


class Course:
    """One kind of training on the embedded corpus, as long as asked for, again and again.

    Args:
        kind: ``"layers"`` (NumPy, CBOW), ``"compiled"``, or ``"compiled, two threads"``.
        seconds: how long one training takes, about.
    """

    def __init__(self, kind: str, seconds: float) -> None:
        self.kind, self.corpus = kind, datasets.load("embedded")
        self.examples = create_contexts_target(self.corpus, 5, partial=True)
        self.questions = datasets.load_analogies("embedded")
        self.size = 1.0 if kind != "layers" else 0.05  # epochs
        for _ in range(3):  # the first one compiles, and fills caches; the next ones aim
            took = self._timed(self._train)["wall"]
            self.size *= min(20.0, seconds / took)

    def plain(self) -> dict:
        """Train without a monitor; seconds by the clock and of the processor."""
        return {"watched": False, **self._timed(self._train)}

    def watched(self) -> dict:
        """Train with a monitor; also how often it looked."""
        seen = {}

        def train() -> None:
            seen["monitor"] = self._train(watched=True)

        result = {"watched": True, **self._timed(train)}
        moments = [moment.seconds for moment in seen["monitor"].log.moments]
        gaps = [b - a for a, b in zip(moments[:-2], moments[1:-1], strict=True)]  # the last is due
        return result | {"updates": len(moments), "shortest_gap": min(gaps, default=None)}

    def _timed(self, work) -> dict:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}

    def _train(self, watched: bool = False) -> TrainingMonitor | None:
        if self.kind == "layers":
            model = CBOW(self.corpus.vocab_size, 100, 5, self.corpus, seed=0, sparse_grad=True)
            trainer = Trainer(model, SGD(1.0), seed=0, progress=False)
            size = max(1, round(self.size * len(self.corpus)))
            places = np.arange(size) % len(self.corpus)
            method, args = "fit", (*(part[places] for part in self.examples), 1, BATCH)
        else:
            threads = 2 if "two" in self.kind else 1
            epochs = max(1, round(self.size))
            trainer = FastTrainer(
                self.corpus, hidden_size=100, max_epoch=epochs, threads=threads, seed=0,
                progress=False,
            )  # fmt: skip
            method, args = "fit", ()
        if not watched:
            getattr(trainer, method)(*args)
            return None
        monitor = TrainingMonitor(
            trainer, corpus=self.corpus, probes=PROBES, questions=self.questions
        )
        return getattr(monitor, method)(*args)


SETUP = """
import json, sys
sys.path.insert(0, {folder!r})
from monitor_cost import Course
course = Course({kind!r}, {seconds})
def note(result):
    with open("runs.jsonl", "a") as file:
        file.write(json.dumps(result) + "\\n")
"""
RUN = """async place => {
  const app = window.jupyterapp;
  const { content, context } = app.shell.currentWidget;
  await context.sessionContext.ready;
  await context.sessionContext.session.kernel.info;
  content.activeCellIndex = place;
  await app.commands.execute('notebook:run-cell');
}"""


def in_browser(kind: str, seconds: float, pairs: int) -> tuple[list[dict], str]:
    """The runs of one kind, in the order in which they were made, and the browser's version."""
    from tests.browser import servers

    setup = SETUP.format(folder=str(ROOT / "benchmarks"), kind=kind, seconds=seconds)
    cells = (setup, "note(course.plain())", "note(course.watched())")
    with servers.notebook_in_lab(*cells) as notebook:
        page = notebook.page
        for place in [0, *turns(pairs)]:
            page.evaluate(RUN, place)
            if place == 2:  # the reader sees the end of it
                page.wait_for_selector(".w2v-monitor .w2v-status:has-text('finished')")
        lines = (notebook.server.folder / "runs.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines], page.context.browser.version


def turns(pairs: int) -> list[int]:
    """Which cell is run: a pair to warm up, then pairs that begin with the one or the other."""
    order = [1, 2]
    for pair in range(pairs):
        order += [1, 2] if pair % 2 == 0 else [2, 1]
    return order


def summary(runs: list[dict]) -> dict:
    """What the runs say, the first pair left out."""
    runs = runs[2:]
    plain = [run for run in runs if not run["watched"]]
    watched = [run for run in runs if run["watched"]]
    result: dict = {"pairs": len(watched)}
    for clock in ("wall", "cpu"):
        more = [w[clock] / p[clock] - 1 for p, w in zip(plain, watched, strict=True)]
        result[clock] = {
            "seconds_without": round(statistics.median(p[clock] for p in plain), 2),
            "seconds_with": round(statistics.median(w[clock] for w in watched), 2),
            "more_median": round(statistics.median(more), 4),
            "more_each_pair": [round(share, 4) for share in more],
        }
    gaps = [w["shortest_gap"] for w in watched if w["shortest_gap"] is not None]
    result["updates_a_second"] = round(max(w["updates"] / w["wall"] for w in watched), 2)
    result["shortest_gap_seconds"] = round(min(gaps), 3) if gaps else None
    result["goal"] = {"more_at_most": GOAL, "updates_a_second_at_most": MOST_UPDATES}
    return result


KINDS = ("layers", "compiled", "compiled, two threads")


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10, help="of one training")
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--output", type=Path, default=machine.RESULTS / "monitor_cost.json")
    options = parser.parse_args()
    record: dict = {"load_before": round(os.getloadavg()[0], 2)}
    record |= machine.about("anywidget", "ipykernel", "jupyterlab")
    record |= {"probes": len(PROBES), "questions": 200}
    for kind in options.kinds:
        runs, record["chromium"] = in_browser(kind, options.seconds, options.pairs)
        record[kind] = summary(runs)
        print(kind, json.dumps(record[kind], indent=2), flush=True)
    options.output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
