"""Tables in blocks: what is learned from them is what is learned in memory, and memory is bounded."""

import os
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from ae_core import (
    Autoencoder,
    AutoencoderOutlierDetector,
    Blocks,
    Checkpoint,
    VariationalAutoencoder,
)
from ae_core.data.block_rows import BlockRows, row_hashes
from ae_core.data.encoded_blocks import EncodedBlocks, rechunked

pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")
from pyarrow import dataset, parquet  # noqa: E402

NAMES = list("abcdef")


def numbers(n=1300, seed=0):
    rng = np.random.default_rng(seed)
    X = np.tanh(rng.normal(size=(n, 2)) @ rng.normal(size=(2, len(NAMES))))
    return X + 0.05 * rng.normal(size=X.shape)


def frame(n=1300):
    table = pandas.DataFrame(numbers(n), columns=NAMES)
    table.insert(0, "id", [f"row {i}" for i in range(n)])
    return table


def mixed(n=900):
    rng = np.random.default_rng(1)
    table = pandas.DataFrame(numbers(n)[:, :3], columns=list("abc"))
    table["kind"] = np.array(["oak", "ash", "elm", "fir"], object)[np.arange(n) * 4 // n]
    table["old"] = rng.random(n) < 0.3
    table["age"] = rng.integers(0, 90, n)
    return table


@pytest.fixture
def folder(tmp_path):
    """The frame in files of unequal length, one of several groups of rows and one in a folder."""
    place = tmp_path / "parts"
    (place / "more").mkdir(parents=True)
    table = frame()
    cuts = [0, 100, 101, 700, 1300]
    for i, (start, stop) in enumerate(pairwise(cuts)):
        path = place / "more" / f"p{i}.parquet" if i == 3 else place / f"p{i}.parquet"
        table[start:stop].to_parquet(path, index=False, row_group_size=150)
    # As `Blocks` has them: the folder below is between others by its name.
    order = sorted(place.rglob("*.parquet"))
    table = pandas.concat([pandas.read_parquet(path) for path in order], ignore_index=True)
    return place, table


def small(**options):
    return Autoencoder(2, max_iter=4, random_state=0, n_threads=1, **options)


def same_scaling(one, other):
    for name in ("shift_", "factor_"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one._running.table, other._running.table)


# --- the same as in memory ----------------------------------------------------------------------


def holes(X, seed=3):
    X = X.copy()
    X[np.random.default_rng(seed).random(X.shape) < 0.2] = np.nan
    X[5] = np.nan
    return X


CASES = {
    "plain": (numbers(), {}),
    "limits": (numbers(), {"scale": "minmax"}),
    "none": (numbers(), {"scale": None}),
    "constant column": (np.c_[numbers(), np.full(1300, 3.0)], {}),
    "float32": (numbers().astype(np.float32), {}),
    "bytes": ((numbers() * 40 + 100).astype(np.uint8), {}),
    "whole numbers": ((numbers() * 40).astype(np.int32), {}),
    "few rows": (numbers(70), {}),
    "missing": (holes(numbers()), {"missing_values": "mask"}),
    "missing, limits": (holes(numbers()), {"missing_values": "mask", "scale": "minmax"}),
    "sparse": (sparse.random(900, 30, 0.1, "csr", random_state=0), {}),
    "implicit": (
        sparse.random(900, 30, 0.3, "csr", random_state=0),
        {"missing_values": "implicit", "scale": "standard"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_scaling_is_that_of_memory_to_the_bit(case):
    X, options = CASES[case]
    one = small(**options).fit(X)
    other = small(**options).fit(Blocks(X, block_size=170))
    same_scaling(one, other)
    assert other.network_.dtype == one.network_.dtype
    assert other.history_.n_steps == one.history_.n_steps
    assert other.loss_curve_[-1] == pytest.approx(one.loss_curve_[-1], rel=0.1)


def test_scaling_of_more_rows_than_are_measured_at_once(monkeypatch):
    monkeypatch.setattr("ae_core.data.scaling.ENTRIES_AT_ONCE", 1000)
    for X, options in (CASES["plain"], CASES["missing"], CASES["sparse"]):
        same_scaling(small(**options).fit(X), small(**options).fit(Blocks(X, block_size=77)))


def test_mixed_columns_are_encoded_as_in_memory():
    table = mixed()
    one = small(columns="mixed").fit(table)
    blocks = Blocks([table[:200], table[200:210], table[210:]])  # categories come one by one
    other = small(columns="mixed").fit(blocks)
    assert other.encoding_ == one.encoding_
    same_scaling(one, other)
    whole = pandas.concat(list(one.reconstruct(blocks)))
    pandas.testing.assert_frame_equal(whole, one.reconstruct(table))


def test_mixed_columns_of_files(tmp_path):
    table = mixed()
    table.loc[700:, "age"] = np.nan
    table["age"] = table["age"].astype("Int64")
    for i, part in enumerate((table[:500], table[500:])):
        part.to_parquet(tmp_path / f"{i}.parquet", index=False)
    options = {"columns": "mixed", "missing_values": "mask"}
    whole = pyarrow.concat_tables(parquet.read_table(tmp_path / f"{i}.parquet") for i in (0, 1))
    one, other = small(**options).fit(whole), small(**options).fit(tmp_path)
    assert other.encoding_ == one.encoding_
    same_scaling(one, other)


@pytest.mark.parametrize(
    "method", ["transform", "reconstruct", "score_samples", "feature_errors", "impute"]
)
def test_results_are_those_of_memory_to_the_bit(folder, method, tmp_path):
    _, table = folder
    table.loc[::7, "b"] = np.nan
    table.to_parquet(tmp_path / "holes.parquet", index=False)
    X = table[NAMES]
    model = small(missing_values="mask").fit(X)
    blocks = Blocks(tmp_path / "holes.parquet", keep=["id"], block_size=333)
    expected = np.asarray(getattr(model, method)(X))
    found = [
        np.column_stack(part.columns) if hasattr(part, "column_names") else part
        for part in getattr(model, method)(blocks)
    ]
    assert len(found) == 4
    np.testing.assert_array_equal(np.concatenate(found), expected)
    for ending in (".parquet", ".csv"):
        path = tmp_path / f"out{ending}"
        assert getattr(model, method)(blocks, to=path) is None
        if ending == ".parquet":
            out = pandas.read_parquet(path)
        else:  # as text first: pandas 2 by default reads some numbers with another last bit
            out = pandas.read_csv(path, dtype=str)
            out = out.astype({name: float for name in out.columns if name != "id"})
            out["id"] = out["id"].astype(table["id"].dtype)
        assert list(out["id"]) == list(table["id"])
        own = out.drop(columns="id").to_numpy()
        np.testing.assert_array_equal(own, expected.reshape(own.shape))
    assert model.score(blocks) == pytest.approx(model.score(X), rel=1e-12)


@pytest.mark.parametrize("n", [900, 45_000])
def test_a_detector_is_that_of_memory_to_the_bit(n, tmp_path):
    X = numbers(n)
    one = AutoencoderOutlierDetector(random_state=0, n_threads=1).fit(X)
    blocks = Blocks(X, block_size=n // 3 + 7)
    other = AutoencoderOutlierDetector(random_state=0, n_threads=1).fit(blocks)
    np.testing.assert_array_equal(other.training_scores_, one.training_scores_)
    assert other.threshold_ == one.threshold_
    assert other.calibration_.n_rows == one.calibration_.n_rows
    few = X[:500]
    for method in ("predict", "decision_function", "explain", "p_values"):
        parts = list(getattr(other, method)(Blocks(few, block_size=201)))
        np.testing.assert_array_equal(np.concatenate(parts), getattr(one, method)(few))
    other.predict(few, to=tmp_path / "out.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy")[:, 0], one.predict(few))


def test_a_variational_model_learns_from_blocks():
    X = numbers()
    options = {"max_iter": 4, "random_state": 0, "n_threads": 1}
    one = VariationalAutoencoder(2, **options).fit(X)
    other = VariationalAutoencoder(2, **options).fit(Blocks(X, block_size=300))
    assert other.noise_variance_ == pytest.approx(one.noise_variance_, rel=1e-9)
    assert other.score(Blocks(X, block_size=99)) == pytest.approx(other.score(X), rel=1e-12)
    assert other.score(X) == pytest.approx(one.score(X), rel=0.1)


# --- training -----------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bits(folder):
    place, _ = folder
    options = {"corruption": "masking", "corruption_level": 0.2, "early_stopping": True}
    blocks = Blocks(place, drop=["id"], block_size=130)
    one, again = small(**options).fit(blocks), small(**options).fit(blocks)
    np.testing.assert_array_equal(one.network_.params, again.network_.params)
    assert one.validation_loss_curve_ == again.validation_loss_curve_
    other = small(**options).set_params(random_state=1).fit(blocks)
    assert (other.network_.params != one.network_.params).any()


def test_every_row_that_is_not_held_out_is_visited_once():
    X = np.arange(1000.0)[:, None]
    for block_size, batch_size, held_out in ((300, 70, 0.0), (64, 200, 0.2), (1000, 1, 0.5)):
        encoded = EncodedBlocks(Blocks(X, block_size=block_size), lambda block: block, None)
        rows = BlockRows(encoded, None, None, False, held_out)
        buffers = rows.buffers(np.random.default_rng(0), batch_size)
        seen, (table, is_last) = [], next(buffers)
        while True:
            n = len(table) if is_last else len(table) // batch_size * batch_size
            seen += table[:n, 0].tolist()
            if is_last:
                break
            table, is_last = buffers.send(table[n:].copy())
        expected = np.flatnonzero(row_hashes(0, 1000) >= held_out)
        assert sorted(seen) == expected.tolist()
        assert rows.n_visited == len(expected)


def test_blocks_and_their_rows_come_in_another_order_each_epoch(folder):
    blocks = Blocks(folder[0], drop=["id"], block_size=100)
    random = np.random.default_rng(0)
    orders = [[first for first, *_ in blocks.placed(random)] for _ in range(3)]
    assert len(set(map(tuple, orders))) == 3
    assert sorted(orders[0]) == sorted(orders[1])


def test_a_checkpoint_goes_on_to_the_same_bits(tmp_path):
    blocks = Blocks(numbers(), block_size=200)
    whole = small().fit(blocks)
    path = tmp_path / "fit.ckpt"
    first = small().set_params(max_iter=4)
    first.fit(blocks, callbacks=[Checkpoint(path), lambda progress: progress.n_iter == 2])
    assert first.n_iter_ == 2
    again = small().fit(blocks, resume_from=path)
    np.testing.assert_array_equal(again.network_.params, whole.network_.params)
    with pytest.raises(ValueError, match="other data"):
        small().fit(Blocks(numbers(seed=9), block_size=200), resume_from=path)


def test_held_out_rows_are_the_same_each_time_and_not_learned_from():
    X = numbers()
    held_out = row_hashes(0, len(X)) < 0.2
    X[held_out] += 100  # nothing of that may get into the scaling
    model = small(early_stopping=True, validation_fraction=0.2).fit(Blocks(X, block_size=400))
    assert np.abs(model.shift_).max() < 1
    assert model.validation_loss_curve_[-1] > 100 * model.loss_curve_[-1]


# --- memory -------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The network learned")
def test_memory_is_that_of_a_few_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("ae_core.data.scaling.ENTRIES_AT_ONCE", 20_000)  # what it adds, at any size
    n, n_columns, block_size = 100_000, 10, 2_000
    rng = np.random.default_rng(0)
    path = tmp_path / "long.parquet"
    with parquet.ParquetWriter(
        path, pyarrow.schema([(f"x{i}", "f8") for i in range(n_columns)])
    ) as file:
        for _ in range(20):
            X = rng.normal(size=(n // 20, n_columns))
            file.write_table(pyarrow.table({f"x{i}": X[:, i] for i in range(n_columns)}))
    blocks = Blocks(path, block_size=block_size)
    model = Autoencoder(2, hidden_layer_sizes=(8,), max_iter=1, random_state=0, n_threads=1)
    model.fit(Blocks(X))  # what is imported, or made once
    tracemalloc.start()
    try:
        model.fit(blocks)
        model.score_samples(blocks, to=tmp_path / "scores.parquet")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < n * n_columns * 8 / 2  # of 8 MB; a block has 0.16, the sample 0.8
    assert len(pandas.read_parquet(tmp_path / "scores.parquet")) == n


# --- sources ------------------------------------------------------------------------------------


def test_sources_that_name_the_same_rows(folder):
    place, table = folder
    expected = table[NAMES].to_numpy()
    files = sorted(place.rglob("*.parquet"))
    for source in (place, str(place), str(place / "**" / "*.parquet"), files):
        blocks = Blocks(source, drop=["id"])
        assert blocks.n_rows == len(expected)
        assert "1,300 rows" in repr(blocks)
        for _ in range(2):
            np.testing.assert_array_equal(
                np.concatenate([np.column_stack(b.columns) for b in blocks]), expected
            )
    of_dataset = Blocks(dataset.dataset(files), columns=NAMES)
    found = np.concatenate([np.column_stack(b.columns) for b in of_dataset])
    np.testing.assert_array_equal(found, expected)
    model = small().fit(table[NAMES])
    few = Blocks(files[0], columns=NAMES[::-1])
    with pytest.raises(ValueError, match="feature names"):
        next(model.transform(few))


def test_a_path_is_taken_as_it_is(tmp_path):
    table = frame()[NAMES]
    table.to_parquet(tmp_path / "one.parquet", index=False)
    model = small().fit(tmp_path / "one.parquet")
    assert list(model.feature_names_in_) == NAMES
    codes = np.concatenate(list(model.transform(str(tmp_path))))
    np.testing.assert_array_equal(codes, model.transform(table))


def test_memory_maps_stay_what_they_were(tmp_path):
    np.save(tmp_path / "x.npy", numbers())
    X = np.load(tmp_path / "x.npy", mmap_mode="r")
    one, other = small().fit(X), small().fit(numbers())
    np.testing.assert_array_equal(one.network_.params, other.network_.params)
    assert isinstance(one.transform(X), np.ndarray)


class InFile:
    """As AnnData or h5py have a matrix: cut by rows, and nothing else."""

    def __init__(self, X):
        self._X, self.shape, self.dtype = X, X.shape, X.dtype
        self.largest = 0

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.largest = max(self.largest, rows.stop - rows.start)
        return self._X[rows]


@pytest.mark.parametrize("case", ["plain", "sparse"])
def test_what_is_cut_by_rows_is_never_read_whole(case):
    X = CASES[case][0]
    backed = InFile(X)
    model = small().fit(Blocks(backed, block_size=100))
    same_scaling(model, small().fit(X))
    assert backed.largest == 100


class Again:
    def __init__(self, *blocks):
        self.blocks = blocks

    def __iter__(self):
        return iter(self.blocks)


def test_an_iterable_that_starts_again():
    X = numbers()
    model = small().fit(Blocks(Again(X[:400], X[400:650], X[650:])))
    same_scaling(model, small().fit(X))
    assert model.history_.n_steps == small().fit(X).history_.n_steps


# --- errors -------------------------------------------------------------------------------------


def refused(call, *words, kind=ValueError):
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert len(message) <= 400
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def test_files_that_are_none(folder, tmp_path):
    place, table = folder
    (tmp_path / "empty").mkdir()
    refused(lambda: small().fit(tmp_path / "empty"), "has no .parquet files", "empty")
    refused(lambda: small().fit(str(tmp_path / "nope-*.parquet")), "no file matches", "nope-")
    refused(lambda: small().fit("nope.parquet"), "there is no file", "nope.parquet")
    (place / "q.parquet").write_bytes(b"PAR1 and nothing else")
    refused(lambda: Blocks(place), "q.parquet", "can't be read as Parquet", "leave it out")
    table.drop(columns="c").to_parquet(place / "q.parquet", index=False)
    refused(lambda: Blocks(place), "q.parquet", "lacks the column 'c'", "p3.parquet")
    table.assign(z=1.0).to_parquet(place / "q.parquet", index=False)
    refused(lambda: Blocks(place), "q.parquet", "has 'z'", "same columns")
    table.loc[33, "d"] = np.nan
    table.to_parquet(place / "q.parquet", index=False)
    blocks = Blocks(place, drop=["id"])
    refused(lambda: small().fit(blocks), "q.parquet", "nan", "'d'", "drop such rows")
    refused(lambda: small().fit(Blocks(place)), "p3.parquet", "'id'", "row 0")
    refused(lambda: Blocks(place, drop=["jd"]), "'jd'", "no such column")
    refused(lambda: Blocks(place, columns=["id"], drop=["id"]), "no column")
    refused(lambda: Blocks(place, columns="id"), "list of names")
    refused(lambda: Blocks(place, block_size=0), "block_size=0")


def test_sources_that_are_none():
    X = numbers()
    refused(lambda: Blocks(block for block in [X]), "generator", "list of blocks", kind=TypeError)
    refused(lambda: Blocks(7), "of type int", kind=TypeError)
    refused(lambda: Blocks([]), "there must be some")
    refused(lambda: Blocks([[1.0, 2.0]]), "array")
    refused(lambda: Blocks(X, drop=["a"]), "drop", "files")
    refused(lambda: small().fit(Blocks(Again(X, "no"))), "block 1", "str", kind=TypeError)
    refused(lambda: small().fit(Blocks(Again())), "no blocks")
    message = refused(lambda: small().fit(Blocks([X, X[:, :3]])), "block 1", "3 features")
    assert "rows from 1300" in message
    once = Again(X)
    once.__class__ = type(
        "Once", (Again,), {"__iter__": lambda self: self, "__next__": lambda self: X}
    )
    refused(lambda: Blocks(once), "several times", kind=TypeError)


def test_what_blocks_do_not_have():
    X = numbers()
    blocks = Blocks(X, block_size=300)
    refused(lambda: small().fit(blocks, sample_weight=np.ones(len(X))), "sample_weight")
    refused(lambda: small(solver="lbfgs").fit(blocks), "lbfgs", "adam")
    model = small().fit(X)
    before = model.network_.params.copy()
    refused(
        lambda: model.set_params(
            loss="binary_cross_entropy", output_activation="logistic", scale=None
        ).fit(blocks),
        "loss",
    )
    np.testing.assert_array_equal(model.network_.params, before)


def test_a_dask_frame_says_what_to_do():
    array = pytest.importorskip("dask.array").from_array(numbers())
    refused(lambda: small().fit(array), "dask", "Blocks", kind=TypeError)
    refused(lambda: Blocks(array), "dask", kind=TypeError)


def test_results_are_written_whole_or_not_at_all(tmp_path):
    X = numbers()
    model = small().fit(X)
    bad = X.copy()
    bad[1200, 2] = np.nan
    path = tmp_path / "out.csv"
    path.write_text("as it was")
    refused(lambda: model.transform(Blocks(bad, block_size=400), to=path), "X[")
    assert path.read_text() == "as it was"
    assert os.listdir(tmp_path) == ["out.csv"]
    refused(lambda: model.transform(X, to=tmp_path / "out.doc"), "must end in")


def test_rows_are_cut_anew():
    X = numbers(100)
    parts = list(rechunked([X[:3], X[3:60], X[60:]], 25))
    assert [len(part) for part in parts] == [25, 25, 25, 25]
    np.testing.assert_array_equal(np.concatenate(parts), X)
