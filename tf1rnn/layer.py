"""What TensorFlow 1's base layer gives a cell: names, a scope, variables, a config, copies."""

from __future__ import annotations

import contextlib
import functools
import re
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow
import tensorflow.compat.v1 as tf

from tf1rnn.copies import SharesTensors
from tf1rnn.options import initializer_object
from tf1rnn.types import DType, Initializer, Nest, Reuse, Scope, Shape, Tensor

_names_in: weakref.WeakKeyDictionary[tf.Graph, Counter[str]] = weakref.WeakKeyDictionary()


class Layer(SharesTensors, tensorflow.__internal__.tracking.Trackable):
    """An object with variables in a scope of its own.

    `tf.train.Checkpoint(cell=layer)` saves them by the names that `add_weight` gave them.
    `copy.deepcopy` of a layer that is not built makes variables of its own; of a built one, it
    shares them.

    Args:
      trainable: whether the variables of `add_weight` are trained.
      name: name of the variable scope; by default the class name in snake case, and a second layer
        in the same scope gets `_1` appended.
      dtype: dtype of the variables; by default that of the inputs.
      _reuse: True or `tf.AUTO_REUSE` to use variables that exist already. (TensorFlow 1 spells it
        so here, and `reuse` in its cells.)
      _scope: name or scope of the variables, in place of `name`.
    """

    # Class attributes, so that a subclass works without calling this __init__.
    built = False
    _called = False
    _trainable = True
    input_spec: Any = None  # what a layer may say of its inputs; nothing is made of it
    _name: str | None = None
    _base_name: str | None = None
    _dtype: DType | None = None
    _reuse: Reuse = None
    _scope: Scope = None
    _graph: tf.Graph | None = None

    def __init__(
        self,
        trainable: bool = True,
        name: str | None = None,
        dtype: DType | None = None,
        *,
        _reuse: Reuse = None,
        _scope: Scope = None,
    ) -> None:
        self._trainable = trainable
        self._base_name = name or snake_case(type(self).__name__)
        self._name = name or _unique_name(self._base_name)
        self._dtype = None if dtype is None else tf.as_dtype(dtype)
        self._reuse = _reuse
        if _scope is not None:
            self._scope = self._captured(_scope)

    # Names and properties.

    @property
    def name(self) -> str:
        """The name given, or that of the class in snake case and a number."""
        return self._name or snake_case(type(self).__name__)

    @property
    def dtype(self) -> DType | None:
        """Dtype of the variables; None before the first inputs tell it."""
        return self._dtype

    @property
    def trainable(self) -> bool:
        """Whether the variables are trained; set, it holds for those that are made after."""
        return self._trainable

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        self._trainable = trainable

    @property
    def scope_name(self) -> str:
        """Name of the variable scope. Raises ValueError before the first call settles it."""
        if self._scope is None:
            raise ValueError(
                f'No name available for layer scope because the layer "{self.name}" has not been '
                "used yet: its first call settles it."
            )
        return self._scope.name

    @property
    def graph(self) -> tf.Graph | None:
        """The graph of the first call; None before."""
        return self._graph

    # Variables.

    # To which a cell may add variables that it did not make by `add_weight` or `tf.get_variable`.
    @functools.cached_property
    def _trainable_weights(self) -> list[tf.Variable]:
        return []

    @functools.cached_property
    def _non_trainable_weights(self) -> list[tf.Variable]:
        return []

    @property
    def trainable_weights(self) -> list[tf.Variable]:
        """The variables that are trained, those of inner cells, too."""
        return [v for v in self._all_variables() if v.trainable] if self._trainable else []

    @property
    def non_trainable_weights(self) -> list[tf.Variable]:
        """The variables that are not trained, those of inner cells, too."""
        return [v for v in self._all_variables() if not (v.trainable and self._trainable)]

    @property
    def weights(self) -> list[tf.Variable]:
        """All variables, those that are trained first."""
        return self.trainable_weights + self.non_trainable_weights

    @property
    def trainable_variables(self) -> list[tf.Variable]:
        """The same as `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[tf.Variable]:
        """The same as `non_trainable_weights`."""
        return self.non_trainable_weights

    @property
    def variables(self) -> list[tf.Variable]:
        """The same as `weights`."""
        return self.weights

    @property
    def losses(self) -> list[Tensor]:
        """What `add_loss` and the regularizers of `add_weight` have added, inner cells' too."""
        inner = [loss for cell in self._inner_cells() for loss in getattr(cell, "losses", ())]
        return self._own_list("_losses") + inner

    @property
    def updates(self) -> list[Tensor]:
        """Ops to run beside a training step, that `add_update` has added."""
        return self._own_list("_updates")

    def add_loss(self, losses: Tensor | Sequence[Tensor], inputs: Nest = None) -> None:
        """Adds scalars to `losses` and to the graph's `REGULARIZATION_LOSSES`.

        Args:
          losses: a scalar tensor, or a list of them.
          inputs: taken, and not used: what they depend on.
        """
        self._add(losses, "_losses", tf.GraphKeys.REGULARIZATION_LOSSES)

    def add_update(self, updates: Any, inputs: Nest = None) -> None:
        """Adds an op, or a list of them, to `updates` and to the graph's `UPDATE_OPS`."""
        self._add(updates, "_updates", tf.GraphKeys.UPDATE_OPS)

    def _add(self, parts: Any, attribute: str, collection: str) -> None:
        parts = list(parts) if isinstance(parts, (list, tuple)) else [parts]
        self._own_list(attribute).extend(parts)
        tf.get_collection_ref(collection).extend(parts)

    def apply(self, *args: Any, **options: Any) -> Any:
        """The same as a call."""
        return self(*args, **options)

    def count_params(self) -> int:
        """How many numbers the variables hold. Raises ValueError before they are made."""
        if not self.built:
            raise ValueError(f"count_params of {self.name}: it has no variables before build")
        return sum(int(np.prod(v.shape.as_list())) for v in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """The values of `weights` in the default session, in their order."""
        return _default_session().run(self.weights)

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Gives the variables these values in the default session.

        Args:
          weights: an array for each of `weights`, in their order.

        Raises:
          ValueError: another number of arrays, or one of another shape.
        """
        if len(weights) != len(self.weights):
            raise ValueError(
                f"set_weights of {self.name}: {len(weights)} arrays for {len(self.weights)} weights"
            )
        starts = [variable.initializer for variable in self.weights]
        for start, value in zip(starts, weights, strict=True):
            start.inputs[1].shape.assert_is_compatible_with(np.shape(value))
        fed = {start.inputs[1]: value for start, value in zip(starts, weights, strict=True)}
        _default_session().run(starts, fed)

    def add_weight(
        self,
        name: str,
        shape: Shape,
        dtype: DType | None = None,
        initializer: Initializer | None = None,
        regularizer: Callable[[Tensor], Tensor] | None = None,
        trainable: bool | None = None,
        constraint: Callable[[Tensor], Tensor] | None = None,
        use_resource: bool | None = None,
        synchronization: tf.VariableSynchronization = tf.VariableSynchronization.AUTO,
        aggregation: tf.VariableAggregation = tf.VariableAggregation.NONE,
        partitioner: Callable[..., list[int]] | None = None,
    ) -> tf.Variable:
        """Makes or reuses the variable `name` in the layer's variable scope.

        Args:
          name, shape: of the variable.
          dtype: by default the layer's, or float32.
          initializer: a function, or its name in Keras; by default that of the variable scope.
          regularizer: a function of the variable to a scalar loss, which goes to `losses` and to
            the graph's `REGULARIZATION_LOSSES`.
          trainable: whether it is trained, unless the layer is not.
          use_resource: False makes a ref variable, True a resource variable; by default what the
            variable scope or `tf.resource_variables_enabled` says.
          constraint, synchronization, aggregation, partitioner: as in `tf.get_variable`.

        Returns:
          The variable, or what a custom getter or partitioner made of it.
        """
        losses = tf.get_collection_ref(tf.GraphKeys.REGULARIZATION_LOSSES)
        others = len(losses)
        with self._variable_scope(reuse=self.built):
            variable = tf.get_variable(
                name,
                shape,
                dtype=dtype or self._dtype or tf.float32,
                initializer=initializer_object(initializer),
                regularizer=regularizer,
                trainable=self._trainable and trainable is not False,
                use_resource=use_resource,
                constraint=constraint,
                synchronization=synchronization,
                aggregation=aggregation,
                partitioner=partitioner,
            )
        if regularizer:
            self._own_list("_losses").extend(losses[others:])
        self._keep_track(variable, name)
        return variable

    def add_variable(self, *args: Any, **options: Any) -> tf.Variable:
        """`add_weight`, also that of a subclass."""
        return self.add_weight(*args, **options)

    def build(self, inputs_shape: Shape) -> None:
        """Makes the variables. Only `inputs_shape[-1]` counts, and must be known."""
        self.built = True

    # Configs.

    def get_config(self) -> dict[str, Any]:
        """The arguments that make another layer like this one, for `from_config`."""
        return {"name": self.name, "trainable": self._trainable, "dtype": dtype_name(self._dtype)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A layer from what `get_config` gave.

        Args:
          config: the arguments by name.
          custom_objects: classes by name, for inner cells that are not this library's.
        """
        return cls(**config)

    # The scope.

    @contextlib.contextmanager
    def cell_scope(
        self, inputs: Nest, scope: Scope = None, *, are_steps: bool = False
    ) -> Iterator[tf.VariableScope]:
        """Opens and gives the variable scope, with the variables made.

        `__call__` and every `sequence` of a cell work inside it, which gives both the same
        variables.

        Args:
          inputs: a tensor or nest of the inputs, for its dtype and the size of its last dimension.
          scope: name or scope of the variables, in place of the layer's name, when the variables
            are not made yet.
          are_steps: the inputs are `[num_steps, batch_size, ...]`; `build` gets the shape of one.
        """
        with self._variable_scope(scope) as own_scope:
            if not self.built:
                first = tf.nest.flatten(inputs)[0]
                if self._dtype is None:
                    self._dtype = first.dtype.base_dtype
                shapes = tf.nest.map_structure(lambda x: x.shape[are_steps:], inputs)
                self.build(shapes)
                self.built = True
            yield own_scope

    def _variable_scope(self, scope: Scope = None, reuse: bool = False) -> Any:
        """The variable scope that the first call found, opened anew."""
        if self._scope is None:
            name = self._base_name or snake_case(type(self).__name__)
            # Without reuse the name is made unique: two cells beside each other stay apart.
            self._scope = self._captured(*((scope or name,) if self._reuse else (scope, name)))
        return tf.variable_scope(
            self._scope,
            reuse=reuse or self._called or self._reuse or None,
            custom_getter=self._rnn_get_variable,
        )

    def _captured(self, *named: Any) -> tf.VariableScope:
        """The scope of that name, here and in this graph."""
        self._graph = tf.get_default_graph()
        with tf.variable_scope(*named, auxiliary_name_scope=False) as scope:
            return scope

    def _rnn_get_variable(self, getter: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Gets a variable, and notes it as one of this layer's.

        By this name for a cell that opens a scope with it, or that has a getter of its own.
        """
        made = getter(*args, **options)
        if isinstance(made, tensorflow.Variable):
            parts = [made]
        else:  # another getter's tensor, which is no variable; or a partitioned variable
            parts = [] if tf.is_tensor(made) else list(made)
        noted = self._own_list("_noted_variables")
        noted += [part for part in parts if not any(part is one for one in noted)]
        return made

    def _all_variables(self) -> list[tf.Variable]:
        """The layer's variables and those of its inner cells, each once, as they were made."""
        inner = [v for cell in self._inner_cells() for v in getattr(cell, "weights", ())]
        added = self._trainable_weights + self._non_trainable_weights
        noted = self._own_list("_noted_variables")
        return list({id(v): v for v in noted + added + inner}.values())

    def _inner_cells(self) -> list[Any]:
        """The cells that this one is made of."""
        return []

    def _own_list(self, attribute: str) -> list[Any]:
        """A list of this instance's own, also where a subclass does not call `__init__`."""
        return self.__dict__.setdefault(attribute, [])

    def _keep_track(self, part: Any, name: str) -> None:
        """Has checkpoints of this object hold a part under a name."""
        if isinstance(part, tensorflow.__internal__.tracking.Trackable):
            self._track_trackable(part, name, overwrite=True)


def _default_session() -> tf.Session:
    session = tf.get_default_session()
    if session is None:
        raise ValueError("get_weights and set_weights need a default session")
    return session


def dtype_name(dtype: DType | None) -> str | None:
    """The name of a dtype, as a config holds it."""
    return None if dtype is None else tf.as_dtype(dtype).name


def snake_case(class_name: str) -> str:
    """The default name of a layer by TensorFlow 1's rule, which its checkpoints know."""
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", class_name)
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
    return f"private{words}" if words.startswith("_") else words  # no root scope begins with _


def _unique_name(base_name: str) -> str:
    """The name with a number, which counts the layers of one base name in the graph."""
    counts = _names_in.setdefault(tf.get_default_graph(), Counter())
    counts[base_name] += 1
    return f"{base_name}_{counts[base_name]}"
