"""Files as people have them: what is wrong is named with its line, and the advice that is given works.

Each case says what the message must have, and the options of its advice, which are tried on it.
"""

import io
import re
import shlex

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("click")
pytest.importorskip("pyarrow")

from ae_core import Autoencoder, AutoencoderOutlierDetector, load  # noqa: E402

TABLE = "a,b\n1,2\n3,5\n4,4\n"
VALUES = [[1, 2], [3, 5], [4, 4]]
nan = np.nan


class _ReadEnough(Exception):
    """Stands for a fit."""


def values_of(table):
    assert not isinstance(table, str), table
    return np.asarray(table.values, dtype=float)


# --- what is wrong, and what to do ---------------------------------------------------------------

THOUSANDS = 'a,b\n"1,072.52","2,000.10"\n"1,100.00","2,100.00"\n"900.00","1,000.00"\n'
PARTED = [[1072.52, 2000.1], [1100, 2100], [900, 1000]]

CASES = {
    # of other encodings
    "UTF-16": (TABLE.encode("utf-16"), ["UTF-16", "iconv -f utf-16"], "--encoding utf-16", VALUES),
    "UTF-16 without a mark": (TABLE.encode("utf-16-le"), ["iconv -f utf-16-le"], "--encoding utf-16-le", VALUES),
    "the other byte order": (TABLE.encode("utf-16-be"), ["iconv -f utf-16-be"], "--encoding utf-16-be", VALUES),
    "UTF-32": (TABLE.encode("utf-32"), ["UTF-32"], "--encoding utf-32", VALUES),
    "Windows' in names": ("größe,b\n1,2\n".encode("cp1252"), ["iconv -f cp1252"], "--encoding cp1252", [[1, 2]]),
    "Windows' in a cell": ("a,b\n1,\xa02\n".encode("cp1252"), ["line 2", "'b'", "no UTF-8"], "--encoding cp1252", None),
    # thousands
    "commas": (THOUSANDS, ["'a'", "line 2", "'1,072.52'"], "--thousands ','", PARTED),
    "commas and semicolons": ("a;b\n1,072.52;2\n1,000,900.00;3\n", ["line 2"], "--thousands ','", [[1072.52, 2], [1000900, 3]]),
    "points": ("a;b\n1.072,52;2\n900,00;3\n", ["'1.072,52'", "points"], "--thousands .", [[1072.52, 2], [900, 3]]),
    "apostrophes": ("a,b\n1'072.52,2\n5,6\n", ["apostrophes"], "--thousands \"'\"", [[1072.52, 2], [5, 6]]),
    "underscores": ("a,b\n1,2\n1_000,2\n", ["line 3", "underscores"], "--thousands _", [[1, 2], [1000, 2]]),
    "spaces": ("a;b\n1 072.5;2\n5;6\n", ["spaces"], "--thousands space", [[1072.5, 2], [5, 6]]),
    "no-break spaces": ("a;b\n1\xa0072,5;2\n5;6\n", ["spaces"], "--decimal , --thousands space", [[1072.5, 2], [5, 6]]),
    "narrow ones": ("a;b\n1\u202f072\u202f000,5;2\n5;6\n", ["spaces"], "--decimal , --thousands space", [[1072000.5, 2], [5, 6]]),
    "one comma, thousands": ('a,b\n"1,234",2\n', ["'1,234'", "decimal sign"], "--thousands ','", [[1234, 2]]),
    "one comma, decimal": ('a,b\n"1,234",2\n', ["thousands"], "--decimal ,", [[1.234, 2]]),
    "a decimal comma": ('a,b\n"1,5",2\n', ["'1,5'"], "--decimal ,", [[1.5, 2]]),
    # separators
    "one space": ("a b\n1 2\n3 5\n4 4\n", ["line 1 ('a b')", "spaces"], "--separator space", VALUES),
    "spaces that align": ("  a   b\n  1   2\n  3  5 \n 4 4\n", ["spaces"], "--separator space", VALUES),
    "colons": ("a:b\n1:2\n3:5\n4:4\n", ["colons"], "--separator :", VALUES),
    "the wrong option": (TABLE, ["commas"], "--separator ,", VALUES, "--separator ;"),
    "a comma in names alone": ("a,b\n1;2\n3;4\n", ["line 1", "2 fields"], None, None),
    "decimal commas between commas": ("a,b\n1,5,2,5\n3,0,4,0\n", ["4 fields", "decimal"], None, None),
    "decimal commas alone": ("a\n1,5\n2,75\n", ["line 1", "decimal sign"], "--separator ';'", [[1.5], [2.75]]),
    # lines that are none of the table
    "a comment": ("# note\na,b\n1,2\n3,5\n4,4\n", ["line 1 ('# note')"], "--comment '#'", VALUES),
    "a comment, left out": ("# note\na,b\n1,2\n3,5\n4,4\n", ["line 1"], "--skip 1", VALUES),
    "of another kind": ("// x\n// y\na,b\n1,2\n3,5\n4,4\n", ["line 1"], "--comment '//'", VALUES),
    "with commas": ("% x, y, z\na,b\n1,2\n3,5\n4,4\n", ["line 1"], "--comment %", VALUES),
    "of one column": ("# note\na\n1\n2\n", ["line 1 ('# note')"], "--comment '#'", [[1], [2]]),
    "between rows": ("a,b\n1,2\n# here, too\n3,5\n4,4\n", ["line 3"], "--comment '#'", VALUES),
    "behind them": ("a,b\n1,2\n3,5\n4,4\n# end\n", ["line 5 ('# end')"], "--comment '#'", VALUES),
    "behind them, left out": ("a,b\n1,2\n3,5\n4,4\n# end\n", ["line 5"], "--skip 5-5", VALUES),
    "a title": ("My table\nby me\n\na,b\n1,2\n3,5\n4,4\n", ["line 1 ('My table')", "line 4"], "--skip 3", VALUES),
    "a title with commas": ("Report, of, 2020\na,b\n1,2\n3,5\n4,4\n", ["line 1"], "--skip 1", VALUES),
    "units": ("a,b\nm,kg\n1,2\n3,5\n4,4\n", ["line 2 ('m', 'kg')"], "--skip 2-2", VALUES),
    "units of some": ("a,b\nm,\n1,2\n3,5\n4,4\n", ["line 2 ('m', '')"], "--skip 2-2", VALUES),
    "units beside names": ("id,a,b\n,m,kg\nx,1,2\ny,3,5\nz,4,4\n", ["line 2"], "--skip 2-2", VALUES, "--drop id"),
    "units of mixed columns": ("a,b\nm,kg\n1,2\n3,5\n4,4\n", ["line 2"], "--skip 2-2", VALUES, "--mixed"),
    "a total": ("a,b\n1,2\n3,5\n4,4\nsum,\n", ["line 5", "'sum'"], None, None),
    # what a cell has
    "a no-break space": ("a,b\n1,2\n3,\xa05\n4,4\n", ["line 3", "'b'", "U+00A0"], "--thousands space", VALUES),
    "one behind": ("a,b\n1,2\n3,5\xa0\n4,4\n", ["line 3", "no-break space"], "--thousands space", VALUES),
    "one within": ("a,b\n1,2\n3,5\xa01\n", ["line 3", "U+00A0", "take it out"], None, None),
    "a space without width": ("a,b\n1,2\u200b\n", ["line 2", "U+200B", "take it out"], None, None),
    "a mark within": ("a,b\n1,\ufeff2\n", ["U+FEFF"], None, None),
    "a true minus": ("a,b\n1,\u22122\n", ["U+2212", "write '-2'"], None, None),
    "wide digits": ("a,b\n1,\uff12.5\n", ["U+FF12", "write '2.5'"], None, None),
    "per cent": ("a,b\n1,12%\n3,4%\n", ["line 2", "'12%'", "percent"], None, None),
    "a currency": ('a,b\n1,"$1,200.50"\n', ["currency", "--thousands ','"], None, None),
    "one behind, too": ("a;b\n1;5,50 €\n", ["currency"], None, None),
    "a unit": ("a,b\n1,12 kg\n", ["'kg'", "take it out"], None, None),
    "parentheses": ("a,b\n1,(5)\n", ["minus sign"], None, None),
    "a word for nothing": ("a,b\n1,missing\n2,3\n4,5\n", ["'missing'", "empty"], None, None),
    "a spreadsheet's error": ("a,b\n1,#DIV/0!\n2,3\n4,5\n", ["'#DIV/0!'", "empty"], None, None),
    "a dash": ("a,b\n1,-\n2,3\n4,5\n", ["'-'", "empty"], None, None),
    "a date": ("a,b\n1,2020-01-02\n2,2020-01-12\n", ["'2020-01-02'"], "--mixed", [[1, 18263], [2, 18273]]),
    # fields
    "ends in separators": ("a,b\n1,2,\n3,5,\n4,4,\n", ["line 1"], "--skip 1 --no-header --drop 2", VALUES),
    "all end so": ("a,b,\n1,2,\n3,5,\n4,4,\n", ["column 3"], "--drop unnamed3", VALUES),
    "names end so": ("a,b,\n1,2\n3,5\n4,4\n", ["line 1"], "--skip 1 --no-header", VALUES),
    "names of rows": ('"a","b"\n"1",1,2\n"2",3,5\n', ["line 1 has 2 names"], "--skip 1 --no-header", [[1, 1, 2], [2, 3, 5]]),
    "names of one column's": ('"x"\n"1",5\n"2",6\n', ["line 1"], "--skip 1 --no-header", [[1, 5], [2, 6]]),
    "one line has more": ("a,b\n1,2\n3,5,7\n3,5\n4,4\n", ["line 3 has 3 fields"], "--skip 3-3", VALUES),
    "one line has fewer": ("a,b\n1,2\n3\n3,5\n4,4\n", ["line 3 has 1 fields"], "--skip 3-3", VALUES),
    "a name twice": ("a,b,a\n1,2,3\n", ["'a'", "rename"], "--drop a", [[2]]),
    "numbers for names": ("1,2\n3,5\n", ["looks like data"], "--no-header", [[1, 2], [3, 5]]),
    # nothing
    "nothing at all": ("", ["is empty"], None, None),
    "nothing but names": ("a,b\n", ["no rows"], None, None),
    "nothing but comments": ("# a\n# b\n", ["is empty"], None, None, "--comment #"),
    "nothing that is not left out": (TABLE, ["is empty"], None, None, "--skip 9"),
    "no value": ("a,b\n1,2\n3,\n", ["line 3, has no value"], "--missing", [[1, 2], [3, nan]]),
    "no value, in words": ("a,b\n1,2\n3,#N/A\n", ["line 3, has no value"], "--missing", [[1, 2], [3, nan]]),
    "rows of nothing": ("a,b\n1,2\n,\n,\n", ["line 3, has no value"], "--missing", [[1, 2], [nan, nan], [nan, nan]]),
    # quotes
    "an open quote": ('a,b\n1,2\n3,"5\n4,4\n', ["line 3", "'b'", "quote"], None, None),
    "an open quote in the first line": ('a,"b\n1,2\n', ["line 1", "quote"], None, None),
    # other files
    "a workbook": (b"PK\x03\x04\x14\x00", ["workbook", "save it as CSV"], None, None),
    "gzip": (b"\x1f\x8b\x08\x00", ["gzip", "rename"], None, None),
    "parquet": (b"PAR1\x15\x04", ["Parquet", "rename"], None, None),
    "bytes": (bytes(range(256)), ["not UTF-8"], None, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_and_the_advice_works(read, case):
    content, words, advice, values, *given = CASES[case]
    given = [part for option in given for part in option.split()]
    said = read(content, *given)
    assert isinstance(said, str), said.values
    for word in words:
        assert word in said
    if advice is None:
        return
    assert advice in said
    if given[:1] == ["--separator"]:
        given = []
    table = read(content, *shlex.split(advice), *given)
    if values is None:
        assert isinstance(table, str)
    else:
        np.testing.assert_allclose(values_of(table), values)


def test_only_those_columns_are_told_that_are_wrong(read):
    said = read("a,b,c\nx,1,2\ny,2,3\nz,3,4\n")
    assert "'a' (line 2: 'x')" in said
    assert "'b'" not in said
    table = read("a,b,c\nx,1,2\ny,2,3\nz,3,4\n", *re.findall(r"(--drop) (\w+)", said)[0])
    assert values_of(table).tolist() == [[1, 2], [2, 3], [3, 4]]


# --- what is read without a word -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "more", "values"),
    [
        ("a,b\n" + "".join(f"{i},\n" for i in range(110)) + "7,True\n", ["--missing"], [7, 1]),
        ("a,b\n" + "".join(f"{i},\n" for i in range(3000)) + "7,2.5\n", ["--missing"], [7, 2.5]),
        ("a,b\n" + "".join(f"{i},NA\n" for i in range(200)) + "7,FALSE\n", ["--missing"], [7, 0]),
        ("a,b\n" + "".join(f"{i},true\n" for i in range(200)) + "7,2\n", [], [7, 2]),
        ("a,b\n" + "".join(f"{i},2\n" for i in range(200)) + "7,true\n", [], [7, 1]),
        ("a,b\n" + "".join(f"{i},\n" for i in range(150)) + "7,x\n", ["--missing"], None),
    ],
)  # fmt: skip
def test_columns_that_begin_with_nothing(read, content, more, values):
    found = read(content, *more)
    if values is None:
        assert "line 152" in found
    else:
        assert values_of(found)[-1].tolist() == values


@pytest.mark.parametrize(
    "content",
    [
        "a,b\r1,2\r3,5\r4,4\r",
        "a,b\r\n1,2\n3,5\r4,4",
        "\ufeffa,b\n1,2\n3,5\n4,4\n",
        "\n\na,b\n\n1,2\n   \n3,5\n\n4,4\n\n",
        'a,b\n"1", "2"\n 3,\t5\n4 ,"4" \n',
        "a;b\n1;2\n3;5\n4;4\n",
        "a\tb\n1\t2\n3\t5\n4\t4",
        "a|b\n1|2\n3|5\n4|4",
        "a,b\n+1,2.\n3e0,.5E1\n0004,4.000\n",
        '"a","b"\n1,2\n3,5\n4,4\n',
        '"a\n1","b"\n1,2\n3,5\n4,4\n',
    ],
)
def test_other_ways_to_write_it(read, content):
    assert values_of(read(content)).tolist() == VALUES


@pytest.mark.parametrize(
    ("more", "lines"),
    [("2", [1, 2]), ("1-1,3-3", [1, 3]), ("3-4,1", [1, 3, 4]), ("2-3,3-4,6-6", [2, 3, 4, 6]), ("1,9-12", [1])],
)  # fmt: skip
def test_lines_that_are_left_out(read, more, lines):
    rows = ["x,y", "a,b", *(f"{i},{i * i}" for i in range(3, 9))]
    left = [row for i, row in enumerate(rows, 1) if i not in lines]
    expected = [[float(n) for n in row.split(",")] for row in left[1:]]
    if not left[0][0].isalpha():
        more, expected = [more, "--no-header"], [[float(n) for n in row.split(",")] for row in left]
    else:
        more = [more]
    for end in ("\n", "\r\n", "\r"):
        if all("a" not in row for row in left[1:]):
            assert values_of(read(end.join(rows), "--skip", *more)).tolist() == expected


def test_lines_left_out_may_hold_anything(read):
    content = b'\xff\xfe"\na,b\n1,2\n"open,\n3,5\n4,4\n'
    assert values_of(read(content[2:], "--skip", "1-1,4-4")).tolist() == VALUES


@pytest.mark.parametrize(
    "encoding", ["cp1252", "latin-1", "mac_roman", "utf-16-be", "utf-8", "UTF8", "cp437", "utf_8_sig", "gb18030", "shift_jis"]
)  # fmt: skip
def test_encodings(read, encoding):
    name = {"shift_jis": "長さ", "gb18030": "长度"}.get(encoding, "größe")
    table = read(f"{name},b\n1,2\n3,5\n4,4\n".encode(encoding), "--encoding", encoding)
    assert table.names == [name, "b"]
    assert values_of(table).tolist() == VALUES


def test_a_large_text_of_another_encoding(read):
    rows = [[i, i * 0.25] for i in range(20_000)]
    content = "å,b\r\n" + "".join(f"{a},{b}\r\n" for a, b in rows)
    for encoding in ("utf-16", "cp1252"):
        table = read(content.encode(encoding), "--encoding", encoding)
        assert values_of(table).tolist() == rows


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--encoding", "utf-9"], "no such encoding"),
        (["--encoding", "hex"], "no such encoding"),
        (["--encoding", "a\0b"], "no such encoding"),
        (["--encoding", "utf-16"], "utf-16-le"),
        (["--skip", "x"], "--skip 'x'"),
        (["--skip", "5-2"], "--skip '5-2'"),
        (["--skip", "0"], "--skip '0'"),
        (["--skip", "1" * 5000], "--skip '1"),
        (["--comment", ""], "--comment ''"),
        (["--comment", "\x1b"], r"--comment '\x1b'"),
        (["--thousands", ",", "--decimal", ","], "different signs"),
        (["--thousands", "."], "decimal"),
        (["--separator", "§"], "--separator '§'"),
        (["--separator", "\0"], "--separator"),
        (["--columns", "zzz"], "'zzz'"),
        (["--drop", "x\x1b]0;t\x07"], r"\x1b"),
    ],
)
def test_options_that_are_none(read, more, words):
    said = read("a;b\n1.5;2\n", *more)
    assert isinstance(said, str), said.values
    assert words in said


