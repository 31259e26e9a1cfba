"""axe-core looks for what shuts readers out: contrast, names, roles, order of headings …"""

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
