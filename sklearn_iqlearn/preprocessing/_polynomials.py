"""Polynomials of a few columns together."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_iqlearn._numerics.checks import check_count, plain
from sklearn_iqlearn._site import Documented


class Polynomials(Documented, TransformerMixin, BaseEstimator):
    """Products of powers of some columns, in units of their spread: what depends on columns together.

    Without a constant: as ``basis`` of ``IQLearnClassifier``, which has its own, they are a projection.

    Parameters
    ----------
    degree : int >= 1, default=3
        Most factors of a product.
    columns : sequence of int, optional
        Which columns take part; by default all.

    Attributes
    ----------
    scaler_ : StandardScaler
        Of the columns that take part.
    products_ : PolynomialFeatures
        Of the scaled columns.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_iqlearn.preprocessing import Polynomials
    >>> X = np.random.default_rng(0).uniform(size=(100, 3))
    >>> Polynomials(degree=2, columns=[0, 2]).fit_transform(X).shape
    (100, 5)
    """

    def __init__(self, degree=3, columns=None):
        self.degree = degree
        self.columns = columns

    def fit(self, X, y=None):
        """Find the units of the columns.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.
        y : ignored
            There for pipelines.

        Returns
        -------
        self : Polynomials
            The fitted estimator.
        """
        from sklearn.preprocessing import PolynomialFeatures, StandardScaler  # loaded only where it is used

        check_count("degree", self.degree)
        X = validate_data(self, X, dtype=np.float64)
        places = np.arange(X.shape[1])
        if self.columns is not None and not np.isin(self.columns, places).all():
            raise ValueError(f"columns must be among 0 to {X.shape[1] - 1}, got {plain(self.columns)}.")
        self.scaler_ = StandardScaler().fit(X[:, self._taken])
        self.products_ = PolynomialFeatures(self.degree, include_bias=False).fit(X[:, self._taken])
        return self

    @property
    def _taken(self):
        return slice(None) if self.columns is None else list(self.columns)

    def transform(self, X):
        """The products of rows.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.

        Returns
        -------
        products : ndarray of shape (n_rows, n_products)
            A column for each product.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self.products_.transform(self.scaler_.transform(X[:, self._taken]))
