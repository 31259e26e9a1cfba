"""The analogy explorer in JupyterLab: what a reader sees, does and takes away."""

import csv
import io
import json
import struct
import xml.etree.ElementTree as ET

import nbconvert
import nbformat
import numpy as np
import pytest

from tests.browser import servers
from tests.browser.accessibility import no_barriers, too_wide
from tests.browser.conftest import watched_page
from w2vlib import WordVectors

LOAD = "from w2vlib import WordVectors\nvectors = WordVectors.load('planted.npz')"
SHOW = "from w2vlib.widgets import AnalogyExplorer\nwidget = AnalogyExplorer(vectors)\nwidget"


@pytest.fixture(scope="module")
def shared(browser, lab_server):
    """One notebook for most tests; each runs it again and has a widget of its own."""
    name = "shared.ipynb"
    servers.write_notebook(lab_server.folder / name, LOAD, SHOW, "")
    with watched_page(browser, permissions=["clipboard-read", "clipboard-write"]) as page:
        yield servers.LabPage(page, lab_server, name).open()
        servers.close_sessions(lab_server)


@pytest.fixture
def explorer(shared):
    page = shared.page
    page.evaluate("document.querySelectorAll('.w2v-live').forEach(e => e.dataset.old = 1)")
    shared.run_all()
    page.wait_for_selector(".w2v-live:not([data-old]) .w2v-headline:has-text('queen')")
    return Explorer(page)


class Explorer:
    """What a reader can do."""

    def __init__(self, page, scope=".w2v-live") -> None:
        self.page, self.root = page, page.locator(scope).first

    def field(self, name):
        return self.root.get_by_role("combobox", name=f"word {name}", exact=True)

    @property
    def formula(self):
        return self.root.get_by_role("combobox", name="formula", exact=True)

    @property
    def options(self):
        return self.root.locator("[role=option]")

    def choose(self, text):
        self.root.locator("label", has_text=text).first.click()

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    def answer(self, text):
        """Wait for a headline."""
        self.page.wait_for_function(
            "text => [...document.querySelectorAll('.w2v-live .w2v-headline')]"
            ".some(e => e.textContent.includes(text))",
            arg=text,
        )

    def ask(self, formula):
        self.choose("a formula")
        self.formula.fill(formula)
        self.formula.press("Enter")

    def rows(self):
        cells = "rows => rows.map(r => [...r.cells].map(c => c.innerText.trim()))"
        return self.root.locator("tbody tr").evaluate_all(cells)


# ---- questions ----------------------------------------------------------------------------------


def test_an_analogy_by_keyboard_alone(explorer):
    page = explorer.page
    explorer.field("a").focus()
    for prefix, word in (("fra", "france"), ("par", "paris"), ("jap", "japan")):
        page.keyboard.press("Control+a")
        page.keyboard.type(prefix)
        explorer.options.first.wait_for()
        page.keyboard.press("ArrowDown")
        active = page.evaluate(
            "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
            ".textContent"
        )
        assert active.startswith(word)
        page.keyboard.press("Enter")  # takes the word
        assert page.evaluate("document.activeElement.value") == word
        if word != "japan":
            page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # asks
    explorer.answer("france is to paris as japan is to tokyo")


def test_completion_lists_eight_words_by_frequency(explorer):
    field = explorer.field("a")
    field.fill("a")
    explorer.options.first.wait_for()
    texts = explorer.options.locator(".w2v-count").all_inner_texts()
    counts = [int(text.replace(",", "")) for text in texts]
    assert len(counts) == 8
    assert counts == sorted(counts, reverse=True)
    assert field.get_attribute("aria-expanded") == "true"
    field.press("ArrowUp")  # from the end
    assert explorer.options.last.get_attribute("aria-selected") == "true"
    field.press("Escape")
    assert field.get_attribute("aria-expanded") == "false"
    assert explorer.options.count() == 0 or not explorer.options.first.is_visible()
    assert field.input_value() == "a"


def test_completion_inside_a_formula_by_mouse(explorer):
    explorer.choose("a formula")
    explorer.formula.fill("king - man + 2 wom")
    explorer.options.first.wait_for()
    explorer.options.first.click()
    assert explorer.formula.input_value() == "king - man + 2 woman"
    explorer.button("Ask").click()
    explorer.answer("king − man + 2 * woman ≈ queen")


