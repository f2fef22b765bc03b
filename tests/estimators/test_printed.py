"""Names of columns, categories and files from elsewhere: nothing printed holds what a terminal obeys."""

import warnings

import numpy as np
import pandas as pd
import pytest

from ae_core import (
    Autoencoder,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    Blocks,
    Checkpoint,
    Predictor,
    VariationalAutoencoder,
    diagnose,
    diagnose_data,
    load,
)

NAMES = {
    "a colour": "\x1b[31mred",
    "a title": "\x1b]0;owned\x07",
    "a line": "a\nae-core: all is well",
    "a return": "c\rfake",
    "backspaces": "a\x08\x08b",
    "one byte": "\x9b31m",
    "another way": "\u202egnp.exe",
    "a separator": "\u2028next",
    "no width": "\u200bzero",
    "a tag": "\U000e0041tag",
    "a next line": "\x85nel",
    "deleted": "\x7f",
    "a mark": "\ufeffbom",
}
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))


def lines_of(call):
    """Everything that a call says: what it gives as text, its error, its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            given = call()
        except Exception as error:  # whatever it is, it is what a user reads
            given = str(error)
    yield from (given if isinstance(given, str) else "").split("\n")
    for warning in caught:
        yield from str(warning.message).split("\n")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_is_printable(name, tmp_path, capfd):
    bad = NAMES[name]
    frame = pd.DataFrame(X, columns=[bad, f"q{bad}", "z"])
    mixed = frame.assign(kind=[bad, "y"] * 20)
    model = Autoencoder(2, max_iter=2, random_state=0)
    detector = AutoencoderOutlierDetector(n_steps=2, random_state=0)
    categories = Autoencoder(2, max_iter=2, columns="mixed", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(frame), detector.fit(frame), categories.fit(mixed)
    path = tmp_path / bad
    model.save(path)
    predictor = Predictor.load(path)
    broken = tmp_path / f"x{bad}"
    broken.write_bytes(b"x" * 100)
    checkpoint = tmp_path / f"c{bad}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Autoencoder(2, max_iter=2).fit(X, callbacks=[Checkpoint(checkpoint, every=1)])
    values = (np.nan, [bad] * 40, pd.date_range("2020", periods=40), 1j)
    wrong = [frame.assign(**{bad: value}) for value in values]
    calls = [
        *(lambda t=t, m=m: m.fit(t) for t in wrong for m in (
            Autoencoder(2, max_iter=1), Autoencoder(2, max_iter=1, columns="mixed"),
            Autoencoder(2, max_iter=1, missing_values="mask"), AutoencoderOutlierDetector(n_steps=1),
        )),
        *(lambda m=m: m.fit(wrong[1]) for m in (
            VariationalAutoencoder(2, max_iter=1), AutoencoderImputer(n_networks=1),
        )),
        *(lambda t=t: str(diagnose_data(t)) for t in wrong),
        lambda: model.score_samples(frame.iloc[:, ::-1]),
        lambda: detector.score_samples(frame.iloc[:, 1:]),
        lambda: model.transform(frame.assign(**{f"w{bad}": 1.0})),
        lambda: categories.transform(mixed.assign(kind=f"new{bad}")),
        lambda: model.fit(pd.concat([frame, frame], axis=1)),
        lambda: model.fit(X, covariates=frame.assign(**{bad: np.nan})),
        lambda: str(detector.diagnose(frame)),
        lambda: str(diagnose(model.network_, np.c_[X[:, :2], np.ones(40)], feature_names=[bad, "b", "c"])),
        lambda: repr(categories.encoding_),
        lambda: repr(predictor),
        lambda: predictor.score_samples(frame.iloc[:, :2]),
        lambda: predictor.score_samples({bad: ["x"], f"q{bad}": [1.0], "z": [2.0]}),
        lambda: predictor.score_samples([{f"{bad}new": 1.0}]),
        lambda: load(broken),
        lambda: Predictor.load(broken),
        lambda: Blocks(broken),
        lambda: Blocks(tmp_path / f"no{bad}*"),
        lambda: AutoencoderOutlierDetector.load(path),
        lambda: model.transform(frame, to=f"{bad}.what"),
        lambda: model.transform(frame, to=tmp_path / bad / "x.csv"),
        lambda: Autoencoder(3, max_iter=2).fit(X, resume_from=checkpoint),
        lambda: model.fit(X, resume_from=path),
        *(lambda p=p: Autoencoder(2, **{p: bad}).fit(X) for p in ("loss", "scale", "solver", "dtype", "columns")),
    ]  # fmt: skip
    n_lines = 0
    for call in calls:
        for line in lines_of(call):
            assert line.isprintable(), line
            assert not line.startswith(("ae-core: all", "next", "nel")), line  # which a name begins
            n_lines += bool(line)
    assert n_lines > 40
    for line in "".join(capfd.readouterr()).replace("\r", "\n").split("\n"):
        assert line.isprintable(), line
