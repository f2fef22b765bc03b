"""Whatever holds a table: every method understands it, or refuses it by name; frames in, frames out."""

import decimal
import functools

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import ae_core
from ae_core import Autoencoder, AutoencoderOutlierDetector, VariationalAutoencoder

polars = pytest.importorskip("polars")
arrow = pytest.importorskip("pyarrow")

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

QUICK = {"max_iter": 2, "random_state": 0}
N_ROWS = 24
NAMES = ["height", "width", "age", "no. 4"]
ROW_NAMES = [f"row {i}" for i in range(N_ROWS)]


def numbers(dtype=np.float64):
    """A table of halves and whole numbers, which every dtype holds exactly."""
    return (np.random.default_rng(0).integers(-40, 40, (N_ROWS, 4)) / 2).astype(dtype)


def pandas_frame(X):
    return pd.DataFrame(X, columns=NAMES, index=ROW_NAMES)


def polars_frame(X):
    return polars.DataFrame({n: X[:, i] for i, n in enumerate(NAMES)}, nan_to_null=True)


def arrow_table(X):
    return arrow.table({n: arrow.array(X[:, i], from_pandas=True) for i, n in enumerate(NAMES)})


def read_only(X):
    copy = X.copy()
    copy.flags.writeable = False
    return copy


FRAMES = {
    "pandas": pandas_frame,
    "pandas, nullable": lambda X: pandas_frame(X).astype("Float64"),
    "pandas, pyarrow": lambda X: (
        arrow_table(X).to_pandas(types_mapper=pd.ArrowDtype).set_axis(ROW_NAMES)
    ),
    "pandas, objects": lambda X: pandas_frame(X).astype(object),
    "polars": polars_frame,
    "pyarrow": arrow_table,
}
ARRAYS = {
    "array": lambda X: X,
    "Fortran's order": np.asfortranarray,
    "every other row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "read-only": read_only,
    "big-endian": lambda X: X.astype(X.dtype.newbyteorder(">")),
    "lists": lambda X: X.tolist(),
    "decimals": lambda X: [[decimal.Decimal(repr(x)) for x in row] for row in X.tolist()],
    "objects": lambda X: X.astype(object),
    "masked array without a mask": np.ma.masked_array,
    "longdouble": lambda X: X.astype(np.longdouble),
}
CONTAINERS = {**ARRAYS, **FRAMES}

ESTIMATORS = {
    "autoencoder": lambda: Autoencoder(2, **QUICK),
    "missing": lambda: Autoencoder(2, missing_values="mask", **QUICK),
    "variational": lambda: VariationalAutoencoder(2, missing_values="mask", **QUICK),
    "detector": lambda: AutoencoderOutlierDetector(n_steps=2, random_state=0),
}

WIDE = ("reconstruct", "impute", "feature_errors", "explain")
"""Methods that give as many columns as they are given."""
OTHERS = (
    *("transform", "fit_transform", "score_samples", "score", "predict", "decision_function"),
    *("fit_predict", "sample_posterior"),
)


METHODS = [
    (name, method)
    for name, make in ESTIMATORS.items()
    for method in (*WIDE, *OTHERS)
    if hasattr(make(), method)
]


@functools.cache
def fitted(estimator, container):
    return ESTIMATORS[estimator]().fit(CONTAINERS[container](numbers()))


def call(model, method, X):
    return getattr(model, method)(
        X, **({"random_state": 0} if method == "sample_posterior" else {})
    )


def assert_same_kind(result, X):
    """Of the same library, with the names and the index of X."""
    assert type(result) is type(X)
    if isinstance(X, pd.DataFrame):
        assert list(result.columns) == list(X.columns)
        assert list(result.index) == list(X.index)
    elif isinstance(X, polars.DataFrame):
        assert result.columns == X.columns
    else:
        assert result.column_names == X.column_names


def as_numbers(result):
    if isinstance(result, pd.DataFrame):
        return result.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(result, dtype=np.float64)


# --- understood ------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(("estimator", "method"), METHODS)
def test_every_method_takes_every_container(estimator, method, container):
    X = CONTAINERS[container](numbers())
    expected = call(fitted(estimator, "array"), method, numbers())
    result = call(fitted(estimator, container), method, X)
    np.testing.assert_allclose(as_numbers(result), expected, rtol=1e-12, atol=1e-14)
    if method in WIDE and container in FRAMES:
        assert_same_kind(result, X)
    elif method != "score":
        assert type(result) is np.ndarray


