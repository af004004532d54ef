"""How the seconds of a fit grow: ``python benchmarks/scaling.py`` (``--quick``: small sizes, no picture).

One size at a time grows: states, actions, successors of each pair (nonzeros of the transitions), rows, and the
horizon 1 / (1 - discount). The exponent is the slope of a straight line through the logarithms by least squares,
with its standard error. Seconds are of a processor and of later fits, one BLAS thread, the least of several where
they are short. With ``--write`` the picture goes to ``docs/images/scaling.png``.
"""

import time
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from _measure import ROOT, parser, publish, timed
from large import random_kernels
from matplotlib.ticker import NullFormatter
from scipy.stats import linregress
from speed import decisions, grid
from threadpoolctl import threadpool_limits

from sklearn_iqlearn import IQLearnClassifier
from sklearn_iqlearn.preprocessing import renewal_transitions

PICTURE = ROOT / "docs" / "images" / "scaling.png"
INCREMENTS = np.repeat([0, 1, 2], [35, 60, 5])


def chain(n_states):
    return renewal_transitions(INCREMENTS, n_states, sparse=True)


def random_kernel(n_states, n_actions=2, n_successors=5):
    return list(random_kernels(np.random.default_rng(0), n_states, n_actions, n_successors))


def seconds(transitions, n_rows=50_000, discount=0.99):
    """Processor seconds of a later fit of a table."""
    X, y = decisions(transitions[0].shape[0], len(transitions), n_rows, np.random.default_rng(1))
    model = IQLearnClassifier(transitions, discount=discount)
    return min(timed(partial(model.fit, X, y), budget=0.3, most=30, clock=time.process_time)[2])


def powers(base, first, last):
    return [base**k for k in range(first, last + 1)]


# What grows: its sizes, their quick ones, and the seconds of a fit at one of them.
GROWING = {
    "states, chain with reset x 2": (powers(2, 12, 17), powers(2, 7, 9), lambda n: seconds(chain(n))),
    "states, square grid x 5": (
        [side**2 for side in (50, 70, 100, 140, 200)],
        [side**2 for side in (8, 12, 18)],
        lambda n: seconds(grid(round(n**0.5))),
    ),
    "states, random x 2, 5 successors": (powers(2, 11, 16), powers(2, 5, 7), lambda n: seconds(random_kernel(n))),
    "actions, 4,000 random states": (powers(2, 1, 6), powers(2, 1, 3), lambda n: seconds(random_kernel(4_000, n))),
    "successors, 4,000 random states x 2": (
        powers(2, 1, 7),
        powers(2, 1, 3),
        lambda n: seconds(random_kernel(4_000, n_successors=n)),
    ),
    "rows, 90 states x 2": (
        [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000],
        [1_000, 3_000, 10_000],
        lambda n: seconds(chain(90), n_rows=n),
    ),
    "horizon 1 / (1 - discount), 90 states x 2": (
        powers(10, 1, 6),
        powers(10, 1, 3),
        lambda n: seconds(chain(90), discount=1 - 1 / n),
    ),
}


def measured(quick):
    """Sizes and seconds of each that grows."""
    for name, (sizes, small, measure) in GROWING.items():
        sizes = small if quick else sizes
        yield name, np.array(sizes), np.array([measure(size) for size in sizes])


def row(name, sizes, found):
    line = linregress(np.log(sizes), np.log(found))
    return {
        "grows": name,
        "from": f"{sizes[0]:,}",
        "to": f"{sizes[-1]:,}",
        "seconds from": f"{found[0]:.2g}",
        "seconds to": f"{found[-1]:.2g}",
        "exponent": f"{line.slope:.2f} ({line.stderr:.2f})",
    }


def draw(results):
    """A panel for each that grows: seconds, and the straight line."""
    figure, panels = plt.subplots(2, 4, figsize=(13, 6), layout="constrained", sharey=True)
    for panel, (name, sizes, found) in zip(panels.flat, results, strict=False):
        line = linregress(np.log(sizes), np.log(found))
        panel.loglog(sizes, found, "o", color="C0")
        panel.loglog(sizes, np.exp(line.intercept) * sizes**line.slope, color="C0", alpha=0.5)
        panel.set_title(f"exponent {line.slope:.2f}", fontsize=10)
        panel.set_xlabel(name)
        panel.set_xticks([sizes[0], sizes[-1]], labels=[f"{sizes[0]:,}", f"{sizes[-1]:,}"])
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.grid(alpha=0.3)
    for panel in panels.flat[len(results) :]:
        panel.set_axis_off()
    for panel in panels[:, 0]:
        panel.set_ylabel("seconds of a fit")
    figure.savefig(PICTURE, dpi=110)


def main():
    arguments = parser(__doc__, write=True).parse_args()
    results = []

    def rows():
        for result in measured(arguments.quick):
            results.append(result)
            yield row(*result)

    publish("scaling", rows(), lambda: ["In brackets the standard error of the exponent."], arguments.write)
    if arguments.write:
        draw(results)


if __name__ == "__main__":
    with threadpool_limits(1, user_api="blas"):
        main()
