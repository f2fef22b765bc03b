"""What may hold a table: each is understood, or refused by name and with what to give instead.

Conversion by NumPy alone drops what a container says beside its numbers (which entries of a masked
array are none, which part of a larger object was meant), or reads one that is not in memory whole.
"""

import copy
from typing import Any, NoReturn

import numpy as np

from .._typing import Array
from .cells import floats_of
from .checks import check_size, is_sparse, refuse_np_matrix
from .frames import is_frame, numbers_of

ENCODE = "encode text and categories as numbers first"

INSTEAD = {
    "anndata": "give its matrix, {name}.X (or a layer, or {name}.obsm[…])",
    "mudata": "give the matrix of one modality, such as {name}.mod['rna'].X",
    "dask": "it is not in memory, and would be read whole: {name}.compute() does that, where there "
    "is room; or use ae_core.dask, or ae_core.Blocks of its files",
    "dask_expr": "it is not in memory: {name}.compute() reads it, where there is room; or use "
    "ae_core.dask, or ae_core.Blocks of its files",
    "ae_core": "this takes tables in memory; go through the blocks, for block in {name}",
    "narwhals": "give the frame itself, {name}.to_native()",
    "xarray": "give one table of it, such as {name}.to_dataframe() or {name}['variable'].values",
    "torch": "give {name}.detach().cpu().numpy()",
    "tensorflow": "give {name}.numpy()",
    "jax": "give numpy.asarray({name})",
    "cupy": "give {name}.get()",
    "polars": "it is not in memory, or no frame: {name}.collect() of a LazyFrame is one",
    "pyarrow": "give a pyarrow.Table, such as pyarrow.Table.from_batches([{name}])",
    "duckdb": "it is not in memory: {name}.df() is a DataFrame",
    "ibis": "it is not in memory: {name}.to_pandas() is a DataFrame",
    "pyspark": "it is not in memory: {name}.toPandas() is a DataFrame",
    "sparse": "give {name}.to_scipy_sparse()",
    "builtins": "give an array, a DataFrame, or a list of rows",
}
"""What to do about a container that is none of ours, by the package that its type is of."""


def table_of(
    X: Any, name: str = "X", *, missing: str | None = None, text: str = ENCODE, advice: str = ""
) -> Any:
    """What X holds, as a 2-D array of real numbers or a scipy.sparse matrix.

    NaN is where a frame or, with ``missing='mask'``, a masked array says that there is nothing.
    Nothing else is checked of the numbers; what is an array of them already is not copied.

    Parameters
    ----------
    X : array, masked array, DataFrame, scipy.sparse matrix, lists of numbers
    name : str
        What errors call it.
    missing : {None, 'mask', 'implicit'}
        As `Rows` has it.
    text : str
        What errors say is to be done about text.
    advice : str
        What else they say may be done about masked entries; ends with "or ".

    Raises
    ------
    ValueError, TypeError
        When it holds something else than real numbers, is no table, or is of a type that says more
        than can be understood; names it.
    """
    if is_sparse(X):
        _check_kind(X.dtype, name, text)
        _check_ndim(X, name)
        check_size(X.shape, name)
        return _of_known_numbers(X, name)
    if is_frame(X):
        check_size(X.shape, name)
        return numbers_of(X, name, text)
    if isinstance(X, np.ma.MaskedArray) and not X.dtype.names:
        X = unmasked(X, name, missing, advice)
    array = X if isinstance(X, np.ndarray) else _as_array(X, name)
    refuse_np_matrix(array, name)
    if array.dtype.names:
        raise ValueError(
            f"{name} is a structured array with the fields {', '.join(array.dtype.names)}: give "
            f"pandas.DataFrame({name}), or an array of numbers, numpy.lib.recfunctions."
            f"structured_to_unstructured({name})"
        )
    if array.dtype.kind == "O":
        array = floats_of(array, lambda place: f"{name}[{', '.join(map(str, place))}]", text)
    _check_kind(array.dtype, name, text)
    _check_ndim(array, name, X)
    check_size(array.shape, name)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        return _doubles(array, name)
    # The other byte order decides nothing: 32-bit floats are such in both.
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _of_known_numbers(X: Any, name: str) -> Any:
    """A sparse matrix of numbers that SciPy can convert: it may hold others, but goes no way on."""
    if X.dtype.itemsize > 8 and X.dtype.kind == "f":
        X = X.tocsr()
        return type(X)((_doubles(X.data, name), X.indices, X.indptr), X.shape)
    if X.dtype.isnative and X.dtype != np.float16:
        return X
    is_small = X.dtype.kind == "f" and X.dtype.itemsize <= 4
    X = copy.copy(X)  # its own copy() converts
    X.data = X.data.astype(np.float32 if is_small else np.float64)
    return X


