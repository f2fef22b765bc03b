"""Tables in any container, with any dtypes, index and names, through every method of estimators."""

import datetime
import decimal
import sys
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from ae_core import Autoencoder, AutoencoderOutlierDetector, VariationalAutoencoder

from .answers import Refused, asked

OBJECTS = (
    None, True, 1, -2.5, 10**400, 2**63, "3.5", "x", "", b"1", 1j, float("nan"), float("inf"), 1e300,
    decimal.Decimal("1.5"), datetime.date(2020, 1, 2), datetime.timedelta(1), (1, 2), [1.0], {}, object,
    "\x1b[2J", "é\ud800", "y" * 5000,
)  # fmt: skip
DTYPES = ("f8", "f4", "f2", "g", "i8", "u1", "?", ">f8", ">i4", "c16", "M8[D]", "m8[s]", "U3", "S3")
NAMES = (
    "a", "b", "", " ", "a", 0, 1, -1, 1.5, None, True, ("a", 1), "\x1b]0;x\x07", "a\nb", "n" * 400, "é",
    b"a", float("nan"), datetime.date(2020, 1, 2),
)  # fmt: skip
POLARS = "pandas" if "polars" in sys.modules else "polars"
"""polars' threads, once started, do not live on in a process that is forked: it would hang."""


class Made(NamedTuple):
    """A table, what it is, and the estimator that gets it."""

    X: Any
    kind: str
    estimator: Any


# --- columns and arrays ----------------------------------------------------------------------------


def _numbers(random: Random, n: int) -> np.ndarray:
    draw = np.random.default_rng(random.randrange(2**32))
    numbers = draw.normal(random.choice((0, 5)), random.choice((1, 1, 1e-6, 1e6)), n)
    if random.random() < 0.1 and n:
        numbers[random.randrange(n)] = random.choice((np.nan, np.inf, 1e300, 1e39, -1e-320))
    if random.random() < 0.1:
        numbers[:] = random.choice((0.0, np.nan, 7.0))
    return numbers


