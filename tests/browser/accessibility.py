"""What shuts readers out: axe-core looks for contrast, names, roles …; and what is cut off."""

import pytest

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")


def no_barriers(page, part: str) -> None:
    """No violation of any of axe's rules in the part of the page that the selector names."""
    result = axe.Axe().run(page, context=part)
    found = [
        f"{v['id']}: {v['help']}\n    " + "\n    ".join(n["html"][:160] for n in v["nodes"][:3])
        for v in result.response["violations"]
    ]
    assert not found, "\n".join(found)


def too_wide(page, root: str) -> list[str]:
    """Parts of the widgets that stick out of them, leaving out what can be scrolled sideways."""
    return page.evaluate(
        """selector => [...document.querySelectorAll(selector)].flatMap(root => {
          const edge = root.getBoundingClientRect().right + 1;
          return [...root.querySelectorAll('button, input, select, svg, p, h3, summary, dl div')]
            .filter(e => !e.closest('.w2v-table, nav ol, [role=listbox]'))
            .filter(e => e.getBoundingClientRect().right > edge)
            .map(e => e.outerHTML.slice(0, 80));
        })""",
        root,
    )
