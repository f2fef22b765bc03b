"""Exports of banks, sensors and spreadsheets: the message names what is there, and its advice works.

Each case says what the message must have, and the options of its advice, which are tried on it.
"""

import bz2
import gzip
import io
import lzma
import os
import shlex

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("click")
pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.feather")

from ae_core import Autoencoder, load  # noqa: E402
from ae_core.cli.main import main  # noqa: E402
from ae_core.cli.wording import OPTIONS, in_options  # noqa: E402

nan = np.nan
pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")


@pytest.fixture
def run(run):
    """The same for a line as it is typed."""
    return lambda command: run(*shlex.split(command))


@pytest.fixture
def read(read):
    """The same, with more options as they are typed."""
    return lambda content, more="", name="x.csv": read(content, *shlex.split(more), name=name)


def values_of(table):
    """Numbers; of categories their texts."""
    assert not isinstance(table, str), table
    return np.asarray(table.values).tolist()


def lines(first, row, n=40, last=()):
    return "\n".join([*first, *(row(i) for i in range(n)), *last]) + "\n"


def test_options_are_called_as_fit_has_them():
    from ae_core.cli.fit import fit

    names = {option.name: option.opts for option in fit.params}
    known = set(OPTIONS) & set(names)
    assert set(OPTIONS) - known == {"early_stopping"}
    assert all(OPTIONS[parameter] in names[parameter] for parameter in known)


# --- what is wrong, and what to do ---------------------------------------------------------------

