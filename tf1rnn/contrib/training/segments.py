"""Batches of segments of long sequences, whose states go from segment to segment.

For truncated backpropagation through time over examples of any lengths: `num_unroll` steps at a
time, each row with the state that the segment before it left.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.training.barrier import Barrier, nothing
from tf1rnn.types import Dimension, Tensor

_Tensors = dict[str, Any]


class SequenceQueueingStateSaver:
    """Cuts examples into segments, batches these, and keeps states from segment to segment.

    Examples come in one at a time by `prefetch_op`, which a `tf.train.QueueRunner` runs (this has
    what it needs of a queue), and go out by `next_batch`. A segment can go out as soon as
    `next_batch.save_state` has run for the one before it.

    Args:
      batch_size: int or int32 scalar, segments a batch.
      num_unroll: int, steps of a segment.
      input_length: int32 scalar, steps of the example without padding.
      input_key: string scalar, a name that no other example has while this one is here.
      input_sequences: dict of `[padded_length, ...]`, all of one `padded_length`, a multiple of
        `num_unroll`.
      input_context: dict of tensors of any known shapes, which every segment gets.
      initial_states: dict of tensors of known shapes, what the first segment of an example has.
      capacity: the most examples at a time, at least `batch_size`; any number by default.
      allow_small_batch: give smaller batches when no more examples come.
      name: name of the scope of the ops.

    Raises:
      TypeError: what should be a dict is none, its keys are no strings, `input_length` is not
        int32, or `input_key` no string.
      ValueError: `capacity` below `batch_size`, no sequences, no states, a colon in a name, or a
        shape that is not known.
    """

    def __init__(
        self,
        batch_size: Dimension,
        num_unroll: int,
        input_length: Tensor,
        input_key: Tensor,
        input_sequences: _Tensors,
        input_context: _Tensors,
        initial_states: _Tensors,
        capacity: int | None = None,
        allow_small_batch: bool = False,
        name: str | None = None,
    ):
        if capacity is not None and capacity < batch_size:
            raise ValueError("capacity must be larger or equal to batch_size")
        self.batch_size, self.num_unroll = batch_size, num_unroll
        self._allow_small_batch = allow_small_batch
        with tf.name_scope(name, "InputQueueingStateSaver") as self.name:
            sequences = _named("sequence", input_sequences, timed=True)
            contexts = _named("context", input_context)
            states = _named("state", initial_states)
            if not sequences or not states:
                raise ValueError("At least one sequence and one state are needed")
            own = _own(num_unroll, sequences, input_length, input_key)
            with tf.control_dependencies([own["sequence"]]):
                sequences = {k: _cut(x, num_unroll) for k, x in sequences.items()}
            # Of segments, any number of which an example may have; of examples:
            self._barrier = Barrier({**own, **sequences}, {**contexts, **states})
            self._places = tf.FIFOQueue(-1 if capacity is None else capacity, [tf.int32], [[]])
            self.prefetch_op = self._insert(own, sequences, contexts, states)
            received = self._barrier.take(batch_size, allow_small_batch)
            self.next_batch = self._next(received, sequences, contexts, states)

    def _insert(
        self, own: _Tensors, sequences: _Tensors, contexts: _Tensors, states: _Tensors
    ) -> tf.Operation:
        """Puts one example in, when there is place for it."""
        keys, count = own.pop("key"), tf.size(own["sequence"])
        place = self._places.enqueue([0])
        # All segments at once first: they are of one age then, and go out one after the other.
        first = self._barrier.insert("sequence", keys, own["sequence"])
        rest = {**own, **sequences, **{k: _repeat(x, count) for k, x in contexts.items()}}
        del rest["sequence"]
        with tf.control_dependencies([place, first]):
            ready = [self._barrier.insert(k, keys[:1], x[None]) for k, x in states.items()]
        return tf.group(
            place, first, *ready, *(self._barrier.insert(k, keys, x) for k, x in rest.items())
        )

    def _next(
        self, received: _Tensors, sequences: _Tensors, contexts: _Tensors, states: _Tensors
    ) -> NextQueuedSequenceBatch:
        done = received["sequence"] + 1 >= received["sequence_count"]
        # None that ended, or where the batch has too few rows, more than there can be: the end.
        few = tf.size(done) < (1 if self._allow_small_batch else self.batch_size)
        ended = tf.where(few, tf.int32.max, tf.reduce_sum(tf.cast(done, tf.int32)))
        with tf.control_dependencies([self._places.dequeue_many(ended)]):
            received = {k: tf.identity(x) for k, x in received.items()}

        def of(names: _Tensors) -> _Tensors:
            return {_short(k): received[k] for k in names}

        return NextQueuedSequenceBatch(
            received, of(sequences), of(contexts), of(states), done, self._barrier
        )

    def ready_size(self, name: str | None = None) -> Tensor:
        """int32 scalar, how many segments could go out."""
        return tf.raw_ops.BarrierReadySize(handle=self._barrier.handle, name=name)

    def close(self, cancel_pending_enqueues: bool = False, name: str | None = None) -> tf.Operation:
        """An op after which no example comes in; the segments of those that are in still go out.

        Args:
          cancel_pending_enqueues: end what waits for a place, and let no further segment out.
          name: name of the op.

        Running it a second time raises `tf.errors.InvalidArgumentError`.
        """
        with tf.name_scope(name, "SQSSClose") as name:
            # A barrier that is closed, and then closed with its inserts cancelled, waits for ever.
            before = tf.assert_equal(
                self._places.is_closed(), False, message="No more examples were to come in already"
            )
            with tf.control_dependencies([before]):
                barrier = self._barrier.close(self.batch_size, cancel_pending_enqueues)
                return tf.group(barrier, self._places.close(cancel_pending_enqueues), name=name)


class NextQueuedSequenceBatch:
    """A batch of segments; a `state_saver` for `tf.nn.static_state_saving_rnn`.

    Attributes, all but the dicts `[batch_size]`:
      key, next_key: string, `00000_of_00003:name` of the segment and of the one after it, which
        after the last one is `STOP:name`.
      sequence, sequence_count: int32, the segment's number and how many its example has.
      length, total_length: int32, steps of the segment and of its example, without padding.
      insertion_index: int64, grows with the order in which examples came in.
      sequences: dict of `[batch_size, num_unroll, ...]`.
      context: dict of `[batch_size, ...]`.
      batch_size: int32 scalar, segments of this batch.
    """

    def __init__(
        self,
        received: _Tensors,
        sequences: _Tensors,
        context: _Tensors,
        states: _Tensors,
        done: Tensor,
        barrier: Barrier,
    ):
        self.sequences, self.context, self._states = sequences, context, states
        self.key, self.insertion_index = received["key"], received["insertion_index"]
        self.length, self.total_length = received["length"], received["total_length"]
        self.sequence, self.sequence_count = received["sequence"], received["sequence_count"]
        self.next_key = received["next_key"]
        self.batch_size = tf.size(self.length)
        self._going_on, self._barrier = tf.reshape(tf.where(~done), [-1]), barrier

    def state(self, state_name: str) -> Tensor:
        """`[batch_size, ...]`, what the segments before these left, or the initial state.

        Raises:
          KeyError: there is no such state.
        """
        return self._states[state_name]

    def save_state(self, state_name: str, value: Tensor, name: str | None = None) -> tf.Operation:
        """An op that keeps a state for the next segments, which it lets out.

        Args:
          state_name: one of `initial_states`.
          value: `[batch_size, ...]`.
          name: name of the scope of the ops.

        Raises:
          KeyError: there is no such state.
          ValueError: `value` has another shape.
        """
        if state_name not in self._states:
            raise KeyError(f"state was not declared: {state_name}")
        state = self._states[state_name]
        with tf.name_scope(name, "InputQueueingStateSaver_SaveState", [value]):
            value = tf.convert_to_tensor(value, state.dtype)
            value.shape.assert_is_compatible_with(state.shape)
            keys, kept = (tf.gather(x, self._going_on) for x in (self.next_key, value))
            return self._barrier.insert(f"state__{state_name}", keys, kept)


def batch_sequences_with_states(
    input_key: Tensor,
    input_sequences: _Tensors,
    input_context: _Tensors,
    input_length: Tensor | None,
    initial_states: _Tensors,
    num_unroll: int,
    batch_size: Dimension,
    num_threads: int = 3,
    capacity: int = 1000,
    allow_small_batch: bool = True,
    pad: bool = True,
    make_keys_unique: bool = False,
    make_keys_unique_seed: int | None = None,
    name: str | None = None,
) -> NextQueuedSequenceBatch:
    """Batches of segments of examples, with their states; `tf.train.start_queue_runners` fills it.

    Args:
      input_key, input_sequences, input_context, initial_states, num_unroll, batch_size, capacity,
        allow_small_batch: as in `SequenceQueueingStateSaver`.
      input_length: int32 scalar; by default the length of the sequences, where `pad` is true.
      num_threads: how many threads read examples.
      pad: fill the sequences up to a multiple of `num_unroll`, with zeros or empty strings.
      make_keys_unique: append a random integer to `input_key`.
      make_keys_unique_seed: int, of that.
      name: name of the scope of the ops.

    Raises:
      TypeError, ValueError: as `SequenceQueueingStateSaver`; ValueError where `num_unroll` is no
        integer, or neither `pad` nor `input_length` is given.
    """
    if not isinstance(num_unroll, int):
        raise ValueError(f"Unsupported num_unroll expected int, got: {num_unroll}")
    if input_length is None and not pad:
        raise ValueError("input_length must be given where pad is False")
    with tf.name_scope(name, "batch_sequences_with_states"):
        if make_keys_unique:
            number = tf.random_uniform([], 0, 2**62, tf.int64, seed=make_keys_unique_seed)
            input_key = tf.strings.join([input_key, tf.strings.as_string(number)], ":")
        if pad:
            _check_names("sequence", input_sequences)
            input_sequences = {k: tf.convert_to_tensor(x) for k, x in input_sequences.items()}
            if input_length is None and input_sequences:
                input_length = tf.shape(next(iter(input_sequences.values())))[0]
            input_sequences = {k: _padded(x, num_unroll) for k, x in input_sequences.items()}
        saver = SequenceQueueingStateSaver(
            batch_size, num_unroll, input_length, input_key, input_sequences, input_context,
            initial_states, capacity, allow_small_batch,
        )  # fmt: skip
        tf.summary.scalar(
            f"queue/{saver.name}ready_segment_batches_", tf.cast(saver.ready_size(), tf.float32)
        )
        ends = (tf.errors.OutOfRangeError, tf.errors.CancelledError)
        tf.train.add_queue_runner(
            tf.train.QueueRunner(
                saver, [saver.prefetch_op] * num_threads, queue_closed_exception_types=ends
            )
        )
        return saver.next_batch


def _named(kind: str, given: _Tensors, timed: bool = False) -> _Tensors:
    """Tensors under names that tell their kind, in order; of known shapes, save for the time."""
    _check_names(kind, given)
    tensors = {f"{kind}__{k}": tf.convert_to_tensor(x) for k, x in sorted(given.items())}
    for k, x in tensors.items():
        shape = x.shape[1:] if timed else x.shape
        if not shape.is_fully_defined():
            raise ValueError(f"Shape for {kind} {_short(k)} is not fully defined: {x.shape}")
        if timed:  # one length for all examples is as good as any: told when it is asked for
            tensors[k] = tf.placeholder_with_default(x, [None, *shape])
    return tensors


def _check_names(kind: str, given: _Tensors) -> None:
    if not isinstance(given, dict):
        raise TypeError(f"{kind}s must be a dict, not {given!r}")
    for k in given:
        if not isinstance(k, str):
            raise TypeError(f"{kind} name must be string: {k}")
        if ":" in k:
            raise ValueError(f"{kind} name may not have a colon: '{k}'")


def _short(name: str) -> str:
    return name.split("__", 1)[1]


def _own(num_unroll: int, sequences: _Tensors, length: Tensor, key: Tensor) -> _Tensors:
    """What a segment has beside its data, and its key, for all segments of an example."""
    length, key = tf.convert_to_tensor(length), tf.convert_to_tensor(key)
    if length.dtype != tf.int32:
        raise TypeError(f"length dtype must be int32, but received: {length.dtype}")
    if key.dtype != tf.string:
        raise TypeError(f"key dtype must be string, but received: {key.dtype}")
    sizes = [tf.shape(x)[0] for x in sequences.values()]
    multiple = "must be a multiple of num_unroll and not 0. Consider setting pad=True."
    checks = [
        tf.assert_equal(sizes, sizes[0], message="All sequence lengths must match"),
        tf.assert_positive(sizes, message=f"The length of sequences {multiple}"),
        tf.assert_equal(
            sizes[0] % num_unroll, 0, message=f"The length of sequences {multiple}"
        ),
        tf.assert_less_equal(length, sizes[0], message="Input length should be <= theirs"),
    ]  # fmt: skip
    with tf.control_dependencies(checks):
        count = sizes[0] // num_unroll
        sequence = tf.range(count)
    numbers = [tf.strings.as_string(n, width=5, fill="0") for n in (sequence, count)]
    keys = tf.strings.join([numbers[0], "_of_", numbers[1], ":", key])
    own = {
        "key": keys,
        "next_key": tf.concat([keys[1:], [tf.strings.join(["STOP:", key])]], 0),
        "length": tf.clip_by_value(length - num_unroll * sequence, 0, num_unroll),
        "total_length": tf.fill([count], length),
        "sequence": sequence,
        "sequence_count": tf.fill([count], count),
    }
    for x in own.values():
        x.set_shape([None])
    return own


def _cut(sequence: Tensor, num_unroll: int) -> Tensor:
    """`[padded_length, ...]` into `[number_of_segments, num_unroll, ...]`."""
    return tf.reshape(sequence, [-1, num_unroll, *sequence.shape[1:]])


def _repeat(context: Tensor, count: Tensor) -> Tensor:
    """`[...]` into `[count, ...]`."""
    return tf.tile(context[None], tf.concat([[count], tf.ones([context.shape.rank], tf.int32)], 0))


def _padded(sequence: Tensor, num_unroll: int) -> Tensor:
    """Up to a multiple of `num_unroll`; `tf.pad` has no kernel for strings."""
    shape = tf.shape(sequence)
    missing = tf.concat([-shape[:1] % num_unroll, shape[1:]], 0)
    padded = tf.concat([sequence, tf.fill(missing, nothing(sequence.dtype))], 0)
    padded.set_shape([None, *sequence.shape[1:]])
    return padded
