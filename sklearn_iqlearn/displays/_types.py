"""Kinds of decision makers: how many, who, and what they do."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from sklearn_iqlearn._estimator.parameters import choose
from sklearn_iqlearn._model.demonstrations import check_ids
from sklearn_iqlearn._numerics.checks import plain
from sklearn_iqlearn.displays._drawing import COLORS, axes_of, legend
from sklearn_iqlearn.displays._policy import PolicyDisplay
from sklearn_iqlearn.latent import LatentTypes


class TypesDisplay:
    """The types of a ``LatentTypes``: their shares, who is of which, their policies, and modes over time.

    Make one by ``from_estimator``.

    Parameters
    ----------
    weights : ndarray of shape (n_types,)
        Shares of the types.
    responsibilities : DataFrame of shape (n_trajectories, n_types) or (n_rows, n_types)
        Probability of each type of a trajectory or, with ``switching``, of a row.
    policies : list of PolicyDisplay, optional
        Of the types.
    trajectory : ndarray of shape (n_rows,), optional
        Ids of the rows of ``responsibilities``, with ``switching``.
    step : ndarray of shape (n_rows,), optional
        Their times.
    switching : bool, default=False
        Whether a type is of a row, and not of a trajectory.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    bars_ : BarContainer or None
        Of the shares.
    areas_ : list of PolyCollection
        Of the probabilities, one for each type.
    policies_ : list of PolicyDisplay
        Those drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_iqlearn import LatentTypes
    >>> from sklearn_iqlearn.displays import TypesDisplay
    >>> rng = np.random.default_rng(0)
    >>> who = np.repeat(np.arange(60), 20)
    >>> X = rng.normal(size=(len(who), 1))
    >>> y = (rng.random(len(who)) < 1 / (1 + np.exp(np.where(who < 40, 3, -3) * X[:, 0]))).astype(int)
    >>> types = LatentTypes(LogisticRegression(), n_init=2, random_state=0).fit(X, y, trajectory=who)
    >>> TypesDisplay.from_estimator(types).weights.round(2)
    array([0.67, 0.33])
    """

    def __init__(self, weights, responsibilities, *, policies=None, trajectory=None, step=None, switching=False):
        self.weights = weights
        self.responsibilities = responsibilities
        self.policies = policies
        self.trajectory = trajectory
        self.step = step
        self.switching = switching

    @classmethod
    def from_estimator(cls, types, X=None, *, trajectory=None, step=None, **options):
        """The types of a fit.

        Parameters
        ----------
        types : LatentTypes
            Fitted.
        X : array or data frame of shape (n_rows, n_features), optional
            Rows for the policies, as for ``PolicyDisplay.from_estimator``; not needed where the types have
            ``transitions``.
        trajectory, step : array of shape (n_rows,), optional
            Those of the fit, for modes over time.
        **options
            For ``PolicyDisplay.from_estimator``: ``action``, ``column``, ``values``, ``row``.

        Returns
        -------
        display : TypesDisplay

        Raises
        ------
        TypeError
            If it is no ``LatentTypes``.
        ValueError
            If the rows are not as many as those of the fit.
        """
        if not isinstance(types, LatentTypes):
            raise TypeError(f"types must be a LatentTypes, got {type(types).__name__}.")
        check_is_fitted(types)
        found, switching = types.responsibilities_, hasattr(types, "transition_")
        ids = times = None
        if switching and trajectory is not None:
            ids = np.asarray(check_ids(trajectory, "trajectory", len(found)))
            times = pd.Series(ids).groupby(ids).cumcount().to_numpy() if step is None else np.asarray(step)
            if times.shape != ids.shape:
                raise ValueError(f"step must have shape {ids.shape}, as trajectory, got {times.shape}.")
        policies = None
        if X is not None or getattr(types.estimators_[0], "transitions", None) is not None:
            policies = [
                PolicyDisplay.from_estimator(one, X, name=f"type {k} ({share:.0%})", **options)
                for k, (one, share) in enumerate(zip(types.estimators_, types.weights_, strict=True))
            ]
        return cls(types.weights_, found, policies=policies, trajectory=ids, step=times, switching=switching)

    def plot(self, ax=None, *, kind="posterior", trajectory=None, **kwargs):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default new ones.
        kind : {"posterior", "shares", "policies", "time"}, default="posterior"
            "posterior": the probabilities of the types of all trajectories (with ``switching`` of all decisions),
            sorted. "shares": of the types. "policies": of the types. "time": the probabilities of the modes along
            one trajectory.
        trajectory : id, optional
            The one whose modes are drawn; by default the first.
        **kwargs
            For ``Axes.bar`` of the shares, ``Axes.stackplot`` of probabilities, ``PolicyDisplay.plot``.

        Returns
        -------
        display : TypesDisplay
            Itself, with the artists as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there is no such kind or trajectory, or it was not told what it needs.
        """
        draw = choose("kind", kind, KINDS)
        if trajectory is not None and draw is not TypesDisplay._time:
            raise ValueError(f"trajectory must be None unless kind='time', got {plain(trajectory)}.")
        if draw is TypesDisplay._policies and self.policies is None:
            raise ValueError("kind must not be 'policies' where from_estimator had no X, got 'policies'.")
        if draw is TypesDisplay._time:
            trajectory = self._which(trajectory)
        self.figure_, self.ax_ = axes_of(ax)
        self.bars_, self.areas_, self.policies_ = None, [], []
        draw(self, trajectory, kwargs)
        return self

    def _which(self, trajectory):
        """The trajectory whose modes are drawn."""
        if self.trajectory is None:
            raise ValueError("kind must not be 'time' unless types switch and trajectory was given, got 'time'.")
        ids = pd.unique(self.trajectory)
        if trajectory is None:
            return ids[0]
        if trajectory not in ids.tolist():
            raise ValueError(f"trajectory must be one of {plain(ids)}, got {plain(trajectory)}.")
        return trajectory

    def _shares(self, _, kwargs):
        names = [f"type {k}" for k in range(len(self.weights))]
        self.bars_ = self.ax_.bar(names, self.weights, **({"color": self._colors()} | kwargs))
        self.ax_.bar_label(self.bars_, [f"{share:.0%}" for share in self.weights])
        self.ax_.set(ylabel=f"share of the {'decisions' if self.switching else 'trajectories'}", ylim=(0, 1.05))

    def _posterior(self, _, kwargs):
        known = self.responsibilities.dropna().to_numpy()
        # By the most probable type, and how surely.
        order = np.lexsort((-known.max(axis=1), known.argmax(axis=1)))
        self._stack(np.arange(len(known)), known[order], kwargs)
        self.ax_.set_xlabel(f"{'decisions' if self.switching else 'trajectories'}, sorted by type")

    def _policies(self, _, kwargs):
        self.policies_ = [policy.plot(self.ax_, **kwargs) for policy in self.policies]

    def _time(self, trajectory, kwargs):
        rows = np.flatnonzero(self.trajectory == trajectory)
        rows = rows[np.argsort(self.step[rows], kind="stable")]
        self._stack(self.step[rows], self.responsibilities.to_numpy()[rows], kwargs)
        self.ax_.set_xlabel(f"step of trajectory {trajectory}")

    def _stack(self, x, shares, kwargs):
        names = [f"type {k} ({share:.0%})" for k, share in enumerate(self.weights)]
        look = {"colors": self._colors(), "labels": names, "step": "mid", "alpha": 0.8, "linewidth": 0}
        self.areas_ = self.ax_.stackplot(x, shares.T, **(look | kwargs))
        self.ax_.set(ylabel="probability of type", ylim=(0, 1), xlim=(x.min(), max(x.max(), x.min() + 1)))
        self.ax_.set_xmargin(0)
        legend(self.ax_)

    def _colors(self):
        return [COLORS[k % len(COLORS)] for k in range(len(self.weights))]


KINDS = {
    "posterior": TypesDisplay._posterior,
    "shares": TypesDisplay._shares,
    "policies": TypesDisplay._policies,
    "time": TypesDisplay._time,
}
