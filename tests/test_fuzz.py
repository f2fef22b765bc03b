"""A few hundred inputs of each kind for the fuzzer; long runs are made by hand (`python -m fuzz`)."""

import importlib
import sys

import pytest

pytest.importorskip("pyarrow")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and memory of Linux")


def modules():
    return importlib.import_module("fuzz.workers")


@pytest.mark.parametrize(
    "target", ["architecture", "c_interface", "csv", "engine", "model", "parquet", "arrow"]
)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_nothing_but_documented_answers(target, tmp_path):
    outcome = modules().fuzz(target, 300, 0, 1, tmp_path)
    found = [path.read_text() for path in tmp_path.glob("*.txt")]
    assert not found, found[0]
    assert outcome.n_inputs == 300
    assert len(outcome.answers) > 1  # some are refused, and some are not


@pytest.mark.parametrize("target", ["frames", "options", "streams"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_nothing_but_documented_answers_of_estimators_and_commands(target, tmp_path):
    for package in ("pandas", "polars", "click"):
        pytest.importorskip(package)
    outcome = modules().fuzz(target, 80, 1, 1, tmp_path)
    found = [path.read_text() for path in tmp_path.glob("*.txt")]
    assert not found, found[0]
    assert outcome.n_inputs == 80
    assert len(outcome.answers) > 2


@pytest.mark.parametrize("target", ["c_interface", "engine"])
def test_in_this_process(target):
    """For tools that watch memory, which see more of it than a page at the end of each array."""
    answers = {modules().run_alone(target, 1, number) for number in range(200)}
    assert "refused" in answers
    assert len(answers) > 5


def test_a_finding_is_described(tmp_path, monkeypatch):
    workers = modules()

    def hostile(random):
        return random.random()

    def break_down(made, folder, random):
        if made < 0.1:
            raise KeyError("what nobody documented")
        if made > 0.9:
            import os

            os.abort()
        return "fine"

    monkeypatch.setitem(workers.TARGETS, "model", workers.Target(hostile, break_down))
    monkeypatch.setattr(workers, "WARM_UP", 0)
    outcome = workers.fuzz("model", 60, 1, 1, tmp_path)
    found = [path.read_text() for path in tmp_path.glob("*.txt")]
    assert len(found) == outcome.n_found
    assert any("KeyError" in text for text in found)
    assert any("SIGABRT" in text for text in found)
    assert all("python -m fuzz --target model --seed 1 --only" in text for text in found)
