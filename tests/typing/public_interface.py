"""All that is public, used as a typed program would: ``mypy --strict`` passes on this, and it runs."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import ae_core
from ae_core import (
    SGD,
    Adam,
    AdamW,
    Architecture,
    Autoencoder,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    Blocks,
    Checkpoint,
    CodeDisplay,
    DataReport,
    Diagnosis,
    GradientCheck,
    History,
    ImputationDisplay,
    LossCurveDisplay,
    ModelFileError,
    Network,
    NonFiniteLossError,
    NotLearningWarning,
    OutlierDisplay,
    Predictor,
    Progress,
    ReconstructionDisplay,
    RMSprop,
    VariationalAutoencoder,
    check_gradient,
    diagnose,
    diagnose_data,
    errors_by_lag,
    load,
    reference,
    scores_over_time,
    train,
    windows,
)
from ae_core.data.rows import Rows
from ae_core.diagnosis.gradient_findings import ArrayCheck, CaseCheck
from ae_core.formulas.solvers import Solver, SolverState
from ae_core.training.progress import Callback, TrainingState

Array = NDArray[Any]


def architectures() -> Architecture:
    architecture = Architecture((6, 4, 6), activations=["tanh", "identity"], alpha=1e-3)
    assert_type(architecture.layer_sizes[0], int)
    assert_type(architecture.n_features, int)
    assert_type(architecture.n_components, int)
    assert_type(architecture.n_params, int)
    assert_type(architecture.code_layer, int)
    for block in architecture.blocks:
        assert_type(block.name, str)
        assert_type(block.shape, tuple[int, ...])
    assert Architecture.from_json(architecture.to_json()) == architecture
    return Architecture.symmetrical((6, 4, 2), activation="tanh", tied=True)


def networks(X: Array, network_class: type[reference.Network]) -> reference.Network:
    network = network_class(
        architectures(), dtype="float64", initialization="glorot", random_state=0, n_threads=1
    )
    assert_type(network.params, Array)
    assert_type(network.weights, dict[str, Array])
    code = network.encode(X)
    assert_type(code, Array)
    assert_type(network.decode(code), Array)
    assert_type(network.forward(Rows(X, factor=np.full(6, 0.5), sample_weight=[1] * 40)), Array)
    assert_type(network.reconstruction_errors(X), Array)
    assert_type(network.decoding_errors(code, X), Array)
    assert_type(network.feature_errors(X), Array)
    assert_type(network.loss(X, params=network.params), float)
    loss, gradient = network.loss_and_gradient(X)
    assert_type(loss, float)
    assert_type(gradient, Array)

    solver: Solver = SGD(1e-2, momentum=0.9, nesterovs_momentum=True)
    state: SolverState = solver.start(network.params)
    losses = network.train_steps(X, np.arange(40), 20, solver, state, np.full(2, 1e-2))
    assert_type(losses, Array)

    variational = network_class(
        Architecture.symmetrical((6, 4, 2), code_activation="identity", variational=True),
        random_state=0,
    )
    assert_type(variational.posterior(X), tuple[Array, Array])
    assert_type(variational.bound(X, n_draws=2), Array)
    return network


def training(network: reference.Network, X: Array) -> History:
    states: list[TrainingState] = []

    def watch(progress: Progress) -> bool:
        assert_type(progress.n_iter, int)
        assert_type(progress.loss, float)
        assert_type(progress.validation_loss, float | None)
        states.append(progress.state())
        return progress.n_iter >= 3

    callback: Callback = watch
    solvers: list[str | Solver] = ["lbfgs", Adam(1e-2, clip_norm=1.0), AdamW(), RMSprop(rho=0.8)]
    train(network, X, solver=solvers[0], max_iter=2)
    train(network, X, solver=solvers[1], batch_size=10, callback=callback, random_state=0)
    try:
        return train(
            network,
            X,
            solver=solvers[1],
            batch_size=10,
            max_iter=5,
            learning_rate="constant",
            X_val=X[:5],
            keep_best=True,
            tol=1e-4,
            n_iter_no_change=3,
            random_state=np.random.default_rng(0),
        )
    except NonFiniteLossError as error:
        raise SystemExit(str(error)) from error


def checks(network: reference.Network, X: Array, history: History) -> None:
    def cost(w: Array, X: Array) -> tuple[float, Array]:
        return float(((X @ w) ** 2).sum()), 2 * X.T @ (X @ w)

    for check in (check_gradient(network, X=X), check_gradient(cost, np.ones(6), X)):
        assert_type(check, GradientCheck)
        assert_type(check.passed, bool)
        assert_type(check.findings, list[str])
        assert_type(check.arrays, dict[str, ArrayCheck])
        assert_type(check.cases, list[CaseCheck])

    assert_type(history.loss_curve, list[float])
    assert_type(history.validation_loss_curve, list[float])
    assert_type(history.n_iter, int)
    diagnosis = diagnose(network, X, history=history, feature_names=list("abcdef"))
    assert_type(diagnosis, Diagnosis)
    assert_type(diagnosis.ok, bool)
    assert_type(diagnosis.to_dict(), dict[str, Any])
    for finding in diagnosis.warnings:
        assert_type(finding.name, str)


def estimators(X: Array, folder: Path) -> None:
    path = folder / "model.safetensors"
    model = Autoencoder(2, hidden_layer_sizes=(8,), max_iter=4, random_state=0, n_threads=1)
    checkpoint = Checkpoint(folder / "fit.ckpt", every=2)
    fitted = model.fit(X, X_val=X[:5], sample_weight=[1.0] * 40, callbacks=[checkpoint])
    assert_type(fitted, Autoencoder)
    assert_type(model.fit(X, sample_weight=[1.0] * 40, X_val=X[:5]).n_iter_, int)
    model.partial_fit(X)
    conditional = Autoencoder(2, max_iter=1, random_state=0, n_threads=1)
    assert_type(conditional.fit(X, covariates=X[:, :1]), Autoencoder)
    assert_type(conditional.transform(X, covariates=X[:, :1]), Array)
    assert_type(conditional.reconstruct(X, covariates=X[:, :1], normalized=True), Any)
    code = model.transform(X)
    assert_type(code, Array)
    assert_type(model.inverse_transform(code), Any)  # an array, or a frame beside a frame
    assert_type(model.reconstruct(X), Any)
    assert_type(model.score_samples(X), Array)
    assert_type(model.score(X), float)
    assert_type(model.feature_errors(X), Any)
    assert_type(model.coefs_, list[Array])
    assert_type(model.intercepts_, list[Array])
    assert_type(model.loss_curve_, list[float])
    assert_type(model.validation_loss_curve_, list[float])
    assert_type(model.best_loss_, float)
    assert_type(model.diagnose(X), Diagnosis)
    assert_type(diagnose_data(X), DataReport)
    model.save(path)
    assert_type(Autoencoder.load(path), Autoencoder)

    variational = VariationalAutoencoder(2, beta=0.5, max_iter=2, random_state=0).fit(X)
    assert_type(variational, VariationalAutoencoder)
    assert_type(variational.sample(3, random_state=0), Any)
    assert_type(variational.sample_posterior(X, random_state=0), Array)
    assert_type(variational.score_samples(X, n_draws=2), Array)
    assert_type(variational.score(X), float)

    detector = AutoencoderOutlierDetector(n_steps=5, random_state=0, n_threads=1).fit(X)
    assert_type(detector, AutoencoderOutlierDetector)
    assert_type(detector.predict(X), Array)
    assert_type(detector.score_samples(X), Array)
    assert_type(detector.decision_function(X), Array)
    assert_type(detector.explain(X), Any)
    assert_type(detector.p_values(X), Array)
    blocks = Blocks(X, block_size=20)
    assert_type(blocks.n_rows, int | None)
    assert sum(len(block) for block in detector.explain(blocks)) == len(X)
    detector.score_samples(blocks, to=path.with_suffix(".npy"))
    assert_type(detector.partial_fit(X), AutoencoderOutlierDetector)
    assert_type(detector.drift(X).p_value, float)
    assert_type(detector.predict_proba(X, method="unify"), Array)
    detector.save(path)
    assert_type(AutoencoderOutlierDetector.load(path), AutoencoderOutlierDetector)
    assert isinstance(load(path), AutoencoderOutlierDetector)

    predictor = assert_type(Predictor.load(path), Predictor)
    assert_type(predictor.score_samples(X), Array)

    imputer = AutoencoderImputer(np.nan, n_networks=1, sample_posterior=True, n_threads=1).fit(X)
    assert_type(imputer, AutoencoderImputer)
    assert_type(imputer.transform(X), Any)
    assert_type(imputer.sample(X, n_imputations=2), list[Any])
    assert_type(imputer.get_feature_names_out(), Array)
    imputer.save(path)
    assert_type(AutoencoderImputer.load(path), AutoencoderImputer)
    path.write_bytes(b"")
    try:
        load(path)
    except ModelFileError as error:
        assert_type(str(error), str)


def series(X: Array) -> None:
    table = windows(X, width=3, step=2)
    scores = Autoencoder(2, max_iter=2, random_state=0).fit(table).feature_errors(table)
    assert_type(scores_over_time(scores, 3, 2, n_times=len(X)), Array)
    assert_type(errors_by_lag(scores, 3), Array)


def displays(X: Array) -> None:
    model = Autoencoder(2, max_iter=2, random_state=0).fit(X)
    assert_type(LossCurveDisplay.from_estimator(model, X), LossCurveDisplay)
    assert_type(
        LossCurveDisplay.from_predictions([2.0, 1.0], X=X, n_components=2), LossCurveDisplay
    )
    assert_type(ReconstructionDisplay.from_estimator(model, X), ReconstructionDisplay)
    assert_type(CodeDisplay.from_estimator(model, X), CodeDisplay)
    assert_type(OutlierDisplay.from_estimator(model, X, kind="both"), OutlierDisplay)
    missing = np.where(X > 0.9, np.nan, X)
    assert_type(ImputationDisplay.from_predictions(missing, X, X_true=X), ImputationDisplay)


def main(folder: Path) -> None:
    assert_type(ae_core.__version__, str)
    assert issubclass(NotLearningWarning, UserWarning)
    X = np.random.default_rng(0).random((40, 6))
    for network_class in (reference.Network, Network):
        network = networks(X, network_class)
        checks(network, X, training(network, X))
    estimators(X, folder)
    series(X)
    if find_spec("matplotlib") is not None:
        displays(X)
