"""The two sides of a comparison: workers that fit by turns."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from _measure import ROOT

WORKER = Path(__file__).with_name("worker.py")
# Peers that have an environment of their own.
APART = {name: ROOT / f".venv-{name}" / "bin" / "python" for name in ("econirl", "imitation")}


def interpreter(module):
    return APART.get(module, Path(sys.executable))


class Side:
    """A worker process, and the answers that it gave so far."""

    def __init__(self, module, function, data):
        command = [str(interpreter(module)), str(WORKER), module, function, str(data)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.path = data.with_name(f"{module}.npz")
        self.answers: list[dict] = []

    def fit(self):
        """Seconds of a fit."""
        self.process.stdin.write(f"{self.path}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.process.args} ended: its error is above.")
        self.answers.append(json.loads(answer))
        return self.answers[-1]["seconds"]

    @property
    def solution(self):
        return dict(np.load(self.path))

    @property
    def first(self):
        return self.answers[0]["seconds"]

    @property
    def later(self):
        return np.array([answer["seconds"] for answer in self.answers[1:]])

    @property
    def megabytes(self):
        return self.answers[-1]["megabytes"]


def by_turns(ours, peer, data, budget, fewest, most=15):
    """Both sides after their first fits and ``fewest`` to ``most`` pairs more, which take ``budget`` seconds."""
    with ExitStack() as stack:
        sides = [Side("ours", ours, data), Side(peer.module, peer.fit, data)]
        for side in sides:
            stack.enter_context(side.process)  # it ends with its input
            side.fit()
        spent = n_pairs = 0
        while n_pairs < fewest or (spent < budget and n_pairs < most):
            spent += sum(side.fit() for side in sides)
            n_pairs += 1
    return sides
