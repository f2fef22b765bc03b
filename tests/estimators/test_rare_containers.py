"""Rarer things that hold a table: each is read as what it says, or refused by name."""

import collections
import datetime
import decimal
import fractions
import functools

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from messages import LONGEST, OTHERS_WORDS

from ae_core import (
    Autoencoder,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    VariationalAutoencoder,
)

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

X = np.random.default_rng(0).integers(-40, 40, (24, 4)) / 2
STORED = np.where(np.random.default_rng(1).random(X.shape) < 0.5, 0, X)
NAMES = list("abcd")
FRAME = pd.DataFrame(X, columns=NAMES)
HALVES = np.array([[1.5, 3.0], [2.5, 4.0]] * 6)

ESTIMATORS = {
    "autoencoder": lambda: Autoencoder(1, max_iter=2, random_state=0, missing_values="mask"),
    "variational": lambda: VariationalAutoencoder(1, max_iter=2, random_state=0),
    "detector": lambda: AutoencoderOutlierDetector(n_steps=2, random_state=0),
    "imputer": lambda: AutoencoderImputer(n_networks=1, hidden_layer_sizes=2, random_state=0),
}


class Holder:
    """Something that says that it is an array, and nothing else."""

    def __init__(self, array, name="__array__"):
        says = array.__array_interface__ if name != "__array__" else None
        self.array = array
        if says is not None:
            self.__array_interface__ = says


class ArrayHolder(Holder):
    def __array__(self, dtype=None, copy=None):
        return self.array


class Broken:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("it is on a GPU")


def stored_in(order):
    """A COO matrix with explicit zeros, parts that are to be added up, and any order."""
    whole = sp.coo_array(STORED)
    row, column = np.r_[whole.row, whole.row[:5]], np.r_[whole.col, whole.col[:5]]
    data = np.r_[whole.data, np.zeros(5)]
    data[0], data[len(whole.data)] = whole.data[0] - 2, 2
    which = np.random.default_rng(order).permutation(len(data))
    return sp.coo_array((data[which], (row[which], column[which])), whole.shape)


def unsorted(index=np.int32, writeable=True):
    whole = sp.csr_array(STORED)
    indices, data = whole.indices.astype(index), whole.data.copy()
    for start, stop in zip(whole.indptr, whole.indptr[1:], strict=False):
        indices[start:stop] = indices[start:stop][::-1]
        data[start:stop] = data[start:stop][::-1]
    indices.flags.writeable = data.flags.writeable = writeable
    return sp.csr_array((data, indices, whole.indptr.astype(index)), whole.shape)


def ended_runs():
    return pa.RunEndEncodedArray.from_arrays([6, 12], [1.5, 2.5])


def bytes_of_flags():
    if not hasattr(pa, "bool8"):
        pytest.skip("this pyarrow has no bool8")
    return pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0] * 6, pa.int8()))


def decimals(kind):
    values = [decimal.Decimal("1.5"), decimal.Decimal("2.5")] * 6
    return pa.table({"a": pa.array(values, kind), "b": HALVES[:, 1]})