PRICES = lines(["price,shop"], lambda i: f"${i + 1000}.5,s{i % 3}")
CASES = {
    # columns of money, dates and names beside each other
    "a currency before": ("a,b\n$1.5,2\n$2.5,3\n", ["'a'", "line 2", "currency"], None),
    "its letters behind": ("a;b\n1,5 EUR;2\n2,5 EUR;3\n", ["currency", "--decimal ,"], None),
    "its letters before": ("a,b\nCHF 15,2\nCHF 16,3\n", ["currency"], None),
    "money among categories": (PRICES, ["'price'", "currency"], None, "--mixed"),
    "shares among categories": (lines(["a,b"], lambda i: f"{i}%,s{i % 3}"), ["'a'", "percent"], None, "--mixed"),
    "other decimals, few values": (lines(["a;b"], lambda i: f"{i % 3}.5;x"), ["'a'", "--decimal ."], "--decimal .", "--decimal , --mixed"),
    "a name with a number": ("a,b\nR1,2\nR2,3\nR1,4\n", ["'a' (line 2: 'R1')", "--mixed"], "--drop a"),
    "days first": (lines(["d,b"], lambda i: f"{i % 28 + 1}.{i % 12 + 1}.2024,1"), ["'d'", "date", "2020-12-31"], "--drop d", "--mixed"),
    "slashes": (lines(["d,b"], lambda i: f"{i % 12 + 1}/{i % 28 + 1}/24,1"), ["'d'", "date", "--mixed"], "--drop d"),
    "months in words": (lines(["d,b"], lambda i: f"{i % 28 + 1} Jan 20{i + 10},1"), ["date"], "--drop d", "--mixed"),
    "a sign behind": ("a,b\n15-,2\n16.5-,3\n", ["sign behind", "'-15'"], None),
    "Fortran's exponents": ("a,b\n1.5D+03,2\n2,3\n", ["exponent", "'1.5E+03'"], None),
    "hexadecimal": ("a,b\n0x1F,2\n2,3\n", ["hexadecimal", "'31'"], None),
    "an old infinity": ("a,b\n1.#INF,2\n2,3\n", ["'a'", "infinity"], None),
    # what stands for no value
    "dashes": ("a,b\n1,2\n-,3\n4,5\n", ["'a', line 3", "'-'"], "--na - --missing"),
    "two dashes": ("a,b\n1,2\n--,3\n4,5\n", ["'--'"], "--na -- --missing"),
    "a point": ("a,b\n1,2\n.,3\n4,5\n", ["'.'"], "--na . --missing"),
    "a formula's error": ("a,b\n1,2\n#DIV/0!,3\n4,5\n", ["'#DIV/0!'"], "--na '#DIV/0!' --missing"),
    "n. a.": ('a,b\n1,2\n"n. d.",3\n4,5\n', ["empty"], None),
    "dashes where some may be missing": ("a,b\n1,2\n-,3\n4,\n", ["add --na -;"], "--na -", "--missing"),
    "dashes among categories": (lines(["a,b"], lambda i: f"{'-' if i == 5 else i % 7},1"), ["'a', line 7", "--na -"], "--na - --missing", "--mixed"),
    "a number for nothing": ("a,b\n1,2\n-999,3\n4,-999.0\n", ["'a', line 3, has no value"], "--missing", "--na -999"),
    # lines that are none of the table
    "names again": ("a,b\n1,2\na,b\n3,4\n a , b \n", ["line 3", "names again"], "--skip 3-3,5-5"),
    "names again, of categories": ("a,b\nx,2\na,b\ny,4\n", ["line 3", "names again"], "--skip 3-3", "--mixed"),
    "names again, late": (lines(["a,b"], lambda i: "a,b" if i == 150 else f"{i},x{i % 3}", 200), ["line 152", "names again"], "--skip 152-152", "--mixed"),
    "titles": ("Account 12\nMay 2024\n\na;b\n1,5;2\n3;4\n5;6\n", ["line 1 ('Account 12')", "line 4"], "--skip 3"),
    "titles with commas": ("Report of 1, 2, 3\n\na\tb\n1\t2\n3\t4\n5\t6\n", ["line 3"], "--skip 2"),
    "titles of two fields": ("bank;12\nname;x\na;b;c\n1;2;3\n3;4;5\n5;6;7\n", ["line 3"], "--skip 2"),
    "a date among the first line's numbers": ("2024-01-01,1,2\n2024-01-02,3,4\n", ["looks like data"], "--no-header", "--mixed"),
    # names
    "several without names": ("a,,b,\n1,2,3,4\n", ["2 columns have no names"], "--drop unnamed2,unnamed4"),
    "without names, all": ("a,,b,\n1,2,3,4\n", ["no names"], "--skip 1 --no-header"),
    "all of one name": ("a,a\n1,2\n3,4\n", ["'a'", "rename"], "--skip 1 --no-header"),
    "one name of two": ("a,a,b\n1,2,3\n", ["'a'"], "--drop a"),
    "names in two lines": ("2023,2024\nq,q\n1,2\n3,4\n", ["looks like data"], None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_advice_is_tried_on_the_case_it_is_given_for(read, case):
    content, words, advice, *given = CASES[case]
    said = read(content, " ".join(given))
    assert isinstance(said, str), values_of(said)
    for word in words:
        assert word in said
    if advice is None:
        return
    assert advice in said
    found = values_of(read(content, " ".join([*given, advice])))
    assert len(found) >= content.count("\n") - 8


def test_no_advice_leaves_out_all_columns(read):
    for content in ("a,a\n1,2\n", "Title\nof it\na;b\n1;2\n3;4\n5;6\n", "a,b\n1,2\na,b\n"):
        assert "--drop" not in read(content)


# --- what is read without a word ------------------------------------------------------------------

TABLE = "a;b\n1,5;2\n3;5\n4;4\n"
VALUES = [[1.5, 2], [3, 5], [4, 4]]


@pytest.mark.parametrize(
    ("content", "given", "values"),
    [
        ("sep=;\n" + TABLE, "", VALUES),
        ('"sep=;"\r\n' + TABLE.replace("\n", "\r\n"), "", VALUES),
        ("\ufeffSEP=;\n" + TABLE, "", VALUES),
        ("sep=;\na,b\n1,2\n", "--separator , --skip 1", [[1, 2]]),
        ("a,b\n1,-999\n-999,2\n", "--na -999 --missing", [[1, nan], [nan, 2]]),
        ("a,b\n1,-9.99e2\n-999.00,2\n", "--na -999 --missing", [[1, nan], [nan, 2]]),
        ('a,b\n1,"-"\n - ,2\n', "--na - --missing", [[1, nan], [nan, 2]]),
        ("a,b\n1,x\n?,y\n", "--na x,y --missing", [[1, nan], [nan, nan]]),
        ('a,b\n1,"x,y"\n2,3\n', "--na '\"x,y\"' --missing", [[1, nan], [2, 3]]),
        ("a,b\n1,x\n2,3\n3,0\n", "--na x --na 0 --missing", [[1, nan], [2, 3], [3, nan]]),
        ("sep\n1\n2\n", "", [[1], [2]]),
    ],
)
def test_what_is_read(read, content, given, values):
    found = read(content, given)
    np.testing.assert_array_equal(values_of(found), values)


@pytest.mark.parametrize(
    "given", ["--na ''", "--na '\x1b'", "--na " + "x" * 200, "--na " + "a," * 150]
)
def test_texts_for_nothing_that_are_none(read, given):
    content = "a,b\n1,2\n"
    assert (
        "--na" in read(content, given) if given != "--na ''" else read(content, given).values.size
    )


def test_missing_categories_and_dates_may_be_called_otherwise(read):
    content = "k,d\nx,2020-01-01\n-,-\ny,2020-01-03\n"
    frame = read(content, "--mixed --missing --na -").values
    assert frame["k"].isna().tolist() == frame["d"].isna().tolist() == [False, True, False]
    assert frame["d"].tolist()[2] - frame["d"].tolist()[0] == 2


# --- other files ---------------------------------------------------------------------------------

CSV = "a,b,k\n1,2.5,x\n2,3.5,y\n4,0.5,x\n"


def zstd(content):
    with open("z", "wb") as out, pyarrow.CompressedOutputStream(out, "zstd") as file:
        file.write(content)
    with open("z", "rb") as file:
        return file.read()


PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("start", [".csv", ".tsv", ".txt", ".CSV"])
def test_packed_text(read, ending, start):
    content = CSV.replace(",", "\t") if start == ".tsv" else CSV
    name = "x" + start + ending
    found = read(PACKERS[ending](content.encode()), "--drop k", name=name)
    assert values_of(found) == [[1, 2.5], [2, 3.5], [4, 0.5]]
    assert "damaged or cut short" in read(
        PACKERS[ending](content.encode())[:-9], "--drop k", name=name
    )
    assert "damaged or cut short" in read(content, "--drop k", name=name)


def arrow(kind, table):
    sink = io.BytesIO()
    opens = {"stream": pyarrow.ipc.new_stream, "file": pyarrow.ipc.new_file}.get(kind)
    if opens is None:
        pyarrow.feather.write_feather(table, sink, compression=kind)
        return sink.getvalue()
    with opens(sink, table.schema) as file:
        file.write_table(table, max_chunksize=2)
    return sink.getvalue()


@pytest.mark.parametrize("kind", ["stream", "file", "lz4", "zstd", "uncompressed"])
@pytest.mark.parametrize("ending", [".feather", ".arrow"])
def test_files_of_arrow(read, kind, ending):
    frame = pandas.read_csv(io.StringIO(CSV)).assign(day=pandas.Timestamp("2020-01-02"))
    content = arrow(kind, pyarrow.Table.from_pandas(frame))
    assert (
        values_of(read(content, "--drop k,day", name="x" + ending))
        == frame[["a", "b"]].values.tolist()
    )
    mixed = read(content, "--mixed", name="x" + ending).values
    assert mixed["k"].tolist() == ["x", "y", "x"]
    assert mixed["day"].tolist() == [18263.0] * 3
    assert "'k' (row 1: 'x')" in read(content, name="x" + ending)
    for spoiled in (
        content[:40],
        content[:-30],
        content[:-8],
        content[: len(content) // 2],
        b"",
        b"a,b\n1,2\n",
        b"FEA1" + content,
    ):
        said = read(spoiled, "--drop k,day", name="x" + ending)
        assert isinstance(said, str)
        assert "write it anew" in said or "Arrow" in said or "no rows" in said


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("x.xlsx", b"PK", "workbook"),
        ("x.zip", b"PK", "unpack"),
        ("x.json", b"{}", "write CSV"),
        ("x.pkl", b"", "Parquet"),
        ("x.gz", b"\x1f\x8b", "rename"),
        ("x.dat", b"a,b\n1,2\n", "- with < x.dat"),
        ("x", b"a,b\n1,2\n", "- with < x"),
        ("a b.dat", b"", "< 'a b.dat'"),
        ("BZ.csv", b"BZhello,b\n1,x\n", "not numbers"),
    ],
)
def test_files_that_are_none(read, name, content, word):
    assert word in read(content, name=name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes of POSIX")
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PAR1\x15", "give the file itself"),
        (b"ARROW1\0\0", "give the file itself"),
        (b"\x1f\x8b\x08", "zcat"),
        (b"\x28\xb5\x2f\xfd", "zstdcat"),
        (b"PK\x03\x04", "save it as CSV"),
    ],
)
def test_pipes_are_csv(here, monkeypatch, capfd, content, word):
    (here / "content").write_bytes(content)
    before = os.dup(0)
    r, w = os.pipe()
    os.write(w, content)
    os.close(w)
    os.dup2(r, 0)
    try:
        monkeypatch.setattr("sys.stdin", open(0, closefd=False))
        assert main(["fit", "-", "-o", "m"]) == 1
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(r)
    assert word in capfd.readouterr().err


