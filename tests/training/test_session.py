"""`open_session`: the graph runs as it was written."""

import pytest
import tensorflow.compat.v1 as tf

from training.session import open_session


@pytest.mark.parametrize("make, turns", [(open_session, 2), (tf.Session, 0)])
def test_the_graph_is_not_rewritten(make, turns):
    """Turning a matrix twice changes nothing, which TensorFlow's rewriting finds out."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [2, 3])
        y = tf.transpose(tf.transpose(x + 1.0)) * 3.0
    ran = tf.RunMetadata()
    with make(graph=graph) as session:
        options = tf.RunOptions(output_partition_graphs=True)
        assert session.run(y, {x: [[1, 2, 3], [4, 5, 6]]}, options, ran)[1].tolist() == [15, 18, 21]
    nodes = [node for part in ran.partition_graphs for node in part.node]
    assert sum("Transpose" in node.op for node in nodes) == turns
