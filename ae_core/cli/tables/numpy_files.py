"""Reading NumPy's files, ``.npy`` and ``.npz``.

Their headers are Python's notation, and NumPy reads them with Python's own parser, which a hostile
one can lead anywhere. Here they are read by a pattern that knows what arrays of numbers have.
"""

import os
import re
import zipfile
from math import prod
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..._typing import Array
from ...basics.shown import cut, printable, shown
from .columns import Kept, Table, TableError, Wanted, check_finite, listed

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 1 << 16
"""Bytes; an array of numbers has 118."""
MOST_DIMENSIONS, MOST_DIGITS = 64, 19
"""Of shapes: NumPy's, and those of an integer of 64 bits."""
DTYPE = re.compile(r"[<>|=]?[a-zA-Z?][0-9]{0,9}(\[[0-9a-zA-Z]{1,8}\])?")
ENTRY = re.compile(
    r"""\s*(['"])(?:descr\1\s*:\s*(['"])(?P<descr>[^'"]{1,24})\2"""
    r"""|fortran_order\1\s*:\s*(?P<order>True|False)"""
    r"""|shape\1\s*:\s*\((?P<shape>[0-9L,\s]*)\))\s*(?:,|(?=\}))"""
)
SPARSE = {"data", "indices", "indptr", "shape", "format"}
"""The arrays of a file that scipy.sparse.save_npz wrote."""
CHUNK = 1 << 20