@pytest.mark.parametrize("given", ['a,"b,c",d', '"a", "b,c" ,d', ' a ,"b,c", d'])
def test_names_in_options(read, given):
    content = 'x,a,"b,c",d\n1,2,3,4\n'
    assert read(content, "--columns", given).names == ["a", "b,c", "d"]
    assert read(content, "--drop", given).names == ["x"]


# --- cells and lines without an end --------------------------------------------------------------


def test_long_cells_do_not_matter_where_they_are_left_out(read):
    content = 'a,t\n1,"' + "x" * 300_000 + '"\n2,' + "y" * 200_000 + "\n"
    assert values_of(read(content, "--drop", "t")).tolist() == [[1], [2]]
    said = read(content)
    assert "'t' (line 2: 'xxx" in said


# --- holes ---------------------------------------------------------------------------------------

HOLES = "a,b\n1,2\n2,\n3,4\n5,6\n"
takes_missing = "missing_values" in AutoencoderOutlierDetector._get_param_names()


def test_holes_have_no_dead_end_for_detectors(run, here):
    (here / "holes.csv").write_text(HOLES)
    code, _, said = run("fit", "holes.csv", "-o", "d", "--outliers")
    assert code == 1
    assert "column 'b', line 3, has no value" in said
    if takes_missing:
        assert "--missing" in said
        assert run("fit", "holes.csv", "-o", "d", "--outliers", "--missing")[0] == 0
        assert run("score", "d", "holes.csv")[0] == 0
        return
    assert "ae-core impute" in said
    code, _, said = run("fit", "holes.csv", "-o", "d", "--outliers", "--missing")
    assert code == 2
    assert "ae-core impute" in said
    # The advice, step by step.
    assert run("fit", "holes.csv", "-o", "m", "--missing", "-q")[0] == 0
    assert run("impute", "m", "holes.csv", "-o", "filled.csv")[0] == 0
    assert run("fit", "filled.csv", "-o", "d", "--outliers", "-q")[0] == 0
    assert isinstance(load("d"), AutoencoderOutlierDetector)


