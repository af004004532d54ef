"""The reward as a table, as lines with errors, or on a grid, and what of it is open."""

import numpy as np

from sklearn_iqlearn._estimator.parameters import check_confidence, choose
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._numerics.checks import plain
from sklearn_iqlearn.displays._drawing import BAND_ALPHA, axes_of, in_units, legend, next_style, styled, wrapped
from sklearn_iqlearn.displays._grids import StateMap, check_shape, draw_table
from sklearn_iqlearn.displays._reward_view import View, bounds_of_reward, caveat_of
from sklearn_iqlearn.rewards import anchor as anchored_at

# States up to which lines have a marker for each.
MARKED = 30


class RewardDisplay:
    """The reward of a fit, modulo what the decisions do not identify.

    Make one by ``from_estimator``. The reward of a table of Q is one of many with its policy, that of a form is
    known up to ``unidentified_``. What is drawn can be made to depend on no such choice: by the reward of one
    action (``anchor``) or, of a form, as a difference to an action or a state. Where it still depends on one,
    ``caveat`` says so, and is the title of the picture.

    Parameters
    ----------
    reward : ndarray of shape (S, m)
        Of m actions, or, m = 1, what the policy expects; NaN where an action does not exist or nothing is known.
    actions : ndarray of shape (m,)
        Their labels.
    standard_error, low, high : ndarray of shape (S, m), optional
        Its errors and the bounds of its intervals.
    label : str, default="reward"
        What is drawn, in words: what is known, the differences taken, and the unit.
    caveat : str, default=""
        What is left open.
    states : ndarray of shape (S,), optional
        Where the states are on an axis: ids, or values of the one column of X; by default their number.
    state_name : str, default="state"
        Of that axis.
    shape : tuple (rows, columns), optional
        Of a grid.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    image_, colorbar_ : AxesImage and Colorbar, or None
        Of a table or map.
    texts_ : list of Text
        The numbers in its cells, where there are at most 100.
    lines_ : list of Line2D
        One for each action.
    bands_ : list of PolyCollection

    See Also
    --------
    sklearn_iqlearn.rewards.anchor : The reward where that of one action is known.
    CoefficientDisplay : Its coefficients.

    Examples
    --------
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> from sklearn_iqlearn.displays import RewardDisplay
    >>> bus = make_bus_engine(100, random_state=0)
    >>> model = IQLearnClassifier(bus.transitions, discount=bus.discount).fit(bus.data, bus.target)
    >>> RewardDisplay.from_estimator(model).caveat
    'one of the many rewards with this policy: the one that the penalty prefers'
    >>> RewardDisplay.from_estimator(model, anchor=1, anchor_reward=-3.0).label
    'reward, where that of action 1 is -3.0 (choice shocks of scale 1)'
    """

    def __init__(
        self,
        reward,
        actions,
        *,
        standard_error=None,
        low=None,
        high=None,
        label="reward",
        caveat="",
        states=None,
        state_name="state",
        shape=None,
    ):
        self.reward = reward
        self.actions = actions
        self.standard_error = standard_error
        self.low = low
        self.high = high
        self.label = label
        self.caveat = caveat
        self.states = states
        self.state_name = state_name
        self.shape = shape

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        action=None,
        anchor=None,
        anchor_reward=0.0,
        reference_action=None,
        reference_state=None,
        errors=None,
        confidence=0.95,
        shape=None,
    ):
        """The reward of a fit.

        Parameters
        ----------
        estimator : IQLearnClassifier, or a Pipeline or search that ends in one
            Fitted, or one of its worlds.
        action : label or list of labels, optional
            Actions to be drawn; by default all. On a grid one, by default what the policy expects of each state.
        anchor : label, optional
            Action whose reward is known: the reward is that of ``rewards.anchor``.
        anchor_reward : float or array of shape (S,), default=0.0
            Its reward.
        reference_action : label, optional
            Action whose reward is taken off in each state.
        reference_state : int, optional
            State whose reward is taken off, action by action.
        errors : Resampled, DataFrame or array of shape (K, K), optional
            ``inference.bootstrap`` of ``"reward_"`` (with ``anchor`` of ``lambda fit: rewards.anchor(fit,
            ...).reward_``), or ``inference.covariance`` of the coefficients of a structural fit.
        confidence : float in (0, 1), default=0.95
            Of the intervals.
        shape : tuple (rows, columns), optional
            Of a grid whose cells are the states, row by row: a map is drawn.

        Returns
        -------
        display : RewardDisplay

        Raises
        ------
        ValueError
            If an action, state, shape or errors do not fit the estimator, or states are rows of several columns.
        """
        check_confidence(confidence)
        model = unwrap(estimator).model
        if not hasattr(model, "reward_"):
            raise ValueError("estimator must have reward_, got one without the rows that it was fitted to.")
        if shape is not None:
            check_shape(shape, len(model.reward_))
        single = getattr(model, "states_", np.empty((0, 1))).shape[1] == 1
        if not single and shape is None:
            raise ValueError(
                "estimator must have states that are numbered, or of one column, as rewards are drawn side by "
                f"side; got states of {model.states_.shape[1]} columns: draw what they decide, by PolicyDisplay."
            )
        known = model if anchor is None else anchored_at(model, anchor, anchor_reward)
        view = View(
            model, action, reference_action, reference_state, expected=shape is not None and action is None
        )
        if shape is not None and len(view.actions) > 1:
            raise ValueError(f"action must be one action for a map, got {len(view.actions)}.")
        reward = view(known.reward_)
        bounds = (None, None, None)
        if errors is not None:
            bounds = bounds_of_reward(model, known, errors, view, reward, confidence)
        label = "reward"
        if anchor is not None:
            told = plain(anchor_reward) if np.ndim(anchor_reward) == 0 else "known"
            label += f", where that of action {anchor} is {told}"
        return cls(
            reward,
            view.actions,
            standard_error=bounds[0],
            low=bounds[1],
            high=bounds[2],
            label=in_units(label + view.label, model),
            caveat="" if anchor is not None else caveat_of(model, view),
            states=model.states_[:, 0] if single and hasattr(model, "states_") else np.arange(len(reward)),
            state_name=getattr(model, "feature_names_in_", ["state"])[0] if model.n_features_in_ == 1 else "state",
            shape=None if shape is None else tuple(shape),
        )

    def plot(self, ax=None, *, kind="auto", **kwargs):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default new ones.
        kind : {"auto", "table", "lines", "map"}, default="auto"
            "table": a heat map of actions by states. "lines": against the states, a line for each action, with
            bands where there are errors. "map": on the grid. "auto": a map where there is a ``shape``, lines where
            there are errors, else a table.
        **kwargs
            For ``Axes.imshow``, or for ``Axes.plot`` of each line.

        Returns
        -------
        display : RewardDisplay
            Itself, with the artists as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there is no such kind, or a map is asked for without ``shape``.
        """
        auto = "map" if self.shape is not None else "table" if self.low is None else "lines"
        draw = choose("kind", kind, KINDS, auto=auto)
        if draw is RewardDisplay._map and self.shape is None:
            raise ValueError("kind must be 'table' or 'lines' without a shape, got 'map'.")
        self.figure_, self.ax_ = axes_of(ax)
        self.image_ = self.colorbar_ = None
        self.texts_, self.lines_, self.bands_ = [], [], []
        draw(self, kwargs)
        if self.caveat:
            self.ax_.set_title(wrapped(self.caveat), fontsize="small")
        return self

    def _table(self, kwargs):
        spread = None if self.standard_error is None else self.standard_error.T
        drawn = draw_table(
            self.ax_, self.reward.T, self.label, centred=True, spread=spread, **({"aspect": "auto"} | kwargs)
        )
        self.image_, self.texts_, self.colorbar_ = drawn
        self.ax_.set_yticks(range(len(self.actions)), [str(action) for action in self.actions])
        self.ax_.set(xlabel="state", ylabel="action")
        self.ax_.xaxis.get_major_locator().set_params(integer=True)

    def _lines(self, kwargs):
        states = np.arange(len(self.reward)) if self.states is None else self.states
        for k, action in enumerate(self.actions):
            look = next_style(self.ax_) | {"label": f"action {action}"}
            look |= {"marker": "o", "markersize": 4} if len(states) <= MARKED else {}
            (line,) = self.ax_.plot(states, self.reward[:, k], **styled(look, kwargs))
            self.lines_.append(line)
            if self.low is not None:
                shade = {"color": line.get_color(), "alpha": BAND_ALPHA, "linewidth": 0}
                self.bands_.append(self.ax_.fill_between(states, self.low[:, k], self.high[:, k], **shade))
        self.ax_.set(xlabel=self.state_name, ylabel=wrapped(self.label))
        legend(self.ax_)

    def _map(self, kwargs):
        spread = None if self.standard_error is None else self.standard_error[:, 0]
        grid = StateMap(self.reward[:, 0], self.shape, self.label, centred=True, spread=spread)
        found = grid.draw(self.ax_, **kwargs)
        self.image_, self.texts_, self.colorbar_ = found["image_"], found["texts_"], found["colorbar_"]


KINDS = {"table": RewardDisplay._table, "lines": RewardDisplay._lines, "map": RewardDisplay._map}
