"""Optimizers of `tf.contrib.opt`: decoupled weight decay, lazy Adam, Nadam, averaged variables."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import Tensor


class DecoupledWeightDecayExtension:
    """What gives an optimizer a weight decay that is no part of the loss.

    Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101: before a step each variable is
    made smaller by `weight_decay` times itself. It is the first base of such an optimizer.

    Args:
      weight_decay: a number or scalar tensor.
      **kwargs: the optimizer's arguments.
    """

    def __init__(self, weight_decay: float | Tensor, **kwargs: Any) -> None:
        self._weight_decay = weight_decay
        self._decayed: set[str] | None = None
        super().__init__(**kwargs)

    def minimize(self, *args: Any, decay_var_list: Any = None, **options: Any) -> tf.Operation:
        """`Optimizer.minimize`; only the variables of `decay_var_list` decay, by default all."""
        self._decayed = decay_var_list and {v.op.name for v in decay_var_list}
        return super().minimize(*args, **options)  # type: ignore[misc]

    def apply_gradients(
        self,
        grads_and_vars: Any,
        global_step: tf.Variable | None = None,
        name: str | None = None,
        decay_var_list: Any = None,
    ) -> tf.Operation:
        """`Optimizer.apply_gradients`; only the variables of `decay_var_list` decay."""
        if decay_var_list:
            self._decayed = {v.op.name for v in decay_var_list}
        pairs = [(gradient, v) for gradient, v in grads_and_vars if gradient is not None]
        # The gradients are of the variables as they were.
        with tf.control_dependencies([_values(gradient) for gradient, _ in pairs]):
            decays = [
                self._decay(gradient, v)
                for gradient, v in pairs
                if not self._decayed or v.op.name in self._decayed
            ]
        with tf.control_dependencies(decays):
            return super().apply_gradients(  # type: ignore[misc]
                grads_and_vars, global_step=global_step, name=name
            )

    def _decay(self, gradient: Any, variable: tf.Variable) -> tf.Operation:
        factor = tf.cast(self._weight_decay, variable.dtype.base_dtype)
        if not isinstance(gradient, tf.IndexedSlices):
            return tf.assign_sub(variable, factor * variable).op
        rows, _ = tf.unique(gradient.indices)
        return tf.group(tf.scatter_sub(variable, rows, factor * tf.gather(variable, rows)))


def _values(gradient: Any) -> Tensor:
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def extend_with_decoupled_weight_decay(base_optimizer: type) -> type:
    """A class like an optimizer's, with `weight_decay` as first argument."""

    class OptimizerWithDecoupledWeightDecay(DecoupledWeightDecayExtension, base_optimizer):
        """The optimizer, with decoupled weight decay."""

        def __init__(self, weight_decay: float | Tensor, *args: Any, **kwargs: Any) -> None:
            self._weight_decay = weight_decay
            self._decayed = None
            super(DecoupledWeightDecayExtension, self).__init__(*args, **kwargs)

    return OptimizerWithDecoupledWeightDecay


