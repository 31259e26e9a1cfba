"""``import w2vlib`` is quick because it loads nothing heavy; the clock is not asked."""

import ast
import importlib
from pathlib import Path

import pytest

from tests.oracles import run_python

HEAVY = (
    "matplotlib",
    "numba",
    "pooch",
    "requests",
    "tqdm",
    "IPython",
    "ipywidgets",
    "anywidget",
    "cupy",
    "scipy",
    "gensim",
    "pandas",
    "hypothesis",
    "pytest",
)
SHOW = f"; print([m for m in {HEAVY} if m in sys.modules])"


def test_importing_the_package_loads_no_other_module():
    code = "import sys; before = set(sys.modules); import w2vlib"
    code += "; print(sorted(m for m in set(sys.modules) - before if m.startswith('w2vlib.')))"
    assert run_python(code) == "[]\n"
    assert run_python("import sys; import w2vlib" + SHOW) == "[]\n"


def test_no_public_name_loads_anything_heavy():
    """Matplotlib, numba and the others are imported by the functions that need them."""
    code = "import sys, w2vlib; [getattr(w2vlib, name) for name in w2vlib.__all__]" + SHOW
    assert run_python(code) == "[]\n"


@pytest.mark.parametrize(
    "work",
    [
        "w2vlib.Trainer(w2vlib.CBOW(3, 2, 1, [0, 1, 2]), w2vlib.Adam()).fit_corpus([0, 1, 2, 0])",
        "w2vlib.WordVectors(['a', 'b'], np.eye(2)).most_similar('a', top=1)",
        "w2vlib.preprocess('you say')",
        "w2vlib.to_cpu([1])",
    ],
)
def test_neither_does_training_or_asking(work):
    assert run_python(f"import sys, w2vlib, numpy as np; {work}" + SHOW) == "[]\n"


def test_names_come_when_they_are_asked_for():
    code = "import w2vlib, sys; w2vlib.Embedding; print('w2vlib.layers' in sys.modules, "
    code += "'w2vlib.trainer' in sys.modules, 'Embedding' in vars(w2vlib))"
    assert run_python(code) == "True False True\n"


def test_submodules_can_be_reached():
    code = "import w2vlib; print(w2vlib.layers.Embedding is w2vlib.Embedding, "
    code += "w2vlib.plotting.__name__, w2vlib.__version__.count('.'))"
    assert run_python(code) == "True w2vlib.plotting 2\n"


def test_unknown_names_are_attribute_errors():
    import w2vlib

    with pytest.raises(AttributeError, match="module 'w2vlib' has no attribute 'Embeding'"):
        _ = w2vlib.Embeding
    assert not hasattr(w2vlib, "numpy")
    assert {"Embedding", "layers", "fast", "check"} <= set(dir(w2vlib))
    assert dir(w2vlib) == sorted(set(dir(w2vlib)))


def test_star_import_gives_the_public_names():
    code = "from w2vlib import *; print(Embedding.__name__, PAD, 'np' in globals())"
    assert run_python(code) == "Embedding -1 False\n"


@pytest.mark.parametrize("package", ["w2vlib", "w2vlib.fast"])
def test_editors_are_told_the_same_names(package):
    """Names that come when they are asked for cannot be seen by a program that only reads."""
    package = importlib.import_module(package)
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    told = {alias.name: node.module for node in block.body for alias in node.names}
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    lazy = {**getattr(package, "_MODULE_OF", {}), **getattr(package, "_LAZY", {})}
    assert told == {name: f"{package.__name__}.{module}" for name, module in lazy.items()}
