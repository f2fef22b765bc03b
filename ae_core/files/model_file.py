"""Saved models: one safetensors file with arrays, a description in JSON, and a digest of it all.

Reading runs no code, whatever the file holds, and takes memory in proportion to the file's size.
A digest finds damage, not forgery: anybody can compute one, so what a file says is checked besides.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NoReturn

import numpy as np

from .._typing import Array
from ..basics.shown import shown
from ..basics.version import __version__
from .model_content import ModelFile, ModelFileError, complaint
from .model_description import check_nested, from_json, parse, to_json
from .whole_file import Path, write_whole

FORMAT = "ae_core"
FORMAT_VERSION = 1
DTYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}
"""What arrays may be: safetensors' name for each dtype, and NumPy's (as the file has it)."""
WRITTEN = ("I64", "F64", "F32", "I32", "U8", "BOOL")
"""Arrays stand in the file by dtype, in this order, and then by name: as safetensors puts them."""
MAX_HEADER = 1 << 24
"""Bytes of the header, for which the names of a million columns are enough; what is parsed takes a
hundred times its size for a moment."""
LARGEST_ARRAY = 2**62
"""Bytes of an array, beyond what any machine has."""
MAX_DIMENSIONS = 64  # NumPy's
NO_DIGEST = b"0" * 64
"""What stands in the digest's place while it is computed."""
DIGEST_KEY = b'"digest":"'
"""Stands in a header once: within names and values, quotes are escaped."""
AGAIN = "copy it here again, or save the model again"

__all__ = ["FORMAT_VERSION", "ModelFile", "ModelFileError", "read_file", "write_file"]


def write_file(
    path: Path, kind: str, description: Mapping[str, Any], arrays: Mapping[str, Any]
) -> None:
    """Write a model file; the same content gives the same bytes.

    Whatever happens, the path has the old file or the new one, whole: see `write_whole` in
    `ae_core.files.whole_file`, also for the temporary file that a killed process leaves.

    Parameters
    ----------
    path : str or path-like
    kind : str
        What is saved, such as 'checkpoint'; `read_file` can insist on it.
    description : mapping
        None, bool, int, float, str, lists and mappings with str keys, and NumPy scalars, which
        become Python's. Integers of any size and floats (NaN and infinities too) come back
        exactly. **Tuples come back as lists.**
    arrays : mapping of str to array
        Of float32, float64, int32, int64, uint8 or bool.

    Raises
    ------
    TypeError, ValueError
        When something cannot be saved. Nothing is written then.
    OSError
        When the file cannot be written. Names the path; the old file is as it was.
    """
    parts = _serialize(kind, description, arrays)
    write_whole(path, lambda file: file.writelines(parts))


def read_file(path: Path, kind: str | tuple[str, ...] | None = None) -> ModelFile:
    """Read a model file, and check all of it.

    Parameters
    ----------
    path : str or path-like
    kind : str or tuple of str, optional
        What it must hold.

    Returns
    -------
    ModelFile
        Its arrays are writable, and belong to the caller alone.

    Raises
    ------
    ModelFileError
        For anything but an undamaged model file of that kind, written by this version of ae_core
        or an older one. Says what is the matter and what to do.
    OSError
        When there is no such file (FileNotFoundError), or it cannot be read.
    """
    name = os.fsdecode(path)

    def refuse(what: str, advice: str, cause: BaseException | None = None) -> NoReturn:
        raise ModelFileError(complaint(name, what, advice)) from cause

    mode = os.stat(name).st_mode  # before opening, which waits for ever on a named pipe
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        refuse("is not a regular file", "give the file that a model was saved to")
    with open(name, "rb") as file:  # says by itself when the name is a directory's
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        n_header = int.from_bytes(start, "little")
        if not 2 <= n_header <= min(size - 8, MAX_HEADER):
            refuse(f"is not a saved model, or is cut short (it has {size} bytes)", AGAIN)
        start += file.read(n_header)
        try:
            entries, metadata = _entries(start[8:])
        except (ValueError, RecursionError) as error:
            refuse(f"is not a saved model, or its header is damaged ({error})", AGAIN, error)
        if metadata.get("format") != FORMAT:
            refuse("is a safetensors file, but not one of ae_core", "read it with what wrote it")
        version = metadata.get("version", "")
        if version != str(FORMAT_VERSION):
            if re.fullmatch("[1-9][0-9]{0,8}", version):
                refuse(f"was written by a newer ae_core (format {version})", "upgrade ae_core")
            refuse(f"is damaged (format {version[:20]!r})", AGAIN)
        data = file.read(size)  # nothing large was read before this
    at = start.find(DIGEST_KEY) + len(DIGEST_KEY)
    if start.count(DIGEST_KEY) != 1 or "digest" not in metadata:
        refuse("is damaged (it has no digest of its content)", AGAIN)
    blank = start[:at] + NO_DIGEST + start[at + len(NO_DIGEST) :]
    if metadata["digest"] != _digest(blank, data):
        refuse("is damaged (cut short, or altered since it was saved)", AGAIN)
    # From here on the file is as somebody meant it to be, who need not be ae_core.
    try:
        if not metadata.get("kind"):
            raise ValueError("it does not say what it holds")
        described = from_json(metadata.get("description", ""))
        arrays = _arrays(entries, data)
    except (ValueError, RecursionError) as error:
        refuse(f"is not as ae_core saves models ({error})", "save the model again", error)
    model = ModelFile(metadata["kind"], described, arrays, name)
    wanted = (kind,) if isinstance(kind, str) else kind
    if wanted is not None and model.kind not in wanted:
        needed = " or ".join(_a(each) for each in wanted)
        refuse(f"holds {_a(model.kind)}, not {needed}", f"give the path of {needed}")
    return model


