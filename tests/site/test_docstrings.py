"""Docstrings of all that is public, read by numpydoc: everything has a meaning; examples run."""

import ast
import dataclasses
import doctest
import importlib
import inspect
import itertools
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import ae_core
from ae_core.formulas.solvers import Solver

validate = pytest.importorskip("numpydoc.validate").validate

WRONG = {
    "GL08": "has no docstring",
    "SS01": "has no summary",
    "PR01": "leaves out parameters",
    "PR02": "has parameters that there are not",
    "PR03": "has parameters in another order",
    "PR04": "has a parameter without a type",
    "PR07": "has a parameter without a meaning",
    "RT03": "does not say what is returned",
}

SAY_ALL = {"n_rows", "n_steps", "stopped_because", "loss", "history", "network", "tolerance"}
"""Fields whose names say what they are."""


def public():
    """Every public name, and the methods that its class defines or takes over from our own."""
    names = [f"ae_core.{name}" for name in ae_core.__all__ if name != "reference"]
    names.append("ae_core.reference.Network")
    for path in list(names):
        value = path_to(path)
        if not inspect.isclass(value) or issubclass(value, Exception):
            continue
        for name, _ in inspect.getmembers(value, callable):
            owner = next((c for c in value.__mro__ if name in vars(c)), None)
            if owner is None or not owner.__module__.startswith("ae_core"):
                continue
            takes_metadata = name.startswith("set_") and name.endswith("_request")
            if (
                not name.startswith("_")
                and not takes_metadata
                and hasattr(vars(owner)[name], "__get__")
            ):
                names.append(f"{path}.{name}")
    return names


def path_to(path):
    value = ae_core
    for name in path.split(".")[1:]:
        value = getattr(value, name)
    return value


PUBLIC = public()
ESTIMATORS = [
    name
    for name in ae_core.__all__
    if hasattr(getattr(ae_core, name), "fit") or name.endswith("Display")
]


def own(path):
    """The path by which numpydoc finds it: names that are loaded later it does not."""
    value = path_to(path)
    return f"{value.__module__}.{value.__qualname__}"


def is_result(value):
    """Whether it is made by us alone, and has a docstring beneath each field."""
    return dataclasses.is_dataclass(value) and not issubclass(value, (Solver, ae_core.Architecture))


def is_exempt(path):
    """Whether parameters may go without a section.

    Sentences of what a network is made of (solvers' steps, an architecture's layers) name them with
    their shapes, and the compiled network points to its reference.
    """
    value = path_to(path)
    if inspect.isclass(value):
        return is_result(value)
    owner = path_to(path.rpartition(".")[0]) if path.count(".") > 1 else None
    if inspect.isclass(owner) and not hasattr(owner, "fit") and not path.endswith("Network"):
        building_blocks = (Solver, ae_core.Architecture, ae_core.History)
        return (
            issubclass(owner, building_blocks)
            or "As `ae_core.reference" in value.__doc__
            or ("as `ae_core.reference" in value.__doc__)
        )
    return False


@pytest.mark.parametrize("path", [p for p in PUBLIC if inspect.isclass(path_to(p))])
def test_every_field_of_a_result_has_a_docstring(path):
    value = path_to(path)
    if not is_result(value):
        return
    (tree,) = ast.parse(inspect.getsource(value)).body
    described = set()
    for field, after in itertools.pairwise(tree.body):
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and is_text:
            described.add(field.target.id)
    named = set(re.findall(r"`?(\w+)`? :", value.__doc__ or ""))
    fields = {f.name for f in dataclasses.fields(value)}
    assert fields - described - named - SAY_ALL == set()


@pytest.mark.parametrize("path", PUBLIC)
def test_everything_has_a_meaning(path):
    path_to(path)  # loaded, where that is later
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpydoc warns of sections that it does not know
        found = validate(own(path))["errors"]
    wrong = set(WRONG) - ({"PR01"} if is_exempt(path) else set())
    assert [(code, text) for code, text in found if code in wrong] == []


@pytest.mark.parametrize("name", ESTIMATORS)
def test_its_example_runs(name):
    value = getattr(ae_core, name)
    parser = doctest.DocTestParser()
    test = parser.get_doctest(value.__doc__, {"np": np}, name, None, None)
    assert test.examples, f"{name} has no Examples"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert result.failed == 0


def test_every_public_name_has_a_page():
    listed = (Path(__file__).parents[2] / "docs" / "api.rst").read_text("utf-8").split()
    missing = [name for name in ae_core.__all__ if name not in (*listed, "reference")]
    assert missing == []
    for name in listed:
        if name.startswith("ae_core."):
            importlib.import_module(name.rpartition(".")[0])
