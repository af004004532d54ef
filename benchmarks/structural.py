"""Maximum likelihood of the structural bus model: ``python benchmarks/structural.py`` (``--quick``: small sizes).

Rust's panel, with and without standard errors, and sparse chains of the same form, with 50,000 simulated
decisions. Seconds are of the first call and of a later one, the median of several where they are short. Its peers
are in ``benchmarks/peers``.
"""

import numpy as np
from _measure import parser, publish, timed
from threadpoolctl import threadpool_limits

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.preprocessing import renewal_transitions

DISCOUNT, N_BINS = 0.9999, 90
# Coefficients of the simulated chains, whose last state costs as much as the last bin of the real buses.
TRUTH = [2.5, 3.0]


def bus_features(n_states):
    """Features of the reward, (S, 2, 2): monthly cost, in Rust's unit, of an engine kept; price of a new one."""
    features = np.zeros((n_states, 2, 2))
    features[:, 0, 0] = -0.001 * N_BINS / n_states * np.arange(n_states)
    features[:, 1, 1] = -1.0
    return features


def structural(transitions):
    features = bus_features(transitions[0].shape[0])
    return IQLearnClassifier(transitions, discount=DISCOUNT, q_type="structural", features=features)


def row(name, transitions, X, y, *, standard_errors=False):
    model = structural(transitions)

    def fit():
        model.fit(X, y)
        if standard_errors:
            inference.covariance(model, X, y)

    _, first, later = timed(fit)
    return {
        "data": name,
        "first fit, s": f"{first:.2g}",
        "later fits, s": f"{np.median(later):.2g}",
        "iterations": model.n_iter_,
        "log-likelihood": f"{(model.counts_ * np.log(model.policy_)).sum():.6f}",
        "cost of a bin": f"{model.coef_[0]:.5g}",
        "of a replacement": f"{model.coef_[1]:.5g}",
    }


def panel(groups):
    """Transitions, X and y of Rust's buses."""
    frame = load_rust_bus().frame
    frame = frame[frame["group"].isin(groups) & (frame["period"] > 1)]  # the first month only opens the record
    return renewal_transitions(frame["increment"].to_numpy(), N_BINS), frame[["mileage_bin"]], frame["replaced"]


def chain(n_states):
    """Transitions, X and y of 500 x 100 decisions that the model itself makes on a long sparse chain."""
    transitions = renewal_transitions(np.repeat([0, 1, 2], [35, 64, 1]), n_states, sparse=True)
    anything = np.random.default_rng(0).integers([n_states, 2], size=(10 * n_states, 2))
    model = structural(transitions).fit(anything[:, :1], anything[:, 1])
    start = np.full(n_states, 1 / n_states)
    made = model.counterfactual(reward_coef=TRUTH).sample(500, 100, initial_distribution=start, random_state=0)
    return transitions, made[["state"]], made["action"]


def rows(quick):
    for groups in ([1, 2, 3, 4], [4]):
        data = panel(groups)
        yield row(f"buses of groups {groups}", *data)
        yield row("the same, with standard errors", *data, standard_errors=True)
    for n_states in [1000] if quick else [1000, 10_000, 100_000]:
        yield row(f"sparse chain, {n_states:,} states", *chain(n_states))


def main():
    arguments = parser(__doc__, write=True).parse_args()
    notes = [f"The chains' true coefficients: {TRUTH}."]
    publish("structural", rows(arguments.quick), lambda: notes, arguments.write)


if __name__ == "__main__":
    with threadpool_limits(1):  # for 90 states, BLAS threads only wait for each other
        main()
