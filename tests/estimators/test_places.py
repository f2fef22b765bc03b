"""Errors name the place: the row of a file of many, and the entry of a code."""

import numpy as np
import pandas as pd
import pytest
from messages import LONGEST, OTHERS_WORDS

from ae_core import (
    Autoencoder,
    AutoencoderOutlierDetector,
    Blocks,
    Checkpoint,
    Network,
    NotLearningWarning,
    Predictor,
    VariationalAutoencoder,
    load,
    train,
)
from ae_core.data.blocks import Place, at

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")


X = np.random.default_rng(0).normal(size=(60, 3))
CLASSES = {
    "autoencoder": lambda **k: Autoencoder(2, max_iter=2, random_state=0, **k),
    "variational": lambda **k: VariationalAutoencoder(2, max_iter=2, random_state=0, **k),
}


def message(call, kind=ValueError):
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) <= LONGEST
    assert not OTHERS_WORDS.search(text)
    return text


def frame():
    return pd.DataFrame(X.copy(), columns=["a", "row 3", "X[1, 2]"])


@pytest.fixture
def folder(tmp_path):
    """Two files, the second one of groups of 20 rows, of which row 47 has no value."""
    pytest.importorskip("pyarrow")
    frame().to_parquet(tmp_path / "one.parquet", index=False)
    table = frame()
    table.loc[47, "X[1, 2]"] = np.nan
    table.to_parquet(tmp_path / "two.parquet", index=False, row_group_size=20)
    return tmp_path


@pytest.mark.parametrize("block_size", [7, 20, 1000])
@pytest.mark.parametrize("name", CLASSES)
def test_the_row_of_a_file(folder, name, block_size):
    source = Blocks(folder, block_size=block_size)
    fitted = CLASSES[name]().fit(frame())
    for call in (
        lambda: CLASSES[name]().fit(source),
        lambda: list(fitted.transform(source)),
        lambda: fitted.score(source),
        lambda: fitted.score_samples(source, to=folder / "scores.csv"),
    ):
        text = message(call)
        assert "two.parquet: X[47, 2] is nan (column 'X[1, 2]')" in text
        assert "About NaN: missing_values='mask' learns around" in text
    text = message(lambda: CLASSES[name](columns="mixed").fit(source))
    assert "two.parquet" in text
    assert "column 'X[1, 2]', first in row 47" in text


def test_the_row_of_a_table_that_is_cut():
    table = X.copy()
    table[41, 1] = np.inf
    assert "X[41, 1] is inf" in message(
        lambda: CLASSES["autoencoder"]().fit(Blocks(table, block_size=9))
    )
    named = pd.DataFrame({"a": X[:, 0], "b": ["1.5"] * 50 + ["x"] * 10})
    text = message(lambda: CLASSES["autoencoder"]().fit(Blocks(named, block_size=9)))
    assert "column 'b', row 50, is 'x'" in text


def test_the_row_of_a_block_of_a_list():
    class Again:
        def __iter__(self):
            yield from ends

    ends = [X[:20], X[20:].copy()]
    ends[1][5, 0] = np.nan
    for source in (ends, Again()):
        assert "block 1: X[5, 0] is nan" in message(
            lambda source=source: AutoencoderOutlierDetector(n_steps=2).fit(Blocks(source))
        )


def test_the_file_that_categories_are_learned_from_is_the_one_named(tmp_path):
    pytest.importorskip("pyarrow")
    good = pd.DataFrame({"a": X[:, 0], "b": ["x", "y"] * 30})
    for i, bad in enumerate(
        (
            good.assign(a=pd.date_range("2020", periods=60)),
            good.assign(b=1.5),
            good.assign(b=[[1]] * 60),
        )
    ):
        place = tmp_path / str(i)
        place.mkdir()
        good.to_parquet(place / "good.parquet")
        bad.to_parquet(place / "other.parquet")
        assert "other.parquet" in message(lambda p=place: Autoencoder(2, columns="mixed").fit(p))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("X[0, 1] is nan", "p: X[30, 1] is nan"),
        ("X: column 'row 2', row 4, is 'X[1, 1]'", "p: X: column 'row 2', row 34, is 'X[1, 1]'"),
        ("X has 3 columns", "p, rows from 90 on: X has 3 columns"),
        ("row 1 or row 12: rows 3", "p: row 31 or row 42: rows 3"),
    ],
)
def test_numbers_of_rows_are_those_of_the_file(text, right):
    assert str(at(Place("p", 90, 30), ValueError(text))) == right


CODES = {
    "NaN": (np.array([[0.0, 1], [2, np.nan]]), "X[1, 1] is nan", "take the code of such rows"),
    "infinity": (np.array([[0.0, -np.inf]]), "X[0, 1] is -inf", "finite"),
    "a frame": (pd.DataFrame({"p": [0, None], "q": [1.0, 2]}), "X[1, 0] is nan (column 'p')", ""),
    "Int64": (pd.DataFrame({"p": pd.array([None, 1], "Int64"), "q": [1.0, 2]}), "(column 'p')", ""),
    "masked": (np.ma.masked_greater([[1.0, 1], [9, 1]], 5), "masked", "take the code of such rows"),
    "objects": (np.array([[0, 1], [2, None]], object), "X[1, 1] is nan", ""),
    "text": ([[0, "y"]], "X", "numbers"),
    "lists": ([[0.0, 1], [2]], "X is a list", ""),
    "32 bits": (np.array([[0, np.nan]], "f4"), "X[0, 1] is nan", ""),
    "one row": (np.array([0.0, 1]), "X of shape (2,)", "reshape"),
    "none": (np.empty((0, 2)), "X has no rows", ""),
}


