"""CONTRIBUTING's walks through adding a loss and a corruption, walked: both twins have them."""

import ctypes
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ae_core.formulas.noise import CORRUPTION, Draw, integers, noise_key, threshold

ROOT = Path(__file__).parent.parent
TEXT = ROOT / "CONTRIBUTING.md"
ENGINE = ROOT / "ae_core" / "_engine" / "kernels"

pytestmark = pytest.mark.skipif(
    not ENGINE.exists() or not TEXT.exists() or sys.platform == "win32" or not shutil.which("cc"),
    reason="needs a checkout and a C compiler",
)


def walk(what="a loss"):
    """The steps of the section: for each its number, its text and its blocks of code."""
    section = TEXT.read_text(encoding="utf-8").split(f"## To add {what}\n")[1].split("\n## ")[0]
    steps = re.split(r"^(?=\d\. )", section, flags=re.MULTILINE)[1:]
    return [(step, re.findall(r"```\w+\n(.*?)```", step, re.DOTALL)) for step in steps]


def inserted(text, before, addition):
    """Text with an addition before the one place where something stands."""
    assert text.count(before) == 1, before
    return text.replace(before, addition + before)


def test_it_names_four_places():
    assert len(walk()) == 4
    for step, path in zip(
        walk(), ("losses.py", "kernels.h", "losses_body.h", "how.md"), strict=True
    ):
        assert path in step[0]


def new_loss():
    """The definition, as the first step makes it."""
    (formulas, record), *_ = (blocks for _, blocks in walk())
    source = (ROOT / "ae_core" / "formulas" / "losses.py").read_text(encoding="utf-8")
    source = inserted(source, "\n\n# --- the constant that is best", "\n\n" + formulas)
    source = inserted(source, "}\n\n\nclass Link", record)
    module = {"__name__": "ae_core.formulas.losses", "__package__": "ae_core.formulas"}
    exec(compile(source, "losses.py", "exec"), module)
    return module["LOSSES"]["gamma"]


def test_the_definition_is_right():
    loss = new_loss()
    X, Z = np.random.default_rng(0).uniform(0.1, 3, (2, 20, 4))
    step = 1e-6
    numeric = (loss.function(X, Z + step) - loss.function(X, Z - step)) / (2 * step)
    np.testing.assert_allclose(loss.gradient(X, Z), numeric, rtol=1e-7, atol=1e-8)
    assert loss.function(X, np.log(X)) == pytest.approx(0, abs=1e-12)


class Group(ctypes.Structure):
    _fields_ = [
        ("activation", ctypes.c_int),
        ("loss", ctypes.c_int),
        ("start", ctypes.c_ssize_t),
        ("stop", ctypes.c_ssize_t),
        ("low", ctypes.c_double),
        ("high", ctypes.c_double),
        ("own", ctypes.c_ssize_t),
    ]


class Output(ctypes.Structure):
    _fields_ = [
        ("groups", ctypes.POINTER(Group)),
        ("n_groups", ctypes.c_int),
        ("has_missing", ctypes.c_int),
        ("weights", ctypes.c_void_p),
        ("own", ctypes.c_void_p),
        ("n_own", ctypes.c_ssize_t),
    ]


