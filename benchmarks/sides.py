"""One step of the PTB language model, by this toolkit and by its alternatives.

Every side trains the same network on the same words with the same sizes: embedding, layers with
dropout where the config has it, softmax over the whole vocabulary, gradients clipped by their
global norm, plain SGD, the state carried from one minibatch to the next. Or it scores, without
dropout, one stream of words in long pieces, as `evaluate.py` does.

`make(config, words, training)` gives `step() -> cost`, the sum of the words' cross-entropies over
batch_size, in nats.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import command
from config import PRESETS, PTBConfig
from reader import PIECE, Minibatch

SIZES = {
    name: config
    for name in ("small", "medium", "large")
    if isinstance(config := PRESETS[name].config, PTBConfig)
}
MINIBATCHES = 50
MATRIX = 2048  # rows and columns of the products that show the machine's limit

Step = Callable[[], float]
Make = Callable[[PTBConfig, np.ndarray, bool], Step]


@dataclass(frozen=True)
class Side:
    """One of the compared: what it does in a line, and how its step is made."""

    description: str
    make: Make


def config_of(size: str, training: bool) -> PTBConfig:
    """The preset, or what it is evaluated with: one stream, in pieces."""
    config = SIZES[size]
    return config if training else replace(config, batch_size=1, num_steps=PIECE)


def make_words(config: PTBConfig, seed: int = 0) -> np.ndarray:
    """Random words, int32 `[MINIBATCHES, batch_size, num_steps + 1]`, some much more frequent."""
    shape = MINIBATCHES, config.batch_size, config.num_steps + 1
    words = np.random.default_rng(seed).zipf(1.3, shape) % config.vocab_size
    return words.astype(np.int32)


def flops_per_word(config: PTBConfig, training: bool = True) -> float:
    """Of the matrix products: those of the forward pass, and in training twice as many back."""
    layers = config.num_layers * 2 * (2 * config.hidden_size) * (4 * config.hidden_size)
    softmax = 2 * config.hidden_size * config.vocab_size
    return (3.0 if training else 1.0) * (layers + softmax)


def _pairs(words: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs and targets, over and over."""
    return itertools.cycle([(piece[:, :-1].copy(), piece[:, 1:].copy()) for piece in words])


# ------------------------------------------------------------------------------- this toolkit


def open_ours(config: PTBConfig, training: bool = True) -> tuple[Any, Any]:
    """A session and the model in it: the graph of train.py itself, or that of evaluate.py."""
    command.import_tensorflow()  # as they do, without Keras
    import tensorflow.compat.v1 as tf

    from problems import PROBLEMS, build, build_evaluation
    from tf1rnn.runtime.session import open_session

    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(config.seed)
        if training:
            model, _ = build(PROBLEMS["ptb"], config)
        else:
            model = build_evaluation(PROBLEMS["ptb"], config)
        initialize = tf.global_variables_initializer()
    graph.finalize()
    session = open_session(graph)
    session.run(initialize)
    if training:
        session.run(model.set_lr, {model.new_lr: config.learning_rate})
    return session, model


def minibatches(words: np.ndarray) -> Iterator[Any]:
    """What our step is fed, over and over."""
    for inputs, targets in _pairs(words):
        yield Minibatch({"input_data": inputs, "targets": targets}, fresh=False)


def _ours(precision: str) -> Make:
    def make(config: PTBConfig, words: np.ndarray, training: bool) -> Step:
        from walk import Stepper

        session, model = open_ours(replace(config, precision=precision), training)
        step = Stepper(session, model, [model.cost, *([model.train_op] if training else [])])
        fed = minibatches(words)
        return lambda: step(next(fed))[0]

    return make


# ------------------------------------------------------------------------- TensorFlow 1's way


def _make_tf1(config: PTBConfig, words: np.ndarray, training: bool) -> Step:
    """As the PTB tutorial had it, with the old cells that TensorFlow still carries privately."""
    import tensorflow.compat.v1 as tf
    from tensorflow.python.ops import rnn_cell

    dropout = training and config.keep_prob < 1

    def layer() -> Any:
        cell = rnn_cell.BasicLSTMCell(config.hidden_size, forget_bias=config.forget_bias)
        if not dropout:
            return cell
        return rnn_cell.DropoutWrapper(cell, output_keep_prob=config.keep_prob)

    start = tf.random_uniform_initializer(-config.init_scale, config.init_scale, seed=config.seed)
    shape, depth = [config.batch_size, config.num_steps], config.hidden_size
    with tf.Graph().as_default(), tf.variable_scope("Model", start, use_resource=True):
        inputs, targets = (tf.placeholder(tf.int32, shape) for _ in range(2))
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
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.reshape(targets, [-1]), logits=logits
        )
        cost = tf.reduce_sum(losses) / config.batch_size
        fetches = [cost, final_state]
        if training:
            variables, rate = tf.trainable_variables(), config.learning_rate
            gradients, _ = tf.clip_by_global_norm(
                tf.gradients(cost, variables), config.max_grad_norm
            )
            pairs = zip(gradients, variables, strict=True)
            fetches.append(tf.train.GradientDescentOptimizer(rate).apply_gradients(pairs))
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        state, fed = session.run(initial_state), _pairs(words)

    def step() -> float:
        nonlocal state
        minibatch = dict(zip((inputs, targets), next(fed), strict=True))
        feed = {**minibatch, **dict(zip(_flat(initial_state), _flat(state), strict=True))}
        value, state, *_ = session.run(fetches, feed)
        return value

    return step