@pytest.mark.parametrize("what", CODES)
@pytest.mark.parametrize("name", CLASSES)
def test_codes_that_are_none(name, what):
    code, *words = CODES[what]
    model = CLASSES[name]().fit(X)
    text = message(lambda: model.inverse_transform(code))
    assert all(word in text for word in words), text


def test_sparse_codes_are_refused_by_what_to_give():
    sparse = pytest.importorskip("scipy.sparse")
    model = CLASSES["autoencoder"]().fit(X)
    code = sparse.csr_array(model.transform(X))
    text = message(lambda: model.inverse_transform(code), TypeError)
    assert "X.toarray()" in text


def test_codes_of_whole_numbers_are_taken():
    model = CLASSES["autoencoder"]().fit(X)
    plain = model.inverse_transform([[1.0, 2.0]])
    for code in ([[1, 2]], np.array([[1, 2]], "i1"), pd.DataFrame([[1, 2]], columns=["p", "q"])):
        np.testing.assert_array_equal(model.inverse_transform(code), plain)


def test_networks_say_what_leaves_out_what_is_missing(network_class):
    network = CLASSES["autoencoder"]().fit(X).network_
    network = network_class(network.architecture, network.params)
    table = np.where(X > 2, np.nan, X)
    text = message(
        lambda: train(network, table) if network_class is Network else network.loss(table)
    )
    assert "Rows(X, missing='mask')" in text
    code = network.encode(X)
    code[7, 1] = np.nan
    text = message(lambda: network.decode(code))
    assert "code[7, 1] is nan" in text
    assert "mask" not in text


@pytest.mark.parametrize("name", CLASSES)
def test_the_score_of_what_is_partly_seen_is_that_of_its_blocks(name):
    rng = np.random.default_rng(1)
    table = np.where(rng.random(X.shape) < 0.4, np.nan, X)
    model = CLASSES[name](missing_values="mask").fit(table)
    score = model.score(table)
    np.testing.assert_allclose(model.score(Blocks(table, block_size=7)), score, rtol=1e-12)
    scores = model.score_samples(table)
    seen = np.isfinite(table).mean(axis=1)
    # A mean log-likelihood is one over rows; a mean error one over what is seen.
    weights = np.ones(60) if name == "variational" else seen
    np.testing.assert_allclose(score, np.average(scores, weights=weights), rtol=1e-12)
    assert abs(np.average(scores, weights=np.ones(60)) - np.average(scores, weights=seen)) > 1e-3


def test_warnings_are_about_the_line_that_called():
    noise = np.random.default_rng(3).normal(size=(80, 4))
    noisy = Autoencoder(1, max_iter=1, learning_rate_init=1e-9, random_state=0)
    scores = AutoencoderOutlierDetector(n_steps=2, random_state=0)
    parts = Autoencoder(1, missing_values="mask", max_iter=1, random_state=0)
    never = np.c_[noise, np.full(80, np.nan)]
    for call in (lambda: noisy.fit(noise), lambda: noisy.fit_transform(noise)):
        with pytest.warns(NotLearningWarning) as caught:
            call()
        assert {warning.filename for warning in caught} <= {__file__, _data_file()}
    with pytest.warns(UserWarning, match="nothing") as caught:
        parts.fit(never)
    assert [warning.filename for warning in caught] == [__file__] * len(caught)
    assert scores.fit(noise).n_features_in_ == 4


def _data_file():
    """Where scikit-learn wraps transformers: a frame between `fit_transform` and its caller."""
    from sklearn.utils import _set_output

    return _set_output.__file__


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"n_components": 1}, "layer_sizes=(3, 128, 1, 128, 3)"),
        ({"activation": "tanh"}, "activations=('tanh'"),
        ({"loss": "absolute_error"}, "loss='absolute_error'"),
        ({"tied": True}, "tied=True"),
        ({"hidden_layer_sizes": (7,) * 40}, "layer_sizes=(3, 7, 7"),
    ],
)
def test_a_warm_start_says_which_part_is_another(changed, words):
    model = CLASSES["autoencoder"](warm_start=True).fit(X)
    model.set_params(**changed)
    text = message(lambda: model.fit(X))
    assert words in text
    assert "warm_start=False" in text


ONE_DIMENSION = {
    "an array": (X[0], "X.reshape(1, -1)"),
    "a list": (X[0].tolist(), "one sample is [X]"),
    "a tuple": ((1.0, 2.0), "[[x] for x in X]"),
    "a Series": (pd.Series(X[:, 0]), "X.to_frame()"),
    "an index": (pd.Index(X[:, 0]), "X.to_frame()"),
}


@pytest.mark.parametrize("what", ONE_DIMENSION)
def test_advice_about_one_dimension_is_for_what_was_given(what):
    given, words = ONE_DIMENSION[what]
    text = message(lambda: CLASSES["autoencoder"]().fit(given))
    assert words in text
    assert "Reshape your data" in text


def test_advice_about_a_series_of_polars():
    polars = pytest.importorskip("polars")
    text = message(lambda: CLASSES["autoencoder"]().fit(polars.Series(X[:, 0])))
    assert "X.to_frame()" in text


@pytest.mark.parametrize("path", ["a\0b", b"a\0b", "\0", "x" * 300 + "\0"])
def test_names_of_files_have_no_nul(path, tmp_path):
    model = CLASSES["autoencoder"]().fit(X)
    for call in (
        lambda: model.save(path),
        lambda: load(path),
        lambda: Autoencoder.load(path),
        lambda: Predictor.load(path),
        lambda: Checkpoint(path),
        lambda: CLASSES["autoencoder"]().fit(X, resume_from=path),
        lambda: model.transform(X, to=path),
        lambda: CLASSES["autoencoder"]().fit(Blocks(path)),
    ):
        text = message(call)
        assert "null byte" not in text
        assert "\\x00" in text or "…" in text
