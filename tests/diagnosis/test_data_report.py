"""What `diagnose_data` says of a column is so, and of a usual column it says nothing."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from ae_core import diagnose_data

M = 300


def beside(make, seed=1, m=M):
    """A table with that column, called 'c', between two of normal numbers."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {"a": random.normal(size=m), "c": make(random, m), "b": 2 * random.normal(size=m)}
    )


def found(X, **more):
    """Name → message of each finding."""
    return {finding.name: finding.message for finding in diagnose_data(X, **more).findings}


USUAL = {
    "an age": lambda r, m: r.integers(18, 90, m),
    "an age cut off at 90": lambda r, m: np.minimum(r.integers(18, 110, m), 90),
    "an age cut off at 99": lambda r, m: np.minimum(r.normal(60, 18, m).round(), 99),
    "a count": lambda r, m: r.poisson(3, m),
    "a large count": lambda r, m: r.poisson(500, m),
    "postal codes": lambda r, m: r.choice(r.integers(10_000, 99_999, 60), m),
    "postal codes, hardly one twice": lambda r, m: r.integers(501, 99_950, m),
    "a percentage": lambda r, m: 100 * r.random(m),
    "a percentage, many at 100": lambda r, m: np.clip(r.normal(80, 30, m), 0, 100).round(),
    "0 or 1": lambda r, m: r.integers(0, 2, m),
    "seldom 1": lambda r, m: (r.random(m) < 0.03).astype(int),
    "true or false": lambda r, m: r.random(m) < 0.4,
    "1 to 5": lambda r, m: r.integers(1, 6, m),
    "1 to 5, mostly 1": lambda r, m: r.choice([1, 2, 3, 4, 5], m, p=[0.9, 0.05, 0.03, 0.01, 0.01]),
    "-1 or 1": lambda r, m: r.choice([-1, 1], m),
    "-1, 0 or 1": lambda r, m: r.choice([-1, 0, 1], m),
    "-1 to 29": lambda r, m: r.integers(-1, 30, m),
    "prices that end in .99": lambda r, m: r.integers(1, 40, m) * 10 - 0.01,
    "prices, many of 999": lambda r, m: np.where(r.random(m) < 0.2, 999, 25 * r.integers(1, 40, m)),
    "rounded": lambda r, m: r.normal(size=m).round(1),
    "degrees": lambda r, m: r.normal(0, 8, m).round(),
    "mostly 0": lambda r, m: np.where(r.random(m) < 0.7, 0, r.gamma(2, 100, m)),
    "0, or far from it": lambda r, m: np.where(r.random(m) < 0.5, 0, r.normal(500, 10, m)),
    "heavy tails": lambda r, m: r.standard_t(2.5, m),
    "lognormal": lambda r, m: r.lognormal(0, 1, m),
    "cut off at 25": lambda r, m: np.minimum(r.exponential(10, m), 25),
    "years": lambda r, m: r.integers(1950, 2024, m),
    "years and months": lambda r, m: 100 * r.integers(2000, 2024, m) + r.integers(1, 13, m),
    "hours": lambda r, m: r.integers(0, 24, m),
    "categories as numbers": lambda r, m: r.integers(100, 130, m),
    "salaries": lambda r, m: (r.lognormal(10.5, 0.5, m) / 100).round() * 100,
    "a latitude": lambda r, m: r.normal(48.1, 0.05, m),
    "a pressure": lambda r, m: r.normal(1013, 6, m).round(1),
    "sorted": lambda r, m: np.sort(r.normal(size=m)),
    "a running total": lambda r, m: np.cumsum(r.poisson(3, m)),
    "two hills": lambda r, m: np.where(r.random(m) < 0.3, r.normal(-50, 1, m), r.normal(50, 1, m)),
    "a balance": lambda r, m: r.normal(-100, 300, m).round(2),
    "never below -1": lambda r, m: np.maximum(r.normal(0, 1, m), -1),
    "codes, 9 among them": lambda r, m: r.choice([1, 2, 3, 9], m),
}


@pytest.mark.parametrize("make", USUAL.values(), ids=USUAL)
@pytest.mark.parametrize("seed", [1, 2])
def test_of_a_usual_column_nothing_is_said(make, seed):
    assert not found(beside(make, seed))


@pytest.mark.parametrize(
    "load", [load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine]
)
def test_of_usual_tables_nothing_is_said(load):
    assert not found(load(as_frame=True).data)


def normal(r, m):
    return r.normal(50, 10, m)


def whole(r, m):
    return r.integers(0, 80, m)


def grades(r, m):
    return r.integers(1, 6, m)


