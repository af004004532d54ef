"""Simulations whose truth is known, and how near the estimates come to it."""
