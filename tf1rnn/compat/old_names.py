"""Names that were gone or had another order of arguments by TensorFlow 1.15, of 0.5 to 0.12."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import Tensor


def _is_axis(value: Any) -> bool:
    """Whether an argument is an axis: an int, or a scalar integer tensor."""
    if isinstance(value, (list, tuple, str)):
        return False
    if isinstance(value, int):
        return True
    return tf.is_tensor(value) and value.shape.rank == 0 and value.dtype.is_integer


def concat(*args: Any, **options: Any) -> Tensor:
    """`tf.concat(values, axis)`, and `tf.concat(concat_dim, values)` of before 1.0."""
    if "concat_dim" in options:
        options["axis"] = options.pop("concat_dim")
    if len(args) > 1 and _is_axis(args[0]) and not _is_axis(args[1]):
        args = (args[1], args[0], *args[2:])
    elif len(args) == 1 and _is_axis(args[0]) and "values" in options:
        args = (options.pop("values"), args[0])
    return tf.concat(*args, **options)


def split(*args: Any, **options: Any) -> list[Tensor]:
    """`tf.split(value, num_or_size_splits, axis)`, and `(split_dim, num_split, value)`.

    Told apart by the third argument or the names: before 1.0 it was the tensor.
    """
    if "split_dim" in options:
        options["axis"] = options.pop("split_dim")
    if "num_split" in options:
        options["num_or_size_splits"] = options.pop("num_split")
    if args and _is_axis(args[0]) and (len(args) > 2 or "value" in options):
        names = ("axis", "num_or_size_splits", "value", "name")
        options.update(zip(names, args, strict=False))
        args = ()
    return tf.split(*args, **options)


def reverse(tensor: Tensor, axis: Any = None, name: str | None = None, dims: Any = None) -> Tensor:
    """`tf.reverse(tensor, axis)`, and a list of booleans, one an axis, of before 1.0."""
    axis = dims if axis is None else axis
    if isinstance(axis, (list, tuple)) and axis and all(isinstance(one, bool) for one in axis):
        axis = [i for i, turned in enumerate(axis) if turned]
    return tf.reverse(tensor, axis, name=name)


def _logits_first(new: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`new(labels=, logits=)`, and by position, logits first, as before 1.0."""

    def cross_entropy(*args: Any, **options: Any) -> Tensor:
        for key, value in zip(("logits", "labels", "name"), args, strict=False):
            if key in options:
                raise TypeError(f"{new.__name__} got two values for {key!r}")
            options[key] = value
        if "targets" in options:
            options["labels"] = options.pop("targets")
        return new(**options)

    cross_entropy.__name__, cross_entropy.__doc__ = new.__name__, new.__doc__
    return cross_entropy


def _labels_third(new: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`new(weights, biases, labels, inputs, ...)`, and inputs before labels, as before 1.0.

    The labels are the integers of the two.
    """

    def loss(*args: Any, **options: Any) -> Tensor:
        if len(args) > 3 and tf.convert_to_tensor(args[3]).dtype.is_integer:
            args = (*args[:2], args[3], args[2], *args[4:])
        return new(*args, **options)

    loss.__name__, loss.__doc__ = new.__name__, new.__doc__
    return loss


def ctc_loss(*args: Any, **options: Any) -> Tensor:
    """`tf.nn.ctc_loss(labels, inputs, ...)`, and inputs before the sparse labels, as before 1.0."""
    if len(args) > 1 and isinstance(args[1], tf.SparseTensor):
        args = (args[1], args[0], *args[2:])
    return tf.nn.ctc_loss(*args, **options)


def scalar_summary(
    tags: str | list[str], values: Tensor, collections: Any = None, name: str | None = None
) -> Tensor:
    """`tf.summary.scalar` of one value, or of as many as there are tags."""
    if isinstance(tags, str):
        return tf.summary.scalar(tags, values, collections)
    parts = tf.unstack(values, num=len(tags))
    return tf.summary.merge(
        [tf.summary.scalar(tag, part, collections) for tag, part in zip(tags, parts, strict=True)]
    )


def histogram_summary(
    tag: str, values: Tensor, collections: Any = None, name: str | None = None
) -> Tensor:
    """`tf.summary.histogram`."""
    return tf.summary.histogram(tag, values, collections)


def image_summary(
    tag: str,
    tensor: Tensor,
    max_images: int = 3,
    collections: Any = None,
    name: str | None = None,
) -> Tensor:
    """`tf.summary.image`."""
    return tf.summary.image(tag, tensor, max_images, collections)


def audio_summary(
    tag: str,
    tensor: Tensor,
    sample_rate: float,
    max_outputs: int = 3,
    collections: Any = None,
    name: str | None = None,
) -> Tensor:
    """`tf.summary.audio`."""
    return tf.summary.audio(tag, tensor, sample_rate, max_outputs, collections)


def op_scope(values: list[Any], name: str | None, default_name: str | None = None) -> Any:
    """`tf.name_scope` with the values before the name."""
    return tf.name_scope(name, default_name, values)


def variable_op_scope(
    values: list[Any],
    name_or_scope: Any,
    default_name: str | None = None,
    initializer: Any = None,
    **options: Any,
) -> Any:
    """`tf.variable_scope` with the values before the name."""
    return tf.variable_scope(
        name_or_scope, default_name, values, initializer=initializer, **options
    )


# Old name -> the name that 1.15 and `tensorflow.compat.v1` have.
RENAMED: dict[str, str] = {
    "batch_matmul": "matmul",
    "complex_abs": "abs",
    "contrib.ctc.ctc_beam_search_decoder": "nn.ctc_beam_search_decoder",
    "contrib.ctc.ctc_greedy_decoder": "nn.ctc_greedy_decoder",
    "contrib.ctc.ctc_loss": "nn.ctc_loss",
    "inv": "reciprocal",
    "listdiff": "setdiff1d",
    "merge_all_summaries": "summary.merge_all",
    "mul": "multiply",
    "neg": "negative",
    "nn.bidirectional_rnn": "nn.static_bidirectional_rnn",
    "nn.rnn": "nn.static_rnn",
    "nn.state_saving_rnn": "nn.static_state_saving_rnn",
    "pack": "stack",
    "select": "where",
    "sub": "subtract",
    "train.SummaryWriter": "summary.FileWriter",
    "unpack": "unstack",
}

# Names whose arguments stood in another order once; both orders are taken.
NAMES: dict[str, Callable[..., Any]] = {
    "audio_summary": audio_summary,
    "concat": concat,
    "histogram_summary": histogram_summary,
    "image_summary": image_summary,
    "merge_summary": tf.summary.merge,
    "nn.ctc_loss": ctc_loss,
    "nn.nce_loss": _labels_third(tf.nn.nce_loss),
    "nn.sampled_softmax_loss": _labels_third(tf.nn.sampled_softmax_loss),
    "nn.sigmoid_cross_entropy_with_logits": _logits_first(tf.nn.sigmoid_cross_entropy_with_logits),
    "nn.softmax_cross_entropy_with_logits": _logits_first(tf.nn.softmax_cross_entropy_with_logits),
    "nn.sparse_softmax_cross_entropy_with_logits": _logits_first(
        tf.nn.sparse_softmax_cross_entropy_with_logits
    ),
    "op_scope": op_scope,
    "reverse": reverse,
    "scalar_summary": scalar_summary,
    "split": split,
    "variable_op_scope": variable_op_scope,
}
