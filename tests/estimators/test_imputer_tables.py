"""`AutoencoderImputer` on frames and mixed tables, and its files."""

import numpy as np
import pytest

import ae_core
from ae_core import AutoencoderImputer, ModelFileError

pd = pytest.importorskip("pandas")


def quick(**parameters):
    return AutoencoderImputer(
        **{"n_networks": 2, "hidden_layer_sizes": (24, 12, 24), "random_state": 0, **parameters}
    )


def numbers(n_rows=40):
    """A frame of numbers with missing entries, whole numbers among them, and an index."""
    random = np.random.default_rng(0)
    a = random.normal(size=n_rows)
    frame = pd.DataFrame(
        {"a": a, "b": 2 * a + 0.1 * random.normal(size=n_rows), "whole": np.arange(n_rows)},
        index=[f"row {i}" for i in range(n_rows)],
    )
    frame.loc[frame.index[::4], "a"] = np.nan
    frame.loc[frame.index[1::5], "b"] = np.nan
    return frame


def trees(n_rows=120, seed=0):
    """Species that say how high, how old and how evergreen trees are."""
    random = np.random.default_rng(seed)
    kind = random.integers(0, 3, n_rows)
    frame = pd.DataFrame(
        {
            "height": np.array([4.0, 18.0, 31.0])[kind] + random.normal(size=n_rows),
            "rings": (10 * kind + random.integers(1, 4, n_rows)).astype(np.int64),
            "species": np.array(["ash", "fir", "oak"])[kind],
            "soil": pd.Categorical(np.array(["clay", "peat", "sand"])[(kind + 1) % 3]),
            "evergreen": kind == 1,
        }
    )
    return frame, random


def holed_trees(share=0.25, seed=0):
    truth, random = trees(seed=seed)
    hidden = pd.DataFrame(random.random(truth.shape) < share, columns=truth.columns)
    table = truth.astype({"rings": "Int64", "evergreen": "boolean"}).mask(hidden)
    return truth, table, hidden


# --- frames of numbers ----------------------------------------------------------------------------


def test_a_frame_gives_a_frame_with_its_names_and_index():
    frame = numbers()
    filled = quick().fit_transform(frame)
    assert list(filled.columns) == ["a", "b", "whole"]
    assert filled.index.equals(frame.index)
    assert filled.dtypes["whole"] == np.int64  # nothing of it was missing
    assert not filled.isna().any().any()
    pd.testing.assert_frame_equal(filled.where(frame.notna()), frame, check_dtype=False)
    np.testing.assert_array_equal(filled.to_numpy(), quick().fit_transform(frame.to_numpy()))


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_frames_of_other_libraries(library):
    module = pytest.importorskip(library)
    frame = numbers()
    make = module.from_pandas if library == "polars" else module.Table.from_pandas
    given = make(frame.reset_index(drop=True))
    imputer = quick(add_indicator=True).fit(given)
    filled = imputer.transform(given)
    assert type(filled) is type(given)
    names = filled.columns if library == "polars" else filled.column_names
    assert list(names) == ["a", "b", "whole", "missingindicator_a", "missingindicator_b"]
    assert list(names) == list(imputer.get_feature_names_out())
    expected = quick(add_indicator=True).fit_transform(frame)
    np.testing.assert_array_equal(np.asarray(filled.to_pandas()), expected.to_numpy())


@pytest.mark.parametrize("asked", ["pandas", "polars"])
@pytest.mark.parametrize("given", ["array", "pandas", "polars"])
@pytest.mark.parametrize("indicator", [False, True])
def test_set_output(asked, given, indicator):
    polars = pytest.importorskip("polars")
    frame = numbers()
    makers = {
        "array": frame.to_numpy(),
        "pandas": frame,
        "polars": polars.from_pandas(frame.reset_index(drop=True)),
    }
    imputer = quick(add_indicator=indicator).set_output(transform=asked)
    filled = imputer.fit_transform(makers[given])
    assert type(filled).__module__.partition(".")[0] == asked
    assert list(filled.columns) == list(imputer.get_feature_names_out())
    expected = quick(add_indicator=indicator).fit_transform(frame.to_numpy())
    np.testing.assert_array_equal(np.asarray(filled), expected)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_columns_of_which_nothing_is_seen_are_left_out_of_frames(library):
    pytest.importorskip(library)
    frame = numbers().reset_index(drop=True).assign(never=np.nan)[["never", "a", "b"]]
    given = frame
    if library == "polars":
        given = pytest.importorskip("polars").from_pandas(frame)
    if library == "pyarrow":
        given = pytest.importorskip("pyarrow").Table.from_pandas(frame)
    imputer = quick().fit(given)
    filled = imputer.transform(given)
    assert list(getattr(filled, "column_names", filled.columns)) == ["a", "b"]
    assert list(imputer.get_feature_names_out()) == ["a", "b"]
    kept = quick(keep_empty_features=True).fit_transform(frame)
    assert kept["never"].tolist() == [0.0] * len(frame)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("marker", [-999, "?"])
