"""Numbers, flags, categories and dates through the command line: read, learned from, written again."""

import io
import subprocess
import sys

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("click")
pytest.importorskip("pyarrow")

from ae_core import Autoencoder, AutoencoderOutlierDetector, load  # noqa: E402
from ae_core.cli.tables.columns import Wanted, chosen_columns  # noqa: E402
from ae_core.cli.tables.dates import dates_of, days_of  # noqa: E402
from ae_core.cli.tables.reading import Layout, TableError, read_table  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")


@pytest.fixture
def people(here):
    """A table with a column of each kind, and one that names its rows."""
    rng = np.random.default_rng(0)
    n = 60
    days = np.datetime64("2020-01-01") + rng.integers(0, 500, n)
    frame = pandas.DataFrame(
        {
            "name": [f"person {i}" for i in range(n)],
            "height": rng.normal(170, 10, n).round(1),
            "kind": rng.choice(["oak", "ash", "elm, field"], n),
            "member": rng.choice([True, False], n),
            "since": days.astype(str),
            "grade": rng.choice(["1", "2", "A"], n),
        }
    )
    frame.to_csv("people.csv", index=False)
    return frame


def mixed(name, *, missing=False, known=None, drop=(), layout=None):
    wanted = Wanted(chosen_columns(None, drop), missing=missing, mixed=known or True)
    return read_table(name, wanted, layout=layout)


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet", "csv.gz"])
def test_what_columns_are(here, people, ending):
    if ending == "parquet":
        people.assign(since=pandas.to_datetime(people["since"])).to_parquet("people.parquet")
    elif ending == "csv.gz":
        people.to_csv("people.csv.gz", index=False)
    table = mixed(f"people.{ending}", drop=["name"])
    frame = table.values
    assert list(frame.columns) == ["height", "kind", "member", "since", "grade"]
    assert [dtype.name for dtype in frame.dtypes] == [
        "float64",
        "category",
        "bool",
        "float64",
        "category",
    ]
    assert table.dates == {"since": False}
    assert (frame["height"] == people["height"]).all()
    assert (frame["member"] == people["member"]).all()
    for name in ("kind", "grade"):
        assert frame[name].cat.categories.tolist() == sorted(set(people[name]))
        assert (frame[name].astype(str) == people[name]).all()
    expected = (pandas.to_datetime(people["since"]) - pandas.Timestamp(0)) / pandas.Timedelta(
        days=1
    )
    np.testing.assert_array_equal(frame["since"], expected)


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        ("1,2,3", "float64", [1, 2, 3]),
        ("1,,3", "float64", [1, np.nan, 3]),
        ("true,False,TRUE", "bool", [True, False, True]),
        ("true,,false", "boolean", [True, pandas.NA, False]),
        ("true,2,false", "float64", [1, 2, 0]),
        ("1,x,2", "category", ["1", "x", "2"]),
        ("x,NA,y", "category", ["x", None, "y"]),
        ('" x",x,"x "', "category", [" x", "x", "x "]),
        ("2020-01-02,1969-12-31,", "float64", [18263, -1, np.nan]),
        ("2020-01-02 12:00,2020-01-02T06:00:00,2020-01-02", "float64", [18263.5, 18263.25, 18263]),
        ("2020-01-02T00:30:00+01:00,2020-01-01T23:30Z,NA", "float64", [18262 + 23.5 / 24] * 2 + [np.nan]),
        ("2020-01-02,2020-13-02,x", "category", ["2020-01-02", "2020-13-02", "x"]),
        ("2020-01-02,7,2020-01-03", "category", ["2020-01-02", "7", "2020-01-03"]),
        (",,", "float64", [np.nan] * 3),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", [0, 250])