UNDERSTOOD = {
    "an array's interface alone": lambda: (Holder(X, "__array_interface__"), X),
    "an array's method alone": lambda: (ArrayHolder(X), X),
    "big-endian 32-bit floats": lambda: (X.astype(">f4"), X.astype("f4")),
    "big-endian integers": lambda: (X.astype(">i2"), X.astype("i2")),
    "not aligned": lambda: (np.frombuffer(b"\0" + X.tobytes(), "u1")[1:].view("f8").reshape(X.shape), X),
    "one row again and again": lambda: (np.broadcast_to(X[0], X.shape), np.tile(X[0], (24, 1))),
    "fractions": lambda: ([[fractions.Fraction(x) for x in row] for row in X.tolist()], X),
    "ranges": lambda: ([range(4), range(1, 5)] * 6, np.array([[0.0, 1, 2, 3], [1, 2, 3, 4]] * 6)),
    "rows of pandas": lambda: ([FRAME.iloc[i] for i in range(24)], X),
    "integers beyond 64 bits": lambda: ([[2**70, 1], [0, 2]] * 6, np.array([[2.0**70, 1], [0, 2]] * 6)),
    "objects that are flags": lambda: ((X > 0).astype(object), X > 0),
    "polars' 128 bits": lambda: (
        pl.DataFrame({"a": [1, 2] * 6, "b": [3, 4] * 6}, schema={"a": pl.Int128, "b": pl.Int8}),
        np.array([[1.0, 3], [2, 4]] * 6),
    ),
    "decimals of 256 bits": lambda: (decimals(pa.decimal256(50, 2)), HALVES),
    "decimals of 128 bits": lambda: (decimals(pa.decimal128(5, 2)), HALVES),
    "runs": lambda: (pa.table({"a": ended_runs(), "b": HALVES[:, 1]}), np.c_[[1.5] * 6 + [2.5] * 6, HALVES[:, 1]]),
    "flags in bytes": lambda: (pa.table({"a": bytes_of_flags(), "b": HALVES[:, 1]}), np.c_[[1.0, 0] * 6, HALVES[:, 1]]),
    "16-bit floats": lambda: (pa.table({n: X[:, i].astype("f2") for i, n in enumerate(NAMES)}), X.astype("f2")),
    "a dictionary of numbers": lambda: (
        pa.table({"a": pa.array(HALVES[:, 0]).dictionary_encode(), "b": HALVES[:, 1]}), HALVES
    ),
    "pandas' categories of numbers": lambda: (FRAME.astype("category"), X),
    "pandas' Arrow decimals": lambda: (decimals(pa.decimal128(5, 2)).to_pandas(types_mapper=pd.ArrowDtype), HALVES),
    "a subclass of DataFrame": lambda: (type("Sub", (pd.DataFrame,), {})(X, columns=NAMES), X),
    "sparse, COO of parts": lambda: (stored_in(2), sp.csr_array(STORED)),
    "sparse, unsorted": lambda: (unsorted(), sp.csr_array(STORED)),
    "sparse, 64-bit indices": lambda: (unsorted(np.int64), sp.csr_array(STORED)),
    "sparse, read-only": lambda: (unsorted(writeable=False), sp.csr_array(STORED)),
    "sparse flags": lambda: (sp.csc_array(STORED != 0), sp.csr_array((STORED != 0).astype(float))),
    "sparse bytes": lambda: (sp.csr_array(STORED.astype("i1")), sp.csr_array(STORED.astype("i1").astype(float))),
    "sparse long doubles": lambda: (sp.csr_array(STORED).astype("g"), sp.csr_array(STORED)),
    "nothing stored": lambda: (sp.csr_matrix(X.shape), sp.csr_array(X.shape)),
    **{
        f"{form}_{kind}": lambda form=form, kind=kind: (getattr(sp, f"{form}_{kind}")(STORED), sp.csr_array(STORED))
        for form in ("csc", "coo", "lil", "dok", "bsr", "dia")
        for kind in ("array", "matrix")
    },
}  # fmt: skip

DATE = datetime.date(2020, 1, 2)
REFUSED = {
    "dates among objects": (lambda: np.full((3, 2), np.datetime64("2020"), object), "dates"),
    "times among objects": (lambda: np.full((3, 2), np.timedelta64(3, "s"), object), "dates"),
    "one date among objects": (lambda: np.array([[1.0, 2], [3, np.datetime64("2020")]], object), r"X\[1, 1\]"),
    "Python's dates": (lambda: np.full((3, 2), DATE, object), "dates"),
    "pandas' times": (lambda: np.full((3, 2), pd.Timedelta(1), object), "dates"),
    "periods in a list": (lambda: [[pd.Period("2020", "D"), 1.0]] * 3, r"X\[0, 0\]"),
    "dates in a frame's objects": (lambda: FRAME.assign(t=np.full(24, np.datetime64("2020"), object)), "'t'"),
    "masked records": (lambda: np.ma.array([(1.0, 2.0)], [("a", "f8"), ("b", "f8")]), "structured"),
    "sparse, one dimension": (lambda: sp.coo_array(STORED[0]), "2D array"),
    "sparse, three dimensions": (lambda: sp.coo_array(np.ones((2, 3, 4))), "2D array"),
    "names of two kinds": (lambda: FRAME.set_axis(["a", "b", 2, 3], axis=1), "'a'.*2"),
    "a name that is none": (lambda: FRAME.set_axis(["a", "b", "c", None], axis=1), "'a' and (nan|None)"),
    "what cannot be had": (Broken, "Broken"),
    "a generator": (lambda: (row for row in X), "generator"),
    "a deque": (lambda: collections.deque(X.tolist()), "deque"),
    "records of dicts": (lambda: FRAME.to_dict("records"), r"X\[0\]|table|dict"),
    "UUIDs": (lambda: pa.table({"u": pa.array([b"x" * 16] * 3, pa.uuid())}) if hasattr(pa, "uuid") else None, "'u'"),
    "intervals of months": (lambda: pa.table({"m": [pa.MonthDayNano([1, 1, 1])] * 3}), "'m'.*month_day_nano"),
    "structs": (lambda: pa.table({"s": [{"x": 1}] * 3}), "'s'"),
    "lists": (lambda: pl.DataFrame({"s": [[1.0]] * 3}), "'s'"),
    "binary": (lambda: pl.DataFrame({"s": [b"x"] * 3}), "'s'"),
    "pandas' intervals": (lambda: FRAME.assign(p=pd.cut(FRAME.a, 3)), "'p'"),
    "beyond float64": (lambda: np.full((24, 4), np.longdouble("1e4000")), r"X\[0, 0\]"),
}  # fmt: skip


