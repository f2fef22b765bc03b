"""Fitted autoencoders as modules of PyTorch, and back."""

import sys

import numpy as np
import pandas as pd
import pytest

from ae_core import Autoencoder, VariationalAutoencoder
from ae_core.basics.extras import MissingExtraError
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.losses import LOSSES

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

N = 80


def numbers(seed=0, missing=False):
    random = np.random.default_rng(seed)
    X = random.normal(size=(N, 2)) @ random.normal(size=(2, 6)) * 3 + 5
    if missing:
        X[random.random(X.shape) < 0.2] = np.nan
        X[0] = np.nan
    return X


def test_without_torch_one_line_says_what_to_install(monkeypatch):
    model = Autoencoder(2, max_iter=3, random_state=0).fit(numbers())
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("ae_core.basics.extras.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ae_core\[torch\]'") as caught:
        model.to_torch()
    assert "\n" not in str(caught.value)


def test_what_is_no_such_module_is_refused():
    with pytest.raises(ValueError, match="module=3"):
        Autoencoder.from_torch(3)


def check(model, X, rows, **kind):
    torch = pytest.importorskip("torch")
    model.set_params(random_state=0, n_threads=1).fit(X)
    module = model.to_torch()
    assert {name: tuple(each.shape) for name, each in module.named_parameters()} == {
        name: each.shape for name, each in model.network_.weights.items()
    }
    encoded = rows if model.encoding_ is None else model.encoding_.encode(rows)
    given = torch.from_numpy(encoded)
    tolerance = {"rtol": 1e-9, "atol": 1e-9} if model.network_.dtype == np.float64 else {
        "rtol": 1e-4, "atol": 1e-4}  # fmt: skip
    with torch.no_grad():
        code = module.transform(given)
        np.testing.assert_allclose(code.numpy(), model.transform(rows), **tolerance)
        if model.encoding_ is None:
            X_hat = model.reconstruct(rows)
            np.testing.assert_allclose(module(given).numpy(), X_hat, **tolerance)
            np.testing.assert_allclose(module.inverse_transform(code).numpy(), X_hat, **tolerance)
        if isinstance(model, Autoencoder):
            scores = module.score_samples(given).numpy()
            np.testing.assert_allclose(scores, model.score_samples(rows), **tolerance)
    again = type(model).from_torch(module)
    np.testing.assert_array_equal(again.transform(rows), model.transform(rows))
    assert again.get_params() == model.get_params()
    return module


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation):
    check(
        Autoencoder(2, hidden_layer_sizes=(5,), activation=activation, max_iter=3),
        numbers(),
        numbers(1),
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss):
    is_plain = LOSSES[loss].from_logits is None
    is_count = loss in ("poisson", "multinomial", "negative_binomial")

    def make(seed):
        X = numbers(seed)
        return X if is_plain else np.floor(np.abs(X)) if is_count else np.abs(X) / np.abs(X).max()

    scale = "standard" if is_plain else None
    check(Autoencoder(2, loss=loss, scale=scale, size_factors=None, max_iter=5), make(0), make(1))


@pytest.mark.parametrize("loss", ["poisson", "multinomial", "negative_binomial"])
@pytest.mark.parametrize("size_factors", ["auto", "row_sum"])
def test_counts_divided_by_their_sums_are_refused(loss, size_factors):
    counts = np.random.default_rng(0).poisson(4.0, (N, 6))
    model = Autoencoder(2, loss=loss, size_factors=size_factors, max_iter=3, random_state=0)
    with pytest.raises(ValueError, match=r"^size_factors='row_sum' can't be exported: .*=None$"):
        model.fit(counts).to_torch()


@pytest.mark.parametrize(
    "options",
    [
        {"tied": True},
        {"scale": "minmax", "loss": "binary_cross_entropy"},
        {"k_sparse": 2, "n_components": 4},
        {"feature_weights": (1, 2, 0, 1, 3, 1)},
        {"dtype": "float32"},
    ],
)
def test_options(options):
    check(Autoencoder(**{"n_components": 2, "max_iter": 3, **options}), numbers(), numbers(1))


def test_variational_missing_and_mixed():
    check(VariationalAutoencoder(2, max_iter=3, tied=True), numbers(), numbers(1))
    check(Autoencoder(2, missing_values="mask", max_iter=3), numbers(0, True), numbers(1, True))
    frame = pd.DataFrame(numbers()[:, :2], columns=["a", "b"])
    frame["kind"] = np.where(frame.a > 4, "oak", "ash")
    check(Autoencoder(2, columns="mixed", max_iter=3), frame, frame[::-1].reset_index(drop=True))


def test_what_was_trained_on_in_torch_comes_back():
    torch = pytest.importorskip("torch")
    X = numbers()
    model = Autoencoder(2, max_iter=3, random_state=0).fit(X)
    module = model.to_torch()
    steps = torch.optim.Adam(module.parameters(), lr=1e-2)
    given = torch.from_numpy(X)
    for _ in range(20):
        steps.zero_grad()
        loss = -module.score_samples(given).mean()
        loss.backward()
        steps.step()
    again = Autoencoder.from_torch(module)
    assert again.score(X) > model.score(X)
    np.testing.assert_allclose(again.score(X), module.score_samples(given).mean().item(), rtol=1e-9)
    with torch.no_grad():
        module.W1[0, 0] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        Autoencoder.from_torch(module)


def test_the_gradient_is_the_networks():
    torch = pytest.importorskip("torch")
    X = numbers()
    model = Autoencoder(2, scale=None, max_iter=3, random_state=0, alpha=0).fit(X)
    module = model.to_torch()
    (-module.score_samples(torch.from_numpy(X)).mean()).backward()
    gradient = model.network_.architecture.views(model.network_.loss_and_gradient(X)[1])
    for name, parameter in module.named_parameters():
        np.testing.assert_allclose(parameter.grad.numpy(), gradient[name], rtol=1e-7, atol=1e-9)
