"""How many deliberate faults do the tests notice?  Mutation testing with mutmut, in one command.

    python -m tests.mutation                   every module that pyproject.toml lists
    python -m tests.mutation layers sparse     only these
    python -m tests.mutation --every 10        a sample: every tenth mutant
    python -m tests.mutation --report          what the last run found, without running anything

Each mutant changes one thing in one function (an operator, a number, an argument …); the tests of
that module must fail.  Sentences for people are not mutated.  Survivors must stand in
``survivors.toml`` with a reason; the command fails if one does not, or if a module falls below 95%.
Files lie in ``build/mutation``: a second run tries survivors and changed functions only, so delete
that folder to begin anew.  Takes minutes for small modules, an hour or two for all.  On a crowded
machine a mutant may run out of time through no fault of its own ("late"): it is tried again, too.
"""

import argparse
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
WORK = ROOT / "build" / "mutation"
GOAL = 0.95
KILLED = ("killed", "timeout", "segfault")  # an endless loop is noticed, too
UNTRIED = "not checked"


def settings() -> dict:
    """Module → files with its tests."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    return tomllib.loads(text)["tool"]["w2vlib"]["mutation"]


def reasons() -> dict[str, str]:
    """Survivor → why it may live."""
    groups = tomllib.loads((HERE / "survivors.toml").read_text("utf-8")).get("group", [])
    return {name.strip(): g["why"] for g in groups for name in g["mutants"].strip().split("\n\n")}


def describe(key: str, change: str) -> str:
    """A name that does not depend on how mutants are numbered: function and changed lines."""
    function = key.rpartition("__mutmut_")[0].removeprefix("w2vlib.")
    module, _, function = function.rpartition(".")
    function = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    lines = (f"{line[0]} {line[1:].strip()}" for line in change.splitlines())
    return "\n".join([f"{module}.{function}", *lines])


def run(module: str, what: str, every: int) -> dict:
    """Key of the mutant → [status, change]."""
    folder = WORK / module
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("w2vlib", "tests", "data", "benchmarks", "pyproject.toml"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(ROOT / name)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, str(HERE / "one_module.py"), module, what, str(every)]
    if subprocess.run(command, cwd=folder, env=environment).returncode:
        raise SystemExit(f"mutmut did not finish with {module}; see above.")
    return json.loads((folder / "result.json").read_text("utf-8"))


def judge(module: str, found: dict, known: dict[str, str], whole: bool) -> tuple[str, list[str]]:
    """A line for the table, and what is wrong."""
    untried = [key for key, (status, _) in found.items() if status == UNTRIED]
    found = {key: pair for key, pair in found.items() if key not in untried}
    killed = sum(status in KILLED for status, _ in found.values())
    late = sum(status == "timeout" for status, _ in found.values())
    left = {describe(k, change) for k, (s, change) in found.items() if s not in KILLED}
    faults = [f"not explained in survivors.toml:\n{name}" for name in sorted(left - set(known))]
    if whole:
        if untried:
            faults.append(f"{len(untried)} mutants of {module} have not been tried yet.")
        mine = {name for name in known if name.split("\n")[0].startswith(f"{module}.")}
        killed_too = sorted(mine - left)
        faults += [f"is killed, but stands in survivors.toml:\n{name}" for name in killed_too]
    share = killed / max(len(found), 1)
    if share < GOAL:
        faults.append(f"only {share:.1%} of the mutants of {module} are killed.")
    numbers = (len(found), killed, late, f"{share:.1%}", len(found) - killed)
    return row(module, *numbers), faults


def row(module: str, *numbers) -> str:
    return f"{module:<24}" + "".join(f"{number!s:>15}" for number in numbers)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("modules", nargs="*", help=f"of {', '.join(settings())}")
    parser.add_argument("--report", action="store_true", help="show the last run, run nothing")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try every N-th mutant")
    options = parser.parse_args()
    if unknown := set(options.modules) - set(settings()):
        parser.error(f"pyproject.toml lists no tests for {', '.join(sorted(unknown))}.")
    known, lines, faults = reasons(), [], []
    for module in options.modules or settings():
        found = run(module, "report" if options.report else "run", options.every)
        line, wrong = judge(module, found, known, whole=options.every == 1)
        lines.append(line)
        faults += wrong
    print(*faults, sep="\n\n")
    print("\n" + row("module", "mutants", "killed", "of these late", "share", "survivors"))
    print(*lines, sep="\n")
    return bool(faults)


if __name__ == "__main__":
    raise SystemExit(main())
