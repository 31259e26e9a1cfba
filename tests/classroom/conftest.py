"""What the tests of the classroom share: a sandbox that works, and a small released course."""

import os
from pathlib import Path

import pytest

from tests.classroom import mini
from w2vlib.classroom import sandbox
from w2vlib.classroom.course import Course

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def walls():
    """Tests that run submissions need bubblewrap."""
    why = sandbox.why_not()
    if why:
        if os.environ.get("W2V_REQUIRE_SANDBOX"):
            pytest.fail(why)
        pytest.skip(why)


@pytest.fixture(scope="session")
def course(tmp_path_factory) -> Course:
    """The small course, released by nbgrader."""
    pytest.importorskip("nbgrader")
    from w2vlib.classroom.batch import release

    config = ROOT / "assignments/nbgrader_config.py"
    made = Course(mini.make_course(tmp_path_factory.mktemp("course"), config))
    release(made, "mini")
    return made
