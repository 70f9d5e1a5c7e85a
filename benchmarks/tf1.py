"""TensorFlow 1's way: as the PTB tutorial had it, with its old cells.

TensorFlow still carries them privately.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.task import Step, pairs
from config import PTBConfig


def make(config: PTBConfig, words: np.ndarray, training: bool) -> Step:
    """Its step: `session.run` of the cost, the final state and, in training, the update."""
    import tensorflow.compat.v1 as tf

    start = tf.random_uniform_initializer(-config.init_scale, config.init_scale, seed=config.seed)
    shape = [config.batch_size, config.num_steps]
    with tf.Graph().as_default(), tf.variable_scope("Model", start, use_resource=True):
        inputs, targets = (tf.placeholder(tf.int32, shape) for _ in range(2))
        logits, initial_state, final_state = _network(config, inputs, training)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.reshape(targets, [-1]), logits=logits
        )
        cost = tf.reduce_sum(losses) / config.batch_size
        fetches = [cost, final_state, *([_update(config, cost)] if training else [])]
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        state, fed = session.run(initial_state), pairs(words)

    def step() -> float:
        nonlocal state
        minibatch = dict(zip((inputs, targets), next(fed), strict=True))
        feed = {**minibatch, **dict(zip(_flat(initial_state), _flat(state), strict=True))}
        value, state, *_ = session.run(fetches, feed)
        return value

    return step


def _network(config: PTBConfig, inputs: Any, training: bool) -> tuple[Any, Any, Any]:
    """Logits `[batch_size * num_steps, vocab_size]`, initial and final state."""
    import tensorflow.compat.v1 as tf
    from tensorflow.python.ops import rnn_cell

    depth, dropout = config.hidden_size, training and config.keep_prob < 1

    def layer() -> Any:
        cell = rnn_cell.BasicLSTMCell(depth, forget_bias=config.forget_bias)
        if not dropout:
            return cell
        return rnn_cell.DropoutWrapper(cell, output_keep_prob=config.keep_prob)

    embedding = tf.get_variable("embedding", [config.vocab_size, depth])
    embedded = tf.nn.embedding_lookup(embedding, inputs)
    if dropout:
        embedded = tf.nn.dropout(embedded, config.keep_prob)
    cell = rnn_cell.MultiRNNCell([layer() for _ in range(config.num_layers)])
    initial_state = cell.zero_state(config.batch_size, tf.float32)
    outputs, final_state = tf.nn.dynamic_rnn(cell, embedded, initial_state=initial_state)
    softmax_w = tf.get_variable("softmax_w", [depth, config.vocab_size])
    softmax_b = tf.get_variable("softmax_b", [config.vocab_size])
    logits = tf.matmul(tf.reshape(outputs, [-1, depth]), softmax_w) + softmax_b
    return logits, initial_state, final_state


def _update(config: PTBConfig, cost: Any) -> Any:
    import tensorflow.compat.v1 as tf

    variables = tf.trainable_variables()
    gradients, _ = tf.clip_by_global_norm(tf.gradients(cost, variables), config.max_grad_norm)
    optimizer = tf.train.GradientDescentOptimizer(config.learning_rate)
    return optimizer.apply_gradients(zip(gradients, variables, strict=True))


def _flat(state: Any) -> list[Any]:
    return [part for layer in state for part in layer]