def test_markers_in_frames(library, marker):
    frame = numbers()[["a", "b"]].reset_index(drop=True)
    expected = quick().fit_transform(frame)
    marked = frame.fillna(-999.0)
    if marker == "?":
        marked = frame.astype(str).replace("nan", "?")
    if library == "polars":
        marked = pytest.importorskip("polars").from_pandas(marked)
    if library == "pyarrow":
        marked = pytest.importorskip("pyarrow").Table.from_pandas(marked)
    filled = quick(missing_values=marker).fit_transform(marked)
    filled = filled if library == "pandas" else filled.to_pandas()
    np.testing.assert_array_equal(filled.to_numpy(dtype=float), expected.to_numpy())


def test_sparse_columns_of_pandas():
    frame = numbers().fillna(0).astype(pd.SparseDtype(float, 0.0))
    filled = quick(missing_values=0).fit_transform(frame)
    expected = quick(missing_values=0).fit_transform(numbers().fillna(0).to_numpy(dtype=float))
    np.testing.assert_array_equal(np.asarray(filled), expected)


@pytest.mark.parametrize("marker", [-1, -1.0])
def test_markers_among_whole_numbers_of_a_frame(marker):
    frame = numbers()[["whole"]].assign(other=np.arange(40) % 7)
    frame.iloc[3, 0] = frame.iloc[9, 1] = -1
    filled = quick(missing_values=marker).fit_transform(frame)
    assert 0 <= filled.iloc[3, 0] <= 39
    assert 0 <= filled.iloc[9, 1] <= 6
    changed = filled.to_numpy() != frame.to_numpy()
    assert np.argwhere(changed).tolist() == [[3, 0], [9, 1]]


def test_in_a_column_transformer():
    from sklearn.compose import make_column_transformer

    frame = numbers()
    transformer = make_column_transformer(
        (quick(add_indicator=True), ["a", "b"]), remainder="passthrough"
    ).set_output(transform="pandas")
    filled = transformer.fit_transform(frame)
    assert filled.shape == (40, 5)
    expected = quick().fit_transform(frame[["a", "b"]])
    np.testing.assert_array_equal(filled.iloc[:, :2].to_numpy(), expected.to_numpy())


@pytest.mark.parametrize("marker", [np.nan, -1, "?"])
@pytest.mark.parametrize("given", [None, "text", iter([]), {1: 2}, "lazy"])
def test_what_is_no_table_is_refused_in_our_words(marker, given):
    if given == "lazy":
        given = pytest.importorskip("polars").DataFrame({"a": [1, 2]}).lazy()
    with pytest.raises(TypeError, match=r"X is .*which is no table here") as caught:
        quick(missing_values=marker).fit(given)
    assert "\n" not in str(caught.value)


