"""What a careful user tries on a hurried day: files of other kinds, places that are none, slips."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("pyarrow")

from ae_core.cli.wording import in_options

PLAIN = "a,b\n" + "".join(f"{i}.5,{i * i % 7}\n" for i in range(9))
TINY = ("--epochs", "1", "-k", "1", "-q", "--threads", "1")


@pytest.fixture
def refused(run, here):
    """The one line that a command ends with."""

    def refused(*arguments, code=None):
        before = set(here.rglob("*"))
        ended, out, said = run(*arguments)
        assert ended in ((1, 2) if code is None else (code,))
        assert (out, said.count("\n")) == ("", 1)
        assert len(said) <= 301
        assert set(here.rglob("*")) == before
        return said

    return refused


# --- what is no CSV ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('{"a": [1, 2], "b": [3, 4]}', "JSON"),
        ('{"a":{"0":0.346,"1":-1.303},"b":{"0":2,"1":3}}', "JSON"),
        ('{"a":1,"b":2}\n{"a":3,"b":4}\n{"a":5,"b":6}\n', "JSON"),
        ('[{"a": 1}, {"a": 2}]', "JSON"),
        ('[\n  {"a": 1},\n  {"a": 2}\n]', "JSON"),
        ("[[1, 2], [3, 4]]", "JSON"),
        ('{\n  "columns": ["a"],\n  "data": [[1], [2]]\n}', "JSON"),
        ("<html><body><table>\n<tr><td>1</td></tr></table>", "HTML or XML"),
        ("<!DOCTYPE html>\n<html>\n", "HTML or XML"),
        ('<?xml version="1.0"?>\n<rows><row a="1"/></rows>', "HTML or XML"),
        ("@RELATION iris\n@ATTRIBUTE a NUMERIC\n@DATA\n5,3\n", "ARFF"),
        ("% made by hand\n@relation x\n@attribute a numeric\n@data\n1\n", "ARFF"),
        ("1 1:0.5 2:0.3\n-1 1:0.2 7:1e-3\n", "svmlight"),
        ("%PDF-1.7\n%\n1 0 obj\n", "PDF"),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |\n", "Markdown"),
        ("{\\rtf1\\ansi a,b\n1,2\n}", "RTF"),
    ],
)
def test_files_of_other_formats_are_told(refused, here, content, what):
    Path("x.csv").write_text(content)
    said = refused("fit", "x.csv", "-o", "m", *TINY)
    assert f"x.csv: it seems to be {what}, not CSV: " in said


@pytest.mark.parametrize(
    "names",
    [
        "{a},[b]",
        "[m],[kg]",
        "<a>,<b>",
        "@a,@b",
        "a:1,b:2",
        "%,% of all",
        '"{""a"": 1}",b',
        "(1),{2}",
    ],
)
def test_odd_names_are_names(run, here, names):
    Path("x.csv").write_text(PLAIN.replace("a,b", names))
    assert run("fit", "x.csv", "-o", "m", *TINY)[0] == 0


@pytest.mark.parametrize("ending", ["tar.gz", "tar.bz2", "tgz", "zip", "csv.zip", "tar.xz", "rar"])
def test_archives(refused, here, ending):
    Path(f"x.{ending}").write_bytes(gzip.compress(b"x"))
    said = refused("fit", f"x.{ending}", "-o", "m", *TINY)
    assert f"x.{ending}: it is an archive: unpack it" in said


# --- lines -----------------------------------------------------------------------------------------


def test_marks_of_the_byte_order_are_no_names(run, refused, here):
    mark = b"\xef\xbb\xbf"
    text = PLAIN.encode()
    for content in (mark + text, 2 * mark + text, mark + b'"a",b\n1,2\n3,4\n', 3 * mark + text):
        Path("x.csv").write_bytes(content)
        assert run("fit", "x.csv", "-o", "m", *TINY)[0] == 0
        assert "2: a, b\n" in run("info", "m")[1]
        Path("m").unlink()
    Path("x.csv").write_bytes(mark + text + mark + text)  # as cat joins two such files
    said = refused("fit", "x.csv", "-o", "m", *TINY)
    assert "line 11 has the columns' names again: leave such lines out with --skip 11-11" in said
    assert run("fit", "x.csv", "-o", "m", *TINY, "--skip", "11-11")[0] == 0


@pytest.mark.parametrize("place", [0, 1, 5])
@pytest.mark.parametrize("n_rows", [1, 9])
def test_a_quote_that_stays_open_is_named_where_it_begins(refused, here, place, n_rows):
    lines = PLAIN.splitlines()[: 1 + n_rows]
    place = min(place, n_rows)
    lines[place] = '"' + lines[place]
    Path("x.csv").write_text("\n".join(lines) + "\n")
    said = refused("fit", "x.csv", "-o", "m", *TINY)
    assert f"line {place + 1}" in said
    assert "quote" in said
    assert "--skip 1" not in said


def test_nothing_is_left_by_skip(refused, here):
    Path("x.csv").write_text(PLAIN)
    for lines in ("10", "11", "1-400", "99999"):
        said = refused("fit", "x.csv", "-o", "m", *TINY, "--skip", lines)
        assert "x.csv: it is empty without what --skip leaves out" in said
    Path("x.csv").write_text("")
    assert "x.csv: it is empty" in refused("fit", "x.csv", "-o", "m", *TINY)


# --- numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["0.125", "-0.250", "00.125", "0.125.250", "+0.000", "012.345"])
def test_what_begins_with_0_has_no_thousands(refused, run, here, number):
    content = "a;b\n" + "".join(f"{1.5 * i:.3f};{i}\n" for i in range(1, 9))
    Path("x.csv").write_text(content + f"{number};1\n")
    said = refused("fit", "x.csv", "-o", "m", *TINY, "--thousands", ".")
    assert f"line 10: '{number}'" in said or f"line 10, is '{number}'" in said
    Path("x.csv").write_text(content.replace(".", "") + "1.000.125,5;1\n")
    assert run("fit", "x.csv", "-o", "m", *TINY, "--thousands", ".")[0] == 0


@pytest.mark.parametrize("bound", ["<0.01", "> 100", "<=5", "≤5", "≥ 1e3", ">=0"])
def test_bounds_are_no_values(refused, here, bound):
    Path("x.csv").write_text(PLAIN + f"{bound},1\n")
    said = refused("fit", "x.csv", "-o", "m", *TINY)
    assert f"line 11: '{bound}' is a bound, not a value: put a number there, or leave" in said
    assert "take it out" not in said


# --- places ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["https://example.org/x.csv", "s3://a/b.parquet", "ftp://x/y.npy"]
)
def test_addresses(refused, address):
    for arguments in (("fit", address, "-o", "m"), ("diagnose", address)):
        said = refused(*arguments)
        assert f"{address}: it is an address, and here files are read: download it first" in said


def test_no_place_at_all(refused, here):
    Path("x.csv").write_text(PLAIN)
    assert "'': " in refused("fit", "", "-o", "m")
    assert "'': " in refused("fit", "x.csv", "-o", "")
    assert "'': " in refused("info", "")
    assert "'': " in refused("encode", "", "x.csv")


def test_a_name_that_begins_with_a_dash(refused, run, here):
    Path("-data.csv").write_text(PLAIN)
    said = refused("fit", "-data.csv", "-o", "m", *TINY, code=2)
    assert "a file whose name begins with a dash is given as ./-data.csv" in said
    assert "dash" not in refused("fit", "-other.csv", "-o", "m", *TINY, code=2)
    assert run("fit", "./-data.csv", "-o", "m", *TINY)[0] == 0


def test_folders_of_other_files(refused, here):
    Path("parts").mkdir()
    assert "the folder 'parts' has no .parquet files" in refused("fit", "parts", "-o", "m")
    for name in ("b.csv", "a.csv", "c.txt"):
        Path("parts", name).write_text(PLAIN)
    said = refused("fit", "parts", "-o", "m")
    assert (
        "the folder 'parts' has no .parquet files, and others, such as 'a.csv', are given" in said
    )
    assert "one by one" in said
    Path("parts", "deep").mkdir()
    Path("parts", "deep", "d.csv").write_text(PLAIN)
    assert "such as 'd.csv'" in refused("fit", "parts/deep", "-o", "m")


# --- models and options ----------------------------------------------------------------------------


def test_the_model_that_a_command_needs_is_said(refused, run, here):
    Path("x.csv").write_text(PLAIN)
    detector = ("--outliers", "-k", "1", "-q", "--threads", "1")
    assert run("fit", "x.csv", "-o", "d", *detector)[0] == 0
    assert "fit one without --outliers, and with --missing" in refused("impute", "d", "x.csv")
    assert "fit one without --outliers" in refused("encode", "d", "x.csv")


@pytest.mark.parametrize(
    "arguments", [["--foo"], ["--foo", "fit"], ["-x"], ["--verison"], ["--foo", "x.csv"]]
)
def test_an_option_before_the_command(refused, arguments):
    said = refused(*arguments, code=2)
    assert said.startswith("ae-core")
    assert f"no such option '{arguments[0][:2] if arguments == ['-x'] else arguments[0]}'" in said


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "validation_fraction=0.999 of n_samples=40 holds out 40: some must be held out and "
            "some left; change it, or give X_val",
            "validation_fraction=0.999 (--validation-fraction) of n_samples=40 holds out 40: some "
            "must be held out and some left; change it",
        ),
        (
            "corruption_level=1.0: corruption='masking' needs a share below 1, or nothing is left",
            "corruption_level=1.0 (--corruption-level): --corruption masking needs a share below 1, "
            "or nothing is left",
        ),
        (
            "hidden_layer_sizes entry=0 in (0, 3): must be an integer of at least 1",
            "hidden_layer_sizes entry=0 in (0, 3) (--hidden): must be an integer of at least 1",
        ),
        ("max_iter=0: must be an integer", "max_iter=0 (--epochs): must be an integer"),
        (
            "random_state=-1 cannot be used to seed random numbers: must be None",
            "random_state=-1 (--seed) cannot be used to seed random numbers: must be None",
        ),
        (
            "hidden_layer_sizes=(3, 'x: must'): must be sizes",
            "hidden_layer_sizes=(3, 'x: must') (--hidden): must be sizes",
        ),
        ("loss='x: y': must be one of", "loss='x: y' (--loss): must be one of"),
        ("batch_size=5: try 50", "--batch-size 5: try 50"),
    ],
)
def test_options_stand_behind_the_value(message, said):
    assert in_options(message) == said


# --- streams that are closed -----------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="a shell closes streams")
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("encode m x.csv >&-", 1, "standard output: it is closed"),
        ("score m x.csv >&-", 1, "standard output: it is closed"),
        ("encode m - <&-", 1, "standard input: it is closed"),
        ("fit - -o n -q <&-", 1, "standard input: it is closed"),
        ("encode m x.csv -o codes.csv >&-", 0, ""),
        ("encode m x.csv -o codes.csv >&- <&-", 0, ""),
        ("info m >&-", 0, ""),
    ],
)
def test_closed_streams(run, here, command, code, said):
    Path("x.csv").write_text(PLAIN)
    assert run("fit", "x.csv", "-o", "m", *TINY)[0] == 0
    found = subprocess.run(
        f"{sys.executable} -m ae_core {command}", shell=True, capture_output=True, text=True
    )
    assert (found.returncode, found.stdout) == (code, "")
    assert said in found.stderr
    assert found.stderr.count("\n") == (code != 0)
    assert ("-o codes" in command) == Path("codes.csv").exists()
    if "-o codes" in command:
        assert np.loadtxt("codes.csv", skiprows=1).shape == (9,)