# --- rows keep their identity --------------------------------------------------------------------

IDS = 'id,a,note,b\nx,1,n1,2\n007,2,,\nz,3,"q,""r",6\nw,4,=1,8\n'


@pytest.fixture
def imputer(run, here):
    (here / "ids.csv").write_text(IDS)
    assert run("fit", "ids.csv", "-o", "i", "--missing", "--drop", "id,note", "-q")[0] == 0
    return "i"


def without_b(text):
    return [row[:3] for row in map(list, __import__("csv").reader(io.StringIO(text)))]


def test_impute_writes_all_columns(run, here, imputer):
    code, out, said = run("impute", imputer, "ids.csv")
    assert (code, said) == (0, "")
    frame = pandas.read_csv(io.StringIO(out), dtype=str)
    assert list(frame.columns) == ["id", "a", "note", "b"]
    assert frame["id"].tolist() == ["x", "007", "z", "w"]
    assert frame["note"].fillna("").tolist() == ["n1", "", 'q,"r', "=1"]
    filled = load(imputer).impute(pandas.DataFrame({"a": [1.0, 2, 3, 4], "b": [2, nan, 6, 8]}))
    np.testing.assert_allclose(frame["b"].astype(float), filled["b"])
    for more, expected in (
        (["--keep", "note"], ["a", "note", "b"]),
        (["--drop", "note"], ["id", "a", "b"]),
        (["--columns", "id,a,b"], ["id", "a", "b"]),
        (["--drop", "id,note"], ["a", "b"]),
    ):
        _, out, said = run("impute", imputer, "ids.csv", *more)
        assert (out.splitlines()[0].split(","), said) == (expected, "")