def test_names_that_are_not_those_of_the_fit():
    frame = numbers()
    imputer = quick().fit(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        imputer.transform(frame.rename(columns={"a": "c"}))
    with pytest.raises(ValueError, match="columns='mixed' takes a DataFrame's text"):
        imputer.transform(frame.assign(a="text"))


# --- mixed tables ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_categories_come_back_as_categories(seed):
    truth, table, hidden = holed_trees(seed=seed)
    filled = quick(columns="mixed").fit_transform(table)
    assert not filled.isna().any().any()
    assert filled.dtypes["soil"] == truth.dtypes["soil"]
    assert filled.dtypes["rings"] == "Int64"
    assert filled.dtypes["evergreen"] == "boolean"
    for name in truth:
        seen = ~hidden[name]
        assert (filled[name][seen].astype(object) == truth[name][seen].astype(object)).all(), name
    for name in ("species", "soil", "evergreen"):
        some = hidden[name]
        right = filled[name][some].astype(object) == truth[name][some].astype(object)
        assert right.mean() > 0.9, name
    error = (filled["height"] - truth["height"])[hidden["height"]].astype(float)
    assert np.sqrt((error**2).mean()) < 0.4 * truth["height"].std()


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_mixed_frames_of_other_libraries(library):
    module = pytest.importorskip(library)
    _, table, _ = holed_trees()
    expected = quick(columns="mixed").fit_transform(table)
    make = module.from_pandas if library == "polars" else module.Table.from_pandas
    given = make(table)
    filled = quick(columns="mixed", add_indicator=True).fit_transform(given)
    assert type(filled) is type(given)
    again = filled.to_pandas()
    assert list(again.columns[:5]) == list(table.columns)
    assert len(again.columns) == 10
    for name in table:
        assert (again[name].astype(object) == expected[name].astype(object)).all(), name


@pytest.mark.parametrize("marker", ["?", -1])
def test_markers_in_mixed_frames(marker):
    _, table, _ = holed_trees()
    marked = table.copy()
    name = "species" if marker == "?" else "height"
    marked[name] = marked[name].fillna(marker)
    filled = quick(columns="mixed", missing_values=marker).fit_transform(marked)
    pd.testing.assert_frame_equal(filled, quick(columns="mixed").fit_transform(table))
    if marker == "?":
        marked["species"] = marked["species"].astype("category")
        imputer = quick(columns="mixed", missing_values="?").fit(marked)
        filled = imputer.transform(marked)
        assert "?" not in list(filled["species"].cat.categories)


def test_a_category_that_was_not_there_is_filled_in():
    truth, table, _ = holed_trees()
    imputer = quick(columns="mixed").fit(table)
    new = truth[:5].copy()
    new.loc[2, "species"] = "elm"
    filled = imputer.transform(new)
    assert filled["species"][2] == truth["species"][2]


def test_mixed_set_output_and_arrays():
    polars = pytest.importorskip("polars")
    _, table, _ = holed_trees()
    imputer = quick(columns="mixed").fit(table)
    filled = imputer.set_output(transform="polars").transform(table)
    assert isinstance(filled, polars.DataFrame)
    assert filled["species"].dtype == polars.String
    again = imputer.set_output(transform="pandas").transform(polars.from_pandas(table))
    assert again["soil"].tolist() == filled["soil"].to_list()
    assert again.dtypes["soil"] == "category"
    assert again.dtypes["evergreen"] == "boolean"
    with pytest.raises(ValueError, match="columns='mixed' takes a pandas DataFrame"):
        quick(columns="mixed").fit(np.ones((3, 2)))


def test_an_empty_column_of_a_mixed_frame():
    _, table, _ = holed_trees()
    table["never"] = np.nan
    table["kinds"] = pd.Categorical([None] * len(table), categories=["x", "y"])
    imputer = quick(columns="mixed").fit(table)
    assert list(imputer.transform(table).columns) == list(table.columns[:5])
    kept = quick(columns="mixed", keep_empty_features=True).fit_transform(table)
    assert (kept["never"] == 0).all()
    assert (kept["kinds"] == "x").all()


# --- draws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("skewed", [False, True])
def test_intervals_hold_what_was_hidden(skewed):
    random = np.random.default_rng(2)
    code = random.normal(size=(250, 2))
    noise = random.exponential(size=(250, 6)) if skewed else random.normal(size=(250, 6))
    X = code @ random.normal(size=(2, 6)) + 0.7 * noise
    hidden = random.random(X.shape) < 0.3
    table = np.where(hidden, np.nan, X)
    imputer = quick(sample_posterior=True).fit(table)
    draws = np.stack([draw[hidden] for draw in imputer.sample(table, 100)])
    low, high = np.quantile(draws, (0.05, 0.95), axis=0)
    assert 0.85 <= ((low <= X[hidden]) & (X[hidden] <= high)).mean() <= 0.95
    for draw in imputer.sample(table, 2):
        np.testing.assert_array_equal(draw[~hidden], X[~hidden])


def test_draws_are_values_that_occur_where_these_are_few():
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 3))
    X[:, 2] = X[:, 0] + 0.5 * random.normal(size=200) > 0
    table = X.copy()
    table[::3, 2] = np.nan
    imputer = quick(sample_posterior=True).fit(table)
    draws = np.stack([draw[::3, 2] for draw in imputer.sample(table, 30)])
    assert set(np.unique(draws)) == {0.0, 1.0}
    expected = quick().fit_transform(table)[::3, 2]
    assert abs(draws.mean() - expected.mean()) < 0.05
    assert (draws.mean(axis=0).std() > 0.3).all()


