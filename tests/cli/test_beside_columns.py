"""Columns that are given beside each row: ``fit --covariates``, and what is done with such a model."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("click")
pytest.importorskip("pyarrow")

from ae_core import Autoencoder, VariationalAutoencoder, load  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

OWN = ["u", "v", "w"]
FIT = ("fit", "cells.csv", "-o", "m", "-q", "--epochs", "3", "-k", "1", "--threads", "1")


@pytest.fixture
def cells(here):
    """Numbers that depend on a batch, a date, a flag and an age; and what names the rows."""
    rng = np.random.default_rng(0)
    n = 60
    batch = rng.choice(["north", "south", "a,b"], n)
    frame = pandas.DataFrame(rng.normal(size=(n, 3)).round(4), columns=OWN)
    frame["u"] += 3.0 * (batch == "north")
    frame.insert(0, "id", [f"r{i}" for i in range(n)])
    frame.insert(2, "batch", batch)
    frame["age"] = rng.integers(20, 80, n)
    frame["flag"] = rng.random(n) > 0.5
    frame["day"] = (np.datetime64("2020-01-01") + rng.integers(0, 99, n)).astype(str)
    frame.to_csv("cells.csv", index=False)
    frame["u"] = frame["u"].astype(str).astype(float)
    return frame


def read_csv(file):
    """Numbers to the last bit, which pandas reads by itself from 3 on."""
    is_old = int(pandas.__version__.split(".")[0]) < 3
    return pandas.read_csv(file, **({"float_precision": "round_trip"} if is_old else {}))


def covariates_of(cells, names=("batch", "age")):
    """As the command line reads them."""
    return cells[list(names)].astype({name: float for name in names if name == "age"})


def test_it_is_the_fit_of_python(run, cells):
    assert run(*FIT, "--covariates", "batch,age", "--drop", "id,flag,day") == (0, "", "")
    mine = Autoencoder(1, max_iter=3, random_state=0, n_threads=1)
    mine.fit(cells[OWN], covariates=covariates_of(cells))
    theirs = load("m")
    np.testing.assert_array_equal(theirs.network_.params, mine.network_.params)
    assert list(theirs.feature_names_in_) == OWN
    beside = {"covariates": covariates_of(cells)}
    code, out, _ = run("encode", "m", "cells.csv", "--keep", "id")
    assert code == 0
    codes = read_csv(io.StringIO(out))
    assert list(codes["id"]) == list(cells["id"])
    np.testing.assert_array_equal(codes.iloc[:, 1:], mine.transform(cells[OWN], **beside))
    assert run("reconstruct", "m", "cells.csv", "-o", "back.csv")[0] == 0
    back = read_csv("back.csv")
    pandas.testing.assert_frame_equal(back, mine.reconstruct(cells[OWN], **beside))
    assert run("score", "m", "cells.csv", "-o", "scores.csv")[0] == 0
    scores = read_csv("scores.csv")["score"]
    np.testing.assert_allclose(scores, -mine.score_samples(cells[OWN], **beside), rtol=1e-12)
    _, out, _ = run("score", "m", "cells.csv", "--top", "2", "-o", "-")
    worst = np.argsort(-scores, kind="stable")[:2] + 1
    assert list(read_csv(io.StringIO(out))["row"]) == list(worst)


def test_what_is_given_beside_a_row_matters(run, cells):
    run(*FIT, "--covariates", "batch", "-c", ",".join(OWN))
    cells.assign(batch="south").to_csv("other.csv", index=False)
    assert run("encode", "m", "cells.csv")[1] != run("encode", "m", "other.csv")[1]


@pytest.mark.parametrize("names", [("age",), ("flag", "day"), ("day", "batch", "age", "flag")])
@pytest.mark.parametrize("how", ["parquet", "csv.gz", "pipe", "reordered", "no header"])
def test_in_files_of_any_kind(run, cells, names, how, monkeypatch, request):
    drop = [n for n in ("id", "batch", "age", "flag", "day") if n not in names]
    assert run(*FIT, "--covariates", ",".join(names), "--drop", ",".join(drop))[0] == 0
    expected = run("encode", "m", "cells.csv")
    assert expected[0] == 0
    path, more = f"cells.{how}", ()
    if how == "parquet":
        cells.assign(day=pandas.to_datetime(cells["day"])).to_parquet(path)
    elif how == "csv.gz":
        cells.to_csv(path, index=False)
    elif how == "reordered":
        path = "reordered.csv"
        cells.iloc[:, ::-1].assign(more="x").to_csv(path, index=False)
    elif how == "pipe":
        path = "-"
        stream = io.TextIOWrapper(Path("cells.csv").open("rb"))
        request.addfinalizer(stream.close)
        monkeypatch.setattr(sys, "stdin", stream)
    else:  # places stand for names, in the model, too
        cells.to_csv("plain.csv", index=False, header=False)
        places = [str(cells.columns.get_loc(name)) for name in names]
        others = [str(cells.columns.get_loc(name)) for name in drop]
        fit = (*FIT[:1], "plain.csv", *FIT[2:], "--no-header", "--covariates", ",".join(places))
        assert run(*fit, "--drop", ",".join(others))[0] == 0
        path, more = "plain.csv", ("--no-header", "--drop", ",".join(others))
    assert run("encode", "m", path, *more) == expected


def test_it_combines(run, cells):
    gaps = cells.copy()
    gaps.loc[[3, 7], "u"] = np.nan
    gaps.to_csv("gaps.csv", index=False)
    fit = ("fit", "gaps.csv", *FIT[2:], "--covariates", "batch", "-c", "u,v,flag", "--mixed")
    assert run(*fit, "--missing", "--float32", "--validation-fraction", "0.2")[0] == 0
    assert run("impute", "m", "gaps.csv", "-o", "filled.csv")[0] == 0
    filled, model = read_csv("filled.csv"), load("m")
    assert list(filled.columns) == list(cells.columns)  # what is given beside rows is kept
    pandas.testing.assert_frame_equal(filled.drop(columns="u"), cells.drop(columns="u"))
    expected = model.impute(gaps[["u", "v", "flag"]], covariates=gaps[["batch"]])
    np.testing.assert_array_equal(filled["u"], expected["u"])


def test_a_fit_goes_on_from_a_checkpoint(run, cells):
    fit = (*FIT, "--covariates", "batch,day", "-c", "u,v", "--checkpoint", "c")
    assert run(*fit)[0] == 0
    params = load("m").network_.params
    assert run(*fit, "--resume") == (0, "", "")
    np.testing.assert_array_equal(load("m").network_.params, params)
    cells.assign(batch="north").to_csv("cells.csv", index=False)
    code, _, said = run(*fit, "--resume")
    assert (code, said.count("\n")) == (1, 1)
    assert "c is a checkpoint of a fit to other data" in said


def test_it_is_said(run, cells):
    loud = [each for each in FIT if each != "-q"]
    code, out, said = run(*loud, "--covariates", "batch,age", "-c", "u,v")
    assert code == 0
    assert "model: m; covariates: 'batch', 'age'" in out
    assert "60 rows, 2 columns" in said
    assert "covariates   batch, age\n" in run("info", "m")[1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--covariates", "bach"), "there is no column 'bach'; is 'batch' meant?"),
        (
            ("--covariates", "batch", "--drop", "batch"),
            "--covariates 'batch': --drop names it, too",
        ),
        (("--covariates", "u", "-c", "u,v"), "--covariates 'u': --columns names it, too"),
        (("--covariates", "batch", "--outliers"), "--covariates is not for --outliers"),
        (("--covariates", "batch", "--imputer"), "--covariates is not for --imputer"),
        (
            ("--covariates", "id", "-c", "u"),
            "of --covariates: column 'id' has 60 different texts in 60 rows",
        ),
        (("--covariates", "u,v,w,id,batch,age,flag,day"), "no column is left to read"),
    ],
)
def test_what_can_not_be(run, cells, given, words):
    code, out, said = run("fit", "cells.csv", "-o", "m", *given, "-q")
    assert (code in (1, 2), out, said.count("\n")) == (True, "", 1)
    assert words in said
    assert not Path("m").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": "east"}, "column 'batch', line 5, is 'east', which was no category in the fit"),
        ({"batch": None}, "column 'batch', line 5, has no value: put a value there, or leave out"),
        ({"age": "old"}, "column 'age', line 5, is 'old'"),
        ({"age": None}, "column 'age', line 5, has no value: put a number there, or leave out"),
        ({"flag": "2"}, "column 'flag', line 5, is 2, and in the fit it was true or false"),
        ({"day": "soon"}, "column 'day', line 5, is 'soon', and others are dates"),
    ],
)
def test_other_values_are_named(run, cells, changes, words):
    assert run(*FIT, "--covariates", "batch,age,flag,day", "--drop", "id")[0] == 0
    ((name, value),) = changes.items()
    spoiled = cells.astype(object)
    spoiled.loc[3, name] = value
    spoiled.to_csv("spoiled.csv", index=False)
    for command in ("encode", "score"):
        code, out, said = run(command, "m", "spoiled.csv")
        assert (code, out, said.count("\n")) == (1, "", 1)
        assert f"of --covariates: {words}" in said
        assert "--missing" not in said
    cells.drop(columns=name).to_csv("less.csv", index=False)
    assert f"there is no column '{name}'" in run("encode", "m", "less.csv")[2]
    assert "the model has that covariate" in run("encode", "m", "cells.csv", "--drop", name)[2]


def test_models_from_python(run, cells):
    few = {"n_components": 1, "max_iter": 2, "random_state": 0, "n_threads": 1}
    variational = VariationalAutoencoder(**few)
    variational.fit(cells[OWN], covariates=cells[["batch"]]).save("v")
    code, out, _ = run("encode", "v", "cells.csv")
    expected = variational.transform(cells[OWN], covariates=cells[["batch"]])
    np.testing.assert_array_equal(read_csv(io.StringIO(out)), expected)
    Autoencoder(**few).fit(cells[OWN], covariates=cells[["age"]].to_numpy()).save("a")
    code, _, said = run("encode", "a", "cells.csv")
    assert code == 2
    assert "fitted with covariates is for Python alone" in said
    assert "covariates   1\n" in run("info", "a")[1]


@pytest.mark.parametrize("command", ["diagnose", "report"])
def test_there_is_nothing_to_compare_it_with(run, cells, command):
    pytest.importorskip("matplotlib")
    assert run(*FIT, "--covariates", "batch", "-c", "u,v")[0] == 0
    more = ("-o", "r.html") if command == "report" else ()
    code, out, said = run(command, "m", "cells.csv", *more)
    assert (code, out, said.count("\n")) == (2, "", 1)
    assert "m has covariates, and there is nothing yet to compare such a model with" in said


def test_not_of_folders(run, cells):
    Path("parts").mkdir()
    cells.to_parquet("parts/a.parquet")
    fit = ("fit", "parts", *FIT[2:], "-c", "u,v")
    code, _, said = run(*fit, "--covariates", "batch")
    assert (code, said.count("\n")) == (2, 1)
    assert "parts: --covariates are of one table; give one file" in said
    assert run(*FIT, "--covariates", "batch", "-c", "u,v")[0] == 0
    for command in ("encode", "reconstruct", "score"):
        code, _, said = run(command, "m", "parts")
        assert (code, said.count("\n")) == (2, 1)
        assert "parts: a model with covariates takes one table; give one file" in said
