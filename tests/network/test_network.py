"""Both twins: passes against formulas, finite differences and each other."""

import numpy as np
import pytest
from conftest import every_architecture, random_data

from ae_core import Architecture
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.losses import LOSSES

STEP = 1e-5


def central_differences(network, X, h=STEP):
    """The gradient of the network's loss, one parameter at a time."""
    gradient = np.empty_like(network.params)
    for i in range(len(gradient)):
        up, down = network.params.copy(), network.params.copy()
        up[i] += h
        down[i] -= h
        gradient[i] = (network.loss(X, params=up) - network.loss(X, params=down)) / (
            up[i] - down[i]
        )
    return gradient


def is_near_kink(network, X):
    """Whether a step of central differences could cross a kink (relu at 0, |d| at 0 or 1)."""
    architecture = network.architecture
    H = X
    for (W, b), name in zip(
        architecture.layers(network.params), architecture.activations, strict=True
    ):
        Z = H @ W if b is None else H @ W + b
        if np.abs(Z).min() < 100 * STEP:
            return True
        H = ACTIVATIONS[name].function(Z) if name in ACTIVATIONS else Z  # an output without kinks
    d = np.abs(H - X)
    return min(d.min(), np.abs(d - 1).min()) < 100 * STEP


def smooth_case(network_class, architecture, n_samples=4):
    """A network and data with no kink nearby."""
    for seed in range(100):
        X = random_data(architecture, n_samples, seed)
        network = network_class(architecture, random_state=seed)
        network.params += np.random.default_rng(seed).normal(0, 0.2, network.params.shape)
        if not is_near_kink(network, X):
            return network, X
    raise AssertionError(f"no smooth case for {architecture}")


