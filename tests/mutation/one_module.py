"""Mutates one module of w2vlib and runs its tests against each mutant, with mutmut.

Not meant to be called by hand: ``python -m tests.mutation`` does it, in a folder of its own.  This
file imports nothing of the project, because the tests must meet the mutated package only.

    python one_module.py MODULE run N      in the folder with the links; JSON goes to result.json
    python one_module.py MODULE report N   only what is known already

With N > 0 only N mutants are tried: drawn at random, but always the same ones.
"""

import contextlib
import dataclasses
import functools
import gc
import json
import math
import os
import random
import resource
import sys
import tomllib
from pathlib import Path

import libcst as cst
import pytest
from _pytest.config import _prepareconfig
from mutmut import configuration
from mutmut.mutation import file_mutation, mutators
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.runners.harness import ListAllTestsResult, PytestRunner
from mutmut.stats import status_by_exit_code
from mutmut.workers import isolation
from mutmut.workers.isolation import ForkRunner, run_in_fork

EXPLAINED = Path("explained.json")
# Survived, or met no test: new tests may kill these.  Late: that may have been the machine.
BROKEN = 99
UNDECIDED = {0, 5, 33, -24, 24, 36, 152, 255, BROKEN}


# ---- what is not mutated: sentences -------------------------------------------------------------


def is_sentence(node) -> bool:
    """Text for people: an f-string, or a string with a blank in it."""
    if isinstance(node, cst.ConcatenatedString):
        return is_sentence(node.left) or is_sentence(node.right)
    if isinstance(node, cst.FormattedString):
        return True
    return isinstance(node, cst.SimpleString) and " " in node.value


def mutate_string(node):
    """One mutant for each short string (a name, a kind, a mode), none for sentences."""
    if isinstance(node, cst.SimpleString) and not is_sentence(node) and len(node.value) > 2:
        yield next(iter(mutators.operator_string(node)), node)


def mutate_arguments(node):
    """mutmut's own, but no sentence becomes None."""
    told = {arg.value for arg in node.args if is_sentence(arg.value)}
    for mutant in mutators.operator_arg_removal(node):
        if len(mutant.args) == len(node.args) and told != told & {a.value for a in mutant.args}:
            continue
        yield mutant


def mutate_assignment(node):
    if not is_sentence(node.value):
        yield from mutators.operator_assignment(node)


def leave_sentences_alone() -> None:
    own = {
        "operator_string": mutate_string,
        "operator_arg_removal": mutate_arguments,
        "operator_assignment": mutate_assignment,
    }
    file_mutation.mutation_operators = [
        (kind, own.get(operator.__name__, operator))
        for kind, operator in mutators.mutation_operators
    ]
    visitor = file_mutation.MutationVisitor
    skips = visitor._skip_node_and_children

    def skip(self, node) -> bool:
        # What follows `raise` is the message; that it is raised, and when, is mutated elsewhere.
        return isinstance(node, cst.Raise | cst.FormattedString) or skips(self, node)

    visitor._skip_node_and_children = skip


# ---- one module ---------------------------------------------------------------------------------


def configure(module: str) -> Path:
    settings = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["tool"]["w2vlib"]
    path = Path("w2vlib", *module.split(".")).with_suffix(".py")
    configuration._config = dataclasses.replace(
        configuration.config(),
        only_mutate=[str(path)],
        pytest_add_cli_args_test_selection=settings["mutation"][module],
    )
    return path


def try_again(path: Path) -> None:
    """Forget the verdict on mutants that no test has killed for sure, unless they are explained."""
    data, explained = SourceFileMutationData(path=path), json.loads(EXPLAINED.read_text("utf-8"))
    data.load()
    for key, code in data.exit_code_by_key.items():
        if code in UNDECIDED and not (code == 0 and describe(key, path) in explained):
            data.exit_code_by_key[key] = None
    if data.exit_code_by_key:
        data.save()


def drawn(keys, size: int) -> list[str]:
    """A sample of the mutants, in their order; all of them for size 0."""
    if not 0 < size < len(keys):
        return list(keys)
    chosen = set(random.Random(0).sample(sorted(keys), size))
    return [key for key in keys if key in chosen]


