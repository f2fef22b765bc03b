"""Saved models: what is written comes back, and nothing else does."""

import enum
import hashlib
import json
import os
import stat
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import ae_core
from ae_core.files import model_file as module
from ae_core.files.model_file import ModelFile, ModelFileError, read_file, write_file


class Colour(enum.StrEnum):
    RED = "red"


DTYPES = [np.float32, np.float64, np.int64, np.int32, np.uint8, np.bool_]
ARRAYS = {"params": np.arange(3, dtype=np.float32), "step": np.array(7), "none": np.empty((0, 2))}
DESCRIPTION = {"layers": [4, 2, 4], "é": None, "rate": 0.1, "best": np.inf}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def content(path):
    """The bytes of a small file."""
    write_file(path, "model", DESCRIPTION, ARRAYS)
    return path.read_bytes()


def same(a, b):
    """Equal, of the same type, and the same bits in every float."""
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(b) is list and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return type(b) is float and (repr(a) == repr(b))
    return type(a) is type(b) and a == b


def assert_same_arrays(read, expected):
    assert list(read) == sorted(expected)
    for name, array in read.items():
        original = np.asarray(expected[name])
        assert array.shape == original.shape
        assert array.dtype == original.dtype.newbyteorder("=")
        assert array.dtype.isnative
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.flags.owndata
        native = np.ascontiguousarray(original.astype(array.dtype))
        assert array.tobytes() == native.tobytes()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    | st.dictionaries(st.sampled_from(["float", "mapping"]), inner, max_size=2),
    max_leaves=15,
)  # fmt: skip


@given(description=st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_descriptions_come_back(tmp_path_factory, description):
    path = tmp_path_factory.getbasetemp() / "described"
    write_file(path, "model", description, {})
    read = read_file(path, "model")
    assert same(description, read.description)
    assert read.arrays == {}


@given(
    arrays=st.dictionaries(
        st.text(max_size=8),
        st.sampled_from(DTYPES).flatmap(
            lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_dims=4))
        ),
        max_size=4,
    ),
    change=st.sampled_from([np.transpose, lambda a: a[..., ::-1] if a.ndim else a,
                            lambda a: a.astype(a.dtype.newbyteorder(">")), np.asarray]),
)  # fmt: skip
def test_arrays_come_back(tmp_path_factory, arrays, change):
    arrays = {name: change(array) for name, array in arrays.items()}
    path = tmp_path_factory.getbasetemp() / "arrays"
    write_file(path, "model", {}, arrays)
    assert_same_arrays(read_file(path).arrays, arrays)


def test_bits_of_nan_and_zero_come_back_in_arrays(path):
    odd = np.array([0x7FF0000000000001, 0xFFF8000000000123, 1 << 63], np.uint64).view(np.float64)
    write_file(path, "model", {"zero": -0.0}, {"odd": odd})
    read = read_file(path)
    assert read.arrays["odd"].tobytes() == odd.tobytes()
    assert str(read.description["zero"]) == "-0.0"


def test_generators_and_numpy_scalars(path):
    state = np.random.default_rng(3).bit_generator.state
    scalars = {"f": np.float32(0.1), "i": np.int64(-5), "b": np.True_, "n": np.float64("nan"),
               "t": (1, (2,)), "s": np.str_("x"), "e": Colour.RED}  # fmt: skip
    write_file(path, "model", {"state": state, **scalars}, {})
    read = read_file(path).description
    assert same(read.pop("state"), state)
    assert state["state"]["state"] > 2**64
    expected = {
        "f": float(np.float32(0.1)),
        "i": -5,
        "b": True,
        "n": np.nan,
        "t": [1, [2]],
        "s": "x",
        "e": "red",
    }
    assert same(expected, read)


def test_the_same_content_gives_the_same_bytes(content, path):
    for _ in range(5):
        write_file(path, "model", DESCRIPTION, dict(reversed(ARRAYS.items())))
        assert path.read_bytes() == content


