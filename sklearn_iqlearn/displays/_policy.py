"""Probabilities of actions against a state or a column of X."""

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.utils.validation import check_is_fitted

from sklearn_iqlearn._estimator.parameters import check_confidence
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._model.demonstrations import check_weight
from sklearn_iqlearn._numerics.checks import check_count
from sklearn_iqlearn.displays._bands import band_of_policy
from sklearn_iqlearn.displays._drawing import (
    BAND_ALPHA,
    COLORS,
    area_of,
    axes_of,
    exists_at,
    legend,
    next_style,
    positions,
    probabilities_at,
    styled,
)
from sklearn_iqlearn.displays._grids import map_of_policy
from sklearn_iqlearn.displays._rows import (
    find_column,
    group,
    observed_by,
    rows_along,
    rows_and_states,
    values_of,
)


class PolicyDisplay:
    """The policy: probabilities of actions against a state or a column of X, or a map of a grid.

    Make one by ``from_estimator``. Several displays drawn into the same axes are several models, or worlds, beside
    each other: each takes the next colour.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Where the policy is drawn: state ids, or values of a column.
    probabilities : ndarray of shape (n, m)
        Of m actions; NaN where an action does not exist.
    actions : ndarray of shape (m,)
        Their labels.
    rows : DataFrame or ndarray of shape (n, n_features), optional
        What the estimator was asked: the rows for a bootstrap of ``predict_proba``.
    low, high : ndarray of shape (n, m), optional
        Bounds of a band.
    observed : DataFrame of shape (n_groups, m), optional
        Observed frequencies, a column for each action by its label, by the place of each group on the axis.
    counts : ndarray of shape (n_groups,), optional
        Decisions of each group.
    seen : tuple (least, most), optional
        Range of the column in the decisions, where it is one of numbers.
    x_name : str, default="state"
        Of the axis.
    name : str, optional
        Of the model, for the legend.
    grid : StateMap, optional
        A map to be drawn instead of curves.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of Line2D
        One for each action; empty for a map.
    bands_ : list of PolyCollection
    observed_ : list of PathCollection
        Observed frequencies, the area of a marker being in proportion to the number of decisions.
    spans_ : list of Polygon or Rectangle
        Grey, where the axis goes on beyond all decisions.
    image_, quiver_, colorbar_ : AxesImage, Quiver, Colorbar, or None
        Of a map.

    See Also
    --------
    ReliabilityDisplay : Whether probabilities are those that occur.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> from sklearn_iqlearn.displays import PolicyDisplay
    >>> bus = make_bus_engine(100, random_state=0)
    >>> model = IQLearnClassifier(bus.transitions, discount=bus.discount).fit(bus.data, bus.target)
    >>> display = PolicyDisplay.from_estimator(model, bus.data, bus.target, action=1)
    >>> display.probabilities.shape
    (90, 1)
    """

    def __init__(
        self,
        x,
        probabilities,
        actions,
        *,
        rows=None,
        low=None,
        high=None,
        observed=None,
        counts=None,
        seen=None,
        x_name="state",
        name=None,
        grid=None,
    ):
        self.x = x
        self.probabilities = probabilities
        self.actions = actions
        self.rows = rows
        self.low = low
        self.high = high
        self.observed = observed
        self.counts = counts
        self.seen = seen
        self.x_name = x_name
        self.name = name
        self.grid = grid

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        y=None,
        *,
        sample_weight=None,
        action=None,
        column=None,
        values=None,
        row=None,
        n_bins=None,
        band=None,
        confidence=0.95,
        n_draws=200,
        random_state=0,
        shape=None,
        name=None,
    ):
        """The policy of a fit.

        Parameters
        ----------
        estimator : classifier
            Fitted, with ``predict_proba``: an ``IQLearnClassifier`` or one of its worlds, a pipeline, a finished
            search, ``LatentTypes``, or any other classifier to compare.
        X : array or data frame of shape (n_rows, n_features), optional
            Rows that tell the range of the column, and what is typical of the others. Not needed where the
            estimator has ``transitions``, whose states are drawn.
        y : array of shape (n_rows,), optional
            Decisions; with them observed frequencies are drawn.
        sample_weight : array of shape (n_rows,), optional
            Weights of the decisions.
        action : label or list of labels, optional
            Actions to be drawn; by default all. Of two, the second tells all.
        column : str or int, optional
            The column that varies, by name or position; not needed where there is one.
        values : array of shape (n,), optional
            Values of the column at which the policy is drawn. By default all states; else those that occur, or,
            of more than 50 numbers, 200 over their range.
        row : mapping from columns to values, optional
            Where the other columns are held; by default at the (lower) median of numbers, and at the most
            frequent value of anything else.
        n_bins : int, optional
            Bins of the observed frequencies, by quantiles. By default each value is a group of its own, or, of
            more than 50 numbers that are not states, 20 bins.
        band : Resampled, DataFrame or array of shape (K, K), or pair of arrays, optional
            What a band is drawn from: ``inference.bootstrap`` of the probabilities of all actions at ``rows``
            (``"policy_"`` where these are all states); ``inference.covariance`` of the coefficients of a
            structural fit, whose policies are then solved for coefficients drawn from it; or low and high.
        confidence : float in (0, 1), default=0.95
            Of the band.
        n_draws : int, default=200
            Coefficients drawn from a covariance.
        random_state : int, RandomState or None, default=0
            Of these draws.
        shape : tuple (rows, columns), optional
            That of a grid whose cells are the states, row by row: a map is drawn of the soft values, or of the
            probability of ``action``, with arrows of how far the policy moves in expectation. Needs
            ``transitions``.
        name : str, optional
            Of the model, for the legend; by default its class.

        Returns
        -------
        display : PolicyDisplay

        Raises
        ------
        ValueError
            If an action, a column, a shape or a band does not fit the estimator.
        """
        check_is_fitted(estimator)
        name = type(estimator).__name__ if name is None else str(name)
        chosen = positions(action, estimator.classes_)
        if shape is not None:
            return cls._of_grid(estimator, shape, None if action is None else chosen, name)
        check_confidence(confidence)
        check_count("n_draws", n_draws, least=2)
        frame, states = rows_and_states(estimator, X)
        column = find_column(frame, column)
        if values is None:
            values = values_of(frame[column]) if states is None else states
        values = np.asarray(values)
        rows = rows_along(frame, column, values, row)
        named = isinstance(X, pd.DataFrame) or (X is None and hasattr(estimator, "feature_names_in_"))
        rows = rows if named else rows.to_numpy()
        low = high = None
        if band is not None:
            bounds = band_of_policy(estimator, rows, band, confidence, n_draws, random_state)
            low, high = (np.where(exists_at(estimator, rows), bound, np.nan)[:, chosen] for bound in bounds)
        observed = counts = seen = None
        if y is not None:
            known = n_bins is None and states is not None
            groups = frame[column].to_numpy(dtype=int) if known else group(frame[column], n_bins)
            weight = check_weight(sample_weight, len(frame))
            observed, counts = observed_by(estimator, X, y, weight, groups, frame[column])
            observed = observed[chosen].set_axis(estimator.classes_[chosen], axis=1)
            counted = frame[column][weight > 0]
            seen = (counted.min(), counted.max()) if is_numeric_dtype(counted) else None
        return cls(
            values,
            probabilities_at(estimator, rows)[:, chosen],
            estimator.classes_[chosen],
            rows=rows,
            low=low,
            high=high,
            observed=observed,
            counts=counts,
            seen=seen,
            x_name=f"column {column}" if isinstance(column, int) else str(column),
            name=name,
        )

    @classmethod
    def _of_grid(cls, estimator, shape, chosen, name):
        model = unwrap(estimator).model
        policy = np.where(model.q_table_ > -np.inf, model.policy_, np.nan)
        grid = map_of_policy(model, policy, shape, chosen)
        return cls(np.arange(len(policy)), policy, model.classes_, name=name, grid=grid)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default new ones.
        **kwargs
            For ``Axes.plot``, of each line; of a map for ``Axes.imshow``.

        Returns
        -------
        display : PolicyDisplay
            Itself, with the artists as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        self.figure_, self.ax_ = axes_of(ax)
        self.lines_, self.bands_, self.observed_, self.spans_ = [], [], [], []
        self.image_ = self.quiver_ = self.colorbar_ = None
        if self.grid is not None:
            vars(self).update(self.grid.draw(self.ax_, **kwargs))
            self.ax_.set_title(self.name)
            return self
        for k, action in enumerate(self.actions):
            self._draw_action(k, action, kwargs)
        if self.seen is not None:
            ends = (self.x.min(), self.seen[0]), (self.seen[1], self.x.max())
            told = {"label": "no decisions", "color": "0.5", "alpha": BAND_ALPHA / 2, "linewidth": 0}
            self.spans_ = [self.ax_.axvspan(*end, **told) for end in ends if end[0] < end[1]]
        one = len(self.actions) == 1
        self.ax_.set(
            xlabel=self.x_name, ylabel=f"probability of action {self.actions[0]}" if one else "probability"
        )
        legend(self.ax_)
        return self

    def _draw_action(self, k, action, kwargs):
        several = len(self.actions) > 1
        label = ", ".join(filter(None, [self.name, f"action {action}" if several else ""]))
        categories = self.x.dtype.kind not in "biufM"
        color = COLORS[k % len(COLORS)] if several else None
        look = next_style(self.ax_, color) | {"label": label or None} | ({"marker": "o"} if categories else {})
        (line,) = self.ax_.plot(self.x, self.probabilities[:, k], **styled(look, kwargs))
        self.lines_.append(line)
        shade = {"color": line.get_color(), "linewidth": 0}
        if self.low is not None:
            bounds = self.low[:, k], self.high[:, k]
            self.bands_.append(self.ax_.fill_between(self.x, *bounds, alpha=BAND_ALPHA, **shade))
        if self.observed is not None:
            # Told once: the markers of an action have the colour of its line.
            told = None if k else f"observed (area: up to {self.counts.max():,.12g} decisions)"
            area = area_of(self.counts, self.counts.max())
            self.observed_.append(
                self.ax_.scatter(
                    self.observed.index, self.observed[action], s=area, alpha=0.5, label=told, **shade
                )
            )