class MomentumWOptimizer(DecoupledWeightDecayExtension, tf.train.MomentumOptimizer):
    """`tf.train.MomentumOptimizer` with decoupled weight decay (SGDW)."""

    def __init__(
        self,
        weight_decay: float | Tensor,
        learning_rate: float | Tensor,
        momentum: float | Tensor,
        use_locking: bool = False,
        name: str = "MomentumW",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(
            weight_decay,
            learning_rate=learning_rate,
            momentum=momentum,
            use_locking=use_locking,
            name=name,
            use_nesterov=use_nesterov,
        )


class AdamWOptimizer(DecoupledWeightDecayExtension, tf.train.AdamOptimizer):
    """`tf.train.AdamOptimizer` with decoupled weight decay (AdamW)."""

    def __init__(
        self,
        weight_decay: float | Tensor,
        learning_rate: float | Tensor = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        use_locking: bool = False,
        name: str = "AdamW",
    ) -> None:
        super().__init__(
            weight_decay,
            learning_rate=learning_rate,
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon,
            use_locking=use_locking,
            name=name,
        )


class _AdamVariant(tf.train.AdamOptimizer):
    """What variants of Adam know of its numbers."""

    def _numbers(self, dtype: tf.DType) -> tuple[Tensor, ...]:
        """beta1^t, beta2^t, the learning rate, beta1, beta2 and epsilon."""
        numbers = (
            *self._get_beta_accumulators(),
            *(self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t),
        )
        return tuple(tf.cast(number, dtype) for number in numbers)


class LazyAdamOptimizer(_AdamVariant):
    """Adam that leaves the averages of rows alone that have no gradient in a step.

    Adam of word vectors takes less time so, and its numbers are others: Adam itself lets the
    averages of all rows fade.
    """

    def _apply_sparse(self, grad: tf.IndexedSlices, var: tf.Variable) -> tf.Operation:
        return self._step(grad.values, var, grad.indices)

    def _resource_apply_sparse(
        self, grad: Tensor, var: tf.Variable, indices: Tensor
    ) -> tf.Operation:
        return self._step(grad, var, indices)

    def _step(self, gradient: Tensor, variable: tf.Variable, rows: Tensor) -> tf.Operation:
        power1, power2, rate, beta1, beta2, epsilon = self._numbers(variable.dtype.base_dtype)
        m, v = self.get_slot(variable, "m"), self.get_slot(variable, "v")
        first = beta1 * tf.gather(m, rows) + (1 - beta1) * gradient
        second = beta2 * tf.gather(v, rows) + (1 - beta2) * tf.square(gradient)
        rate *= tf.sqrt(1 - power2) / (1 - power1)
        step = rate * first / (tf.sqrt(second) + epsilon)
        with tf.control_dependencies([step]):  # the averages are read before they are written
            return tf.group(
                tf.scatter_sub(variable, rows, step, use_locking=self._use_locking),
                tf.scatter_update(m, rows, first, use_locking=self._use_locking),
                tf.scatter_update(v, rows, second, use_locking=self._use_locking),
            )


class NadamOptimizer(_AdamVariant):
    """Adam with Nesterov's momentum.

    Dozat 2015, http://cs229.stanford.edu/proj2015/054_report.pdf: the step is taken along
    `beta1 * m + (1 - beta1) * gradient`, with the average `m` that has the gradient in it already.
    """

    def _apply_dense(self, grad: Tensor, var: tf.Variable) -> tf.Operation:
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        return self._dense(tf.raw_ops.ApplyAdam, (var, m, v), grad).op

    def _resource_apply_dense(self, grad: Tensor, var: tf.Variable) -> tf.Operation:
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        return self._dense(tf.raw_ops.ResourceApplyAdam, (one.handle for one in (var, m, v)), grad)

    def _dense(self, op: Any, variables: Any, gradient: Tensor) -> Any:
        names = ("beta1_power", "beta2_power", "lr", "beta1", "beta2", "epsilon")
        numbers = dict(zip(names, self._numbers(gradient.dtype.base_dtype), strict=True))
        places = dict(zip(("var", "m", "v"), variables, strict=True))
        return op(
            **places,
            **numbers,
            grad=gradient,
            use_locking=self._use_locking,
            use_nesterov=True,
        )

    def _apply_sparse_shared(
        self, grad: Tensor, var: tf.Variable, indices: Tensor, scatter_add: Any
    ) -> tf.Operation:
        power1, power2, rate, beta1, beta2, epsilon = self._numbers(var.dtype.base_dtype)
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        faded_m = tf.assign(m, m * beta1, use_locking=self._use_locking)
        faded_v = tf.assign(v, v * beta2, use_locking=self._use_locking)
        with tf.control_dependencies([faded_m, faded_v]):
            new_m = scatter_add(m, indices, (1 - beta1) * grad)
            new_v = scatter_add(v, indices, (1 - beta2) * tf.square(grad))
        direction = (1 - beta1) * grad + beta1 * tf.gather(new_m, indices)
        rate *= tf.sqrt(1 - power2) / (1 - power1)
        step = rate * direction / (tf.sqrt(tf.gather(new_v, indices)) + epsilon)
        return tf.group(scatter_add(var, indices, -step), new_m, new_v)


class MovingAverageOptimizer(tf.train.Optimizer):
    """An optimizer that keeps moving averages of the variables that it trains.

    Args:
      opt: the optimizer that trains.
      average_decay, num_updates: as in `tf.train.ExponentialMovingAverage`.
      sequential_update: average the variables after the step, rather than at any time in it.
    """

    def __init__(
        self,
        opt: tf.train.Optimizer,
        average_decay: float = 0.9999,
        num_updates: Tensor | None = None,
        sequential_update: bool = True,
    ) -> None:
        super().__init__(False, "MovingAverage")
        self._optimizer = opt
        self._ema = tf.train.ExponentialMovingAverage(average_decay, num_updates=num_updates)
        self._sequential = sequential_update
        self._swapped: dict[str, tf.Variable] | None = None

    def compute_gradients(self, *args: Any, **options: Any) -> Any:
        """Those of the optimizer that trains."""
        return self._optimizer.compute_gradients(*args, **options)

    def apply_gradients(
        self, grads_and_vars: Any, global_step: tf.Variable | None = None, name: str | None = None
    ) -> tf.Operation:
        """A step of the optimizer that trains, and of the averages."""
        grads_and_vars = list(grads_and_vars)
        step = self._optimizer.apply_gradients(grads_and_vars, global_step=global_step, name=name)
        trained = [v for gradient, v in grads_and_vars if gradient is not None]
        with tf.control_dependencies([step] if self._sequential else []):
            averaging = self._ema.apply(trained)
        averages = {v.op.name: self._ema.average(v) for v in trained}
        self._swapped = {**averages, **{averages[v.op.name].op.name: v for v in trained}}
        return tf.group(step, averaging, name="train_with_avg")

    def swapping_saver(
        self, var_list: Any = None, name: str = "swapping_saver", **kwargs: Any
    ) -> tf.train.Saver:
        """A saver that writes the averages under the variables' names, and the other way round.

        Args:
          var_list: list or dict of variables, by default all that there are.
          name: of the saver.
          **kwargs: other arguments of `tf.train.Saver`.

        Raises:
          RuntimeError: `minimize` or `apply_gradients` was not called yet.
        """
        if self._swapped is None:
            raise RuntimeError(
                "Must call apply_gradients or minimize before creating the swapping_saver"
            )
        if not isinstance(var_list, dict):
            variables = tf.global_variables() if var_list is None else var_list
            var_list = {v.op.name: v for v in variables}
        swapped = {key: self._swapped.get(v.op.name, v) for key, v in var_list.items()}
        return tf.train.Saver(swapped, name=name, **kwargs)
