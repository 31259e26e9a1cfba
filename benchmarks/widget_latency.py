"""How fast the analogy explorer feels: from a key press to paint, in a real browser.

    python benchmarks/widget_latency.py            # 71,000 words × 200 numbers, about a minute
    python benchmarks/widget_latency.py --words 5000 --times 10

Opens JupyterLab on this machine's loopback in a headless Chromium and measures, with the browser's
own clock, the time from a key press to the next picture on the screen that shows its suggestions,
and from Enter to the picture that shows the answer. Writes benchmarks/results/widget_latency.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "2")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from machine import about  # noqa: E402

from tests.browser import servers  # noqa: E402
from w2vlib import WordVectors  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "widget_latency.json"
GOALS = {"suggestions": 100, "answers": 150}  # ms, for 95% of them
SYLLABLES = [c + v for c in "bdfgklmnprst" for v in "aeiou"]

# Runs in the page: does something, waits until `done` holds, then for the next painted frame.
MEASURE = """async ([selector, key, text, done]) => {
  const field = [...document.querySelectorAll(selector)].find(e => e.offsetParent);
  const holds = new Function('field', 'text', `return ${done}`);
  field.focus();
  const begin = performance.now();
  if (key) {
    field.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
  } else {
    field.value = text;
    field.setSelectionRange(text.length, text.length);
    field.dispatchEvent(new InputEvent('input', {bubbles: true}));
  }
  while (!holds(field, text)) {
    if (performance.now() - begin > 10000) throw new Error('nothing came');
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  await new Promise(r => setTimeout(r));
  return performance.now() - begin;
}"""
OPEN = """(() => {
  const options = [...field.parentElement.querySelectorAll('[role=option]')];
  return options.length > 0 && options.every(o => o.textContent.startsWith(text));
})()"""
ANSWERED = "document.querySelector('.w2v-live .w2v-headline').textContent.includes(text)"


def made_up(size: int, dimensions: int) -> WordVectors:
    """Pronounceable words, vectors at random, counts by Zipf's law."""
    rng = np.random.default_rng(0)
    words: dict[str, None] = {}
    while len(words) < size:
        words["".join(rng.choice(SYLLABLES, size=int(rng.integers(2, 5))))] = None
    counts = (5_000_000 / (1 + np.arange(size))).astype(np.int64) + 5
    return WordVectors(list(words), rng.normal(size=(size, dimensions)).astype(np.float32), counts)


def measure(page, vectors: WordVectors, times: int) -> dict[str, list[float]]:
    """Milliseconds of each suggestion and each answer."""
    rng = np.random.default_rng(1)
    formula = ".w2v-live input[role=combobox]"
    page.locator(".w2v-live label", has_text="a formula").click()
    page.wait_for_timeout(300)
    found: dict[str, list[float]] = {"suggestions": [], "answers": []}
    for i in range(times + 3):
        a, b, c = (vectors.words[j] for j in rng.integers(len(vectors), size=3))
        prefix = a[: int(rng.integers(1, 4))]
        typed = page.evaluate(MEASURE, [formula, None, prefix, OPEN])
        page.evaluate(
            "([s, t]) => { const f = [...document.querySelectorAll(s)].find(e => e.offsetParent);"
            "f.value = t; }",
            [formula, f"{b} - {a} + {c}"],
        )
        asked = page.evaluate(MEASURE, [formula, "Enter", f"{a} is to {b} as {c} is to", ANSWERED])
        if i >= 3:  # the first ones fill caches
            found["suggestions"].append(typed)
            found["answers"].append(asked)
    return found


def run(size: int, dimensions: int, times: int) -> dict:
    load = os.getloadavg()[0]
    vectors = made_up(size, dimensions)
    cell = (
        "from w2vlib import WordVectors\nfrom w2vlib.widgets import AnalogyExplorer\n"
        "AnalogyExplorer(WordVectors.load('large.npz'))"
    )
    with servers.notebook_in_lab(cell) as notebook:
        vectors.save(notebook.server.folder / "large.npz")
        notebook.run_all()
        notebook.page.wait_for_selector(".w2v-live .w2v-headline", timeout=60_000)
        found = measure(notebook.page, vectors, times)
        version = notebook.page.context.browser.version
    return summary(found, size, dimensions, version, load)


def summary(
    found: dict[str, list[float]], size: int, dimensions: int, version: str, load: float
) -> dict:
    """Percentiles, and what they were measured on."""
    result: dict = {
        "words": size,
        "dimensions": dimensions,
        "unit": "ms, from the key press to the painted picture",
        "load_before": round(load, 2),
        **about("anywidget", "ipykernel", "jupyterlab"),
        "chromium": version,
    }
    for name, values in found.items():
        p = np.percentile(values, [50, 95, 100])
        result[name] = {
            "times": len(values),
            "median": round(p[0], 1),
            "p95": round(p[1], 1),
            "longest": round(p[2], 1),
            "goal_p95": GOALS[name],
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--words", type=int, default=71_000)
    parser.add_argument("--dimensions", type=int, default=200)
    parser.add_argument("--times", type=int, default=60)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    result = run(arguments.words, arguments.dimensions, arguments.times)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
