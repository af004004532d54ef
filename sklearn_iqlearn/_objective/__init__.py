"""The objective J: divergences, value terms, derivatives and the structure of Newton's system."""