def test_a_typo_a_suggestion_an_answer(explorer):
    page = explorer.page
    explorer.field("b").fill("qeen")
    explorer.field("b").press("Enter")
    problem = explorer.root.get_by_role("alert").filter(has_text="'qeen' is not in the vocabulary")
    problem.wait_for()
    assert "perhaps" in problem.inner_text()  # why it may be missing
    assert 1 <= problem.get_by_role("button").count() <= 5
    problem.get_by_role("button", name="queen", exact=True).focus()
    page.keyboard.press("Enter")
    explorer.answer("man is to queen as woman is to")
    assert problem.count() == 0
    assert explorer.field("b").input_value() == "queen"


def test_why_a_word_is_missing(page, notebooks):
    """Too rare to be kept, or never in the text: with the counts of the text that is certain."""
    known = "AnalogyExplorer(vectors, min_count=5, all_counts={'wombat': 3})"
    notebooks(page, LOAD, f"from w2vlib.widgets import AnalogyExplorer\n{known}")
    page.wait_for_selector(".w2v-live .w2v-headline:has-text('queen')")
    explorer = Explorer(page)
    explorer.ask("wombat + kng")
    problem = explorer.root.get_by_role("alert").filter(has_text="are not in the vocabulary")
    problem.wait_for()
    text = problem.inner_text()
    assert "'wombat' occurs 3 times in the text: too rare to be kept (min_count = 5)." in text
    assert "'kng' never occurs in the text." in text
    no_barriers(page, ".w2v-live")


def test_a_formula_that_cannot_be_read(explorer):
    explorer.ask("king man")
    explorer.root.get_by_role("alert").filter(has_text="Put + or - between").wait_for()
    explorer.ask("king - man + 0.5 * woman")
    explorer.answer("king − man + 0.5 * woman ≈")


def test_a_slow_kernel_takes_nothing_away(page, notebooks):
    """Letters typed before the kernel answers stay; a late list replaces the whole word."""
    slow = """
import time
def slowly(function, when):
    def slow(*args, **options):
        if when(*args):
            time.sleep(1)
        return function(*args, **options)
    return slow
widget.explorer.set_mode = slowly(widget.explorer.set_mode, lambda mode: True)
words = widget.explorer.vocabulary
words.complete = slowly(words.complete, lambda prefix, *_: prefix.endswith("pari"))
"""
    notebooks(page, LOAD, SHOW, slow)
    page.wait_for_selector(".w2v-live .w2v-headline:has-text('queen')")
    explorer = Explorer(page)
    explorer.choose("a formula")  # answered after a second
    explorer.formula.fill("king - par")
    explorer.options.first.wait_for()
    explorer.formula.press("ArrowDown")
    explorer.formula.press_sequentially("i")  # answered after a second
    explorer.formula.press("Enter")
    assert explorer.formula.input_value() == "king - paris"
    page.wait_for_timeout(2500)
    assert explorer.formula.input_value() == "king - paris"
    explorer.formula.press("Enter")
    explorer.answer("king − paris ≈")


# ---- answers ------------------------------------------------------------------------------------


def oracle(folder, a, b, c, top=10):
    """[(word, cosine, dot product, count)], in float64."""
    v = WordVectors.load(folder / "planted.npz")
    X = v.vectors.astype(np.float64)
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    a, b, c = (v.word_to_id[word] for word in (a, b, c))
    q, r = U[b] - U[a] + U[c], X[b] - X[a] + X[c]
    cosines = U @ q / np.linalg.norm(q)
    order = [i for i in np.argsort(-cosines) if i not in (a, b, c)][:top]
    return [(v.words[i], cosines[i], X[i] @ r, v.counts[i]) for i in order]


def test_the_numbers_shown_are_right(explorer, folder):
    shown = explorer.rows()
    for place, (row, true) in enumerate(
        zip(shown, oracle(folder, "man", "king", "woman"), strict=True)
    ):
        number = [float(cell.replace("−", "-").replace(",", "")) for cell in row[2:5]]
        assert (int(row[0]), row[1]) == (place + 1, true[0])
        assert abs(number[0] - true[1]) <= 5.01e-4
        assert abs(number[1] - true[2]) <= 5.01e-4
        assert number[2] == true[3]


