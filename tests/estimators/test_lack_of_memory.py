"""Where memory ends, an error says what there was none for, how much, and what to do."""

import subprocess
import sys

import numpy as np
import pytest
from messages import LONGEST

from ae_core import (
    Autoencoder,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    Network,
    VariationalAutoencoder,
    diagnose_data,
)
from ae_core.basics.memory import lacking
from ae_core.data.rows import Rows

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

X = np.random.default_rng(0).random((30, 3))


def numpys_error(shape=(2**40, 2**10)):
    with pytest.raises(MemoryError) as caught:
        np.empty(shape)
    return caught.value


def test_what_numpy_says_is_said_in_our_words():
    text = str(lacking("the table", numpys_error(), "give less"))
    assert text == (
        "no memory for the table: 8,589,934,592.0 MiB more are needed, of float64 of shape "
        "(1099511627776, 1024); give less"
    )


def test_an_error_that_says_nothing_is_told():
    assert (
        str(lacking("a", MemoryError(), "b")) == "no memory for a: there is less than is needed; b"
    )


def test_what_another_says_stays():
    assert (
        str(lacking("a", MemoryError("realloc of 3\nMB"), "b"))
        == "no memory for a: realloc of 3 MB; b"
    )
    panic = RuntimeError("PyObject pointer is null")
    assert str(lacking("a", panic, "b")) == "no memory for a: there is less than is needed; b"


@pytest.mark.parametrize(
    "text",
    [
        "no memory for activations: 3 MiB are needed; take fewer",
        "layer_sizes=(3, 9): no memory for 9 parameters; take smaller layers",
    ],
)
def test_an_error_of_ours_stays(text):
    error = MemoryError(text)
    assert lacking("a", error, "b") is error


MODELS = {
    "autoencoder": (
        lambda: Autoencoder(2, max_iter=1, missing_values="mask"),
        (
            "transform",
            "reconstruct",
            "score_samples",
            "score",
            "feature_errors",
            "impute",
            "diagnose",
        ),
    ),
    "variational": (
        lambda: VariationalAutoencoder(2, max_iter=1),
        ("transform", "score_samples", "score", "sample_posterior"),
    ),
    "detector": (
        lambda: AutoencoderOutlierDetector(n_steps=2),
        ("score_samples", "decision_function", "predict", "p_values", "explain", "diagnose"),
    ),
    "imputer": (
        lambda: AutoencoderImputer(n_networks=1, sample_posterior=True),
        ("transform", "sample"),
    ),
}


class Endless(np.ndarray):
    """A table of which nobody can take anything."""

    def __getattribute__(self, name):
        if name == "dtype":
            raise numpys_error()
        return super().__getattribute__(name)


@pytest.mark.parametrize("name", MODELS)
def test_every_method_says_what_it_had_no_memory_for(name):
    make, methods = MODELS[name]
    model, table = make().fit(X), X.view(Endless)
    for call in [make().fit, *(getattr(model, method) for method in methods)]:
        with pytest.raises(MemoryError) as caught:
            call(table)
        text = str(caught.value)
        assert text.startswith(f"no memory for {type(model).__name__}.")
        assert "of X (30, 3): 8,589,934,592.0 MiB more are needed" in text
        assert "; give fewer rows" in text
        assert len(text) <= LONGEST


def test_rows_of_other_types_say_that_a_copy_is_needed(monkeypatch):
    error = numpys_error()

    class Integers(np.ndarray):
        def astype(self, *arguments, **options):
            raise error

    with pytest.raises(
        MemoryError, match=r"a copy of X \(30, 3\), of int64, as float64: .*give float64"
    ):
        Rows(np.ones((30, 3), np.int64).view(Integers))


def test_a_result_without_room_is_told(monkeypatch):
    network = Autoencoder(2, max_iter=1).fit(X).network_
    many = np.tile(X, (100, 1))  # of a few rows the result is small, whatever happens
    error = numpys_error()

    def empty(*arguments):
        raise error

    monkeypatch.setattr("ae_core.basics.memory.np.empty", empty)
    assert isinstance(network, Network)
    for call in (network.encode, network.forward, network.reconstruction_errors, network.loss):
        with pytest.raises(MemoryError, match=r"^no memory for .* MiB more are needed.*fewer rows"):
            call(many)


def test_diagnose_data_says_it_too():
    with pytest.raises(MemoryError, match=r"^no memory for diagnose_data: .*fewer rows"):
        diagnose_data(X.view(Endless))


LITTLE = """if True:
    import resource, sys
    import numpy as np
    from ae_core import Autoencoder
    import ae_core._engine.training
    X = np.random.default_rng(0).random((20_000, 200))
    whole = np.ones(X.shape, np.int32)
    model = Autoencoder(5, max_iter=1, n_threads=1).fit(X[:200])
    wide = lambda: Autoencoder(5, hidden_layer_sizes=(3000,), max_iter=1, n_threads=1).fit(X[:300])
    batch = lambda: Autoencoder(5, batch_size=20_000, max_iter=1, n_threads=1).fit(X)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2 * 2**20, resource.RLIM_INFINITY))
    for call in (wide, batch, lambda: model.reconstruct(X), lambda: Autoencoder(5).fit(whole)):
        try:
            call()
        except MemoryError as error:
            print(error)
    """


@pytest.mark.skipif(sys.platform != "linux", reason="limits the room of addresses as Linux does")
def test_little_room():
    run = subprocess.run(
        [sys.executable, "-c", LITTLE], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    lines = run.stdout.splitlines()
    assert len(lines) == 4
    for line in lines:
        assert "no memory for " in line
        assert "MiB" in line
        assert "; give" in line or "; take" in line
        assert len(line) <= LONGEST
