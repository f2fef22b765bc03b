"""Tables that are none, or hold what is no number: errors name the table, the place and the value."""

import datetime
import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from messages import LONGEST, OTHERS_WORDS

from ae_core import (
    Architecture,
    Autoencoder,
    AutoencoderOutlierDetector,
    Network,
    VariationalAutoencoder,
    reference,
    train,
)

QUICK = {"hidden_layer_sizes": (3,), "max_iter": 1, "random_state": 0}
pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

GOOD = np.random.default_rng(0).random((12, 2))


def frame(**columns):
    """Two columns of numbers, and others."""
    return pd.DataFrame({"a": GOOD[:, 0], "b": GOOD[:, 1], **columns})


def changed(value, row=7, column=1):
    X = GOOD.copy()
    X[row, column] = value
    return X


DATES = pd.date_range("2020", "2021", periods=12)

FRAMES = {
    "dates": (frame(t=DATES), ["'t'", "such as the days since"]),
    "dates of a zone": (frame(t=DATES.tz_localize("UTC")), ["'t'", "such as the days since"]),
    "periods": (frame(t=DATES.to_period("D")), ["'t'", "such as the days since"]),
    "durations": (frame(t=DATES - DATES[0]), ["'t'", "such as the days since"]),
    "Python's dates": (
        frame(t=[datetime.date(2020, 1, 2)] * 12),
        ["'t'", "such as the days since"],
    ),
    "lists": (frame(c=[[1]] * 12), ["'c'"]),
    "complex numbers": (frame(c=[1j] * 12), ["'c'", "complex128"]),
    "bytes": (frame(c=[b"x"] * 12), ["'c'"]),
    "no rows": (frame().iloc[:0], ["no rows"]),
    "no columns": (pd.DataFrame(index=range(3)), ["no columns"]),
    "NaN": (pd.DataFrame(changed(np.nan), columns=["a", "b"]), ["'b'", "7"]),
    "infinity": (pd.DataFrame(changed(np.inf), columns=["a", "b"]), ["'b'", "7", "inf"]),
    "a name twice": (frame().set_axis(["a", "a"], axis=1), ["'a'"]),
    "a long name": (frame(**{"x" * 5000: [1j] * 12}), ["'xxxx"]),
    "control characters": (frame(**{"\x1b[31m\n": [1j] * 12}), [r"\x1b[31m\n"]),
}
ARRAYS = {
    "NaN": (changed(np.nan), ["[7, 1]", "nan"]),
    "infinity": (changed(-np.inf), ["[7, 1]", "-inf"]),
    "three axes": (np.zeros((2, 2, 2)), ["(2, 2, 2)"]),
    "one axis": (np.zeros(3), ["(3,)"]),
    "no rows": (np.zeros((0, 2)), ["no rows"]),
    "no columns": (np.zeros((3, 0)), ["no columns"]),
    "complex numbers": (GOOD + 1j, ["complex128"]),
    "dates": (np.array([["2020", "2021"]] * 3, dtype="M8[D]"), ["datetime64"]),
    "text": (np.array([["a", "b"]] * 3), ["<U1"]),
    "objects": (np.array([[1, 2], [3, "x"]], dtype=object), []),
    "a list that is no table": ([[1, 2], [3]], ["rows"]),
    "a dict": ({"a": [1]}, ["dict"]),
    "a set": ({1}, ["set"]),
    "a generator": (iter([1]), ["iterator"]),
    "a masked array": (np.ma.masked_invalid(changed(np.nan)), ["masked"]),
    "NaN that is stored": (scipy.sparse.csr_array(changed(np.nan)), []),
}
TEXT = {
    "text": (frame(c=["x"] * 12), ["'c'", "row 0", "'x'"]),
    "text later": (frame(c=[1, 2, "y"] * 4), ["'c'", "row 2", "'y'"]),
    "categories": (frame(c=pd.Categorical(["x", "y"] * 6)), ["'c'", "'x'"]),
    "a long text": (frame(c=["x" * 5000] * 12), ["'c'", "row 0"]),
}

ESTIMATORS = {
    "Autoencoder": Autoencoder(1, **QUICK),
    "mixed": Autoencoder(1, columns="mixed", **QUICK),
    "variational": VariationalAutoencoder(1, **QUICK),
    "variational, mixed": VariationalAutoencoder(1, columns="mixed", **QUICK),
    "detector": AutoencoderOutlierDetector(random_state=0),
}


def message_of(call, name="X"):
    with pytest.raises((ValueError, TypeError)) as raised:
        call()
    message = str(raised.value)
    assert "\n" not in message
    assert message.isprintable(), message
    assert len(message) <= LONGEST, message
    assert re.search(rf"\b{name}\b", message), message
    assert not OTHERS_WORDS.search(message), message
    return message


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
@pytest.mark.parametrize(("table", "words"), FRAMES.values(), ids=FRAMES)
def test_frames_name_the_column(estimator, table, words):
    message = message_of(lambda: estimator.fit(table))
    for word in words:
        assert word in message
    assert not hasattr(estimator, "n_features_in_")


