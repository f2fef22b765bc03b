"""The typed program that `make types` checks: it runs, and leaves nothing public out."""

import importlib.util
import re
import warnings
from pathlib import Path

import ae_core
from ae_core import NotLearningWarning

PROGRAM = Path(__file__).parent / "typing" / "public_interface.py"


def test_the_typed_program_runs(tmp_path):
    spec = importlib.util.spec_from_file_location("public_interface", PROGRAM)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotLearningWarning)  # it hardly trains
        program.main(tmp_path)


def test_the_typed_program_uses_every_public_name():
    text = PROGRAM.read_text(encoding="utf-8")
    _, rest = text.split("\nArray = ")
    unused = [name for name in ae_core.__all__ if not re.search(rf"\b{name}\b", rest)]
    assert unused == []
