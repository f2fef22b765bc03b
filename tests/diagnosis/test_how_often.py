"""How often the explanations are right: the benchmarks that measure it, on a few cases each."""

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def benchmark(name):
    path = FOLDER / f"{name}.py"
    if not path.exists():
        pytest.skip("the benchmarks are not part of the source distribution")
    spec = importlib.util.spec_from_file_location(f"benchmark_of_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def measured():
    module = benchmark("diagnosis")
    return module, {"sheet": (module.sheet(150, 8, 2, seed=1000), 3)}


def test_of_healthy_fits_nothing_is_found(measured):
    module, table = measured
    n, found, _ = module.healthy(table, verbose=False)
    assert n == len(module.GOOD)
    assert found == []


def test_the_first_advice_names_the_setting_that_was_spoiled(measured, monkeypatch):
    module, table = measured
    chosen = ("alpha", "dropout", "learning_rate_init", "tol", "beta")
    kept = [case for case in module.SPOILED if case[0] in chosen]
    monkeypatch.setattr(module, "SPOILED", kept)
    n, named, missed, _ = module.spoiled(table, verbose=False)
    assert n >= 6
    assert named == n, missed


def test_planted_bugs_are_found_and_named():
    module = benchmark("gradient_check")
    counts = module.tally([*range(6), *range(90_006, 90_012)])
    assert not counts.right_failed
    assert not counts.wrong_passed
    assert counts.n_right
    assert counts.named > 0.8  # of so few; the benchmark's 500 tell the share
