"""Sessions that soon take their first step."""

import tensorflow.compat.v1 as tf
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig


def open_session(graph: tf.Graph | None = None, one_row: bool = False) -> tf.Session:
    """A session that runs its graph as it was written, or nearly so.

    TensorFlow would rewrite it before the first step (Grappler), for half a second where the graph
    is that of a small model and for over a second where it is larger. No training step gets faster
    by it, so it is left out; `docs/PERFORMANCE.md` has the figures.

    Args:
      graph: None for the default graph.
      one_row: a product and its bias become one operation. For few rows, of which a model that
        scores one stream has one, it takes a fraction of the time of both.
    """
    config = tf.ConfigProto()
    options = config.graph_options.rewrite_options
    if one_row:
        _leave_out_all(options)
        options.remapping = RewriterConfig.ON
    else:
        options.disable_meta_optimizer = True
    return tf.Session(graph=graph, config=config)


def _leave_out_all(options: RewriterConfig) -> None:
    """Turns every rewriting off that has a switch of its own."""
    for field in options.DESCRIPTOR.fields:
        if field.enum_type is RewriterConfig.DESCRIPTOR.enum_types_by_name["Toggle"]:
            setattr(options, field.name, RewriterConfig.OFF)
    options.disable_model_pruning = True
    options.memory_optimization = RewriterConfig.NO_MEM_OPT
    options.meta_optimizer_iterations = RewriterConfig.ONE
