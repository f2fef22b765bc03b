"""Why does my autoencoder return the column mean?

A question told and answered in one run. Somebody wrote a small autoencoder in NumPy, checked its
gradients, and trained it. On one row it works. On two rows it stalls, and every row of its output
is the mean of the columns. Two things were wrong, and each hid the other.

    python examples/column_mean.py                    # prints the story, draws column_mean.png
    python examples/column_mean.py --no-picture       # without matplotlib
"""

import argparse

import numpy as np

from ae_core import SGD, Architecture, Network, check_gradient, train

ONE_ROW = np.array([[0.95023264, 1.0]])  # the last column is of ones, in place of biases
TWO_ROWS = np.array([[0.37853141, 1.0], [0.59747807, 1.0]])
N_CODE = 1


# --- the code of the question --------------------------------------------------------------------


def sigmoid(z):
    """1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


def derivative_of_first_row(z):
    """σ′ as the question had it: a diagonal matrix made from the first row, used for all rows."""
    a = sigmoid(z[0])
    return np.diag(a * (1 - a))


def cost_and_gradient(weights, x, first_row_only=False):
    """Forward and backward pass of x → σ(x W1) → σ(h1 W2) → h2 W3, and the cost.

    With ``first_row_only`` the derivative is the question's; without, the right one.
    """
    W1, W2, W3 = weights
    m = len(x)
    z1 = x @ W1
    h1 = sigmoid(z1)
    z2 = h1 @ W2
    h2 = sigmoid(z2)
    x_hat = h2 @ W3
    cost = np.sum((x - x_hat) ** 2) / (2 * m)

    delta3 = (x_hat - x) / m
    if first_row_only:
        delta2 = delta3 @ W3.T @ derivative_of_first_row(z2)
        delta1 = delta2 @ W2.T @ derivative_of_first_row(z1)
    else:
        delta2 = (delta3 @ W3.T) * h2 * (1 - h2)
        delta1 = (delta2 @ W2.T) * h1 * (1 - h1)
    return cost, [x.T @ delta1, h1.T @ delta2, h2.T @ delta3]


def initial_weights(x, seed=0):
    """Weights uniform in [0, 1), drawn W1, W2, W3."""
    random = np.random.RandomState(seed)
    n = x.shape[1]
    return [random.rand(n, N_CODE), random.rand(N_CODE, n), random.rand(n, n)]


def gradient_descent(x, learning_rate, n_steps, first_row_only=False):
    """Full-batch gradient descent: the weights, and the cost before each step."""
    weights, costs = initial_weights(x), np.zeros(n_steps)
    for step in range(n_steps):
        costs[step], gradient = cost_and_gradient(weights, x, first_row_only)
        weights = [W - learning_rate * g for W, g in zip(weights, gradient, strict=True)]
    return weights, costs


def reconstruct(weights, x):
    """The output x̂ for x."""
    W1, W2, W3 = weights
    return sigmoid(sigmoid(x @ W1) @ W2) @ W3


# --- the story -----------------------------------------------------------------------------------


def questions_code(weights, x):
    """The question's cost and gradient, as `check_gradient` takes it."""
    return cost_and_gradient(weights, x, first_row_only=True)


def package_network(x):
    """The same network in ae_core, starting from the same weights."""
    n = x.shape[1]
    architecture = Architecture((n, N_CODE, n, n), "logistic", biases=False)
    random = np.random.RandomState(0)
    return Network(architecture, initialization="uniform", random_state=random)


def show(title, x, x_hat, cost):
    """Print one result: the cost, and data beside its reconstruction."""
    print(f"{title}\n  cost {cost:.3g}")
    for row, row_hat in zip(x, x_hat, strict=True):
        print(f"  x = {row}   x̂ = {row_hat}")
    print()


def main():
    """Tell it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", default="column_mean.png", help="where to draw the curves")
    parser.add_argument("--no-picture", action="store_true", help="do not draw")
    args = parser.parse_args()
    np.set_printoptions(precision=5, suppress=True)
    curves = {}

    print("1. The question's code, 10 000 steps at learning rate 0.001\n")
    weights, costs = gradient_descent(ONE_ROW, 0.001, 10_000, first_row_only=True)
    show("One row: it learns.", ONE_ROW, reconstruct(weights, ONE_ROW), costs[-1])
    weights, costs = gradient_descent(TWO_ROWS, 0.001, 10_000, first_row_only=True)
    curves["the question: wrong derivative, rate 0.001"] = costs
    show("Two rows: every output is the column mean.", TWO_ROWS, reconstruct(weights, TWO_ROWS),
         costs[-1])  # fmt: skip
    half_variance = TWO_ROWS.var(axis=0).sum() / 2
    print(f"  (column mean {TWO_ROWS.mean(axis=0)}; its cost is {half_variance:.6f})\n")

    print("2. Are the gradients right? ae_core.check_gradient says:\n")
    print(check_gradient(questions_code, initial_weights(TWO_ROWS), TWO_ROWS), "\n")
    print("   With the derivative of every row:\n")
    print(check_gradient(cost_and_gradient, initial_weights(TWO_ROWS), TWO_ROWS), "\n")

    print("3. The right derivative is not enough: ae_core, 10 000 steps at learning rate 0.001\n")
    network = package_network(TWO_ROWS)
    history = train(network, TWO_ROWS, solver=SGD(learning_rate_init=0.001), max_iter=10_000)
    curves["right derivative, rate 0.001"] = history.loss_curve
    show("Still the mean.", TWO_ROWS, network.forward(TWO_ROWS), network.loss(TWO_ROWS))

    print("4. The learning rate was a thousand times too small: 20 000 steps at 1.0\n")
    network = package_network(TWO_ROWS)
    history = train(network, TWO_ROWS, solver=SGD(learning_rate_init=1.0), max_iter=20_000)
    curves["right derivative, rate 1.0"] = history.loss_curve
    show("Solved.", TWO_ROWS, network.forward(TWO_ROWS), network.loss(TWO_ROWS))

    print("5. And the rate alone is not enough either: the question's derivative at 1.0\n")
    weights, costs = gradient_descent(TWO_ROWS, 1.0, 20_000, first_row_only=True)
    curves["wrong derivative, rate 1.0"] = costs
    show("Each fault hid the other.", TWO_ROWS, reconstruct(weights, TWO_ROWS), costs[-1])

    if not args.no_picture:
        from ae_core import LossCurveDisplay

        display = LossCurveDisplay(
            curves, baselines={"column mean": half_variance}, x_label="step"
        ).plot()
        display.ax_.set_title("An autoencoder that returns the column mean", loc="left")
        display.figure_.set_size_inches(8, 5)
        display.figure_.savefig(args.picture, dpi=120)
        print(f"The cost curves are in {args.picture}.")


if __name__ == "__main__":
    main()
