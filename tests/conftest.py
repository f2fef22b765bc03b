"""What the tests share: the twins, and every architecture worth trying."""

import os
from itertools import product

# scikit-learn's checks of estimators want it, and SciPy looks once, when it is imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import numpy as np
import pytest
from hypothesis import settings
from tqdm import tqdm

from ae_core import Architecture, Network, reference
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.losses import LOSSES

# A thread of tqdm's would stay, and be hit by the allocations that some tests make fail.
tqdm.monitor_interval = 0

# What lands is decided by the same examples each time; at home every run draws new ones. How long
# one takes says nothing: the machine may be busy, or the engine watched by a tool that slows it.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("home", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "home")

NETWORK_CLASSES = [reference.Network, Network]


# A project of its own: test_downstream.py builds it and runs its tests.
collect_ignore = ["downstream"]


@pytest.fixture(params=NETWORK_CLASSES, ids=lambda c: c.__module__)
def network_class(request):
    """Each twin in turn."""
    return request.param


def random_data(architecture, n_samples, seed=0):
    """Rows the architecture's loss can be taken of, away from 0 and 1 and from each other."""
    return np.random.default_rng(seed).uniform(0.05, 0.95, (n_samples, architecture.n_features))


def output_activations(loss):
    """The output activations that go with a loss."""
    only = LOSSES[loss].from_logits
    return [only] if only else list(ACTIVATIONS)


def every_architecture():
    """Activation × loss × output × tied × biases × depth (one to five hidden layers).

    Enumerates the registries, so that a new name is covered by itself.
    """
    shapes = {
        1: ((4, 2, 4), 1),
        2: ((5, 2, 4, 5), 1),
        3: ((4, 3, 2, 3, 4), 2),
        4: ((4, 3, 2, 3, 3, 4), 2),
        5: ((4, 3, 3, 2, 3, 3, 4), 3),
    }
    for depth, activation, loss, biases in product(shapes, ACTIVATIONS, LOSSES, (True, False)):
        sizes, code_layer = shapes[depth]
        for tied in (True, False) if sizes == sizes[::-1] else (False,):
            # Every output activation at depth 1; deeper, the one that fits, for time's sake.
            outputs = output_activations(loss) if depth == 1 else output_activations(loss)[:1]
            for output in outputs:
                yield Architecture(
                    sizes,
                    (activation,) * depth + (output,),
                    loss=loss,
                    code_layer=code_layer,
                    biases=biases,
                    tied=tied,
                )


# --- the command line: a folder of its own, and commands that are run in it -----------------------


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here, capfd):
    """A command's exit code, and what it wrote to stdout and stderr."""
    from ae_core.cli.main import main

    def run(*arguments):
        code = main(list(arguments))
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def read(here, monkeypatch, capfd):
    """What `ae-core fit` reads from a file, or its message."""
    from ae_core.cli import options
    from ae_core.cli.main import main

    tables = []
    read_table = options.read_table

    def and_keep(*arguments, **named):
        tables.append(read_table(*arguments, **named))
        raise ValueError("read")

    monkeypatch.setattr(options, "read_table", and_keep)

    def read(content, *more, name="x.csv"):
        (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        tables.clear()
        assert main(["fit", name, "-o", "m", "-q", *more]) in (1, 2)
        said = capfd.readouterr().err
        assert said.count("\n") == 1
        assert len(said) <= 301
        assert said.rstrip("\n").isprintable()
        return tables[0] if tables else said

    return read