def _doubles(array: Array, name: str) -> Array:
    """Long doubles as float64.

    Raises
    ------
    ValueError
        Naming the first that is beyond.
    """
    with np.errstate(over="ignore"):
        doubles = array.astype(np.float64)
    beyond = np.argwhere(np.isinf(doubles) & np.isfinite(array))
    if len(beyond):
        place = tuple(beyond[0])
        entry = f"[{', '.join(map(str, place))}]" if array.ndim == 2 else ", a stored entry,"
        raise ValueError(
            f"{name}{entry} is {array[place]}, which is beyond the numbers that a float can hold"
        )
    return doubles


def _check_ndim(array: Any, name: str, given: Any = None) -> None:
    """Refuse what has no two dimensions; the advice is for what was given, a list or a Series."""
    if array.ndim != 2:
        hint = f": one sample is {name}.reshape(1, -1), and one column {name}.reshape(-1, 1)"
        if hasattr(given, "to_frame"):
            hint = f": one column is {name}.to_frame()"
        elif isinstance(given, list | tuple):
            hint = f": one sample is [{name}], and one column [[x] for x in {name}]"
        raise ValueError(
            f"Expected 2D array, got {array.ndim}D array instead, {name} of shape {array.shape}. "
            f"Reshape your data{hint if array.ndim < 2 else ''}"
        )


def _check_kind(dtype: np.dtype[Any], name: str, text: str) -> None:
    """Refuse what is no dtype of real numbers, and say what to do about it."""
    kind = dtype.kind
    if kind == "c":
        raise ValueError(
            f"Complex data not supported: {name} has dtype {dtype}; give {name}.real and "
            f"{name}.imag side by side, or abs({name})"
        )
    if kind in "mM":
        raise ValueError(
            f"{name} has dtype {dtype}: turn dates into numbers first, such as the days since one "
            "of them"
        )
    if kind in "SUT":
        raise ValueError(f"{name} has dtype {dtype}, and no numbers: {text}")
    if kind not in "fiub":
        raise ValueError(f"{name} has dtype {dtype}: real numbers are needed")


def unmasked(X: Any, name: str, missing: str | None = None, advice: str = "") -> Array:
    """A masked array with NaN where it is masked.

    Raises
    ------
    ValueError
        Where anything is masked and nothing may be missing.
    """
    if not np.ma.is_masked(X):
        return np.asarray(X.data)
    if missing != "mask":
        n_masked = int(np.ma.getmaskarray(X).sum())
        raise ValueError(
            f"{name} is a masked array, and the values of its {n_masked} masked entries are no "
            f"data: {advice}fill them in first, with {name}.filled(...)"
        )
    if X.dtype.kind not in "fO":
        X = X.astype(np.float64)
    return np.asarray(X.filled(np.nan))


def _as_array(X: Any, name: str) -> Array:
    """What NumPy makes of X, where that is what X holds."""
    kind, package = type(X), type(X).__module__.partition(".")[0]
    says_more = (
        package in ("anndata", "mudata", "dask", "dask_expr", "narwhals")
        or kind.__name__ == "RecordBatch"
        or (package == "xarray" and kind.__name__ != "DataArray")
    )
    ways = ("__array__", "__array_interface__", "__array_struct__")
    is_array = any(hasattr(kind, way) for way in ways) or hasattr(X, "__array_interface__")
    is_known = isinstance(X, list | tuple | memoryview | int | float) or (
        is_array and not says_more
    )
    if not is_known:
        _refuse(X, package, name)
    try:
        return np.asarray(X)
    except (ValueError, TypeError, RuntimeError) as error:
        if isinstance(X, list | tuple):
            raise ValueError(
                f"{name} is a list whose rows do not make a table: each needs as many numbers as "
                "the others"
            ) from error
        _refuse(X, package, name, error)


def _refuse(X: Any, package: str, name: str, error: Exception | None = None) -> NoReturn:
    what = type(X).__qualname__ if package == "builtins" else f"{package}.{type(X).__qualname__}"
    what = "None" if X is None else f"of type {what}"
    instead = INSTEAD.get(package, INSTEAD["builtins"]).format(name=name)
    raise TypeError(f"{name} is {what}, which is no table here: {instead}") from error
