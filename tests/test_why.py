"""docs/why.md: its programs run, and print what the page says they print."""

import contextlib
import io
import re
import warnings
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "why.md"
TEXT = PAGE.read_text("utf-8")
QUESTIONS = re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")


def blocks(section, language):
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def printed():
    """Title → what its program prints; they build on each other, as on the page."""
    names = {"__name__": "why"}
    outputs = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that are to go wrong
        for title, section in QUESTIONS:
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
                for block in blocks(section, "python"):
                    exec(compile(block, str(PAGE), "exec"), names)
            outputs[title] = out.getvalue()
    return outputs


def said(text):
    """Its words and its numbers, whatever the line breaks: they depend on digits."""
    text = " ".join(text.split())
    return NUMBER.sub("#", text), [float(number) for number in NUMBER.findall(text)]


def test_there_are_ten_questions_with_their_source():
    assert len(QUESTIONS) == 10
    for title, section in QUESTIONS:
        assert re.search(r"^> .*\]\(https?://", section, re.MULTILINE | re.DOTALL), title
        assert len(blocks(section, "text")) == 1, title


@pytest.mark.parametrize(("title", "section"), QUESTIONS, ids=[q[0][:30] for q in QUESTIONS])
def test_it_prints_what_the_page_says(title, section, printed):
    words, numbers = said(printed[title])
    (shown,) = blocks(section, "text")
    for part in re.split(r"^\.\.\.$", shown, flags=re.MULTILINE):
        part_words, part_numbers = said(part)
        assert part_words in words, f"{part}\nis not in\n{printed[title]}"
        before = words[: words.index(part_words)].count("#")
        there = numbers[before : before + len(part_numbers)]
        # Other processors round otherwise, and training carries that on.
        assert there == pytest.approx(part_numbers, rel=0.2, abs=1e-12), part
