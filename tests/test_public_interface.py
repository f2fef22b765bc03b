"""The typed program that `make types` checks: it runs, and leaves nothing public out."""

import importlib.util
import re
import warnings
from pathlib import Path

import ae_core
from ae_core import NotLearningWarning
from ae_core.estimators.load import KNOWN
from ae_core.serving.predictor import KINDS

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


def test_what_is_loaded_on_first_use_is_public_and_is_what_type_checkers_read():
    assert set(ae_core._LATER) <= set(ae_core.__all__)
    source = Path(ae_core.__file__).read_text(encoding="utf-8")
    read = source.split("if TYPE_CHECKING:\n")[1].split("\n\n")[0]
    for name, module in ae_core._LATER.items():
        assert re.search(rf"from \.{module} import .*\b{name}\b", read), name


def test_every_estimator_that_is_saved_is_loaded_by_both_who_read_files():
    assert {kind.__name__ for kind in KNOWN} == set(KINDS)
    saved = [name for name in ae_core.__all__ if hasattr(getattr(ae_core, name), "save")]
    assert set(KINDS) == set(saved)


def test_every_estimator_has_a_page():
    path = Path(__file__).parents[1] / "docs" / "api.rst"
    if path.exists():  # not where the wheel is tested alone
        named = re.findall(r"^   (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(KINDS) <= set(named)
