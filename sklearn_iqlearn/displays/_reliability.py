"""Whether probabilities are those that occur."""

import numpy as np
import pandas as pd
from scipy.special import betaincinv
from sklearn.utils.validation import check_is_fitted

from sklearn_iqlearn._estimator.parameters import check_confidence, choose
from sklearn_iqlearn._model.demonstrations import check_weight
from sklearn_iqlearn._numerics.checks import check_count, plain, real_array
from sklearn_iqlearn.displays._drawing import (
    QUIET,
    area_of,
    axes_of,
    legend,
    next_style,
    positions,
    probabilities_at,
    styled,
    taken_by,
)


class ReliabilityDisplay:
    """Observed frequencies against predicted probabilities, action by action.

    On the diagonal what is predicted happens as often as it is predicted. Make one by ``from_estimator``, of rows
    that were held out where one can, or by ``from_predictions``.

    Parameters
    ----------
    bins : DataFrame
        A row for each action and bin with a decision: ``action``, mean ``predicted`` probability, ``observed``
        frequency, ``low`` and ``high`` of its interval, and the number of ``decisions``.
    actions : ndarray of shape (m,)
        Those drawn.
    name : str, optional
        Of the model, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : Line2D
        The diagonal.
    errorbars_ : list of ErrorbarContainer
        One for each action.
    points_ : list of PathCollection
        The area of a marker is in proportion to the number of decisions.

    Notes
    -----
    The intervals are Clopper and Pearson's, exact for independent decisions. Where decisions of a trajectory
    depend on each other beyond the state they are too short.

    References
    ----------
    Clopper and Pearson (1934). The use of confidence or fiducial limits illustrated in the case of the binomial.
    Biometrika 26(4), 404-413.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> from sklearn_iqlearn.displays import ReliabilityDisplay
    >>> bus = make_bus_engine(100, random_state=0)
    >>> model = IQLearnClassifier(bus.transitions, discount=bus.discount).fit(bus.data, bus.target)
    >>> display = ReliabilityDisplay.from_estimator(model, bus.data, bus.target, action=1, n_bins=4)
    >>> int(display.bins["decisions"].sum())
    10000
    """

    def __init__(self, bins, actions, *, name=None):
        self.bins = bins
        self.actions = actions
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        sample_weight=None,
        *,
        action=None,
        n_bins=10,
        strategy="quantile",
        confidence=0.95,
        name=None,
    ):
        """Frequencies and probabilities of a fit.

        Parameters
        ----------
        estimator : classifier
            Fitted, with ``predict_proba``.
        X : array or data frame of shape (n_rows, n_features)
            Rows, better not those of the fit.
        y : array of shape (n_rows,)
            Their decisions.
        sample_weight : array of shape (n_rows,), optional
            A weight counts as that many decisions.
        action : label or list of labels, optional
            Actions to be drawn; by default all.
        n_bins : int, default=10
            Bins of the probabilities of each action.
        strategy : {"quantile", "uniform"}, default="quantile"
            "quantile": bins with about as many rows each. "uniform": bins of one width from 0 to 1.
        confidence : float in (0, 1), default=0.95
            Of the intervals of the frequencies.
        name : str, optional
            Of the model, for the legend; by default its class.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        ValueError
            As ``from_predictions``.
        """
        check_is_fitted(estimator)
        return cls.from_predictions(
            y,
            probabilities_at(estimator, X),
            sample_weight,
            classes=estimator.classes_,
            action=action,
            n_bins=n_bins,
            strategy=strategy,
            confidence=confidence,
            name=type(estimator).__name__ if name is None else name,
        )

    @classmethod
    def from_predictions(
        cls,
        y,
        probabilities,
        sample_weight=None,
        *,
        classes=None,
        action=None,
        n_bins=10,
        strategy="quantile",
        confidence=0.95,
        name=None,
    ):
        """Frequencies and probabilities of anything.

        Parameters
        ----------
        y : array of shape (n_rows,)
            Decisions.
        probabilities : array of shape (n_rows, A)
            NaN for an action that does not exist in a row, which then takes no part in that action's bins.
        sample_weight : array of shape (n_rows,), optional
            A weight counts as that many decisions.
        classes : array of shape (A,), optional
            The actions, in the order of the columns; by default those of y, sorted.
        action : label or list of labels, optional
            Actions to be drawn; by default all.
        n_bins : int, default=10
            Bins of the probabilities of each action.
        strategy : {"quantile", "uniform"}, default="quantile"
            "quantile": bins with about as many rows each. "uniform": bins of one width from 0 to 1.
        confidence : float in (0, 1), default=0.95
            Of the intervals of the frequencies.
        name : str, optional
            Of the model, for the legend.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        ValueError
            If the columns are not as many as the actions, y holds others, or a probability is not in [0, 1].
        """
        check_confidence(confidence)
        check_count("n_bins", n_bins)
        edges_of = choose("strategy", strategy, STRATEGIES)
        classes = np.unique(y) if classes is None else np.asarray(classes)
        found = real_array("probabilities", probabilities, ("n_rows", len(classes)), finite=False)
        outside = (found < 0) | (found > 1)
        if outside.any():
            raise ValueError(f"probabilities must be in [0, 1], got {plain(found[outside][0])}.")
        taken, weight = taken_by(y, classes, len(found)), check_weight(sample_weight, len(found))
        chosen = positions(action, classes)
        tables = {}
        for k in chosen:
            kept = (weight > 0) & np.isfinite(found[:, k])
            predicted = found[kept, k]
            edges = edges_of(predicted, n_bins) if kept.any() else np.array([0.0, 1.0])
            bins = np.searchsorted(edges[1:-1], predicted)
            tables[k] = _frequencies(bins, predicted, taken[kept, k], weight[kept], confidence)
            tables[k].insert(0, "action", classes[k])
        return cls(pd.concat(tables.values(), ignore_index=True), classes[chosen], name=name)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default new ones.
        **kwargs
            For ``Axes.errorbar`` of each action.

        Returns
        -------
        display : ReliabilityDisplay
            Itself, with the artists as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        self.figure_, self.ax_ = axes_of(ax)
        self.errorbars_, self.points_ = [], []
        several = len(self.actions) > 1
        for action in self.actions:
            bins = self.bins[self.bins["action"] == action]
            label = ", ".join(filter(None, [self.name, f"action {action}" if several else ""]))
            names = ("predicted", "observed", "low", "high", "decisions")
            predicted, observed, low, high, counts = (bins[name].to_numpy() for name in names)
            look = next_style(self.ax_) | {"label": label or None, "linewidth": 1, "capsize": 2}
            drawn = self.ax_.errorbar(
                predicted, observed, yerr=np.stack([observed - low, high - observed]), **styled(look, kwargs)
            )
            area = area_of(counts, self.bins["decisions"].max())
            self.errorbars_.append(drawn)
            look = {"s": area, "color": drawn[0].get_color(), "alpha": 0.6, "linewidth": 0}
            self.points_.append(self.ax_.scatter(predicted, observed, **look))
        self.line_ = self.ax_.axline((0.0, 0.0), slope=1.0, **QUIET)
        of = "" if several else f" of action {self.actions[0]}"
        self.ax_.set(xlabel=f"predicted probability{of}", ylabel=f"observed frequency{of} (area: decisions)")
        legend(self.ax_)
        return self


def _frequencies(bins, predicted, taken, weight, confidence):
    """Mean prediction, frequency and its interval in each bin with a weight."""
    sizes = np.bincount(bins, weight)
    full = sizes > 0
    n, hits = sizes[full], np.bincount(bins, weight * taken)[full]
    tail = (1 - confidence) / 2
    # The distribution is at its edge where nothing, or everything, is hit.
    low = np.where(hits > 0, betaincinv(np.where(hits > 0, hits, 1.0), n - hits + 1, tail), 0.0)
    high = np.where(hits < n, betaincinv(hits + 1, np.where(hits < n, n - hits, 1.0), 1 - tail), 1.0)
    means = np.bincount(bins, weight * predicted)[full] / n
    return pd.DataFrame({"predicted": means, "observed": hits / n, "low": low, "high": high, "decisions": n})


STRATEGIES = {
    "quantile": lambda predicted, n_bins: np.unique(np.quantile(predicted, np.linspace(0, 1, n_bins + 1))),
    "uniform": lambda predicted, n_bins: np.linspace(0, 1, n_bins + 1),
}