def test_nothing_is_written_over_its_input(run, here, imputer):
    (here / "link.csv").symlink_to("ids.csv")
    (here / "hard.csv").hardlink_to(here / "ids.csv")
    for output in ("ids.csv", "./ids.csv", "link.csv", "hard.csv"):
        for command in ("impute", "reconstruct", "encode", "score"):
            code, _, said = run(command, imputer, "ids.csv", "-o", output)
            assert code == 2
            assert "is the input" in said
            assert "--force" in said
    assert (here / "ids.csv").read_text() == IDS
    code, _, said = run("impute", imputer, "ids.csv", "-o", "ids.csv", "--force")
    assert (code, said) == (0, "")
    written = (here / "ids.csv").read_text()
    assert without_b(written) == without_b(IDS)
    assert pandas.read_csv(io.StringIO(written))["b"].notna().all()
    assert (here / "hard.csv").read_text() == IDS  # it is the old file still


def test_nothing_is_written_over_the_model(run, here, imputer):
    (here / "m.csv").hardlink_to(here / imputer)
    before = (here / imputer).read_bytes()
    for more in ([], ["--force"]):
        code, _, said = run("impute", imputer, "ids.csv", "-o", "m.csv", *more)
        assert code == 2
        assert "is the model" in said
    assert (here / imputer).read_bytes() == before


