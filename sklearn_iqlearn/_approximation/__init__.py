"""Continuations that are not known but approximated, by functions of the state."""
