"""The command line: what it writes, and that every mistake ends in one line and leaves no file."""

import inspect
import io
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("click")
pytest.importorskip("pyarrow")

from ae_core import Autoencoder, AutoencoderOutlierDetector, __version__, load  # noqa: E402
from ae_core.cli.main import main  # noqa: E402
from ae_core.cli.tables.reading import read_table  # noqa: E402

N_COLUMNS = 6


@pytest.fixture(scope="session")
def frame():
    """Rows that lie near a curved surface of two dimensions, and one that does not."""
    rng = np.random.default_rng(0)
    X = np.tanh(rng.normal(size=(300, 2)) @ rng.normal(size=(2, N_COLUMNS)))
    X += 0.05 * rng.normal(size=X.shape)
    X[41, 3] = 9
    return pandas.DataFrame(X, columns=[f"x{i}" for i in range(N_COLUMNS)])


@pytest.fixture(scope="session")
def folder(frame, tmp_path_factory):
    """Tables and models that are only read."""
    folder = tmp_path_factory.mktemp("cli")
    frame.to_csv(folder / "data.csv", index=False)
    frame.assign(kind="red").to_csv(folder / "text.csv", index=False)
    np.save(folder / "data.npy", frame.to_numpy())
    model = Autoencoder(2, max_iter=60, random_state=0).fit(frame)
    model.save(folder / "model.safetensors")
    Autoencoder(2, max_iter=5, random_state=0).fit(frame.to_numpy()).save(
        folder / "nameless.safetensors"
    )
    detector = AutoencoderOutlierDetector(random_state=0).fit(frame)
    detector.save(folder / "detector.safetensors")
    return folder


@pytest.fixture
def here(folder, tmp_path, monkeypatch):
    """A folder of one's own with those tables and models in it."""
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here, capfdbinary):
    """Runs a command; gives the exit code, standard output and standard error."""

    def run(*arguments):
        with warnings.catch_warnings():
            code = main(list(arguments))
        out, error = capfdbinary.readouterr()
        return code, out.decode(), error.decode()

    return run


