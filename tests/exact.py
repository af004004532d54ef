"""Linear algebra in fractions: ranks and solutions without rounding."""

from fractions import Fraction

import numpy as np


def fractions(array):
    """An array of floats as the decimal numbers that they print as."""
    return np.vectorize(lambda x: Fraction(str(x)), otypes=[object])(np.asarray(array, dtype=float))


def eliminated(matrix):
    """Reduced row echelon form, and the columns of its pivots."""
    matrix, pivots = matrix.copy(), []
    for column in range(matrix.shape[1]):
        row = len(pivots)
        below = [i for i in range(row, len(matrix)) if matrix[i, column] != 0]
        if not below:
            continue
        matrix[[row, below[0]]] = matrix[[below[0], row]]
        matrix[row] = matrix[row] / matrix[row, column]
        for i in range(len(matrix)):
            if i != row and matrix[i, column] != 0:
                matrix[i] = matrix[i] - matrix[i, column] * matrix[row]
        pivots.append(column)
    return matrix, pivots


def rank(matrix):
    return len(eliminated(matrix)[1]) if matrix.size else 0


def solution(matrix, right):
    """One solution of a consistent system, 0 where it is free."""
    echelon, pivots = eliminated(np.column_stack([matrix, right]))
    found = np.full(matrix.shape[1], Fraction(0), dtype=object)
    found[pivots] = echelon[: len(pivots), -1]
    return found