def test_the_picture_is_told_in_words(explorer, folder):
    v = WordVectors.load(folder / "planted.npz")
    unit = {w: v[w] / np.linalg.norm(v[w].astype(float)) for w in ("man", "king", "woman", "queen")}
    gap = np.linalg.norm(unit["queen"] - (unit["king"] - unit["man"] + unit["woman"]))
    words = explorer.root.locator(".w2v-words").inner_text()
    assert f"misses the target by {gap:.3f}" in words
    assert "drawn exactly where they are" in words
    explorer.choose("shadow")
    explorer.root.locator(".w2v-words", has_text="of the variance").wait_for()


def test_switches_say_what_they_change(explorer):
    changed = explorer.root.locator(".w2v-changed")
    explorer.choose("query words may be answers")
    changed.filter(has_text="may be answers now").wait_for()
    assert any("in the query" in row[1] for row in explorer.rows())
    explorer.choose("3CosMul")
    changed.filter(has_text="multiplied now").wait_for()
    explorer.choose("dot product")
    changed.filter(has_text="long vectors gain").wait_for()
    assert explorer.root.get_by_role("radio", name="3CosMul").is_disabled()
    explorer.root.get_by_label("Answers", exact=True).select_option("5")
    changed.filter(has_text="5 answers are shown now").wait_for()
    assert len(explorer.rows()) == 5


def test_points_and_rows_are_questions_and_the_way_back(explorer):
    page = explorer.page
    explorer.root.locator(".w2v-point[data-word=queen]").click()
    explorer.answer("queen: its nearest word is")
    near = explorer.rows()[0][1]
    explorer.root.locator("tbody button").first.click()
    explorer.answer(f"{near}: its nearest word is")
    explorer.button("Back").click()
    explorer.answer("queen: its nearest word is")
    explorer.button("Back").focus()
    page.keyboard.press("Enter")
    explorer.answer("man is to king as woman is to queen")
    assert explorer.button("Back").is_disabled()
    explorer.button("Forward").click()
    explorer.answer("queen: its nearest word is")
    trail = explorer.root.locator("nav ol")
    assert trail.locator("[aria-current=step]").inner_text() == "queen"
    trail.get_by_role("button", name=near, exact=True).click()
    explorer.answer(f"{near}: its nearest word is")


def test_points_by_keyboard(explorer):
    page = explorer.page
    points = explorer.root.locator(".w2v-point")
    assert points.evaluate_all("ps => ps.filter(p => p.tabIndex === 0).length") == 1
    points.first.focus()
    words = set()
    for _ in range(points.count()):
        words.add(page.evaluate("document.activeElement.dataset.word"))
        page.keyboard.press("ArrowRight")
    assert {"man", "king", "woman", "queen"} <= words
    while page.evaluate("document.activeElement.dataset.word") != "queen":
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    explorer.answer("queen: its nearest word is")
    # The old point is gone; the focus stays in the picture.
    assert page.evaluate("document.activeElement.closest('svg') !== null")


# ---- to take away -------------------------------------------------------------------------------


def saved(explorer, button):
    with explorer.page.expect_download() as download:
        explorer.button(button).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def test_files(explorer, folder):
    name, data = saved(explorer, "table (CSV)")
    assert name == "king_minus_man_plus_woman.csv"
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    for row, (word, cosine, dot, count) in zip(
        rows, oracle(folder, "man", "king", "woman"), strict=True
    ):
        assert row["word"] == word and int(row["count"]) == count
        assert float(row["cosine"]) == pytest.approx(cosine, abs=1e-12)
        assert float(row["dot"]) == pytest.approx(dot, abs=1e-9)
    name, data = saved(explorer, "picture (SVG)")
    assert name == "king_minus_man_plus_woman.svg"
    assert "1. queen" in "".join(ET.fromstring(data).itertext())
    name, data = saved(explorer, "picture (PNG)")
    assert name == "king_minus_man_plus_woman.png"
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (1120, 800)
    assert len(set(data)) > 100  # not one colour only


def test_the_code_that_gives_the_answer(explorer, folder):
    explorer.root.get_by_text("code for this answer").click()
    explorer.button("Copy").click()
    explorer.root.get_by_text("copied", exact=True).wait_for()
    code = explorer.page.evaluate("navigator.clipboard.readText()")
    assert code == "vectors.analogy('man', 'king', 'woman', top=10)"
    result = eval(code, {"vectors": WordVectors.load(folder / "planted.npz")})
    assert [word for word, _ in result] == [row[1] for row in explorer.rows()]


# ---- for every reader ---------------------------------------------------------------------------


