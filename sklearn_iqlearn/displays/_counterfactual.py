"""What decision makers would do, against a changed quantity."""

from functools import partial

import numpy as np

from sklearn_iqlearn import rewards
from sklearn_iqlearn._estimator.parameters import check_confidence, check_seed
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._numerics.checks import check_count, is_count, plain, real_array
from sklearn_iqlearn.displays._bands import bounds_of, draws_of, probability_interval
from sklearn_iqlearn.displays._drawing import (
    BAND_ALPHA,
    QUIET,
    axes_of,
    legend,
    next_style,
    positions,
    styled,
)
from sklearn_iqlearn.inference._covariance import coefficient_names


class CounterfactualDisplay:
    """A number that policies of other worlds answer, against what is changed: demand against a price.

    Make one by ``from_estimator``, with a band from a covariance of coefficients, or by ``from_bootstrap``.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Of the changed quantity.
    estimate : ndarray of shape (n,)
        The answers.
    low, high : ndarray of shape (n,), optional
        Bounds of a band.
    x_name, y_name : str, default="changed quantity", "answer"
        What is changed, and what is drawn.
    reference : float, optional
        The value in the data, where a line is drawn.
    name : str, optional
        Of the model, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : Line2D
    band_ : PolyCollection or None
    reference_ : Line2D or None

    See Also
    --------
    sklearn_iqlearn.IQLearnClassifier.counterfactual : One world.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> from sklearn_iqlearn.displays import CounterfactualDisplay
    >>> bus = make_bus_engine(100, random_state=0)
    >>> model = IQLearnClassifier(
    ...     bus.transitions, discount=bus.discount, q_type="structural", features=bus.features
    ... ).fit(bus.data, bus.target)
    >>> display = CounterfactualDisplay.from_estimator(model, [0.5, 1.0, 2.0], 1, action=1)
    >>> bool(display.estimate[0] > display.estimate[1] > display.estimate[2])
    True
    """

    def __init__(
        self,
        values,
        estimate,
        *,
        low=None,
        high=None,
        x_name="changed quantity",
        y_name="answer",
        reference=None,
        name=None,
    ):
        self.values = values
        self.estimate = estimate
        self.low = low
        self.high = high
        self.x_name = x_name
        self.y_name = y_name
        self.reference = reference
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        values,
        world,
        *,
        action=None,
        quantity=None,
        X=None,
        covariance=None,
        n_draws=100,
        confidence=0.95,
        random_state=0,
        x_name=None,
        y_name=None,
        name=None,
    ):
        """The answers of a fit's worlds.

        Parameters
        ----------
        estimator : IQLearnClassifier, or a Pipeline or search that ends in one
            Fitted.
        values : array of shape (n,)
            Of the changed quantity.
        world : int, str or callable
            What a value does. A coefficient of the reward, by position or name, is multiplied by the value. A
            function of the coefficients (None where the reward has none) and a value returns the keywords of
            ``counterfactual``: ``lambda coef, value: {"reward_coef": coef, "discount": value}``.
        action : label, optional
            Whose share of the decisions is drawn; needed unless ``quantity`` is given.
        quantity : callable, optional
            From a world, a fitted estimator, to the number that is drawn. By default the share of ``action``: in
            the rows of X where those are given, else in the long run (``rewards.occupancy``), which needs
            ``transitions``.
        X : array or data frame of shape (n_rows, n_features), optional
            Rows over whose policies the share is averaged.
        covariance : DataFrame or array of shape (K, K), optional
            Of the coefficients of a structural fit: the band is of the answers at coefficients drawn from it.
        n_draws : int, default=100
            Coefficients that are drawn. Each takes a world for each value.
        confidence : float in (0, 1), default=0.95
            Of the band.
        random_state : int, RandomState or None, default=0
            Of the draws.
        x_name, y_name : str, optional
            What is changed, and what is drawn; by default in words of ``world`` and ``action``.
        name : str, optional
            Of the model, for the legend.

        Returns
        -------
        display : CounterfactualDisplay

        Raises
        ------
        ValueError
            If there is no such coefficient or action, or the covariance is not that of the coefficients.
        """
        check_confidence(confidence)
        check_count("n_draws", n_draws, least=2)
        values = real_array("values", values, ("n",))
        seen = unwrap(estimator)
        model, x_default, reference = seen.model, "changed quantity", None
        if not callable(world):
            place, coefficient = _coefficient(model, world)
            world, x_default, reference = partial(_scaled, place), f"factor of {coefficient}", 1.0
        y_default = "answer"
        if quantity is None:
            quantity, y_default = _share(model, action, None if X is None else seen.data(X))

        def answers(coef):
            worlds = (model.counterfactual(**world(coef, value)) for value in values.tolist())
            return np.array([float(quantity(changed)) for changed in worlds])

        low = high = None
        if covariance is not None:
            draws = draws_of("covariance", model, covariance, n_draws, check_seed(random_state))
            low, high = probability_interval([answers(draw) for draw in draws], confidence)
        return cls(
            values,
            answers(getattr(model, "reward_coef_", None)),
            low=low,
            high=high,
            x_name=x_default if x_name is None else x_name,
            y_name=y_default if y_name is None else y_name,
            reference=reference,
            name=name,
        )

    @classmethod
    def from_bootstrap(
        cls,
        values,
        resampled,
        *,
        confidence=0.95,
        x_name="changed quantity",
        y_name="answer",
        reference=None,
        name=None,
    ):
        """The answers in resampled data.

        Parameters
        ----------
        values : array of shape (n,)
            Of the changed quantity.
        resampled : Resampled
            Of ``inference.bootstrap`` with a statistic that returns the answer to each value.
        confidence : float in (0, 1), default=0.95
            Of the band.
        x_name, y_name : str
            What is changed, and what is drawn.
        reference : float, optional
            The value in the data.
        name : str, optional
            Of the model, for the legend.

        Returns
        -------
        display : CounterfactualDisplay

        Raises
        ------
        ValueError
            If the statistic has not a number for each value.
        """
        values = real_array("values", values, ("n",))
        low, high = bounds_of("resampled", resampled, values.shape, confidence)
        names = {"x_name": x_name, "y_name": y_name, "reference": reference, "name": name}
        return cls(values, resampled.estimate, low=low, high=high, **names)

    def plot(self, ax=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default new ones.
        **kwargs
            For ``Axes.plot``.

        Returns
        -------
        display : CounterfactualDisplay
            Itself, with the artists as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        """
        self.figure_, self.ax_ = axes_of(ax)
        look = next_style(self.ax_) | {"label": self.name, "marker": "o", "markersize": 4}
        (self.line_,) = self.ax_.plot(self.values, self.estimate, **styled(look, kwargs))
        self.band_ = self.reference_ = None
        if self.low is not None:
            shade = {"color": self.line_.get_color(), "alpha": BAND_ALPHA, "linewidth": 0}
            self.band_ = self.ax_.fill_between(self.values, self.low, self.high, **shade)
        if self.reference is not None:
            self.reference_ = self.ax_.axvline(self.reference, **QUIET)
        self.ax_.set(xlabel=self.x_name, ylabel=self.y_name)
        legend(self.ax_)
        return self


def _coefficient(model, world):
    """The position and name of a coefficient of the reward."""
    coef = getattr(model, "reward_coef_", None)
    if coef is None:
        raise ValueError(f"world must be a function for a fit without features, got {plain(world)}.")
    named = getattr(model, "_unidentified", None) is not None
    names = coefficient_names(model, None) if named else [f"x{k}" for k in range(len(coef))]
    if isinstance(world, str) and world in names:
        return names.index(world), world
    if is_count(world, 0) and world < len(coef):
        return int(world), f"coefficient {names[world]}"
    raise ValueError(f"world must be a function, or a coefficient of {plain(names)}, got {plain(world)}.")


def _scaled(place, coef, value):
    changed = coef.copy()
    changed[place] *= value
    return {"reward_coef": changed}


def _share(model, action, X):
    """The share of an action, as a function of a world, and in words."""
    if action is None:
        raise ValueError("action must be given where quantity is not, got None.")
    places = positions(action, model.classes_)
    if len(places) > 1:
        raise ValueError(f"action must be one action, got {len(places)}.")
    if X is not None:
        return lambda world: world.predict_proba(X)[:, places[0]].mean(), f"share of action {action} in the rows"
    if model.transitions is None:
        raise ValueError("X must be given for a fit without transitions, of which there is no long run.")

    def in_the_long_run(world):
        return rewards.occupancy(world, long_run=True)[:, places[0]].sum()

    return in_the_long_run, f"share of action {action} in the long run"
