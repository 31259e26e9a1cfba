"""Write down what CuPy really offers: run this where CuPy is installed (no GPU is needed).

    python tests/gpu/record_api.py

The strict stand-in of ``strict_cupy.py`` has exactly these functions, with exactly these arguments.
"""

import inspect
import json
import re
from pathlib import Path

import numpy as np

RECORD = Path(__file__).with_name("cupy_api.json")


def record():
    """Names and arguments of what CuPy has in common with NumPy, as plain lists and dicts."""
    import cupy

    functions, ufuncs = {}, []
    for name in sorted(set(dir(np)) & set(dir(cupy))):
        thing = getattr(cupy, name)
        if name.startswith("_") or isinstance(thing, type) or not callable(thing):
            continue
        if isinstance(thing, cupy.ufunc):
            ufuncs.append(name)
        else:
            functions[name] = _arguments(thing)
    methods = {}
    for name in sorted(set(dir(np.ndarray)) & set(dir(cupy.ndarray))):
        if not name.startswith("_") and callable(getattr(cupy.ndarray, name)):
            methods[name] = _arguments(getattr(cupy.ndarray, name))
    return {
        "version": cupy.__version__,
        "functions": {k: v for k, v in functions.items() if v is not None},
        "ufuncs": ufuncs,
        "methods": {k: v for k, v in methods.items() if v is not None},
    }


def _arguments(function):
    """Names of the arguments; Cython methods have them in the first line of their docstring."""
    try:
        return [p for p in inspect.signature(function).parameters if p != "self"]
    except ValueError:
        pass
    found = re.match(r"[\w.]+\((.*?)\)(?: ->.*)?\n", (function.__doc__ or "") + "\n")
    if not found:
        return None
    words = [word.split("=")[0].split(":")[0].split()[-1] for word in found[1].split(", ") if word]
    return [word for word in words if word not in ("self", "*", "/")]


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(), indent=0, sort_keys=True) + "\n", encoding="utf-8")
