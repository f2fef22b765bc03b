"""CSV, Parquet and Arrow files, through `ae_core.cli.tables.reading.read_table`."""

import bz2
import gzip
import io
import lzma
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from ae_core.basics.shown import LONGEST
from ae_core.cli.tables.reading import Layout, TableError, read_table

from .mutate import change_bytes

FIELDS = (
    "1", "-2.5", "1e308", "1e309", "-1e-400", "0x10", "nan", "inf", "-inf", "NA", "", " ", "?", "true",
    "False", "1,5", '"3"', '"a,b"', '"a""b"', '"un', "é", "\0", "1_000", "١", "9" * 400, "x" * 70_000,
    "2020-01-01", "1;2", "\ufeff1", "+.5", ".", "-", "'4'", "1e", "00012",
)  # fmt: skip
PACKERS = {
    ".gz": lambda content: gzip.compress(content, 1),
    ".bz2": lambda content: bz2.compress(content, 1),
    ".xz": lambda content: lzma.compress(content, preset=0),
    ".zst": lambda content: _zstd(content),
}
ENDS = ("\n", "\r\n", "\r", "\n\n", "")
BITS = (b",", b'"', b"\n", b"\r", b"\0", b";", b"\t", b"\xff\xfe", b"\xef\xbb\xbf", b"e999", b"-")


def _zstd(content: bytes) -> bytes:
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as file:
        file.write(content)
    return sink.getvalue().to_pybytes()


def make_csv(random: Random) -> tuple[str, bytes]:
    """The end of a name, and content."""
    separator = random.choice((",", ",", ";", "\t", "|", " "))
    n_columns = random.choice((1, 2, 3, 5))
    usual = [str(round(random.uniform(-9, 9), 3)) for _ in range(n_columns)]
    spoiled = random.choice((0.0, 0.0, 0.05, 0.3))
    lines = []
    if random.random() < 0.8:
        lines.append(separator.join(random.choice("abcdef") + str(i) for i in range(n_columns)))
    for _ in range(random.choice((0, 1, 3, 20, 200))):
        fields = list(usual)
        if random.random() < spoiled:
            fields[random.randrange(n_columns)] = random.choice(FIELDS)
        if random.random() < spoiled / 10:
            fields = fields[1:] + fields * random.randrange(3)
        lines.append(separator.join(fields))
    text = random.choice(ENDS[:3]).join(lines) + random.choice(ENDS)
    encoding = "utf-8" if random.random() < 0.9 else random.choice(("utf-16", "latin-1"))
    content = text.encode(encoding, "replace")
    if random.random() < 0.4:
        content = change_bytes(random, content, BITS)
    ending = random.choice((".csv", ".csv", ".tsv", ".txt"))
    if random.random() < 0.2:
        packing = random.choice((".gz", ".gz", ".bz2", ".xz", ".zst"))
        ending, content = ending + packing, PACKERS[packing](content)
        if random.random() < 0.7:
            content = change_bytes(random, content)
    return ending, content


@cache
def parquet_seeds() -> tuple[bytes, ...]:
    """Small Parquet files of several types, encodings and pages."""
    import pyarrow
    from pyarrow import parquet

    numbers = np.random.default_rng(0).random(50)
    tables = [
        {"a": numbers, "b": numbers.astype(np.float32)},
        {"a": (10 * numbers).astype(np.int8), "b": numbers > 0.5, "c": numbers.astype(np.float16)},
        {"a": [1.5, None, 2.0] * 5, "b": [None, 2, 3] * 5},
        {"a": ["x", "y"], "b": [1.0, 2.0]},
        {"a": [[1.0], [2.0, 3.0]], "b": [1, 2]},
        {"a": pyarrow.array([1, 2, 1]).dictionary_encode(), "b": [1, 2, 3]},
    ]
    found = []
    for table in tables:
        for options in (
            {"compression": "none"},
            {"compression": "snappy", "row_group_size": 5},
            {"compression": "none", "use_dictionary": False, "write_statistics": False},
        ):
            file = io.BytesIO()
            parquet.write_table(pyarrow.table(table), file, **options)
            found.append(file.getvalue())
    return tuple(found)


def make_parquet(random: Random) -> tuple[str, bytes]:
    """The end of a name, and content."""
    content = random.choice(parquet_seeds())
    if random.random() < 0.5:
        return ".parquet", change_bytes(random, content)
    # The footer alone, whose length stands before the last four bytes: everything hangs on it.
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    footer = change_bytes(random, content[start:-8])
    return ".parquet", content[:start] + footer + len(footer).to_bytes(4, "little") + content[-4:]


@cache
def arrow_seeds() -> tuple[bytes, ...]:
    """Small files and streams in Arrow's format."""
    import pyarrow
    from pyarrow import ipc

    numbers = np.random.default_rng(0).random(50)
    tables = [
        {"a": numbers, "b": numbers.astype(np.float32)},
        {"a": (10 * numbers).astype(np.int8), "b": numbers > 0.5},
        {"a": [1.5, None, 2.0] * 5, "b": [None, 2, 3] * 5},
        {"a": ["x", "y"], "b": [1.0, 2.0]},
        {"a": pyarrow.array([1, 2, 1]).dictionary_encode(), "b": [1, 2, 3]},
        {"a": pyarrow.array([[1], [2]]), "b": pyarrow.array([1, 2], pyarrow.decimal128(5, 2))},
    ]
    found = []
    for columns in tables:
        table = pyarrow.table(columns)
        for opens in (ipc.new_file, ipc.new_stream):
            for packing in (None, "lz4", "zstd"):
                file = io.BytesIO()
                options = ipc.IpcWriteOptions(compression=packing)
                with opens(file, table.schema, options=options) as writer:
                    writer.write_table(table, max_chunksize=10)
                found.append(file.getvalue())
    return tuple(found)


def make_arrow(random: Random) -> tuple[str, bytes]:
    """The end of a name, and content."""
    content = random.choice(arrow_seeds())
    return random.choice((".feather", ".arrow")), change_bytes(random, content)


def run(made: tuple[str, bytes], folder: Path, random: Random) -> str:
    """Read it: a table of finite numbers, or the error that says why not."""
    ending, content = made
    path = folder / ("table" + ending)
    path.write_bytes(content)
    missing = random.random() < 0.3
    layout = Layout(
        separator=random.choice((None, None, None, ",", ";")),
        decimal=random.choice((None, None, None, ".", ",")) if random.random() < 0.3 else None,
        header=random.choice((None, None, True, False)),
        no_value=random.choice(((), (), (), ("-",), ("1", "'4'"), ("é", "2020-01-01"))),
    )
    if layout.separator == layout.decimal == ",":
        layout = Layout()
    dtype = random.choice((np.float64, np.float32))
    try:
        table = read_table(str(path), layout=layout, dtype=dtype, missing=missing)
    except (TableError, OSError) as error:
        if isinstance(error, TableError) and len(str(error)) > LONGEST:
            raise AssertionError(f"{len(str(error))} characters: {error}") from error
        return "refused"
    if table.values.ndim != 2 or table.values.shape[1] != len(table.names) or not len(table.values):
        raise AssertionError(f"a table of shape {table.values.shape}")
    is_bad = np.isinf(table.values) if missing else ~np.isfinite(table.values)
    if is_bad.any():
        raise AssertionError("numbers that should have been refused")
    return "read"
