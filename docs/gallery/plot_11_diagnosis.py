"""
A fit that does not learn, and its diagnosis
============================================

A rate that is too small, what the report says of it, and the curve with both baselines.
"""

# %%
import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer

from ae_core import Autoencoder

X = load_breast_cancer().data
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    model = Autoencoder(8, learning_rate_init=1e-6, random_state=0).fit(X)
report = model.diagnose(X)
print(report)

# %%
figure, ax = plt.subplots()
ax.plot(model.loss_curve_, label="this network")
for style, (name, loss) in zip(("--", ":"), report.baselines.items(), strict=False):
    ax.axhline(loss, color="gray", linestyle=style, label=name)
ax.set(xlabel="epoch", ylabel="loss", yscale="log")
ax.legend()
plt.show()
