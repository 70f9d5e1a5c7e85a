"""The one layer that attention needs: a product with a kernel."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.cells import known_depth
from tf1rnn.layer import Layer
from tf1rnn.types import DType, Shape, Tensor


class Dense(Layer):
    """`inputs · kernel`, as `tf.layers.Dense` without bias and activation.

    Variable: `kernel` `[depth, units]`, with the initializer of the variable scope.

    Args:
      units: depth of the outputs.
      name: name of the variable scope.
      dtype: dtype of the kernel; by default that of the inputs.
    """

    use_bias = False
    activation = bias = kernel_initializer = bias_initializer = None

    def __init__(self, units: int, name: str, dtype: DType | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.units = int(units)

    def build(self, inputs_shape: Shape) -> None:
        """Makes `kernel`."""
        self.kernel = self.add_weight("kernel", [known_depth(inputs_shape), self.units])
        self.built = True

    def __call__(self, inputs: Tensor) -> Tensor:
        """`[..., depth]` -> `[..., units]`."""
        inputs = tf.convert_to_tensor(inputs)
        with self.cell_scope(inputs):
            if inputs.shape.rank == 2:
                return tf.matmul(inputs, self.kernel)
            return tf.tensordot(inputs, self.kernel, 1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the inputs with `units` in place of their depth."""
        return tf.TensorShape(input_shape)[:-1].concatenate(self.units)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make another layer like this one."""
        config = super().get_config()
        return {"units": self.units, "name": config["name"], "dtype": config["dtype"]}
