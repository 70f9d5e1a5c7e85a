"""A store of things that come in pieces and go out whole: TensorFlow's barrier ops."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import Dimension, DType, Tensor

_Tensors = dict[str, Any]


class Barrier:
    """Holds segments by their keys until all their components are there; then they can be taken."""

    def __init__(self, segments: _Tensors, examples: _Tensors):
        """Makes it for things like these.

        Args:
          segments: dict of `[number_of_segments, ...]`, one of them `sequence_count`, which is 0
            for no thing of ours; a `key` among them is none of their components.
          examples: dict of `[...]`.
        """
        shapes = {k: x.shape[1:] for k, x in segments.items() if k != "key"}
        shapes |= {k: x.shape for k, x in examples.items()}
        dtypes = {k: x.dtype.base_dtype for k, x in {**segments, **examples}.items()}
        self._shapes, self._dtypes = shapes, [dtypes[k] for k in shapes]
        self.handle = tf.raw_ops.Barrier(
            component_types=self._dtypes, shapes=list(shapes.values()), name="barrier"
        )

    def insert(self, component: str, keys: Tensor, values: Tensor) -> tf.Operation:
        """Gives one component of the things under `keys`, `[number]`: `values`, `[number, ...]`."""
        return tf.raw_ops.BarrierInsertMany(
            handle=self.handle,
            keys=keys,
            values=values,
            component_index=list(self._shapes).index(component),
            name="insert",
        )

    def close(self, number: Dimension, cancel: bool) -> tf.Operation:
        """Lets no new keys in; who waits for a whole batch then gets what there is.

        A barrier that is closed gives what is ready, but leaves those waiting who asked before.
        For them come `number` things of no example, begun before it is closed and completed after
        it: nobody who asks from then on waits.
        """

        def close_now() -> tf.Operation:
            return tf.raw_ops.BarrierClose(handle=self.handle, cancel_pending_enqueues=cancel)

        if cancel:
            return close_now()
        keys = tf.strings.join(["FILL:", tf.as_string(tf.range(number))])

        def insert(component: str, dtype: DType) -> tf.Operation:
            shape = tf.concat([[number], self._shapes[component]], 0)
            return self.insert(component, keys, tf.fill(shape, nothing(dtype)))

        (first, *others) = zip(self._shapes, self._dtypes, strict=True)
        with tf.control_dependencies([insert(*first)]):
            closed = close_now()
        with tf.control_dependencies([closed]):
            return tf.group(*(insert(*one) for one in others))

    def take(self, batch_size: Dimension, allow_small_batch: bool) -> _Tensors:
        """The components of up to `batch_size` segments, `[number, ...]`, and key and index."""
        indices, keys, values = tf.raw_ops.BarrierTakeMany(
            handle=self.handle,
            num_elements=batch_size,
            component_types=self._dtypes,
            allow_small_batch=True,
            name="take",
        )
        rows = None if allow_small_batch else tf.get_static_value(tf.convert_to_tensor(batch_size))
        received = dict(zip(self._shapes, values, strict=True))
        received |= {"key": keys, "insertion_index": indices}
        shapes = {**self._shapes, "key": [], "insertion_index": []}
        of_examples = tf.reshape(tf.where(received["sequence_count"] > 0), [-1])
        for k, x in received.items():
            received[k] = tf.gather(x, of_examples)
            received[k].set_shape(tf.TensorShape([rows]).concatenate(shapes[k]))
        return received


def nothing(dtype: DType) -> Tensor:
    """A scalar: 0, False, no text."""
    return tf.zeros([], dtype)
