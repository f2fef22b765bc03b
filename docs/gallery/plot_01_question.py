"""
The question that started it
============================

An autoencoder that returns the mean of its columns, whatever it is shown. Two faults hid each other:
a learning rate that is a thousand times too small, and a gradient that was checked on one row.
"""

# %%
# Ten rows, and the loss of a network at two learning rates, beside what the column mean gives.
import matplotlib.pyplot as plt
import numpy as np

from ae_core import SGD, Architecture, Network, train

X = np.random.default_rng(0).random((10, 2))
of_mean = ((X - X.mean(axis=0)) ** 2).sum(axis=1).mean() / 2
figure, axes = plt.subplots()
for rate in (1e-3, 1.0):
    network = Network(Architecture((2, 3, 2), "logistic"), random_state=0)
    history = train(network, X, solver=SGD(rate, momentum=0), max_iter=20_000)
    axes.loglog(history.loss_curve, label=f"learning rate {rate:g}")
axes.axhline(of_mean, color="gray", linestyle="--", label="column mean")
axes.set(xlabel="epoch", ylabel="loss")
axes.legend()
plt.show()