# What `output_delta` and `spoil` are in the table is asked of the compiler, not counted here.
QUESTIONS = """
#include "kernels_table.c"
double delta(int level, const ae_output *output, ptrdiff_t m, ptrdiff_t n, void *z,
             const void *target)
{ return ae_kernels_of(level, 1)->output_delta(output, m, n, z, NULL, target, 1, NULL); }
void spoil(uint32_t threshold, ptrdiff_t n, const void *x, const uint16_t *numbers, void *to)
{ ae_corruption how = {AE_SIGN_FLIP, threshold, 0, NULL, NULL, NULL};
  ae_kernels_of(0, 1)->spoil(&how, n, x, numbers, to); }
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """The kernels with what both walks put into their files, and C functions that ask them."""
    (_, (loss,)), (_, (loss_formulas,)) = walk()[1:3]
    (_, (corruption,)), (_, (corruption_formula,)) = walk("a corruption")[1:]
    changes = [
        ("kernels.h", "    each(POISSON", loss),
        ("losses_body.h", "static ALWAYS_INLINE REAL FN(loss)(", loss_formulas),
        ("kernels.h", "    each(GAUSSIAN", corruption),
        ("noise_body.h", "/* inputs (n,) from targets", corruption_formula),
    ]
    folder = tmp_path_factory.mktemp("walked")
    kernels = shutil.copytree(ENGINE, folder / "kernels")
    for name, place, lines in changes:
        file = kernels / name
        file.write_text(inserted(file.read_text(), place, lines))
    source, library = kernels / "walk.c", folder / "walk.so"
    source.write_text(QUESTIONS)
    flags = ["-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-fno-math-errno"]
    subprocess.run(["cc", *flags, str(source), "-o", str(library), "-lm"], check=True)
    return ctypes.CDLL(str(library))


def test_the_engine_agrees(engine):
    engine.delta.restype = ctypes.c_double
    names = (ctypes.c_char_p * 20).in_dll(engine, "ae_loss_names")
    names = list(names)[: list(names).index(None)]
    group = Group(0, names.index(b"GAMMA"), 0, 7, 0, np.inf, 0)
    output = Output(ctypes.pointer(group), 1, 0, None, None, 0)
    X, Z = np.random.default_rng(1).uniform(0.1, 3, (2, 5, 7))
    delta = Z.copy()
    pointer = ctypes.c_void_p
    total = engine.delta(
        0, ctypes.byref(output), ctypes.c_ssize_t(5), ctypes.c_ssize_t(7),
        pointer(delta.ctypes.data), pointer(X.ctypes.data),
    )  # fmt: skip
    loss = new_loss()
    assert total == pytest.approx(loss.function(X, Z).sum(), rel=1e-10)
    np.testing.assert_allclose(delta, loss.gradient(X, Z), rtol=1e-10, atol=1e-12)


def new_corruption():
    """The definition, as the first step makes it."""
    (formula, record), *_ = (blocks for _, blocks in walk("a corruption"))
    source = (ROOT / "ae_core" / "formulas" / "corruption.py").read_text(encoding="utf-8")
    source = inserted(source, "\n\nclass Corruption(", "\n\n" + formula)
    source = inserted(source, "}\n\nNOTHING", record)
    module = {"__name__": "ae_core.formulas.corruption", "__package__": "ae_core.formulas"}
    exec(compile(source, "corruption.py", "exec"), module)
    return module["CORRUPTIONS"]["sign_flip"]


def test_a_corruption_is_three_places():
    assert len(walk("a corruption")) == 3
    draw = Draw(noise_key(0, 0), np.arange(50))
    X = np.random.default_rng(0).uniform(1, 2, (50, 40))
    spoiled = new_corruption().function(X, draw, 0.25, (X.min(axis=0), X.max(axis=0)))
    assert np.isin(spoiled, (X, -X)).all()
    assert 0.2 < (spoiled == -X).mean() < 0.3


def test_the_engine_spoils_the_same_entries(engine):
    draw = Draw(noise_key(0, 0), np.arange(1))
    X = np.random.default_rng(0).uniform(1, 2, (1, 400))
    numbers = np.ascontiguousarray(integers(draw, CORRUPTION, 400), dtype=np.uint16)
    spoiled = np.empty_like(X)
    engine.spoil(
        ctypes.c_uint32(threshold(0.25)), ctypes.c_ssize_t(400),
        *(ctypes.c_void_p(array.ctypes.data) for array in (X, numbers, spoiled)),
    )  # fmt: skip
    limits = X.min(axis=0), X.max(axis=0)
    np.testing.assert_array_equal(spoiled, new_corruption().function(X, draw, 0.25, limits))
