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


def facts_of_compress(names):
    assert 1 < len(names["curve"]) <= 200
    assert names["model"].n_iter_ == 300


def facts_of_variational(names):
    assert names["new_rows"].shape == (5, 30)
    assert names["codes"].shape == (569, 8)
    assert names["bounds"].shape == (569,)


def facts_of_how(names):
    assert names["code"].shape == (500, 4)
    assert names["X_hat"].shape == (500, 20)
    assert names["errors"].mean() < 0.5 * names["X"].var(axis=0).sum()


# What holds once the code of a page has run.
FACTS = {
    "compress": facts_of_compress,
    "variational": facts_of_variational,
    "how": facts_of_how,
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_code_runs(page):
    if page.stem == "many-machines":
        pytest.importorskip("dask")
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names = {"__name__": page.stem, **given(page.stem)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if page.stem == "diagnosis":
            warnings.simplefilter("ignore", NotLearningWarning)  # it says so
        for block in blocks:
            exec(compile(block, str(page), "exec"), names)
    assert blocks or page.stem in ("index", "coming-from", "commands")
    FACTS.get(page.stem, lambda names: None)(names)


def test_every_page_is_listed():
    listed = re.search(
        r"toctree\}.*?\n\n(.*?)```", (GUIDE / "index.md").read_text("utf-8"), re.DOTALL
    )
    assert set(listed[1].split()) == {page.stem for page in PAGES} - {"index"}


SHOWN = [page for page in PAGES if page.stem != "index"]


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_it_has_a_picture_and_a_table(page):
    """Both are to be seen where the built site is not: on the pages that show the repository."""
    text = page.read_text("utf-8")
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text)
    assert pictures
    for words, path in pictures:
        assert len(words) > 30, f"{path} has no alternative text"
        assert (page.parent / path).is_file(), path
    assert re.search(r"^\|[^\n]+\|\n\|[ :|-]+\|\n\|", text, re.MULTILINE), "no table"


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_a_picture_of_its_own_is_small_and_has_a_program(page):
    for path in re.findall(r"!\[[^\]]*\]\((\w[^)/]*\.png)\)", page.read_text("utf-8")):
        assert (GUIDE / path).stat().st_size <= 60_000
        programs = (p.read_text("utf-8") for p in GUIDE.glob("*.py") if p.name != "page.py")
        own = GUIDE / path.replace("-", "_").replace(".png", ".py")
        assert own.is_file() or any(f'"{page.stem}"' in program for program in programs)


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_who_printed_a_table_stands_in_the_repository(page):
    root = GUIDE.parent.parent
    for command in re.findall(r"<!-- python ([\w./-]+\.py)", page.read_text("utf-8")):
        there = (root / command).is_file()
        assert there or (command.startswith("benchmarks") and not (root / "benchmarks").is_dir())
        assert f"`python {command}`" in page.read_text("utf-8") or "dask_training" in command


def test_every_picture_is_shown():
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert [path.name for path in GUIDE.glob("*.png") if f"({path.name})" not in text] == []


def test_figures_of_outliers_and_imputation_are_those_that_were_measured():
    measured = (GUIDE.parent / "defaults.md").read_text("utf-8")
    of_23 = re.search(
        r"^\| mean \| ([\d.]+) / ([\d.]+) \| ([\d.]+) / ([\d.]+) \| ([\d.]+) / ([\d.]+)",
        measured,
        re.M,
    )
    apart = re.search(r"^\| ae_core \| 0\.1\.0 .*\n.*\n\| (.*) \|$", measured, re.MULTILINE)
    ours, _, forest, _, neighbours, _ = apart[1].split(" | ")
    page = " ".join((GUIDE / "outliers.md").read_text("utf-8").split())
    area, precision, forests, precision_of_forest, others, precision_of_others = of_23.groups()
    assert (
        f"is {area}, that of an isolation forest {forests} and of the distance to the 20th" in page
    )
    assert (
        f"neighbour {others}; in precision, {precision}, {precision_of_forest} and {precision_of_others}"
        in page
    )
    assert f"the areas are {ours}, {forest} and {neighbours}" in page
    readme = " ".join((GUIDE.parents[1] / "README.md").read_text("utf-8").split())
    assert f"is {ours}; 20 nearest neighbours have {neighbours}," in readme
    assert f"isolation forest {forest} " in readme
    *_, trees, imputer = re.search(r"^\| \*\*mean of 12\*\* \| (.*) \|$", measured, re.M)[1].split(
        " | "
    )
    assert f"its error is {float(imputer):.2f} standard deviations" in readme
    assert f"in four rounds, {float(trees):.2f}." in readme