@pytest.mark.parametrize("container", CONTAINERS)
def test_parts_and_validation_rows_may_be_in_any(container):
    X = CONTAINERS[container](numbers())
    known = Autoencoder(2, **QUICK).partial_fit(numbers()).partial_fit(numbers())
    model = Autoencoder(2, **QUICK).partial_fit(X).partial_fit(X)
    np.testing.assert_array_equal(model.network_.params, known.network_.params)
    known = Autoencoder(2, **QUICK).fit(numbers(), X_val=numbers())
    model = Autoencoder(2, **QUICK).fit(X, X_val=X)
    assert model.validation_loss_curve_ == known.validation_loss_curve_


@pytest.mark.parametrize("container", FRAMES)
def test_frames_of_codes_become_frames_of_rows(container):
    X = FRAMES[container](numbers())
    model = Autoencoder(4, **QUICK).fit(X)
    code = model.transform(X)
    assert type(model.inverse_transform(code)) is np.ndarray
    framed = FRAMES[container](code)  # its columns have the names of X's, as it happens
    if isinstance(X, pd.DataFrame):
        framed = pd.DataFrame(code, index=ROW_NAMES)
    result = model.inverse_transform(framed)
    assert_same_kind(result, X)
    np.testing.assert_array_equal(as_numbers(result), model.inverse_transform(code))
    unnamed = Autoencoder(4, **QUICK).fit(numbers()).inverse_transform(framed)
    first = unnamed.column_names if container == "pyarrow" else unnamed.columns
    assert list(first) == (
        list(range(4)) if isinstance(X, pd.DataFrame) else ["x0", "x1", "x2", "x3"]
    )


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_codes_of_set_output(library):
    X = FRAMES[library](numbers())
    model = Autoencoder(2, **QUICK).set_output(transform=library).fit(X)
    code = model.transform(X)
    assert type(code) is type(X)
    assert_same_kind(model.inverse_transform(code), X)


@pytest.mark.parametrize("container", FRAMES)
def test_samples_are_framed_as_the_rows_of_the_fit_were(container, tmp_path):
    X = FRAMES[container](numbers())
    model = VariationalAutoencoder(2, **QUICK).fit(X)
    model.save(tmp_path / "m")
    for each in (model, ae_core.load(tmp_path / "m")):
        drawn = each.sample(3, random_state=0)
        assert type(drawn) is type(X)
        assert list(drawn.column_names if container == "pyarrow" else drawn.columns) == NAMES
    assert type(model.fit(numbers()).sample(3)) is np.ndarray


def test_another_librarys_frame_than_the_fits():
    model = Autoencoder(2, **QUICK).fit(polars_frame(numbers()))
    assert_same_kind(model.reconstruct(pandas_frame(numbers())), pandas_frame(numbers()))
    with pytest.raises(ValueError, match="feature names"):
        model.transform(pandas_frame(numbers()).rename(columns={"age": "old"}))


@pytest.mark.parametrize(
    "columns",
    [range(4), pd.MultiIndex.from_product([["a", "b"], [1, 2]])],
    ids=["numbers", "multi"],
)
def test_pandas_columns_need_not_be_text(columns):
    X = pd.DataFrame(numbers(), columns=columns)
    model = Autoencoder(2, **QUICK).fit(X)
    assert list(model.reconstruct(X).columns) == list(columns)
    assert list(model.feature_errors(X).columns) == list(columns)


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint16, np.float16, bool])
@pytest.mark.parametrize("container", ["pandas", "polars", "pyarrow"])
def test_dtypes_of_columns_decide_as_those_of_arrays(container, dtype):
    X = (numbers() > 0).astype(dtype)
    if dtype == np.float16 and container == "polars":
        pytest.skip("polars has no float16")
    known = Autoencoder(2, **QUICK).fit(X).reconstruct(X)
    result = Autoencoder(2, **QUICK).fit(FRAMES[container](X)).reconstruct(FRAMES[container](X))
    assert as_numbers(result).tolist() == known.astype(np.float64).tolist()
    assert np.asarray(result).dtype == known.dtype


