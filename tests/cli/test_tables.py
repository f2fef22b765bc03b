"""Tables from files, and to files: what is read, what is refused in one line, and how much memory."""

import gzip
import io
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from written import write_table

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

from ae_core.basics.extras import MissingExtraError  # noqa: E402
from ae_core.cli.tables import reading as tables  # noqa: E402
from ae_core.cli.tables.reading import Layout, TableError, read_table  # noqa: E402
from ae_core.files.table_file import check_output, write_rows  # noqa: E402


def put(name, content):
    with open(name, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return name


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def parquet(**columns):
    buffer = io.BytesIO()
    pandas.DataFrame(columns).to_parquet(buffer)
    return buffer.getvalue()


AB = [[1, 2.5], [3, 4]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", "a,b\n1,2.5\n3,4\n"),
        ("x.csv", "a,b\r\n1,2.5\r\n\r\n3,4"),
        ("x.csv", b"\xef\xbb\xbfa,b\n1,2.5\n3,4\n"),
        ("x.csv", '"a","b"\n"1","2.5"\n"3","4"\n'),
        ("x.csv", "a, b\n1, 2.5\n 3 ,4\n"),
        ("x.csv", "a;b\n1;2,5\n3;4,0\n"),
        ("x.csv", "a|b\n1|2.5\n3|4\n"),
        ("x.txt", "a\tb\n1\t2.5\n3\t4\n"),
        ("x.tsv", "a\tb\n1\t2.5\n3\t4\n"),
        ("X.CSV", "a,b\n1,2.5\n3,4\n"),
        ("x.csv.gz", gzip.compress(b"a,b\n1,2.5\n3,4\n", mtime=0)),
        ("x.parquet", parquet(a=[1, 3], b=[2.5, 4])),
    ],
)
def test_ways_to_write_the_same_table(here, name, content):
    table = read_table(put(name, content))
    assert table.names == ["a", "b"]
    assert table.named
    assert table.values.dtype == np.float64
    assert table.values.flags.c_contiguous
    assert table.values.tolist() == AB


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nTrue\nfalse\n", [[1], [0]]),
        ("a\n123456789012345678901234567890\n-0\n", [[123456789012345678901234567890.0], [0]]),
        ("a\n1e-300\n-1E+5\n", [[1e-300], [-1e5]]),
    ],
)
def test_numbers(here, text, expected):
    assert read_table(put("x.csv", text)).values.tolist() == expected


def test_booleans_and_decimals_of_parquet(here):
    put("x.parquet", parquet(a=[True, False], b=np.array([1, 2], np.uint8)))
    assert read_table("x.parquet").values.tolist() == [[1, 1], [0, 2]]


def test_columns_by_name(here):
    put("x.csv", 'a,"b,c",d,d\n1,2,3,x\n4,5,6,\n')
    assert read_table("x.csv", ["b,c", "a"]).values.tolist() == [[2, 1], [5, 4]]
    assert read_table("x.csv", drop=["d"]).names == ["a", "b,c"]
    assert read_table("x.csv", drop=["d"], dtype=np.float32).values.dtype == np.float32
    chosen = read_table("x.csv", lambda names, named: [names.index("b,c")])
    assert chosen.values.tolist() == [[2], [5]]


def test_columns_without_names_have_numbers(here):
    put("x.csv", "1,2,3\n4,5,6\n")
    table = read_table("x.csv", ["2", "0"], layout=Layout(header=False))
    assert (table.names, table.named) == (["2", "0"], False)
    assert table.values.tolist() == [[3, 1], [6, 4]]


def test_numbers_as_names_are_asked_about_but_not_those_of_pandas(here):
    pandas.DataFrame([[5, 6], [7, 8]]).to_csv("x.csv", index=False)
    assert read_table("x.csv").values.tolist() == [[5, 6], [7, 8]]
    put("x.csv", "2019,2020\n5,6\n")
    with pytest.raises(TableError, match="--no-header"):
        read_table("x.csv")
    assert read_table("x.csv", layout=Layout(header=True)).values.tolist() == [[5, 6]]
    assert len(read_table("x.csv", layout=Layout(header=False)).values) == 2