def test_kinds_of_columns(here, cells, dtype, values, before):
    cells = next(__import__("csv").reader([cells])) if '"' not in cells else ['" x"', "x", '"x "']
    rows = [f"{i},{cell}" for i, cell in enumerate([cells[0]] * before + cells)]
    (here / "x.csv").write_text("\n".join(["i,v", *rows]) + "\n")
    column = mixed("x.csv", missing=True).values["v"]
    assert column.dtype.name == dtype
    found = [None if pandas.isna(v) else v for v in column.tolist()[before:]]
    expected = [None if pandas.isna(v) else v for v in values]
    assert found == expected


def test_kinds_that_show_late_are_read_again_from_the_beginning(here):
    rows = [f"{i},{i % 7},{i % 5},{i % 2 == 0}" for i in range(5000)] + ["1,x,2020-01-01,true"] * 2
    content = "\n".join(["a,b,c,d", *rows, "2,y,z,0.5"])
    (here / "x.csv").write_text(content)
    frame = mixed("x.csv").values
    assert [d.name for d in frame.dtypes] == ["float64", "category", "category", "float64"]
    assert frame["b"].astype(str).tolist()[-3:] == ["x", "x", "y"]
    assert frame["c"].astype(str).tolist()[-3:] == ["2020-01-01", "2020-01-01", "z"]
    assert frame["d"].tolist()[-3:] == [1, 1, 0.5]
    # Through a pipe, which can't be opened twice.
    script = (
        "import sys\nfrom ae_core.cli.tables.columns import *\n"
        "from ae_core.cli.tables.reading import read_table\n"
        "table = read_table('-', Wanted(chosen_columns(), mixed=True))\n"
        "print(table.values.to_csv(index=False), end='')\n"
    )
    for command in ("cat x.csv |", "< x.csv"):
        first, last = (f"{command} ", "") if "|" in command else ("", f" {command}")
        done = subprocess.run(
            f'{first}{sys.executable} -c "$SCRIPT"{last}',
            shell=True, capture_output=True, text=True, check=True, env={**__import__("os").environ, "SCRIPT": script},
        )  # fmt: skip
        assert done.stdout == frame.to_csv(index=False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,id\n" + "".join(f"{i},r{i}\n" for i in range(30)), ["'id'", "30 different texts", "--drop id"]),
        ("a,id\n" + "".join(f"{i},r{i}\n" for i in range(20_000)), ["'id'", "10000 different texts", "--drop id"]),
        ("a,day\n" + "".join(f"{i},{i}.12.2020\n" for i in range(1, 31)), ["'day'", "2020-12-31"]),
        ("a,b\n" + "".join(f"{i},{i}\n" for i in range(200)) + "5,oops\n", ["'b', line 202, is 'oops'"]),
        ("a,b\n1,x\n2,\n", ["'b', line 3, has no value", "--missing"]),
        ("a,b\n1,2020-01-02\n2,\n", ["'b', line 3, has no value"]),
        ("a,b\n1,x\n2,\xe9\n".encode("latin-1"), ["'b', line 3", "no UTF-8", "--encoding"]),
        ("a,b\nm,kg\n1,2\n3,4\n", ["line 2", "--skip 2-2"]),
        ("a b\n1 2\n3 4\n", ["--separator space"]),
        ("a,b\n1,x\n2,y,z\n", ["line 3 has 3 fields"]),
        ("a,b\n1,x\n2,-inf\n3,1e400\n" + "4,1\n" * 9, None),
        ("a,b\n1,2\n2,-inf\n", ["'b', line 3, is '-inf'"]),
    ],
)  # fmt: skip
def test_what_is_none_of_these(here, content, words):
    (here / "x.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    if words is None:
        assert mixed("x.csv").values["b"].dtype.name == "category"
        return
    with pytest.raises(TableError) as caught:
        mixed("x.csv")
    for word in words:
        assert word in str(caught.value)
    assert len(str(caught.value)) <= 300


def test_numbers_are_written_as_layouts_say(here):
    (here / "x.csv").write_text("a;b;c\n1.000,5;x;01\n2,25;y;02\n")
    frame = mixed("x.csv", layout=Layout(decimal=",", thousands=".")).values
    assert frame["a"].tolist() == [1000.5, 2.25]
    assert frame["c"].tolist() == [1, 2]


# --- dates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "2020-1-2",
        "2020-02-30",
        "20200102",
        "2020-W01",
        "2020-01-02T",
        "2020-01-02 25:00",
        "2020-01-02\n",
        "0000-01-01",
        "2020-01-02 10",
        "٢020-01-02",
        "10000-01-01",
    ],
)
def test_what_is_no_date(text):
    assert days_of(text) is None