def test_models_folders_and_patterns_are_named(run, here):
    X = np.random.default_rng(0).normal(size=(20, 2))
    Autoencoder(1, max_iter=1, random_state=0).fit(X).save("m")
    pandas.DataFrame(X, columns=["a", "b"]).to_parquet("1.parquet")
    assert "seems to be a model" in run("fit m -o q")[2]
    for command in (
        "diagnose .",
        "report m . -o r.html",
        "demo --data '*.parquet'",
        "diagnose '1.par*'",
    ):
        code, _, said = run(command)
        assert code == 2
        assert "1.parquet" in said
    (here / "1.parquet").write_text("a,b\n")
    assert "whatever its name" in run("fit 1.parquet -o q")[2]


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="needs devices of POSIX")
@pytest.mark.parametrize("option", ["-o", "-o m --checkpoint"])
@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_a_model_for_a_device_is_refused_before_the_fit(run, here, option, device):
    (here / "x.csv").write_text("a,b\n1,2\n3,4\n")
    code, out, said = run(f"fit x.csv {option} {device}")
    assert (code, out) == (1, "")
    assert said == f"ae-core fit: {device}: Not a regular file\n"


# --- what is written, and said -------------------------------------------------------------------


def test_what_stays_missing_is_written_as_nothing(run, here):
    (here / "x.csv").write_text(
        lines(["id,a,never,b"], lambda i: f"r{i},{i % 5},,{i % 3 or ''}", 20)
    )
    assert run("fit x.csv -o m -q --missing --drop id --epochs 2")[0] == 0
    code, out, said = run("impute m x.csv")
    assert code == 0
    assert "'never'" in said
    rows = [line.split(",") for line in out.splitlines()]
    assert rows[0] == ["id", "a", "never", "b"]
    assert {row[2] for row in rows[1:]} == {""}
    assert "" not in {row[3] for row in rows[1:]}