def test_others_can_read_the_file(content, path):
    with safetensors.safe_open(path, "np") as file:
        metadata = file.metadata()
        np.testing.assert_array_equal(file.get_tensor("params"), ARRAYS["params"])
    assert set(metadata) == {"format", "version", "kind", "description", "library", "digest"}
    assert (metadata["format"], metadata["version"], metadata["kind"]) == ("ae_core", "1", "model")
    assert metadata["library"] == ae_core.__version__
    assert json.loads(metadata["description"])["best"] == {"float": "inf"}
    n_header = struct.unpack("<Q", content[:8])[0]
    assert n_header % 8 == 0  # so that the data is aligned


@pytest.mark.parametrize(
    ("description", "error", "message"),
    [
        ({"a": [np.zeros(2)]}, TypeError, r"description\['a'\]\[0\] is of type ndarray: .*arrays"),
        ({"a": {"b": object()}}, TypeError, r"description\['a'\]\['b'\] is of type object"),
        ({"a": b"x"}, TypeError, "bytes"),
        ({1: 2}, TypeError, "key 1: keys must be str"),
        ({"a": {None: 2}}, TypeError, r"description\['a'\] has the key None"),
        ({"a": np.longdouble(1)}, TypeError, "longdouble"),
        ([1], TypeError, "list: must be a mapping"),
        ({"a": 10**5000}, ValueError, "digits"),
    ],
)
def test_what_json_cannot_hold_is_named(path, description, error, message):
    path.write_bytes(b"old")
    with pytest.raises(error, match=message):
        write_file(path, "model", description, {})
    assert path.read_bytes() == b"old"


def test_depth_has_a_limit_and_circles_end(path):
    circle: list = []
    circle.append(circle)
    with pytest.raises(ValueError, match="nested more than 100 deep, or in a circle"):
        write_file(path, "model", {"a": circle}, {})
    for innermost in ({"float": 1}, [], np.nan):
        deep = innermost
        for _ in range(97):
            deep = {"mapping": deep}
        write_file(path, "model", {"a": deep}, {})
        assert same({"a": deep}, read_file(path).description)


@pytest.mark.parametrize(
    ("name", "array", "error", "message"),
    [
        ("a", np.zeros(2, np.float16), TypeError, r"arrays\['a'\] has dtype float16: must be one of float32"),
        ("a", np.array(["x"]), TypeError, "dtype <U1"),
        ("a", np.array([None]), TypeError, "dtype object"),
        ("a", np.zeros(2, np.complex64), TypeError, "dtype complex64"),
        ("__metadata__", np.zeros(2), ValueError, "name '__metadata__'"),
        (3, np.zeros(2), ValueError, "name 3"),
    ],
)  # fmt: skip
def test_arrays_that_cannot_be_saved_are_named(path, name, array, error, message):
    with pytest.raises(error, match=message):
        write_file(path, "model", {}, {name: array})
    assert not path.exists()


def test_a_kind_is_needed_and_headers_have_a_limit(path, monkeypatch):
    with pytest.raises(ValueError, match="kind=''"):
        write_file(path, "", {}, {})
    monkeypatch.setattr(module, "MAX_HEADER", 1000)
    with pytest.raises(ValueError, match="1000 is the most"):
        write_file(path, "model", {"a": "x" * 1000}, {})
    assert not path.exists()


# ---- damage