def test_standard_output_may_be_the_input(here, imputer):
    import subprocess
    import sys

    command = f"{sys.executable} -m ae_core impute i ids.csv >> ids.csv"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "standard output is the input" in done.stderr
    assert (here / "ids.csv").read_text() == IDS


@pytest.mark.parametrize("command", ["encode", "reconstruct", "score"])
@pytest.mark.parametrize("ending", ["csv", "parquet", "csv.gz"])
def test_kept_columns_come_first(run, here, imputer, command, ending):
    code, _, said = run(command, imputer, "ids.csv", "--keep", "id,note", "-o", f"o.{ending}")
    assert (code, said) == (0, "")
    if ending == "parquet":
        frame = pandas.read_parquet("o.parquet")
    else:
        frame = pandas.read_csv(f"o.{ending}", dtype={"id": str})
    assert list(frame.columns[:2]) == ["id", "note"]
    assert frame["id"].tolist() == ["x", "007", "z", "w"]


def test_kept_columns_follow_their_rows(run, here, imputer):
    _, out, _ = run("score", imputer, "ids.csv", "--keep", "id", "--top", "3")
    frame = pandas.read_csv(io.StringIO(out), dtype={"id": str})
    assert frame["id"].tolist() == [["x", "007", "z", "w"][row - 1] for row in frame["row"]]


