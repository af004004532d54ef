"""The parts of the board: each a function of the number of data sets, and of whether sizes are small, to rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from truth import entry, kang, measures, two_types
from truth.machine import Machine
from truth.mileage import Mileage

KNOWN, UNKNOWN, CUBIC, TABLE, PAPER = measures.ESTIMATORS


@dataclass
class Settings:
    """How much is run: data sets, by their seeds, a quarter of them where each takes long; and small sizes."""

    n_sets: int
    quick: bool = False
    seeds: range = field(init=False)
    few: range = field(init=False)

    def __post_init__(self):
        self.seeds, self.few = range(self.n_sets), range(max(self.n_sets // 4, 2))


def rewards_of_kang(settings) -> Iterator[dict[str, Any]]:
    """Errors of the reward in per cent, beside table 2 of arXiv 2502.14131."""
    world = kang.Kang()
    for n_noise in (0, 10, 20):
        for n in (50,) if settings.quick else (50, 250, 1000):
            for name in (KNOWN, UNKNOWN, TABLE) if n_noise == 0 else (UNKNOWN, TABLE):
                seeds = settings.few if n_noise else settings.seeds
                head = {"trajectories": n, "say nothing": n_noise, "estimator": name, "sets": len(seeds)}
                found = measures.reward_errors(world, name, (n, 100), n_noise, seeds)
                yield head | found | {"published": kang.PUBLISHED.get((n, n_noise), "")}


def buses_of_two_types(settings) -> Iterator[dict[str, Any]]:
    """Estimates beside table B.1 of arXiv 1912.09509."""
    size = (100 if settings.quick else 1000, 30)
    for name in (KNOWN, UNKNOWN, CUBIC):
        for row in measures.estimates(two_types.TwoTypes(), name, size, 0, settings.seeds):
            mean, sd = two_types.PUBLISHED[row["coefficient"]]
            yield {"estimator": name} | row | {"published": f"{mean} ({sd})"}


def entry_of_firms(settings) -> Iterator[dict[str, Any]]:
    """Estimates beside table 1 of arXiv 1912.09509 (linear semi-gradient; forests), and on wider grids."""
    size = (600 if settings.quick else 3000, 2)
    for width in (0.5, 3.0):
        for name in (PAPER, UNKNOWN):
            for row in measures.estimates(entry.Entry(width), name, size, 0, settings.seeds):
                published = "; ".join(f"{mean} ({sd})" for mean, sd in entry.PUBLISHED[row["coefficient"]])
                head = {"width of grids": width, "estimator": name}
                yield head | row | {"published": published if width == 0.5 else ""}


# Discount, trajectories, columns that say nothing: mean and standard deviation of a prototype (projection on
# splines).
MILEAGE = {
    (0.9, 500, 20): "0.198 (0.003), 3.006 (0.025)",
    (0.95, 200, 0): "0.198 (0.006), 2.986 (0.048)",
    (0.99, 1000, 10): "0.199 (0.005), 3.003 (0.032)",
    (0.95, 2000, 19): "none, none",  # 100,000 rows of 20 columns, for the time
    (0.9999, 500, 0): "0.198 (0.006), 2.978 (0.055)",
    (0.9999, 2000, 0): "0.199 (0.002), 2.996 (0.023)",
}


def continuous_mileage(settings) -> Iterator[dict[str, Any]]:
    """Estimates on a continuous mileage, beside a prototype's."""
    for (discount, n, n_noise), prototype in MILEAGE.items():
        size = (n // 10 if settings.quick else n, 50)
        head = {"discount": discount, "trajectories": size[0], "say nothing": n_noise}
        parts = prototype.split(", ")
        found = measures.estimates(Mileage(discount), UNKNOWN, size, n_noise, settings.seeds)
        for row, part in zip(found, parts, strict=True):
            yield head | row | {"prototype": part}


def machine_of_two_states(settings) -> Iterator[dict[str, Any]]:
    """Estimates of three actions on two continuous states."""
    size = (50 if settings.quick else 500, 50)
    for name, n_noise in ((UNKNOWN, 0), (UNKNOWN, 10), (CUBIC, 0)):
        for row in measures.estimates(Machine(), name, size, n_noise, settings.seeds):
            yield {"trajectories": size[0], "say nothing": n_noise, "estimator": name} | row


def intervals(settings) -> Iterator[dict[str, Any]]:
    """How often 95% intervals cover the truth."""
    n = 50 if settings.quick else 200
    buses = two_types.TwoTypes()
    for world, name, steps in ((Mileage(0.95), UNKNOWN, 50), (buses, UNKNOWN, 30), (buses, KNOWN, 30)):
        for row in measures.coverage(world, name, (n, steps), settings.seeds):
            yield {"simulation": world.name, "estimator": name, "decisions": f"{n} x {steps}"} | row


CHANGES = {
    "engines at 1.5 times the price": (Mileage(0.95), {"coef": np.array([1.0, 1.5])}),
    "mileage at twice the cost": (Mileage(0.95), {"coef": np.array([2.0, 1.0])}),
    "discount 0.8 after 0.95": (Mileage(0.95), {"discount": 0.8}),
    "discount 0.99 after 0.95": (Mileage(0.95), {"discount": 0.99}),
    "new machines at half the price": (Machine(), {"coef": np.array([1.0, 1.0, 1.0, 0.5])}),
    "discount 0.8 after 0.95, machine": (Machine(), {"discount": 0.8}),
    "no overhauls": (Machine(), {"forbid": [1]}),
}


def counterfactuals(settings) -> Iterator[dict[str, Any]]:
    """Total variation between the policy found for a changed world and the true one."""
    size = (50 if settings.quick else 500, 50)
    for label, (world, change) in CHANGES.items():
        found = measures.counterfactual(world, change, size, settings.seeds)
        yield {"simulation": world.name, "change": label} | found


# Each part with its number of data sets.
PARTS = {
    "kang": (rewards_of_kang, 20),
    "two_types": (buses_of_two_types, 100),
    "entry": (entry_of_firms, 100),
    "mileage": (continuous_mileage, 20),
    "machine": (machine_of_two_states, 20),
    "intervals": (intervals, 500),
    "counterfactuals": (counterfactuals, 20),
}