def test_gradient_agrees_with_central_differences_everywhere(network_class):
    n_cases = 0
    for architecture in every_architecture():
        network, X = smooth_case(network_class, architecture)
        loss, gradient = network.loss_and_gradient(X)
        numeric = central_differences(network, X)
        error = np.linalg.norm(gradient - numeric) / np.linalg.norm(numeric)
        assert error < 1e-7, architecture
        assert loss == pytest.approx(network.loss(X), rel=1e-14)
        n_cases += 1
    assert n_cases >= 2 * 5 * len(ACTIVATIONS) * len(LOSSES)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_derivative_in_terms_of_output(name):
    z = np.concatenate([np.linspace(-6, 6, 97) + 0.013, [-40.0, 40.0, -800.0, 800.0]])
    function, derivative, curvature = ACTIVATIONS[name]
    h = 1e-6
    for before, after in ((function, derivative), (lambda z: derivative(function(z)), curvature)):
        numeric = (before(z + h) - before(z - h)) / ((z + h) - (z - h))
        np.testing.assert_allclose(after(function(z)), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_keep_dtype_and_stay_finite(name, dtype):
    z = np.array([-1e4, -1.0, 0.0, 1.0, 1e4], dtype=dtype)
    function, derivative, curvature = ACTIVATIONS[name]
    a = function(z)
    assert a.dtype == derivative(a).dtype == curvature(a).dtype == dtype
    assert np.isfinite(a).all()
    assert np.isfinite(derivative(a)).all()
    assert np.isfinite(curvature(a)).all()
    assert (np.diff(a) >= 0).all()


def test_binary_cross_entropy_keeps_small_values_at_large_logits():
    function = LOSSES["binary_cross_entropy"].function
    z = np.array([40.0, -40.0, 800.0, -800.0])
    x = np.array([1.0, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(function(x, z), [np.exp(-40), np.exp(-40), 800, 800], rtol=1e-12)


def test_forward_is_the_formula(network_class):
    architecture = Architecture((3, 2, 3), ("tanh", "identity"))
    network = network_class(architecture, random_state=1)
    X = random_data(architecture, 5)
    W = network.weights
    code = np.tanh(X @ W["W1"] + W["b1"])
    X_hat = code @ W["W2"] + W["b2"]
    np.testing.assert_allclose(network.encode(X), code, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(network.forward(X), X_hat, rtol=1e-13, atol=1e-15)
    errors = 0.5 * ((X - X_hat) ** 2).sum(axis=1)
    np.testing.assert_allclose(network.reconstruction_errors(X), errors, rtol=1e-12)
    assert network.loss(X) == pytest.approx(errors.mean(), rel=1e-13)


def test_decode_of_encode_is_forward(network_class):
    for architecture in every_architecture():
        network = network_class(architecture, random_state=0)
        X = random_data(architecture, 3)
        np.testing.assert_allclose(
            network.decode(network.encode(X)), network.forward(X), rtol=1e-12, atol=1e-14
        )


def test_float32_agrees_with_float64_and_stays_float32(network_class):
    for architecture in every_architecture():
        double = network_class(architecture, random_state=0)
        single = network_class(architecture, double.params, dtype=np.float32)
        X = random_data(architecture, 4)
        loss, gradient = single.loss_and_gradient(X)
        exact_loss, exact_gradient = double.loss_and_gradient(X)
        assert loss == pytest.approx(exact_loss, rel=1e-4)
        if "absolute_error" not in architecture.loss:  # sign(0 ± rounding) may differ
            error = np.linalg.norm(gradient - exact_gradient)
            assert error <= 1e-4 * np.linalg.norm(exact_gradient), architecture
        for result in (gradient, single.forward(X), single.encode(X), single.params):
            assert result.dtype == np.float32


def test_same_seed_same_parameters(network_class):
    architecture = Architecture((6, 3, 6))
    for method in ("glorot", "he", "uniform"):
        a, b = (
            network_class(architecture, initialization=method, random_state=seed).params
            for seed in (7, np.random.default_rng(7))
        )
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(
            a, network_class(architecture, initialization=method, random_state=8).params
        )


def test_initializations_have_their_spread():
    architecture = Architecture((400, 300, 400))
    from ae_core.network.initialization import initial_params

    def weights(method):
        params = initial_params(architecture, method, 0)
        assert (architecture.views(params)["b1"] == 0).all()
        return architecture.views(params)["W1"]

    assert np.abs(weights("glorot")).max() == pytest.approx(np.sqrt(6 / 700), rel=1e-3)
    assert weights("he").std() == pytest.approx(np.sqrt(2 / 400), rel=1e-2)
    uniform = weights("uniform")
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert uniform.mean() == pytest.approx(0.5, abs=0.01)


def test_given_parameters_are_used_in_place(network_class):
    architecture = Architecture((3, 2, 3))
    params = np.full(architecture.n_params, 0.25)
    network = network_class(architecture, params)
    assert network.params is params
    network.weights["W1"][0, 0] = 2.0
    assert params[0] == 2.0


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.ones(4), ["X has shape (4,)", "reshape(1, -1)"]),
        (np.ones((2, 2, 2)), ["X has shape (2, 2, 2)"]),
        (np.ones((2, 5)), ["X has 5 features", "has 4"]),
        (np.ones((0, 4)), ["(0, 4)", "at least one sample"]),
        (np.array([["a"] * 4]), ["X has dtype", "real numbers"]),
        (np.ones((2, 4), dtype=complex), ["complex128", "real numbers"]),
        (np.array([[1.0, 2, 3, 4], [1, np.nan, 3, np.inf]]), ["X[1, 1] is nan", "2 such entries"]),
        (np.array([[1.0, 2, 3, -np.inf]]), ["X[0, 3] is -inf"]),
    ],
)
def test_wrong_data_is_named(network_class, X, words):
    network = network_class(Architecture((4, 2, 4)), random_state=0)
    for method in (network.forward, network.encode, network.loss, network.loss_and_gradient):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            method(X)
        for word in words:
            assert word in str(caught.value)


def test_values_too_large_for_float32_are_named(network_class):
    network = network_class(Architecture((2, 1, 2)), dtype="float32", random_state=0)
    with pytest.raises(ValueError, match=r"X has 1e\+300 in column 1.*float32"):
        network.forward([[1.0, 1e300]])


def test_large_finite_values_are_accepted(network_class):
    network = network_class(Architecture((2, 1, 2), "tanh"), random_state=0)
    assert np.isfinite(network.forward(np.full((3, 2), 1e308))).all()


def test_cross_entropy_wants_data_between_0_and_1(network_class):
    network = network_class(Architecture((2, 1, 2), loss="binary_cross_entropy"), random_state=0)
    with pytest.raises(ValueError, match=r"values from -1 to 3.*between 0 and 1"):
        network.loss([[-1.0, 3.0]])
    assert np.isfinite(network.forward([[-1.0, 3.0]])).all()  # nothing is compared with it there


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"params": np.zeros(3)}, ["params has shape (3,)", "(22,)"]),
        ({"params": ["a"]}, ["params has dtype"]),
        ({"dtype": "float16"}, ["dtype='float16'", "float32 or float64"]),
        ({"dtype": "nonsense"}, ["dtype='nonsense'"]),
        ({"initialization": "zeros"}, ["initialization='zeros'", "glorot"]),
        ({"random_state": "x"}, ["random_state='x'", "integer"]),
        ({"random_state": -1}, ["random_state=-1"]),
    ],
)
def test_wrong_arguments_are_named(network_class, arguments, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        network_class(Architecture((4, 2, 4)), **arguments)
    for word in words:
        assert word in str(caught.value)
    with pytest.raises(ValueError, match=r"must be an ae_core\.Architecture"):
        network_class((4, 2, 4))


def test_decode_names_the_code(network_class):
    network = network_class(Architecture((4, 2, 4)), random_state=0)
    with pytest.raises(ValueError, match="code has 4 components: this network has 2"):
        network.decode(np.ones((1, 4)))


def test_memory_order_and_kind_of_input_do_not_matter(network_class, tmp_path):
    architecture = Architecture((5, 3, 5))
    network = network_class(architecture, random_state=0)
    X = random_data(architecture, 7)
    expected = network.loss_and_gradient(X)[1]
    mapped = np.memmap(tmp_path / "X", dtype=X.dtype, mode="w+", shape=X.shape)
    mapped[...] = X
    mapped.flush()
    read_only = X.copy()
    read_only.flags.writeable = False
    wide = np.zeros((14, 10))
    wide[::2, ::2] = X
    for same in (np.asfortranarray(X), wide[::2, ::2], read_only, mapped, X.tolist()):
        np.testing.assert_allclose(network.loss_and_gradient(same)[1], expected, rtol=1e-12)


def test_integers_are_data_too(network_class):
    network = network_class(Architecture((3, 2, 3)), random_state=0)
    X = np.array([[1, 0, 2], [3, 1, 0]])
    assert network.loss(X) == pytest.approx(network.loss(X.astype(float)), rel=1e-15)