@functools.cache
def known_results(estimator, name):
    return answers(ESTIMATORS[estimator]().fit(UNDERSTOOD[name]()[1]), UNDERSTOOD[name]()[1])


def answers(model, table):
    found = {}
    for method in ("transform", "score_samples", "reconstruct", "feature_errors", "explain"):
        if hasattr(model, method):
            result = getattr(model, method)(table)
            found[method] = np.asarray(result, dtype=float)
    if hasattr(model, "diagnose"):
        found["diagnose"] = np.array(len(str(model.diagnose(table, trials=False))) > 0)
    return found


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("name", UNDERSTOOD)
def test_rare_tables_are_read_as_what_they_hold(name, estimator):
    table, plain = UNDERSTOOD[name]()
    if sp.issparse(plain) and estimator == "imputer":
        with pytest.raises(TypeError, match=r"X\.toarray\(\)"):
            ESTIMATORS[estimator]().fit(table)
        return
    if estimator == "imputer" and isinstance(table, pa.Table | pl.DataFrame):  # nothing is missing
        assert ESTIMATORS[estimator]().fit(table).transform(table).equals(table)
        return
    expected = known_results(estimator, name)
    for method, found in answers(ESTIMATORS[estimator]().fit(table), table).items():
        np.testing.assert_allclose(found, expected[method], rtol=1e-9, atol=1e-11, err_msg=method)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("name", REFUSED)
def test_the_others_are_refused_by_name(name, estimator):
    make, words = REFUSED[name]
    table = make()
    if table is None:
        pytest.skip("not to be had with this pyarrow")
    with pytest.raises((ValueError, TypeError), match=r"\bX\b") as raised:
        ESTIMATORS[estimator]().fit(table)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) <= LONGEST
    assert not OTHERS_WORDS.search(message.replace("Expected 2D array", ""))
    if "Sparse data" not in message:
        assert raised.match(words)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_mixed_tables_know_rare_numbers_too(library):
    flags = [True, False] * 6
    if library == "polars":
        table = pl.DataFrame(
            {"a": [1, 2] * 6, "f": flags}, schema={"a": pl.Int128, "f": pl.Boolean}
        )
    else:
        table = decimals(pa.decimal256(50, 2)).append_column("f", pa.array(flags))
        table = table.set_column(1, "b", ended_runs())
    model = Autoencoder(1, columns="mixed", max_iter=2, random_state=0).fit(table)
    assert model.reconstruct(table).shape == table.shape
    assert np.isfinite(model.score_samples(table)).all()


@pytest.mark.parametrize("name", ["early_stopping", "solver", "scale"])
@pytest.mark.parametrize("value", [np.array([0.5, 2.0]), pd.Series([1.0])])
def test_partial_fit_names_a_wrong_parameter(name, value):
    with pytest.raises(ValueError, match=rf"^{name}="):
        Autoencoder(1, **{name: value}).partial_fit(X)


@pytest.mark.parametrize(
    ("estimator", "name", "value"),
    [
        (Autoencoder(), "dtype", pd.Series([1.0])),
        (Autoencoder(), "hidden_layer_sizes", bytearray(b"x")),
        (Autoencoder(), "decoder_layer_sizes", memoryview(b"x")),
        (AutoencoderOutlierDetector(), "n_components", bytearray(b"x")),
        (AutoencoderImputer(), "hidden_layer_sizes", memoryview(b"x")),
    ],
)
def test_what_only_happens_to_hold_integers_or_a_dtype_is_refused(estimator, name, value):
    with pytest.raises(ValueError, match=rf"^{name}="):
        estimator.set_params(**{name: value}).fit(X)
