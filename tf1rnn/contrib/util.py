"""`tf.contrib.util`: constants as protocol buffers and back, and the ops of a graph."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

constant_value = tf.get_static_value
make_ndarray = tf.make_ndarray
make_tensor_proto = tf.make_tensor_proto


def ops_used_by_graph_def(graph_def: tf.GraphDef) -> set[str]:
    """The types of the ops of a graph, those of its functions, too."""
    nodes = [*graph_def.node, *(node for f in graph_def.library.function for node in f.node_def)]
    functions = {function.signature.name for function in graph_def.library.function}
    return {node.op for node in nodes} - functions
