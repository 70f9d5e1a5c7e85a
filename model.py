"""The graph of the language model, and what the graph of every model has.

Nothing here runs anything: a model is placeholders, a forward pass and, for training, the ops that
change its variables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

import tf1rnn
from config import Config, PTBConfig

CELLS = {
    "rnn": tf1rnn.BasicRNNCell,
    "lstm": tf1rnn.BasicLSTMCell,
    "lstm_peephole": tf1rnn.LSTMCell,
    "gru": tf1rnn.GRUCell,
}
OPTIMIZERS = {
    "sgd": tf.train.GradientDescentOptimizer,
    "momentum": lambda lr: tf.train.MomentumOptimizer(lr, momentum=0.9),
    "adam": tf.train.AdamOptimizer,
    "adagrad": tf.train.AdagradOptimizer,
    "rmsprop": tf.train.RMSPropOptimizer,
}


class Model:
    """What the loop needs of a graph; every model sets these.

    inputs: placeholders by the names that the reader gives them.
    initial_state, final_state: nests of one structure; `()` where no state is carried.
    cost: float32 scalar, what training makes small.
    score_sum, score_count: float32 scalars; summed over a split, their quotient is what the
        problem's metric is made of.
    predictions: what the problem's picture shows, or None.
    gradient_flow: adds the branch that measures d cost(last step) / d state(t), and returns the
        norms of `tf1rnn.gradient_flow`; None in a model that does not offer it.
    """

    inputs: dict[str, tf.Tensor]
    initial_state: Any = ()
    final_state: Any = ()
    cost: tf.Tensor
    score_sum: tf.Tensor
    score_count: tf.Tensor
    predictions: tf.Tensor | None = None
    gradient_flow: Callable[[], Any] | None = None

    def add_training(self, config: Config) -> None:
        """Adds the ops that train: gradients clipped by their global norm, then the optimizer.

        lr: the learning rate, a variable that `set_lr` sets to what `new_lr` is fed.
        gradient_norm: global norm of all gradients before clipping, float32 scalar.
        train_op: one update. It fails with InvalidArgumentError, and changes nothing, where the
            cost or the norm is not finite.
        gradients: by variable name, to find the one that went wrong.
        """
        with tf.name_scope("train"):
            self.lr = tf.get_variable(
                "lr", [], initializer=tf.zeros_initializer(), trainable=False, use_resource=True
            )
            self.new_lr = tf.placeholder(tf.float32, [], name="new_lr")
            self.set_lr = self.lr.assign(self.new_lr)
            variables = tf.trainable_variables()
            gradients = tf.gradients(self.cost, variables)
            self.gradients = {v.op.name: g for v, g in zip(variables, gradients, strict=True)}
            self.gradient_norm = tf.global_norm(gradients)
            rate = self.lr
            if config.max_grad_norm and config.optimizer == "sgd":
                # The step is rate · gradient: a smaller rate saves a walk over all gradients.
                most = config.max_grad_norm
                rate = self.lr * most / tf.maximum(self.gradient_norm, most)
            elif config.max_grad_norm:
                gradients, _ = tf.clip_by_global_norm(
                    gradients, config.max_grad_norm, use_norm=self.gradient_norm
                )
            finite = [
                tf.check_numerics(self.cost, "cost"),
                tf.check_numerics(self.gradient_norm, "gradient"),
            ]
            with tf.control_dependencies(finite):
                self.train_op = OPTIMIZERS[config.optimizer](rate).apply_gradients(
                    zip(gradients, variables, strict=True),
                    global_step=tf.train.get_or_create_global_step(),
                )


class PTBModel(Model):
    """The word language model of Zaremba, Sutskever and Vinyals 2014 (arXiv 1409.2329).

    input_data, targets: int32 `[batch_size, num_steps]`; the target is the next word.
    For evaluation num_steps is free, and the graph stops at the cost.
    outputs: the last layer's, float32 `[num_steps, batch_size, hidden_size]`.

    Dropout is on the input and on the output of every layer, never on the recurrent path.
    The cost is the sum of the words' cross-entropies in nats over batch_size, so that
    `exp(sum of costs / sum of steps)` is the perplexity. A tied embedding is the softmax's weights
    as well (Press and Wolf 2017, arXiv 1608.05859; Inan et al. 2017, arXiv 1611.01462).
    """

    def __init__(self, is_training: bool, config: PTBConfig):
        shape = [config.batch_size, config.num_steps if is_training else None]
        with tf.name_scope("inputs"):
            input_data = tf.placeholder(tf.int32, shape, name="input_data")
            targets = tf.placeholder(tf.int32, shape, name="targets")
        self.inputs = {"input_data": input_data, "targets": targets}

        # Time-major from here on, [num_steps, batch_size, hidden_size]: the layers walk over the
        # first axis.
        self._embedding = tf.get_variable(
            "embedding", [config.vocab_size, config.hidden_size], use_resource=True
        )
        words = tf.nn.embedding_lookup(self._embedding, tf.transpose(input_data))

        cells = [
            make_cell(config, config.hidden_size, is_training) for _ in range(config.num_layers)
        ]
        if is_training and config.keep_prob < 1:
            cells[0] = tf1rnn.DropoutWrapper(
                cells[0], input_keep_prob=config.keep_prob, step=tf.train.get_global_step()
            )
        cell = tf1rnn.MultiRNNCell(cells)
        self.initial_state = cell.zero_state(config.batch_size, tf.float32)
        outputs, self.final_state = tf1rnn.dynamic_rnn(
            cell, words, initial_state=self.initial_state, time_major=True
        )

        self._config, self._is_training = config, is_training
        self._cell, self.outputs = cell, outputs
        self._softmax = self._softmax_variables()
        self._losses = self._word_losses(outputs, tf.transpose(targets))
        self.cost = tf.reduce_sum(self._losses) / config.batch_size
        self.score_sum = self.cost
        self.score_count = tf.cast(tf.shape(targets)[1], tf.float32)
        self.gradient_flow = lambda: tf1rnn.gradient_flow(
            cell,
            words,
            lambda outputs: (
                tf.reduce_sum(self._word_losses(outputs[-1], targets[:, -1])) / config.batch_size
            ),
            initial_state=self.initial_state,
            time_major=True,
        )
        if is_training:
            self.add_training(config)

    def log_probs(self, temperature: tf.Tensor | None = None) -> tf.Tensor:
        """Adds the log probabilities of the targets, float32 `[num_steps, batch_size]`, in nats.

        Args:
          temperature: divides the logits; a scalar, None for 1.
        """
        if temperature is None:
            return -tf.reshape(self._losses, tf.shape(self.outputs)[:2])
        targets = tf.transpose(self.inputs["targets"])
        return -tf1rnn.softmax_cross_entropy(targets, self.logits() / temperature)

    def logits(self) -> tf.Tensor:
        """Adds the logits of the next words, float32 `[num_steps, batch_size, vocab_size]`."""
        return self._next_words(self.outputs)

    def step(self, words: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
        """Adds one step: the next words' logits, float32 `[batch_size, vocab_size]`, and state.

        Args:
          words: int32 `[batch_size]`.
          state: a nest as `initial_state`.
        """
        outputs, state = self._cell(tf.nn.embedding_lookup(self._embedding, words), state)
        return self._next_words(outputs), state

    def _next_words(self, outputs: tf.Tensor) -> tf.Tensor:
        """Logits `[..., vocab_size]` of outputs `[..., hidden_size]`."""
        dtype = matmul_dtype(self._config)
        softmax_w, softmax_b = self._softmax
        products = tf.tensordot(tf.cast(outputs, dtype), tf.cast(softmax_w, dtype), axes=1)
        return tf.cast(products, tf.float32) + softmax_b

    def _softmax_variables(self) -> tuple[tf.Tensor, tf.Tensor]:
        """`[hidden_size, vocab_size]` and `[vocab_size]`."""
        size = self._config.vocab_size
        with tf.variable_scope("softmax"):
            if self._config.tie_embedding:
                softmax_w = tf.transpose(self._embedding)
            else:
                shape = [self._config.hidden_size, size]
                softmax_w = tf.get_variable("softmax_w", shape, use_resource=True)
            return softmax_w, tf.get_variable("softmax_b", [size], use_resource=True)

    def _word_losses(self, outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Nats of each target `[...]`, float32 in one axis; outputs `[..., hidden_size]`."""
        with tf.name_scope("cost"):
            rows = tf.reshape(outputs, [-1, self._config.hidden_size])
            labels = tf.reshape(targets, [-1])
            dtype = matmul_dtype(self._config)
            if dtype == tf.bfloat16 and not self._is_training:
                # Probabilities in bfloat16 need not sum to 1, which a score would show.
                return tf1rnn.softmax_cross_entropy(labels, self._next_words(rows))
            # What sequence_loss_by_example gives for rows · softmax_w + softmax_b, but faster.
            return tf1rnn.softmax_loss(rows, *self._softmax, labels, dtype)


