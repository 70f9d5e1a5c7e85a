"""The graphs. Nothing here runs anything: a model is placeholders, a forward pass and, for
training, the ops that change its variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

import tf1rnn
from config import Config, DigitsConfig, PTBConfig, SinCosConfig, SineConfig, SubtractionConfig

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


def bias_initializer(config: Config) -> Any:
    """None, for the usual start of a bias, unless all variables start uniform, biases too."""
    return tf.get_variable_scope().initializer if config.initializer == "uniform" else None


def matmul_dtype(config: Config) -> tf.DType:
    """The dtype of the operands of the large matrix products."""
    return tf.as_dtype(config.precision)


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
        cell = tf1rnn.DropoutWrapper(cell, output_keep_prob=config.keep_prob)
    return cell


class PTBModel(Model):
    """The word language model of Zaremba, Sutskever and Vinyals 2014 (arXiv 1409.2329).

    input_data, targets: int32 `[batch_size, num_steps]`; the target is the next word.
    For evaluation num_steps is free, and the graph stops at the cost.

    Dropout is on the input and on the output of every layer, never on the recurrent path.
    The cost is the sum of the words' cross-entropies in nats over batch_size, so that
    `exp(sum of costs / sum of steps)` is the perplexity. A tied embedding is the softmax's weights
    as well (Press and Wolf 2017, arXiv 1608.05859; Inan et al. 2017, arXiv 1611.01462).
    """

    def __init__(self, is_training: bool, config: PTBConfig):
        batch_size = config.batch_size
        shape = [batch_size, config.num_steps if is_training else None]
        with tf.name_scope("inputs"):
            input_data = tf.placeholder(tf.int32, shape, name="input_data")
            targets = tf.placeholder(tf.int32, shape, name="targets")
        self.inputs = {"input_data": input_data, "targets": targets}

        # Time-major from here on: the library walks over the first axis.
        self._embedding = tf.get_variable(
            "embedding", [config.vocab_size, config.hidden_size], use_resource=True
        )
        words = tf.nn.embedding_lookup(self._embedding, tf.transpose(input_data))
        outputs = self._recurrent_layers(words, is_training, config)
        self.cost = self._cost(outputs, tf.transpose(targets), config)
        self.score_sum = self.cost
        self.score_count = tf.cast(tf.shape(targets)[1], tf.float32)
        self.gradient_flow = lambda: tf1rnn.gradient_flow(
            self._cell,
            words,
            lambda outputs: self._cost(outputs[-1], targets[:, -1], config),
            initial_state=self.initial_state,
            time_major=True,
        )
        if is_training:
            self.add_training(config)

    def _cost(self, outputs: tf.Tensor, targets: tf.Tensor, config: PTBConfig) -> tf.Tensor:
        """The cost of steps: outputs `[..., hidden_size]`, targets int32 `[...]`."""
        with tf.variable_scope("softmax"):
            if config.tie_embedding:
                softmax_w = tf.transpose(self._embedding)
            else:
                softmax_w = tf.get_variable(
                    "softmax_w", [config.hidden_size, config.vocab_size], use_resource=True
                )
            softmax_b = tf.get_variable("softmax_b", [config.vocab_size], use_resource=True)
        with tf.name_scope("cost"):
            rows = tf.reshape(outputs, [-1, config.hidden_size])
            labels = tf.reshape(targets, [-1])
            # What sequence_loss_by_example gives for rows · softmax_w + softmax_b, but faster.
            loss = tf1rnn.softmax_loss(rows, softmax_w, softmax_b, labels, matmul_dtype(config))
            return tf.reduce_sum(loss) / config.batch_size

    def _recurrent_layers(
        self, words: tf.Tensor, is_training: bool, config: PTBConfig
    ) -> tf.Tensor:
        """`[num_steps, batch_size, hidden_size]` to the same; sets cell and states."""
        cells = [
            make_cell(config, config.hidden_size, is_training) for _ in range(config.num_layers)
        ]
        if is_training and config.keep_prob < 1:
            cells[0] = tf1rnn.DropoutWrapper(cells[0], input_keep_prob=config.keep_prob)
        self._cell = tf1rnn.MultiRNNCell(cells)
        self.initial_state = self._cell.zero_state(config.batch_size, tf.float32)
        outputs, self.final_state = tf1rnn.dynamic_rnn(
            self._cell, words, initial_state=self.initial_state, time_major=True
        )
        return outputs


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


class SequenceRegressor(Model):
    """A curve from another one, point by point; the state is carried along the curve.

    inputs, targets: float32 `[batch_size, num_steps]`. predictions: likewise.
    The cost is the sum of squared errors over batch_size.

    Two dense layers stand around the recurrent ones, in_hidden and out_hidden. Their weights
    start normal with deviation 1 and their biases at 0.1, whatever the cells' initializer is.
    """

    def __init__(self, is_training: bool, config: SinCosConfig):
        shape = [config.batch_size, config.num_steps]
        with tf.name_scope("inputs"):
            inputs = tf.placeholder(tf.float32, shape, name="inputs")
            targets = tf.placeholder(tf.float32, shape, name="targets")
        self.inputs = {"inputs": inputs, "targets": targets}
        start = tf.random_normal_initializer(), tf.constant_initializer(0.1)
        with tf.variable_scope("in_hidden"):
            hidden = dense(inputs[:, :, None], config.hidden_size, config, *start)
        with tf.variable_scope("LSTM"):
            cell = make_layers(config, is_training)
            self.initial_state = cell.zero_state(config.batch_size, tf.float32)
            outputs, self.final_state = tf1rnn.dynamic_rnn(
                cell, hidden, initial_state=self.initial_state
            )

        def read_out(outputs: tf.Tensor) -> tf.Tensor:
            with tf.variable_scope("out_hidden"):
                return tf.squeeze(dense(outputs, 1, config, *start), -1)

        def cost(predictions: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
            with tf.name_scope("cost"):
                squares = tf.squared_difference(predictions, targets)
                return tf.reduce_sum(squares) / config.batch_size

        self.predictions = read_out(outputs)
        self.cost = cost(self.predictions, targets)
        self.score_sum, self.score_count = self.cost, tf.constant(1.0)
        self.gradient_flow = lambda: tf1rnn.gradient_flow(
            cell,
            hidden,
            lambda outputs: cost(read_out(outputs[:, -1]), targets[:, -1]),
            initial_state=self.initial_state,
        )
        if is_training:
            self.add_training(config)


class NextPointRegressor(Model):
    """The point that follows a window of points.

    inputs: float32 `[batch_size, window]`. targets, predictions: float32 `[batch_size]`.
    The cost is the mean squared error. The state starts from zero at each window, which is fed
    as `window` steps of one feature or as one step of `window` features.
    """

    def __init__(self, is_training: bool, config: SineConfig):
        with tf.name_scope("inputs"):
            inputs = tf.placeholder(tf.float32, [None, config.window], name="inputs")
            targets = tf.placeholder(tf.float32, [None], name="targets")
        self.inputs = {"inputs": inputs, "targets": targets}
        sequence = inputs[:, :, None] if config.layout == "steps" else inputs[:, None, :]
        cell = make_layers(config, is_training)

        def errors(outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            """The predictions and their squared errors, `[batch_size]` each."""
            with tf.variable_scope("output"):
                predictions = dense(outputs[:, -1], 1, config)[:, 0]
            with tf.name_scope("cost"):
                return predictions, tf.squared_difference(predictions, targets)

        outputs, _ = tf1rnn.dynamic_rnn(cell, sequence, dtype=tf.float32)
        self.predictions, squares = errors(outputs)
        self.cost = tf.reduce_mean(squares)
        self.score_sum, self.score_count = tf.reduce_sum(squares), _count(squares)
        self.gradient_flow = lambda: tf1rnn.gradient_flow(
            cell, sequence, lambda outputs: tf.reduce_mean(errors(outputs)[1])
        )
        if is_training:
            self.add_training(config)


class BitTagger(Model):
    """A bit for every step, such as those of a difference.

    inputs: float32 `[batch_size, num_steps, 2]`, a bit of each number. targets: float32
    `[batch_size, num_steps]`. predictions: likewise, the chance that the bit is 1.
    The cost is the sum of the bits' cross-entropies in nats over batch_size; the score counts the
    sequences of which every bit is right. For evaluation num_steps is free.
    """

    def __init__(self, is_training: bool, config: SubtractionConfig):
        num_steps = config.bits if is_training else None
        with tf.name_scope("inputs"):
            inputs = tf.placeholder(tf.float32, [None, num_steps, 2], name="inputs")
            targets = tf.placeholder(tf.float32, [None, num_steps], name="targets")
        self.inputs = {"inputs": inputs, "targets": targets}
        cell = make_layers(config, is_training)

        def read_out(outputs: tf.Tensor) -> tf.Tensor:
            with tf.variable_scope("output"):
                return tf.squeeze(dense(outputs, 1, config), -1)

        def losses(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
            return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)

        outputs, _ = tf1rnn.dynamic_rnn(cell, inputs, dtype=tf.float32)
        logits = read_out(outputs)
        self.predictions = tf.sigmoid(logits)
        with tf.name_scope("cost"):
            self.cost = tf.reduce_mean(tf.reduce_sum(losses(logits, targets), axis=1))
        self.gradient_flow = lambda: tf1rnn.gradient_flow(
            cell,
            inputs,
            lambda outputs: tf.reduce_mean(losses(read_out(outputs[:, -1]), targets[:, -1])),
        )
        right = tf.reduce_all(tf.equal(logits > 0, targets > 0.5), axis=1)
        self.score_sum, self.score_count = _count_true(right), _count(right)
        if is_training:
            self.add_training(config)


class SequenceClassifier(Model):
    """The class of a sequence, such as an image that is read row by row.

    inputs: float32 `[batch_size, num_steps, depth]`. targets, predictions: int32 `[batch_size]`.
    The cost is the mean cross-entropy in nats; the score counts the sequences put in their class.
    What is classified is the last output, or each unit's largest output over time.
    """

    num_steps, depth, classes = 8, 8, 10

    def __init__(self, is_training: bool, config: DigitsConfig):
        with tf.name_scope("inputs"):
            shape = [None, self.num_steps, self.depth]
            inputs = tf.placeholder(tf.float32, shape, name="inputs")
            targets = tf.placeholder(tf.int32, [None], name="targets")
        self.inputs = {"inputs": inputs, "targets": targets}
        cell = make_layers(config, is_training)

        def classify(outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            """The logits `[batch_size, classes]` and the cost."""
            pooled = config.variant == "pooled"
            features = tf.reduce_max(outputs, axis=1) if pooled else outputs[:, -1]
            with tf.variable_scope("output"):
                logits = dense(features, self.classes, config)
            with tf.name_scope("cost"):
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    labels=targets, logits=logits
                )
                return logits, tf.reduce_mean(losses)

        outputs, _ = tf1rnn.dynamic_rnn(cell, inputs, dtype=tf.float32)
        logits, self.cost = classify(outputs)
        self.predictions = tf.argmax(logits, axis=1, output_type=tf.int32)
        self.gradient_flow = lambda: tf1rnn.gradient_flow(
            cell, inputs, lambda outputs: classify(outputs)[1]
        )
        right = tf.equal(self.predictions, targets)
        self.score_sum, self.score_count = _count_true(right), _count(right)
        if is_training:
            self.add_training(config)


def _count(examples: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.size(examples), tf.float32)


def _count_true(flags: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(flags, tf.float32))