@pytest.mark.parametrize(
    "text", ["0001-01-01", "9999-12-31", "1970-01-01 00:00:01", "2024-02-29 23:59:59"]
)
def test_dates_come_back(text):
    days = days_of(text)
    found = dates_of(np.array([days, np.nan, 0.5, 1e300, -np.inf, 2_932_897]), " " in text)
    assert str(found[0]).replace("T", " ") == text
    assert np.isnat(found[[1, 3, 4, 5]]).all()


# --- the commands --------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_mixed_table_is_diagnosed_as_fit_reads_it(run, here, people, separator):
    people.loc[:9, "height"] = np.nan
    people.to_csv("people.csv", index=False, sep=separator)
    code, out, said = run("diagnose", "people.csv", "--drop", "name")
    assert (code, said) == (0, "")
    out = " ".join(out.split())
    assert "60 rows, 5 columns: 1 of numbers, 2 of text, 1 of flags, 1 of dates" in out
    assert "Column 'since' holds points in time" in out
    assert "Column 'height' has no value in 16.7 % of the rows" in out
    code, out, _ = run("diagnose", "people.csv", "--drop", "name,kind,since,grade")
    assert "60 rows, 2 columns" in out
    assert "text" not in out


def test_a_table_that_nobody_can_read_is_no_table_with_text(run, here):
    (here / "bad.csv").write_text("a,b\n1,2\n3\n", "utf-8")
    code, out, said = run("diagnose", "bad.csv")
    assert (code, out) == (1, "")
    assert "line 3" in said


def test_a_mixed_table_goes_all_the_way(run, here, people):
    code, out, said = run(
        "fit", "people.csv", "-o", "m", "--mixed", "--drop", "name", "--epochs", "200"
    )
    assert code == 0, said
    assert "5 columns: 1 of numbers ('height'); 2 of categories ('kind', 'grade')" in said
    assert "1 of true and false ('member'); 1 of dates ('since')" in said
    model = load("m")
    assert model.columns == "mixed"
    for command in ("encode", "score", "diagnose", "info"):
        arguments = [command, "m", *(["people.csv"] if command != "info" else [])]
        assert run(*arguments)[0] == 0
    code, out, said = run("reconstruct", "m", "people.csv", "--keep", "name")
    assert (code, said) == (0, "")
    back = pandas.read_csv(io.StringIO(out))
    assert list(back.columns) == list(people.columns)
    assert (back["name"] == people["name"]).all()
    assert set(back["kind"]) <= set(people["kind"])
    assert set(back["member"]) <= {True, False}
    assert pandas.to_datetime(back["since"]).between("2019-06-01", "2022-06-01").all()
    assert (back["kind"] == people["kind"]).mean() > 0.5
    assert run("reconstruct", "m", "people.csv", "-o", "b.parquet")[0] == 0
    parquet = pandas.read_parquet("b.parquet")
    assert parquet["kind"].tolist() == back["kind"].tolist()
    code, _, said = run("reconstruct", "m", "people.csv", "-o", "b.npy")
    assert code == 1
    assert "text" in said
    people.assign(since=pandas.to_datetime(people["since"])).to_parquet("people.parquet")
    _, codes, _ = run("encode", "m", "people.csv")
    assert run("encode", "m", "people.parquet")[1] == codes