def test_text_in_columns_left_out_does_not_matter(here):
    put("x.csv", 'a,"note\n2"\n1,"x\n,y"\n2,é\n'.encode("latin-1"))
    assert read_table("x.csv", ["a"]).values.tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", "", "is empty"),
        ("x.csv", "\n\n", "is empty"),
        ("x.csv", "a,b\n", "no rows"),
        ("x.csv", "a,b\n1,2\n1,2,3\n", "line 3 has 3 fields, and there are 2 columns"),
        ("x.csv", "a,b\n1,2\n\n1\n", "line 4 has 1 fields"),
        ("x.csv", "à,b\n1,2\n".encode("latin-1"), "not UTF-8"),
        ("x.csv", "a,b\n1,2\n".encode("utf-16"), "not UTF-8"),
        ("x.csv", bytes(range(256)), "not UTF-8"),
        ("x.csv", "a,b,a\n1,2,3\n", "several columns are called 'a'"),
        ("x.csv", ",a\n0,1\n1,2\n", "column 1 has no name"),
        ("x.csv", "a,b\n1,x\n2,y\n", "column 'b' (line 2: 'x'); leave out with --drop b,"),
        ("x.csv", "a,b,c\nu,1,x\nv,1,y\n", "'a' (line 2: 'u'), 'c' (line 2: 'x'); leave"),
        ("x.csv", "day,b\n2020-01-02,1\n2020-01-03,2\n", "column 'day' (line 2: '2020-01-02')"),
        ("x.csv", "a\n" + "1\n" * 20 + "x\n", "column 'a', line 22, is 'x' (1 of 21 values"),
        ("x.csv", "a,b\n1,2\n\n,4\n", "column 'a', line 4, has no value"),
        ("x.csv", "a,b\n1,2\n3,NA\n", "column 'b', line 3, has no value"),
        ("x.csv", "a,b\n1,2\n3,nan\n", "column 'b', line 3, has no value"),
        ("x.csv", "a,b\n1,2\n3,-inf\n", "column 'b', line 3, is '-inf'"),
        ("x.csv", "a,b\n1,2\n3,1e400\n", "column 'b', line 3, is '1e400'"),
        ("x.csv", 'a,b\n"1,5",2\n"2,5",2\n', "add --decimal ,"),
        ("x.csv", "a,b\n1_000,2\n2_000,2\n", "'1_000'"),
        ("x.csv", 'a,b\n1,"2\n3,4\n', "column 'b'"),
        ("x.csv.gz", gzip.compress(b"a,b\n1,2\n" * 2000, mtime=0)[:-12], "damaged or cut short"),
        ("x.csv.gz", b"a,b\n1,2\n", "damaged or cut short"),
        ("x.parquet", "a,b\n1,2\n", "can't be read as Parquet"),
        ("x.parquet", parquet(a=[1, 2])[:-50], "can't be read as Parquet"),
        ("x.parquet", parquet(a=[1, None]), "column 'a', row 2, has no value"),
        ("x.parquet", parquet(a=["u", "v"], b=[1, 2]), "column 'a' (row 1: 'u')"),
        ("x.parquet", parquet(a=[]), "no rows"),
        ("x.npy", "", "is empty"),
        ("x.npy", npy(np.eye(9))[:-5], "damaged or cut short"),
        ("x.npy", pickle.dumps([1]), "not in NumPy's format"),
        ("x.npy", npy(np.array([[None]])), "Python objects"),
        ("x.npy", npy(np.ones(3)), "array.reshape(-1, 1)"),
        ("x.npy", npy(np.ones((2, 2, 2))), "shape (2, 2, 2)"),
        ("x.npy", npy(np.ones((0, 2))), "nothing to read"),
        ("x.npy", npy(np.eye(2) * 1j), "complex128"),
        ("x.npy", npy(np.array([["a"]])), "<U1"),
        ("x.npy", npy(np.array([[1, np.nan]])), "column '1', row 1, has no value"),
        ("x.npy", npy(np.array([[1], [np.inf]])), "column '0', row 2, is inf"),
        ("x.npz", npz(a=np.eye(2), b=np.eye(2)), "'a', 'b': choose one, as in x.npz:a"),
        ("x.npz", npz(a=np.array([None])), "Python objects"),
        ("x.npz", npz(a=np.eye(2))[:-30], "can't be read as .npz"),
        ("x.npz", npy(np.eye(2)), "rename it to .npy"),
        ("x.dat", "a", "it must end in .csv"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(here, name, content, words):
    with pytest.raises(TableError) as caught:
        read_table(put(name, content))
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", "a,b\n1,\nNA,4\n"),
        ("x.csv", "a,b\n1,?\n,4\n"),
        ("x.parquet", parquet(a=[1, None], b=[None, 4])),
        ("x.npy", npy(np.array([[1, np.nan], [np.nan, 4]]))),
        ("x.npz", npz(a=np.array([[1, np.nan], [np.nan, 4]]))),
    ],
)
def test_what_is_missing_is_nan_where_it_may_be(here, name, content):
    values = read_table(put(name, content), missing=True).values
    np.testing.assert_array_equal(values, [[1, np.nan], [np.nan, 4]])