def _of_dtype(random: Random, numbers: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        cleaned = np.nan_to_num(numbers)
        dtype = np.dtype(random.choice(DTYPES))
        return (cleaned if dtype.kind not in "fc" else numbers).astype(
            "i8" if dtype.kind in "mM" else dtype
        ).astype(dtype)  # fmt: skip


def _array(random: Random, n_rows: int, n_columns: int) -> tuple[Any, str]:
    X = np.stack([_numbers(random, n_rows) for _ in range(n_columns)] or [np.empty(n_rows)], axis=1)
    X = X[:, :n_columns]
    kind = random.choice(
        ("floats", "dtype", "object", "masked", "memmap", "read only", "strides", "structured",
         "lists", "tuples", "ragged", "shape", "matrix", "sparse", "interface", "nested")
    )  # fmt: skip
    if kind == "dtype":
        X = _of_dtype(random, X)
    elif kind == "object":
        X = X.astype(object)
        for _ in range(random.choice((0, 1, 3))):
            if X.size:
                place = random.randrange(n_rows), random.randrange(n_columns)
                X[place] = random.choice(OBJECTS)
    elif kind == "masked":
        mask = np.random.default_rng(random.randrange(2**32)).random(X.shape) < 0.2
        X = np.ma.MaskedArray(
            X, random.choice((mask, False, True)), hard_mask=random.random() < 0.5
        )
        if random.random() < 0.3:
            X = X.astype(random.choice(("f4", "i8", object)))
    elif kind == "read only":
        X.flags.writeable = False
    elif kind == "strides":
        X = random.choice((np.asfortranarray(X), X[::-1], X[:, ::-1], np.repeat(X, 2, 0)[::2]))
    elif kind == "structured":
        X = np.rec.fromarrays(list(X.T)) if X.size else np.zeros(n_rows, [("a", "f8")])
    elif kind in ("lists", "tuples"):
        X = X.tolist() if kind == "lists" else tuple(map(tuple, X.tolist()))
    elif kind == "ragged":
        X = [[1.0] * random.randrange(4) for _ in range(n_rows)]
    elif kind == "shape":
        X = random.choice((X[:, :0].T, X.ravel(), X[None], np.float64(1), X[:0], X[0:1, 0:1]))
    elif kind == "matrix":
        X = np.asmatrix(X)
    elif kind == "sparse":
        form = random.choice(("csr", "csc", "coo", "lil", "dok", "bsr", "dia"))
        make = random.choice((sparse.csr_matrix, sparse.csr_array))
        X = make(np.where(np.abs(X) > 1, X, 0))
        if random.random() < 0.2:  # first: a dictionary's numbers are Python's, which may not fit
            X = X.astype(random.choice(("f4", "i4", "?", "c16")))
        X = X.asformat(form)
        kind = f"sparse {form}"
    elif kind == "interface":
        X = random.choice(
            (memoryview(np.ascontiguousarray(X)) if X.size else X, None, "text", 3, {})
        )
    elif kind == "nested":
        X = random.choice(([], [[]], [[], []], [[[1.0]]], [X], [None], [[None, 1.0]], [["x"]]))
    return X, kind


def _named(random: Random, n_columns: int) -> list[Any]:
    if random.random() < 0.6:
        return [f"c{i}" for i in range(n_columns)]
    return [random.choice(NAMES) for _ in range(n_columns)]


def _pandas_column(random: Random, n: int) -> Any:
    import pandas as pd

    numbers = _numbers(random, n)
    whole = np.nan_to_num(np.clip(numbers, -100, 100)).astype("i8")
    kind = random.randrange(14)
    if kind <= 4:
        return numbers
    if kind == 5:
        array = pd.array(np.abs(whole), dtype=random.choice(("Int64", "UInt8", "Int32", "Float32")))
        array[::3] = random.choice((pd.NA, 1))
        return array
    if kind == 6:
        array = pd.array(whole > 0, dtype=random.choice(("boolean", "bool")))
        if array.dtype == "boolean":
            array[::4] = pd.NA
        return array
    if kind == 7:
        of = [[str(w % 3) for w in whole], (whole % 3).tolist(), [w % 2 == 0 for w in whole]]
        values = random.choice(of)
        if random.random() < 0.3:
            values = [None if i % 5 == 0 else v for i, v in enumerate(values)]
        return pd.Categorical(values, ordered=random.random() < 0.3)
    if kind == 8:
        return [random.choice("xyz") for _ in range(n)]
    if kind == 9:
        return pd.array([random.choice(("x", "y", None)) for _ in range(n)], dtype="string")
    if kind == 10:
        dates = pd.date_range("2020-01-01", periods=n, tz=random.choice((None, "UTC")))
        return random.choice((dates, dates - dates[0] if n else dates, dates.to_period("M")))
    if kind == 11:
        return pd.arrays.SparseArray(np.nan_to_num(numbers), fill_value=0)
    if kind == 12:
        column = np.empty(n, dtype=object)
        column[:] = numbers.tolist()
        if n:
            column[random.randrange(n)] = random.choice(OBJECTS)
        # pandas would look for text of a dtype of its own, and not all text can be such.
        return pd.Series(column, dtype=object)
    return _of_dtype(random, numbers)


def _pandas_frame(random: Random, n_rows: int, n_columns: int) -> Any:
    import pandas as pd

    frame = pd.DataFrame({i: pd.Series(_pandas_column(random, n_rows)) for i in range(n_columns)})
    names: Any = _named(random, n_columns)
    if random.random() < 0.1 and n_columns:
        names = pd.MultiIndex.from_tuples([("a", i) for i in range(n_columns)])
    frame.columns = names
    if len(frame) == n_rows:
        frame.index = random.choice(
            (
                pd.RangeIndex(n_rows),
                pd.Index(["r"] * n_rows),
                pd.Index([f"r{i}" for i in range(n_rows)], name="who"),
                pd.date_range("2020", periods=n_rows),
                pd.MultiIndex.from_tuples([(0, i) for i in range(n_rows)] or [(0, 0)])[:n_rows],
            )
        )
    return frame


def _other_frame(random: Random, n_rows: int, n_columns: int, library: str) -> Any:
    """A polars or pyarrow frame."""
    columns: dict[str, Any] = {}
    for i, name in enumerate(_named(random, n_columns)):
        name = name if isinstance(name, str) and "\ud800" not in name else f"c{i}"
        numbers = _numbers(random, n_rows)
        whole = np.nan_to_num(np.clip(numbers, -100, 100)).astype("i8")
        columns[name] = random.choice(
            (
                numbers.tolist(),
                numbers.tolist(),
                numbers.astype("f4").tolist(),
                whole.tolist(),
                [None if w % 3 == 0 else int(w) for w in whole],
                [bool(w > 0) for w in whole],
                [random.choice(("x", "y")) for _ in whole],
                [None] * n_rows,
                [datetime.date(2020, 1, 1 + int(abs(w)) % 28) for w in whole],
                [[1.0]] * n_rows,
                [{"a": 1}] * n_rows,
                [decimal.Decimal(int(w)) for w in whole],
                [b"x"] * n_rows,
            )
        )
    if library == "polars":
        import polars as pl

        frame = pl.DataFrame(columns, strict=False)
        if random.random() < 0.2:
            frame = frame.with_columns(pl.col(pl.String).cast(pl.Categorical))
        if random.random() < 0.1:
            return random.choice((frame.lazy(), frame.to_series(0) if columns else frame))
        return frame
    import pyarrow as pa

    table = pa.table(columns)
    if random.random() < 0.3 and columns:
        names = [random.choice(table.column_names) for _ in table.column_names]
        table = table.rename_columns(names)
    if random.random() < 0.3:
        table = pa.table(
            [c.dictionary_encode() if c.type == pa.string() else c for c in table.columns],
            names=table.column_names,
        )
    if random.random() < 0.1 and len(table):
        return random.choice((table.to_batches()[0], table.column(0) if columns else table))
    return table


# --- making and running ----------------------------------------------------------------------------


def table(random: Random, n_rows: int, n_columns: int) -> tuple[Any, str]:
    """Any table, and what it is called in answers; half of them are as people have them."""
    if random.random() < 0.5:
        return _usual(random, n_rows, n_columns)
    kind = random.choice(("array", "array", "pandas", "pandas", POLARS, "pyarrow"))
    if kind == "array":
        return _array(random, n_rows, n_columns)
    if kind == "pandas":
        return _pandas_frame(random, n_rows, n_columns), kind
    return _other_frame(random, n_rows, n_columns, kind), kind


def _usual(random: Random, n_rows: int, n_columns: int) -> tuple[Any, str]:
    """A table of numbers and, in frames, categories, booleans and gaps, with names."""
    import pandas as pd

    draw = np.random.default_rng(random.randrange(2**32))
    X = draw.normal(1, 2, (n_rows, n_columns))
    with_gaps, kind = random.random() < 0.3, random.choice(
        ("array", "lists", "masked", "sparse", "pandas", POLARS, "pyarrow")
    )  # fmt: skip
    gaps = (draw.random(X.shape) < 0.2) & with_gaps
    if kind == "masked":
        return np.ma.MaskedArray(X, gaps), kind
    if kind == "sparse":
        form = random.choice(("csr", "csc", "coo", "lil"))
        return sparse.csr_array(np.where(gaps, 0, X)).asformat(form), f"sparse {form}"
    X[gaps] = np.nan
    if kind in ("array", "lists"):
        return (X.tolist() if kind == "lists" else X), kind
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(n_columns)])
    for i in range(n_columns):
        if random.random() < 0.3:
            text = np.where(X[:, i] > 1, "x", "y").astype(object)
            text[gaps[:, i]] = None
            of = (
                pd.Categorical(text),
                text,
                pd.array(X[:, i] > 1),
                pd.array(X[:, i], dtype="Float64"),
            )
            frame[f"c{i}"] = random.choice(of)
    if kind == "polars":
        import polars as pl

        return pl.from_pandas(frame), kind
    if kind == "pyarrow":
        import pyarrow as pa

        return pa.Table.from_pandas(frame, preserve_index=random.random() < 0.3), kind
    if random.random() < 0.5:
        frame.index = pd.Index([random.choice("rst") for _ in range(n_rows)], name="who")
    return frame, kind


