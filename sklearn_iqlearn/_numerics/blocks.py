"""Rows by blocks: what is made of a block stays in a core's cache, and nothing of the size of all rows is made."""

# Rows in a block: 64 columns of them are half a megabyte.
BLOCK = 1024


def blocks(n_rows):
    """Slices that cover ``n_rows`` rows."""
    return [slice(first, first + BLOCK) for first in range(0, n_rows, BLOCK)]
