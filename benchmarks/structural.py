"""Maximum likelihood of the structural bus model: ``python benchmarks/structural.py`` (``--quick``: small sizes).

The peers, in the same run, are a nested fixed point in NumPy (contraction iterations, SciPy's BFGS with the exact
gradient) and, where it is installed (``pip install econirl==0.1.1``), NFXP of econirl. Seconds are of the first
call and of a later one, the median of several where they are short.
"""

import argparse
import importlib.util
import time
import warnings
from functools import partial

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.preprocessing import renewal_transitions

DISCOUNT, N_BINS = 0.9999, 90
NAMES = ["operating_cost", "replacement_cost"]
# Coefficients of the simulated chains, whose last state costs as much as the last bin of the real buses.
TRUTH = [2.5, 3.0]


def bus_features(n_states):
    """Features of the reward, (S, 2, 2): monthly cost, in Rust's unit, of an engine kept; price of a new one."""
    features = np.zeros((n_states, 2, 2))
    features[:, 0, 0] = -0.001 * N_BINS / n_states * np.arange(n_states)
    features[:, 1, 1] = -1.0
    return features


def outcome(n_iter, likelihood, coef):
    return {"iterations": n_iter, "log-likelihood": likelihood} | dict(zip(NAMES, coef, strict=True))


def structural(transitions, features):
    return IQLearnClassifier(transitions, discount=DISCOUNT, q_type="structural", features=features)


def by_classifier(transitions, features, X, y, bus, *, standard_errors=False):
    model = structural(transitions, features).fit(X, y)
    if standard_errors:
        inference.covariance(model, X, y)
    return outcome(model.n_iter_, (model.counts_ * np.log(model.policy_)).sum(), model.coef_)


def by_contraction(transitions, features, X, y, bus):
    """The values are iterated until the log odds of the actions have settled to 10 digits."""
    counts, value = np.zeros((N_BINS, 2)), np.zeros(N_BINS)
    np.add.at(counts, (X.to_numpy()[:, 0], y.to_numpy()), 1 / len(y))

    def loss(coef):
        reward, change = features @ coef, np.inf
        while change > 1e-10:
            q = reward + DISCOUNT * (transitions @ value).T
            new = np.logaddexp(q[:, 0], q[:, 1])
            change = np.ptp(new - value)
            value[:] = new - new[0]  # the level of the value changes no policy
        policy = np.exp(q - new[:, None])
        system = np.eye(N_BINS) - DISCOUNT * np.einsum("sa,ast->st", policy, transitions)
        slope = np.linalg.solve(system, np.einsum("sa,sak->sk", policy, features))
        slope = features + DISCOUNT * np.einsum("ast,tk->sak", transitions, slope)
        slope = slope - np.einsum("sa,sak->sk", policy, slope)[:, None]
        return -(counts * (q - new[:, None])).sum(), -np.einsum("sa,sak->k", counts, slope)

    found = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-8})
    return outcome(found.nit, -found.fun * len(y), found.x)


def by_econirl(transitions, features, X, y, bus, **options):
    from econirl.core.types import DDCProblem, TrajectoryPanel
    from econirl.estimation.nfxp import NFXPEstimator
    from econirl.preferences.linear import LinearUtility

    panel = TrajectoryPanel.from_dataframe(X.assign(y=y, bus=bus), state="mileage_bin", action="y", id="bus")
    problem = DDCProblem(num_states=N_BINS, num_actions=2, discount_factor=DISCOUNT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        utility = LinearUtility(features, parameter_names=NAMES)
        result = NFXPEstimator(**options).estimate(panel, utility, problem, transitions)
    return outcome(result.num_iterations, float(result.log_likelihood), np.asarray(result.parameters))


def estimators(quick):
    """The first is what the others are compared with."""
    yield "this package", by_classifier
    yield "this package, standard errors", partial(by_classifier, standard_errors=True)
    yield "contraction and BFGS", by_contraction
    if importlib.util.find_spec("econirl") is None:
        print("econirl is left out. To have it: pip install econirl==0.1.1\n")
        return
    yield "econirl, nk, no standard errors", partial(by_econirl, inner_solver="nk", compute_hessian=False)
    if not quick:
        yield "econirl, nk", partial(by_econirl, inner_solver="nk")
        yield "econirl, defaults", by_econirl


def timed(run):
    """A call's outcome and its seconds."""
    seconds: list[float] = []
    while len(seconds) < 2 or (sum(seconds[1:]) < 1 and len(seconds) < 16):
        started = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - started)
    return {"first s": seconds[0], "later s": np.median(seconds[1:])} | result


def panel_rows(groups, fits):
    """A row for each estimator, of the real panel's groups."""
    frame = load_rust_bus().frame
    frame = frame[frame["group"].isin(groups) & (frame["period"] > 1)]  # the first month only opens the record
    transitions = renewal_transitions(frame["increment"].to_numpy(), N_BINS)
    data = transitions, bus_features(N_BINS), frame[["mileage_bin"]], frame["replaced"], frame["bus_id"]
    found = pd.DataFrame({name: timed(partial(fit, *data)) for name, fit in fits.items()}).T
    found.insert(2, "times ours", found["later s"] / found["later s"].iloc[0])
    found.insert(5, "below ours", found["log-likelihood"].iloc[0] - found["log-likelihood"])
    return found


def chain_row(n_states):
    """The fit to 500 x 100 decisions that the model itself makes on a long sparse chain."""
    transitions = renewal_transitions(np.repeat([0, 1, 2], [35, 64, 1]), n_states, sparse=True)
    features, rng = bus_features(n_states), np.random.default_rng(0)
    anything = rng.integers([n_states, 2], size=(10 * n_states, 2))
    model = structural(transitions, features).fit(anything[:, :1], anything[:, 1])
    start = np.full(n_states, 1 / n_states)
    made = model.counterfactual(reward_coef=TRUTH).sample(500, 100, initial_distribution=start, random_state=0)
    return timed(partial(by_classifier, transitions, features, made[["state"]], made["action"], None))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, and econirl's fastest setting alone")
    quick = parser.parse_args().quick
    fits = dict(estimators(quick))
    table = pd.concat({f"groups {groups}": panel_rows(groups, fits) for groups in ([1, 2, 3, 4], [4])})
    print(table.to_string(float_format="{:.4g}".format, formatters={"log-likelihood": "{:.6f}".format}))
    chains = {f"{n:,} states": chain_row(n) for n in ([1000] if quick else [1000, 10_000, 100_000])}
    print(f"\nSparse chains of the same form, 50,000 decisions simulated with coefficients {TRUTH}:")
    print(pd.DataFrame(chains).T.to_string(float_format="{:.4g}".format))


if __name__ == "__main__":
    with threadpool_limits(1):  # for 90 states, BLAS threads only wait for each other
        main()
