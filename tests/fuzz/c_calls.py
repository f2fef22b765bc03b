"""The C interface with arguments that nobody would give; what it gives is what Python gives.

Arrays end at a page that nobody may touch, and what stands before them is known. Where a call has to
be refused before it looks at an array, the array may be such a page itself.
"""

import ctypes
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from ae_core import ModelFileError, Network, c_interface, load
from ae_core.data.rows import Rows

from . import c_models, models
from .c_answers import of_python
from .c_functions import (
    ABI_VERSION,
    BAD_SIZE,
    BAD_VALUE,
    NOT_OFFERED,
    NULL_POINTER,
    OK,
    SIGNATURES,
    function,
)
from .c_models import Model
from .guarded import guarded

NO_SIZES = (-1, -2, -(2**31), -(2**63), 2**60, 2**62, 2**63 - 1)
"""Rows of one double that no address space has room for, or fewer than none."""
NO_SIZES_OF_A_LOSS = (0, 2**31, 2**32, *NO_SIZES)

HOSTILE = (
    np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 5e-324, -5e-324, 1e-310, 1e-45, 1e-38, 3.4e38, 3.5e38,
    -3.5e38, 1e308, -1e308, 1.7976931348623157e308, 2.0**53, 1.0000001, -1e-9,
)  # fmt: skip

OF_NETWORKS = ("ae_forward", "ae_encode", "ae_reconstruction_errors", "ae_loss_and_gradient")
OF_DETECTORS = ("ae_outlier_scores", "ae_predict")

UNTOUCHED = 7.25
"""What stands in arrays before they are written to."""


# --- work ----------------------------------------------------------------------------------------


def _table(random: Random, n_rows: int, n_columns: int) -> np.ndarray:
    draw = np.random.default_rng(random.randrange(2**32))
    kind = random.randrange(8)
    if kind == 0:  # any bits
        bits = draw.integers(0, 2**64, (n_rows, n_columns), dtype=np.uint64)
        return bits.view(np.float64)
    X = draw.random((n_rows, n_columns))
    if kind <= 2:
        X = draw.normal(0, random.choice((1e-300, 1.0, 1e5, 1e30)), X.shape)
    if kind == 3:
        X[draw.random(X.shape) < random.choice((0.3, 1.0))] = np.nan
    if kind >= 6 and X.size:
        for place in draw.integers(0, X.size, random.choice((1, 1, 3))):
            X.reshape(-1)[place] = random.choice(HOSTILE)
    return X


def _mixed_table(random: Random, n_rows: int, model: Model) -> np.ndarray:
    """Rows as a mixed table has them, some of them with numbers that it can't have."""
    draw = np.random.default_rng(random.randrange(2**32))
    X = np.empty((n_rows, model.n_columns))
    assert model.encoding is not None
    for j, column in enumerate(model.encoding.columns):
        if column.kind == "number":
            X[:, j] = draw.normal(10, 30, n_rows)
        else:
            most = 2 if column.kind == "flag" else len(column.categories)
            X[:, j] = draw.integers(0, most, n_rows)
    kind = random.randrange(6)
    if kind == 0 and X.size:
        for place in draw.integers(0, X.size, random.choice((1, 2, 5))):
            X.reshape(-1)[place] = random.choice((-1.0, -1.0, 1.0, 2.0, 3.0, 0.5, *HOSTILE))
    elif kind <= 2:
        X[draw.random(X.shape) < random.choice((0.01, 0.3, 1.0))] = random.choice((np.nan, -1.0))
    return X


def _results(model: Model, name: str, n_rows: int) -> list[np.ndarray]:
    """Room for what a function gives; of one that is not offered, for what others would get."""
    architecture = None if model.detector is not None else model.network.architecture
    n_components = 1 if architecture is None else architecture.n_components
    n_params = 1 if architecture is None else architecture.n_params
    shapes: dict[str, list[tuple[int, ...]]] = {
        "ae_forward": [(n_rows, model.n_columns)],
        "ae_encode": [(n_rows, n_components)],
        "ae_reconstruction_errors": [(n_rows,)],
        "ae_outlier_scores": [(n_rows,)],
        "ae_predict": [(n_rows,)],
        "ae_loss_and_gradient": [(1,), (n_params,)],
    }
    kind = np.intc if name == "ae_predict" else np.float64
    return [guarded().copy(np.full(shape, UNTOUCHED).astype(kind)) for shape in shapes[name]]


def _address(array: np.ndarray) -> int:
    return array.ctypes.data if array.size else guarded().forbidden


