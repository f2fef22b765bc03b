"""
A fit that does not learn, and its diagnosis
============================================

A rate that is too small, what the report says of it, and the curve with both baselines.
"""

# %%
import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer

from ae_core import Autoencoder, LossCurveDisplay

X = load_breast_cancer().data
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    model = Autoencoder(8, learning_rate_init=1e-6, random_state=0).fit(X)
report = model.diagnose(X)
print(report)

# %%
# In a notebook the report is a table:
report

# %%
figure, ax = plt.subplots()
LossCurveDisplay.from_estimator(model, X, ax=ax)
plt.show()