def test_truths_may_be_missing_too(here):
    values = read_table(put("x.csv", "a,b\ntrue,1\n,2\nfalse,3\n"), missing=True).values
    np.testing.assert_array_equal(values, [[1, 1], [np.nan, 2], [0, 3]])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", "a,b\n1,\n3,-inf\n", "column 'b', line 3, is '-inf'"),
        ("x.csv", "a,b\n1,\n3,x\n", "column 'b' (line 3: 'x')"),
        ("x.npy", npy(np.array([[np.nan], [np.inf]])), "column '0', row 2, is inf"),
    ],
)
def test_what_is_no_number_is_refused_beside_what_is_missing(here, name, content, words):
    with pytest.raises(TableError) as caught:
        read_table(put(name, content), missing=True)
    assert words in str(caught.value)
    assert "--missing" not in str(caught.value)


def test_places_that_are_no_files(here):
    (here / "folder.csv").mkdir()
    with pytest.raises(TableError, match="directory"):
        read_table("folder.csv")
    with pytest.raises(FileNotFoundError):
        read_table("nothing.csv")


def test_names_that_are_not_there(here):
    put("x.csv", "alpha,beta\n1,2\n")
    with pytest.raises(TableError, match="no column 'alpa'; is 'alpha' meant"):
        read_table("x.csv", ["alpa"])
    with pytest.raises(TableError, match="no column 'zzz'; there are 'alpha', 'beta'"):
        read_table("x.csv", drop=["zzz"])
    with pytest.raises(TableError, match="no column is left"):
        read_table("x.csv", drop=["alpha", "beta"])


def test_float32_has_limits(here):
    put("x.csv", "a\n1\n1e300\n")
    with pytest.raises(TableError, match="line 3, is '1e300', beyond float32"):
        read_table("x.csv", dtype=np.float32)


def test_npy_is_mapped_and_not_copied(here):
    put("x.npy", npy(np.eye(5, dtype=np.float32)))
    values = read_table("x.npy").values
    assert isinstance(values, np.memmap)
    assert values.dtype == np.float32
    assert read_table("x.npy", ["3", "1"]).values.tolist() == np.eye(5)[:, [3, 1]].tolist()


@pytest.mark.parametrize("dtype", ["?", "u1", "i8", ">f8", ">i4", "f2", "f4", "f8"])
def test_npy_of_any_numbers(here, dtype):
    put("x.npy", npy(np.eye(3).astype(dtype)))
    values = read_table("x.npy").values
    assert values.dtype.isnative
    assert values.tolist() == np.eye(3).tolist()


def test_one_array_of_several(here):
    put("x.npz", npz(a=np.eye(2), b=np.ones((1, 3))))
    assert read_table("x.npz:b").values.tolist() == [[1, 1, 1]]
    with pytest.raises(TableError, match="no array 'c'"):
        read_table("x.npz:c")


def test_quoted_lines_of_many_blocks(here):
    rows = [f'{i},"line {i}\n{i},and,more\n"' for i in range(60_000)]
    put("x.csv", "\n".join(["a,note", *rows]))
    assert np.array_equal(read_table("x.csv", ["a"]).values[:, 0], np.arange(60_000))


def test_many_blocks_come_in_order(here):
    X = np.random.default_rng(0).normal(size=(60_000, 3))  # some blocks of a megabyte
    write_table("x.csv", ["a", "b", "c"], X)
    assert np.array_equal(read_table("x.csv").values, X)
    with open("x.csv", "a") as file:
        file.write("1,2,x\n")
    with pytest.raises(TableError, match="line 60002, is 'x'"):
        read_table("x.csv")


