"""How gradients flow back through time while a model trains, for TensorBoard."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tf1rnn.diagnostics import state_parts
from training.events import Events

STEPS_BACK = (0, 1, 2, 5, 10, 20, 50, 100, 200)


def write_gradient_flow(events: Events, step: int, norms: Any) -> None:
    """Writes the norms of d cost / d state(t), where the cost is that of a minibatch's last step.

    A picture, and for the h of each layer the numbers: `N_steps_back` is the norm at t = T - N;
    `first_to_last` is the norm at the start of the minibatch over that at its last step, NaN
    where that is zero.
    """
    from training.pictures import flow  # matplotlib takes a while

    flows = by_layer(norms)
    scalars: dict[str, float] = {}
    for layer, parts in flows.items():
        tag, h = f"gradient_flow/{layer.replace(' ', '_')}", parts["h"]
        back = [n for n in STEPS_BACK if n < len(h)]
        scalars |= {f"{tag}/{n}_steps_back": float(h[n]) for n in back}
        scalars[f"{tag}/first_to_last"] = float(h[-1] / h[0]) if h[0] else math.nan
    events.scalars(step, scalars)
    title = f"Gradients back through time, step {step:,}"
    events.figure(step, "gradient_flow", flow.draw(title, flows))


def by_layer(norms: Any) -> dict[str, Mapping[str, np.ndarray]]:
    """The norms of each layer, by the name of the state's part and by steps back in time."""
    layers = norms if type(norms) is tuple else (norms,)
    return {
        f"layer {number}": {part: values[::-1] for part, values in state_parts(layer).items()}
        for number, layer in enumerate(layers, start=1)
    }