@pytest.mark.parametrize("fill", [0.0, np.nan, 1.0])
def test_pandas_sparse_columns(fill):
    X = np.where(np.random.default_rng(0).random((N_ROWS, 4)) < 0.7, 0.0, numbers())
    frame = pandas_frame(X).astype(pd.SparseDtype("float64", fill))
    model = Autoencoder(2, **QUICK).fit(frame)
    known = Autoencoder(2, **QUICK).fit(scipy.sparse.csr_array(X) if fill == 0 else X)
    np.testing.assert_allclose(
        model.reconstruct(frame), known.reconstruct(X), rtol=1e-9, atol=1e-12
    )
    assert (model.shift_ is None) == (fill == 0)


def test_pandas_sparse_columns_are_filled_in():
    X = np.where(np.random.default_rng(0).random((N_ROWS, 4)) < 0.7, 0.0, numbers())
    X[2, 1] = np.nan
    frame = pandas_frame(X).astype(pd.SparseDtype("float64", 0.0))
    filled = Autoencoder(2, missing_values="mask", **QUICK).fit(frame).impute(frame)
    assert_same_kind(filled, frame)
    assert np.isfinite(np.asarray(filled)).all()
    assert (np.asarray(filled) == X).sum() == X.size - 1


# --- missing entries ---------------------------------------------------------------------------------


def holed():
    X = numbers()
    X[np.random.default_rng(1).random(X.shape) < 0.2] = np.nan
    return X


def nullable(X):
    frame = pandas_frame(X)
    whole = frame["height"].where(frame["height"] % 1 == 0, frame["height"] - 0.5)
    return frame.assign(height=whole.astype("Int64"), width=frame["width"].astype("Float64"))


def flags(X):
    frame = pandas_frame(X)
    return frame.assign(age=(frame["age"] > 0).astype("boolean").mask(frame["age"].isna()))


def masked(fill):
    return lambda X: np.ma.masked_array(np.where(np.isnan(X), fill, X), np.isnan(X))


WITH_MISSING = {
    **FRAMES,
    "pandas, Int64 and Float64": nullable,
    "pandas, boolean": flags,
    "pandas, NA among objects": lambda X: pandas_frame(X).astype(object).where(~np.isnan(X), pd.NA),
    "None among objects": lambda X: np.where(np.isnan(X), None, X),
    "NA among objects": lambda X: np.where(np.isnan(X), pd.NA, X.astype(object)),
    "masked array": masked(1e20),
    "masked array of whole numbers": lambda X: masked(999999)(np.trunc(X)).astype(np.int64),
    "pandas, Decimal": lambda X: pandas_frame(X).map(
        lambda x: None if np.isnan(x) else decimal.Decimal(repr(x))
    ),
    "pyarrow, decimals": lambda X: arrow.table(
        {
            n: arrow.array(X[:, i], from_pandas=True).cast(arrow.decimal128(9, 1))
            for i, n in enumerate(NAMES)
        }
    ),
    "polars, whole numbers": lambda X: polars_frame(np.trunc(X)).cast(polars.Int32),
}


@pytest.mark.parametrize("container", WITH_MISSING)
@pytest.mark.parametrize("estimator", ["missing", "variational"])
def test_what_is_missing_is_so_in_every_container(container, estimator):
    X = WITH_MISSING[container](holed())
    plain = as_array(X)
    assert np.array_equal(np.isnan(plain), np.isnan(holed()))
    model, known = (ESTIMATORS[estimator]().fit(each) for each in (X, plain))
    np.testing.assert_array_equal(model.network_.params, known.network_.params)
    for method in ("transform", "score_samples", "feature_errors", "reconstruct"):
        np.testing.assert_allclose(
            as_numbers(call(model, method, X)), call(known, method, plain), rtol=1e-12, atol=1e-14
        )
    filled, unseen = model.impute(X), np.isnan(plain)
    values = as_array(filled)
    np.testing.assert_array_equal(values[~unseen], plain[~unseen])
    np.testing.assert_allclose(values[unseen], known.impute(plain)[unseen], rtol=1e-12)
    if library_like(X):
        assert_same_kind(filled, X)
    with pytest.raises(ValueError, match=r"missing_values='mask'"):
        Autoencoder(2, **QUICK).fit(X)


