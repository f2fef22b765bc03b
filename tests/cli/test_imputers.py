"""A saved `AutoencoderImputer` at the command line: `ae-core impute` and `info` take it."""

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("click")
pytest.importorskip("pyarrow")

from ae_core import AutoencoderImputer  # noqa: E402

QUICK = {"n_networks": 1, "hidden_layer_sizes": (8, 4, 8), "random_state": 0}


def table(n_rows=30):
    random = np.random.default_rng(0)
    frame = pandas.DataFrame(random.normal(size=(n_rows, 3)), columns=["a", "b", "c"])
    frame.loc[::4, "b"] = np.nan
    frame.insert(1, "kind", random.choice(["oak", "ash"], n_rows))
    frame.loc[2, "kind"] = None
    return frame


def test_empty_cells_are_filled_in(run):
    frame = table().drop(columns="kind")
    imputer = AutoencoderImputer(add_indicator=True, **QUICK).fit(frame)
    imputer.save("imputer.ae")
    frame.to_csv("data.csv", index=False)
    code, _, error = run("impute", "imputer.ae", "data.csv", "-o", "filled.csv")
    assert (code, error) == (0, "")
    expected = imputer.set_params(add_indicator=False).transform(frame)
    pandas.testing.assert_frame_equal(pandas.read_csv("filled.csv"), expected)


def test_columns_of_which_nothing_was_seen_keep_their_place(run):
    frame = table()[["a", "b"]].assign(never=np.nan)[["a", "never", "b"]]
    AutoencoderImputer(**QUICK).fit(frame).save("imputer.ae")
    frame.to_csv("data.csv", index=False)
    assert run("impute", "imputer.ae", "data.csv", "-o", "filled.csv")[0] == 0
    filled = pandas.read_csv("filled.csv")
    assert list(filled) == ["a", "never", "b"]
    assert filled["never"].tolist() == [0.0] * 30


def test_categories_are_filled_in(run):
    frame = table()
    imputer = AutoencoderImputer(columns="mixed", **QUICK).fit(frame)
    imputer.save("imputer.ae")
    frame.assign(other=1).to_csv("data.csv", index=False)
    assert run("impute", "imputer.ae", "data.csv", "-o", "filled.csv")[0] == 0
    filled = pandas.read_csv("filled.csv")
    assert list(filled) == ["a", "kind", "b", "c", "other"]
    assert filled["kind"].tolist() == imputer.transform(frame)["kind"].tolist()
    assert not filled.isna().any().any()


def test_it_is_described(run):
    AutoencoderImputer(columns="mixed", **QUICK).fit(table()).save("imputer.ae")
    code, output, _ = run("info", "imputer.ae")
    assert code == 0
    assert "AutoencoderImputer" in output
    assert "networks     1" in output
    assert "4: a, kind, b, c" in output


@pytest.mark.parametrize("command", ["encode", "reconstruct", "score", "diagnose"])
def test_other_commands_say_what_it_is_for(run, command):
    frame = table()[["a", "c"]]
    AutoencoderImputer(**QUICK).fit(frame).save("imputer.ae")
    frame.to_csv("data.csv", index=False)
    code, _, error = run(command, "imputer.ae", "data.csv")
    assert code == 2
    assert "AutoencoderImputer, which fills in and does nothing else: see ae-core impute" in error


def test_it_is_fitted_there(run):
    """With text, empty cells and an id to be left out; then it fills in, and keeps the id."""
    frame = table().assign(id=range(30))
    frame.to_csv("data.csv", index=False)
    code, output, error = run(
        *("fit", "data.csv", "-o", "m.ae", "--imputer", "--mixed", "--hidden", "8,4,8"),
        *("--drop", "id", "--threads", "1"),
    )
    assert code == 0, error
    assert "ae-core impute m.ae data.csv" in output
    assert run("impute", "m.ae", "data.csv", "-o", "filled.csv")[0] == 0
    filled = pandas.read_csv("filled.csv")
    assert list(filled) == list(frame)
    assert filled["id"].tolist() == list(range(30))
    assert not filled.isna().any().any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--components", "3"], "--components is not for --imputer"),
        (["--outliers"], "choose one"),
        (["--checkpoint", "c"], "--checkpoint is not for --imputer"),
    ],
)
def test_what_it_does_not_take_is_refused(run, options, message):
    table().to_csv("data.csv", index=False)
    code, _, error = run("fit", "data.csv", "-o", "m.ae", "--imputer", *options)
    assert code == 2
    assert message in error
