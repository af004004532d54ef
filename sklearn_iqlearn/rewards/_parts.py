"""Fitting the classifiers and regressors of others: their weights, what is routed to them, their seeds."""

from functools import partial

import sklearn
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import has_fit_parameter

from sklearn_iqlearn._estimator.row_functions import take

DEFAULTS = {"classifier": HistGradientBoostingClassifier, "regressor": HistGradientBoostingRegressor}


def part_of(estimator, name):
    """The parameter ``name``, or what None stands for: small trees, whose probabilities overfit little."""
    part = getattr(estimator, name)
    if part is not None:
        return part
    part = DEFAULTS[name](max_leaf_nodes=4, early_stopping=False)
    return part.set_fit_request(sample_weight=True) if _routing() else part


def check_parts(estimator):
    """Raise a ValueError unless the parts can do what is asked of them."""
    for name, method in (("classifier", "predict_proba"), ("regressor", "predict")):
        part = part_of(estimator, name)
        if not hasattr(part, "fit") or not hasattr(part, method):
            raise ValueError(f"{name} must have the methods fit and {method}, got {type(part).__name__}.")


def fit_parameters(estimator, sample_weight, rows):
    """What to pass to the ``fit`` of each part beside X and y, with a value for each row.

    Parameters
    ----------
    estimator : PolicyReward
    sample_weight : array of shape (n_rows,) or None
    rows : dict
        The other parameters of ``fit`` with a value for each row. With metadata routing each part gets of all
        those what it requests; without it the weights.

    Returns
    -------
    parameters : dict from "classifier" and "regressor" to dict
    """
    if _routing():
        given = {
            name: value for name, value in {"sample_weight": sample_weight, **rows}.items() if value is not None
        }
        routed = process_routing(estimator, "fit", **given)
        return {name: dict(routed[name].fit) for name in DEFAULTS}
    if sample_weight is None:
        return {name: {} for name in DEFAULTS}
    return {name: {_weight_name(name, part_of(estimator, name)): sample_weight} for name in DEFAULTS}


def fitter(part, seed, X, parameters, rows):
    """A function from targets of some rows to the part, cloned and fitted to them.

    Parts without a seed get one, so that they answer the same targets with the same fit.
    """
    unseeded = [
        key for key, value in part.get_params().items() if key.split("__")[-1] == "random_state" and value is None
    ]
    table = take(X, rows)
    given = {name: take(value, rows) for name, value in parameters.items()}
    return partial(_fit, part, dict.fromkeys(unseeded, seed), table, given)


def _fit(part, seeds, table, given, targets):
    return clone(part).set_params(**seeds).fit(table, targets, **given)


def _weight_name(name, part):
    """How the ``fit`` of a part calls its weights."""
    if has_fit_parameter(part, "sample_weight"):
        return "sample_weight"
    if isinstance(part, Pipeline) and has_fit_parameter(part.steps[-1][1], "sample_weight"):
        return f"{part.steps[-1][0]}__sample_weight"
    raise ValueError(
        f"sample_weight must be None for a {name} that takes no weights in its fit, as {type(part).__name__}; "
        "with metadata routing, parts request them."
    )


def _routing():
    return sklearn.get_config()["enable_metadata_routing"]
