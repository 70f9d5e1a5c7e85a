"""`tf.contrib.model_pruning`: masked cells beside plain ones, and when which weights are masked."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import model_pruning as pruning
from tf1rnn.contrib import rnn

X = np.random.default_rng(0).normal(size=[2, 4, 3]).astype(np.float32)


@pytest.mark.parametrize("kind", ["BasicLSTMCell", "LSTMCell"])
def test_a_masked_cell_is_a_cell_with_a_masked_kernel(graph, kind):
    cell = getattr(pruning, f"Masked{kind}")(5)
    outputs, _ = rnn.dynamic_rnn(cell, tf.constant(X), dtype=tf.float32, scope="masked")
    plain = getattr(rnn, kind)(5, name="plain")
    expected, _ = rnn.dynamic_rnn(plain, tf.constant(X), dtype=tf.float32, scope="plain")
    (mask,), (kernel,) = pruning.get_masks(), pruning.get_weights()
    names = [v.op.name.rpartition("/")[2] for v in tf.global_variables("masked")]
    assert sorted(names) == ["bias", "kernel", "mask", "threshold"]
    assert len(tf.trainable_variables("masked")) == 2
    zeros = np.random.default_rng(1).uniform(size=mask.shape.as_list()) > 0.5
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        session.run(tf.assign(mask, zeros.astype(np.float32)))
        session.run(tf.assign(plain._kernel, kernel * mask))
        found, true = session.run([outputs, expected])
        (share,) = session.run(pruning.get_weight_sparsity())
        slope = session.run(tf.gradients(outputs, kernel)[0])
    np.testing.assert_allclose(found, true, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(share, 1 - zeros.mean(), rtol=1e-5)
    assert not slope[~zeros].any() and slope[zeros].any()


def test_the_smallest_weights_are_masked_by_the_schedule(graph):
    step = tf.train.create_global_step()
    values = np.array([[4, -1, 3], [-2, 6, 5]], np.float32)
    weights = tf.get_variable("w", initializer=values)
    masked = pruning.apply_mask(weights, "of_w")
    assert len(pruning.get_masks()) == 1
    hparams = pruning.get_pruning_hparams().parse(
        "begin_pruning_step=2,end_pruning_step=10,pruning_frequency=3,target_sparsity=0.5,"
        "sparsity_function_end_step=8,sparsity_function_exponent=1"
    )
    made = pruning.Pruning(hparams)
    made.add_pruning_summaries()
    assert len(tf.get_collection(tf.GraphKeys.SUMMARIES)) == 3
    update = made.conditional_mask_update_op()
    shares = []
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        for number in range(14):
            session.run(tf.assign(step, number))
            session.run(update)
            shares.append(int((session.run(masked) == 0).sum()))
        found = session.run([masked, *pruning.get_thresholds()])
    # At 3: half of 3/8 of 6 weights, 1.125; at 6: 2.25; at 9 all of it.
    assert shares == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]
    np.testing.assert_allclose(found[0], np.where(np.abs(values) >= 4, values, 0))
    assert found[1] == 4
    assert module_at("contrib.model_pruning.python.pruning").served("Pruning") is pruning.Pruning
    with pytest.raises(ValueError, match="must begin before it can end"):
        pruning.Pruning(hparams.parse("sparsity_function_begin_step=9"))