def some_estimator(random: Random) -> Any:
    """One that takes few steps."""
    settings: dict[str, Any] = {"random_state": 0, "n_threads": 1}
    if random.random() < 0.4:
        settings["columns"] = "mixed"
    if random.random() < 0.5:
        settings["missing_values"] = random.choice(("mask", "mask", "implicit"))
    if random.random() < 0.2:
        settings["dtype"] = random.choice(("float32", "float64"))
    kind = random.randrange(4)
    if kind == 0:
        settings.pop("dtype", None)
        if settings.get("missing_values") == "implicit":
            del settings["missing_values"]
        return AutoencoderOutlierDetector(n_components=1, n_steps=3, **settings)
    network = {"n_components": 1, "hidden_layer_sizes": (3,), "max_iter": 2}
    if random.random() < 0.2:
        settings["scale"] = random.choice((None, "minmax"))
    return (VariationalAutoencoder if kind == 1 else Autoencoder)(**network, **settings)


def make(random: Random) -> Made:
    """A table and an estimator."""
    n_rows = random.choice((0, 1, 2, 7, 7, 30))
    n_columns = random.choice((0, 1, 2, 3, 3, 5))
    X, kind = table(random, n_rows, n_columns)
    return Made(X, kind, some_estimator(random))


METHODS = (
    "transform", "reconstruct", "inverse_transform", "impute", "score_samples", "score",
    "feature_errors", "sample", "sample_posterior", "predict", "decision_function", "explain",
    "p_values", "predict_proba", "diagnose", "get_feature_names_out",
)  # fmt: skip