def library_like(X):
    return isinstance(X, pd.DataFrame | polars.DataFrame | arrow.Table)


def as_array(X):
    """The numbers of any of these, by another way than the package's."""
    if isinstance(X, np.ma.MaskedArray):
        return X.astype(np.float64).filled(np.nan)
    if isinstance(X, arrow.Table):
        X = polars.from_arrow(X)
    if isinstance(X, polars.DataFrame):
        X = pd.DataFrame(X.to_dict(as_series=False))
    rows = X.to_numpy(dtype=object).tolist() if isinstance(X, pd.DataFrame) else X.tolist()
    return np.array([[np.nan if pd.isna(x) else float(x) for x in row] for row in rows])


def test_columns_without_missing_entries_stay_what_they_are():
    for X in (
        polars.DataFrame(
            {"a": [1.0, None, 3.0], "n": [1, 2, 3]}, schema_overrides={"n": polars.Int16}
        ),
        arrow.table({"a": [1.0, None, 3.0], "n": arrow.array([1, 2, 3], arrow.int16())}),
        pd.DataFrame({"a": [1.0, None, 3.0], "n": np.array([1, 2, 3], np.int16)}),
    ):
        filled = Autoencoder(1, missing_values="mask", **QUICK).fit(X).impute(X)
        kinds = [
            str(f["n"].type if isinstance(f, arrow.Table) else f["n"].dtype) for f in (X, filled)
        ]
        assert kinds[0] == kinds[1]


# --- columns of all kinds ----------------------------------------------------------------------------


def mixed_frame():
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "size": random.normal(10, 3, 60),
            "n": random.integers(0, 9, 60),
            "old": random.random(60) < 0.5,
            "kind": random.choice(["oak", "ash", "elm"], 60),
        }
    )
    frame["kind"] = frame["kind"].astype(object)
    return frame


def mixed_in(library, holes=False):
    frame = mixed_frame()
    columns = {name: frame[name].to_list() for name in frame}
    if holes:
        for i, name in enumerate(columns):
            columns[name][7 * i + 3] = None
    if library == "pyarrow":
        return arrow.table(columns)
    return polars.DataFrame(columns, schema_overrides={"n": polars.Int16})


def values_of(frame):
    if isinstance(frame, pd.DataFrame):
        return frame.to_dict(orient="list")
    frame = polars.from_arrow(frame) if isinstance(frame, arrow.Table) else frame
    return frame.to_dict(as_series=False)


def kinds_of(frame):
    schema = frame.schema
    if isinstance(frame, arrow.Table):
        return [str(kind) for kind in schema.types]
    return [str(kind) for kind in schema.dtypes()]


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_mixed_columns_of_other_libraries_are_as_those_of_pandas(library, tmp_path):
    make = lambda: Autoencoder(2, columns="mixed", max_iter=20, random_state=0)  # noqa: E731
    X, known = mixed_in(library), make().fit(mixed_frame())
    model = make().fit(X)
    np.testing.assert_array_equal(model.network_.params, known.network_.params)
    assert list(model.feature_names_in_) == list(known.feature_names_in_)
    result, expected = model.reconstruct(X), known.reconstruct(mixed_frame())
    assert_same_kind(result, X)
    assert kinds_of(result) == kinds_of(X)
    assert values_of(result) == values_of(expected)
    assert_same_kind(model.feature_errors(X), X)
    np.testing.assert_array_equal(
        np.asarray(model.feature_errors(X)), known.feature_errors(mixed_frame())
    )
    # Of an array, the frame is as the fit's was, also from a file.
    model.save(tmp_path / "m")
    for each in (model, ae_core.load(tmp_path / "m")):
        assert values_of(each.inverse_transform(model.transform(X))) == values_of(result)
    model.partial_fit(X)
    assert "this network" in str(model.diagnose(X))


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_mixed_columns_of_other_libraries_are_filled_in(library):
    X = mixed_in(library, holes=True)
    model = Autoencoder(2, columns="mixed", missing_values="mask", **QUICK).fit(X)
    filled = model.impute(X)
    assert_same_kind(filled, X)
    assert kinds_of(filled) == kinds_of(X)
    before, after = values_of(X), values_of(filled)
    for name in before:
        assert None in before[name]
        assert None not in after[name]
        assert all(a == b for a, b in zip(after[name], before[name], strict=True) if b is not None)


