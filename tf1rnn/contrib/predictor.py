"""`tf.contrib.predictor`: a SavedModel, or the model of an estimator, as a function of arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator import export
from tf1rnn.contrib.estimator.spec import ModeKeys
from tf1rnn.types import Tensor


class Predictor:
    """A signature of a graph in its session, called with arrays.

    graph, session: where it runs; the session stays open for as long as the predictor lives.
    feed_tensors, fetch_tensors: name to tensor.
    """

    def __init__(self, session: tf.Session, feeds: dict[str, Tensor], fetches: dict[str, Tensor]):
        self.session, self.graph = session, session.graph
        self.feed_tensors, self.fetch_tensors = feeds, fetches

    def __call__(self, input_dict: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs by name, as arrays.

        Args:
          input_dict: name to array.

        Raises:
          ValueError: a name is not one of the inputs.
        """
        for name in input_dict:
            if name not in self.feed_tensors:
                expected = sorted(self.feed_tensors)
                raise ValueError(f"Got unexpected key in input_dict: {name}. Expected {expected}")
        fed = {self.feed_tensors[name]: value for name, value in input_dict.items()}
        return self.session.run(self.fetch_tensors, fed)


def from_saved_model(
    export_dir: str,
    signature_def_key: str | None = None,
    signature_def: Any = None,
    input_names: Mapping[str, str] | None = None,
    output_names: Mapping[str, str] | None = None,
    tags: str | None = None,
    graph: tf.Graph | None = None,
    config: tf.ConfigProto | None = None,
) -> Predictor:
    """Loads a SavedModel.

    Args:
      export_dir: its folder.
      signature_def_key: which of its signatures; "serving_default" by default.
      signature_def: a signature instead.
      input_names, output_names: instead of a signature, the names of tensors by what they are
        to be called; both are given or none.
      tags: of the graph in it, with commas between them; "serve" by default.
      graph: to load it into; a new one by default.
      config: of the session.

    Raises:
      ValueError: more than one of the three ways to say what goes in and out is given, or the
        model has no such signature.
    """
    ways = [signature_def_key, signature_def, input_names or output_names]
    if sum(map(bool, ways)) > 1:
        raise ValueError(
            "Only one of signature_def_key, signature_def, and input_names with output_names can "
            "be specified."
        )
    if bool(input_names) != bool(output_names):
        raise ValueError("input_names and output_names must both be specified or both be None.")
    session = tf.Session(graph=graph or tf.Graph(), config=config)
    wanted = (tags or tf.saved_model.tag_constants.SERVING).split(",")
    try:
        with session.graph.as_default():
            meta_graph = tf.saved_model.loader.load(session, wanted, export_dir)
        if input_names and output_names:
            return _of_names(session, input_names, output_names)
        key = signature_def_key or export.DEFAULT
        return _of(session, signature_def or _signature(meta_graph.signature_def, key))
    except Exception:
        session.close()
        raise


def from_estimator(
    estimator: Any,
    serving_input_receiver_fn: Callable[[], Any],
    output_key: str | None = None,
    graph: tf.Graph | None = None,
    config: tf.ConfigProto | None = None,
) -> Predictor:
    """Builds the model of a `tf.estimator.Estimator`, with the values of its latest checkpoint.

    Args:
      estimator: the estimator.
      serving_input_receiver_fn: gives a `tf.estimator.export.ServingInputReceiver`.
      output_key: which of the model function's `export_outputs`; "serving_default" by default.
      graph: to build it in; a new one by default.
      config: of the session.

    Raises:
      ValueError: the model has no such output, or there is no checkpoint.
    """
    with (graph or tf.Graph()).as_default() as own:
        tf.train.get_or_create_global_step()
        receiver = serving_input_receiver_fn()
        spec = estimator.model_fn(receiver.features, None, ModeKeys.PREDICT, estimator.config)
        signature = _signature(export.signatures(receiver, spec), output_key or export.DEFAULT)
        path = estimator.latest_checkpoint()
        if not path:
            raise ValueError(f"Couldn't find trained model at {estimator.model_dir}.")
        session = tf.Session(graph=own, config=config)
        (spec.scaffold.saver or tf.train.Saver()).restore(session, path)
        session.run(tf.tables_initializer())
    return _of(session, signature)


def _signature(there: Mapping[str, Any], key: str) -> Any:
    if key not in there:
        raise ValueError(f'Got signature_def_key "{key}". Available signatures are {sorted(there)}')
    return there[key]


def _of(session: tf.Session, signature: Any) -> Predictor:
    feeds, fetches = (
        {name: info.name for name, info in side.items()}
        for side in (signature.inputs, signature.outputs)
    )
    return _of_names(session, feeds, fetches)


def _of_names(
    session: tf.Session, feeds: Mapping[str, str], fetches: Mapping[str, str]
) -> Predictor:
    tensor = session.graph.get_tensor_by_name
    return Predictor(
        session,
        {name: tensor(stands) for name, stands in feeds.items()},
        {name: tensor(stands) for name, stands in fetches.items()},
    )
