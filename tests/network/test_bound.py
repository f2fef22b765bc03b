"""Variational codes: divergences and bounds, against Monte Carlo, closed forms and integrals."""

import numpy as np
import pytest
from scipy import stats
from test_family import of

from ae_core import SGD, Adam, Architecture, train
from ae_core.formulas import latent as codes
from ae_core.formulas import noise
from ae_core.formulas.noise import Draw

N_FEATURES, N_COMPONENTS = 6, 2
HALF_LOG_2_PI = 0.5 * np.log(2 * np.pi)


def linear(network_class, random_state=0):
    """A network whose model is x = z W + b + ε, with z and ε standard normal."""
    sizes = (N_FEATURES, N_COMPONENTS)
    architecture = Architecture.symmetrical(sizes, activation="identity", variational=True)
    return network_class(architecture, random_state=random_state)


def log_likelihood(net, X):
    """Of x ~ N(b, W.T W + I), up to the same constant as the loss's: (m,)."""
    W, b = net.weights["W2"], net.weights["b2"]
    normal = stats.multivariate_normal(b, W.T @ W + np.eye(N_FEATURES))
    return normal.logpdf(X) + N_FEATURES * HALF_LOG_2_PI


def with_orthogonal_decoder(network_class):
    """A model whose posterior has no correlations, and the posterior as its encoder."""
    net, random = linear(network_class), np.random.default_rng(0)
    W = np.linalg.qr(random.normal(size=(N_FEATURES, N_COMPONENTS)))[0].T * [[2.0], [0.7]]
    precision = (W**2).sum(axis=1) + 1  # of z given x, by Bayes' theorem
    net.weights["W2"][...], net.weights["b2"][...] = W, random.normal(size=N_FEATURES)
    net.weights["W1"][...] = np.hstack([W.T / precision, np.zeros((N_FEATURES, N_COMPONENTS))])
    mean = -net.weights["b2"] @ W.T / precision
    net.weights["b1"][...] = np.concatenate([mean, -np.log(precision)])
    X = random.normal(size=(40, N_COMPONENTS)) @ W + net.weights["b2"]
    return net, X + random.normal(size=X.shape)


def mean_bound(net, X, n_draws=1, n_keys=2_000):
    """The bound's mean over keys, and the standard error of that: (m,) each."""
    bounds = [net.bound(X, n_draws=n_draws, noise_key=key) for key in range(n_keys)]
    return np.mean(bounds, axis=0), np.std(bounds, axis=0) / np.sqrt(n_keys)


def test_the_divergence_is_that_of_monte_carlo():
    mean, log_variance = np.array([[0.3, -1.2, 0.0]]), np.array([[-1.0, 0.5, 0.0]])
    epsilon = noise.normals(Draw(1, np.arange(200_000)), noise.SAMPLE, 3)
    Z = codes.sample(mean, log_variance, epsilon)
    zeros = np.zeros_like(mean)
    ratios = codes.log_normal(Z, mean, log_variance) - codes.log_normal(Z, zeros, zeros)
    around = 5 * ratios.std() / np.sqrt(len(Z))
    assert codes.divergence(mean, log_variance)[0] == pytest.approx(ratios.mean(), abs=around)
    assert codes.divergence(zeros, zeros)[0] == 0


def test_log_normal_is_scipys():
    Z, mean, log_variance = np.random.default_rng(0).normal(size=(3, 5, 4))
    expected = stats.norm.logpdf(Z, mean, np.exp(log_variance / 2)).sum(axis=1)
    np.testing.assert_allclose(codes.log_normal(Z, mean, log_variance), expected, rtol=1e-12)


@pytest.mark.parametrize("n_draws", [2, 3, 10])
def test_with_the_exact_posterior_every_draw_gives_the_likelihood(network_class, n_draws):
    net, X = with_orthogonal_decoder(network_class)
    bound = net.bound(X, n_draws=n_draws, noise_key=5)
    np.testing.assert_allclose(bound, log_likelihood(net, X), rtol=1e-10)


def test_with_the_exact_posterior_the_bound_is_tight(network_class):
    net, X = with_orthogonal_decoder(network_class)
    mean, error = mean_bound(net, X)
    assert (np.abs(mean - log_likelihood(net, X)) < 5 * error).all()


def test_the_bound_of_one_draw_is_its_closed_form(network_class):
    """Of a linear model: -½ ‖x - b - μ W‖² - ½ Σ σ_j² ‖W_j‖² - KL, in the mean over draws."""
    net, X = with_orthogonal_decoder(network_class)
    net.params += np.random.default_rng(1).normal(0, 0.1, net.params.shape)
    mu, log_variance = net.posterior(X)
    W, b = net.weights["W2"], net.weights["b2"]
    expected = -0.5 * ((X - b - mu @ W) ** 2).sum(axis=1)
    expected -= 0.5 * np.exp(log_variance) @ (W**2).sum(axis=1)
    expected -= codes.divergence(mu, log_variance)
    mean, error = mean_bound(net, X)
    assert (np.abs(mean - expected) < 5 * error).all()
    assert (expected < log_likelihood(net, X)).all()


