"""Additive splines of columns."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_iqlearn._site import Documented
from sklearn_iqlearn.preprocessing._knots import counts_of_columns


class Splines(Documented, TransformerMixin, BaseEstimator):
    """Cubic splines of each column, one beside the other: what an additive function is made of.

    Many columns stay cheap, as their numbers of functions add up. Without a constant: as ``basis`` of
    ``IQLearnClassifier``, which has its own, they are a projection, that is linear beyond the data.

    Parameters
    ----------
    n_knots : int >= 0, or sequence of one for each column, default=5
        Knots, at quantiles of the distinct values of a column. A column with at most so many distinct values has
        fewer. With one or two knots a column is linear, in units of its spread; with none it plays no role.

    Attributes
    ----------
    transformers_ : list
        scikit-learn's transformer of each column, or None.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_iqlearn.preprocessing import Splines
    >>> X = np.random.default_rng(0).uniform(size=(100, 3))
    >>> Splines(n_knots=[5, 1, 0]).fit_transform(X).shape
    (100, 7)
    """

    def __init__(self, n_knots=5):
        self.n_knots = n_knots

    def fit(self, X, y=None):
        """Place the knots.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.
        y : ignored
            There for pipelines.

        Returns
        -------
        self : Splines
            The fitted estimator.
        """
        X = validate_data(self, X, dtype=np.float64)
        counts = counts_of_columns("n_knots", self.n_knots, X.shape[1], least=0)
        self.transformers_ = [
            spline_of(np.unique(column), count) for column, count in zip(X.T, counts, strict=True)
        ]
        return self

    def transform(self, X):
        """The functions of rows.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.

        Returns
        -------
        functions : ndarray of shape (n_rows, n_functions)
            Those of a column side by side: ``n_knots + 1`` of a spline, 1 of a line.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        parts = [
            transformer.transform(column[:, None])
            for column, transformer in zip(X.T, self.transformers_, strict=True)
            if transformer is not None
        ]
        return np.concatenate([np.empty((len(X), 0)), *parts], axis=1)


def spline_of(values, n_knots):
    """scikit-learn's transformer for a column of these distinct values, fitted, or None."""
    from sklearn.preprocessing import SplineTransformer, StandardScaler  # loaded only where it is used

    n_knots = min(n_knots, len(values) - 1)
    if n_knots <= 0:
        return None
    if n_knots <= 2:
        return StandardScaler().fit(values[:, None])
    knots = np.quantile(values, np.linspace(0, 1, n_knots))[:, None]
    return SplineTransformer(knots=knots, include_bias=False, extrapolation="linear").fit(values[:, None])
