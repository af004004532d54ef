"""``action_mask``, ``base_reward`` and ``classes`` where states are rows of features."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from problems import rollouts
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_iqlearn import IQLearnClassifier


def never_two(X):
    """Action 2 exists in states below 4 only, action 0 in even ones only."""
    state = np.asarray(X)[:, 0].astype(int)
    return np.stack([state % 2 == 0, np.ones(len(state), dtype=bool), state < 4], axis=1)


def of_rows(X):
    return np.asarray(X)[:, :1] * [0.1, 0.0, -0.2]


def allowed_rollouts(seed=0):
    X, y, order = rollouts(seed, n_states=8)
    exists = never_two(X)
    return X.astype(float), np.where(exists[np.arange(len(y)), y], y, 1), order


def test_a_table_of_rows_is_a_table_of_states():
    """Where every pair is seen and no row cut off, rows and their kernel are a problem of known transitions."""
    X, y, order = allowed_rollouts()
    last = np.append(np.diff(order["trajectory"]) != 0, True)
    order |= {"terminal": last}
    settings = {"q_type": "tabular", "discount": 0.9, "alpha": 2.0}
    rows = IQLearnClassifier(action_mask=never_two, base_reward=of_rows, **settings).fit(X, y, **order)
    states, exists = rows.states_, never_two(rows.states_)
    visits, kernel = np.zeros(exists.shape), np.zeros((3, 8, 8))
    for i in range(len(y)):
        visits[int(X[i, 0]), y[i]] += 1
        if not last[i]:
            kernel[y[i], int(X[i, 0]), int(X[i + 1, 0])] += 1
    kernel /= np.maximum(visits.T, 1)[..., None]
    assert (visits[exists] > 0).all()
    same = IQLearnClassifier(kernel, action_mask=exists, base_reward=of_rows(states), **settings)
    same.fit(X, y)
    assert_allclose(rows.predict_proba(states), same.predict_proba(states), rtol=0, atol=1e-12)
    assert_array_equal(rows.policy_[~exists], 0)
    assert_array_equal(rows.reward_[~exists], -np.inf)
    assert rows.state_action_coverage_ == 1


@pytest.mark.filterwarnings("ignore:IQLearnClassifier did not converge")
@pytest.mark.parametrize("form", ["tabular", "linear", "neural"])
def test_predictions_of_any_rows(form):
    X, y, order = allowed_rollouts(1)
    model = IQLearnClassifier(q_type=form, action_mask=never_two, max_iter=30, random_state=0).fit(X, y, **order)
    Z = np.array([[0.0], [3.0], [5.0], [20.0]])
    exists = never_two(Z)
    assert_array_equal(model.predict_proba(Z) > 0, exists)
    assert_array_equal(model.q_values(Z) == -np.inf, ~exists)
    assert exists[np.arange(4), model.predict(Z)].all()
    assert_allclose(model.predict_proba(Z).sum(axis=1), 1)
    assert np.isfinite(model.score(X, y))


def test_next_rows_are_asked_too():
    X, y, _ = allowed_rollouts(2)
    next_X = np.roll(X, -1, axis=0)
    asked = []

    def recorded(rows):
        asked.append(rows)
        return never_two(rows)

    frames = {"X": pd.DataFrame(X, columns=["level"]), "next_X": pd.DataFrame(next_X, columns=["level"])}
    by_frames = IQLearnClassifier(action_mask=recorded, discount=0.8).fit(frames["X"], y, next_X=frames["next_X"])
    assert all(isinstance(rows, pd.DataFrame) and list(rows.columns) == ["level"] for rows in asked)
    by_arrays = IQLearnClassifier(action_mask=never_two, discount=0.8).fit(X, y, next_X=next_X)
    assert_array_equal(by_frames.coef_, by_arrays.coef_)


def test_a_frame_with_a_column_for_each_action():
    X, y, order = allowed_rollouts()
    names = np.array(["keep", "sell", "trade"])

    def by_name(rows):
        return pd.DataFrame(never_two(rows)[:, ::-1], columns=names[::-1])

    model = IQLearnClassifier(action_mask=by_name).fit(X, names[y], **order)
    by_order = IQLearnClassifier(action_mask=never_two).fit(X, y, **order)
    assert_array_equal(model.coef_, by_order.coef_)


def test_a_base_reward_of_rows_is_what_little_data_return():
    """A small alpha keeps the reward at the known one, whose Q is the solution of the soft-Bellman equation."""
    X, y, order = rollouts(3, n_states=6, n_trajectories=100)
    X = X.astype(float)
    model = IQLearnClassifier(q_type="tabular", base_reward=of_rows, discount=0.9, alpha=1e-6).fit(X, y, **order)
    assert_allclose(model.reward_, of_rows(model.states_), atol=1e-4)


@pytest.mark.parametrize("other", [np.nan, -np.inf])
def test_what_is_told_of_other_pairs_is_not_read(other):
    X, y, order = allowed_rollouts()

    def told(rows):
        return np.where(never_two(rows), of_rows(rows), other)

    settings = {"q_type": "tabular", "action_mask": never_two}
    found = [IQLearnClassifier(base_reward=base, **settings).fit(X, y, **order) for base in (of_rows, told)]
    assert_array_equal(found[0].q_table_, found[1].q_table_)


def test_functions_in_a_search():
    X, y, order = allowed_rollouts()
    search = GridSearchCV(
        IQLearnClassifier(action_mask=never_two, classes=[0, 1, 2]), {"alpha": [1.0, 10.0]}, cv=GroupKFold(3)
    ).fit(X, y, groups=order["trajectory"])
    assert np.isfinite(search.best_score_)
    assert (search.predict_proba(X)[~never_two(X)] == 0).all()


def test_weights_and_repeated_rows():
    X, y, _ = allowed_rollouts(4)
    weight = np.random.default_rng(0).integers(0, 3, size=len(y))
    rows = np.repeat(np.arange(len(y)), weight)
    next_X = np.roll(X, -1, axis=0)
    settings = {"action_mask": never_two, "base_reward": of_rows, "discount": 0.8}
    weighted = IQLearnClassifier(**settings).fit(X, y, weight, next_X=next_X)
    repeated = IQLearnClassifier(**settings).fit(X[rows], y[rows], next_X=next_X[rows])
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"action_mask": np.ones((8, 3), dtype=bool)}, "action_mask must be a function of X without transitions"),
        ({"base_reward": np.ones(8)}, "base_reward must be a function of X without transitions"),
        (
            {"action_mask": lambda X: np.ones((len(X), 2))},
            r"action_mask must have shape \(600, 3\), got \(600, 2\)",
        ),
        ({"action_mask": lambda X: np.zeros((len(X), 3))}, "leave an action in every row, got none in row 0"),
        ({"base_reward": lambda X: np.full(len(X), np.nan)}, "base_reward must be finite for pairs that exist"),
        ({"base_reward": lambda X: np.arange(len(X))}, "base_reward must give rows with the same values the same"),
        (
            {"action_mask": lambda X: never_two(X) & [True, True, False]},
            r"action_mask excludes \d+ of 600 decisions",
        ),
        ({"classes": [0, 1]}, r"y must hold actions of \[0, 1\], got 2"),
        ({"classes": []}, "classes must be a list of action labels"),
        ({"classes": [0, None]}, "classes must be a list of action labels"),
        ({"classes": 3}, "classes must be a list of action labels"),
    ],
)
def test_what_is_refused(settings, message):
    X, y, order = allowed_rollouts()
    with pytest.raises(ValueError, match=message):
        IQLearnClassifier(**settings).fit(X, y, **order)


@pytest.mark.filterwarnings("ignore:IQLearnClassifier did not converge")
@pytest.mark.parametrize("form", ["tabular", "linear", "neural"])
def test_labels_that_the_data_lack(form):
    X, y, order = rollouts(5, n_states=6)
    X, names = X.astype(float), np.array(["a", "b", "c"])
    model = IQLearnClassifier(q_type=form, classes=["never", "c", "b", "a"], random_state=0, max_iter=200)
    model.fit(X, names[y], **order)
    assert_array_equal(model.classes_, ["a", "b", "c", "never"])
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (len(y), 4)
    never = probabilities[:, 3]
    assert (never > 0).all()
    if form == "linear":
        without = IQLearnClassifier(q_type=form).fit(X, names[y], **order)
        assert_allclose(probabilities[:, :3], without.predict_proba(X), atol=2e-3)
        likelihood = IQLearnClassifier(classes=[*names, "never"], alpha=np.inf, C=np.inf).fit(X, names[y], **order)
        # A constant has the mean probability that it is observed with, of half a decision more.
        expected = 0.5 / (len(y) + 0.5)
        assert likelihood.predict_proba(X)[:, 3].mean() == pytest.approx(expected, rel=1e-6)


def test_an_action_never_taken_is_not_ruled_out_by_equation_9():
    """Its half a decision has the gradient of a likelihood beside those of the decisions."""
    X, y, order = rollouts(5, n_states=6)
    settings = {"value_term": "initial", "alpha": 5.0}
    model = IQLearnClassifier(classes=[0, 1, 2, 3], **settings).fit(X.astype(float), y, **order)
    probabilities = model.predict_proba(X.astype(float))
    assert (probabilities[:, 3] > 1e-5).all()
    without = IQLearnClassifier(**settings).fit(X.astype(float), y, **order)
    assert_allclose(probabilities[:, :3], without.predict_proba(X.astype(float)), atol=2e-3)


def test_a_fold_without_the_rare_action_scores():
    X, y, _ = rollouts(6, n_states=6)
    X = X.astype(float)
    y = np.where(np.arange(len(y)) < 10, 2, y % 2)
    folds = [(np.arange(300, 600), np.arange(300)), (np.arange(300), np.arange(300, 600))]
    scores = cross_val_score(IQLearnClassifier(classes=[0, 1, 2]), X, y, cv=folds)
    assert np.isfinite(scores).all()


def test_classes_where_transitions_tell_them():
    kernel = {"go": np.eye(2), "stay": np.eye(2)}
    model = IQLearnClassifier(kernel, classes=["stay", "go"], discount=0.5).fit([[0], [1]], ["go", "go"])
    assert_array_equal(model.classes_, ["go", "stay"])
    with pytest.raises(ValueError, match=r"classes must be None, or the actions of transitions, \['go', 'stay'\]"):
        IQLearnClassifier(kernel, classes=["go"]).fit([[0]], ["go"])


class WithEverything(IQLearnClassifier):
    """Told the labels of the data, and which of them exist where: of two rows of three all of them."""

    def fit(self, X, y, sample_weight=None):
        model = IQLearnClassifier(**self.get_params())
        labels = np.unique(np.asarray(y))
        model.set_params(classes=labels[::-1], action_mask=Exists(len(labels)), base_reward=small)
        model.fit(X, y, sample_weight)
        vars(self).update({name: value for name, value in vars(model).items() if name.endswith("_")})
        self._fit_parameters = model._fit_parameters
        return self


def n_rows(X):
    """Of what NumPy reads, and of sparse rows, which it does not."""
    return X.shape[0] if sp.issparse(X) else np.asarray(X).shape[0]


class Exists:
    def __init__(self, n_actions):
        self.n_actions = n_actions

    def __call__(self, X):
        return np.ones((n_rows(X), self.n_actions), dtype=bool)


def small(X):
    return np.full(n_rows(X), 0.01)


@parametrize_with_checks([WithEverything()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)