SENTINELS = [
    (normal, -999, 0.1),
    (normal, 9999, 0.05),
    (normal, -99.99, 0.1),
    (normal, -1, 0.1),
    (normal, 1e20, 0.05),
    (normal, -1e30, 0.02),
    (normal, float(np.finfo(np.float32).max), 0.02),
    (whole, -1, 0.1),
    (whole, -2147483648, 0.05),
    (whole, 7777, 0.05),
    (lambda r, m: r.integers(1, 30, m), 99, 0.1),
    (lambda r, m: r.integers(0, 7, m), -9, 0.1),
    (grades, 999, 0.05),
    (grades, 99, 0.05),
    (lambda r, m: r.normal(0, 1000, m), -999, 0.1),
    (lambda r, m: r.normal(70, 8, m), 0, 0.1),
    (lambda r, m: r.normal(10, 2, m), 500, 0.05),  # the largest, again and again
    (lambda r, m: r.normal(1000, 200, m), -200, 0.1),
    (lambda r, m: r.random(m), -1, 0.2),
    (lambda r, m: r.lognormal(3, 0.5, m), 99999, 0.3),
]


@pytest.mark.parametrize(("make", "value", "share"), SENTINELS)
def test_a_value_that_stands_for_missing_is_shown_as_it_stands_there(make, value, share):
    def spoiled(random, m):
        column = make(random, m).astype(float)
        column[random.random(m) < share] = value
        return column

    table = beside(spoiled)
    message = found(table)["sentinels"]
    real = (table["c"] == value).mean()
    assert message.startswith(f"Column 'c' is {value:.10g} in {100 * real:.3g} % of the rows")
    assert "'a'" not in message


@pytest.mark.parametrize(("m", "n_of_them"), [(40, 2), (2000, 3), (300, 4)])
def test_two_of_a_far_code_are_enough(m, n_of_them):
    def spoiled(random, m):
        column = random.normal(size=m)
        column[:n_of_them] = -999
        return column

    assert "Column 'c' is -999 in" in found(beside(spoiled, m=m))["sentinels"]


def test_what_sets_a_code_apart_is_said():
    def counts(random, m):
        return np.where(random.random(m) < 0.15, -1, random.integers(0, 60, m))

    # It is no farther from the others than these are from each other.
    assert "the only negative one, and more often than 0" in found(beside(counts))["sentinels"]


def test_zeros_of_a_sparse_table_stand_for_nothing():
    random = np.random.default_rng(0)
    X = random.random((400, 3)) @ random.random((3, 30))
    assert "sentinels" not in found(np.where(X > 1, X, 0))


def test_constant_and_missing_columns():
    random = np.random.default_rng(0)
    table = beside(lambda r, m: np.full(m, 1234.5678))
    assert "every row, always 1234.5678:" in found(table)["constant_columns"]
    table["c"] = np.where(random.random(M) < 0.2, np.nan, 7)
    messages = found(table)
    assert "the same value in every row that has one, always 7:" in messages["constant_columns"]
    share = 100 * table["c"].isna().mean()
    assert messages["missing_entries"].startswith(
        f"Column 'c' has no value in {share:.3g} % of the rows"
    )
    assert set(found(table.assign(c=np.nan))) == {"missing_columns"}


def test_infinite_values_are_not_missing_ones():
    X = np.random.default_rng(0).normal(size=(100, 3))
    X[3, 1] = np.inf
    assert set(found(X)) == {"infinite_values"}


def test_scales_are_said_in_a_line_and_only_noted_where_they_are_extreme():
    X = np.random.default_rng(0).normal(size=(200, 4))
    X[:, 2] *= 1000
    report = diagnose_data(X)
    assert report.ok
    assert "('2'); scale='standard', the default, makes them equal" in " ".join(str(report).split())
    X[:, 2] *= 1000
    assert found(X)["badly_scaled_columns"].startswith("Column '2' has up to 1")
    X[:, 2] = 1e9 + X[:, 2] / 1e6
    assert "differ only in the last digits" in found(X)["badly_scaled_columns"]


def test_a_few_values_that_are_all_the_variance():
    X = np.random.default_rng(0).normal(size=(300, 4))
    X[:2, 1] = 1e6
    message = found(X)["heavy_outliers"]
    assert re.match(r"9\d.* % of the variance of column '1' is that of 3 values", message)


COPIES = {
    "the same": (lambda x, r: x.copy(), "Columns with the same values: 'a' and 'copy'"),
    "other units": (lambda x, r: 1.8 * x + 32, "one is the other times a number"),
    "negative": (lambda x, r: -x, "one is the other times a number"),
    "rounded": (lambda x, r: x.round(2), "one nearly is the other times a number"),
    "with gaps": (
        lambda x, r: np.where(r.random(len(x)) < 0.2, np.nan, x),
        "the same values wherever both have one: 'a' and 'copy'",
    ),
}


@pytest.mark.parametrize(("copy", "message"), COPIES.values(), ids=COPIES)
def test_columns_that_repeat_another(copy, message):
    table = beside(lambda r, m: r.normal(size=m))
    table["copy"] = copy(table["a"].to_numpy(), np.random.default_rng(0))
    said = found(table)["duplicate_columns"]
    assert message in said
    assert "'a' and 'copy'" in said
    assert "'b'" not in said