def test_categories_of_polars_and_pyarrow():
    words = ["oak", "ash", None, "oak"]
    enum = polars.Enum(["oak", "elm", "ash"])
    numbers = [1.0, 2.0, 3.0, 4.0]
    for X in (
        polars.DataFrame({"a": words, "b": numbers}, schema_overrides={"a": polars.Categorical}),
        polars.DataFrame({"a": words, "b": numbers}, schema_overrides={"a": enum}),
        arrow.table({"a": arrow.array(words).dictionary_encode(), "b": numbers}),
    ):
        model = Autoencoder(1, columns="mixed", missing_values="mask", **QUICK).fit(X)
        filled = model.impute(X)
        assert kinds_of(filled)[1] == kinds_of(X)[1]
        assert kinds_of(filled)[0].split(",")[0] == kinds_of(X)[0].split(",")[0]
        assert set(values_of(filled)["a"]) <= {"oak", "ash", "elm"}
        n_kinds = 3 if isinstance(X, polars.DataFrame) and X.schema["a"] == enum else 2
        assert len(model.encoding_.columns[0].categories) == n_kinds
        sure = values_of(model.reconstruct(X))
        assert len(sure["a"]) == 4


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_mixed_columns_that_are_neither(library):
    frames = {"pandas": pd.DataFrame, "polars": polars.DataFrame, "pyarrow": arrow.table}
    dates = pd.date_range("2020", periods=4).to_pydatetime().tolist()
    X = frames[library]({"a": [1.0, 2.0, 3.0, 5.0], "when": dates})
    with pytest.raises(ValueError, match="column 'when'"):
        Autoencoder(1, columns="mixed", **QUICK).fit(X)


# --- refused by name ---------------------------------------------------------------------------------


class AnnData:
    """As anndata's: NumPy would ask it for its first, second, … part for ever."""

    __module__ = "anndata._core.anndata"
    X = np.eye(3)

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return self


class Tensor:
    """As torch's, when it stands on a GPU or has a gradient."""

    __module__ = "torch"

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def structured(X):
    return np.array([(1, 2.0), (3, 4.0)], dtype=[("age", int), ("size", float)])


