"""Every block of code in the user guide runs, in the order of its page."""

import re
import warnings
from pathlib import Path

import pytest
from test_question import example

from ae_core import NotLearningWarning

GUIDE = Path(__file__).parent.parent / "docs" / "guide"
PAGES = sorted(GUIDE.glob("*.md"))


def given(page):
    """What a page supposes its reader to have."""
    if page != "question":
        return {}
    weights = dict(zip(("W1", "W2", "W3"), example.initial_weights(example.TWO_ROWS), strict=True))
    return {"cost_and_gradient": example.questions_code, "X": example.TWO_ROWS, **weights}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_code_runs(page):
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names = {"__name__": page.stem, **given(page.stem)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if page.stem == "diagnosis":
            warnings.simplefilter("ignore", NotLearningWarning)  # it says so
        for block in blocks:
            exec(compile(block, str(page), "exec"), names)
    assert blocks or page.stem in ("index", "coming-from", "commands")


def test_every_page_is_listed():
    listed = re.search(
        r"toctree\}.*?\n\n(.*?)```", (GUIDE / "index.md").read_text("utf-8"), re.DOTALL
    )
    assert set(listed[1].split()) == {page.stem for page in PAGES} - {"index"}
