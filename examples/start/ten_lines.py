"""
Ten lines
=========

Ten years of monthly decisions on 104 buses (Rust 1987): keep the engine, or replace it. What does either cost,
and how likely is a replacement at each mileage? Nobody says how buses age: the fit has what was seen, in which
order.
"""

import matplotlib.pyplot as plt

from sklearn_iqlearn import IQLearnClassifier, inference
from sklearn_iqlearn.datasets import load_rust_bus
from sklearn_iqlearn.displays import PolicyDisplay

bus = load_rust_bus()
rows = bus.frame.loc[bus.data.index].rename(columns={"mileage_since_replacement": "miles"})
X, y, ids = rows[["miles"]], rows["replaced"], {"trajectory": rows["bus_id"], "step": rows["period"]}
costs = {0: {"miles": "-miles"}, 1: {"engine": "-1"}}  # what keeping and what replacing costs
model = IQLearnClassifier(discount=0.9999, q_type="structural", features=costs).fit(X, y, **ids)
print(inference.summary(model, X, y, **ids))

print(f"An engine costs as much as {model.coef_[1] / (200 * model.coef_[0]):.0f} months at 200,000 miles.")

# %%
# The picture has what was done, in 25 groups of equal size by mileage, and the policy behind it, with a band
# that comes from the standard errors above, which are clustered by bus. Both costs are in units of the scale of
# the choice shocks: what the decisions tell is their ratio, and how sharply they decide.

display = PolicyDisplay.from_estimator(
    model,
    X,
    y,
    action=1,
    n_bins=25,
    band=inference.covariance(model, X, y, **ids),
    n_draws=100,
    name="fitted policy, 95% band",
).plot()
display.ax_.set(
    xlabel="miles since the last replacement (thousands)",
    ylabel="probability of replacement in a month",
    title="When an engine is replaced",
)
plt.show()