def test_no_barriers_light_and_dark(explorer, shared):
    page = shared.page
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        shared.theme(theme)
        page.wait_for_timeout(300)
        no_barriers(page, ".w2v-live")
    explorer.field("a").fill("a")
    explorer.options.first.wait_for()
    no_barriers(page, ".w2v-live")
    explorer.field("a").press("Escape")
    explorer.field("a").fill("kng")
    explorer.field("a").press("Enter")
    explorer.root.get_by_role("alert").filter(has_text="kng").wait_for()
    no_barriers(page, ".w2v-live")


@pytest.mark.parametrize("zoom", [1, 2])
def test_a_narrow_window_and_double_size(browser, notebooks, zoom):
    """At 200% a window of 1280 pixels has room for 640."""
    size = {"width": 640, "height": 500} if zoom == 2 else {"width": 480, "height": 900}
    with watched_page(browser, viewport=size, device_scale_factor=zoom) as page:
        notebook = notebooks(page, LOAD, SHOW, run=False)
        notebook.command("application:toggle-left-area")
        notebook.run_all()
        page.wait_for_selector(".w2v-live .w2v-headline:has-text('queen')")
        page.locator(".w2v-live").scroll_into_view_if_needed()
        assert too_wide(page, ".w2v-live") == []
        explorer = Explorer(page)
        explorer.ask("paris - france + italy")
        explorer.answer("is to rome")
        no_barriers(page, ".w2v-live")


# ---- when things go wrong -----------------------------------------------------------------------


def test_errors_inside_callbacks_are_shown(page, notebooks):
    broken = (
        "def broken(**options):\n    raise RuntimeError('a bug')\nwidget.explorer.switch = broken"
    )
    notebooks(page, LOAD, SHOW, broken)
    page.wait_for_selector(".w2v-live .w2v-headline:has-text('queen')")
    explorer = Explorer(page)
    explorer.choose("3CosMul")
    alarm = explorer.root.get_by_role("alert").filter(has_text="RuntimeError: a bug")
    alarm.wait_for()
    alarm.get_by_text("What happened").click()
    assert "in broken" in alarm.inner_text()
    # The next thing that works takes the message away.
    explorer.ask("paris - france + italy")
    explorer.answer("is to rome")
    alarm.wait_for(state="detached")


def test_a_kernel_that_restarts_is_told_of(page, notebooks):
    notebook = notebooks(page, LOAD, SHOW)
    page.wait_for_selector(".w2v-live .w2v-headline:has-text('queen')")
    context = "window.jupyterapp.shell.currentWidget.context.sessionContext"
    page.evaluate(f"() => {context}.session.kernel.restart()")
    page.wait_for_timeout(500)
    explorer = Explorer(page)
    if explorer.root.count():
        explorer.ask("paris - france + italy")
        explorer.root.get_by_text("Run the cell again").or_(
            explorer.root.get_by_text("does not answer")
        ).first.wait_for()
    notebook.run_all()
    page.wait_for_selector(".w2v-live .w2v-headline:has-text('queen')")
    Explorer(page).ask("paris - france + italy")
    Explorer(page).answer("is to rome")


def still(page):
    """Wait for the still picture, and see that it is the only thing to see."""
    page.wait_for_selector(".w2v-static img", timeout=30_000)
    image = page.locator(".w2v-static img").first
    image.scroll_into_view_if_needed()
    assert image.evaluate("e => e.decode().then(() => e.naturalWidth)") == 560
    assert image.get_attribute("alt").startswith("Picture: ")
    assert page.locator(".w2v-static").is_visible()
    assert page.locator(".w2v-static table").is_visible()
    return page.locator(".w2v-static").inner_text()


def test_a_saved_notebook_shows_the_last_answer_without_a_kernel(browser, notebooks, lab_server):
    with watched_page(browser) as page:
        notebook = notebooks(page, LOAD, SHOW)
        page.wait_for_selector(".w2v-live .w2v-headline:has-text('queen')")
        assert not page.locator(".w2v-static").is_visible()  # the live widget stands for it
        explorer = Explorer(page)
        explorer.ask("paris - france + italy")
        explorer.answer("is to rome")
        page.wait_for_timeout(1500)
        content = notebook.save()
    servers.close_sessions(lab_server, keep="shared")
    # Trusted, as the reader's own work is; and as a file that came from somebody else.
    content["cells"][0]["source"] = "# from elsewhere\n" + "".join(content["cells"][0]["source"])
    for output in content["cells"][1]["outputs"]:
        output.get("metadata", {}).clear()
    foreign = lab_server.folder / "foreign.ipynb"
    foreign.write_text(json.dumps(content), encoding="utf-8")
    for name in (notebook.name, foreign.name):
        with watched_page(browser) as page:
            servers.LabPage(page, lab_server, name).open()
            text = still(page)
            assert "france is to paris as italy is to rome" in text
            assert "misses the target by" in text
            assert not page.get_by_text("model not found").is_visible()
        servers.close_sessions(lab_server, keep="shared")