def _serialize(
    kind: str, description: Mapping[str, Any], arrays: Mapping[str, Any]
) -> Sequence[Any]:
    """What a file is made of: its header and the length of that, then the bytes of each array."""
    if not isinstance(kind, str) or not kind:
        raise ValueError(f"kind={kind!r}: must be a word for what is saved")
    entries: dict[str, Any] = {
        "__metadata__": {
            "format": FORMAT,
            "version": str(FORMAT_VERSION),
            "kind": kind,
            "description": to_json(description),
            "library": __version__,
            "digest": NO_DIGEST.decode(),
        }
    }
    stored = [(*_stored(name, array), name) for name, array in arrays.items()]
    data, end = [], 0
    for dtype, array, name in sorted(stored, key=lambda each: (WRITTEN.index(each[0]), each[2])):
        start, end = end, end + array.nbytes
        entries[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": (start, end)}
        data.append(array.ravel().view(np.uint8))
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    check_nested(text)
    header = text.encode()
    header += b" " * (-len(header) % 8)  # so that the data is aligned
    if len(header) > MAX_HEADER:
        raise ValueError(
            f"description makes a header of {len(header)} bytes, and {MAX_HEADER} is the most: "
            "put what is large among the arrays"
        )
    header = len(header).to_bytes(8, "little") + header
    at = header.index(DIGEST_KEY) + len(DIGEST_KEY)
    digest = _digest(header, *data).encode()
    return header[:at] + digest + header[at + len(NO_DIGEST) :], *data


def _stored(name: Any, value: Any) -> tuple[str, Array]:
    """What the file calls the dtype of an array, and the array as it stands there."""
    if not isinstance(name, str) or name == "__metadata__":
        raise ValueError(f"arrays has the name {name!r}: must be a str, and not '__metadata__'")
    array = np.asarray(value)
    native = array.dtype.newbyteorder("=")
    for called, dtype in DTYPES.items():
        if native == np.dtype(dtype).newbyteorder("="):
            return called, np.asarray(array, dtype=dtype, order="C")
    names = ", ".join(np.dtype(dtype).name for dtype in DTYPES.values())
    raise TypeError(f"arrays[{name!r}] has dtype {array.dtype}: must be one of {names}")


def _entries(header: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """What the header says of each array, and of the file."""
    entries = parse(header.decode())
    metadata = entries.pop("__metadata__", {}) if isinstance(entries, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("no metadata")
    return entries, metadata


def _arrays(entries: Mapping[str, Any], data: bytes) -> dict[str, Array]:
    """The arrays, each checked: as safetensors has it, they fill the data without a gap."""
    found, places = {}, []
    for name, entry in sorted(entries.items()):
        keys = set(entry) if isinstance(entry, dict) else set()
        if keys != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"its array {shown(name)} is not described")
        dtype, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise ValueError(f"its array {shown(name)} has dtype {shown(dtype)}")
        if not _are_lengths(shape) or len(shape) > MAX_DIMENSIONS:
            raise ValueError(f"its array {shown(name)} has shape {shown(shape)}")
        if not _are_lengths(place) or len(place) != 2:
            raise ValueError(f"its array {shown(name)} stands at {shown(place)}")
        kind = np.dtype(DTYPES[dtype])
        # Lengths beside a 0 count too: NumPy has no array of 0 rows of 2**62 numbers.
        least = kind.itemsize * prod(max(1, length) for length in shape)
        if place[1] - place[0] != kind.itemsize * prod(shape) or least > LARGEST_ARRAY:
            raise ValueError(f"its array {shown(name)} of shape {shown(shape)} is not its data's")
        places.append(tuple(place))
        found[name] = kind, shape, place
    stop = 0
    for first, last in sorted(places):
        if first != stop:
            raise ValueError("its arrays overlap, or leave gaps")
        stop = last
    if stop != len(data):
        raise ValueError(f"its arrays have {stop} bytes, and there are {len(data)}")
    arrays = {}
    for name, (kind, shape, (first, last)) in found.items():
        stored = np.frombuffer(memoryview(data)[first:last], kind).reshape(shape)
        if stored.dtype == bool and (stored.view(np.uint8) > 1).any():
            raise ValueError(f"its array {shown(name)} has truth values other than 0 and 1")
        arrays[name] = stored.astype(stored.dtype.newbyteorder("="))
    return arrays


def _are_lengths(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(
        type(n) is int and 0 <= n <= LARGEST_ARRAY for n in numbers
    )


def _digest(*parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _a(kind: str) -> str:
    return f"{'an' if kind[:1] in 'AEIOUaeiou' else 'a'} {kind[:60]}"
