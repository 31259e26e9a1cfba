"""How long does it take to grade a class?

    python benchmarks/grade_class.py                       # 200 hand-ins: some minutes
    python benchmarks/grade_class.py --students 10 --output -

Makes a class of made-up hand-ins (right, wrong in known ways, untouched, and a few that run away),
releases an assignment with nbgrader, grades everybody with the command that a teacher uses, and
writes times and memory to ``benchmarks/results/grade_class.json``.  Needs bubblewrap and nbgrader.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import machine  # noqa: E402  (beside this file)

from w2vlib.classroom import batch, sandbox  # noqa: E402
from w2vlib.classroom.course import Course  # noqa: E402

# What a class hands in, out of 100; "runaway" is right but for a cell that exits or never ends.
SHARES = {"right": 55, "wrong": 33, "untouched": 8, "runaway": 4}
CHANGES = {
    "a1_rows": [
        ("np.subtract.at(dW, self.b, dout)", "np.add.at(dW, self.b, dout)"),
        ("np.add.at(dW, self.a, dout)", "dW[self.a] += dout"),
        ("dW[...] = dout.T @ self.h", "dW += dout.T @ self.h"),
        ("(dout * W[self.ids]).sum(axis=0)", "(dout * W[self.ids]).mean(axis=0)"),
        ("return h @ W.T", "return h @ W"),
        ("return rows, values", "return rows"),
    ],
    "a4_noise": [
        ('side="right"', 'side="left"'),
        ("draw(q / q.sum(), uniforms[b])", "draw(q, uniforms[b])"),
        ("np.full(self.ids.shape, 1 / K)", "np.ones(self.ids.shape)"),
        ("weights[banned] = 0", "pass"),
        ("/ len(self.h)", ""),
    ],
    "a5_training": [
        ("max(floor, start * (1 - step / steps))", "start * (1 - step / steps)"),
        ("scores[[a, b, c]] = -np.inf", "pass"),
        ("for _ in range(4):", "for _ in range(1):"),
        ("return W\n", "return C\n"),
    ],
}
RUNAWAY = [
    "while True:\n    pass",
    "import os\nos._exit(0)",
    "x = [bytearray(1 << 28) for _ in range(1000)]",
    "import os\nwhile True:\n    os.fork()",
    "while True:\n    print('x' * 10**6)",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assignment", default="a1_rows", choices=sorted(CHANGES))
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--output", default=str(ROOT / "benchmarks/results/grade_class.json"))
    options = parser.parse_args()
    if why := sandbox.why_not():
        sys.exit(why)
    with tempfile.TemporaryDirectory() as folder:
        course = make_course(Path(folder) / "course", options.assignment)
        kinds = hand_in(course, options.assignment, options.students)
        result = measure(course, options, kinds)
    text = json.dumps(result, indent=1)
    print(text)
    if options.output != "-":
        Path(options.output).write_text(text + "\n", encoding="utf-8")


def make_course(root: Path, name: str) -> Course:
    ignored = shutil.ignore_patterns("release", "submitted", "*.db", "records", "results")
    shutil.copytree(ROOT / "assignments", root, ignore=ignored)
    course = Course(root)
    batch.release(course, name)
    return course


def hand_in(course: Course, name: str, students: int) -> dict[str, str]:
    """One notebook for each student; returns student → kind."""
    rng = random.Random(7)
    source = json.loads(course.assignment(name).notebook.read_text(encoding="utf-8"))
    released = course.root / "release" / name / f"{name}.ipynb"
    kinds = rng.choices(list(SHARES), list(SHARES.values()), k=students)
    found = {}
    for number, kind in enumerate(kinds):
        tree = json.loads(released.read_text(encoding="utf-8"))
        for mine, theirs in zip(tree["cells"], source["cells"], strict=True):
            solves = theirs["metadata"].get("nbgrader", {}).get("solution")
            if kind != "untouched" and solves:
                mine["source"] = "".join(theirs["source"])
        if kind == "wrong":
            for old, new in rng.sample(CHANGES[name], rng.choice((1, 1, 2))):
                for cell in tree["cells"]:
                    cell["source"] = "".join(cell["source"]).replace(old, new)
        if kind == "runaway":
            cell = {"cell_type": "code", "id": "own", "metadata": {}, "outputs": []}
            cell |= {"execution_count": None, "source": rng.choice(RUNAWAY)}
            tree["cells"].insert(3, cell)
        student = f"student{number:03}"
        place = course.root / "submitted" / student / name
        place.mkdir(parents=True)
        (place / f"{name}.ipynb").write_text(json.dumps(tree), encoding="utf-8")
        found[student] = kind
    return found


def measure(course: Course, options, kinds: dict[str, str]) -> dict:
    load = os.getloadavg()[0]  # of other programs: they take time from the graders
    start = time.perf_counter()
    result = batch.grade_class(
        course,
        options.assignment,
        jobs=options.jobs,
        progress=lambda done, of, record: print(f"\r{done}/{of}", end="", file=sys.stderr),
    )
    total = time.perf_counter() - start
    start = time.perf_counter()
    again = batch.grade_class(course, options.assignment, jobs=options.jobs)
    if again.graded:
        sys.exit("the package was changed meanwhile, so everything was graded again: no record")
    nothing_new = time.perf_counter() - start
    most = result.records[0].max
    groups = {}
    for kind in SHARES:
        records = [r for r in result.records if kinds[r.student] == kind]
        if records:
            seconds = [r.seconds for r in records]
            groups[kind] = {
                "students": len(records),
                "mean_points": round(statistics.mean(r.points for r in records), 2),
                "lowest_points": min(r.points for r in records),
                "highest_points": max(r.points for r in records),
                "median_seconds": round(statistics.median(seconds), 2),
                "longest_seconds": round(max(seconds), 2),
            }
    return {
        "assignment": options.assignment,
        "students": len(kinds),
        "at_a_time": options.jobs,
        "load_before": round(load, 1),
        "total_seconds": round(total, 1),
        "seconds_per_hand_in": round(total / len(kinds), 3),
        "core_seconds_per_hand_in": round(total * options.jobs / len(kinds), 3),
        "seconds_if_nothing_is_new": round(nothing_new, 1),
        "peak_memory_grader_mb": peak(resource.RUSAGE_SELF),
        "peak_memory_largest_sandbox_mb": peak(resource.RUSAGE_CHILDREN),
        "points": most,
        "kinds": groups,
        **machine.about(),
    }


def peak(who: int) -> int:
    return round(resource.getrusage(who).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
