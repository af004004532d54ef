"""What belongs to each row finds its way through pipelines and searches."""

import numpy as np
import scipy.optimize
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax, logsumexp
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from walks import CV, assert_same, differ, linear, log_likelihood, walks


def test_search_with_routing_is_the_search_without():
    d = walks()
    plain = GridSearchCV(linear(), {"alpha": [0.5, 5.0]}, cv=CV, error_score="raise")
    plain.fit(d.X, d.y, groups=d.trajectory, trajectory=d.trajectory, step=d.step)
    with sklearn.config_context(enable_metadata_routing=True):
        model = linear().set_fit_request(trajectory=True, step=True)
        by_trajectory = GroupKFold(3).set_split_request(groups="trajectory")
        routed = GridSearchCV(model, {"alpha": [0.5, 5.0]}, cv=by_trajectory, error_score="raise")
        routed.fit(d.X, d.y, trajectory=d.trajectory, step=d.step)
    for fold in range(3):
        key = f"split{fold}_test_score"
        assert_array_equal(routed.cv_results_[key], plain.cv_results_[key])
    assert_same(routed.best_estimator_, plain.best_estimator_, d.X)


def test_pipeline_must_transform_next_states():
    d = walks()
    with sklearn.config_context(enable_metadata_routing=True):
        model = linear().set_fit_request(trajectory=True, next_X=True, terminal=True)
        plain, transforming = (
            Pipeline([("scale", StandardScaler()), ("model", clone(model))], transform_input=names)
            for names in (None, ["next_X"])
        )
        follow = clone(plain).fit(d.X, d.y, trajectory=d.trajectory, terminal=d.terminal)
        pairs = transforming.fit(d.X, d.y, next_X=d.next_X, terminal=d.terminal)
        unscaled = clone(plain).fit(d.X, d.y, next_X=d.next_X, terminal=d.terminal)
        assert_same(pairs, follow, d.X)
        assert differ(unscaled, follow, d.X) > 1e-2  # states met next states in other units


def objective_by_hand(parameters, X, y, following, alpha, discount, C):
    """J of a linear Q with chi2, two actions and smoothing 1, in distinct states: straight from its definition.

    ``following`` holds the next state of each row, NaN where the row was cut off.
    """
    coef, intercept = parameters[:4].reshape(2, 2), parameters[4:]
    q = X @ coef.T + intercept
    chosen = np.arange(len(y)), y
    known = ~np.isnan(following[:, 0])
    reward = q[chosen] - discount * logsumexp(np.nan_to_num(following) @ coef.T + intercept, axis=1)
    penalty = np.sum((1 + 1.0) * reward[known] ** 2 / (4 * alpha)) / len(y)
    return -np.mean(log_softmax(q, axis=1)[chosen]) + penalty + np.sum(coef**2) / (2 * C * len(y))


def test_step_prevents_false_successors_in_shuffled_folds():
    d = walks()
    settings = {"alpha": 2.0, "discount": 0.8, "C": 10.0}
    splits = list(KFold(3, shuffle=True, random_state=0).split(d.X))
    search = GridSearchCV(linear(**settings), {"alpha": [2.0]}, cv=splits, error_score="raise")
    search.fit(d.X, d.y, trajectory=d.trajectory, step=d.step)
    for fold, (train, test) in enumerate(splits):
        # The true next row counts where it is in the fold; else the row was cut off.
        present = np.isin(train + 1, train) & ~d.terminal[train]
        assert 0.3 < present.mean() < 0.8
        following = np.where(present[:, None], d.next_X[train], np.nan)
        arguments = (d.X[train], d.y[train], following, *(settings[name] for name in ("alpha", "discount", "C")))
        found = scipy.optimize.minimize(objective_by_hand, np.zeros(6), arguments, options={"gtol": 1e-6})
        order = np.random.default_rng(0).permutation(train)
        model = linear(**settings).fit(d.X[order], d.y[order], trajectory=d.trajectory[order], step=d.step[order])
        assert_allclose(model.objective_, found.fun, rtol=0, atol=1e-9)
        assert_allclose(np.append(model.coef_, model.intercept_), found.x, rtol=0, atol=1e-3)
        expected = log_likelihood(model, d.X[test], d.y[test])
        assert_allclose(search.cv_results_[f"split{fold}_test_score"], expected, rtol=0, atol=1e-10)
        # Without step, rows on either side of one left out would become neighbours.
        joined = linear(**settings).fit(d.X[train], d.y[train], trajectory=d.trajectory[train])
        assert differ(joined, model, d.X) > 1e-3