def ae_core(*arguments, **options):
    """Runs a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ae_core", *arguments], capture_output=True, text=True, **options
    )


# --- fit -----------------------------------------------------------------------------------------


def test_fit_writes_the_model_of_its_parameters(run, frame):
    code, out, error = run(
        *("fit", "data.csv", "-o", "m.safetensors", "-k", "2", "--epochs", "30", "--seed", "3"),
        *("--hidden", "16,8", "--activation", "tanh", "--scale", "minmax", "--batch-size", "50"),
    )
    assert (code, error) == (0, f"300 rows, {N_COLUMNS} columns\n")
    own = Autoencoder(
        2,
        max_iter=30,
        random_state=3,
        hidden_layer_sizes=(16, 8),
        activation="tanh",
        scale="minmax",
        batch_size=50,
    ).fit(frame)
    model = load("m.safetensors")
    assert np.array_equal(model.network_.params, own.network_.params)
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.get_params() == own.get_params()
    for words in ("column mean", "PCA, 2 components", "code of 2", "m.safetensors", "30 epochs"):
        assert words in out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--scale", "none"], {"scale": None}),
        (["--float32"], {"dtype": "float32"}),
        (["--loss", "huber"], {"loss": "huber"}),
        (["--learning-rate", "0.01"], {"learning_rate_init": 0.01}),
        (["--validation-fraction", "0.2"], {"early_stopping": True, "validation_fraction": 0.2}),
        (["--threads", "1"], {"n_threads": 1}),
        (["--corruption", "gaussian", "--corruption-level", "0.1"], {"corruption_level": 0.1}),
        (["--corruption", "masking"], {"corruption": "masking", "corruption_level": 0.3}),
        (["--missing"], {"missing_values": "mask"}),
    ],
)
def test_options_are_parameters(run, options, expected):
    assert run("fit", "data.csv", "-o", "m", "--epochs", "2", *options)[0] == 0
    parameters = load("m").get_params()
    assert {name: parameters[name] for name in expected} == expected


def test_help_has_the_estimators_defaults(run):
    _, out, _ = run("fit", "--help")
    text = " ".join(out.split())
    own = inspect.signature(Autoencoder).parameters
    detector = inspect.signature(AutoencoderOutlierDetector).parameters
    assert f"in the code. [default: {own['n_components'].default};" in text
    assert f"hidden layers ({own['activation'].default})" in text
    assert f"codes ({detector['activation'].default})" in text
    assert f"at most. [default: {own['max_iter'].default}]" in text
    assert f"[default: {own['learning_rate_init'].default}; with --outliers 0.01]" in text
    assert f"[default: {own['loss'].default}]" in text
    assert f"or not. [default: {own['scale'].default}]" in text
    assert f"standard deviation. [default: {own['corruption_level'].default}]" in text
    assert detector["learning_rate_init"].default == 0.01


def test_fit_does_not_copy_the_table(run, monkeypatch):
    given = []
    fit = Autoencoder.fit
    seen = []

    def fit_and_look(self, X, **options):
        given.append(X.to_numpy())
        return fit(self, X, **options)

    import ae_core.cli.options as options

    read = options.read_table
    monkeypatch.setattr(
        options, "read_table", lambda *a, **k: seen.append(read(*a, **k)) or seen[-1]
    )
    monkeypatch.setattr(Autoencoder, "fit", fit_and_look)
    assert run("fit", "data.csv", "-o", "m", "--epochs", "1")[0] == 0
    assert np.shares_memory(given[0], seen[0].values)


def test_fit_of_outliers(run, frame):
    code, out, _ = run("fit", "data.csv", "-o", "d", "--outliers", "--contamination", "0.1")
    assert code == 0
    detector = load("d")
    assert isinstance(detector, AutoencoderOutlierDetector)
    assert (detector.predict(frame) == -1).sum() == 30
    assert "30 of 300 rows are outliers (10.00%)" in out


def test_quiet(run):
    assert run("fit", "data.csv", "-o", "m", "--epochs", "2", "-q")[1:] == ("", "")


def test_a_fit_goes_on_from_its_checkpoint(run, monkeypatch):
    assert run("fit", "data.csv", "-o", "whole", "--epochs", "8", "-q")[0] == 0
    stopped = ("fit", "data.csv", "-o", "m", "--epochs", "8", "--checkpoint", "c", "--resume", "-q")
    callback = "import ae_core.cli.fit as f, ae_core.estimators.autoencoder as a, sys\n"
    # The process is killed after four epochs, without a word to it.
    script = (
        callback
        + "from ae_core.estimators.checkpoints import _BoundCheckpoint as B\n"
        + "import os; call = B.__call__\n"
        + "def stop(self, p):\n    call(self, p)\n    if p.n_iter == 4: os._exit(9)\n"
        + "B.__call__ = stop\n"
        + "from ae_core.cli.main import main; main(sys.argv[1:])\n"
    )
    assert subprocess.run([sys.executable, "-c", script, *stopped], check=False).returncode == 9
    assert not os.path.exists("m")
    resumed = []
    fit = Autoencoder.fit
    monkeypatch.setattr(
        Autoencoder,
        "fit",
        lambda self, X, **kw: resumed.append(kw["resume_from"]) or fit(self, X, **kw),
    )
    assert run(*stopped)[0] == 0
    assert resumed == ["c"]
    assert np.array_equal(load("m").network_.params, load("whole").network_.params)
    assert load("m").n_iter_ == 8


# --- what models are for -------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet", "npy"])
def test_encode_and_reconstruct(run, frame, ending):
    model = load("model.safetensors")
    assert run("encode", "model.safetensors", "data.csv", "-o", f"c.{ending}")[0] == 0
    codes = read_table(f"c.{ending}")
    assert np.allclose(codes.values, model.transform(frame), atol=1e-12)
    assert run("reconstruct", "model.safetensors", "data.csv", "-o", f"r.{ending}")[0] == 0
    back = read_table(f"r.{ending}")
    assert np.allclose(back.values, model.reconstruct(frame), atol=1e-12)
    if ending != "npy":
        assert codes.names == ["autoencoder0", "autoencoder1"]
        assert back.names == list(frame.columns)


def test_parts_of_a_table_are_as_the_whole(run, frame, monkeypatch):
    import ae_core.cli.rows as rows

    monkeypatch.setattr(rows, "ENTRIES_AT_ONCE", 7 * N_COLUMNS)
    for command in ("encode", "reconstruct", "score"):
        assert run(command, "model.safetensors", "data.npy", "-o", f"{command}.npy")[0] == 0
    model = load("model.safetensors")
    assert np.allclose(np.load("encode.npy"), model.transform(frame), atol=1e-12)
    assert np.allclose(np.load("reconstruct.npy"), model.reconstruct(frame), atol=1e-12)
    assert np.allclose(np.load("score.npy")[:, 1], -model.score_samples(frame), atol=1e-12)
    assert np.array_equal(np.load("score.npy")[:, 0], np.arange(1, 301))


def test_columns_are_matched_by_name(run, frame):
    shuffled = frame[["x4", "x0", "x5", "x1", "x2", "x3"]].assign(more="text")
    shuffled.to_csv("shuffled.csv", index=False)
    _, expected, _ = run("encode", "model.safetensors", "data.csv")
    assert run("encode", "model.safetensors", "shuffled.csv") == (0, expected, "")
    frame.drop(columns=["x1", "x4"]).to_csv("fewer.csv", index=False)
    code, out, error = run("encode", "model.safetensors", "fewer.csv")
    assert (code, out) == (1, "")
    assert "there is no 'x1', 'x4'" in error


def test_columns_without_names_are_matched_by_place(run):
    _, expected, _ = run("encode", "nameless.safetensors", "data.npy")
    assert run("encode", "nameless.safetensors", "data.csv") == (0, expected, "")
    assert run("encode", "nameless.safetensors", "text.csv", "--drop", "kind")[1] == expected
    code, _, error = run("encode", "nameless.safetensors", "data.npy", "-c", "0,1")
    assert code == 1
    assert "fitted to 6 columns, and here are 2" in error


def test_pipes(here, frame):
    with open("data.csv") as file:
        encoded = ae_core("encode", "model.safetensors", "-", stdin=file)
    assert (encoded.returncode, encoded.stderr) == (0, "")
    codes = pandas.read_csv(io.StringIO(encoded.stdout)).to_numpy()
    assert np.allclose(codes, load("model.safetensors").transform(frame), atol=1e-12)
    command = (
        f"cat data.csv | {sys.executable} -m ae_core encode model.safetensors - | "
        f"{sys.executable} -m ae_core fit - -o second -k 1 --epochs 2 -q"
    )
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert list(load("second").feature_names_in_) == ["autoencoder0", "autoencoder1"]


def test_a_reader_that_goes_away_is_no_error(here, frame):
    pandas.concat([frame] * 300).to_csv("long.csv", index=False)
    command = f"{sys.executable} -m ae_core reconstruct model.safetensors long.csv | head -n 1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (run.stdout.strip(), run.stderr) == (",".join(frame.columns), "")


# --- score ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model", "detector"])
def test_score(run, frame, name):
    assert run("score", f"{name}.safetensors", "data.csv", "-o", "s.csv")[0] == 0
    scores = pandas.read_csv("s.csv")
    estimator = load(f"{name}.safetensors")
    assert np.allclose(scores["score"], -estimator.score_samples(frame))
    assert scores["row"].tolist() == list(range(1, 301))
    if name == "detector":
        assert (scores["is_outlier"] == (estimator.predict(frame) == -1)).all()
    else:
        assert "is_outlier" not in scores
    assert scores.loc[41, "column_1"] == "x3"
    assert (scores["share_1"] >= scores["share_2"]).all()
    assert (scores[["share_1", "share_2", "share_3"]].sum(axis=1) <= 1 + 1e-9).all()


def test_the_most_unusual_rows_come_first(run, frame):
    _, out, _ = run("score", "detector.safetensors", "data.csv", "--top", "5")
    scores = pandas.read_csv(io.StringIO(out))
    expected = -load("detector.safetensors").score_samples(frame)
    assert scores["row"].tolist() == (np.argsort(-expected)[:5] + 1).tolist()
    assert scores.loc[0, "row"] == 42


def test_a_terminal_gets_a_table(run, monkeypatch):
    import ae_core.cli.score as cli_score

    monkeypatch.setattr(cli_score, "is_terminal", lambda stream: True)
    _, out, _ = run("score", "detector.safetensors", "data.csv")
    lines = out.splitlines()
    assert lines[0].split() == ["row", "score", "outlier", "because", "of"]
    assert lines[1].split()[0] == "42"
    assert lines[1].split()[2:4] == ["yes", "x3"]
    assert len(lines) == 1 + cli_score.SHOWN + 1
    assert "(20 of 300 rows" in lines[-1]


# --- empty cells ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet", "npy"])
def test_empty_cells_are_unseen_and_filled_in(run, frame, ending, monkeypatch):
    import ae_core.cli.rows as rows

    monkeypatch.setattr(rows, "ENTRIES_AT_ONCE", 70 * N_COLUMNS)
    hidden = np.random.default_rng(0).random(frame.shape) < 0.2
    holes = frame.mask(hidden)
    holes.to_csv("holes.csv", index=False)
    holes.to_parquet("holes.parquet")
    np.save("holes.npy", holes.to_numpy())
    data = f"holes.{ending}"
    code, out, error = run("fit", data, "-o", "m", "--missing", "--corruption", "masking")
    assert code == 0, error
    assert "column mean" in out
    model = load("m")
    assert run("impute", "m", data, "-o", f"f.{ending}")[0] == 0
    filled = read_table(f"f.{ending}")
    if ending != "npy":
        assert filled.names == list(frame.columns)
    assert np.allclose(filled.values[~hidden], frame.to_numpy()[~hidden], rtol=1e-15)
    given = holes if ending != "npy" else holes.to_numpy()
    assert np.allclose(filled.values, model.impute(given), rtol=1e-9)
    mean = holes.fillna(holes.mean()).to_numpy()
    errors = [np.abs(X - frame.to_numpy())[hidden].mean() for X in (filled.values, mean)]
    assert errors[0] < 0.8 * errors[1]
    for command in ("encode", "reconstruct", "score", "diagnose"):
        assert run(command, "m", data)[0] == 0


def test_outliers_of_a_table_with_empty_cells(run, frame):
    holes = frame.mask(np.random.default_rng(0).random(frame.shape) < 0.1)
    holes.iloc[5] = np.nan
    holes.iloc[7, 2] = 1e6
    holes.to_csv("holes.csv", index=False)
    assert run("fit", "holes.csv", "-o", "m", "--outliers")[0] == 1
    code, _, error = run("fit", "holes.csv", "-o", "m", "--outliers", "--missing")
    assert code == 0, error
    assert run("score", "m", "holes.csv", "-o", "s.csv")[0] == 0
    scores = pandas.read_csv("s.csv")
    np.testing.assert_allclose(scores["score"], -load("m").score_samples(holes), rtol=1e-9)
    assert scores.loc[5, "score"] == 0
    assert scores.loc[7, "is_outlier"]
    assert scores.loc[7, "column_1"] == frame.columns[2]


def test_empty_cells_are_an_error_to_other_models(run, frame):
    frame.mask(frame > 1).to_csv("holes.csv", index=False)
    for command in (("fit", "holes.csv", "-o", "m"), ("encode", MODEL, "holes.csv")):
        code, _, error = run(*command)
        assert code == 1
        assert "has no value" in error
        assert "fit with --missing" in error
    code, _, error = run("impute", MODEL, DATA)
    assert code == 2
    assert "was not fitted with --missing" in error


# --- diagnose, info, help ------------------------------------------------------------------------


def test_diagnose(run, frame):
    code, out, _ = run("diagnose", "model.safetensors", "data.csv")
    report = load("model.safetensors").diagnose(frame)
    assert (code, out) == (0, f"{report}\n")
    _, out, _ = run("diagnose", "model.safetensors", "data.csv", "--json")
    assert json.loads(out) == report.to_dict()


def test_info(run):
    _, out, _ = run("info", "model.safetensors")
    for words in ("Autoencoder", "x0, x1", "squared_error", "60 epochs", "code: 2"):
        assert words in out
    _, out, _ = run("info", "detector.safetensors")
    assert "AutoencoderOutlierDetector" in out
    assert "score above" in out


@pytest.mark.parametrize(
    "command",
    ["demo", "fit", "encode", "reconstruct", "impute", "score", "diagnose", "report", "info"],
)
def test_every_command_has_two_examples(run, command):
    code, out, error = run(command, "--help")
    assert (code, error) == (0, "")
    assert out.count(f"\n    ae-core {command}") + out.count("| ae-core") >= 2


def test_without_arguments_there_is_help(run):
    code, out, error = run()
    assert (code, out) == (2, "")
    assert "ae-core fit data.csv" in error


def test_python_dash_m():
    assert ae_core("--version", check=True).stdout.strip() == f"ae_core {__version__}"


# --- mistakes ------------------------------------------------------------------------------------

MODEL, DATA = "model.safetensors", "data.csv"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["foo"], 2, "no such command 'foo'"),
        (["fit"], 2, "missing argument 'DATA'"),
        (["fit", DATA], 2, "'-o' / '--output'"),
        (["fit", DATA, "-o", "m", "--foo"], 2, "--foo"),
        (["fit", DATA, "-o", "m", "-k", "two"], 2, "'two'"),
        (["fit", DATA, "-o", "m", "--hidden", "64,x"], 2, "'64,x' is no list of numbers"),
        (["fit", DATA, "-o", "m", "--separator", "ab"], 2, "--separator 'ab'"),
        (["fit", DATA, "-o", "m.csv"], 2, "this is where the model goes to"),
        (["fit", DATA, "-o", "-"], 2, "this is where the model goes to"),
        (["fit", MODEL, "-o", "m"], 2, "is a model, not a table"),
        (["fit", DATA, "-o", "m", "--contamination", "0.1"], 2, "is for --outliers"),
        (["fit", DATA, "-o", "m", "--outliers", "--loss", "huber"], 2, "--loss is not for"),
        (["fit", DATA, "-o", "m", "--outliers", "--epochs", "3"], 2, "--epochs is not for"),
        (["fit", DATA, "-o", "m", "--outliers", "--checkpoint", "c"], 2, "not for --outliers"),
        (["fit", DATA, "-o", "m", "--corruption-level", "0.1"], 2, "is for --corruption"),
        (["fit", DATA, "-o", "m", "--corruption", "salt"], 2, "salt"),
        (["impute", "detector.safetensors", DATA], 2, "fit one without --outliers"),
        (["fit", DATA, "-o", "m", "--resume"], 2, "--resume needs --checkpoint"),
        (["fit", DATA, "-o", "m", "--checkpoint", "m"], 2, "different files"),
        (["fit", DATA, "-o", "m", "-k", "0"], 1, "n_components=0"),
        (["fit", DATA, "-o", "m", "--epochs", "0"], 1, "max_iter=0"),
        (["fit", DATA, "-o", "m", "--outliers", "--contamination", "2"], 1, "contamination=2.0"),
        (
            ["fit", DATA, "-o", "m", "--loss", "binary_cross_entropy", "--scale", "none"],
            1,
            "between 0 and 1",
        ),
        (["fit", DATA, "-o", "m", "--learning-rate", "1e300"], 1, "too large"),
        (["fit", DATA, "-o", "no/such/m"], 1, "no/such/m: No such file or directory"),
        (["fit", DATA, "-o", "."], 1, "directory"),
        (["fit", "none.csv", "-o", "m"], 1, "none.csv: No such file or directory"),
        (["fit", "text.csv", "-o", "m"], 1, "column 'kind' (line 2: 'red'); leave out with --drop"),
        (["fit", DATA, "-o", "m", "-c", "x9"], 1, "no column 'x9'"),
        (["encode", DATA, MODEL], 2, "MODEL comes before DATA"),
        (["encode", MODEL, MODEL], 2, "is a model, not a table"),
        (["encode", "detector.safetensors", DATA], 2, "fit one without --outliers"),
        (["encode", "none", DATA], 1, "none: No such file or directory"),
        (["encode", "broken.safetensors", DATA], 1, "is not a saved model"),
        (["encode", MODEL, DATA, "-o", "c.xlsx"], 1, "must end in .csv"),
        (["encode", MODEL, DATA, "-o", "no/c.csv"], 1, "no/c.csv: No such file or directory"),
        (["encode", MODEL, "data.npy", "-c", "0,1"], 1, "and here are 2"),
        (["score", MODEL, DATA, "--top", "0"], 2, "--top 0"),
        (["demo", "-o", "no/such/folder/x.png", "--max-iter", "1"], 1, "No such file or directory"),
        (["demo", "--max-iter", "0"], 1, "max_iter=0"),
        (["demo", "--seed", "-1", "--max-iter", "1"], 1, "--seed=-1"),
        (["demo", "--data", "one.csv"], 1, "at least 8 and 2"),
        (["demo", "--max-iter", "1", "-o", "x.abc"], 1, "abc"),
    ],
)
def test_mistakes_end_in_one_line_and_leave_no_file(run, here, arguments, code, words):
    (here / "broken.safetensors").write_bytes(b"\0" * 100)
    (here / "one.csv").write_text("a\n1\n2\n")
    before = sorted(here.iterdir())
    found, _, error = run(*arguments)
    error = error.removeprefix(f"300 rows, {N_COLUMNS} columns\n")
    assert found == code
    assert words in error
    assert error.startswith("ae-core")
    assert error.count("\n") == 1
    assert ("--help" in error) == (code == 2)
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize("place", [["-o", "no/m"], ["-o", "m", "--checkpoint", "no/c"]])
def test_places_are_tried_before_a_long_fit(run, monkeypatch, place):
    monkeypatch.setattr(Autoencoder, "fit", raising(AssertionError("too late")))
    code, _, error = run("fit", DATA, *place)
    assert (code, error.count("\n")) == (1, 1)
    assert "No such file or directory" in error


def test_a_full_disk(run, here):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ae_core", "encode", MODEL, DATA],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "ae-core encode: No space left on device\n"


def raising(error):
    def fit(self, *arguments, **options):
        raise error

    return fit


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError("Unable to allocate 9 TiB"), 1, "out of memory (Unable to allocate 9 TiB)"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (FloatingPointError("the loss became\n infinite"), 1, "the loss became infinite"),
        (RuntimeError("odd"), 1, "failed with RuntimeError (odd); AE_CORE_TRACEBACK=1"),
    ],
)
def test_whatever_happens_in_a_fit(run, here, monkeypatch, error, code, words):
    monkeypatch.setattr(Autoencoder, "fit", raising(error))
    found, _, printed = run("fit", DATA, "-o", "m", "-q")
    assert (found, printed.count("\n")) == (code, 1)
    assert words in printed
    assert not os.path.exists("m")
    if isinstance(error, RuntimeError):
        monkeypatch.setenv("AE_CORE_TRACEBACK", "1")
        with pytest.raises(RuntimeError):
            main(["fit", DATA, "-o", "m", "-q"])


def test_warnings_are_one_line(run, monkeypatch):
    fit = Autoencoder.fit

    def fit_and_warn(self, *arguments, **options):
        warnings.warn("look\n  out", UserWarning, stacklevel=2)
        return fit(self, *arguments, **options)

    monkeypatch.setattr(Autoencoder, "fit", fit_and_warn)
    code, _, error = run("fit", DATA, "-o", "m", "--epochs", "2", "-q")
    assert (code, error) == (0, "ae-core fit: warning: look out\n")


def test_click_is_named_when_it_is_missing(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("ae_core.cli.main.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "click", None)
    assert main(["--version"]) == 1
    error = capsys.readouterr().err
    assert "pip install 'ae_core[cli]'" in error
    assert error.count("\n") == 1


# --- the demo ------------------------------------------------------------------------------------


def losses(printed):
    """Of the column mean, of PCA, and of the autoencoder."""
    return [
        float(line.split("%")[0].split()[-2])
        for line in printed.splitlines()
        if "of the mean's" in line
    ]


def test_demo_beats_pca_and_draws(run, here):
    pytest.importorskip("matplotlib")
    code, printed, _ = run("demo", "-o", "demo.png")
    assert code == 0
    mean, pca, own = losses(printed)
    assert own < 0.75 * pca < 0.75 * mean
    assert "Better than PCA" in printed
    assert "a 4" in printed  # the oddest digits are named
    assert (here / "demo.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("options", [[], ["-k", "2"], ["-k", "1"]])
def test_demo_of_ones_own_table(run, here, options):
    pytest.importorskip("matplotlib")
    code, printed, _ = run("demo", "--data", DATA, "-o", "demo.png", "--max-iter", "40", *options)
    assert code == 0
    assert "225 rows to learn from, 75 held out" in printed
    mean, _, own = losses(printed)
    assert own < mean
    assert (here / "demo.png").read_bytes().startswith(b"\x89PNG")


def test_demo_of_a_table_without_names_and_with_a_constant_column(run, here, frame):
    pytest.importorskip("matplotlib")
    X = np.column_stack([frame, np.ones(300), *[frame] * 3])  # 25 columns: too many to name
    np.save("wide.npy", X)
    code, printed, error = run("demo", "--data", "wide.npy", "-o", "d.png", "--max-iter", "5")
    assert (code, error) == (0, "")
    assert "column 3" in printed


@pytest.mark.parametrize(
    ("module", "extra"), [("sklearn.datasets", "all"), ("matplotlib.figure", "plot")]
)
def test_a_missing_extra_says_how_to_install_it(module, extra, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["demo"]) == 1
    assert f"pip install 'ae_core[{extra}]'" in capsys.readouterr().err


def test_import_is_light():
    code = (
        "import sys, ae_core, ae_core.cli.main; print([m for m in ('sklearn', 'matplotlib', 'pandas', "
        "'pyarrow', 'click', 'safetensors', 'scipy.optimize') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
