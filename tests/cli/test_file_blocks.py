"""The command line on folders and patterns of Parquet files: as on one file, and errors in a line."""

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("click")
pytest.importorskip("pyarrow")

from ae_core import load  # noqa: E402
from ae_core.cli.main import main  # noqa: E402

NAMES = list("abcde")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Five files in a folder, the same rows in one file, and models of them."""
    folder = tmp_path_factory.mktemp("blocks")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 2)) @ rng.normal(size=(2, 5)) + 0.1 * rng.normal(size=(700, 5))
    X[33, 2] += 9
    table = pandas.DataFrame(X, columns=NAMES)
    table.insert(2, "id", [f"r{i}" for i in range(700)])
    (folder / "parts").mkdir()
    for i in range(5):
        table[i * 140 : i * 140 + 140].to_parquet(folder / "parts" / f"p{i}.parquet", index=False)
    table.to_parquet(folder / "all.parquet", index=False)
    parts = str(folder / "parts")
    common = ["--drop", "id", "-q", "--threads", "1"]
    fits = {"m": ["-k", "2", "--epochs", "5"], "d": ["--outliers"]}
    fits["i"] = ["-k", "2", "--missing", "--epochs", "3"]
    for name, options in fits.items():
        assert main(["fit", parts, "-o", str(folder / f"{name}.st"), *options, *common]) == 0
    return folder


@pytest.fixture
def here(place, tmp_path, monkeypatch):
    for file in place.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize(
    "call",
    [
        ("encode", "m.st", "--keep", "id"),
        ("reconstruct", "m.st", "--keep", "id"),
        ("impute", "i.st"),
        ("score", "d.st", "--keep", "id"),
        ("score", "m.st", "--top", "7", "--keep", "id"),
        ("encode", "m.st", "--keep", "b"),
    ],
    ids=" ".join,
)
def test_a_folder_gives_what_one_file_gives(here, call, ending):
    command, model, *options = call
    for data, output in (("parts", f"a.{ending}"), ("all.parquet", f"b.{ending}")):
        assert main([command, model, data, "-o", output, *options]) == 0
    read = pandas.read_parquet if ending == "parquet" else pandas.read_csv
    one, other = read(f"a.{ending}"), read(f"b.{ending}")
    # feature_errors of a single row, as a block may have, are those of many rows to rounding.
    options = {"rtol": 1e-12} if "--top" in call else {"check_exact": True}
    pandas.testing.assert_frame_equal(one, other, **options)
    assert len(one) == (7 if "--top" in call else 700)


def test_a_detector_from_files_is_that_of_one_file(here):
    call = [
        "fit",
        "all.parquet",
        "-o",
        "o.st",
        "--outliers",
        "--drop",
        "id",
        "--threads",
        "1",
        "-q",
    ]
    assert main(call) == 0
    one, other = load("d.st"), load("o.st")
    np.testing.assert_array_equal(one.training_scores_, other.training_scores_)


def test_fit_says_what_it_did(here, capsys):
    call = [
        "fit",
        "parts/p*.parquet",
        "-o",
        "n.st",
        "-k",
        "2",
        "--epochs",
        "3",
        "--columns",
        "a,b,c",
    ]
    assert main(call) == 0
    out, err = capsys.readouterr()
    assert "700 rows in 5 files, 3 columns" in err
    assert "PCA, 2 components" in out
    assert list(load("n.st").feature_names_in_) == ["a", "b", "c"]
    assert main(["fit", "parts", "-o", "n.st", "--outliers", "--drop", "id"]) == 0
    assert "of 700 rows are outliers" in capsys.readouterr()[0]
    assert main(["diagnose", "m.st", "parts", "--no-trials"]) == 0
    assert "700 rows" in capsys.readouterr()[0]


def test_numbers_alone_go_into_npy(here):
    assert main(["score", "d.st", "parts", "-o", "s.npy"]) == 0
    found = np.load("s.npy")
    np.testing.assert_array_equal(found[:, 0], np.arange(1, 701))
    np.testing.assert_allclose(found[:, 1], load("d.st").training_scores_, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (["fit", "nothing", "-o", "x.st"], ["no .parquet files"]),
        (["fit", "no*.parquet", "-o", "x.st"], ["no file matches"]),
        (["fit", "parts", "-o", "x.st"], ["p0.parquet", "'id'"]),
        (["fit", "parts", "-o", "x.st", "--drop", "ID"], ["'ID'", "no such column"]),
        (["fit", "bad", "-o", "x.st"], ["z.parquet", "lacks the column"]),
        (["encode", "m.st", "parts", "--keep", "ix"], ["'ix'"]),
        (["reconstruct", "m.st", "parts", "--keep", "a"], ["--keep a"]),
        (["encode", "m.st", "less", "-o", "x.csv"], ["5 columns", "'e'"]),
        (["score", "d.st", "parts", "-o", "parts/p1.parquet"], ["files that are read"]),
    ],
    ids=lambda value: " ".join(value) if "-o" in value or "--keep" in value else "",
)
def test_errors_are_one_line_and_leave_no_file(here, capsys, call, words):
    (here / "nothing").mkdir()
    table = pandas.read_parquet("all.parquet")
    for name in ("bad", "less"):
        (here / name).mkdir()
        table.drop(columns="e").to_parquet(here / name / "z.parquet")
    table.to_parquet(here / "bad" / "a.parquet")
    before = sorted(path.name for path in here.iterdir())
    assert main(call) in (1, 2)
    out, err = capsys.readouterr()
    line = err.splitlines()[-1]
    assert line.startswith(f"ae-core {call[0]}: ")
    assert len(line) <= 400
    for word in words:
        assert word in line
    assert not out
    assert sorted(path.name for path in here.iterdir()) == before


BROKEN = {
    "rows.csv": (b"a,b\n1,2\n", "give one .csv file by its own name"),
    "rows.tsv": (b"a\tb\n1\t2\n", "give one .tsv file by its own name"),
    "rows.npy": (b"\x93NUMPY\x01\x00", "give one .npy file by its own name"),
    "empty.parquet": (b"", "it is empty"),
    "text.parquet": (b"a,b\n1,2\n", "does not start with 'PAR1'"),
    "secret.parquet": (b"PARE" + bytes(20) + b"PARE", "it is encrypted"),
    "cut.parquet": (b"PAR1" + bytes(20), "it is cut off"),
    "junk.parquet": (b"PAR1junkjunkPAR1", "it is damaged"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_with_a_file_is_said_without_arrows_sentence(tmp_path, capsys, name):
    content, told = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    assert main(["fit", str(tmp_path / f"*{name[3:]}"), "-o", str(tmp_path / "m.st")]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert told in message
    assert "(" not in message  # where Arrow's sentence was
    assert len(message) <= 300


@pytest.mark.parametrize("threads", ["999999", "1025", "0", "-3"])
def test_a_number_of_threads_that_nobody_has_is_refused(here, capsys, threads):
    call = ["fit", "parts", "-o", "new.st", "--drop", "id", "--threads", threads]
    assert main(call) == 1
    message = capsys.readouterr().err
    assert f"n_threads={threads} (--threads): must be" in message
    assert "1024" in message