def test_cut_short_at_every_length(content, path):
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError, match=r"cut short|damaged"):
            read_file(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(ModelFileError, match="damaged"):
        read_file(path)


def test_every_flipped_bit_is_found(content, path):
    with open(path, "r+b", buffering=0) as file:
        for position in range(8 * len(content)):
            byte, bit = divmod(position, 8)
            os.pwrite(file.fileno(), bytes([content[byte] ^ 1 << bit]), byte)
            with pytest.raises(ModelFileError) as caught:
                read_file(path)
            assert repr(str(path)) in str(caught.value)
            os.pwrite(file.fileno(), content[byte : byte + 1], byte)
    assert len(content) > 400
    assert read_file(path).kind == "model"


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "junk"
    header_length = struct.pack("<Q", max(0, len(data) - 8))
    for junk in (data, header_length + data[8:]):
        path.write_bytes(junk)
        with pytest.raises(ModelFileError):
            read_file(path)


# ---- files made by hand, with a digest that is right


METADATA = {"format": "ae_core", "version": "1", "kind": "model", "description": "{}"}


def hostile(entries=None, data=b"", metadata=METADATA, header=None, digest=True):
    """A file whose digest is right, whatever else is wrong."""
    if digest:
        metadata = {**metadata, "digest": "0" * 64}
    if header is None:
        everything = {"__metadata__": metadata, **(entries or {})}
        header = json.dumps(everything, separators=(",", ":")).encode()
    start = struct.pack("<Q", len(header)) + header
    return start.replace(b"0" * 64, hashlib.sha256(start + data).hexdigest().encode()) + data


def tensor(dtype, shape, *offsets):
    return {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}


def test_files_made_by_hand_would_be_read(path):
    path.write_bytes(hostile({"a": tensor("F32", [1], 0, 4)}, b"\0" * 4))
    assert read_file(path).arrays["a"].tolist() == [0.0]


ONE = {"a": tensor("F32", [1], 0, 4)}


@pytest.mark.parametrize(
    ("entries", "data"),
    [
        ({**ONE, "b": tensor("F32", [1], 0, 4)}, 4),
        ({"a": tensor("F32", [1], 4, 8)}, 8),
        ({"a": tensor("F32", [1], 4, 0)}, 4),
        ({"a": tensor("F32", [1], 0, 2**63)}, 4),
        ({"a": tensor("F32", [2], 0, 4)}, 4),
        (ONE, 3),
        (ONE, 5),
        ({"a": tensor("F32", [2**40, 2**40], 0, 4)}, 4),
        ({"a": tensor("F32", [2**32, 2**32], 0, 0)}, 0),
        ({"a": tensor("F32", [0, 2**63, 2**63], 0, 0)}, 0),
        ({"a": tensor("F32", [0, 2**64 - 1], 0, 0)}, 0),
        ({"a": tensor("F32", [0, 2**62], 0, 0)}, 0),
        ({"a": tensor("F32", [2**62, 0], 0, 0)}, 0),
        ({"a": tensor("F32", [2**70], 0, 4)}, 4),
        ({"a": tensor("U8", [2**64 - 1, 0], 0, 0)}, 0),
        ({"a": tensor("F32", [-1], 0, 4)}, 4),
        ({"a": tensor("F32", [1] * 70, 0, 4)}, 4),
        ({"a": tensor("BF16", [2], 0, 4)}, 4),
        ({"a": tensor("F8_E4M3", [4], 0, 4)}, 4),
        ({"a": tensor("F4", [8], 0, 4)}, 4),
        ({"a": tensor("F16", [2], 0, 4)}, 4),
        ({"a": tensor("C64", [1], 0, 8)}, 8),
        ({"a": tensor("O", [1], 0, 4)}, 4),
        ({"a": 3}, 0),
        ({"a": {}}, 0),
        ({"a": None}, 0),
    ],
)
def test_hostile_arrays(path, entries, data):
    path.write_bytes(hostile(entries, b"\0" * data))
    with pytest.raises(ModelFileError, match=r"is not as ae_core saves models \(.+\): save"):
        read_file(path)


def test_truth_is_0_or_1(path):
    path.write_bytes(hostile({"a": tensor("BOOL", [2], 0, 2)}, b"\1\2"))
    with pytest.raises(ModelFileError, match="truth values"):
        read_file(path)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("", "Expecting value"),
        ("[]", "no mapping"),
        ("{", "Expecting"),
        ('{"a":1,"a":2}', "key 'a' stands there twice"),
        ('{"a":{"b":1,"b":2}}', "key 'b' stands there twice"),
        ('{"a":NaN}', "NaN is no number"),
        ('{"a":-Infinity}', "-Infinity is no number"),
        ('{"a":1e999}', "1e999 is no number"),
        ('{"a":' + "9" * 5000 + "}", "digits"),
        ('{"a":{"float":"x"}}', "'float' that is none"),
        ('{"a":{"float":["nan"]}}', "'float' that is none"),
        ('{"a":{"mapping":3}}', "'mapping' that is none"),
        ('{"a":' + "[" * 300 + "]" * 300 + "}", "too deeply"),
        ('{"a":' + "[" * 200_000 + "]" * 200_000 + "}", "recursion|too deeply"),
        ('{"a":' * 200_000 + "1" + "}" * 200_000, "recursion|too deeply"),
    ],
)
def test_hostile_descriptions(path, description, message):
    path.write_bytes(hostile(metadata={**METADATA, "description": description}))
    with pytest.raises(ModelFileError, match=rf"is not as ae_core saves models \(.*({message})"):
        read_file(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"[]", "no metadata"),
        (b'{"__metadata__":[]}', "no metadata"),
        (b'{"__metadata__":{"format":1}}', "no metadata"),
        (b'{"__metadata__":{"format":"ae_core","format":"ae_core"}}', "twice"),
        (b'{"__metadata__":{},"__metadata__":{}}', "twice"),
        (b'{"a":1,"a":1}', "twice"),
        (b"\xff\xfe{}", "utf-8"),
        ("{}".encode("utf-16"), "utf-8"),
        (b'{"a":' + b"[" * 200_000, "recursion"),
        (b"{}x", "Extra data"),
        (b"{} ", "not one of ae_core"),
    ],
)
def test_hostile_headers(path, header, message):
    path.write_bytes(hostile(header=header))
    with pytest.raises(ModelFileError, match=message):
        read_file(path)


