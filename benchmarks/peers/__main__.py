"""Time, memory and objective beside the peers: ``python benchmarks/peers`` (``--quick`` for small sizes).

Both sides of a row get the same arrays, each in a process of its own, and fit by turns. Seconds are the median of
later fits, and of the first one; their ratio is the median over pairs of fits, with the least and the most. One
function tells what objective either side reached. Ends with status 1 where ours is worse by more than 1e-8.

econirl and imitation have environments of their own, which ``make bench`` makes. Without them their rows are left
out, and named; so they are with ``--quick``, unless ``--of`` asks for them.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from _measure import parser, publish
from peers.board import BOARD
from peers.sides import APART, by_turns, interpreter

TOLERANCE = 1e-8  # of the objective, a mean over decisions


def compare(task, peer, quick, path):
    """A row of the table, and by how much our objective is worse than the peer's."""
    data = task.data(quick)
    np.savez(path, **data)
    ours, theirs = by_turns(task.ours, peer, path, budget=0 if quick else 10, fewest=1 if quick else 2)
    reached, limit = (task.objective(data, side.solution) for side in (ours, theirs))
    ratios = theirs.later / ours.later
    verdict = " **worse**" if reached - limit > TOLERANCE else ""
    return {
        "fit": task.name.format(rows=len(data["action"])),
        "peer": peer.name,
        "ours, s": f"{np.median(ours.later):.2g}",
        "theirs, s": f"{np.median(theirs.later):.2g}",
        "theirs / ours": f"{np.median(ratios):.2g} ({ratios.min():.2g} to {ratios.max():.2g})",
        "first fits, s": f"{ours.first:.2g}, {theirs.first:.2g}",
        "objective, ours": f"{reached:.10f}",
        "theirs less ours": f"{limit - reached:.1e}{verdict}",
        "peak MB": f"{ours.megabytes:.0f}, {theirs.megabytes:.0f}",
    }, reached - limit


def rows_of(board, excesses, quick):
    with tempfile.TemporaryDirectory() as folder:
        for task, peer in board:
            row, excess = compare(task, peer, quick, Path(folder) / "data.npz")
            excesses.append(excess)
            yield row


def main():
    options = parser(__doc__, write=True)
    options.add_argument("--of", nargs="+", metavar="MODULE", help="of these peers alone: numpy, econirl...")
    arguments = options.parse_args()
    # With the others even small sizes take minutes.
    asked = arguments.of or [peer.module for _, peer in BOARD if not arguments.quick or peer.module not in APART]
    board = [(task, peer) for task, peer in BOARD if peer.module in asked and interpreter(peer.module).exists()]
    excesses: list[float] = []

    def notes():
        worse = sum(excess > TOLERANCE for excess in excesses)
        yield f"Objectives worse than the peer's by more than {TOLERANCE}: {worse} of {len(board)}."
        absent = dict.fromkeys(peer.name for task, peer in BOARD if (task, peer) not in board)
        if absent:
            yield f"Not run: {'; '.join(absent)}."

    publish("peers", rows_of(board, excesses, arguments.quick), notes, arguments.write)
    sys.exit(int(max(excesses) > TOLERANCE))


if __name__ == "__main__":
    main()
