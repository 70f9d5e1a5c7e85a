"""What beams are made of: tiling and reshaping batches, and reading paths backwards."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.memory import size_of_axis
from tf1rnn.types import Dimension, Nest, Tensor


def tile_batch(t: Nest, multiplier: int, name: str | None = None) -> Nest:
    """Repeats each row of a batch, the copies beside each other.

    Args:
      t: a nest of tensors `[batch_size, ...]`.
      multiplier: how often each row comes, such as the width of a beam.
      name: name of the scope of the ops.

    Returns:
      The nest with tensors `[batch_size * multiplier, ...]`.

    Raises:
      ValueError: a tensor whose rank is not known.
    """
    with tf.name_scope(name, "tile_batch"):
        return tf.nest.map_structure(lambda one: _tiled(one, multiplier), t)


def _tiled(t: Tensor, multiplier: int) -> Tensor:
    t = tf.convert_to_tensor(t, name="t")
    if t.shape.rank is None:
        raise ValueError("t must have statically known rank")
    tiled = tf.repeat(t, multiplier, axis=0)
    rows = t.shape.as_list()[0]
    tiled.set_shape([None if rows is None else rows * multiplier, *t.shape.as_list()[1:]])
    return tiled


def split_beams(t: Tensor, batch_size: Tensor, rows: int | None, beam_width: int) -> Tensor:
    """`[batch_size * beam_width, ...]` -> `[batch_size, beam_width, ...]`.

    `rows` is the batch size where it is known: a loop's body cannot tell it from the tensor.
    """
    inner = t.shape.as_list()[1:]
    split = tf.reshape(t, tf.concat([[batch_size, beam_width], tf.shape(t)[1:]], 0))
    split.set_shape([rows, beam_width, *inner])
    return split


def merge_beams(t: Tensor, batch_size: Tensor, rows: int | None, beam_width: int) -> Tensor:
    """`[batch_size, beam_width, ...]` -> `[batch_size * beam_width, ...]`."""
    inner = t.shape.as_list()[2:]
    merged = tf.reshape(t, tf.concat([[batch_size * beam_width], tf.shape(t)[2:]], 0))
    merged.set_shape([None if rows is None else rows * beam_width, *inner])
    return merged


def gather_tree(
    step_ids: Tensor,
    parent_ids: Tensor,
    max_sequence_lengths: Tensor,
    end_token: int | Tensor,
    name: str | None = None,
) -> Tensor:
    """The whole path that ends in each beam, read backwards along the parents.

    Args:
      step_ids: int `[num_steps, batch_size, beam_width]`, what each beam got at each step.
      parent_ids: int of the same shape, the beam that it continued.
      max_sequence_lengths: int `[batch_size]`, the length of each row's longest path.
      end_token: what stands behind a path's first end token, and behind the longest path.
      name: name of the scope of the ops.

    Returns:
      Ids `[num_steps, batch_size, beam_width]`.

    Raises:
      InvalidArgumentError: when run, for a parent that is no beam.
    """
    with tf.name_scope(name, "GatherTree"):
        step_ids = tf.convert_to_tensor(step_ids, name="step_ids")
        parent_ids = tf.cast(parent_ids, tf.int32)
        end_token = tf.cast(end_token, step_ids.dtype)
        num_steps = tf.shape(step_ids)[0]
        lengths = tf.minimum(tf.cast(max_sequence_lengths, tf.int32), num_steps)
        inside = tf.range(num_steps)[:, None, None] < lengths[None, :, None]
        beams = _checked(_beams_of_paths(parent_ids, lengths), tf.shape(step_ids)[2])
        paths = tf.gather(step_ids, beams, batch_dims=2)
        ended = tf.cumsum(tf.cast(tf.equal(paths, end_token), tf.int32), axis=0)
        going_on = tf.logical_and(inside, tf.equal(ended, 0))
        paths = tf.where(going_on, paths, end_token * tf.ones_like(paths))
        paths.set_shape(step_ids.shape)
        return paths


def _beams_of_paths(parent_ids: Tensor, lengths: Tensor) -> Tensor:
    """In which beam the path that ends in each beam was, `[num_steps, batch_size, beam_width]`.

    Past a row's length it stays where it ends.
    """
    beam_width = size_of_axis(parent_ids, 2)
    ends = tf.broadcast_to(tf.range(beam_width), tf.shape(parent_ids)[1:])
    # One step more, so that there is one to go along.
    parent_ids = tf.pad(parent_ids, [[0, 1], [0, 0], [0, 0]])
    times = tf.range(tf.shape(parent_ids)[0])

    def back(later: tuple[Tensor, Tensor], step: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        time, parents = step
        beams = tf.where((time < lengths - 1)[:, None] & (ends >= 0), later[1], ends)
        known = tf.clip_by_value(beams, 0, beam_width - 1)
        return beams, tf.gather(parents, known, batch_dims=1)

    return tf.scan(back, (times, parent_ids), initializer=(ends, ends), reverse=True)[0][:-1]


def _checked(beams: Tensor, beam_width: Tensor) -> Tensor:
    """The beams, all from 0 to `beam_width - 1`, which is checked when run."""
    wrong = tf.logical_or(beams < 0, beams >= beam_width)
    # A last row, so that there is a first one where nothing is wrong.
    places = tf.concat([tf.where(wrong), tf.zeros([1, 3], tf.int64)], 0)
    time, batch, beam = tf.unstack(places[0])
    parent = tf.gather_nd(tf.pad(beams, [[0, 1], [0, 1], [0, 1]]), places[0])
    message = tf.strings.format(
        "Saw invalid parent id {} at (batch, time, beam) == ({}, {}, {})",
        (parent, batch, time, beam),
    )
    right = tf.logical_not(tf.reduce_any(wrong))
    with tf.control_dependencies([tf.debugging.Assert(right, [message])]):
        return tf.identity(beams)


def gather_tree_from_array(t: Tensor, parent_ids: Tensor, sequence_length: Tensor) -> Tensor:
    """What was kept of each step, sorted as the paths that end in each beam.

    Args:
      t: `[num_steps, batch_size, beam_width, ...]` or `[num_steps, batch_size * beam_width, ...]`.
      parent_ids: int `[num_steps, batch_size, beam_width]`.
      sequence_length: int `[batch_size, beam_width]`; past it an entry stays where it is.

    Returns:
      A tensor like `t`.
    """
    parent_ids = tf.convert_to_tensor(parent_ids)
    num_steps, _, beam_width = tf.unstack(tf.shape(parent_ids))
    stay = tf.broadcast_to(tf.range(beam_width), tf.shape(parent_ids))
    # No beam has the end token's number: a path goes through to its length.
    sorted_beams = gather_tree(
        stay, parent_ids, tf.reduce_max(sequence_length, axis=1), end_token=beam_width + 1
    )
    inside = tf.transpose(tf.sequence_mask(sequence_length, num_steps), [2, 0, 1])
    beams = tf.where(inside, sorted_beams, stay)
    entries = tf.reshape(t, tf.concat([tf.shape(parent_ids), [-1]], 0))
    ordered = tf.reshape(tf.gather(entries, beams, batch_dims=2), tf.shape(t))
    ordered.set_shape(t.shape)
    return ordered


def rows_of_beams(t: Tensor, beams: Tensor) -> Tensor:
    """Of `[batch_size, n, ...]` what `beams` `[batch_size, m]` picks: `[batch_size, m, ...]`."""
    return tf.gather(t, beams, batch_dims=1)


def _check_ndims(t: Tensor) -> int:
    """The rank. Raises ValueError where it is not known."""
    if t.shape.rank is None:
        raise ValueError(f"Expected tensor ({t}) to have known rank, but ndims == None.")
    return t.shape.rank


def _tensor_gather_helper(
    gather_indices: Tensor,
    gather_from: Tensor,
    batch_size: Dimension,
    range_size: Dimension,
    gather_shape: Sequence[Dimension],
    name: str | None = None,
) -> Tensor:
    """What is picked in each row of a batch; for decoders that were copied from TensorFlow 1.

    Args:
      gather_indices: int `[batch_size, beam_width]`, each below `range_size`.
      gather_from: `[batch_size, beam_width, ...]`.
      batch_size: the rows.
      range_size: the entries that a row has in `gather_shape`.
      gather_shape: what `gather_from` is reshaped to first: one entry after the other over all
        rows, `[batch_size * range_size, ...]` or `[-1]`.
      name: name of the scope of the ops.

    Returns:
      `[batch_size, beam_width, ...]`, of a rank one higher than `gather_shape` has entries.
    """
    with tf.name_scope(name, "tensor_gather_helper"):
        entries = tf.reshape(gather_from, [batch_size, range_size, *gather_shape[1:]])
        rank = 1 + len(gather_shape)
        picked = rows_of_beams(entries, gather_indices)
        return tf.ensure_shape(
            tf.reshape(picked, tf.shape(gather_from)[:rank]), gather_from.shape[:rank]
        )


def _maybe_tensor_gather_helper(
    gather_indices: Tensor,
    gather_from: Tensor,
    batch_size: Dimension,
    range_size: Dimension,
    gather_shape: Sequence[Dimension],
) -> Tensor:
    """`_tensor_gather_helper`; an array, or what has fewer axes than `gather_shape`, as it is."""
    if isinstance(gather_from, tf.TensorArray) or _check_ndims(gather_from) < len(gather_shape):
        return gather_from
    return _tensor_gather_helper(gather_indices, gather_from, batch_size, range_size, gather_shape)


def _check_batch_beam(t: Tensor, batch_size: Dimension, beam_width: int) -> tf.Operation:
    """Checks that `[num_steps, ...]` goes on with batch and beams, apart or merged."""
    shape = tf.shape(t)
    apart = tf.constant(False)
    if t.shape.rank > 2:
        apart = tf.reduce_all(tf.equal(shape[1:3], [batch_size, beam_width]))
    return tf.debugging.Assert(
        tf.logical_or(apart, tf.equal(shape[1], batch_size * beam_width)),
        [
            "TensorArray reordering expects elements to be reshapable to "
            "[batch_size, beam_width, -1] which is incompatible with the dynamic shape",
            shape,
            "of a TensorArray. reorder_tensor_arrays=False leaves it as it is. Batch, beams:",
            batch_size,
            beam_width,
        ],
    )
