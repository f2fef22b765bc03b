"""
In a pipeline, with a grid search
=================================

How many numbers a classifier of digits needs: an autoencoder as one step among others.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from ae_core import Autoencoder

X, y = load_digits(return_X_y=True)
pipeline = make_pipeline(
    Autoencoder(max_iter=40, random_state=0, n_threads=1), LogisticRegression(max_iter=2000)
)
sizes = [2, 4, 8, 16]
search = GridSearchCV(pipeline, {"autoencoder__n_components": sizes}, cv=3).fit(X[:900], y[:900])
figure, ax = plt.subplots()
ax.plot(sizes, search.cv_results_["mean_test_score"], "o-")
ax.set(xlabel="n_components", ylabel="accuracy, cross-validated", xscale="log")
plt.show()