@pytest.mark.parametrize("length", [0, 1, 3, 100_000_001, 2**31, 2**63, 2**64 - 1])
def test_absurd_header_lengths(path, length):
    path.write_bytes(struct.pack("<Q", length) + b"{}")
    with pytest.raises(ModelFileError, match="not a saved model, or is cut short"):
        read_file(path)
    if length > 10:
        os.truncate(path, 120_000_000)  # as much of it as the disk does not have to hold
        with pytest.raises(ModelFileError, match="not a saved model, or is cut short"):
            read_file(path)


def test_a_digest_that_is_missing_or_doubled(path):
    path.write_bytes(hostile(digest=False))
    with pytest.raises(ModelFileError, match="no digest"):
        read_file(path)
    spaced = json.dumps({"__metadata__": {**METADATA, "digest": "0" * 64}})
    escaped = spaced.replace('"digest": "', r'"\u0064igest":"')
    for header in (spaced, escaped):
        path.write_bytes(hostile(header=header.encode()))
        with pytest.raises(ModelFileError, match="no digest"):
            read_file(path)


def test_names_that_look_like_the_digest(path):
    name = '"digest":"'
    write_file(
        path, name, {name: name, "digest": "0" * 64}, {name: np.zeros(2), "digest": np.ones(1)}
    )
    read = read_file(path, name)
    assert read.description == {name: name, "digest": "0" * 64}
    assert set(read.arrays) == {name, "digest"}


