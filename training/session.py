"""Sessions that soon take their first step."""

import tensorflow.compat.v1 as tf


def open_session(graph: tf.Graph | None = None) -> tf.Session:
    """A session that runs its graph as it was written.

    TensorFlow would rewrite it before the first step (Grappler), for half a second where the graph
    is that of a small model and for over a second where it is larger. No step here gets faster by
    it, so it is left out; `docs/PERFORMANCE.md` has the figures.

    Args:
      graph: None for the default graph.
    """
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf.Session(graph=graph, config=config)
