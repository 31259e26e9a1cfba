"""The house keeps its shape: imports point downwards, functions are short, names are explained."""

import ast
import inspect
import re
from graphlib import TopologicalSorter

import pytest

import w2vlib
from tests.oracles import ROOT

PACKAGE = ROOT / "w2vlib"

# Bottom to top, as the design has them.  A module may import from its own row and from those below.
ROWS = (
    {"backend"},
    {"validation"},
    {"corpus", "datasets"},
    {"functions"},
    {"sparse"},
    {"layers", "optimizers", "gradient_check", "word_vectors"},
    {"negative_sampling", "hierarchical_softmax"},
    {"models"},
    {"trainer", "evaluation", "plotting"},
    {"fast"},
    {"check", "classroom"},
    {"widgets"},
)
# Imports inside a function may also look up, where a reader expects one call to do everything.
LOOKS_UP = {("trainer", "fast")}

# What a reader of the course is sent to: the textbook in code.
READ = (
    "backend",
    "functions",
    "hierarchical_softmax",
    "layers",
    "models",
    "negative_sampling",
    "optimizers",
    "sparse",
    "trainer",
    "validation",
)
MAY_PRINT = {"pair_counts.ppmi", "word_vectors.most_similar", "word_vectors.analogy"}
MAY_PRINT |= {"word_vectors._print_scored"}  # as the book's functions do


def sources():
    """(dotted name below w2vlib, syntax tree) of every module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, ast.parse(path.read_text(encoding="utf-8"))


TREES = dict(sources())


def row_of(module):
    """Row of a module, or None for helpers that the design does not name."""
    first = module.split(".")[0]
    return next((i for i, row in enumerate(ROWS) if first in row), None)


def imports(tree):
    """(imported module below w2vlib, whether at the top of the file), one by one."""
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "w2vlib":
            inner = node.module.split(".")[1:]
            for alias in node.names:
                found = ".".join(inner) if inner else alias.name
                deeper = f"{found}.{alias.name}"
                yield (deeper if inner and deeper in TREES else found), id(node) in top
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("w2vlib."):
                    yield alias.name.removeprefix("w2vlib."), id(node) in top


@pytest.mark.parametrize("module", [name for name in TREES if name])
def test_imports_point_downwards(module):
    mine = row_of(module)
    for other, _ in imports(TREES[module]):
        theirs = row_of(other)
        pair = module.split(".")[0], other.split(".")[0]
        if mine is not None and theirs is not None and pair not in LOOKS_UP:
            assert theirs <= mine, f"{module} imports {other}, which lies above it"


def test_only_functions_look_up():
    for module, tree in TREES.items():
        for other, at_top in imports(tree):
            if (module.split(".")[0], other.split(".")[0]) in LOOKS_UP:
                assert not at_top, f"{module} needs {other} to be imported at all"


def test_no_circles_of_imports():
    graph = {
        module: {other for other, at_top in imports(tree) if at_top and other != module}
        for module, tree in TREES.items()
    }
    list(TopologicalSorter(graph).static_order())  # raises CycleError


def test_relative_imports_are_not_used():
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.ImportFrom) and node.level), module


def test_only_the_backend_names_cupy():
    """And the GPU engine; everything else asks the arrays."""
    for module, tree in TREES.items():
        if module == "backend" or module.startswith("fast"):
            continue
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] in ("cupy", "cupyx") for name in names), module


# ---- size ---------------------------------------------------------------------------------------


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def length(node):
    """Lines of code of a function or class, without its own docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("module", READ)
def test_functions_fit_on_a_screen(module):
    long = {f.name: length(f) for f in functions(TREES[module]) if length(f) > 40}
    assert not long


def test_nowhere_is_a_function_longer_than_two_screens():
    long = {
        f"{module}.{f.name}": length(f)
        for module, tree in TREES.items()
        for f in functions(tree)
        if length(f) > 80
    }
    assert not long


def test_forward_and_backward_of_a_layer_stand_side_by_side():
    for node in TREES["layers"].body:
        if not isinstance(node, ast.ClassDef) or node.name == "Layer":
            continue
        methods = {f.name: f for f in node.body if isinstance(f, ast.FunctionDef)}
        assert length(node) <= 45, node.name
        assert {"forward", "backward"} <= set(methods) or node.bases[0].id == "Embedding"
        distance = methods["backward"].lineno - methods["forward"].end_lineno
        assert 0 < distance <= 2, f"{node.name}: something stands between forward and backward"


# ---- printing -----------------------------------------------------------------------------------


def prints(tree, prefix=""):
    """(dotted name of the function, the call) of every print."""
    for node in ast.iter_child_nodes(tree):
        inside = prefix
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            inside = f"{prefix}.{node.name}"
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
            yield prefix, node
        yield from prints(node, inside)


def test_only_the_books_functions_print():
    """And the command line; notices may go to the standard error stream; results are returned."""
    for module, tree in TREES.items():
        if module.split(".")[-1] in ("cli", "__main__"):
            continue
        for where, call in prints(tree, module):
            to_stderr = any(
                k.arg == "file" and ast.unparse(k.value) == "sys.stderr" for k in call.keywords
            )
            assert where in MAY_PRINT or to_stderr, f"{where}, line {call.lineno}"


# ---- explanations -------------------------------------------------------------------------------


def public(name):
    return getattr(w2vlib, name)


@pytest.mark.parametrize("name", [n for n in w2vlib.__all__ if n != "PAD"])
def test_every_public_name_is_explained(name):
    thing = public(name)
    doc = inspect.getdoc(thing)
    assert doc
    assert thing.__doc__, "its own words, not those of a base class"
    first = doc.splitlines()[0]
    assert len(first) <= 100
    # A sentence or a formula, ended properly.
    assert re.search(r"[.:?)!…]`*$", first) or "``" in first, first
    if inspect.isclass(thing):
        for attribute, member in vars(thing).items():
            if attribute.startswith("_") or not inspect.isfunction(member):
                continue
            if attribute in ("forward", "backward", "update", "step"):
                continue  # the class has the formula
            assert inspect.getdoc(member), f"{name}.{attribute}"


SHAPE = re.compile(r"\([A-Z…\.](?:[^()]|\([^()]*\))*\)|\(\.\.\.")


@pytest.mark.parametrize("name", ["Layer", *w2vlib.__all__])
def test_layers_losses_and_models_tell_their_shapes(name):
    if name not in w2vlib.__all__ or public(name).__class__ is int:
        return
    thing = public(name)
    if thing.__module__.split(".")[-1] not in ("layers", "negative_sampling", "models"):
        return
    assert SHAPE.search(thing.__doc__) or "Any shape" in thing.__doc__ or (
        "shapes and errors as in" in thing.__doc__
    )  # fmt: skip


def raises_itself(node):
    """Whether a function has a ``raise`` of its own (not one in a nested function)."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Raise) and inner.exc is not None:
            return "NotImplementedError" not in ast.unparse(inner.exc)
    return False


@pytest.mark.parametrize("module", READ)
def test_errors_are_documented_where_they_are_raised(module):
    for node in TREES[module].body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            if raises_itself(node):
                assert "Raises" in (ast.get_docstring(node) or ""), node.name
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            explained = ast.get_docstring(node) or ""
            for method in functions(node):
                if not raises_itself(method) or "Raises" in explained:
                    continue
                if method.name == "__init__" or not method.name.startswith("_"):
                    own = ast.get_docstring(method) or ""
                    assert "Raises" in own, f"{node.name}.{method.name}"


def test_nothing_is_left_to_do():
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text), path
