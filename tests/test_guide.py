"""Every block of code in the user guide runs, in the order of its page."""

import re
import warnings
from pathlib import Path

import pytest

GUIDE = Path(__file__).parent.parent / "docs" / "guide"
PAGES = sorted(GUIDE.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_code_runs(page):
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names = {"__name__": page.stem}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in blocks:
            exec(compile(block, str(page), "exec"), names)
    assert blocks or page.stem in ("index", "coming-from")


def test_every_page_is_listed():
    listed = re.search(
        r"toctree\}.*?\n\n(.*?)```", (GUIDE / "index.md").read_text("utf-8"), re.DOTALL
    )
    assert set(listed[1].split()) == {page.stem for page in PAGES} - {"index"}