def test_one_far_row_makes_no_two_columns_the_same():
    X = np.random.default_rng(0).normal(size=(300, 5))
    X[7] = 1e20
    assert "duplicate_columns" not in found(X)


def test_how_many_pairs_more():
    X = np.outer(np.random.default_rng(0).normal(size=100), [1.0, 2, 3, 4])
    assert "and 3 pairs more." in found(X)["duplicate_columns"]


@pytest.mark.parametrize(
    ("n_groups", "more"), [(3, "."), (4, " and 1 group more."), (5, " and 2 groups more.")]
)
def test_how_many_groups_more(n_groups, more):
    X = np.repeat(np.random.default_rng(0).normal(size=(100, n_groups)), 2, axis=1)
    assert f"'4' and '5'{more}" in found(X)["duplicate_columns"]


IDS_AND_DATES = [
    ("n", lambda r, m: np.arange(m), "Column 'n' numbers the rows"),
    ("customer_id", lambda r, m: r.permutation(10**5)[:m], "a name like an identifier"),
    ("customerId", lambda r, m: r.permutation(10**5)[:m], "a name like an identifier"),
    ("d", lambda r, m: r.integers(1_500_000_000, 1_700_000_000, m), "seconds since 1970"),
    ("d", lambda r, m: r.integers(10**12, 2 * 10**12, m), "milliseconds since 1970"),
    ("date", lambda r, m: r.integers(40_000, 46_000, m), "days since 1900"),
    ("timestamp", lambda r, m: 1.6e9 + 1e7 * r.random(m), "seconds since 1970"),
    ("event_time", lambda r, m: 1.1e9 + 1e8 * r.random(m), "seconds since 1970"),
    ("createdTime", lambda r, m: 1.7e9 + 1e6 * r.random(m), "seconds since 1970"),
    ("d", lambda r, m: 20_000_101 + 10_000 * r.integers(0, 20, m) + r.integers(0, 28, m), "year,"),
]


@pytest.mark.parametrize(("name", "make", "message"), IDS_AND_DATES)
def test_identifiers_and_dates_among_numbers(name, make, message):
    table = beside(make).rename(columns={"c": name})
    assert message in found(table)["ids_and_dates"]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("population", lambda r, m: r.integers(400_000_000, 900_000_000, m)),
        ("pressure", lambda r, m: 1.6e9 + 1e7 * r.random(m)),
        ("times", lambda r, m: 1e3 * r.random(m)),
        ("valid", lambda r, m: r.permutation(10**5)[:m]),
        ("paid", lambda r, m: r.permutation(10**5)[:m]),
        ("n", lambda r, m: r.integers(40_000, 46_000, m)),
        ("candidate", lambda r, m: r.integers(40_000, 46_000, m)),
    ],
)
def test_numbers_that_are_neither(name, make):
    assert "ids_and_dates" not in found(beside(make).rename(columns={"c": name}))


def objects(*cells):
    return lambda r, m: np.array([cells[i % len(cells)] for i in range(m)], dtype=object)


def numbers_and(mark, share):
    def make(r, m):
        numbers = r.normal(size=m).round(3).astype(str).astype(object)
        return np.where(r.random(m) < share, mark, numbers)

    return make


KINDS = [
    (objects("red", "blue"), "text_columns", "Column 'c' holds text of 2 different values."),
    (objects("red"), "text_columns", "Column 'c' holds text (always the same)."),
    (objects("1.5", "2", "1e3"), "text_columns", "Column 'c' holds text that reads as numbers."),
    (numbers_and("?", 0.03), "text_columns", "holds text that reads as numbers, but for '?' ("),
    (numbers_and("n/a", 0.4), "text_columns", "holds text that reads as numbers, but for 'n/a' ("),
    (objects("2024-01-31", "2023-12-01"), "text_columns", "holds text that reads as dates."),
    (
        lambda r, m: pd.to_datetime(r.integers(0, 20000, m), unit="D"),
        "date_columns",
        "Column 'c' holds points in time.",
    ),
    (
        lambda r, m: pd.to_timedelta(r.integers(0, 9999, m), unit="s"),
        "time_spans",
        "Column 'c' holds spans of time.",
    ),
]


@pytest.mark.parametrize(("make", "name", "message"), KINDS)
def test_columns_that_are_no_numbers(make, name, message):
    messages = found(beside(make))
    assert set(messages) == {name}
    assert message in messages[name]


def test_a_column_of_vectors():
    polars = pytest.importorskip("polars")
    vectors = polars.Series(np.ones((5, 2)), dtype=polars.Array(polars.Float64, 2))
    messages = found(polars.DataFrame({"a": [1.0, 2, 3, 4, 5], "c": vectors}))
    assert messages == {"other_columns": "Column 'c' holds neither numbers nor text but vectors."}