def test_kept_columns_that_can_not_be_kept(run, here, imputer):
    for more, words in (
        (["--keep", "idd"], "'id'"),
        (["--keep", "id", "-o", "o.npy"], "text"),
        (["--keep", "a"], "has a column of that name"),
    ):
        code, out, said = run("reconstruct", imputer, "ids.csv", *more)
        assert code in (1, 2)
        assert out == ""
        assert words in said
    assert not (here / "o.npy").exists()


def test_kept_columns_of_other_files(run, here, imputer):
    frame = pandas.DataFrame({"id": ["x", "y"], "a": [1.0, 2], "n": [7, 8], "b": [nan, 3.0]})
    frame.to_parquet("x.parquet")
    assert run("impute", imputer, "x.parquet", "-o", "y.parquet")[0] == 0
    back = pandas.read_parquet("y.parquet")
    pandas.testing.assert_frame_equal(back[["id", "a", "n"]], frame[["id", "a", "n"]])
    assert back["b"].notna().all()
    np.save("x.npy", np.array([[1, nan, 5], [2, 3, 6.0]]))
    X = np.array([[1, 2], [3, 4], [5, 7.0]])
    Autoencoder(1, missing_values="mask", max_iter=5, random_state=0).fit(X).save("nameless")
    assert run("encode", "nameless", "x.npy", "--keep", "2", "-o", "c.npy")[0] == 0
    assert np.load("c.npy")[:, 0].tolist() == [5, 6]
    assert run("impute", "nameless", "x.npy", "--drop", "2", "-o", "f.npy")[0] == 0
    assert np.load("f.npy").shape == (2, 2)