@pytest.mark.parametrize("pattern", ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%Y-%m-%d %H:%M:%S"])
@pytest.mark.parametrize("estimator", ["mixed", "variational, mixed"])
def test_dates_as_text_are_called_dates_and_the_advice_works(estimator, pattern):
    dates = pd.date_range("2021-03-04", periods=60, freq="37h")
    table = pd.DataFrame({"a": np.arange(60.0), "t": dates.strftime(pattern)})
    message = message_of(lambda: ESTIMATORS[estimator].fit(table))
    assert "'t'" in message
    assert f"dates as text, such as '{min(table['t'])}'" in message
    advice = re.search(r"\(dates .*\.dt\.days", message)[0]
    assert advice in message_of(lambda: ESTIMATORS[estimator].fit(table.assign(t=dates)))
    days = eval(advice, {"pandas": pd, "dates": pd.to_datetime(table["t"], format=pattern)})
    fitted = ESTIMATORS[estimator].fit(table.assign(t=days))
    assert fitted.n_features_in_ == 2


@pytest.mark.parametrize(
    "texts", [[f"A-{i}-2020" for i in range(60)], [f"{i}.5" for i in range(60)]]
)
def test_other_texts_that_name_rows_are_no_dates(texts):
    message = message_of(
        lambda: ESTIMATORS["mixed"].fit(pd.DataFrame({"a": np.arange(60.0), "t": texts}))
    )
    assert "60 different texts" in message
    assert "dates" not in message


@pytest.mark.parametrize("estimator", ["Autoencoder", "variational", "detector"])
@pytest.mark.parametrize(("table", "words"), TEXT.values(), ids=TEXT)
def test_text_names_the_column_and_the_row(estimator, table, words):
    message = message_of(lambda: ESTIMATORS[estimator].fit(table))
    for word in words:
        assert word in message


@pytest.mark.parametrize("estimator", ["Autoencoder", "variational", "detector"])
@pytest.mark.parametrize(("table", "words"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_name_the_entry(estimator, table, words):
    message = message_of(lambda: ESTIMATORS[estimator].fit(table))
    for word in words:
        assert word in message


@pytest.mark.parametrize(("table", "words"), ARRAYS.values(), ids=ARRAYS)
def test_validation_rows_are_called_what_they_are(table, words):
    message = message_of(lambda: Autoencoder(1, **QUICK).fit(GOOD, X_val=table), "X_val")
    assert not re.search(r"\bX\b", message.replace("X_val", "")), message
    for word in words:
        assert word in message


@pytest.mark.parametrize("network_class", [reference.Network, Network])
@pytest.mark.parametrize(("table", "words"), {**ARRAYS, **FRAMES, **TEXT}.values())
def test_networks_say_the_same(network_class, table, words):
    network = network_class(Architecture((2, 1, 2)), random_state=0)
    message_of(lambda: network.forward(table))
    message_of(lambda: train(network, GOOD, X_val=table, max_iter=1), "X_val")


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score_samples", "feature_errors"])
def test_fitted_models_say_the_same(method):
    plain = Autoencoder(1, **QUICK).fit(GOOD)
    for table, words in ARRAYS.values():
        message = message_of(lambda table=table: getattr(plain, method)(table))
        assert all(word in message for word in words), message
    mixed = Autoencoder(1, columns="mixed", **QUICK).fit(frame(c=["x", "y"] * 6))
    message = message_of(lambda: getattr(mixed, method)(frame(c=["x"] * 11 + ["z" * 5000])))
    assert "'c'" in message
    assert "row 11" in message


@pytest.mark.parametrize(
    "table", [changed(1e200), changed(-1e250, 3, 0), scipy.sparse.csr_array(changed(1e180, 2, 1))]
)
def test_numbers_too_large_are_named(table):
    dense = table.toarray() if scipy.sparse.issparse(table) else table
    row, column = np.unravel_index(np.abs(dense).argmax(), dense.shape)
    place = rf"\[{row}, {column}\] is {dense[row, column]:g}".replace("+", r"\+")
    for estimator in (Autoencoder(1, **QUICK), VariationalAutoencoder(1, **QUICK)):
        assert re.search(f"X{place}", message_of(lambda e=estimator: e.fit(table)))
    message = message_of(lambda: Autoencoder(1, **QUICK).fit(GOOD, X_val=table), "X_val")
    assert re.search(f"X_val{place}", message)


def test_what_float32_can_not_hold_is_said_in_the_units_of_the_data():
    model = Autoencoder(1, dtype="float32", **QUICK).fit(1e3 * GOOD)
    X = np.array([[1.0, 2], [1, -1e300]])
    message = message_of(lambda: model.transform(X))
    assert "-1e+300 in column 1, row 1" in message
    assert "float32" in message
