"""
Learning curves by batch size
=============================

The same number of epochs in batches of three sizes: small ones make more steps of it.
"""

# %%
import time

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from ae_core import Autoencoder

X = load_digits().data
figure, ax = plt.subplots()
for batch_size in (20, 100, 500):
    start = time.perf_counter()
    model = Autoencoder(8, batch_size=batch_size, max_iter=40, random_state=0, n_threads=1).fit(X)
    seconds = time.perf_counter() - start
    ax.plot(model.loss_curve_, label=f"{batch_size} rows a step: {seconds:.2f} s")
ax.set(xlabel="epoch", ylabel="loss", yscale="log")
ax.legend()
plt.show()