def test_bytes_that_are_no_utf8_are_kept_as_they_are(run, here, imputer):
    (here / "odd.csv").write_bytes(b"id,a,note,b\n\xff\xfe,1,\xe9,2\nz,2,x,\n")
    assert run("impute", imputer, "odd.csv", "-o", "o.csv")[0] == 0
    written = (here / "o.csv").read_bytes().splitlines()[1]
    assert written.replace(b'"', b"") == b"\xff\xfe,1,\xe9,2"


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
@pytest.mark.parametrize("skip", ["5-9", "4-1000000000", "5-5,7-8", "3-9"])
def test_lines_to_leave_out_may_go_beyond_the_end(ending, skip, here, run):
    """There it read on for ever."""
    n_kept = int(skip[0]) - 2
    (here / "x.csv").write_text("\n".join(["a,b", "1,2", "3,5", "4,4"]) + ending)
    code, _, errors = run("fit", "x.csv", "-o", "m", "-q", "--epochs", "1", "--skip", skip)
    assert code == 0, errors
    code, out, errors = run("encode", "m", "x.csv", "--skip", skip)
    assert code == 0, errors
    assert len(out.splitlines()) == 1 + min(3, n_kept)


def test_everything_left_out_is_an_error(here, run):
    (here / "x.csv").write_text("a,b\n1,2")
    for skip in ("1-9", "2-2", "2-7"):
        code, _, errors = run("fit", "x.csv", "-o", "m", "-q", "--skip", skip)
        assert code == 1
        assert len(errors.splitlines()) == 1
        assert not (here / "m").exists()