def make_cell(config: Config, num_units: int, is_training: bool) -> tf1rnn.RNNCell:
    """One layer: the config's cell, with dropout on its output while training."""
    options: dict[str, Any] = {"use_bias": config.use_bias, "matmul_dtype": matmul_dtype(config)}
    options["bias_initializer"] = bias_initializer(config)
    if config.cell in ("lstm", "lstm_peephole"):
        options["forget_bias"] = config.forget_bias
    if config.cell == "lstm_peephole":
        options["use_peepholes"] = True
    cell = CELLS[config.cell](num_units, **options)
    if is_training and config.keep_prob < 1:
        # Masks that are a function of the step, so that a resumed run draws them again.
        step = tf.train.get_global_step()
        cell = tf1rnn.DropoutWrapper(cell, output_keep_prob=config.keep_prob, step=step)
    return cell


def make_layers(config: Config, is_training: bool) -> tf1rnn.RNNCell:
    """The config's recurrent layers as one cell."""
    return tf1rnn.MultiRNNCell([make_cell(config, n, is_training) for n in config.layer_sizes])


def dense(
    inputs: tf.Tensor,
    units: int,
    config: Config,
    kernel_start: Any = None,
    bias_start: Any = None,
) -> tf.Tensor:
    """`[..., depth]` to `[..., units]`: `inputs kernel + bias`, the bias as the config has it."""
    shape = [inputs.shape[-1], units]
    kernel = tf.get_variable("kernel", shape, initializer=kernel_start, use_resource=True)
    outputs = tf.tensordot(inputs, kernel, axes=1)
    if not config.use_bias:
        return outputs
    start = bias_start or bias_initializer(config) or tf.zeros_initializer()
    return outputs + tf.get_variable("bias", [units], initializer=start, use_resource=True)


def bias_initializer(config: Config) -> Any:
    """None, for the usual start of a bias, unless all variables start uniform, biases too."""
    return tf.get_variable_scope().initializer if config.initializer == "uniform" else None


def matmul_dtype(config: Config) -> tf.DType:
    """The dtype of the operands of the large matrix products."""
    return tf.as_dtype(config.precision)


def count(examples: tf.Tensor) -> tf.Tensor:
    """How many numbers the tensor holds, a float32 scalar."""
    return tf.cast(tf.size(examples), tf.float32)


def count_true(flags: tf.Tensor) -> tf.Tensor:
    """How many of the flags are true, a float32 scalar."""
    return tf.reduce_sum(tf.cast(flags, tf.float32))