def try_some(size: int) -> None:
    """Let mutmut see the sample only."""
    from mutmut import __main__ as mutmut_main

    collect = mutmut_main.collect_source_file_mutation_data

    def some(**options):
        mutants, data = collect(**options)
        chosen = set(drawn([key for _, key, _ in mutants], size))
        return [mutant for mutant in mutants if mutant[1] in chosen], data

    mutmut_main.collect_source_file_mutation_data = some


class Tests:
    """The tests of the module, looked for once and not for each mutant: most of the work."""

    @functools.cached_property
    def items(self) -> dict:
        """Name → test, as pytest has collected them."""
        settings = configuration.config()
        arguments = settings.pytest_add_cli_args_test_selection + settings.pytest_add_cli_args
        # No limit by the clock: on a crowded machine it says nothing.
        arguments = ["--rootdir=.", "--tb=native", "-qs", *arguments, "--timeout=0"]
        with contextlib.chdir("mutants"):
            config = _prepareconfig(arguments)
            config._do_configure()
            session = pytest.Session.from_config(config)
            config.hook.pytest_sessionstart(session=session)
            config.hook.pytest_collection(session=session)
        return {item.nodeid: item for item in session.items}

    def run(self, names) -> int:
        """Run tests until one fails: 0 if none does, 1 if one does, BROKEN if we cannot say."""
        try:
            os.chdir("mutants")
            # In the order of pyproject.toml: what is quick and close to the code comes first there.
            queue = [item for name, item in self.items.items() if not names or name in names]
            for item, following in zip(queue, [*queue[1:], None], strict=True):
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                if item.session.testsfailed:
                    return 1
        except Exception:
            return BROKEN
        return 0


def collect_once() -> None:
    """Let mutmut use them, and measure time limits in seconds of the processor."""
    known, start, submit = Tests(), ForkRunner.startup, ForkRunner.submit
    needed = 0.0

    def startup(self) -> None:
        _ = known.items  # before the first fork, so that all the others have them
        start(self)

    def in_fork(self, tests=()) -> int:
        nonlocal needed
        _ = known.items
        before = os.times().children_user
        code = run_in_fork(known.run, tests)
        needed = max(needed, os.times().children_user - before)
        return code

    def submit_limited(self, name, tests, limit, estimate) -> None:
        submit(self, name, tests, min(limit, math.ceil(2 * needed) + 3), estimate)

    isolation.register_timeout = lambda pid, timeout_s: None
    ForkRunner.startup, ForkRunner.submit = startup, submit_limited
    ForkRunner.list_all_tests = lambda self: ListAllTestsResult(ids=set(known.items))
    ForkRunner.run_clean_tests = ForkRunner.run_forced_fail = in_fork
    PytestRunner.run_tests = lambda self, *, mutant_name, tests: known.run(tests)


def describe(key: str, path: Path) -> str:
    """A name that does not depend on how mutants are numbered: function and changed lines."""
    function = key.rpartition("__mutmut_")[0].removeprefix("w2vlib.")
    module, _, function = function.rpartition(".")
    function = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    changes = get_diff_for_mutant(key, path=path).splitlines()[2:]
    lines = (f"{line[0]} {line[1:].strip()}" for line in changes if line[:1] in ("+", "-"))
    return "\n".join([f"{module}.{function}", *lines])


def report(path: Path, size: int) -> dict:
    data, found = SourceFileMutationData(path=path), {}
    data.load()
    for key in drawn(data.exit_code_by_key, size):
        status = status_by_exit_code[data.exit_code_by_key[key]]
        unclear = status not in ("killed", "timeout", "not checked")
        found[key] = [status, describe(key, path) if unclear else ""]
    return {"mutants": len(data.exit_code_by_key), "found": found}


def main() -> None:
    module, what, size = sys.argv[1:]
    sys.stdout.reconfigure(line_buffering=True)
    leave_sentences_alone()
    path = configure(module)
    if what == "run":
        from mutmut.__main__ import _run

        try_again(path)
        # Which tests come by which function: tests that were there before may meet a new one.
        Path("mutants/mutmut-stats.json").unlink(missing_ok=True)
        try_some(int(size))
        collect_once()
        # Forked processes share memory until they write to it, and collecting garbage writes.
        os.register_at_fork(before=gc.freeze, after_in_child=gc.disable)
        # A mutant may ask for endless memory.
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        _run((), max_children=1)
    Path("result.json").write_text(json.dumps(report(path, int(size)), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