def _flat(state: Any) -> list[Any]:
    return [part for layer in state for part in layer]


# -------------------------------------------------------------------------------------- Keras


def _make_keras(config: PTBConfig, words: np.ndarray, training: bool) -> Step:
    import keras
    import tensorflow as tf

    def dropout(inputs: Any) -> Any:
        return (
            keras.layers.Dropout(1 - config.keep_prob)(inputs) if config.keep_prob < 1 else inputs
        )

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
    model = keras.Model([inputs, states], [logits, final_states])
    optimizer = keras.optimizers.SGD(config.learning_rate, global_clipnorm=config.max_grad_norm)
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")

    def score(inputs: Any, targets: Any, states: Any) -> Any:
        logits, states = model([inputs, states], training=training)
        return entropy(targets, logits) / batch_size, states

    def train(inputs: Any, targets: Any, states: Any) -> Any:
        with tf.GradientTape() as tape:
            cost, states = score(inputs, targets, states)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(cost, variables), variables)
        return cost, states

    run = tf.function(train if training else score)

    state = [[tf.zeros([batch_size, size])] * 2 for _ in states]
    pairs = _pairs(words)

    def step() -> float:
        nonlocal state
        cost, state = run(*map(tf.constant, next(pairs)), state)
        return float(cost)

    return step


# ------------------------------------------------------------------------------------ PyTorch


def _make_torch(
    config: PTBConfig, words: np.ndarray, training: bool, bfloat16: bool, compiled: bool
) -> Step:
    import torch

    torch.set_grad_enabled(training)

    size, drop = config.hidden_size, 1 - config.keep_prob
    parts = {
        "embedding": torch.nn.Embedding(config.vocab_size, size),
        "dropout": torch.nn.Dropout(drop),
        "lstm": torch.nn.LSTM(size, size, config.num_layers, dropout=drop),
        "softmax": torch.nn.Linear(size, config.vocab_size),
    }
    model = torch.nn.ModuleDict(parts).train(training)
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, -config.init_scale, config.init_scale)
    optimizer = torch.optim.SGD(model.parameters(), config.learning_rate)
    entropy = torch.nn.CrossEntropyLoss(reduction="sum")
    precision: Any = contextlib.nullcontext()
    if bfloat16:
        precision = torch.autocast("cpu", torch.bfloat16)

    def forward(inputs: Any, targets: Any, state: Any) -> Any:
        with precision:
            hidden = parts["dropout"](parts["embedding"](inputs))
            hidden, state = parts["lstm"](hidden, state)
            logits = parts["softmax"](parts["dropout"](hidden))
        cost = entropy(logits.float().flatten(0, 1), targets.flatten()) / config.batch_size
        return cost, [part.detach().float() for part in state]

    run: Any = torch.compile(forward) if compiled else forward
    pairs = itertools.cycle(
        [[torch.from_numpy(one.T.astype(np.int64)) for one in pair]
         for pair in itertools.islice(_pairs(words), MINIBATCHES)]
    )  # fmt: skip
    state = [torch.zeros(config.num_layers, config.batch_size, size) for _ in "hc"]

    def step() -> float:
        nonlocal state
        cost, state = run(*next(pairs), state)
        if not training:
            return cost.item()
        optimizer.zero_grad()
        cost.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
        return cost.item()

    return step


def _torch(bfloat16: bool, compiled: bool = False) -> Make:
    return lambda config, words, training: _make_torch(config, words, training, bfloat16, compiled)


# --------------------------------------------------------------------------- the machine's limit


def _products(precision: str) -> Make:
    """One product of two large square matrices; the "cost" means nothing."""

    def make(_config: PTBConfig, _words: np.ndarray, _training: bool) -> Step:
        import tensorflow.compat.v1 as tf

        with tf.Graph().as_default():
            shape = [MATRIX, MATRIX]
            left, right = (
                tf.get_variable(name, shape, tf.as_dtype(precision), tf.ones_initializer())
                for name in ("left", "right")
            )
            product = (left @ right).op
            session = tf.Session()
            session.run(tf.global_variables_initializer())
        return lambda: session.run(product) or 0.0

    return make


OURS = {
    "float32": Side("this toolkit: what train.py and evaluate.py run", _ours("float32")),
    "bfloat16": Side("the same with --precision bfloat16", _ours("bfloat16")),
}
ALTERNATIVES = {
    "tf1": Side("TensorFlow 1's BasicLSTMCell and dynamic_rnn, session.run", _make_tf1),
    "torch": Side("PyTorch nn.LSTM, nn.Linear and cross-entropy", _torch(False)),
    "torch_compiled": Side("the same under torch.compile", _torch(False, True)),
    "torch_bf16": Side("PyTorch under bfloat16 autocast", _torch(True)),
    "torch_bf16_compiled": Side("the same under torch.compile", _torch(True, True)),
    "keras": Side("Keras 3 LSTM and Dense under tf.function", _make_keras),
}
LIMITS = {
    precision: Side(f"one product of {MATRIX} x {MATRIX} in {precision}", _products(precision))
    for precision in OURS
}