def test_on_paper_and_as_a_page_of_html(browser, notebooks):
    """Printed, and as plain HTML made of the saved outputs, which is what viewers of files show."""
    with watched_page(browser) as page:
        notebook = notebooks(page, LOAD, SHOW)
        page.wait_for_selector(".w2v-live .w2v-headline:has-text('queen')")
        content = notebook.save()
        page.emulate_media(media="print")
        still(page)
        assert not page.locator(".w2v-live").is_visible()
    exporter = nbconvert.HTMLExporter(template_name="basic")
    body, _ = exporter.from_notebook_node(nbformat.reads(json.dumps(content), as_version=4))
    with watched_page(browser) as page:
        page.set_content(f"<!doctype html><title>exported</title>{body}")
        assert "man is to king as woman is to queen" in still(page)
        assert "cosine" in page.locator(".w2v-static table").inner_text()


def test_two_views_of_one_widget(page, notebooks):
    notebook = notebooks(page, LOAD, SHOW, "from IPython.display import display\ndisplay(widget)")
    page.wait_for_function("document.querySelectorAll('.w2v-live .w2v-headline').length === 2")
    first = Explorer(page)
    second = Explorer(page, ".w2v-live >> nth=1")
    first.ask("paris - france + italy")
    second.root.locator(".w2v-headline", has_text="is to rome").wait_for()
    second.choose("query words may be answers")
    first.root.locator(".w2v-changed", has_text="may be answers now").wait_for()
    # A list of completions opens only where somebody types.
    first.formula.fill("a")
    first.options.first.wait_for()
    assert second.options.count() == 0
    assert notebook.name


# ---- several models -----------------------------------------------------------------------------


def test_two_models_side_by_side(page, notebooks):
    cell = (
        "from w2vlib.widgets import AnalogyExplorer\n"
        "AnalogyExplorer({'one': vectors, 'two': WordVectors.load('other.npz')})"
    )
    notebooks(page, LOAD, cell)
    page.wait_for_selector(".w2v-live .w2v-headline:has-text('queen')")
    explorer = Explorer(page)
    explorer.root.get_by_label("compared with", exact=True).select_option("two")
    page.wait_for_function("document.querySelectorAll('.w2v-live svg.w2v-pic').length === 2")
    assert "place in two" in explorer.root.locator("thead").inner_text()
    assert "Procrustes" in explorer.root.locator(".w2v-words").inner_text()
    no_barriers(page, ".w2v-live")
    explorer.root.get_by_label("Model", exact=True).select_option("two")
    explorer.root.locator("label", has_text="compared with").locator("select").wait_for()
    page.wait_for_function("document.querySelectorAll('.w2v-live svg.w2v-pic').length === 1")


# ---- elsewhere than in Lab ----------------------------------------------------------------------


def test_notebook_7(page, notebooks):
    notebooks(page, LOAD, SHOW, path="notebooks")
    page.wait_for_selector(".w2v-live .w2v-headline:has-text('queen')")
    explorer = Explorer(page)
    explorer.ask("paris - france + italy")
    explorer.answer("is to rome")
    assert not page.locator(".w2v-static").is_visible()


def test_voila(page, voila_server):
    servers.write_notebook(voila_server.folder / "app.ipynb", LOAD, SHOW)
    page.goto(f"{voila_server.url}/voila/render/app.ipynb")
    page.wait_for_selector(".w2v-live .w2v-headline:has-text('queen')", timeout=60_000)
    explorer = Explorer(page)
    explorer.field("b").fill("kng")
    explorer.field("b").press("Enter")
    explorer.button("king").click()
    explorer.answer("man is to king as woman is to queen")
    assert not page.locator(".w2v-static").is_visible()
    no_barriers(page, ".w2v-live")
