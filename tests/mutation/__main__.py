"""How many deliberate faults do the tests notice?  Mutation testing with mutmut, in one command.

    python -m tests.mutation                   every module that pyproject.toml lists
    python -m tests.mutation layers sparse     only these
    python -m tests.mutation --sample 200      200 mutants of each, at random, always the same ones
    python -m tests.mutation --report          what the last run found, without running anything
    python -m tests.mutation --report --save   and write it into the table of README.md

Each mutant changes one thing in one function (an operator, a number, an argument …); the tests of
that module must fail.  Sentences for people are not mutated.  Survivors must stand in
``survivors.toml`` with a reason; the command fails if one does not, or if a module falls below 95%.
Files lie in ``build/mutation``: a second run tries changed functions and unexplained survivors
only, so delete that folder to begin anew.  Takes minutes for small modules, an hour or two for all.
A mutant that needs far more processor time than all tests of its module is given up ("late").
"""

import argparse
import datetime
import json
import math
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
README = HERE / "README.md"
WORK = ROOT / "build" / "mutation"
GOAL = 0.95
KILLED = ("killed", "timeout", "segfault")  # an endless loop is noticed, too
UNTRIED = "not checked"
COLUMNS = (
    "module",
    "mutants",
    "tried",
    "killed (late)",
    "share",
    "95% interval",
    "explained",
    "unexplained",
)


def settings() -> dict:
    """Module → files with its tests."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    return tomllib.loads(text)["tool"]["w2vlib"]["mutation"]


def reasons() -> dict[str, str]:
    """Survivor → why it may live."""
    groups = tomllib.loads((HERE / "survivors.toml").read_text("utf-8")).get("group", [])
    return {name.strip(): g["why"] for g in groups for name in g["mutants"].strip().split("\n\n")}


def run(module: str, what: str, sample: int, known: dict[str, str]) -> dict:
    """How many mutants there are, and found: key of the mutant → [status, its name]."""
    folder = WORK / module
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("w2vlib", "tests", "data", "benchmarks", "pyproject.toml"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(ROOT / name)
    (folder / "explained.json").write_text(json.dumps(list(known)), encoding="utf-8")
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, str(HERE / "one_module.py"), module, what, str(sample)]
    if subprocess.run(command, cwd=folder, env=environment).returncode:
        raise SystemExit(f"mutmut did not finish with {module}; see above.")
    return json.loads((folder / "result.json").read_text("utf-8"))


def judge(module: str, result: dict, known: dict[str, str]) -> tuple[list, list[str]]:
    """The row of the table, and what is wrong."""
    found, mutants = result["found"], result["mutants"]
    untried = [key for key, (status, _) in found.items() if status == UNTRIED]
    found = {key: pair for key, pair in found.items() if key not in untried}
    killed = sum(status in KILLED for status, _ in found.values())
    late = sum(status == "timeout" for status, _ in found.values())
    left = [name for status, name in found.values() if status not in KILLED]
    faults = [f"not explained in survivors.toml:\n{name}" for name in sorted({*left} - {*known})]
    if untried:
        faults.append(f"{len(untried)} mutants of {module} have not been tried yet.")
    if len(found) == mutants:
        mine = {name for name in known if name.split("\n")[0].startswith(f"{module}.")}
        killed_too = sorted(mine - {*left})
        faults += [f"is killed, but stands in survivors.toml:\n{name}" for name in killed_too]
    share = killed / max(len(found), 1)
    if share < GOAL:
        faults.append(f"only {share:.1%} of the mutants of {module} are killed.")
    explained = sum(name in known for name in left)
    sure = "unfinished" if untried else ""
    if len(found) < mutants and not untried:
        sure = "{:.1%} to {:.1%}".format(*interval(killed, len(found)))
    shown = f"{killed} ({late})" if late else killed
    left_over = (explained, len(left) - explained)
    return [module, mutants, len(found), shown, f"{share:.1%}", sure, *left_over], faults


def interval(killed: int, tried: int) -> tuple[float, float]:
    """Where the share among all mutants lies, with 95% confidence (Wilson 1927)."""
    z, n = 1.96, max(tried, 1)
    p = killed / n
    middle, half = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)


def row(module: str, *numbers) -> str:
    return f"{module:<22}" + "".join(f"{number!s:>14}" for number in numbers)


def save(rows: list[list]) -> None:
    """Put the rows into the table of README.md; those of other modules stay."""
    lines = README.read_text("utf-8").splitlines()
    today = datetime.date.today().isoformat()
    for numbers in rows:
        line = "| " + " | ".join(map(str, [*numbers, today])) + " |"
        at = [n for n, old in enumerate(lines) if old.startswith(f"| {numbers[0]} |")]
        if not at:
            raise SystemExit(f"The table of {README.name} has no row for {numbers[0]}.")
        lines[at[0]] = line
    README.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("modules", nargs="*", help=f"of {', '.join(settings())}")
    parser.add_argument("--report", action="store_true", help="show the last run, run nothing")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="try N mutants of each")
    parser.add_argument("--save", action="store_true", help=f"write the figures into {README.name}")
    options = parser.parse_args()
    if unknown := set(options.modules) - set(settings()):
        parser.error(f"pyproject.toml lists no tests for {', '.join(sorted(unknown))}.")
    known, rows, faults = reasons(), [], []
    for module in options.modules or settings():
        result = run(module, "report" if options.report else "run", options.sample, known)
        numbers, wrong = judge(module, result, known)
        rows.append(numbers)
        faults += wrong
    print(*faults, sep="\n\n")
    print("\n" + row(*COLUMNS))
    print(*(row(*numbers) for numbers in rows), sep="\n")
    if options.save:
        save(rows)
    return bool(faults)


if __name__ == "__main__":
    raise SystemExit(main())
