"""Batches of examples that are alike, put together by queues: `tf.contrib.training.bucket`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import Dimension, Shape, Tensor

_Tensors = list[Any] | dict[str, Any]  # of Tensor or tf.SparseTensor


def bucket(
    tensors: _Tensors,
    which_bucket: Tensor,
    batch_size: Dimension | Sequence[Dimension],
    num_buckets: int,
    num_threads: int = 1,
    capacity: int = 32,
    bucket_capacities: Sequence[int] | None = None,
    shapes: Sequence[Shape] | None = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    keep_input: bool | Tensor = True,
    shared_name: str | None = None,
    name: str | None = None,
) -> tuple[Tensor, _Tensors]:
    """Batches examples with others of their bucket.

    Each bucket is a queue; whenever one has `batch_size` examples, they go as a batch into a last
    queue, of which this takes one. `tf.train.start_queue_runners` fills them. After the last
    example the batches that are left are given, and then `tf.errors.OutOfRangeError` is raised.

    Args:
      tensors: list or dict of the tensors of one example; some may be sparse.
      which_bucket: int scalar, in `[0, num_buckets)`.
      batch_size: of all buckets, or a list with one a bucket.
      num_buckets: how many there are.
      num_threads: how many threads read examples.
      capacity: the most batches that wait, and the most examples that wait in a bucket.
      bucket_capacities: the latter for each bucket.
      shapes: of the tensors, where they do not tell it; that of a sparse one does not count.
      dynamic_pad: pad the examples of a batch to one shape, with zeros at the end.
      allow_smaller_final_batch: give what is left in the end, too, fewer than `batch_size`.
      keep_input: bool scalar; an example for which it is False is dropped.
      shared_name: of the queues.
      name: name of the scope of the ops.

    Returns:
      `(bucket, outputs)`: the bucket, an int32 scalar, and list or dict of `[batch_size, ...]`,
      sparse where the tensors are.

    Raises:
      ValueError: no tensors, or a list has not one entry a bucket.
    """
    batch_sizes = _one_each(batch_size, num_buckets, "batch_size")
    capacities = _one_each(bucket_capacities or capacity, num_buckets, "bucket_capacities")
    given = list(tensors.values() if isinstance(tensors, dict) else tensors)
    if not given:
        raise ValueError("Expected at least one tensor in bucket().")
    with tf.name_scope(name, "bucket", given):
        flat = [_as_dense(x) for x in given]
        types = [x.dtype.base_dtype for x in flat]
        known = _shapes(given, flat, shapes)
        queue_class = tf.PaddingFIFOQueue if dynamic_pad else tf.FIFOQueue
        queues = [
            queue_class(
                size,
                types,
                known,
                shared_name=shared_name and f"{shared_name}_{i}",
                name=f"bucket_queue_{i}",
            )
            for i, size in enumerate(capacities)
        ]
        whole = allow_smaller_final_batch or isinstance(batch_size, list | tuple)
        static = None if whole else tf.get_static_value(tf.convert_to_tensor(batch_size))
        top = tf.PaddingFIFOQueue(
            capacity,
            [tf.int32, *types],
            [tf.TensorShape([]), *(tf.TensorShape([static]).concatenate(s) for s in known)],
            shared_name=shared_name,
            name="top_queue",
        )
        # The first runner starts first: full buckets are moved in the order in which they fill up.
        _move(queues, top, batch_sizes, allow_smaller_final_batch)
        _fill(queues, tf.cast(which_bucket, tf.int32), flat, keep_input, num_threads)
        full = tf.cast(top.size(), tf.float32) / capacity
        tf.summary.scalar(f"bucket/{top.name}/fraction_of_{capacity}_full", full)
        which, *stored = top.dequeue(name="dequeue_top")
        batch = [_as_given(x, rows) for x, rows in zip(given, stored, strict=True)]
    return which, (dict(zip(tensors, batch, strict=True)) if isinstance(tensors, dict) else batch)


def _one_each(value: Any, num_buckets: int, name: str) -> list[Any]:
    """The value as a list with one entry a bucket."""
    if not isinstance(value, list | tuple):
        return [value] * num_buckets
    if len(value) != num_buckets:
        raise ValueError(
            f"The list {name} ({value}) must have exactly num_buckets ({num_buckets}) elements"
        )
    return list(value)


def _as_dense(x: Any) -> Tensor:
    """A tensor that a queue can hold: a sparse one as a string `[3]`."""
    if isinstance(x, tf.SparseTensor):
        return tf.io.serialize_sparse(x)
    return tf.convert_to_tensor(x)


def _shapes(
    given: list[Any], stored: list[Tensor], shapes: Sequence[Shape] | None
) -> list[tf.TensorShape]:
    """The shapes of what a queue holds."""
    if shapes is None:
        return [x.shape for x in stored]
    return [
        dense.shape if isinstance(x, tf.SparseTensor) else tf.TensorShape(shape)
        for x, dense, shape in zip(given, stored, shapes, strict=True)
    ]


def _as_given(x: Any, rows: Tensor) -> Any:
    """The batch of a tensor from the rows that a queue gave: sparse where it is."""
    if not isinstance(x, tf.SparseTensor):
        return rows
    rank = x.shape.rank  # of one; what is asked for is that of the batch
    return tf.io.deserialize_many_sparse(rows, x.dtype, rank=rank and rank + 1)


def _fill(
    queues: list[Any], which: Tensor, tensors: list[Tensor], keep: bool | Tensor, threads: int
) -> None:
    """Adds the runner that puts examples into their buckets, and closes those after the last."""

    def enqueue() -> tf.Operation:
        return tf.QueueBase.from_list(which, queues).enqueue(tensors)

    if keep is not True:
        keep = tf.cast(keep, tf.bool)
        filled = tf.cond(keep, lambda: tf.group(enqueue()), tf.no_op)
    else:
        filled = enqueue()
    tf.train.add_queue_runner(
        tf.train.QueueRunner(
            queues[0],
            [filled] * threads,
            close_op=tf.group(*(queue.close() for queue in queues)),
            cancel_op=tf.group(*(queue.close(cancel_pending_enqueues=True) for queue in queues)),
            queue_closed_exception_types=(tf.errors.OutOfRangeError, tf.errors.CancelledError),
        )
    )


def _move(queues: list[Any], top: Any, batch_sizes: list[Dimension], smaller: bool) -> None:
    """Adds the runner that moves batches to the last queue, and closes it after the last bucket."""
    moves = []
    for i, (queue, size) in enumerate(zip(queues, batch_sizes, strict=True)):
        dequeue = queue.dequeue_up_to if smaller else queue.dequeue_many
        batch = dequeue(size, name=f"read_bucket_{i}")
        batch = batch if isinstance(batch, list) else [batch]
        moves.append(top.enqueue([tf.constant(i), *batch], name=f"enqueue_from_bucket_{i}"))
    ended = (tf.errors.OutOfRangeError, tf.errors.CancelledError)
    tf.train.add_queue_runner(tf.train.QueueRunner(top, moves, queue_closed_exception_types=ended))


def bucket_by_sequence_length(
    input_length: Tensor,
    tensors: _Tensors,
    batch_size: Dimension | Sequence[Dimension],
    bucket_boundaries: Sequence[int],
    num_threads: int = 1,
    capacity: int = 32,
    bucket_capacities: Sequence[int] | None = None,
    shapes: Sequence[Shape] | None = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    keep_input: bool | Tensor = True,
    shared_name: str | None = None,
    name: str | None = None,
) -> tuple[Tensor, _Tensors]:
    """Batches sequences with others of about their length.

    Args:
      input_length: int32 scalar, the length of an example.
      bucket_boundaries: increasing ints; a bucket has the lengths from one boundary up to the
        next, and there is one before the first and one from the last on.
      tensors, batch_size, num_threads, capacity, bucket_capacities, shapes, dynamic_pad,
        allow_smaller_final_batch, keep_input, shared_name, name: as in `bucket`.

    Returns:
      `(sequence_length, outputs)`: int32 `[batch_size]`, and list or dict of `[batch_size, ...]`.

    Raises:
      TypeError: the boundaries are no list of ints.
      ValueError: they are none or do not increase; or as `bucket`.
    """
    if not isinstance(bucket_boundaries, list | tuple):
        raise TypeError(
            f"bucket_boundaries must be a list or tuple, but received: {bucket_boundaries}"
        )
    if not bucket_boundaries:
        raise ValueError("bucket_boundaries must not be empty")
    if not all(isinstance(boundary, int) for boundary in bucket_boundaries):
        raise TypeError(f"bucket boundaries must be integers: {bucket_boundaries}")
    if any(b <= a for a, b in itertools.pairwise(bucket_boundaries)):
        raise ValueError(f"Buckets must contain sequential increasing lengths: {bucket_boundaries}")
    with tf.name_scope(name, "bucket_by_sequence_length"):
        input_length = tf.convert_to_tensor(input_length, tf.int32, name="input_length")
        passed = input_length >= tf.constant(list(bucket_boundaries), tf.int32)
        is_dict = isinstance(tensors, dict)
        flat = list(tensors.values()) if isinstance(tensors, dict) else list(tensors)
        _, (lengths, *batch) = bucket(
            [input_length, *flat],
            which_bucket=tf.reduce_sum(tf.cast(passed, tf.int32)),
            batch_size=batch_size,
            num_buckets=len(bucket_boundaries) + 1,
            num_threads=num_threads,
            capacity=capacity,
            bucket_capacities=bucket_capacities,
            shapes=None if shapes is None else [[], *shapes],
            dynamic_pad=dynamic_pad,
            allow_smaller_final_batch=allow_smaller_final_batch,
            keep_input=keep_input,
            shared_name=shared_name,
        )
    return lengths, (dict(zip(tensors, batch, strict=True)) if is_dict else batch)