def work(random: Random, model: Model) -> str:
    """One of the functions on some rows; AssertionError for an answer that is not documented."""
    own, others = OF_NETWORKS, OF_DETECTORS
    if model.detector is not None:
        own, others = others, own
    is_offered = random.random() < 0.95
    name = random.choice(own if is_offered else others)
    n_rows = random.choice((0, 1, 1, 2, 7, 7, 130, 300, 600))
    if model.encoding is None:
        X = guarded().copy(_table(random, n_rows, model.n_columns))
    else:
        X = guarded().copy(_mixed_table(random, n_rows, model))
    results = _results(model, name, n_rows)
    if name == "ae_forward" and random.random() < 0.3:
        results = [X]
    given = X.copy()
    addresses: list[int | None] = [_address(array) for array in (X, *results)]
    handle: int | None = model.handle
    refused = set() if is_offered else {NOT_OFFERED}
    is_loss = name == "ae_loss_and_gradient"
    if is_loss and n_rows == 0:
        refused.add(BAD_SIZE)
    if random.random() < 0.1:
        n_rows = random.choice(NO_SIZES_OF_A_LOSS if is_loss else NO_SIZES)
        refused.add(BAD_SIZE)
    if random.random() < 0.1:
        for place in random.sample(range(len(addresses)), random.choice((1, 1, len(addresses)))):
            addresses[place] = None
        if n_rows != 0:
            refused.add(NULL_POINTER)
    if random.random() < 0.03:
        handle = None
        refused.add(NULL_POINTER)
    if refused:
        addresses = [
            guarded().forbidden if address and random.random() < 0.3 else address
            for address in addresses
        ]
    code = function(name)(handle, n_rows, *addresses)
    what = f"{name} of {model.detector or model.network}, {n_rows} rows"
    for array in (X, *results):
        assert guarded().is_whole(array), f"{what}: wrote before an array"
    assert results[0] is X or _same_bits(X, given), f"{what}: changed X"
    if refused or n_rows == 0:
        assert code in (refused or {OK}), f"{what}: {code}, not one of {refused or {OK}}"
        untouched = [a for a in results if a is not X]
        assert all((a == a.dtype.type(UNTOUCHED)).all() for a in untouched), (
            f"{what}: wrote when refused"
        )
        return "refused" if refused else name
    return _compare(model, name, code, given, results, what)


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.tobytes() == b.tobytes()


def _compare(
    model: Model, name: str, code: int, X: np.ndarray, results: list[np.ndarray], what: str
) -> str:
    """Beside what Python gives for the same rows: the same to the last bit of the network's type."""
    expected = of_python(model, name, X)
    if expected is None:
        assert code == BAD_VALUE, f"{what}: {code} for what Python refuses"
        return "bad value"
    assert code == OK, f"{what}: {code}"
    for found, wanted in zip(results, expected, strict=True):
        same = np.array_equal(found.astype(wanted.dtype), wanted, equal_nan=True)
        assert same, f"{what}: {found} is not {wanted}"
    return name


def _kept_call(random: Random) -> str:
    models = c_models.kept()
    if random.random() < 0.3:  # of which there are few
        models = tuple(model for model in models if model.encoding or model.detector)
    return work(random, random.choice(models))


# --- handles -------------------------------------------------------------------------------------


def _use(random: Random, model: Model) -> str:
    """Work with a new handle, and free it: that gives one reference back, and no other does."""
    handle = model.handle
    held = ctypes.cast(handle, ctypes.py_object).value
    n_references = sys.getrefcount(held)
    try:
        sizes = (model.n_columns, NOT_OFFERED, NOT_OFFERED)
        if model.detector is None:
            architecture = model.network.architecture
            sizes = (model.n_columns, architecture.n_components, architecture.n_params)
        assert _sizes(handle) == sizes, f"{_sizes(handle)} is not {sizes}"
        for _ in range(2):
            work(random, model)
    finally:
        function("ae_free")(handle)
    n_less = n_references - sys.getrefcount(held)
    assert n_less == 1, f"{n_less} references fewer after use and ae_free"
    return "made and freed"


def _sizes(handle: int | None) -> tuple[int, ...]:
    names = ("ae_n_features", "ae_n_components", "ae_n_params")
    return tuple(function(name)(handle) for name in names)


def _load_call(random: Random, folder: Path) -> str:
    """A damaged file: refused as `load` and `ae_from_estimator` do, or the model that it holds."""
    _, content = random.choice(c_models.files())
    path = folder / "model"
    path.write_bytes(models.spoiled(random, content) if random.random() < 0.9 else content)
    try:
        estimator = load(path)
    except ModelFileError as error:
        try:
            handle = function("ae_load")(random.choice((path, str(path))))
        except ModelFileError:
            return "refused as a file"
        raise AssertionError(f"{handle}: loaded what load refuses") from error
    try:
        handle = function("ae_load")(random.choice((path, str(path), bytes(path))))
    except (TypeError, ValueError):
        return "refused as a model"
    return _use(random, c_models.model_of(estimator, handle))