def test_mixed_holes_are_filled_in(run, here, people):
    rng = np.random.default_rng(1)
    holes = people.astype(object)
    for name in people.columns[1:]:
        holes.loc[rng.random(len(people)) < 0.2, name] = None
    holes.to_csv("holes.csv", index=False)
    code, _, said = run(
        "fit", "holes.csv", "-o", "m", "--mixed", "--missing", "--drop", "name", "-q"
    )
    assert code == 0, said
    assert run("impute", "m", "holes.csv", "-o", "filled.csv")[0] == 0
    filled = pandas.read_csv("filled.csv", dtype=str)
    assert list(filled.columns) == list(people.columns)
    assert filled.notna().all().all()
    for name in people.columns:
        seen = holes[name].notna()
        found, expected = filled.loc[seen, name], holes.loc[seen, name].astype(str)
        if name == "height":
            found, expected = found.astype(float), expected.astype(float)
        if name == "member":
            found = found.str.capitalize()
        assert (found == expected).all(), name
    # A category that the fit has not seen is one more hole; one without --missing is named.
    people.assign(kind="yew").head(3).to_csv("yew.csv", index=False)
    _, out, _ = run("impute", "m", "yew.csv")
    assert "yew" not in out
    assert run("fit", "people.csv", "-o", "n", "--mixed", "--drop", "name", "-q")[0] == 0
    code, _, said = run("encode", "n", "yew.csv")
    assert code == 1
    assert "column 'kind', line 2, is 'yew', which was no category in the fit" in said
    assert "'ash', 'elm, field', 'oak'" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"height": "tall"}, "'height' (line 2: 'tall'): the model was fitted to numbers there"),
        ({"member": "2"}, "'member', line 2, is 2, and in the fit it was true or false"),
        ({"member": "yes"}, "'member'"),
        ({"since": "yesterday"}, "'since'"),
        ({"kind": ""}, "'kind', line 2, has no value"),
        ({"height": ""}, "'height', line 2, has no value"),
    ],
)
def test_tables_that_are_not_like_the_fits(run, here, people, change, words):
    assert run("fit", "people.csv", "-o", "m", "--mixed", "--drop", "name", "-q")[0] == 0
    people.astype(str).assign(**change).to_csv("other.csv", index=False)
    code, out, said = run("encode", "m", "other.csv")
    assert (code, out, said.count("\n")) == (1, "", 1)
    assert words in said
    assert "--drop" not in said  # the model needs the column


def test_models_of_pandas_own_categories(run, here):
    frame = pandas.DataFrame(
        {
            "n": pandas.Categorical([3, 1, 2, 1] * 5, categories=[1, 2, 3], ordered=True),
            "f": pandas.Categorical([0.5, 1.0, 2.0, 1.0] * 5),
            "t": ["u", "v", "u", "w"] * 5,
            "b": [True, False, True, True] * 5,
            "i": np.arange(20),
        }
    )
    model = Autoencoder(2, columns="mixed", max_iter=30, random_state=0).fit(frame)
    model.save("m")
    frame.to_csv("x.csv", index=False)
    _, out, said = run("encode", "m", "x.csv")
    assert said == ""
    np.testing.assert_allclose(
        pandas.read_csv(io.StringIO(out)), model.transform(frame), atol=1e-12
    )
    frame.assign(n=frame["n"].astype(int)).to_parquet("x.parquet")
    assert run("encode", "m", "x.parquet")[1] == out


def test_columns_of_numpys_files_are_no_mixed_ones(run, here, people):
    np.save("x.npy", np.eye(6))
    code, _, said = run("fit", "x.npy", "-o", "m", "--mixed")
    assert code == 1
    assert "give CSV or Parquet" in said


@pytest.mark.skipif(
    "columns" in AutoencoderOutlierDetector._get_param_names(),
    reason="detectors take mixed columns",
)
def test_detectors_say_that_they_take_no_mixed_columns(run, here, people):
    code, _, said = run("fit", "people.csv", "-o", "m", "--mixed", "--outliers")
    assert code == 2
    assert "--mixed is not for --outliers" in said
    code, _, said = run("fit", "people.csv", "-o", "m", "--outliers")
    assert "--mixed" not in said
