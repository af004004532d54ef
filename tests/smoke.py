"""What a wheel in an environment of its own must do: import, load the data set and fit."""

from sklearn_iqlearn import IQLearnClassifier, __version__
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.preprocessing import renewal_transitions


def main():
    bus = load_rust_bus()
    increments = bus.frame.loc[bus.frame["increment"] >= 0, "increment"].to_numpy()
    for solver, discount in (("newton", 0.9999), ("lbfgs", 0.5)):
        model = IQLearnClassifier(renewal_transitions(increments, 90), discount=discount, solver=solver)
        model.fit(bus.data, bus.target)
        assert model.converged_, solver
    print(f"sklearn_iqlearn {__version__}: both solvers fit {len(bus.data):,} decisions")


if __name__ == "__main__":
    main()
