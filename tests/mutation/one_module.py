"""Mutates one module of w2vlib and runs its tests against each mutant, with mutmut.

Not meant to be called by hand: ``python -m tests.mutation`` does it, in a folder of its own.  This
file imports nothing of the project, because the tests must meet the mutated package only.

    python one_module.py MODULE run N      in the folder with the links; JSON goes to result.json
    python one_module.py MODULE report 1   only what is known already

With N > 1 only every N-th mutant is tried.
"""

import dataclasses
import gc
import json
import os
import resource
import sys
import tomllib
from pathlib import Path

import libcst as cst
from mutmut import configuration
from mutmut.mutation import file_mutation, mutators
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

# Survived, or met no test: new tests may kill these.  Late: that may have been the machine.
UNDECIDED = {0, 5, 33, -24, 24, 36, 152, 255}


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
    """Forget the verdict on mutants that no test has killed for sure."""
    data = SourceFileMutationData(path=path)
    data.load()
    for key, code in data.exit_code_by_key.items():
        if code in UNDECIDED:
            data.exit_code_by_key[key] = None
    if data.exit_code_by_key:
        data.save()


def try_every(n: int) -> None:
    """Let mutmut see a part of the mutants only."""
    from mutmut import __main__ as mutmut_main

    collect = mutmut_main.collect_source_file_mutation_data

    def some(**options):
        mutants, data = collect(**options)
        return mutants[::n], data

    mutmut_main.collect_source_file_mutation_data = some


def report(path: Path) -> dict:
    data, found = SourceFileMutationData(path=path), {}
    data.load()
    for key, code in data.exit_code_by_key.items():
        status, change = status_by_exit_code[code], ""
        if status not in ("killed", "timeout"):
            lines = get_diff_for_mutant(key, path=path).splitlines()[2:]
            change = "\n".join(line for line in lines if line[:1] in "+-")
        found[key] = [status, change]
    return found


def main() -> None:
    module, what, every = sys.argv[1:]
    sys.stdout.reconfigure(line_buffering=True)
    leave_sentences_alone()
    path = configure(module)
    if what == "run":
        from mutmut.__main__ import _run

        try_again(path)
        try_every(int(every))
        # Forked processes share memory until they write to it, and collecting garbage writes.
        os.register_at_fork(before=gc.freeze, after_in_child=gc.disable)
        # A mutant may ask for endless memory.
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        _run((), max_children=1)
    Path("result.json").write_text(json.dumps(report(path), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