def run(made: Made, folder: Path, random: Random) -> str:
    """Fit it, then give the table, or now and then another one, to each method."""
    X, kind, estimator = made
    start = "partial_fit" if random.random() < 0.1 and hasattr(estimator, "partial_fit") else "fit"
    try:
        asked(getattr(estimator, start), X)
    except Refused:
        return f"{kind} refused"
    for method in METHODS:
        if hasattr(type(estimator), method):
            try:
                _ask(estimator, method, X)
            except Refused as error:
                raise AssertionError(f"fit takes the {kind}, and {method} does not") from error
    if random.random() < 0.5:
        other, _ = table(random, random.choice((1, 7)), random.choice((1, 2, 3, 5)))
        for method in ("transform", "reconstruct", "score_samples", "impute", "predict", "explain"):
            if hasattr(type(estimator), method):
                try:
                    _ask(estimator, method, other)
                except Refused:
                    continue
    return f"{kind} fitted"


def _ask(estimator: Any, method: str, X: Any) -> None:
    """Call a method with what it takes. What was fitted is understood by every method."""
    try:
        function = asked(getattr, estimator, method)
    except Refused:
        return  # not to be had with these settings
    given = [X]
    if method == "inverse_transform":
        given = [asked(estimator.transform, X)]
    elif method in ("sample", "get_feature_names_out"):
        given = [3] if method == "sample" else []
    more = {"trials": False} if method == "diagnose" else {}
    answer = asked(function, *given, **more)
    if method == "diagnose":
        assert str(answer), "no report"
        return
    n_rows = 3 if method == "sample" else X.shape[0] if hasattr(X, "shape") else len(X)
    if method == "score":
        assert np.isfinite(answer), f"score is {answer}"
    elif method != "get_feature_names_out":
        n_given = answer.shape[0] if hasattr(answer, "shape") else len(answer)
        assert n_given == n_rows, f"{method}: {n_given} rows for {n_rows}"
    if isinstance(answer, np.ndarray) and answer.dtype.kind == "f" and method != "impute":
        assert np.isfinite(answer).all(), f"{method}: numbers that are not finite"
