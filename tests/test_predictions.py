"""What a fit over given transitions tells: attributes, predictions, scores."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from problems import as_rows, expand, random_problem

from sklearn_iqlearn import IQLearnClassifier


def test_attributes_agree_with_one_another():
    transitions, counts, _ = random_problem(0)
    counts[2] = 0
    counts[4, 1] = 0
    model = IQLearnClassifier(transitions, temperature=0.5).fit(*as_rows(counts))
    value = 0.5 * np.log(np.exp(model.q_table_ / 0.5).sum(axis=1))
    assert_allclose(model.value_, value)
    assert_allclose(model.policy_, np.exp((model.q_table_ - value[:, None]) / 0.5))
    reward = model.q_table_ - 0.95 * np.einsum("ast,t->sa", transitions, value)
    assert_allclose(model.reward_, reward, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.counts_, counts)
    assert model.state_coverage_ == 5 / 6
    assert model.state_action_coverage_ == np.mean(counts > 0)
    assert model.n_iter_ == len(model.loss_curve_) - 1
    assert model.loss_curve_[-1] == model.objective_
    assert all(getattr(model, name).dtype == np.float64 for name in ("q_table_", "value_", "policy_", "reward_"))


def test_predictions():
    transitions, counts, _ = random_problem(0, n_actions=2)
    labels = np.array(["keep", "replace"])
    frame = pd.DataFrame({"mileage": [0.0, 3.0, 5.0]})
    X, y, weight = as_rows(counts)
    model = IQLearnClassifier(dict(zip(labels, transitions, strict=True)))
    model.fit(pd.DataFrame(X, columns=["mileage"]), labels[y], weight)
    assert model.feature_names_in_.tolist() == ["mileage"]
    q = model.q_table_[[0, 3, 5]]
    np.testing.assert_array_equal(model.q_values(frame), q)
    np.testing.assert_array_equal(model.decision_function(frame), q[:, 1] - q[:, 0])
    np.testing.assert_array_equal(model.predict(frame), labels[q.argmax(axis=1)])
    assert_allclose(model.predict_proba(frame), model.policy_[[0, 3, 5]])
    assert_allclose(np.exp(model.predict_log_proba(frame)), model.predict_proba(frame))


def test_score_and_information_criteria():
    transitions, counts, _ = random_problem(0)
    counts[1] = 0
    X, y, weight = as_rows(counts)
    model = IQLearnClassifier(transitions).fit(X, y, weight)
    log_likelihood = np.sum(counts * np.log(model.policy_))
    assert_allclose(model.score(X, y, weight), log_likelihood / counts.sum())
    assert_allclose(model.score(*expand(counts)), log_likelihood / counts.sum())
    n_parameters = 5 * 2  # five visited states, two free probabilities in each
    assert_allclose(model.aic(X, y, weight), 2 * n_parameters - 2 * log_likelihood)
    assert_allclose(model.bic(X, y, weight), np.log(counts.sum()) * n_parameters - 2 * log_likelihood)


def test_all_actions_are_classes():
    transitions, counts, _ = random_problem(0)
    counts[:, 1] = 0
    X, y, weight = as_rows(counts)
    seen = weight > 0
    model = IQLearnClassifier(transitions).fit(X[seen], y[seen], weight[seen])
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict_proba([[0]]).shape == (1, 3)


def test_starts_come_from_trajectories():
    transitions, _, _ = random_problem(0)
    X = np.array([[2], [0], [1], [2], [3], [5], [4]])
    y = np.array([0, 1, 2, 0, 1, 2, 0])
    ids, step = np.array(list("aaabbbb")), np.array([4, 5, 6, 0, 1, 2, 3])

    def fit(order=slice(None), **kwargs):
        initial = kwargs.pop("initial_distribution", None)
        model = IQLearnClassifier(transitions, value_term="initial", initial_distribution=initial)
        return model.fit(X[order], y[order], **kwargs).q_table_

    known = fit(initial_distribution=np.array([0, 0, 1.0, 0, 0, 0]))
    np.testing.assert_array_equal(fit(trajectory=ids), known)
    shuffled = np.array([3, 0, 6, 2, 5, 1, 4])
    np.testing.assert_array_equal(fit(shuffled, trajectory=ids[shuffled], step=step[shuffled]), known)
    everywhere = np.bincount(X.ravel(), minlength=6) / len(X)
    np.testing.assert_array_equal(fit(), fit(initial_distribution=everywhere))
    assert np.abs(fit() - known).max() > 1e-3


TRANSITIONS, COUNTS, _ = random_problem(0)


X, Y, WEIGHT = as_rows(COUNTS)


def test_score_refuses_what_fit_never_saw():
    model = IQLearnClassifier(TRANSITIONS).fit(X, Y, WEIGHT)
    with pytest.raises(ValueError, match=r"y must hold actions of \[0, 1, 2\], got .*7"):
        model.score([[0]], [7])
    with pytest.raises(ValueError, match="state ids must be 0 to 5"):
        model.predict([[6]])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.score([[0], [1]], [1])


def test_log_likelihoods_of_trajectories_add_up_to_the_score():
    transitions, counts, _ = random_problem(3)
    X, y = expand(counts)
    rng = np.random.default_rng(0)
    weight, ids = rng.uniform(size=len(y)), rng.choice(["c", "a", "b"], size=len(y))
    model = IQLearnClassifier(transitions).fit(X, y)
    found = model.log_likelihood(X, y, weight, trajectory=ids)
    assert found.index.tolist() == ["a", "b", "c"]
    assert_allclose(found.sum() / weight.sum(), model.score(X, y, weight), rtol=1e-12)
    of_b = ids == "b"
    assert_allclose(found["b"], weight[of_b].sum() * model.score(X[of_b], y[of_b], weight[of_b]), rtol=1e-12)