def test_more_draws_bring_the_bound_nearer_to_the_likelihood(network_class):
    net, X = with_orthogonal_decoder(network_class)
    net.weights["W1"][...] *= 0.7  # a poor posterior
    net.weights["b1"][...] += 0.3
    exact = log_likelihood(net, X).mean()
    bounds = [mean_bound(net, X, n, n_keys=2_000 // n)[0].mean() for n in (1, 4, 20, 200)]
    assert (np.diff(bounds) > 0).all()
    assert bounds[0] < exact - 0.1
    assert bounds[-1] == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "softmax_cross_entropy"])
def test_the_bound_of_discrete_data_tends_to_the_integral(network_class, loss):
    """Log Σ over a grid of z of p(z) p(x | z) dz, with a code of one number."""
    family = of((5, 4, 1), loss=loss, variational=True, code_activation="identity")
    net = family.network(network_class)
    for name in ("W2", "b2"):  # the posterior is near to the prior, which every z is likely under
        net.weights[name][...] *= 0.3
    X = np.eye(5)[[0, 1, 3]]
    z = np.linspace(-8, 8, 2_001)
    log_p = np.stack([net.decoding_errors(z[:, None], np.tile(x, (len(z), 1))) for x in X])
    exact = np.log((np.exp(-log_p) * stats.norm.pdf(z)).sum(axis=1) * (z[1] - z[0]))
    np.testing.assert_allclose(net.bound(X, n_draws=2_000), exact, atol=0.05)
    mean, error = mean_bound(net, X, n_keys=500)
    assert (mean < exact + 3 * error).all()


def test_a_trained_linear_model_is_probabilistic_pca(network_class):
    """Tipping & Bishop 1999, with noise of variance 1; the bound comes within 1 % of it."""
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 2)) @ random.normal(size=(2, N_FEATURES))
    X += random.normal(size=X.shape) + random.normal(size=N_FEATURES)
    values, vectors = np.linalg.eigh(np.cov(X.T, bias=True))
    best = linear(network_class)
    top = np.sqrt(np.maximum(values[-N_COMPONENTS:] - 1, 0))
    best.weights["W2"][...] = (vectors[:, -N_COMPONENTS:] * top).T
    best.weights["b2"][...] = X.mean(axis=0)
    highest = log_likelihood(best, X).mean()

    net = linear(network_class)
    net.params *= 0.1
    train(net, X, solver=Adam(0.03), learning_rate="cosine", max_iter=2_000, random_state=0)
    bounds, errors = mean_bound(net, X, n_keys=200)
    bound, exact = bounds.mean(), log_likelihood(net, X).mean()
    around = 5 * np.sqrt((errors**2).sum()) / len(X)  # the gap is smaller than that
    assert bound < exact + around
    assert exact < highest + 1e-9
    assert exact == pytest.approx(highest, rel=1e-4)
    assert bound == pytest.approx(exact, rel=0.01)


def test_the_loss_is_the_bound_turned_over(network_class):
    """With β = 1 their means over draws are the same; β and annealing weigh the divergence."""
    net, X = with_orthogonal_decoder(network_class)
    losses = [net.loss(X, noise_key=key) for key in range(3_000)]
    mean, _ = mean_bound(net, X)
    around = 5 * np.std(losses) / np.sqrt(len(losses))
    assert np.mean(losses) == pytest.approx(-mean.mean(), abs=2 * around)
    divergence = codes.divergence(*net.posterior(X)).mean()
    free = of((N_FEATURES, N_COMPONENTS), activation="identity", variational=True, beta=0.0)
    reconstruction = network_class(free.architecture, net.params).loss(X, noise_key=3)
    for beta in (0.5, 4.0):
        options = {"activation": "identity", "variational": True, "beta": beta}
        weighed = network_class(of((N_FEATURES, N_COMPONENTS), **options).architecture, net.params)
        assert weighed.loss(X, noise_key=3) == pytest.approx(reconstruction + beta * divergence)
        state, factors = SGD().start(net.params), np.array([0.0, 0.25, 1.0])
        steps = SGD(), state, np.zeros(3), np.full(3, 3, np.uint64), factors
        curve = weighed.train_steps(X, np.tile(np.arange(40), 3), 40, *steps)
        np.testing.assert_allclose(curve, reconstruction + beta * factors * divergence)


def test_what_has_no_distribution_says_so(network_class):
    net = of().network(network_class)
    X = of().rows()
    for call in (net.posterior, net.bound):
        with pytest.raises(ValueError, match="this network is not variational"):
            call(X)
    net = linear(network_class)
    for n_draws in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match=r"n_draws=.*at least 1"):
            net.bound(np.zeros((2, N_FEATURES)), n_draws=n_draws)
    with pytest.raises(ValueError, match="code has 3 rows, and X has 2"):
        net.decoding_errors(np.zeros((3, N_COMPONENTS)), np.zeros((2, N_FEATURES)))