def test_memory_is_bounded_by_the_file(path):
    tracemalloc = pytest.importorskip("tracemalloc")
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 99_000_000) + b"{}")
    foreign = safetensors.numpy.save({"a": np.zeros(4_000_000)})
    for data in (path.read_bytes(), foreign):
        path.write_bytes(data)
        tracemalloc.start()
        with pytest.raises(ModelFileError):
            read_file(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000  # another library's file is refused before its data is read


# ---- other files


def test_versions(path):
    for version in ("2", "17"):
        path.write_bytes(hostile(metadata={**METADATA, "version": version}))
        with pytest.raises(ModelFileError, match=rf"newer ae_core \(format {version}\): upgrade"):
            read_file(path)
    for version in ("", "0", "-1", "x", "1.0", "9" * 6000):
        path.write_bytes(hostile(metadata={**METADATA, "version": version}))
        with pytest.raises(ModelFileError, match="damaged"):
            read_file(path)


def test_files_of_others(path):
    safetensors.numpy.save_file({"a": np.zeros(3)}, path)
    with pytest.raises(ModelFileError, match="not one of ae_core"):
        read_file(path)
    safetensors.numpy.save_file({"a": np.zeros(3)}, path, {"format": "pt"})
    with pytest.raises(ModelFileError, match="not one of ae_core"):
        read_file(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(ModelFileError, match="not a saved model"):
        read_file(path.with_suffix(".npy"))


def test_kinds(content, path):
    assert read_file(path).kind == read_file(path, "model").kind == "model"
    assert read_file(path, ("detector", "model")).kind == "model"
    with pytest.raises(
        ModelFileError, match="holds a model, not a checkpoint: give the path of a check"
    ):
        read_file(path, "checkpoint")
    with pytest.raises(ModelFileError, match="holds a model, not an Autoencoder or a checkpoint: "):
        read_file(path, ("Autoencoder", "checkpoint"))
    path.write_bytes(hostile(metadata={**METADATA, "kind": ""}))
    with pytest.raises(ModelFileError, match="does not say what it holds"):
        read_file(path)


@pytest.mark.parametrize("as_type", [str, Path, lambda p: os.fsencode(p)])
def test_paths(path, as_type):
    write_file(as_type(path), "model", {}, ARRAYS)
    assert read_file(as_type(path)).path == str(path)


def test_a_missing_file_and_a_directory(path, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        read_file(path)
    assert caught.value.filename == str(path)
    for call in (lambda: read_file(tmp_path), lambda: write_file(tmp_path, "model", {}, {})):
        with pytest.raises(IsADirectoryError) as caught:
            call()
        assert caught.value.filename == str(tmp_path)
    for call in (lambda: read_file(3), lambda: write_file(3, "model", {}, {})):
        with pytest.raises(TypeError, match="PathLike"):
            call()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_neither_waited_for_nor_replaced(path):
    os.mkfifo(path)
    with pytest.raises(ModelFileError, match="not a regular file"):
        read_file(path)
    with pytest.raises(OSError, match="Not a regular file"):
        write_file(path, "model", {}, {})
    assert stat.S_ISFIFO(path.stat().st_mode)


# ---- taking things out


def test_arrays_are_checked():
    file = ModelFile("model", {}, {"a": np.zeros((2, 3)), "b": np.array([1.0, np.nan])}, "m")
    assert file.array("a") is file.arrays["a"]
    file.array("a", dtype=np.float64, shape=(2, 3), finite=True)
    file.array("a", dtype=(np.float32, "float64"), shape=(None, 3))
    file.array("b")
    for arguments, message in [
        ({"name": "c"}, "'m' does not fit: it lacks the array 'c'"),
        (
            {"name": "a", "dtype": (np.float32, np.int64)},
            "dtype float64, which must be float32 or int64",
        ),
        ({"name": "a", "shape": (2,)}, r"shape \(2, 3\), which must be \(2,\)"),
        ({"name": "a", "shape": (None, 4)}, r"must be \(any, 4\)"),
        ({"name": "b", "finite": True}, "NaN or infinite entries.*save it again"),
    ]:
        with pytest.raises(ModelFileError, match=message):
            file.array(**arguments)


def test_values_are_checked():
    description = {"n": 3, "x": 0.5, "yes": True, "s": "text" * 50, "none": None, "l": [1]}
    file = ModelFile("model", description, {}, "m")
    assert file.value("n", int) == 3
    assert file.value("n", float) == 3
    assert file.value("none", (int, type(None))) is None
    assert file.value("yes", bool) is True
    assert file.value("x", lambda x: 0 < x < 1) == 0.5
    for name, expected, meaning, message in [
        ("m", int, "", "'m' does not fit: its description lacks 'm'"),
        ("yes", int, "", "yes=True, which must be int"),
        ("yes", float, "", "must be float"),
        ("x", int, "", "x=0.5, which must be int"),
        ("n", (str, list), "", "must be str or list"),
        ("s", int, "", r"s='(text)+…, which must be int"),
        ("none", lambda x: x > 0, "a number above 0", "none=None, which must be a number above 0"),
        ("l", lambda x: x[3] > 0, "four numbers", "must be four numbers"),
    ]:
        with pytest.raises(ModelFileError, match=message):
            file.value(name, expected, meaning)


# ---- writing that fails


def only_files(folder):
    return sorted(os.listdir(folder))


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failures_leave_the_old_file(content, path, monkeypatch, call, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)) as caught:
        write_file(path, "model", {"new": 1}, {})
    if isinstance(error, OSError):
        assert caught.value.filename == str(path)
        assert caught.value.errno == 28
        assert "No space left on device (not saved" in str(caught.value)
    assert path.read_bytes() == content
    assert only_files(path.parent) == [path.name]


def test_directories_that_take_no_file(tmp_path, path):
    path.write_bytes(b"")
    for bad, error in [
        (tmp_path / "no" / "m", FileNotFoundError),
        (path / "m", NotADirectoryError),
    ]:
        with pytest.raises(error) as caught:
            write_file(bad, "model", {}, {})
        assert caught.value.filename == str(bad)
    assert only_files(tmp_path) == [path.name]


def test_read_only_places(content, path):
    path.chmod(0o444)
    if os.access(path, os.W_OK):
        pytest.skip("this user may write anywhere")
    with pytest.raises(PermissionError):
        write_file(path, "model", {}, {})
    path.chmod(0o644)
    path.parent.chmod(0o555)
    try:
        with pytest.raises(PermissionError):
            write_file(path, "model", {}, {})
    finally:
        path.parent.chmod(0o755)
    assert path.read_bytes() == content


def test_the_directory_is_synced_after_the_rename(path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda fd: (calls.append(stat.S_ISDIR(os.fstat(fd).st_mode)), fsync(fd))
    )
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b)))
    write_file(path, "model", {}, {})
    assert calls == [False, "replace", True]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_and_links(path):
    before = os.umask(0o027)
    try:
        write_file(path, "model", {}, {})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o600)
    link = path.with_name("link")
    link.symlink_to(path.name)
    write_file(link, "model", {"new": 1}, {})
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_file(path).description == {"new": 1}


