"""Dtypes of columns that not every library knows: unpacked, cast, or refused by their own name."""

from typing import Any, NoReturn

import numpy as np

from ..basics.arguments import shown


def with_known_types(table: Any, name: str) -> Any:
    """A pyarrow table whose columns are what narwhals knows: rarer ones are unpacked or cast.

    Raises
    ------
    ValueError
        Naming the first column of a type that holds no numbers, flags or text, and the type.
    """
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        kind, column = field.type, table.column(i)
        given = column
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
                refuse_dtype(name, field.name, field.type)
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind)
        if pa.types.is_run_end_encoded(kind):
            from pyarrow import compute

            kind = kind.value_type
            chunks = [compute.run_end_decode(chunk) for chunk in column.chunks]
            column = pa.chunked_array(chunks, kind)
        if pa.types.is_decimal(kind):
            column = column.cast(pa.float64())
        if column is not given:
            table = table.set_column(i, field.name, column)
    return table


def is_wide(dtype: Any) -> bool:
    """Whether it is an integer's of 128 bits, of which NumPy has none."""
    return str(dtype) in ("Int128", "UInt128")


def known_dtype(series: Any) -> Any:
    """What its own library calls the dtype of a column that narwhals has no name for."""
    if str(series.dtype) != "Unknown":
        return series.dtype
    native = series.to_native()
    return native.type if hasattr(native, "type") else native.dtype


def refuse_dtype(name: str, column: Any, dtype: Any) -> NoReturn:
    """Say which column holds no numbers, and of what dtype it is."""
    raise ValueError(
        f"{name}: column {shown(column)} has dtype {dtype}, whose values are no real numbers: turn "
        "it into numbers (of a date, such as the days since one), or drop it"
    )


def in_plain_numbers(frame: Any) -> Any:
    """A pandas DataFrame whose numbers are stored plainly; itself if they are.

    In this machine's byte order, not sparsely, and decimals as float64.
    """
    dtypes = list(frame.dtypes)
    odd = {i: kind for i, d in enumerate(dtypes) if (kind := _plain_kind(d)) is not None}
    if odd:
        frame = frame.copy()
    for i, kind in odd.items():
        column = frame.iloc[:, i]
        if hasattr(column.dtype, "fill_value"):
            column = column.sparse.to_dense()
        if hasattr(column.dtype, "pyarrow_dtype"):
            column = column.to_numpy(dtype=kind, na_value=np.nan)
        frame.isetitem(i, np.asarray(column).astype(kind))
    return frame


def _plain_kind(dtype: Any) -> np.dtype[Any] | None:
    """What numbers of another storage become; None for plain ones, and for what is no number."""
    if isinstance(dtype, np.dtype):
        return None if dtype.isnative else dtype.newbyteorder("=")
    if hasattr(dtype, "fill_value") and getattr(dtype, "subtype", None) is not None:
        return np.dtype(dtype.subtype)
    if str(getattr(dtype, "pyarrow_dtype", "")).startswith("decimal"):
        return np.dtype(np.float64)
    return None
