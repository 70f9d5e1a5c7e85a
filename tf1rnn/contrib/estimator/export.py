"""`tf.estimator.export`: what a trained model gets and gives when it is served."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.types import Tensor

DEFAULT = "serving_default"


class ServingInputReceiver(NamedTuple):
    """Features, and the placeholders that they are made from."""

    features: Any
    receiver_tensors: Any
    receiver_tensors_alternatives: Any = None


class TensorServingInputReceiver(NamedTuple):
    """As `ServingInputReceiver`, of one tensor."""

    features: Any
    receiver_tensors: Any
    receiver_tensors_alternatives: Any = None


class PredictOutput(NamedTuple):
    """A tensor or a dict of tensors by name."""

    outputs: Any


class ClassificationOutput(NamedTuple):
    """Scores of classes `[batch_size, num_classes]`, their names, or both."""

    scores: Tensor | None = None
    classes: Tensor | None = None


class RegressionOutput(NamedTuple):
    """One number a row."""

    value: Tensor


def build_raw_serving_input_receiver_fn(
    features: dict[str, Tensor], default_batch_size: int | None = None
) -> Callable[[], ServingInputReceiver]:
    """A receiver function of placeholders that are the features, of any batch size if not given."""

    def receiver_fn() -> ServingInputReceiver:
        placeholders = {
            name: tf.placeholder(x.dtype, [default_batch_size, *x.shape.as_list()[1:]], name)
            for name, x in features.items()
        }
        return ServingInputReceiver(placeholders, placeholders)

    return receiver_fn


def build_parsing_serving_input_receiver_fn(
    feature_spec: dict[str, Any], default_batch_size: int | None = None
) -> Callable[[], ServingInputReceiver]:
    """A receiver function of serialized `tf.train.Example`s, which are parsed."""

    def receiver_fn() -> ServingInputReceiver:
        examples = tf.placeholder(tf.string, [default_batch_size], "input_example_tensor")
        features = tf.parse_example(examples, feature_spec)
        return ServingInputReceiver(features, {"examples": examples})

    return receiver_fn


def save(session: Any, folder: str, receiver: Any, spec: Any, as_text: bool) -> bytes:
    """Writes the graph and the variables of a session, with the signatures of a specification."""
    seconds = int(time.time())
    while (Path(folder) / str(seconds)).exists():
        seconds += 1
    path = str(Path(folder) / str(seconds))
    builder = tf.saved_model.Builder(path)
    builder.add_meta_graph_and_variables(
        session,
        [tf.saved_model.tag_constants.SERVING],
        signature_def_map=signatures(receiver, spec),
        main_op=tf.tables_initializer(),
        strip_default_attrs=True,
    )
    builder.save(as_text)
    return path.encode()


def signatures(receiver: Any, spec: Any) -> dict[str, Any]:
    """What goes in and out by each of a specification's outputs, by name."""
    taken = receiver.receiver_tensors
    taken = taken if isinstance(taken, dict) else {"input": taken}
    outputs = spec.export_outputs or {DEFAULT: PredictOutput(spec.predictions)}
    if len(outputs) == 1 and DEFAULT not in outputs:
        outputs = {**outputs, DEFAULT: next(iter(outputs.values()))}
    made = {}
    for name, output in outputs.items():
        try:
            made[name] = _signature(taken, output)
        except ValueError as error:
            tf.logging.warning("The signature %s is left out: %s", name, error)
    return made


def _signature(taken: dict[str, Tensor], output: Any) -> Any:
    """By the names that TensorFlow Serving knows for classes and for numbers.

    Raises ValueError where these are not made of one tensor of serialized examples.
    """
    utils = tf.saved_model.signature_def_utils
    if isinstance(output, PredictOutput):
        return utils.predict_signature_def(taken, _tensors(output))
    if len(taken) != 1:
        raise ValueError(f"An output of classes or numbers needs one receiver tensor: {taken}")
    (examples,) = taken.values()
    if isinstance(output, RegressionOutput):
        return utils.regression_signature_def(examples, output.value)
    return utils.classification_signature_def(examples, output.classes, output.scores)


def _tensors(output: Any) -> dict[str, Tensor]:
    """The tensors of an output by name."""
    outputs = output.outputs
    return outputs if isinstance(outputs, dict) else {"output": outputs}
