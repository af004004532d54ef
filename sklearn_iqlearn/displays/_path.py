"""What the scale of the penalty does."""

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from sklearn_iqlearn._estimator.parameters import choose
from sklearn_iqlearn._estimator.wrapped import unwrap
from sklearn_iqlearn._numerics.checks import is_real, plain
from sklearn_iqlearn.displays._drawing import QUIET, axes_of, legend, next_style, styled

# Of a column: what it is, for the axis.
QUANTITIES = {
    "score": "held-out score",
    "reward_norm": "root mean square of the decisions' rewards",
    "policy_distance": "distance to the best alpha's policy",
}


class PathDisplay:
    """Held-out score, size of the reward and distance of the policy against ``alpha``.

    Make one by ``from_search``, of a finished search over ``alpha``, or by ``from_estimators``. A search that
    tries other parameters too, as ``divergence``, has a line for each combination of them.

    Parameters
    ----------
    table : DataFrame
        A row for each fit: ``alpha``, the ``line`` that it belongs to, ``score`` with its ``score_error``, and, of
        fits at hand, ``reward_norm`` and ``policy_distance``, the mean total variation from the policy with the
        best score.
    score_name : str, default="held-out log-likelihood per decision"
        What the score is.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    errorbars_ : list of ErrorbarContainer
        One for each line; the bars are a standard error over the folds either way.
    best_ : Line2D
        At the alpha of the best score.

    Notes
    -----
    ``alpha=inf``, which has no place on a log axis, is drawn a decade beyond the largest other one.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV, GroupKFold
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> from sklearn_iqlearn.datasets import make_bus_engine
    >>> from sklearn_iqlearn.displays import PathDisplay
    >>> bus = make_bus_engine(50, 50, n_bins=30, random_state=0)
    >>> search = GridSearchCV(
    ...     IQLearnClassifier(bus.transitions, discount=bus.discount), {"alpha": [0.1, 1, 10]}, cv=GroupKFold(3)
    ... ).fit(bus.data, bus.target, groups=bus.trajectory)
    >>> PathDisplay.from_search(search).table["alpha"].tolist()
    [0.1, 1.0, 10.0]
    """

    def __init__(self, table, *, score_name="held-out log-likelihood per decision"):
        self.table = table
        self.score_name = score_name

    @classmethod
    def from_search(cls, search, X=None, y=None, *, parameter="alpha", **fit_params):
        """The candidates of a finished search.

        Parameters
        ----------
        search : GridSearchCV or the like
            Finished, over ``alpha`` and maybe more.
        X : array or data frame of shape (n_rows, n_features), optional
            Rows to which every candidate is fitted again, for the sizes of rewards and the distances of policies.
        y : array of shape (n_rows,), optional
            Their decisions.
        parameter : str, default="alpha"
            The parameter on the axis, by its name in the last step.
        **fit_params
            For these fits: ``trajectory`` and others.

        Returns
        -------
        display : PathDisplay

        Raises
        ------
        TypeError
            If it is no search.
        ValueError
            If the search has not tried numbers of the parameter.
        """
        if not hasattr(search, "estimator"):
            raise TypeError(
                f"search must be a GridSearchCV or the like, got {type(search).__name__}: for fits at hand there "
                "is from_estimators."
            )
        check_is_fitted(search, "cv_results_")
        results = search.cv_results_
        tried = sorted({name for candidate in results["params"] for name in candidate})
        keys = [name for name in tried if name.split("__")[-1] == parameter]
        if len(keys) != 1:
            raise ValueError(
                f"parameter must be one that the search has tried, of {tried}, got {plain(parameter)}."
            )
        values = [candidate.get(keys[0]) for candidate in results["params"]]
        others = [_text(candidate, keys[0]) for candidate in results["params"]]
        metric = "score" if "mean_test_score" in results else search.refit
        n_splits = search.n_splits_
        fits = None
        if X is not None:
            fits = [clone(search.estimator).set_params(**one).fit(X, y, **fit_params) for one in results["params"]]
        score, spread = results[f"mean_test_{metric}"], results[f"std_test_{metric}"]
        table = _table(parameter, values, others, score, spread / np.sqrt(n_splits), fits, X)
        likelihood = search.scoring is None or metric == "neg_log_loss" or search.scoring == "neg_log_loss"
        name = "held-out log-likelihood per decision" if likelihood else f"held-out {metric}"
        return cls(table, score_name=name)

    @classmethod
    def from_estimators(cls, estimators, X, y, *, parameter="alpha", names=None):
        """Fits at hand, scored on data that were held out.

        Parameters
        ----------
        estimators : list of IQLearnClassifier, or of pipelines or searches that end in one
            Fitted.
        X : array or data frame of shape (n_rows, n_features)
            Rows for the scores and for the distances of policies.
        y : array of shape (n_rows,)
            Their decisions.
        parameter : str, default="alpha"
            The parameter on the axis; "alpha" is the number that "auto" stood for.
        names : list of str, optional
            The line that each fit belongs to; by default one line.

        Returns
        -------
        display : PathDisplay

        Raises
        ------
        ValueError
            If there is no fit, or the parameter is not a number.
        """
        models = [unwrap(estimator).model for estimator in estimators]
        values = [model.alpha_ if parameter == "alpha" else getattr(model, parameter, None) for model in models]
        score = np.array([estimator.score(X, y) for estimator in estimators])
        names = [""] * len(models) if names is None else list(names)
        return cls(_table(parameter, values, names, score, np.full(len(models), np.nan), estimators, X))

    def plot(self, ax=None, *, quantity="score", **kwargs):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default new ones.
        quantity : {"score", "reward_norm", "policy_distance"}, default="score"
        **kwargs
            For ``Axes.errorbar`` of each line.

        Returns
        -------
        display : PathDisplay
            Itself, with the artists as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there is no such quantity, or it needs fits that were not made.
        """
        label = choose("quantity", quantity, QUANTITIES | {"score": self.score_name})
        if quantity not in self.table:
            raise ValueError(f"quantity must be 'score' where from_search had no X and y, got {plain(quantity)}.")
        self.figure_, self.ax_ = axes_of(ax)
        self.errorbars_ = []
        parameter = self.table.columns[0]
        values = self.table[parameter]
        finite = values[np.isfinite(values)]
        beyond = 10 * finite.max() if len(finite) else 1.0
        places = values.where(np.isfinite(values), beyond)
        for name, rows in self.table.groupby("line", sort=False):
            rows = rows.sort_values(parameter)
            error = rows["score_error"].to_numpy()
            known = quantity == "score" and np.isfinite(error).all()
            look = next_style(self.ax_) | {"label": name or None, "marker": "o", "markersize": 4, "capsize": 2}
            self.errorbars_.append(
                self.ax_.errorbar(
                    places[rows.index].to_numpy(),
                    rows[quantity].to_numpy(),
                    yerr=error if known else None,
                    **styled(look, kwargs),
                )
            )
        best = self.table["score"].idxmax()
        told = {"label": f"best score: {parameter}={values[best]:g}"}
        self.best_ = self.ax_.axvline(places[best], **(QUIET | told))
        self.ax_.set(xscale="log", xlabel=parameter, ylabel=label)
        if len(finite) < len(values):
            ticks = sorted(set(finite))
            self.ax_.set_xticks([*ticks, beyond], [f"{tick:g}" for tick in ticks] + ["inf"])
            self.ax_.minorticks_off()
        legend(self.ax_)
        return self


def _text(candidate, key):
    """The parameters of a candidate beside the one on the axis."""
    return ", ".join(f"{name.split('__')[-1]}={_short(value)}" for name, value in candidate.items() if name != key)


def _short(value):
    return value if isinstance(value, str) else plain(value)


def _table(parameter, values, lines, score, error, fits, X):
    """The table of a display."""
    wrong = [value for value in values if not is_real(value) or not value > 0]
    if wrong or not len(values):
        raise ValueError(f"parameter must be one of positive numbers in every fit, got {plain(wrong or values)}.")
    table = pd.DataFrame({parameter: np.asarray(values, dtype=np.float64), "line": lines})
    table["score"], table["score_error"] = score, error
    if fits is not None:
        table["reward_norm"] = [_norm(unwrap(fit).model) for fit in fits]
        policies = [fit.predict_proba(X) for fit in fits]
        best = policies[int(table["score"].argmax())]
        table["policy_distance"] = [np.abs(policy - best).sum(axis=1).mean() / 2 for policy in policies]
    return table


def _norm(model):
    """Root mean square of the rewards of the decisions whose reward is known."""
    known = np.isfinite(model.reward_) & (model.counts_ > 0)
    return np.sqrt(np.average(model.reward_[known] ** 2, weights=model.counts_[known])) if known.any() else np.nan
