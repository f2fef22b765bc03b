"""Tables made to harm: bombs, devices, files that are none, names that terminals obey; and no threads."""

import gzip
import io
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("click")
pyarrow = pytest.importorskip("pyarrow")

from ae_core import Autoencoder, AutoencoderOutlierDetector  # noqa: E402
from ae_core.basics.shown import cut, printable, shown  # noqa: E402
from ae_core.cli.tables import text as texts  # noqa: E402
from ae_core.cli.tables.columns import chosen_columns, drop_option, listed  # noqa: E402
from ae_core.cli.tables.reading import Layout, TableError, read_table  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
ELSEWHERE = re.compile(
    r"[A-Z][a-z]+Error|Traceback|object has no|NoneType|could not|Exceeds|literal"
)


def refused(path, *arguments, **options):
    with pytest.raises(TableError) as caught:
        read_table(str(path), *arguments, **options)
    message = str(caught.value)
    assert len(message) <= 300, message
    assert message.isprintable()
    assert not ELSEWHERE.search(message), message
    return message


# --- bombs ---------------------------------------------------------------------------------------

MEBIBYTE = 1 << 20


@pytest.mark.parametrize(
    ("start", "chunk", "line"),
    [
        (b"", b"1" * MEBIBYTE, 1),
        (b"", b"," * MEBIBYTE, 1),
        (b"a,b\n1,2\n", b"x" * MEBIBYTE, 3),
        (b'a,b\n1,2\n3,"', b"x\n" * (MEBIBYTE // 2), 3),
        (b"a,b\n1,2\n", b"\n" * MEBIBYTE, None),
        (b"a,b\n1,2\n", b"\r" * MEBIBYTE, None),
        (b"a,b\n1,2\n", b"  \t\n" * (MEBIBYTE // 4), None),
        (b"", b"\r\n" * (MEBIBYTE // 2), None),
        (b"", b"# no\n" * (MEBIBYTE // 4), None),
        (b"a,b\n1,2\n", b"#" * MEBIBYTE, 3),
    ],
)
def test_what_goes_on_for_ever_is_not_followed(here, monkeypatch, start, chunk, line):
    """Neither all of it is unpacked, nor much of it held."""
    monkeypatch.setattr(texts, "LONGEST", 4 * MEBIBYTE)
    n_read = []
    with gzip.open("bomb.csv.gz", "wb", 1) as file:
        file.write(start)
        for _ in range(40):
            file.write(chunk)
    read = gzip.GzipFile.read

    def count(self, *arguments):
        piece = read(self, *arguments)
        n_read.append(len(piece))
        return piece

    monkeypatch.setattr(gzip.GzipFile, "read", count)
    message = refused("bomb.csv.gz", layout=Layout(comment="#"))
    assert "goes on for more than" in message
    assert line is None or f"line {line} " in message
    assert sum(n_read) <= 10 * MEBIBYTE
    assert max(n_read) <= 5 * MEBIBYTE


def test_lines_may_be_long(here):
    """A table may have so many columns; and text that nothing is learned from may be long."""
    n = 100_000
    with open("wide.csv", "w") as file:
        file.write(",".join(f"column number {i}" for i in range(n)) + "\n")
        file.write(",".join(map(str, range(n))) + "\n")
    table = read_table("wide.csv")
    assert table.values.tolist() == [list(range(n))]
    assert table.names[-1] == f"column number {n - 1}"


def test_a_header_of_too_many_fields_is_not_parted(here, monkeypatch):
    from ae_core.cli.tables import layout

    monkeypatch.setattr(layout, "MOST_COLUMNS", 1000)
    (here / "x.csv").write_text("," * 1000 + "\n" + "1," * 1000 + "\n")
    assert "more than 1000 fields" in refused("x.csv")


# --- devices -------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs devices of POSIX")
@pytest.mark.parametrize("name", ["x.csv", "x.npy", "x.npz", "x.parquet", "x.csv.gz", "x.npz:a"])
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/full"])
def test_devices_are_no_tables(here, name, device):
    os.symlink(device, name.partition(":")[0])
    assert "neither a file nor a pipe" in refused(name)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs devices of POSIX")
@pytest.mark.parametrize(
    ("place", "before"), [("-", ""), ("/dev/stdin", ""), ("-", "cat /dev/zero | ")]
)
def test_streams_without_an_end(here, place, before):
    after = "" if before else " < /dev/zero"
    command = f"{before}{sys.executable} -m ae_core fit {place} -o m{after}"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert "goes on for" in done.stderr if before else "neither a file nor a pipe" in done.stderr


# --- time that grows as the table does -------------------------------------------------------------


class Counted(str):
    """Names that count how often they are compared, and hashed."""

    n_compared = 0

    def __eq__(self, other):
        Counted.n_compared += 1
        return str.__eq__(self, other)

    def __hash__(self):
        return str.__hash__(self)


@pytest.mark.parametrize("how", ["all", "columns", "drop", "model"])
def test_names_are_not_looked_for_one_by_one(how):
    compared = []
    for n in (500, 1000, 2000):
        names = [Counted(f"x{i}") for i in range(n)]
        asked = [Counted(f"x{i}") for i in range(0, n, 2)]
        Counted.n_compared = 0
        choice = {
            "all": chosen_columns(),
            "columns": chosen_columns(asked),
            "drop": chosen_columns(None, asked),
        }
        if how == "model":
            from ae_core.cli.options import Reading

            model = Autoencoder(1)
            model.feature_names_in_, model.n_features_in_ = np.array(asked, object), len(asked)
            reading, found = Reading(None, [], Layout(), []), []
            reading._read = lambda path, wanted, n=names, f=found: f.append(wanted.choose(n, True))
            reading.table_for(model, "x.csv")
            assert len(found[0]) == len(asked)
        else:
            assert len(choice[how](names, True)) == (n if how == "all" else n // 2)
        compared.append(Counted.n_compared)
    assert compared[2] <= 5 * max(compared[0], 2000)  # as the square it would be 16 times


def test_text_in_every_row_is_told_after_some_of_them(here, monkeypatch):
    row = "some text here,another text,1.5,2.5\n"
    n_read = []
    more = texts.Text.more
    monkeypatch.setattr(texts.Text, "more", lambda self: n_read.append(more(self)))
    for n in (20_000, 200_000):
        (here / "x.csv").write_text("a,b,c,d\n" + n * row)
        n_read.clear()
        assert "'a' (line 2: 'some text here')" in refused("x.csv")
        assert len(n_read) <= 2


def test_odd_rows_are_read_as_quickly_at_the_end_as_in_the_beginning(here):
    """No more than so many calls for each row, wherever it stands."""
    calls = []
    for n in (300, 600):
        (here / "x.csv").write_text("a;b\n" + "1\xa0000,5;2\n" * n, encoding="utf-8")
        n_calls = 0

        def count(frame, event, argument):
            nonlocal n_calls
            n_calls += event == "call"

        sys.setprofile(count)
        try:
            table = read_table("x.csv", layout=Layout(decimal=",", thousands=" "))
        finally:
            sys.setprofile(None)
        assert (table.values == [1000.5, 2]).all()
        calls.append(n_calls)
    assert calls[1] < 2.2 * calls[0]


def test_packing_is_quick(here, monkeypatch):
    from written import write_table

    levels = []
    packed = gzip.GzipFile.__init__

    def note(self, filename=None, mode=None, compresslevel=9, *more, **named):
        levels.append(compresslevel)
        packed(self, filename, mode, compresslevel, *more, **named)

    monkeypatch.setattr(gzip.GzipFile, "__init__", note)
    write_table("x.csv.gz", ["a"], np.ones((3, 1)))
    assert levels == [1]
    assert gzip.decompress((here / "x.csv.gz").read_bytes()) == b"a\n1\n1\n1\n"


# --- NumPy's files, and files that are none --------------------------------------------------------


def npy(header, data=b"\0" * 64, version=(1, 0)):
    size = struct.pack("<H" if version[0] == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + size + header + data


def plain(descr="'<f8'", order="False", shape="(2, 2)", after=", }"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}{after}\n".encode()


HEADERS = {
    "deep": b"(" * 60_000 + b"\n",
    "deeper": b"{'descr': " + b"[" * 60_000 + b"\n",
    "no dictionary": b"[1, 2]\n",
    "code": plain("__import__('os')"),
    "an open string": b"{'descr': '<f8\n",
    "an open comment": b"{'descr': '<f8', # \n",
    "bad indentation": b"  {\n 'descr'\n    :\n",
    "a backslash": b"\\\n\\\n",
    "no bytes of ASCII": plain("'\xff\xfe'"),
    "a null": plain("'<f8\0'"),
    "records": plain("[('a', '<f8'), ('b', '<f8')]"),
    "a type of records": plain("'f8,f8'"),
    "a type of arrays": plain("'(3,)f8'"),
    "no type": plain("'<f3'"),
    "a long type": plain("'<f" + "9" * 10_000 + "'"),
    "dates": plain("'<M8[ns]'"),
    "texts": plain("'<U999999999'"),
    "voids": plain("'|V8'"),
    "objects": plain("'|O'"),
    "a type that is a number": plain("8"),
    "another order": plain(order="'F'"),
    "negative lengths": plain(shape="(-1, 2)"),
    "floats for lengths": plain(shape="(2.0, 2)"),
    "huge lengths": plain(shape="(4611686018427387904, 4)"),
    "lengths that wrap": plain(shape="(4294967296, 4294967296)"),
    "long lengths": plain(shape="(" + "9" * 10_000 + ", 2)"),
    "many lengths": plain(shape="(" + "1, " * 100 + ")"),
    "no lengths": plain(shape="()"),
    "a length that is none": plain(shape="2"),
    "lengths that are texts": plain(shape="('2', '2')"),
    "more entries": plain(after=", 'x': 1}"),
    "fewer entries": b"{'descr': '<f8', 'shape': (2, 2)}\n",
    "no end": plain(after=", "),
    "something behind": plain(after=", } + 1"),
    "nothing": b"\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("packed", [False, True])
def test_headers_that_are_none_of_numbers(here, name, packed):
    content = npy(HEADERS[name][:65_000], version=(1, 0))
    if packed:
        with zipfile.ZipFile("x.npz", "w") as file:
            file.writestr("a.npy", content)
    else:
        (here / "x.npy").write_bytes(content)
    refused("x.npz" if packed else "x.npy")


@pytest.mark.parametrize(
    "content",
    [
        b"\x93NUMP", b"\x93NUMPY", b"\x93NUMPY\x01", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x01\x00\xff",
        npy(plain(), version=(9, 0)), npy(plain(), version=(0, 0)), npy(plain(), b"\0" * 31),
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + plain(),
        npy(plain("'|b1'"), b"\2" * 64),
    ],
)  # fmt: skip
def test_files_cut_short_or_of_other_versions(here, content):
    (here / "x.npy").write_bytes(content)
    refused("x.npy")


@pytest.mark.parametrize(
    ("header", "version"),
    [
        (plain(), (1, 0)),
        (plain(), (2, 0)),
        (plain(), (3, 0)),
        (b'{"shape": (2,2,), "descr": "<f8", "fortran_order": False}', (1, 0)),
        (b"{'fortran_order': True , 'shape':( 2 , 2 ) ,'descr':'<f8'}   \n", (1, 0)),
    ],
)
def test_headers_as_others_write_them(here, header, version):
    numbers = np.arange(4.0)
    (here / "x.npy").write_bytes(npy(header, numbers.tobytes(), version))
    expected = numbers.reshape(2, 2, order="F" if b"True" in header else "C")
    assert read_table("x.npy").values.tolist() == expected.tolist()
    assert read_table("x.npy").values.tolist() == np.load("x.npy").tolist()


def test_lengths_as_python_2_wrote_them(here):
    (here / "x.npy").write_bytes(npy(plain(shape="(4L, 1L)"), np.arange(4.0).tobytes()))
    assert read_table("x.npy").values.tolist() == [[0], [1], [2], [3]]


def archive(name, **members):
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as file:
        for member, content in members.items():
            file.writestr(member.replace("__", "."), content)
    with open(name, "rb") as file:
        return bytearray(file.read())


def whole(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a__txt": b"text"}, "no arrays"),
        ({}, "no arrays"),
        ({"a__npy": b"no array"}, "not in NumPy's format"),
        ({"a__npy": b""}, "not in NumPy's format"),
        ({"a__npy": whole(np.eye(9))[:-8]}, "damaged"),
        ({"a__npy": whole(np.eye(9)) + b"more"}, "damaged"),
        ({"a__npy": whole(np.eye(9)), "b__npy": b""}, "choose one"),
        ({n + "__npy": b"" for n in ("data", "indices", "indptr", "shape", "format")}, "sparse"),
        ({"\x1b[31m" * 100 + "__npy": b"", "b__npy": b""}, "choose one"),
    ],
)
def test_archives_without_the_array(here, members, words):
    archive("x.npz", **members)
    assert words in refused("x.npz")
    for name in ("zzz", "a", "\x1b[2J"):
        if f"{name}__npy" not in members:
            refused(f"x.npz:{name}")


def test_an_array_beside_what_is_none(here):
    archive("x.npz", a__npy=whole(np.eye(2)), readme__txt=b"text")
    assert read_table("x.npz").values.tolist() == [[1, 0], [0, 1]]
    assert read_table("x.npz:a").values.tolist() == [[1, 0], [0, 1]]
    os.rename("x.npz", "X.NPZ")
    assert read_table("X.NPZ:a").values.tolist() == [[1, 0], [0, 1]]


def test_every_byte_of_an_archive_may_be_another(here):
    content = archive("x.npz", a__npy=whole(np.eye(2)))
    n_refused = 0
    for place in range(len(content)):
        for value in (0, 0xFF, content[place] ^ 1, content[place] ^ 0x80):
            changed = bytes(content[:place]) + bytes([value]) + bytes(content[place + 1 :])
            (here / "x.npz").write_bytes(changed)
            try:
                values = read_table("x.npz").values
            except TableError as error:
                n_refused += 1
                assert len(str(error)) <= 300  # noqa: PT017
                assert not ELSEWHERE.search(str(error))  # noqa: PT017
            else:
                assert np.array_equal(values, np.eye(2))
    assert n_refused > len(content)


@pytest.mark.parametrize(
    "change", ["encrypted", "another method", "a newer version", "a lie about size"]
)
def test_tricks_of_archives(here, change):
    content = archive("x.npz", a__npy=whole(np.eye(40)))
    central = content.rindex(b"PK\x01\x02")
    if change == "encrypted":
        content[6] |= 1
        content[central + 8] |= 1
    elif change == "another method":
        content[8:10] = content[central + 10 : central + 12] = struct.pack("<H", 98)
    elif change == "a newer version":
        content[central + 6] = 99
    else:
        content[central + 24 : central + 28] = struct.pack("<I", 2**32 - 2)
    (here / "x.npz").write_bytes(content)
    refused("x.npz")


def test_parquet_that_is_none(here):
    for content in (b"", b"PAR1", b"PAR1PAR1", b"x" * 100, b"PAR1" + b"\xff" * 50 + b"PAR1"):
        (here / "x.parquet").write_bytes(content)
        assert "can't be read as Parquet" in refused("x.parquet")


# --- what is printed -------------------------------------------------------------------------------

TITLE, FAKE, TURNED = "\x1b]0;title\x07", "ok\nae-core: all is well", "abc\u202egpj.exe"
ODD_NAMES = [TITLE, FAKE, TURNED, "\x9b2J", "=cmd|'/C calc'!A0", "plain", "\u2028", "x" * 500]


def assert_printable(*streams):
    for stream in streams:
        for line in stream.split("\n"):
            assert line.isprintable() or not line, line
            assert not line.startswith("ae-core: all is well")


def test_names_of_columns_are_printed_as_names(run, here):
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(rng.normal(size=(40, len(ODD_NAMES))), columns=ODD_NAMES)
    frame.iloc[7] += 100
    frame.to_parquet("x.parquet")
    Autoencoder(2, max_iter=20, random_state=0).fit(frame).save("m")
    AutoencoderOutlierDetector(random_state=0).fit(frame).save("d")
    (here / "few.csv").write_text("plain\n1\n")
    frame.assign(plain=np.where(frame["plain"] > 0, np.nan, 1)).to_parquet("holes.parquet")
    frame.assign(**{TITLE: "text"}).to_parquet("text.parquet")
    for command in (
        ["info", "m"],
        ["info", "d"],
        ["diagnose", "m", "x.parquet"],
        ["fit", "x.parquet", "-o", "n"],
        ["fit", "text.parquet", "-o", "n"],
        ["fit", "text.parquet", "-o", "n", "--mixed"],
        ["fit", "holes.parquet", "-o", "n"],
        ["fit", "x.parquet", "-o", "n", "--drop", TITLE + "x"],
        ["fit", "x.parquet", "-o", "n", "--columns", TURNED],
        ["encode", "m", "few.csv"],
        ["score", "d", "text.parquet"],
        ["demo", "--data", "x.parquet", "--max-iter", "2", "-o", "p.png"],
        ["fit", "no\x1b[31m.csv", "-o", "n"],
        ["info", "no\x1b[31m"],
        ["\x1b[31m"],
    ):
        assert_printable(*run(*command)[1:])
    _, out, _ = run("info", "m")
    assert r"\x1b]0;title\x07" in out
    assert r"ok\nae-core: all is well" in out
    assert r"abc\u202egpj.exe" in out


def test_a_person_sees_names_as_names(run, here, monkeypatch):
    import ae_core.cli.score as cli_score

    monkeypatch.setattr(cli_score, "is_terminal", lambda stream: True)
    frame = pandas.DataFrame(
        np.random.default_rng(0).normal(size=(20, 3)), columns=[TITLE, FAKE, "c"]
    )
    Autoencoder(2, max_iter=5, random_state=0).fit(frame).save("m")
    frame.assign(id=[TITLE, FAKE] * 10).to_parquet("x.parquet")
    code, out, said = run("score", "m", "x.parquet", "--keep", "id", "--top", "5")
    assert code == 0
    assert_printable(out, said)
    assert len(out.splitlines()) == 7


def test_csv_output_has_names_as_they_are(run, here):
    frame = pandas.DataFrame(
        np.random.default_rng(0).normal(size=(9, 3)), columns=["=1+1", FAKE, "c"]
    )
    Autoencoder(2, max_iter=5, random_state=0).fit(frame).save("m")
    frame.to_parquet("x.parquet")
    assert run("reconstruct", "m", "x.parquet", "-o", "y.csv")[0] == 0
    assert list(pandas.read_csv("y.csv").columns) == ["=1+1", FAKE, "c"]
    assert "is a formula" in " ".join(run("--help")[1].split())


@pytest.mark.parametrize(
    "text", [*ODD_NAMES, "", "é µ → 日本", "\ud800", "\0", "a\tb", "\xa0", "\u200b"]
)
def test_printable(text):
    assert printable(text).isprintable()
    assert text.isprintable() == (printable(text) == text)
    assert len(cut(printable(text), 20)) <= 20
    assert shown(text).isprintable()
    assert len(shown(text)) <= 58


@pytest.mark.parametrize("n", [1, 5, 50, 5000])
@pytest.mark.parametrize(
    "name", ["x", "a longer name of a column ", "\x1b[31m" * 40, "with, comma", '"quoted"']
)
def test_lists_of_names_have_an_end(n, name):
    names = [f"{name}{i}" for i in range(n)]
    for text in (listed(names), drop_option(names)):
        assert len(text) <= 160
        assert text.isprintable()
    assert listed(names).endswith("more") == (n > 5 or (n == 5 and len(name) > 20))


def test_shown_values_have_an_end():
    deep = []
    for _ in range(5000):
        deep = [deep]
    for value in (
        10**10_000,
        -(10**5000),
        [10**5000],
        deep,
        b"x" * 10**6,
        {"a": "\x1b"},
        1.5,
        None,
    ):
        assert len(shown(value)) <= 58
        assert shown(value).isprintable()


# --- no threads --------------------------------------------------------------------------------------

THREADS = """
import os, sys
import numpy as np, pyarrow
from ae_core.cli.tables.reading import read_table
from ae_core.files.table_file import write_rows

def n_threads():
    return len(os.listdir("/proc/self/task"))

X = np.random.default_rng(0).normal(size=(40_000, 8))
before = n_threads()
for name in ("x.csv", "x.csv.gz", "x.parquet", "x.npy"):
    write_rows(name, [f"x{i}" for i in range(8)], [X], len(X))
    assert np.array_equal(read_table(name).values, X)
print(n_threads() - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs Linux's /proc")
def test_tables_are_read_and_written_without_a_thread(here):
    done = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"


FEW_THREADS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*start)(void *), void *argument)
{
    static int n;
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (n >= atoi(getenv("MOST_THREADS")))
        return EAGAIN;
    n++;
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, how, start, argument);
}
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("cc"), reason="needs a compiler on Linux"
)
def test_where_hardly_a_thread_can_be_started(here):
    """As in a container with few processes, where pyarrow's reader of CSV waits for ever."""
    (here / "few.c").write_text(FEW_THREADS)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "few.so", "few.c", "-ldl"], check=True)
    (here / "x.csv").write_text("a,b\n" + "1,2\n3,5\n4,4\n5,6\n" * 50)
    pandas.read_csv("x.csv").astype(float).to_feather("x.feather")
    with pyarrow.CompressedOutputStream("x.csv.zst", "zstd") as packed:
        packed.write((here / "x.csv").read_bytes())
    environment = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MOST_THREADS": "1",
    }
    if "asan" in environment.get("LD_PRELOAD", ""):
        pytest.skip("another library is there first")
    environment["LD_PRELOAD"] = str(here / "few.so")
    code = (
        "from ae_core.cli.main import main\n"
        "for command in ('fit x.csv -o m --threads 1 --epochs 2 -q', 'reconstruct m x.csv -o y.parquet',\n"
        "                'reconstruct m y.parquet -o z.csv', 'reconstruct m x.feather -o a.csv',\n"
        "                'reconstruct m x.csv.zst -o b.csv'):\n"
        "    assert main(command.split()) == 0\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=60
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("z.csv", "a.csv", "b.csv"):
        assert len((here / name).read_text().splitlines()) == 201


def test_what_is_installed_is_not_called_missing(here, monkeypatch):
    from written import write_table

    import ae_core.basics.extras as extras
    from ae_core.basics.extras import MissingExtraError

    (here / "x.parquet").write_bytes(b"PAR1")

    def fail(name):
        raise ImportError("libarrow.so.2600: failed to map segment from shared object")

    monkeypatch.setattr(extras, "import_module", fail)
    for call in (
        lambda: read_table("x.parquet"),
        lambda: write_table("x.csv", ["a"], np.ones((1, 1))),
    ):
        with pytest.raises(
            ImportError, match=r"installed, but can't be loaded: libarrow"
        ) as caught:
            call()
        assert not isinstance(caught.value, MissingExtraError)
