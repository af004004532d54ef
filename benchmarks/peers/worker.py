"""One side of a comparison, in a process of its own: ``python worker.py MODULE FUNCTION DATA``.

The function, of ``by_MODULE``, gets the arrays of the file DATA and returns what to call for a fit, and what reads
the arrays of its solution. For each path on the standard input there is one fit: the solution goes to the path,
its seconds and the peak memory to the standard output. Needs NumPy and the module, no more.
"""

import json
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from _measure import peak_megabytes


def main(module, function, data):
    answers, sys.stdout = sys.stdout, sys.stderr  # what a fit prints is no answer
    warnings.simplefilter("ignore")  # peers warn of much; what they reached is measured
    fit, read = getattr(import_module(f"by_{module}"), function)(dict(np.load(data)))
    for path in sys.stdin:
        started = time.perf_counter()
        fitted = fit()
        seconds = time.perf_counter() - started
        answer = {"seconds": seconds, "megabytes": peak_megabytes()}
        np.savez(path.strip(), **read(fitted))
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
