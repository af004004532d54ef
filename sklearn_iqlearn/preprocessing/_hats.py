"""Hat functions of columns, and their products."""

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_iqlearn._site import Documented
from sklearn_iqlearn.preprocessing._knots import counts_of_columns


class Hats(Documented, TransformerMixin, BaseEstimator):
    """Hat functions: weights of the nodes between which a value lies, linear in the value.

    Of several columns products: a row has weights on the corners of its cell. Weights are non-negative and add up
    to 1, so that what they carry from rows to nodes and back is an average: as ``basis`` of ``IQLearnClassifier``
    it never runs away (Gordon 1995).

    Parameters
    ----------
    n_nodes : int >= 1, or sequence of one for each column, default=20
        Nodes, evenly spaced from the least to the largest value of a column. A column with fewer distinct values
        has a node for each of them. With one node a column plays no role.

    Attributes
    ----------
    nodes_ : list of ndarray
        Nodes of each column.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    References
    ----------
    Gordon (1995). Stable function approximation in dynamic programming. ICML.

    Examples
    --------
    >>> from sklearn_iqlearn.preprocessing import Hats
    >>> Hats(n_nodes=3).fit([[0.0], [1.0], [2.0], [4.0]]).transform([[1.0], [4.0], [9.0]]).toarray()
    array([[0.5, 0.5, 0. ],
           [0. , 0. , 1. ],
           [0. , 0. , 1. ]])
    """

    def __init__(self, n_nodes=20):
        self.n_nodes = n_nodes

    def fit(self, X, y=None):
        """Place the nodes.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows, as in ``fit``.
        y : ignored
            There for pipelines.

        Returns
        -------
        self : Hats
            The fitted estimator.
        """
        X = validate_data(self, X, dtype=np.float64)
        counts = counts_of_columns("n_nodes", self.n_nodes, X.shape[1], least=1)
        self.nodes_ = [nodes_of(np.unique(column), count) for column, count in zip(X.T, counts, strict=True)]
        return self

    def transform(self, X):
        """Weights of the nodes.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Beyond the first or last node, the weights of that node.

        Returns
        -------
        weights : CSR array of shape (n_rows, product of the nodes of the columns)
            The nodes of the last column run fastest.
        """
        check_is_fitted(self)
        return hats(validate_data(self, X, dtype=np.float64, reset=False), self.nodes_)


def nodes_of(values, n_nodes):
    """The nodes of a column with these distinct values, sorted."""
    if len(values) <= n_nodes:
        return values
    return np.linspace(values[0], values[-1], n_nodes) if n_nodes > 1 else values[:1]


def hats(X, nodes):
    """Products of hats: CSR, (n_rows, product of the numbers of nodes)."""
    corners = [(np.zeros(len(X), dtype=np.intp), np.ones(len(X)))]
    for column, places in zip(X.T, nodes, strict=True):
        if len(places) > 1:
            sides = _between(column, places)
            corners = [
                (position * len(places) + side, share * weight)
                for position, share in corners
                for side, weight in sides
            ]
    size = int(np.prod([len(places) for places in nodes]))
    positions, shares = np.array([corner[0] for corner in corners]), np.array([corner[1] for corner in corners])
    rows = np.broadcast_to(np.arange(len(X)), positions.shape)
    found = sp.coo_array((shares.ravel(), (rows.ravel(), positions.ravel())), shape=(len(X), size)).tocsr()
    found.eliminate_zeros()
    return found


def _between(column, nodes):
    """The node below and the node above each value, with their weights."""
    below = np.clip(np.searchsorted(nodes, column, side="right") - 1, 0, len(nodes) - 2)
    share = np.clip((column - nodes[below]) / (nodes[below + 1] - nodes[below]), 0.0, 1.0)
    return [(below, 1 - share), (below + 1, share)]