def test_large_integers_are_told(run, here):
    ids = lines(["id,b"], lambda i: f"{2**53 + i},{i % 7}", 20)
    (here / "x.csv").write_text(ids)
    for more in ("", "--mixed"):
        code, _, said = run(f"fit x.csv -o m -q --epochs 1 {more}")
        assert code == 0
        assert "'id' has integers beyond 2**53" in said
        assert "--drop id" in said
    (here / "x.csv").write_text(ids.replace("9007199254", "9007199"))
    assert "2**53" not in run("fit x.csv -o m -q --epochs 1")[2]
    (here / "x.csv").write_text(lines(["a,b"], lambda i: f"{i}.5e25,{2**52 + i}.5", 20))
    assert "2**53" not in run("fit x.csv -o m -q --epochs 1")[2]


@pytest.mark.parametrize("more", ["", "--mixed", "--outliers", "--imputer"])
def test_a_table_of_nothing_is_told_with_its_name(run, here, more):
    (here / "x.csv").write_text("a,b\n" + ",\nNA,?\n" * 9)
    code, out, said = run(f"fit x.csv -o m -q --missing {more}")
    assert (code, out) == (1, "")
    assert said.startswith("ae-core fit: x.csv: no cell")


def test_a_table_is_diagnosed_as_it_is_read(run, here):
    rows = lines(["Größe;wer;wann;"], lambda i: f"{i % 9},5;K{i};{i % 28 + 1}.1.2024;", 60)
    (here / "x.csv").write_bytes(("title\n" + rows).encode("cp1252"))
    code, out, said = run("diagnose x.csv --encoding cp1252 --skip 1")
    assert (code, said) == (0, "")
    out = " ".join(out.split())
    assert "60 rows, 4 columns: 2 of numbers, 2 of text" in out
    assert "'Größe'" in out
    assert "'wann' reads as dates" in out or "reads as dates" in out
    assert "--mixed" in out
    assert "columns=" not in out