def test_transform_gives_a_draw_and_a_seed_the_same_one():
    table = numbers()
    imputer = quick(sample_posterior=True).fit(table)
    drawn = imputer.transform(table)
    pd.testing.assert_frame_equal(drawn, imputer.transform(table))
    pd.testing.assert_frame_equal(drawn, imputer.sample(table, 3)[0])
    expected = quick().fit_transform(table)
    assert (drawn["a"] != expected["a"]).any()
    other = quick(sample_posterior=True, random_state=None).fit(table)
    assert (other.transform(table) != other.transform(table)).any().any()


def test_categories_are_drawn():
    _, table, hidden = holed_trees()
    draws = quick(columns="mixed", sample_posterior=True).fit(table).sample(table, 4)
    assert len(draws) == 4
    for draw in draws:
        assert not draw.isna().any().any()
        assert set(draw["species"]) == {"ash", "fir", "oak"}
    assert (draws[0] != draws[1]).to_numpy()[hidden.to_numpy()].any()


@pytest.mark.parametrize("n", [0, -1, 1.5, "two", None, True])
def test_numbers_of_draws_that_are_none(n):
    imputer = quick(sample_posterior=True).fit(numbers())
    with pytest.raises(ValueError, match=r"n_imputations=.*must be an integer of at least 1"):
        imputer.sample(numbers(), n)


def test_draws_need_a_fit_that_is_made_for_them():
    with pytest.raises(ValueError, match="sample_posterior=False: draws need a fit"):
        quick().fit(numbers()).sample(numbers())


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"add_indicator": True, "keep_empty_features": True},
        {"sample_posterior": True, "missing_values": -1},
        {"hidden_layer_sizes": 4, "missing_values": None},
        {"missing_values": "?"},
    ],
)
def test_a_file_gives_the_same(parameters, tmp_path):
    table = numbers().assign(never=np.nan)
    if parameters.get("missing_values") == -1:
        table = table.fillna(-1)
    imputer = quick(**parameters).fit(table)
    imputer.save(tmp_path / "imputer.ae")
    again = ae_core.load(tmp_path / "imputer.ae")
    assert type(again) is AutoencoderImputer
    pd.testing.assert_frame_equal(again.transform(table), imputer.transform(table))
    assert list(again.get_feature_names_out()) == list(imputer.get_feature_names_out())
    if imputer.sample_posterior:
        pd.testing.assert_frame_equal(again.sample(table)[4], imputer.sample(table)[4])
    again.save(tmp_path / "again.ae")
    assert (tmp_path / "again.ae").read_bytes() == (tmp_path / "imputer.ae").read_bytes()


def test_a_file_of_a_mixed_table(tmp_path):
    _, table, _ = holed_trees()
    imputer = quick(columns="mixed", sample_posterior=True).fit(table)
    imputer.save(tmp_path / "imputer.ae")
    again = AutoencoderImputer.load(tmp_path / "imputer.ae")
    pd.testing.assert_frame_equal(again.transform(table), imputer.transform(table))


def test_a_file_of_categories_alone(tmp_path):
    _, table, _ = holed_trees()
    table = table[["species", "soil"]]
    imputer = quick(columns="mixed", sample_posterior=True).fit(table)
    imputer.save(tmp_path / "imputer.ae")
    again = ae_core.load(tmp_path / "imputer.ae")
    pd.testing.assert_frame_equal(again.sample(table, 2)[1], imputer.sample(table, 2)[1])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("low", lambda a: a + 1e9),
        ("high", lambda a: a[:-1]),
        ("is_empty", lambda a: a.astype(np.int64)),
        ("indicated", lambda a: a[::-1]),
        ("indicated", lambda a: a + 7),
        ("predictions_0", lambda a: a[::-1]),
        ("residuals_1", lambda a: a[:-1]),
        ("values_1", lambda a: a * np.nan if len(a) else np.array([2.0, 1.0])),
        ("factor", lambda a: 0 * a),
        ("params_1", lambda a: a[1:]),
    ],
)
def test_files_with_something_else_are_refused(name, change, tmp_path):
    from ae_core.files.model_file import read_file, write_file

    imputer = quick(sample_posterior=True, add_indicator=True).fit(numbers().to_numpy())
    path = tmp_path / "imputer.ae"
    imputer.save(path)
    file = read_file(path, "AutoencoderImputer")
    arrays = {**file.arrays, name: np.ascontiguousarray(change(file.arrays[name]))}
    write_file(path, file.kind, file.description, arrays)
    with pytest.raises(ModelFileError, match="does not fit"):
        ae_core.load(path)


def test_what_is_not_fitted_is_not_saved(tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        quick().save(tmp_path / "imputer.ae")
    with pytest.raises(NotFittedError):
        quick().transform([[1.0]])
