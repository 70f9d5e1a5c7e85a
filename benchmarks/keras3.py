"""Keras 3's way: its layers under `tf.function`."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.task import Step, pairs
from config import PTBConfig


def make(config: PTBConfig, words: np.ndarray, training: bool) -> Step:
    """Its step: a function of the words and the states."""
    import keras
    import tensorflow as tf

    model = _network(config)
    optimizer = keras.optimizers.SGD(config.learning_rate, global_clipnorm=config.max_grad_norm)
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")

    def score(inputs: Any, targets: Any, states: Any) -> Any:
        logits, states = model([inputs, states], training=training)
        return entropy(targets, logits) / config.batch_size, states

    def train(inputs: Any, targets: Any, states: Any) -> Any:
        with tf.GradientTape() as tape:
            cost, states = score(inputs, targets, states)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(cost, variables), variables)
        return cost, states

    run = tf.function(train if training else score)
    zeros = tf.zeros([config.batch_size, config.hidden_size])
    state = [[zeros, zeros] for _ in range(config.num_layers)]
    fed = pairs(words)

    def step() -> float:
        nonlocal state
        cost, state = run(*map(tf.constant, next(fed)), state)
        return float(cost)

    return step


def _network(config: PTBConfig) -> Any:
    """Words and states to logits `[batch_size, num_steps, vocab_size]` and states."""
    import keras

    def dropout(inputs: Any) -> Any:
        if config.keep_prob == 1:
            return inputs
        return keras.layers.Dropout(1 - config.keep_prob)(inputs)

    size, batch_size = config.hidden_size, config.batch_size
    start = keras.initializers.RandomUniform(-config.init_scale, config.init_scale)
    inputs = keras.Input([config.num_steps], batch_size, dtype="int32")
    states = [[keras.Input([size], batch_size) for _ in "hc"] for _ in range(config.num_layers)]
    hidden = dropout(keras.layers.Embedding(config.vocab_size, size, start)(inputs))
    final_states = []
    for state in states:
        layer = keras.layers.LSTM(
            size, kernel_initializer=start, return_sequences=True, return_state=True
        )
        hidden, *final_state = layer(hidden, initial_state=state)
        hidden = dropout(hidden)
        final_states.append(final_state)
    logits = keras.layers.Dense(config.vocab_size, kernel_initializer=start)(hidden)
    return keras.Model([inputs, states], [logits, final_states])