class _Header(NamedTuple):
    """What stands before an array's numbers."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: Any
    """'C' or 'F'."""
    length: int
    """Bytes of the header."""

    @property
    def n_bytes(self) -> int:
        """Of the numbers."""
        return self.dtype.itemsize * prod(self.shape)


def read_npy(path: str, wanted: Wanted) -> Table:
    """The wanted columns of a ``.npy`` file, memory-mapped where that is possible.

    Raises
    ------
    TableError
        When it is no such file, or no table of numbers.
    OSError
        When it can't be read.
    """
    with open(path, "rb") as file:
        start = file.read(len(MAGIC))
        if not start:
            raise TableError("it is empty")
        if start.startswith(b"PK"):
            raise TableError("it is no .npy file, whatever its name: rename it to .npz")
        header = _header(file, start)
        if os.fstat(file.fileno()).st_size < header.length + header.n_bytes:
            raise TableError("it is damaged or cut short: it has fewer numbers than it says")
    array = np.memmap(path, header.dtype, "r", header.length, header.shape, header.order)
    return _table(array, wanted)


def read_npz(path: str, wanted: Wanted, name: str | None = None) -> Table:
    """The wanted columns of an array in a ``.npz`` file: the one of that name, or the only one.

    Raises
    ------
    TableError
        When it is no such file, or has no such array, or that is no table of numbers.
    OSError
        When it can't be read.
    """
    with open(path, "rb") as file:
        start = file.read(len(MAGIC))
        if not start:
            raise TableError("it is empty")
        if start == MAGIC:
            raise TableError("it is no .npz file, whatever its name: rename it to .npy")
        try:
            with zipfile.ZipFile(file) as archive:
                array = _member(archive, _chosen_member(archive, path, name))
        except (TableError, MemoryError):
            raise
        except Exception as error:  # there is no end to what an archive can have wrong
            if isinstance(error, OSError) and error.errno not in (None, 22):
                raise
            raise TableError("it can't be read as .npz: it is damaged or cut short") from error
    return _table(array, wanted)


def _chosen_member(archive: zipfile.ZipFile, path: str, name: str | None) -> zipfile.ZipInfo:
    members = {
        info.filename.removesuffix(".npy"): info
        for info in archive.infolist()
        if info.filename.endswith(".npy")
    }
    names = list(members)
    if set(names) == SPARSE and name is None:
        raise TableError(
            "it holds a sparse matrix of SciPy's, which is not read here: use it from Python, with "
            "scipy.sparse.load_npz"
        )
    if not names:
        raise TableError("it can't be read as .npz: there are no arrays in it")
    if name is None and len(names) != 1:
        raise TableError(
            f"it has {len(names)} arrays, {listed(names)}: choose one, as in "
            f"{cut(printable(f'{path}:{names[0]}'), 80)}"
        )
    if name is not None and name not in members:
        raise TableError(f"it has no array {shown(name)}; it has {listed(names)}")
    return members[names[0] if name is None else name]


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    """An array in an archive, which says itself how many bytes it has unpacked."""
    with archive.open(info) as file:
        header = _header(file, file.read(len(MAGIC)))
        if header.length + header.n_bytes != info.file_size:
            raise TableError("it is damaged: it has not as many numbers as it says")
        try:
            numbers = np.empty(header.n_bytes, np.uint8)
        except (MemoryError, ValueError) as error:
            raise TableError(
                f"it says that it has shape {shown(header.shape)}: there is no memory for that"
            ) from error
        n_read = 0
        while n_read < len(numbers):
            some = file.read(min(CHUNK, len(numbers) - n_read))
            if not some:
                raise TableError("it can't be read as .npz: it is cut short")
            numbers[n_read : n_read + len(some)] = np.frombuffer(some, np.uint8)
            n_read += len(some)
        file.read(1)  # at the end, zipfile looks at the checksum
    return np.ndarray(header.shape, header.dtype, numbers, order=header.order)


def _header(file: Any, magic: bytes) -> _Header:
    """What a ``.npy`` file, opened behind its first six bytes, says of its array.

    Raises
    ------
    TableError
        When that is not an array of real numbers.
    """
    if magic != MAGIC:
        raise TableError("it is not in NumPy's format (pickled objects are not read)")
    version = file.read(2)
    if len(version) < 2 or version[0] not in (1, 2, 3):
        raise TableError("it is damaged or cut short, or in a newer format of NumPy's")
    size = 2 if version[0] == 1 else 4
    n_bytes = int.from_bytes(_exactly(file, size), "little")
    if n_bytes > LONGEST_HEADER:
        raise TableError(f"its header has {n_bytes} bytes, so it is no array of numbers")
    text = _exactly(file, n_bytes).decode("latin-1")
    entries = _entries(text)
    descr, order, shape = (entries.get(key) for key in ("descr", "order", "shape"))
    if "'descr'" in text and "descr" not in entries and "[(" in text:
        raise TableError("it holds records, not numbers: save an array of numbers")
    if descr is None or order is None or shape is None or not DTYPE.fullmatch(descr):
        raise TableError(f"it is damaged: its header is {shown(text.strip())}")
    if descr.lstrip("<>|=")[0] == "O":
        raise TableError("it holds Python objects, which are not read: save an array of numbers")
    try:
        dtype = np.dtype(descr)
    except TypeError as error:
        raise TableError(f"it holds {shown(descr)}, which is no type of NumPy's") from error
    numbers = shape.replace(",", " ").replace("L", " ").split()  # 3L was Python 2's
    if len(numbers) > MOST_DIMENSIONS or any(len(number) > MOST_DIGITS for number in numbers):
        raise TableError(f"it is damaged: its shape is ({cut(printable(shape), 40)})")
    lengths = tuple(map(int, numbers))
    if dtype.kind not in "fiub":
        raise TableError(f"it holds {dtype}, not real numbers")
    _check_shape(lengths)
    return _Header(dtype, lengths, "F" if order == "True" else "C", 8 + size + n_bytes)


def _exactly(file: BinaryIO, n_bytes: int) -> bytes:
    found = file.read(n_bytes)
    if len(found) < n_bytes:
        raise TableError("it is damaged or cut short")
    return found


def _entries(text: str) -> dict[str, str]:
    """The entries of a header's dictionary, each as text; none when it is something else."""
    entries: dict[str, str] = {}
    text, place = text.strip(), 1
    while match := ENTRY.match(text, place):
        entries |= {key: part for key, part in match.groupdict().items() if part is not None}
        place = match.end()
    is_whole = text.startswith("{") and text[place:].strip() == "}"
    return entries if is_whole else {}


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        hint = ": array.reshape(-1, 1) has one column" if len(shape) == 1 else ""
        hint = ": array.reshape(len(array), -1) has one row for each" if len(shape) > 2 else hint
        raise TableError(
            f"it has shape {shown(shape)}, and a table has rows and columns, (n, k){hint}"
        )
    if 0 in shape:
        raise TableError(f"it has shape {shown(shape)}: there is nothing to read")


def _table(array: Array, wanted: Wanted) -> Table:
    """The wanted columns of an array; the array itself, if these are all."""
    if wanted.mixed is not None:
        raise TableError(
            "it holds numbers without names, and mixed columns need theirs: give CSV or Parquet"
        )
    names = [str(i) for i in range(array.shape[1])]
    chosen = wanted.choose(names, False)
    kept = [Kept(i, names[i], array[:, i]) for i in wanted.keep(names, chosen)]
    if chosen != list(range(array.shape[1])):
        array, names = array[:, chosen], [names[i] for i in chosen]
    if array.dtype == bool:
        array = array.view(np.uint8)
        if array.max() > 1:
            raise TableError("it is damaged: it has truth values other than 0 and 1")
    elif array.dtype.kind == "f" and array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.itemsize < 4 else np.float64)
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    check_finite(array, names, wanted.missing, wanted.advice)
    return Table(names, array, False, chosen, kept)
