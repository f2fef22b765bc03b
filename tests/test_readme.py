"""What the README shows is what happens."""

import re
from pathlib import Path

import numpy as np
import test_question
from test_question import example

import ae_core
from ae_core import check_gradient

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_python_blocks_run():
    names = {
        "cost_and_gradient": example.questions_code,
        "X": example.TWO_ROWS,
        **dict(zip(("W1", "W2", "W3"), example.initial_weights(example.TWO_ROWS), strict=True)),
    }
    for block in blocks("python"):
        exec(block, names)  # the README is ours
    assert names["code"].shape == (500, 4)
    assert names["X_hat"].shape == (500, 20)
    assert names["errors"].mean() < 0.5 * names["X"].var(axis=0).sum()


def test_the_finding_shown_is_the_finding_printed():
    weights = example.initial_weights(example.TWO_ROWS)
    printed = str(check_gradient(test_question.example.questions_code, example.TWO_ROWS, weights))
    (shown,) = blocks("text")
    assert printed.startswith(shown)


def test_names_listed_are_the_registries():
    from ae_core.activations import ACTIVATIONS
    from ae_core.losses import LOSSES

    rows = dict(re.findall(r"^\| (\w+) \| (.*) \|$", README, re.MULTILINE))
    assert rows["activations"].split(", ") == list(ACTIVATIONS)
    assert set(re.findall(r"\w+_\w+|huber", rows["losses"])) == set(LOSSES)


def test_docstring_examples_run():
    import doctest

    from ae_core import architecture, gradient_check, reference

    for module in (architecture, gradient_check, reference):
        results = doctest.testmod(module, extraglobs={"np": np, "ae_core": ae_core})
        assert results.attempted > 0
        assert results.failed == 0