def test_a_finished_table_that_has_been_cut_is_diagnosed_as_such(run, here):
    (here / "x.csv").write_text("k,a\n" + "x,1\n" * 50 + "y\n")
    code, _, said = run("diagnose x.csv")
    assert code == 1
    assert "line 52 has 1 fields" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n_components=0: must be an integer", "n_components=0 (--components): must be an integer"),
        ("random_state=-1 cannot be used", "random_state=-1 (--seed) cannot be used"),
        ("use missing_values='mask'; or", "use --missing; or"),
        ("Try scale='standard', or loss='huber'.", "Try --scale standard, or --loss huber."),
        (
            "learning_rate_init=0.003 instead of 1e-06: the",
            "--learning-rate 0.003 instead of 1e-06: the",
        ),
        ("max_iter=30: try 150.", "--epochs 30: try 150."),
        ("more epochs (max_iter)", "more epochs (--epochs)"),
        ("alpha=0 instead of 1", "alpha=0 instead of 1"),
        ("column 'scale' is odd", "column 'scale' is odd"),
        ("max_iter='x': must be an integer", "max_iter='x' (--epochs): must be an integer"),
    ],
)
def test_advice_in_options(text, words):
    assert in_options(text) == words


# --- the demo ------------------------------------------------------------------------------------

PEOPLE = lines(
    ["name,age,since,kind,ok,pay"],
    lambda i: (
        f"n{i},{i % 40 or ''},202{i % 4}-01-1{i % 9},{'abc'[i % 3] if i % 7 else ''},"
        f"{'true' if i % 2 else 'false'},{i % 7 * 1.5 if i % 5 else ''}"
    ),
)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("", "--mixed"),
        ("--drop name --mixed", "add --missing"),
        ("--drop name,since,kind,ok", "add --missing"),
        ("--mixed --missing", "--drop name"),
    ],
)
def test_the_demo_says_what_makes_it_run(run, here, given, word):
    (here / "people.csv").write_text(PEOPLE)
    code, _, said = run(f"demo --data people.csv -o p.png --max-iter 2 {given}")
    assert code == 1
    assert word in said
    assert not (here / "p.png").exists()


@pytest.mark.parametrize(
    "given",
    ["--drop name --mixed --missing", "-c age,pay --missing", "-c since,kind,ok --mixed --missing"],
)
def test_the_demo_takes_what_fit_takes(run, here, given):
    pytest.importorskip("matplotlib")
    (here / "people.csv").write_text(PEOPLE)
    code, out, said = run(f"demo --data people.csv -o p.png --max-iter 60 {given}")
    assert (code, said) == (0, "")
    assert (here / "p.png").read_bytes().startswith(b"\x89PNG")
    for word in (
        "30 rows to learn from, 10 held out",
        "PCA",
        "autoencoder, code of 1",
        "most unusual",
    ):
        assert word in out
    assert "nan" not in out


@pytest.mark.parametrize("output", ["people.csv", "p.txt", "p", "people.csv.gz"])
def test_the_demo_writes_pictures(run, here, output):
    pytest.importorskip("matplotlib")
    (here / "people.csv").write_text(PEOPLE)
    code, out, said = run(f"demo --data people.csv -c age,pay --missing -o {output}")
    assert (code, out) == (1, "")
    assert "must end in" in said
    assert (here / "people.csv").read_text() == PEOPLE


# --- checkpoints ---------------------------------------------------------------------------------


def test_what_is_no_checkpoint_is_not_gone_on_from_nor_written_over(run, here):
    (here / "x.csv").write_text(lines(["a,b"], lambda i: f"{i % 5},{i % 3}"))
    fit = "fit x.csv -o m -q --epochs 2 -k 1 --threads 1"
    assert run(f"{fit} --checkpoint c")[0] == 0
    whole, model = (here / "c").read_bytes(), (here / "m").read_bytes()
    code, _, said = run(f"{fit} --checkpoint c --resume")
    assert (code, said) == (0, "")
    assert (here / "m").read_bytes() == model
    for content in (
        b"",
        whole[:100],
        whole[:-1],
        model,
        b"a,b\n1,2\n",
        bytes([*whole[:-1], whole[-1] ^ 1]),
    ):
        (here / "c").write_bytes(content)
        code, _, said = run(f"{fit} --checkpoint c --resume")
        assert code == 1
        assert said.count("\n") == 1
        assert (here / "c").read_bytes() == content
    (here / "c").write_bytes(whole)
    for other in ("--learning-rate 0.5", "-k 2", "--drop b", "--scale none", "--seed 3 --hidden 3"):
        code, _, said = run(f"{fit} --checkpoint c --resume {other}")
        assert code == 1, other
        assert "checkpoint" in said
    (here / "c").unlink()
    code, _, said = run(f"{fit} --checkpoint c --resume")
    assert code == 0
    assert said == "ae-core fit: warning: c is not there yet: the fit begins anew\n"
    assert load("m").n_iter_ == 2