def test_without_pyarrow_numpys_files_can_be_read(here, monkeypatch):
    put("x.npy", npy(np.eye(2)))
    put("x.csv", "a\n1\n")
    for module in ("pyarrow", "pyarrow.csv"):
        monkeypatch.setitem(sys.modules, module, None)
    read_table("x.npy")
    write_table("y.npy", ["a"], np.ones((1, 1)))
    with pytest.raises(MissingExtraError, match=r"pip install 'ae_core\[cli\]'"):
        read_table("x.csv")


# --- writing -------------------------------------------------------------------------------------

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda name: name == name.strip() and not name.startswith("\ufeff")
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    X=hnp.arrays(
        st.sampled_from([np.float64, np.float32]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=5),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    ),
    data=st.data(),
    ending=st.sampled_from([".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".npy"]),
)
def test_what_is_written_is_read(here, X, data, ending):
    k = X.shape[1]
    names = data.draw(st.lists(NAMES, min_size=k, max_size=k, unique=True))
    path = f"x{ending}"
    write_table(path, names, X)
    layout = None if ending == ".npy" else Layout(header=True)
    if ending.startswith(".csv"):
        layout = Layout(separator=",", header=True)
    table = read_table(path, layout=layout, dtype=X.dtype)
    assert np.array_equal(table.values, X)
    assert table.names == ([str(i) for i in range(k)] if ending == ".npy" else names)
    assert [file.name for file in here.iterdir() if file.name.startswith(".")] == []


def test_columns_of_several_kinds(here):
    columns = [np.arange(2), ["x", 'y,"z"'], np.array([True, False]), np.array([0.1, 2], "f4")]
    write_table("x.csv", list("abcd"), columns)
    frame = pandas.read_csv("x.csv")
    assert frame["b"].tolist() == columns[1]
    assert frame["c"].tolist() == [True, False]
    assert frame["d"].tolist() == [0.1, 2]
    write_table("x.parquet", list("abcd"), columns)
    assert pandas.read_parquet("x.parquet")["b"].tolist() == columns[1]


@pytest.mark.parametrize("path", ["x.csv", "x.csv.gz", "x.parquet", "x.npy"])
def test_an_error_half_way_leaves_what_was_there(here, path):
    put(path, "old")

    def parts():
        yield np.ones((2, 1))
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        write_rows(path, ["a"], parts(), 4)
    assert (here / path).read_bytes() == b"old"
    assert [file.name for file in here.iterdir()] == [path]


def test_places_that_can_not_be_written(here):
    with pytest.raises(TableError, match=r"must end in .csv"):
        check_output("x.xlsx")
    with pytest.raises(FileNotFoundError):
        check_output("no/folder/x.csv")
    (here / "folder.csv").mkdir()
    with pytest.raises(IsADirectoryError):
        check_output("folder.csv")
    check_output("-")
    check_output("x.csv")
    assert [file.name for file in here.iterdir()] == ["folder.csv"]


# --- memory --------------------------------------------------------------------------------------

MEASURE = """
import sys
import numpy as np, pyarrow.csv
from ae_core.cli.tables.reading import read_table
def peak():  # getrusage would count the process that started this one
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
read_table(sys.argv[1])
before = peak()
values = read_table(sys.argv[2]).values
print((peak() - before) * 1024 / values.nbytes)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux's /proc")
def test_a_large_table_takes_little_more_than_its_array(here):
    X = np.random.default_rng(0).normal(size=(500_000, 20))  # 80 MB; as text, 190 MB
    write_table("large.csv", [f"x{i}" for i in range(20)], X)
    write_table("small.csv", [f"x{i}" for i in range(20)], X[:50_000])
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, "small.csv", "large.csv"],
        capture_output=True,
        text=True,
        check=True,
    )
    # 1.5 when this was written: Arrow has some blocks more at work. A second copy makes it 2.2.
    assert float(run.stdout) < 1.8


def test_registered_names():
    assert tables.is_table_name("a.CSV")
    assert tables.is_table_name("a.npz:b")
    assert not tables.is_table_name("a.safetensors")
