"""From a policy to the coefficients of a reward, and which of them the decisions tell."""