def python(code, *arguments, **options):
    return [sys.executable, "-c", code, *map(str, arguments)], {"text": True, **options}


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_full_disk(content, path):
    code = """
import resource, signal, sys, numpy as np
from ae_core.files.model_file import write_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write_file(sys.argv[1], "model", {}, {"a": np.zeros(10_000)})
except OSError as error:
    assert error.filename == sys.argv[1], error
    print(type(error).__name__, error)
"""
    command, options = python(code, path, capture_output=True, check=True)
    assert "File too large (not saved" in subprocess.run(command, **options).stdout
    assert path.read_bytes() == content
    assert only_files(path.parent) == [path.name]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_killed_while_saving(path):
    code = """
import os, random, signal, sys, time, numpy as np
from ae_core.files.model_file import read_file, write_file

def save(i):
    write_file(sys.argv[1], "model", {"i": i}, {"a": np.full(200_000, i)})

save(0)
seen = set()
for n in range(20):
    child = os.fork()
    if not child:
        i = 1000 * n
        while True:
            i += 1
            save(i)
    time.sleep(random.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    file = read_file(sys.argv[1], "model")
    assert (file.arrays["a"] == file.description["i"]).all()
    assert file.arrays["a"].shape == (200_000,)
    seen.add(file.description["i"])
print(len(seen))
"""
    command, options = python(code, path, stdout=subprocess.PIPE, check=True)
    assert int(subprocess.run(command, **options).stdout) > 1
    # A process that is killed can leave its one temporary file; nothing else stays.
    left = [name for name in only_files(path.parent) if name != path.name]
    assert len(left) <= 20
    assert all(name.startswith(".ae_core-") and name.endswith(".tmp") for name in left)


def test_import_is_light():
    code = "import sys, ae_core, ae_core.files.model_file; sys.exit('safetensors' in sys.modules)"
    command, options = python(code)
    assert subprocess.run(command, **options).returncode == 0
