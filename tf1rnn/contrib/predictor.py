"""`tf.contrib.predictor`: a SavedModel as a function of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

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
    with session.graph.as_default():
        meta_graph = tf.saved_model.loader.load(session, wanted, export_dir)
    if not input_names or not output_names:
        signature = signature_def or _signature(meta_graph, signature_def_key or "serving_default")
        input_names = {name: info.name for name, info in signature.inputs.items()}
        output_names = {name: info.name for name, info in signature.outputs.items()}
    tensor = session.graph.get_tensor_by_name
    return Predictor(
        session,
        {name: tensor(stands) for name, stands in input_names.items()},
        {name: tensor(stands) for name, stands in output_names.items()},
    )


def _signature(meta_graph: Any, key: str) -> Any:
    if key not in meta_graph.signature_def:
        there = sorted(meta_graph.signature_def)
        raise ValueError(f'Got signature_def_key "{key}". Available signatures are {there}')
    return meta_graph.signature_def[key]