REFUSED = {
    "AnnData": (lambda X: AnnData(), "anndata.AnnData.*X.X"),
    "structured": (structured, r"structured array.*age, size.*pandas.DataFrame\(X\)"),
    "complex": (lambda X: X + 1j, "Complex.*complex128"),
    "dates": (lambda X: X.astype("M8[D]"), r"datetime64\[D\].*days"),
    "durations": (lambda X: X.astype("m8[s]"), "timedelta64"),
    "np.matrix": (np.matrix, "np.matrix.*np.asarray"),
    "text": (lambda X: X.astype(str), "<U32, and no numbers"),
    "bytes": (lambda X: X.astype("S8"), "S8, and no numbers"),
    "text among objects": (lambda X: [[1, "x"], [2, 3]], r"X\[0, 1\] is 'x'|<U21, and no numbers"),
    "lazy frame": (lambda X: polars_frame(X).lazy(), r"polars.LazyFrame.*X.collect\(\)"),
    "record batch": (lambda X: arrow_table(X).to_batches()[0], "RecordBatch.*from_batches"),
    "narwhals": (
        lambda X: pytest.importorskip("narwhals").from_native(polars_frame(X)),
        "to_native",
    ),
    "one row": (lambda X: X[0], r"Expected 2D array.*\(4,\).*reshape\(1, -1\)"),
    "Series": (lambda X: pd.Series(X[0]), "Expected 2D array, got 1D"),
    "three dimensions": (lambda X: X[None], r"got 3D array.*\(1, 24, 4\)"),
    "ragged": (lambda X: [[1.0, 2.0], [3.0]], "list whose rows do not make a table"),
    "dict": (lambda X: dict(enumerate(X)), "type dict, .*DataFrame"),
    "generator": (lambda X: (row for row in X), "type generator"),
    "nothing": (lambda X: None, "X is None, which is no table"),
    "tensor": (lambda X: Tensor(), r"torch.Tensor.*X.detach\(\).cpu\(\).numpy\(\)"),
    "dates in a column": (
        lambda X: pandas_frame(X).assign(age=pd.date_range("2020", periods=N_ROWS).to_numpy()),
        "column 'age' has dtype datetime64.*days",
    ),
    "time zones": (
        lambda X: pandas_frame(X).assign(age=pd.date_range("2020", periods=N_ROWS, tz="UTC")),
        "column 'age' has dtype datetime64.*UTC",
    ),
    "periods": (
        lambda X: pandas_frame(X).assign(age=pd.period_range("2020", periods=N_ROWS)),
        "column 'age', row 0, is Period",
    ),
    "complex column": (
        lambda X: pandas_frame(X).assign(age=1j),
        "column 'age' has dtype complex128",
    ),
    "text in a column": (
        lambda X: pandas_frame(X).assign(age=["1", "2", "three", *["4"] * (N_ROWS - 3)]),
        "column 'age', row 2, is 'three', which is no number",
    ),
    "polars' dates": (
        lambda X: polars_frame(X).with_columns(age=polars.date(2020, 1, 1)),
        "column 'age' has dtype Date",
    ),
    "polars' lists": (
        lambda X: polars_frame(X).with_columns(age=polars.concat_list("age", "width")),
        "column 'age' has dtype List",
    ),
    "pyarrow's text": (
        lambda X: arrow_table(X).set_column(2, "age", [["x"] * N_ROWS]),
        "column 'age', row 0, is 'x'",
    ),
    "names that are there twice": (
        lambda X: pd.DataFrame(X, columns=["a", "b", "a", "c"]),
        "several columns named 'a'",
    ),
    "pyarrow's names that are there twice": (
        lambda X: arrow.table(list(X[:, :2].T), names=["a", "a"]),
        "several columns named 'a'",
    ),
    "infinity in a column": (
        lambda X: pandas_frame(X).replace({"age": X[3, 2]}, np.inf),
        r"\(column 'age'.* is|is inf \(column 'age'",
    ),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_understood_is_refused_by_name(what):
    make, words = REFUSED[what]
    for model in (Autoencoder(1, **QUICK), AutoencoderOutlierDetector(n_steps=2)):
        with pytest.raises((ValueError, TypeError), match=words) as caught:
            model.fit(make(numbers()))
        assert len(str(caught.value)) <= 300
        assert "\n" not in str(caught.value)
    fitted = Autoencoder(1, **QUICK).fit(numbers())
    for method in ("transform", "partial_fit"):
        with pytest.raises((ValueError, TypeError)):
            getattr(fitted, method)(make(numbers()))


@pytest.mark.parametrize("kind", ["array", "frame"])
def test_dask_is_not_read_whole(kind):
    dask = pytest.importorskip("dask")
    if kind == "array":
        X = pytest.importorskip("dask.array").from_array(numbers())
    else:
        X = pytest.importorskip("dask.dataframe").from_pandas(
            pandas_frame(numbers()), npartitions=2
        )
    assert dask
    with pytest.raises(TypeError, match=r"dask.*X.compute\(\)"):
        Autoencoder(2, **QUICK).fit(X)


def test_sparse_complex_numbers_are_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^Complex.*complex128.*abs\(X\)$"):
        Autoencoder(1, **QUICK).fit(scipy.sparse.csr_array(numbers() + 1j))


def test_masks_are_never_dropped():
    M = np.ma.masked_greater(numbers(), 15)
    assert M.mask.any()
    plain = Autoencoder(2, **QUICK).fit(numbers())
    for model in (plain, AutoencoderOutlierDetector(n_steps=2).fit(numbers())):
        for method in ("score_samples", "fit"):
            with pytest.raises(ValueError, match=r"masked array.*X.filled\(...\)"):
                getattr(model, method)(M)
    with pytest.raises(ValueError, match="X_val is a masked array"):
        plain.fit(numbers(), X_val=M)
    with pytest.raises(ValueError, match="masked array"):
        Autoencoder(2, missing_values="implicit", **QUICK).fit(M)


def test_understood_by_their_array():
    class Labelled:
        """As xarray's DataArray."""

        __module__ = "xarray.core.dataarray"

        def __array__(self, dtype=None, copy=None):
            return numbers()

    Labelled.__name__ = Labelled.__qualname__ = "DataArray"
    known = Autoencoder(2, **QUICK).fit(numbers())
    np.testing.assert_array_equal(
        Autoencoder(2, **QUICK).fit(Labelled()).coefs_[0], known.coefs_[0]
    )
    Labelled.__name__ = Labelled.__qualname__ = "Dataset"
    with pytest.raises(TypeError, match=r"xarray.Dataset.*to_dataframe\(\)"):
        Autoencoder(2, **QUICK).fit(Labelled())


def test_models_that_were_loaded_read_only_go_on(tmp_path):
    X = numbers()
    known = Autoencoder(2, **QUICK).partial_fit(X)
    joblib.dump(known, tmp_path / "m")
    for model in (
        Autoencoder(2, **QUICK),
        Autoencoder(2, averaging=0.9, **QUICK),
        VariationalAutoencoder(2, **QUICK),
        Autoencoder(2, warm_start=True, **QUICK),
    ):
        for begin in ("fit", "partial_fit"):
            getattr(model, begin)(X)
            joblib.dump(model, tmp_path / "m")
            mapped = joblib.load(tmp_path / "m", mmap_mode="r")
            assert not mapped.network_.params.flags.writeable
            for again in (
                "partial_fit",
                *(["fit"] if model.get_params().get("warm_start") else []),
            ):
                np.testing.assert_array_equal(
                    getattr(mapped, again)(X).network_.params,
                    getattr(model, again)(X).network_.params,
                )


# --- columns that were never seen --------------------------------------------------------------------


def never_seen(X):
    X = X.copy()
    X[:, 2] = np.nan
    X[3, 1] = np.nan
    return X


NEVER = {
    "array": (lambda X: X, "column 2"),
    "masked array": (masked(1e20), "column 2"),
    "csr": (scipy.sparse.csr_array, "column 2"),
    **{name: (make, "column 'age'") for name, make in FRAMES.items()},
}


@pytest.mark.parametrize("scale", ["standard", "minmax", None])
@pytest.mark.parametrize("container", NEVER)
def test_columns_that_were_never_seen_stay_missing(container, scale, tmp_path):
    if container == "csr" and scale == "minmax":
        pytest.skip("sparse tables are not shifted")
    make, words = NEVER[container]
    X = make(never_seen(numbers()))
    model = Autoencoder(2, missing_values="mask", scale=scale, **QUICK).fit(X)
    model.save(tmp_path / "m")
    whole = make(numbers())  # a later table that has what the fit's had not
    for each in (model, ae_core.load(tmp_path / "m")):
        with pytest.warns(UserWarning, match=f"{words} had no entry in the fit"):
            filled = each.impute(X)
        filled = filled.toarray() if scipy.sparse.issparse(filled) else as_numbers(filled)
        assert np.isnan(filled[:, 2]).all()
        assert np.isfinite(np.delete(filled, 2, axis=1)).all()
        with pytest.warns(UserWarning, match=words):
            filled = each.impute(whole)
        filled = filled.toarray() if scipy.sparse.issparse(filled) else as_numbers(filled)
        np.testing.assert_array_equal(filled, numbers())


def test_ratings_that_nobody_gave_stay_missing():
    X = scipy.sparse.random_array((N_ROWS, 5), density=0.4, format="csr", random_state=0)
    X = scipy.sparse.csr_array(X.tocsc()[:, [0, 1, 2, 3]])
    X = scipy.sparse.hstack([X, scipy.sparse.csr_array((N_ROWS, 2))], format="csr")
    model = Autoencoder(2, missing_values="implicit", **QUICK).fit(X)
    with pytest.warns(UserWarning, match="columns 4, 5 had no entry"):
        filled = model.impute(X)
    assert np.isnan(filled[:, 4:]).all()
    assert np.isfinite(filled[:, :4]).all()


def test_mixed_columns_that_were_never_seen_stay_missing():
    frame = mixed_frame()
    frame["size"] = np.nan
    frame.loc[5, "kind"] = None
    model = Autoencoder(2, columns="mixed", missing_values="mask", **QUICK).fit(frame)
    with pytest.warns(UserWarning, match="column 'size' had no entry"):
        filled = model.impute(frame)
    assert filled["size"].isna().all()
    assert filled.drop(columns="size").notna().all().all()


@pytest.mark.parametrize("name", ["x" * 5000, "two\nlines", "\x1b]0;title\x07"])
def test_names_of_columns_are_shown_in_one_short_line(name):
    random = np.random.default_rng(0)
    good = pd.DataFrame({"a": random.random(9), name: random.random(9)})
    for frame in (
        good.assign(**{name: ["text"] * 9}),
        good.assign(**{name: np.array(["2020"] * 9, "M8[s]")}),
        good.assign(**{name: np.inf}),
        pd.concat([good, good], axis=1),
    ):
        with pytest.raises((ValueError, TypeError)) as caught:
            Autoencoder(1, **QUICK).fit(frame)
        assert len(str(caught.value)) <= 300
        assert str(caught.value).isprintable()
    holes = good.assign(**{name: np.nan})
    model = Autoencoder(1, missing_values="mask", **QUICK).fit(holes)
    with pytest.warns(UserWarning, match="had no entry") as warned:
        model.impute(holes)
    assert str(warned[0].message).isprintable()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sparse_frame_of_ratings_is_filled_in(dtype):
    values = np.abs(numbers(dtype)) * (np.random.default_rng(1).random((N_ROWS, 4)) < 0.6)
    matrix = scipy.sparse.csr_array(values)
    frame = pd.DataFrame.sparse.from_spmatrix(matrix, index=ROW_NAMES, columns=NAMES)
    model = Autoencoder(1, missing_values="implicit", **QUICK).fit(frame)
    filled = model.impute(frame)
    assert list(filled.columns) == NAMES
    assert list(filled.index) == ROW_NAMES
    same = Autoencoder(1, missing_values="implicit", **QUICK).fit(matrix)
    np.testing.assert_array_equal(filled.to_numpy(), same.impute(matrix))
    np.testing.assert_array_equal(filled.to_numpy()[values > 0], values[values > 0])


@pytest.mark.parametrize("make", [pd.DataFrame, polars.from_pandas, arrow.Table.from_pandas])
@pytest.mark.parametrize("more", [{}, {"missing_values": "mask"}])
def test_a_detector_of_categories_can_be_diagnosed(make, more):
    """It has more columns after encoding than names before."""
    draw = np.random.default_rng(2)
    kinds = pd.Categorical(draw.choice(["x", "y", "z"], 60))
    frame = pd.DataFrame({"a": draw.normal(size=60), "kind": kinds, "yes": draw.random(60) < 0.5})
    table = frame if make is pd.DataFrame else make(frame)
    model = AutoencoderOutlierDetector(columns="mixed", n_steps=3, random_state=0, **more)
    report = model.fit(table).diagnose(table, trials=False)
    assert "rows" in str(report)


WRONG_FITS = {
    "text": (np.array([["x", "y"]]), {}),
    "weights": (np.eye(3), {"sample_weight": [1.0, np.inf, 1.0]}),
    "no weight": (np.eye(3), {"sample_weight": np.zeros(3)}),
    "few weights": (np.eye(4), {"sample_weight": [1.0]}),
    "other rows": (np.eye(5), {"X_val": np.eye(4)}),
    "nothing": (np.zeros((0, 2)), {}),
}


@pytest.mark.parametrize("wrong", WRONG_FITS)
@pytest.mark.parametrize("is_fitted", [False, True])
@pytest.mark.parametrize("kind", [Autoencoder, AutoencoderOutlierDetector])
def test_a_fit_that_is_refused_leaves_the_estimator_as_it_was(kind, is_fitted, wrong):
    steps = {"max_iter": 2} if kind is Autoencoder else {"n_steps": 2}
    model = kind(n_components=1, random_state=0, **steps)
    if is_fitted:
        model.fit(numbers())
    before = dict(vars(model))
    X, named = WRONG_FITS[wrong]
    with pytest.raises(ValueError, match=r"."):
        model.fit(X, **named)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())
