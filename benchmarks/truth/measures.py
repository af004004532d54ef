"""What is measured over data sets: errors of rewards, estimates, intervals, counterfactual policies."""

import time
import warnings

import numpy as np

from sklearn_iqlearn import inference
from truth.estimators import columns, cubic, known, order, policy_reward, unknown
from truth.semi_gradient import semi_gradient

ESTIMATORS = {
    "transitions known": known,
    "transitions unknown": unknown,
    "transitions unknown, cubic basis": cubic,
    "PolicyReward": policy_reward,
    "semi-gradient of the paper": semi_gradient,
}

REACH = 1.959964  # standard errors to either side of 95%
STEP = 1e-4  # relative, of central differences: solutions have 11 digits
HELD_OUT = 0.2  # share of the trajectories


def estimate(name, world, frame):
    """What an estimator found, with its seconds and how often it warned."""
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = ESTIMATORS[name](world, frame)
    found.seconds, found.told = time.perf_counter() - started, len(told)
    return found


def split(frame):
    """Rows to fit, and those of the last fifth of the trajectories."""
    held = frame["trajectory"] >= (1 - HELD_OUT) * (frame["trajectory"].max() + 1)
    return frame[~held], frame[held]


def percentage_error(found, world, held):
    """Mean absolute percentage error of the reward over decisions."""
    taken = np.arange(len(held)), held["action"]
    truth = (world.features(held) @ world.coef)[taken]
    return 100 * np.mean(np.abs(found.reward(columns(held))[taken] / truth - 1))


def reward_errors(world, name, size, n_noise, seeds):
    """A row of the mean and standard deviation of the error over data sets."""
    errors, runs = [], []
    solution = world.solve()
    for seed in seeds:
        fitted, held = split(world.simulate(seed, *size, n_noise, solution))
        runs.append(estimate(name, world, fitted))
        errors.append(percentage_error(runs[-1], world, held))
    return {"mean": np.mean(errors), "sd": np.std(errors, ddof=1)} | effort(runs)


def efficient_errors(world, size):
    """Standard errors of maximum likelihood with known transitions: (K,), from the states of one data set."""
    states = world.states(world.simulate(0, *size)).to_numpy()
    shifts = STEP * np.diag(np.maximum(np.abs(world.coef), 1.0))
    ends = [[np.log(world.solve(world.coef + way * shift).policy(states)) for way in (1, -1)] for shift in shifts]
    scores = np.stack([(up - down) / (2 * shift.max()) for (up, down), shift in zip(ends, shifts, strict=True)])
    information = np.einsum("na,jna,kna->jk", world.solve().policy(states), scores, scores)
    return np.sqrt(np.diag(np.linalg.inv(information)))


def estimates(world, name, size, n_noise, seeds):
    """A row for each coefficient: mean and standard deviation, and the bias in units of its noise."""
    solution = world.solve()
    runs = [estimate(name, world, world.simulate(seed, *size, n_noise, solution)) for seed in seeds]
    coef = np.array([found.coef for found in runs])
    spread = coef.std(axis=0, ddof=1)
    bias = (coef.mean(axis=0) - world.coef) / (spread / np.sqrt(len(coef)))
    efficient = efficient_errors(world, size)
    for k, label in enumerate(world.names):
        row = {"coefficient": label, "truth": world.coef[k], "mean": coef[:, k].mean(), "sd": spread[k]}
        yield row | {"efficient": efficient[k], "bias / its s.e.": bias[k]} | effort(runs)


def coverage(world, name, size, seeds):
    """A row for each coefficient: how often 95% intervals cover it, errors clustered by trajectory."""
    solution, coef, errors = world.solve(), [], []
    for seed in seeds:
        frame = world.simulate(seed, *size, solution=solution)
        found = estimate(name, world, frame)
        spread = inference.covariance(
            found.model, found.rows, frame["action"], kind="clustered", feature_names=world.names, **order(frame)
        )
        coef.append(found.coef)
        errors.append(np.sqrt(np.diag(spread)))
    coef, errors = np.array(coef), np.array(errors)
    covered = (np.abs(coef - world.coef) <= REACH * errors).mean(axis=0)
    for k, label in enumerate(world.names):
        row = {"coefficient": label, "truth": world.coef[k], "mean": coef[:, k].mean()}
        yield row | {"sd": coef[:, k].std(ddof=1), "mean s.e.": errors[:, k].mean(), "covered %": 100 * covered[k]}


def counterfactual(world, change, size, seeds):
    """A row: total variation between the policy found for a changed world and the true one.

    ``change`` has ``coef`` (factors), ``discount`` or ``forbid``. The states are those of the data, and of the
    changed world, which the data may hardly have.
    """
    coef = world.coef * change.get("coef", 1.0)
    discount = change.get("discount", world.discount)
    before = world.solve()
    after = world.solve(coef, discount, change.get("forbid", ()))
    distances = {"states of the data": [], "of the changed world": []}
    for seed in seeds:
        frame = world.simulate(seed, *size, solution=before)
        model = estimate("transitions unknown", world, frame).model
        changed = model.counterfactual(
            reward_coef=model.coef_ * change.get("coef", 1.0), discount=discount, forbid=change.get("forbid")
        )
        there = world.simulate(seed, *size, solution=after)
        for rows, label in zip((frame, there), distances, strict=True):
            truth = after.policy(world.states(rows).to_numpy())
            distances[label].append(np.abs(changed.predict_proba(columns(rows)) - truth).sum(axis=1).mean() / 2)
    return {label: np.mean(values) for label, values in distances.items()} | {
        "worst data set": np.max([*distances.values()])
    }


def effort(runs):
    return {"s": np.mean([found.seconds for found in runs]), "told": np.mean([found.told > 0 for found in runs])}