def _path_call(random: Random, folder: Path) -> str:
    """No path, or one to nothing."""
    nowhere = folder / "nowhere"
    path = random.choice((folder, nowhere, "", "/dev/zero", "\0", "\ud800", *c_models.no_models()))
    try:
        handle = function("ae_load")(path)
    except (ModelFileError, OSError, TypeError, ValueError):
        return "refused as a path"
    raise AssertionError(f"{handle}: loaded {path!r}")


def _handle(name: str, candidate: Any) -> Any:
    """What a function makes of what may be no model; None where it is refused."""
    try:
        return function(name)(candidate)
    except (TypeError, ValueError, AttributeError):  # the last of what says that it is a model
        return None


def _object_call(random: Random, folder: Path) -> str:
    """No model at all."""
    name = random.choice(("ae_from_estimator", "ae_from_network"))
    candidate = random.choice(c_models.no_models())
    handle = _handle(name, candidate)
    assert handle is None, f"{name} made {handle} of {candidate!r}"
    return "refused as an object"


def _network_call(random: Random, folder: Path) -> str:
    """A network whose attributes somebody may have replaced: the handle has what they are now."""
    network = c_models.some_network(random)
    handle = _handle("ae_from_network", network)
    if handle is None:
        return "refused as a network"
    params = np.array(network.params)
    copied = Network(network.architecture, params, dtype=params.dtype)
    return _use(random, Model(handle, copied, Rows))


def _estimator_call(random: Random, folder: Path) -> str:
    """The same of an estimator."""
    estimator = c_models.some_estimator(random)
    handle = _handle("ae_from_estimator", estimator)
    if handle is None:
        return "refused as an estimator"
    model = c_models.model_of(estimator, handle)
    if model.detector is None:
        params = np.array(estimator.network_.params)
        architecture = estimator.network_.architecture
        model = model._replace(network=Network(architecture, params, dtype=params.dtype))
    return _use(random, model)


def _many_call(random: Random, folder: Path) -> str:
    """Many handles of one model, freed one after the other; the others go on."""
    model = random.choice([one for one in c_models.kept() if one.detector is None])
    handles = [function("ae_from_network")(model.network) for _ in range(random.choice((2, 9)))]
    random.shuffle(handles)
    while handles:
        function("ae_free")(handles.pop())
        function("ae_free")(None)
        if handles:
            work(random, Model(random.choice(handles), model.network, Rows))
    return "many made and freed"


def _word_call(random: Random, folder: Path) -> str:
    """Versions, messages, sizes."""
    exported = set(c_interface.__pyx_capi__)
    assert set(SIGNATURES) == exported, "a function that is not called here, or is no more"
    number = random.choice((*range(-8, 4), 2**31 - 1, -(2**31), random.randrange(-(2**31), 2**31)))
    message = function("ae_message")(number).decode("ascii")
    assert message, f"{number} has no message"
    assert (message == "no code of ae_core's C interface") == (number not in range(-7, 1)), message
    assert _sizes(None) == (NULL_POINTER,) * 3, "sizes of NULL"
    assert function("ae_abi_version")() == ABI_VERSION, "another version"
    try:
        function("ae_check_abi")(number)
    except ImportError:
        assert number != ABI_VERSION, "its own version is refused"
        return "another version"
    assert number == ABI_VERSION, f"version {number} is not refused"
    model = random.choice(c_models.kept())
    n_categories = function("ae_n_categories")(model.handle, number)
    assert (n_categories == BAD_SIZE) == (not 0 <= number < model.n_columns), "no such column"
    is_named = function("ae_column_name")(model.handle, number) is not None
    assert not is_named or 0 <= number < model.n_columns, "a name of no column"
    category = random.choice((number, 0, 1))
    word = function("ae_category")(model.handle, number, category)
    assert (word is not None) == (0 <= category < n_categories), "a category that is none"
    return "versions and messages"


OTHERS = (
    _load_call, _load_call, _load_call, _path_call, _object_call, _network_call, _network_call,
    _estimator_call, _estimator_call, _many_call, _word_call,
)  # fmt: skip


def make(random: Random) -> Any:
    """Nothing: a call is made, and made up, in `run`."""
    return None if random.random() < 0.7 else random.choice(OTHERS)


def run(made: Any, folder: Path, random: Random) -> str:
    """Call it: refused with what is documented, or done, with what Python gives."""
    return _kept_call(random) if made is None else made(random, folder)
