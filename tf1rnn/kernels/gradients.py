"""Gradients of one's own, which copies of a graph have, too: imported, frozen or saved ones.

The gradient that `tf.custom_gradient` makes is a function over the tensors of one graph, under a
name of one process. Here it is registered under a name that stays, and takes all that it needs
from the inputs of the operation that it is the gradient of.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow.compat.v1 as tf

from tf1rnn.types import Tensor

_VARIABLES = {"VarHandleOp", "VariableV2", "Variable"}


def with_gradient(name: str, results: Sequence[Tensor], operands: Sequence[Tensor]) -> list[Tensor]:
    """The results, by an operation whose gradient is that of a name.

    Args:
      name: that of a gradient function registered by `tf.RegisterGradient`. It is called with the
        operation, whose inputs are results and operands, and with the gradients of the same; it
        gives None for the results, and for what of the operands the results do not depend on.
      results: any tensors, of which the first has a gradient.
      operands: what the results were computed from, and what else the gradient needs. It is to
        read them from the operation's inputs, not outputs: so it has a gradient itself.
    """
    with tf.get_default_graph().gradient_override_map({"IdentityN": name}):
        tensors = tf.raw_ops.IdentityN(input=[*results, *operands])
    return tensors[: len(results)]


@contextlib.contextmanager
def ready(gradient: Tensor, of: Tensor) -> Iterator[None]:
    """Operations made inside wait for a gradient, if what lies below `of` learns.

    For that gradient the layers below wait, and for the weights' nobody. Where nothing learns
    below, its product need not even be made.
    """
    with tf.control_dependencies([gradient] if _learns(of) else []):
        yield


def _learns(x: Tensor) -> bool:
    """Whether x is computed from a variable, or from what a function was handed in place of one."""
    ops, seen = [x.op], {x.op}
    while ops:
        op = ops.pop()
        handed = op.type == "Placeholder" and op.outputs[0].dtype == tf.resource
        if handed or op.type in _VARIABLES:
            return True
        below = {tensor.op for tensor in op.inputs} - seen
        seen |= below
        ops += below
    return False
