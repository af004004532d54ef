"""Who is compared on what."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from peers import objectives, problems


@dataclass(frozen=True)
class Task:
    """Its name, where ``rows`` is their number; data, small or not; the judge of a solution; our side's fit."""

    name: str
    data: Callable
    objective: Callable
    ours: str


@dataclass(frozen=True)
class Peer:
    """Its name, and the function of the module ``by_{module}`` that fits."""

    name: str
    module: str
    fit: str


RUST = Task("likelihood of Rust's buses, 90 states x 2", problems.buses, objectives.structural, "structural")
LINEAR = Task("IQ-Learn, chi2, linear Q, the same buses", problems.buses, objectives.iqlearn, "iqlearn")
TABLE = Task("IQ-Learn, chi2, table, 20 states x 3", problems.random_world, objectives.iqlearn, "iqlearn")
LOGIT = Task("logit, {rows:,} rows x 20, 4 actions", problems.wide, objectives.network, "logistic")
COUNTS = Task(
    "frequencies, {rows:,} rows, 90 states x 2", problems.many_rows, objectives.frequencies, "frequencies"
)
# What these peers do of their own accord, and so many more epochs of ours that the likelihood is no less.
LARGE, SMALL = (partial(problems.for_network, batch_size=size, epochs=n) for size, n in ((200, 300), (32, 20)))
NETWORK = Task("network, {rows:,} rows x 10, batches of 200", LARGE, objectives.network, "network")
CLONING = Task("network, {rows:,} rows x 10, batches of 32", SMALL, objectives.network, "network")

BOARD = [
    (RUST, Peer("NumPy, contraction and BFGS", "numpy", "contraction")),
    (RUST, Peer("econirl, NFXP", "econirl", "nfxp")),
    (RUST, Peer("econirl, CCP until it stands", "econirl", "ccp")),
    (RUST, Peer("econirl, MCE-IRL", "econirl", "mce_irl")),
    (LINEAR, Peer("econirl, IQ-Learn", "econirl", "iqlearn")),
    (TABLE, Peer("econirl, IQ-Learn", "econirl", "iqlearn")),
    (LOGIT, Peer("LogisticRegression", "sklearn", "logistic")),
    (LOGIT, Peer("LogisticRegression, newton-cholesky", "sklearn", "logistic_by_newton")),
    (NETWORK, Peer("MLPClassifier, 200 epochs", "sklearn", "network")),
    (CLONING, Peer("imitation, BC, 10 epochs", "imitation", "cloning")),
    (COUNTS, Peer("np.bincount", "sklearn", "frequencies")),
]
