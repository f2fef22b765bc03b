"""Tables of numbers, flags and categories: learned, and given back as they were."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_saving import change

import ae_core
from ae_core import Autoencoder, Checkpoint, ModelFileError
from ae_core.data.encoding import Encoding

pd = pytest.importorskip("pandas")

QUICK = {"columns": "mixed", "max_iter": 5, "random_state": 0}
pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")  # short fits


def passengers(m=500, seed=0):
    """A table in which most things follow from the class, the sex, and the port."""
    random = np.random.default_rng(seed)
    sex = random.choice(["female", "male"], m)
    which = random.integers(0, 3, m)
    return pd.DataFrame(
        {
            "fare": 90 / (1 + which) + random.normal(0, 3, m),
            "sex": sex,
            "class": pd.Categorical.from_codes(
                which, categories=["first", "second", "third", "crew"], ordered=True
            ),
            "age": (50 - 10 * which + random.normal(0, 2, m)).astype("int64"),
            "height": pd.array(164 + 14 * (sex == "male") + random.normal(0, 2, m), "Float64"),
            "survived": (sex == "female") & (which < 2),
            "kin": pd.array(random.integers(0, 4, m), "Int64"),
            "port": pd.Categorical(random.choice([1, 2], m)),
            "crew": pd.array(random.random(m) < 0.5, "boolean"),
        },
        index=np.arange(m) + 1000,
    )


@pytest.fixture(scope="module")
def table():
    return passengers()


@pytest.fixture(scope="module")
def fitted(table):
    return Autoencoder(6, columns="mixed", max_iter=80, random_state=0).fit(table)


# --- the encoding --------------------------------------------------------------------------------


def test_an_encoding_is_undone(table):
    encoding = Encoding.learn(table)
    encoded = encoding.encode(table)
    assert encoded.shape == (500, encoding.n_encoded) == (500, 14)
    pd.testing.assert_frame_equal(encoding.decode(encoded, table.index), table)
    assert encoding.names[1:7] == (
        *("sex=female", "sex=male", "class=first", "class=second", "class=third", "class=crew"),
    )
    assert encoding.loss("huber") == (
        ("huber", 1),
        ("softmax_cross_entropy", 2),
        ("softmax_cross_entropy", 4),
        ("huber", 2),
        ("binary_cross_entropy", 1),
        ("huber", 1),
        ("softmax_cross_entropy", 2),
        ("binary_cross_entropy", 1),
    )
    assert encoding.is_number.sum() == 4
    np.testing.assert_array_equal(encoding.summed(encoded)[:, 1], 1)
    assert encoding.expanded(range(9)) == [0, 1, 1, 2, 2, 2, 2, 3, 4, 5, 6, 7, 7, 8]
    assert Encoding.restored(json.loads(json.dumps(encoding.described()))) == encoding


COLUMNS = {
    "float32": st.floats(-1e6, 1e6, width=32),
    "int8": st.integers(-128, 127),
    "uint64": st.integers(0, 2**53),
    "Int16": st.integers(-(2**15), 2**15 - 1),
    "bool": st.booleans(),
    "boolean": st.booleans(),
    "category": st.sampled_from(["a", "", "ü", "a b"]),
    "string": st.sampled_from(["a", "", "ü", "a b"]),
    "object": st.sampled_from(["a", "", "ü", "a b"]),
}


@given(st.data())
def test_any_table_comes_back(data):
    dtypes = data.draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=6))
    m = data.draw(st.integers(1, 6))
    columns = {
        f"{i} {dtype}": pd.Series(
            data.draw(st.lists(COLUMNS[dtype], min_size=m, max_size=m)), dtype=dtype
        )
        for i, dtype in enumerate(dtypes)
    }
    frame = pd.DataFrame(columns)
    encoding = Encoding.learn(frame)
    pd.testing.assert_frame_equal(encoding.decode(encoding.encode(frame)), frame)
    assert Encoding.restored(json.loads(json.dumps(encoding.described()))) == encoding


def test_reconstructions_are_what_columns_can_be():
    frame = pd.DataFrame(
        {
            "n": np.array([-128, 127], "int8"),
            "big": np.array([0, 2**62], "int64"),
            "kind": ["a", "b"],
            "flag": [True, False],
        }
    )
    encoding = Encoding.learn(frame)
    decoded = encoding.decode(np.array([[1e9, 1e30, 0.4, 0.6, 0.2], [-1e9, -1e30, 3, -9, 0.5]]))
    assert decoded["n"].tolist() == [127, -128]
    assert decoded["big"].tolist() == [2**63 - 1024, -(2**63)]
    assert decoded["kind"].tolist() == ["b", "a"]
    assert decoded["flag"].tolist() == [False, True]
    assert (decoded.dtypes == frame.dtypes).all()


def test_holes_are_whole_groups(table):
    encoding = Encoding.learn(table, has_missing=True)
    assert encoding.names[9:12] == ("survived=False", "survived=True", "kin")
    pd.testing.assert_frame_equal(encoding.decode(encoding.encode(table), table.index), table)
    holed = table.astype({"sex": object, "survived": object})
    holed.iloc[0, :] = None
    holed.loc[1001, "sex"] = "unheard of"
    encoded = encoding.encode(holed, has_missing=True)
    assert np.isnan(encoded[0]).all()
    np.testing.assert_array_equal(np.isnan(encoded[1]), np.isin(np.arange(16), (1, 2)))
    assert not np.isnan(encoded[2:]).any()
    assert Encoding.restored(json.loads(json.dumps(encoding.described()))) == encoding


def test_holes_are_filled(table):
    encoding = Encoding.learn(table)
    holed = table.astype({"sex": object, "survived": object, "age": float})
    holed.iloc[::3, :] = None
    holed.loc[1001, "sex"] = "unheard of"
    other = passengers(seed=1)
    result = encoding.filled(holed, other)
    expected = table.copy()
    expected.iloc[::3] = other.iloc[::3]
    expected.loc[1001, "sex"] = other.loc[1001, "sex"]
    pd.testing.assert_frame_equal(result, expected)
    halves = encoding.filled(holed.assign(age=holed["age"] + 0.5), other)["age"]
    assert halves.dtype == np.float64
    assert halves[1001] == table.loc[1001, "age"] + 0.5


def test_missing_categories_are_found_from_what_goes_with_them():
    table, random = passengers(800), np.random.default_rng(2)
    hidden = random.random(table.shape) < 0.15
    nullable = table.dtypes.replace({"int64": "Int64", "bool": "boolean"})
    holed = table.astype(object).where(~hidden, None).astype(nullable)
    model = Autoencoder(
        6, columns="mixed", missing_values="mask", corruption="masking", max_iter=60, random_state=0
    ).fit(holed)
    filled = model.impute(holed)
    assert not filled.isna().any(axis=None)
    pd.testing.assert_series_equal(filled.dtypes, holed.dtypes)
    assert (np.asarray(model.feature_errors(holed))[hidden] == 0).all()
    for name in ("sex", "class", "survived"):
        unseen = hidden[:, table.columns.get_loc(name)]
        right = (filled[name] == table[name])[unseen].mean()
        mode = holed[name].mode()[0]
        assert right > (table[name] == mode)[unseen].mean() + 0.2
        assert (filled[name] == table[name])[~unseen].all()


def test_unheard_of_categories_count_as_unseen(table, tmp_path):
    model = Autoencoder(3, missing_values="mask", **QUICK).fit(table)
    unheard, unseen = (table.astype({"sex": object}) for _ in range(2))
    unheard.loc[1000, "sex"], unseen.loc[1000, "sex"] = "unheard of", None
    np.testing.assert_array_equal(model.transform(unheard), model.transform(unseen))
    pd.testing.assert_frame_equal(model.impute(unheard), model.impute(unseen))
    pd.testing.assert_frame_equal(model.impute(unheard).iloc[1:], table.iloc[1:])
    model.save(tmp_path / "m")
    loaded = ae_core.load(tmp_path / "m")
    pd.testing.assert_frame_equal(loaded.impute(unseen), model.impute(unseen))
    assert "this network" in str(model.diagnose(unseen))


@pytest.mark.parametrize("value", [{}, [1], {"x"}, np.ones(2)])
def test_what_is_no_category_at_all_counts_as_unseen_too(table, value):
    model = Autoencoder(2, missing_values="mask", **QUICK).fit(table)
    odd, unseen = (
        table.assign(sex=[each if row == 3 else sex for row, sex in enumerate(table["sex"])])
        for each in (value, "neither")
    )
    np.testing.assert_array_equal(model.transform(odd), model.transform(unseen))


def test_weights_are_of_the_tables_columns(table):
    weights = [0.0, 5.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 2.0]
    model = Autoencoder(3, feature_weights=weights, **QUICK).fit(table)
    assert model.network_.architecture.feature_weights[:3] == (0, 5, 5)
    errors = model.feature_errors(table)
    assert (np.asarray(errors)[:, [0, 6]] == 0).all()
    with pytest.raises(ValueError, match=r"feature_weights has 14 entries.*9, are needed"):
        Autoencoder(3, feature_weights=[1.0] * 14, **QUICK).fit(table)


# --- the estimator -------------------------------------------------------------------------------


def test_tables_are_reconstructed(table, fitted):
    result = fitted.reconstruct(table)
    pd.testing.assert_series_equal(result.dtypes, table.dtypes)
    assert list(result.index) == list(table.index)
    assert list(result["class"].cat.categories) == ["first", "second", "third", "crew"]
    assert result["class"].cat.ordered
    for name in ("sex", "class", "survived", "port", "crew"):
        assert (result[name] == table[name]).mean() > 0.95
    for name in ("fare", "age", "height", "kin"):
        error = (result[name] - table[name]).astype(float)
        assert (error**2).mean() < 0.1 * table[name].astype(float).var()
    # Also of rows it has not seen, which it can only have from what goes together.
    unseen = passengers(200, seed=1)
    assert (fitted.reconstruct(unseen)["class"] == unseen["class"]).mean() > 0.95


def test_codes_become_tables(table, fitted):
    code = fitted.transform(table)
    assert code.shape == (500, 6)
    result = fitted.inverse_transform(code)
    pd.testing.assert_frame_equal(result, fitted.reconstruct(table).reset_index(drop=True))
    framed = fitted.inverse_transform(pd.DataFrame(code, index=table.index))
    pd.testing.assert_frame_equal(framed, fitted.reconstruct(table))
    assert fitted.n_features_in_ == 9
    assert list(fitted.feature_names_in_) == list(table.columns)
    assert len(fitted.get_feature_names_out()) == 6


def test_errors_are_of_the_tables_columns(table, fitted):
    errors = fitted.feature_errors(table)
    assert errors.shape == (500, 9)
    np.testing.assert_allclose(errors.sum(axis=1), -fitted.score_samples(table))
    odd = table.copy()
    odd.loc[1000, "sex"] = "male" if table.loc[1000, "sex"] == "female" else "female"
    assert fitted.score_samples(odd)[0] < fitted.score_samples(table)[0]


def test_only_numbers_are_scaled(table):
    for scale in ("standard", "minmax"):
        model = Autoencoder(2, scale=scale, **QUICK).fit(table)
        is_number = model.encoding_.is_number
        assert (model.shift_[~is_number] == 0).all()
        assert (model.factor_[~is_number] == 1).all()
        assert (model.factor_[is_number] != 1).all()
    model = Autoencoder(2, scale=None, **QUICK).fit(table)
    assert model.shift_ is model.factor_ is None
    pd.testing.assert_series_equal(model.reconstruct(table).dtypes, table.dtypes)


def test_the_loss_of_numbers_is_the_one_asked_for(table):
    model = Autoencoder(2, loss="binary_cross_entropy", scale="minmax", **QUICK).fit(table)
    assert {loss for loss, _ in model.network_.architecture.loss} == {
        "binary_cross_entropy",
        "softmax_cross_entropy",
    }
    unseen = table.assign(fare=1e4)  # seen as at the limit
    assert np.isfinite(model.score_samples(unseen)).all()


def test_it_is_an_estimator(table, tmp_path):
    model = clone(Autoencoder(2, **QUICK)).set_output(transform="pandas")
    assert list(
        make_pipeline(model, StandardScaler()).fit(table)[0].transform(table).index
    ) == list(table.index)
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.reconstruct(table), model.reconstruct(table))
    report = str(model.diagnose(table))  # which has the columns that are explained least
    assert any(name in report for name in model.encoding_.names if "=" in name)
    early = Autoencoder(2, early_stopping=True, **QUICK).fit(table)
    assert len(early.validation_loss_curve_) == early.n_iter_
    mine = Autoencoder(2, **QUICK).fit(table, X_val=table[:50])
    assert mine.validation_loss_curve_[-1] == pytest.approx(-mine.score(table[:50]))
    parts = Autoencoder(2, **QUICK).partial_fit(table).partial_fit(table[:100])
    assert parts.n_iter_ == 2
    warm = Autoencoder(2, warm_start=True, **QUICK).fit(table).fit(table[:100])
    assert warm.transform(table).shape == (500, 2)

    def stop(progress):
        return progress.n_iter == 3

    Autoencoder(2, **QUICK).fit(table, callbacks=[Checkpoint(tmp_path / "c"), stop])
    resumed = Autoencoder(2, **QUICK).fit(table, resume_from=tmp_path / "c")
    np.testing.assert_array_equal(resumed.network_.params, mine.network_.params)


def test_arrays_may_be_fitted_afterwards(table):
    model = Autoencoder(2, **QUICK).fit(table)
    model.set_params(columns="numeric").fit(table[["fare", "age"]])
    assert model.encoding_ is None
    assert model.reconstruct(table[["fare", "age"]]).shape == (500, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sex": "x"}, "column 'sex' has 'x'.*known are 'female', 'male'.*missing_values"),
        ({"port": 3}, r"column 'port' has 3.*known are 1, 2 \("),
        ({"sex": None}, "missing values in column 'sex'.*missing_values='mask'"),
        ({"fare": np.nan}, "missing values in column 'fare'"),
        ({"fare": np.inf}, "column 'fare' has inf in row 3"),
        ({"fare": "much"}, "column 'fare' has dtype object: in the fit it was a number's"),
        ({"survived": 2}, "column 'survived' has 2 in row 3.*True or False"),
        ({"fare": 10**400}, r"column 'fare' has 10{20,}.* in row 3: in the fit it was a number's"),
        ({"age": -(7**999)}, "column 'age' has -.* in row 3: in the fit it was a number's"),
        ({"survived": 10**400}, "column 'survived' has 10.* in row 3: in the fit it was a flag's"),
        ({"sex": {}}, "column 'sex' has {}, which was no category.*in row 3"),
        ({"sex": {"female": 1}}, "column 'sex' has {'female': 1}, which was no category"),
        (
            {"port": [1]},
            r"column 'port' has \[1\], which was no category.*in row 3: known are 1, 2",
        ),
        ({"sex": {1, 2}}, r"column 'sex' has \{1, 2\}, which was no category"),
        ({"sex": np.ones(2)}, r"column 'sex' has array.*, which was no category"),
    ],
)
def test_values_that_do_not_fit_are_named(table, changes, words):
    model = Autoencoder(2, **QUICK).fit(table)
    ((name, value),) = changes.items()
    column = np.array([*table[name], None], dtype=object)[:-1]
    column[3] = value
    changed = table.assign(**{name: column})
    for method in (model.transform, model.score_samples, model.reconstruct, model.partial_fit):
        with pytest.raises(ValueError, match=words):
            method(changed)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (np.ones((5, 2)), "ndarray: columns='mixed' takes a pandas DataFrame"),
        (pd.DataFrame(np.ones((5, 2))), "column named 0: columns='mixed' needs text"),
        (pd.DataFrame(np.ones((5, 2)), columns=["a", "a"]), "several columns named 'a'"),
        (pd.DataFrame({"a": pd.to_datetime(["2020"] * 5)}), "'a' has dtype datetime64.*astype"),
        (pd.DataFrame({"a": [1, "x", 2.0]}), "'a' has dtype object, and holds mixed"),
        (pd.DataFrame({"a": [None] * 3}), "'a' of dtype object has no values"),
        (pd.DataFrame({"a": pd.Categorical([None] * 3)}), "'a' has no categories"),
        (pd.DataFrame({"a": [f"row {i}" for i in range(30)]}), "'a' has 30 different texts"),
        (pd.DataFrame({"a": [1j, 2]}), "'a' has dtype complex128"),
    ],
    ids=range(9),
)
def test_tables_that_cannot_be_learned_say_why(frame, words):
    with pytest.raises(ValueError, match=words):
        Autoencoder(1, **QUICK).fit(frame)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"columns": "auto"}, "columns='auto': must be 'numeric' or 'mixed'"),
        ({"loss": "softmax_cross_entropy"}, "loss='softmax_cross_entropy'.*squared_error"),
        ({"output_activation": "tanh"}, "'mixed', not 'tanh'"),
        ({"missing_values": "implicit"}, "missing_values='implicit' with columns='mixed'"),
    ],
)
def test_wrong_parameters_are_named(table, parameters, words):
    with pytest.raises(ValueError, match=words):
        Autoencoder(2, **{**QUICK, **parameters}).fit(table)


def test_other_columns_are_refused(table, fitted):
    with pytest.raises(ValueError, match="feature names"):
        fitted.transform(table[["sex", *table.columns.drop("sex")]])
    with pytest.raises(ValueError, match="columns='mixed' takes a pandas DataFrame"):
        fitted.transform(table.to_numpy())


# --- files ---------------------------------------------------------------------------------------


def test_a_loaded_model_does_what_the_saved_one_did(table, fitted, tmp_path):
    fitted.save(tmp_path / "m")
    for loaded in (ae_core.load(tmp_path / "m"), Autoencoder.load(tmp_path / "m")):
        assert loaded.encoding_ == fitted.encoding_
        pd.testing.assert_frame_equal(loaded.reconstruct(table), fitted.reconstruct(table))
        np.testing.assert_array_equal(loaded.feature_errors(table), fitted.feature_errors(table))
        loaded.fit(table)


def test_categories_that_no_file_can_hold_are_named(tmp_path):
    frame = pd.DataFrame({"span": pd.cut(np.arange(30.0), 3), "n": np.arange(30.0)})
    model = Autoencoder(1, **QUICK).fit(frame)
    pd.testing.assert_series_equal(model.reconstruct(frame).dtypes, frame.dtypes)
    with pytest.raises(ValueError, match=r"'span' has the category.*of type Interval"):
        model.save(tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_the_command_line_takes_it(fitted, table, tmp_path, capsys):
    pytest.importorskip("click")
    from ae_core.cli.main import main

    fitted.save(tmp_path / "m.safetensors")
    table.to_csv(tmp_path / "t.csv", index=False)
    assert main(["encode", str(tmp_path / "m.safetensors"), str(tmp_path / "t.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(table) + 1


def column(**changes):
    whole = {
        "name": "a",
        "kind": "category",
        "dtype": "object",
        "categories": ["x", "y"],
        "categories_dtype": "object",
        "is_ordered": False,
    }
    return {**whole, **changes}


@pytest.mark.parametrize(
    "described",
    [
        [],
        3,
        [3],
        [column(), column()],
        [column(kind="date")],
        [column(dtype="float64")],
        [column(categories=[])],
        [column(categories=["x", "x"])],
        [column(categories=["x", None])],
        [column(categories=["x", ["y"]])],
        [column(kind="number", dtype="float64")],
        [column(kind="number", dtype="datetime64[ns]", categories=[])],
        [column(name=3)],
        [column(is_ordered=1)],
        [column(exec="x")],
        [column(), column(name="b")],
        [column(categories=["x", "y", "z"])],
    ],
    ids=range(17),
)
def test_hostile_models_are_refused(described, tmp_path):
    model = Autoencoder(1, hidden_layer_sizes=(), **QUICK).fit(pd.DataFrame({"a": ["x", "y"]}))
    model.save(tmp_path / "m")
    change(tmp_path / "m", tmp_path / "changed", encoding=described)
    with pytest.raises(ModelFileError, match=r"encoding|shift|inputs"):
        ae_core.load(tmp_path / "changed")
