"""From columns to one column of state ids, and back."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_iqlearn._model.demonstrations import check_integers
from sklearn_iqlearn._numerics.checks import any_array, plain
from sklearn_iqlearn._site import Documented
from sklearn_iqlearn.preprocessing._combinations import COMBINATIONS, Combinations
from sklearn_iqlearn.preprocessing._levels import check_option, encode, fit_levels
from sklearn_iqlearn.preprocessing._table import check_column, read_table

OTHERWISE = ("error", "nearest")


class StateEncoder(Documented, TransformerMixin, BaseEstimator):
    """Columns of a table as one column of state ids.

    Each column is cut into levels, numbers into bins and all else into its values; a state is a combination of
    levels. The ids 0, ..., S - 1 are what ``IQLearnClassifier`` takes as ``X`` where it is given ``transitions``.

    Floats are binned. Integers, booleans, strings and categories stay as they are: whole numbers are counts or ids
    more often than measurements, and keeping a value loses nothing. To bin integers, name their column in
    ``n_bins`` or ``edges``; to keep floats, name theirs in ``categories``.

    The names of columns are those of the frame that is fitted, or positions where X has no names.

    Parameters
    ----------
    n_bins : int or mapping from column to int, default=5
        Bins of each column of floats. A mapping names every column to bin that has no ``edges``, of floats or of
        integers. A column with ties may get fewer bins: see ``n_bins_``.
    strategy : {"quantile", "uniform"}, default="quantile"
        "quantile": bins with as nearly equally many rows as ties allow, so that each has data to learn from; their
        edges are numbers that occur. "uniform": bins of equal width between the least and the largest number. With
        both, what lies beyond the numbers of the fit belongs to the first or last bin.
    edges : mapping from column to array of shape (n + 1,), optional
        Increasing edges of n bins, each with its lower edge and without its upper one; the last bin has both. A
        number outside is unknown; an infinite outer edge leaves none outside.
    categories : mapping from column to "auto" or list of values, optional
        Columns that stay as they are, and all the values that they may have: numbers are sorted, others keep their
        order. "auto", as in columns that nothing is said of: the values that the type declares (booleans, pandas
        categories) in its order, else those that the fit sees, sorted.
    combinations : {"seen", "product"}, default="seen"
        Which states there are. "seen": combinations of levels that the fit sees. "product": all, so that the ids
        do not depend on the rows of the fit where ``edges`` and ``categories`` are given. The order is the same,
        the last column varying fastest: ids of the product are those of ``numpy.ravel_multi_index``.
    unknown : {"error", "nearest"}, default="error"
        What becomes of a value that is in no level: a number outside the ``edges`` given, or none of the values.
        "error": a ValueError that names it. "nearest": the nearest bin or number; strings, booleans and categories
        have none, and raise.
    unseen : {"nearest", "error"}, default="nearest"
        What becomes of known values in a combination that is no state. "nearest": the state with the fewest
        changes in columns without an order, then the fewest levels away in the others, then the least id; so that
        rare combinations held out of a fit have an answer. "error": a ValueError that names the row.

    Attributes
    ----------
    states_ : DataFrame of shape (S, n_columns)
        What each state stands for; the index is the id. Under the name of a column stands its value, or for bins
        the mean of the numbers of the fit in the bin (the middle of a bin without any): numbers to build features
        from. Bins have a second column, named ``<column>_bin``, such as "[0, 5)".
    n_states_ : int
        S.
    n_bins_ : ndarray of shape (n_features,)
        Levels of each column.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Only where X has names.

    See Also
    --------
    sklearn.frozen.FrozenEstimator : Keeps the states of a fitted encoder in a pipeline that is fitted again.

    Notes
    -----
    ``transitions`` belong to the states that they were estimated for. A search fits a pipeline anew to each fold,
    and with it the encoder: bins of other rows are other states. So either say what the states are (``edges``,
    ``categories`` and ``combinations="product"``), or put ``FrozenEstimator(encoder)`` in the pipeline.

    Rows count alike; there is no ``sample_weight``. Counts are made of states, so encoding comes first.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_iqlearn.preprocessing import StateEncoder
    >>> table = pd.DataFrame({"income": [1.0, 3.0, 8.0, 9.5], "city": ["Rome", "Oslo", "Rome", "Rome"]})
    >>> encoder = StateEncoder(edges={"income": [0, 5, 10]})
    >>> encoder.fit_transform(table).ravel()
    array([1, 0, 2, 2])
    >>> encoder.states_
       income income_bin  city
    0    2.00     [0, 5)  Oslo
    1    2.00     [0, 5)  Rome
    2    8.75    [5, 10]  Rome
    >>> encoder.inverse_transform([2])
       income  city
    0    8.75  Rome
    """

    def __init__(
        self,
        n_bins=5,
        *,
        strategy="quantile",
        edges=None,
        categories=None,
        combinations="seen",
        unknown="error",
        unseen="nearest",
    ):
        self.n_bins = n_bins
        self.strategy = strategy
        self.edges = edges
        self.categories = categories
        self.combinations = combinations
        self.unknown = unknown
        self.unseen = unseen

    def fit(self, X, y=None):
        """Find the levels of the columns, and the states.

        Parameters
        ----------
        X : DataFrame or array of shape (n_rows, n_features)
            Numbers, booleans, strings or categories; none missing.
        y : None
            Ignored.

        Returns
        -------
        self : StateEncoder
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is not as it must be; if a value is missing, infinite, a date, or unknown; or if the
            product is of more than ten million states. Names the column and the row.
        """
        check_option("combinations", self.combinations, COMBINATIONS)
        check_option("unseen", self.unseen, OTHERWISE)
        frame = self._read(X, reset=True)
        keys = frame.columns.tolist() if hasattr(self, "feature_names_in_") else list(range(frame.shape[1]))
        self._levels = fit_levels(frame, keys, self.n_bins, self.strategy, self.edges, self.categories)
        self.n_bins_ = np.array([level.size for level in self._levels])
        states = COMBINATIONS[self.combinations](self._codes(frame), self.n_bins_.tolist())
        self._combinations = Combinations(states)
        self.n_states_ = len(states)
        described = [
            part
            for level, name, codes in zip(self._levels, frame, states.T, strict=True)
            for part in level.describe(name, codes).items()
        ]
        names = [name for name, _ in described]
        if len(set(names)) < len(names):
            raise ValueError(f"X must have columns of distinct names, also from those of bins, got {names}.")
        self.states_ = pd.DataFrame(dict(described))
        return self

    def transform(self, X):
        """State ids of rows.

        Parameters
        ----------
        X : DataFrame or array of shape (n_rows, n_features)
            Rows, as in ``fit``.

        Returns
        -------
        ids : ndarray of int64 of shape (n_rows, 1)
            A frame with the column "state" after ``set_output``.

        Raises
        ------
        ValueError
            If a value is missing or infinite, unknown, or in a combination unseen, unless it is to be replaced;
            names the column and the row.
        """
        check_is_fitted(self)
        check_option("unseen", self.unseen, OTHERWISE)
        frame = self._read(X, reset=False)
        codes = self._codes(frame)
        ids = self._combinations.find(codes)
        rows = np.flatnonzero(ids < 0)
        if rows.size and self.unseen == "error":
            raise ValueError(
                "X must have combinations of levels that the fit has seen, got "
                f"{plain(frame.iloc[rows[0]].to_dict())} in row {rows[0]}, the first of {len(rows)}: leave "
                "them out, take the nearest states by unseen='nearest', or make states of all combinations by "
                "combinations='product'."
            )
        if rows.size:
            ordered = [level.ordered for level in self._levels]
            ids[rows] = self._combinations.nearest(codes[rows], ordered)
        return ids[:, None]

    def inverse_transform(self, X):
        """What states stand for: the values of their columns, for bins as in ``states_``.

        Parameters
        ----------
        X : array or DataFrame of shape (n_rows, 1) or (n_rows,)
            State ids.

        Returns
        -------
        table : DataFrame or ndarray of shape (n_rows, n_features)
            A frame where the fit had names of columns.

        Raises
        ------
        ValueError
            If there are ids that are none of 0, ..., S - 1.
        """
        check_is_fitted(self)
        ids = any_array("X", X)
        if ids.ndim not in (1, 2) or ids.shape[1:] not in ((), (1,)):
            raise ValueError(f"X must be one column of state ids, got shape {ids.shape}.")
        ids = check_integers(ids.ravel(), "X: state ids")
        wrong = (ids < 0) | (ids >= self.n_states_)
        if wrong.any():
            raise ValueError(f"X: state ids must be 0 to {self.n_states_ - 1}, got {ids[wrong][0]}.")
        table = self.states_[self._names()].iloc[ids]
        if not hasattr(self, "feature_names_in_"):
            return table.to_numpy()
        return table.set_axis(X.index if isinstance(X, pd.DataFrame | pd.Series) else np.arange(len(ids)))

    def get_feature_names_out(self, input_features=None):
        """The name of the one column of ids.

        Parameters
        ----------
        input_features : list of str, optional
            Only checked: names of the columns that were fitted, if they had any, or as many.

        Returns
        -------
        names : ndarray of shape (1,)
            "state".
        """
        check_is_fitted(self)
        if input_features is not None:
            if len(input_features) != self.n_features_in_:
                raise ValueError(
                    "input_features should have length equal to the number of columns fitted, "
                    f"{self.n_features_in_}, got {len(input_features)}."
                )
            if hasattr(self, "feature_names_in_") and list(input_features) != list(self.feature_names_in_):
                raise ValueError(
                    f"input_features is not equal to feature_names_in_, {plain(self.feature_names_in_)}, got "
                    f"{plain(list(input_features))}."
                )
        return np.array(["state"], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _names(self):
        """Of the columns, in states_."""
        return list(getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)]))

    def _read(self, X, reset):
        """X as a frame of usable columns, with their names in ``states_``."""
        table = read_table(X)
        validate_data(self, X, reset=reset, skip_check_array=True)
        frame = table.set_axis(self._names(), axis=1)
        for _, column in frame.items():
            check_column(column)
        return frame

    def _codes(self, frame):
        """Codes of the levels, (n_rows, n_features), with unknown values replaced or refused."""
        check_option("unknown", self.unknown, OTHERWISE)
        columns = zip(self._levels, frame.items(), strict=True)
        return np.column_stack([encode(level, column, self.unknown) for level, (_, column) in columns])
