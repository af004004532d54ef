"""A forest plot of coefficients."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sklearn_iqlearn import inference
from sklearn_iqlearn._numerics.checks import any_array, plain
from sklearn_iqlearn.displays._drawing import COLORS, QUIET, axes_of, legend, styled

MARKERS = "osD^vP*"


class CoefficientDisplay:
    """Coefficients with their intervals, of one or several models: a forest plot.

    Make one by ``from_estimator``, or by ``from_summaries`` to compare.

    Parameters
    ----------
    estimate, low, high : DataFrame of shape (n_parameters, n_models)
        NaN where a model has no such parameter.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    errorbars_ : list of ErrorbarContainer
        One for each model.
    line_ : Line2D
        At 0.
    texts_ : list of Text
        The numbers beside the bars.

    See Also
    --------
    sklearn_iqlearn.inference.summary : The table.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> from sklearn_iqlearn.displays import CoefficientDisplay
    >>> bus = make_bus_engine(100, random_state=0)
    >>> model = IQLearnClassifier(
    ...     bus.transitions, discount=bus.discount, q_type="structural", features=bus.features
    ... ).fit(bus.data, bus.target)
    >>> display = CoefficientDisplay.from_estimator(
    ...     model, bus.data, bus.target, feature_names=bus.feature_names, name="buses"
    ... )
    >>> list(display.estimate.index), list(display.estimate.columns)
    (['operating_cost', 'replacement_cost'], ['buses'])
    """

    def __init__(self, estimate, low, high):
        self.estimate = estimate
        self.low = low
        self.high = high

    @classmethod
    def from_estimator(cls, estimator, X, y, *, name=None, parameters=None, **options):
        """The coefficients of a fit.

        Parameters
        ----------
        estimator : IQLearnClassifier, or a Pipeline or search that ends in one
            Fitted, with coefficients.
        X : array or data frame of shape (n_rows, n_features)
            The rows of the fit.
        y : array of shape (n_rows,)
            Their decisions.
        name : str, optional
            Of the model; by default its class.
        parameters : list of str, optional
            Those to be drawn, in their order; by default all.
        **options
            For ``inference.summary``: ``covariance``, ``contrasts``, ``confidence``, ``feature_names``,
            ``trajectory`` and others.

        Returns
        -------
        display : CoefficientDisplay

        Raises
        ------
        ValueError
            As ``inference.summary``; if there is no such parameter.
        """
        name = type(estimator).__name__ if name is None else name
        return cls.from_summaries({name: inference.summary(estimator, X, y, **options)}, parameters=parameters)

    @classmethod
    def from_summaries(cls, summaries, *, parameters=None):
        """The coefficients of tables.

        Parameters
        ----------
        summaries : DataFrame, or mapping from names of models to these
            Of ``inference.summary`` or ``latent.summary``: a column ``coefficient``, the last two the interval.
        parameters : list of str, optional
            Those to be drawn, in their order; by default all.

        Returns
        -------
        display : CoefficientDisplay

        Raises
        ------
        ValueError
            If a table is none of coefficients, or there is no such parameter.
        """
        tables = summaries if isinstance(summaries, Mapping) else {"": summaries}
        if not tables or not all(_is_table(table) for table in tables.values()):
            raise ValueError(
                "summaries must be tables of inference.summary, with columns 'coefficient' and an interval, got "
                f"{plain({name: list(getattr(table, 'columns', [])) for name, table in tables.items()})}."
            )
        known = list(dict.fromkeys(str(name) for table in tables.values() for name in table.index))
        shown = known if parameters is None else [str(name) for name in any_array("parameters", parameters)]
        if not shown or not set(shown) <= set(known):
            raise ValueError(f"parameters must be some of {plain(known)}, got {plain(parameters)}.")

        def column(place):
            found = {
                str(name): table.set_axis(table.index.astype(str)).iloc[:, place(table)]
                for name, table in tables.items()
            }
            return pd.DataFrame(found).reindex(shown)

        estimate = column(lambda table: list(table.columns).index("coefficient"))
        return cls(estimate, column(lambda table: -2), column(lambda table: -1))

    def plot(self, ax=None, *, numbers=True, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default new ones.
        numbers : bool, default=True
            Whether estimates and intervals are written beside the axes.
        **kwargs
            For ``Axes.errorbar`` of each model.

        Returns
        -------
        display : CoefficientDisplay
            Itself, with the artists as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        self.figure_, self.ax_ = axes_of(ax)
        self.errorbars_, self.texts_ = [], []
        self.line_ = self.ax_.axvline(0.0, **QUIET)
        n_rows, n_models = self.estimate.shape
        for k, name in enumerate(self.estimate.columns):
            estimate, low, high = (
                table[name].to_numpy(dtype=float) for table in (self.estimate, self.low, self.high)
            )
            height = np.arange(n_rows) + 0.6 * ((k + 0.5) / n_models - 0.5)
            look = {"fmt": MARKERS[k % len(MARKERS)], "color": COLORS[k % len(COLORS)], "capsize": 3}
            look |= {"label": name if n_models > 1 else None}
            spread = np.stack([estimate - low, high - estimate])
            self.errorbars_.append(self.ax_.errorbar(estimate, height, xerr=spread, **styled(look, kwargs)))
            if numbers:
                self._write(estimate, low, high, height, look["color"])
        self.ax_.set_yticks(range(n_rows), self.estimate.index)
        self.ax_.set(ylim=(n_rows - 0.5, -0.5), xlabel="coefficient, with interval")
        legend(self.ax_)
        return self

    def _write(self, estimate, low, high, height, color):
        place = {"transform": self.ax_.get_yaxis_transform(), "va": "center", "fontsize": "small", "color": color}
        for value, least, most, y in zip(estimate, low, high, height, strict=True):
            if np.isfinite(value):
                text = f"{value:.3g} [{least:.3g}, {most:.3g}]"
                self.texts_.append(self.ax_.text(1.02, y, text, **place))


def _is_table(table):
    return isinstance(table, pd.DataFrame) and "coefficient" in table.columns and table.shape[1] >= 3
