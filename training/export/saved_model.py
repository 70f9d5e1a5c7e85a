"""A language model as a SavedModel of TensorFlow, which nothing but TensorFlow has to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

import tf1rnn
from training.errors import UserError
from training.export.network import EMBEDDING, SOFTMAX_B, SOFTMAX_W, Network
from training.session import open_session

# Of a text, in RE2's syntax: what ends a line, a written `<eos>` at its end, and white space.
LINE_END = r"\r\n|[\r\x{85}\x{2028}\x{2029}]"
EOS_AT_END = r"(?im)(^|[^\S\n])<eos>[^\S\n]*$"
SPACES = r"[\s\v\x{1c}-\x{1f}\pZ]+"

SIGNATURES = ("serving_default", "score", "get_initial_state", "single_step")


class Signature(NamedTuple):
    """Tensors by the names that a caller gives and gets them by."""

    inputs: dict[str, tf.Tensor]
    outputs: dict[str, tf.Tensor]


def write(network: Network, folder: Path) -> None:
    """Writes the SavedModel into a folder that is not there yet.

    Raises:
        UserError: it cannot be written, on a full disk, say.
    """
    try:
        with open_graph(network, SIGNATURES) as (session, graph):
            builder = tf.saved_model.Builder(str(folder))
            builder.add_meta_graph_and_variables(
                session,
                [tf.saved_model.tag_constants.SERVING],
                {name: _definition(one) for name, one in graph.signatures.items()},
                main_op=graph.initialize_table,
                saver=graph.saver,
                strip_default_attrs=True,
            )
            builder.save()
    except tf.errors.OpError as error:
        raise UserError(f"cannot write the SavedModel: {error.message.splitlines()[0]}") from None


@contextmanager
def open_graph(
    network: Network, signatures: Sequence[str]
) -> Iterator[tuple[tf.Session, ExportGraph]]:
    """The graph that is exported, with its weights, in an open session."""
    with tf.Graph().as_default() as tf_graph:
        graph = ExportGraph(network, signatures)
        _forget_gradients(tf_graph)
        with open_session(tf_graph) as session:
            for variable in tf.global_variables():
                value = variable.initializer.inputs[1]
                session.run(variable.initializer, {value: network.weights[variable.op.name]})
            session.run(graph.initialize_table)
            yield session, graph


def _forget_gradients(graph: tf.Graph) -> None:
    """Leaves gradients to TensorFlow, which has none of those that tf1rnn registers."""
    for op in graph.get_operations():
        if "_gradient_op_type" in op.node_def.attr:
            op._clear_attr("_gradient_op_type")


def _definition(signature: Signature) -> Any:
    inputs, outputs = (
        {name: tf.saved_model.build_tensor_info(tensor) for name, tensor in tensors.items()}
        for tensors in signature
    )
    method = tf.saved_model.signature_constants.PREDICT_METHOD_NAME
    return tf.saved_model.build_signature_def(inputs, outputs, method)


class ExportGraph:
    """The graph of a language model with a free number of rows and of steps.

    A state is one tensor, float32 `[num_layers, state_parts, batch_size, hidden_size]`.

    signatures: by name, which is that of the method that makes it; `training.export.readme` tells
    of each. initialize_table: fills the table of the words. saver: of all variables.
    """

    def __init__(self, network: Network, signatures: Sequence[str]):
        self._network = network
        with tf.variable_scope("Model", initializer=tf.zeros_initializer()) as self._scope:
            self._cell = network.make_cell()
        self._embedding = _variable(EMBEDDING, network)
        if network.is_tied:
            self._softmax_w = tf.transpose(self._embedding)
        else:
            self._softmax_w = _variable(SOFTMAX_W, network)
        self._softmax_b = _variable(SOFTMAX_B, network)
        self._table = _make_table(network)
        self.signatures: dict[str, Signature] = {name: getattr(self, name)() for name in signatures}
        self.initialize_table = tf.tables_initializer()
        self.saver = tf.train.Saver()

    def serving_default(self) -> Signature:
        """Words and a state to the log probabilities of the next words, and the state."""
        with tf.name_scope("serving_default"):
            input_data = tf.placeholder(tf.int32, [None, None], name="input_data")
            initial_state = self._state_placeholder("initial_state", batch_size=None)
            outputs, final_state = self._walk(input_data, initial_state)
            log_probs = tf.transpose(self._log_probs(outputs), [1, 0, 2])
            return Signature(
                {"input_data": input_data, "initial_state": initial_state},
                {"log_probs": log_probs, "final_state": final_state},
            )

    def score(self) -> Signature:
        """Texts to the log probabilities of their words: `[batch_size, num_steps]`, 0 behind."""
        with tf.name_scope("score"):
            texts = tf.placeholder(tf.string, [None], name="texts")
            words = _split(texts)
            targets = self._table.lookup(words.to_tensor("<eos>"))  # [batch_size, num_steps]
            input_data = tf.pad(targets, [[0, 0], [1, 0]], constant_values=self._network.eos)
            outputs, _ = self._walk(input_data[:, :-1], self._zero_state(tf.shape(targets)[0]))
            chosen = tf.gather(
                self._log_probs(outputs), tf.transpose(targets), axis=2, batch_dims=2
            )  # [num_steps, batch_size]
            num_words = tf.cast(words.row_lengths(), tf.int32)
            inside = tf.sequence_mask(num_words, dtype=tf.float32)  # [batch_size, num_steps]
            log_probs = tf.transpose(chosen) * inside
            log_prob = tf.reduce_sum(log_probs, 1)
            return Signature(
                {"texts": texts},
                {"log_probs": log_probs, "log_prob": log_prob, "num_words": num_words},
            )

    def get_initial_state(self) -> Signature:
        """The state in which a sentence begins: that after the end of a line."""
        with tf.name_scope("get_initial_state"):
            state = self._step(tf.constant([self._network.eos]), self._zero_state(1))
            return Signature({}, {"initial_state": state})

    def single_step(self) -> Signature:
        """The word's log probability in a state, and the state after the word.

        Kaldi takes `rnn_out` for the next context, and not `rnn_states`: they are the same.
        """
        with tf.name_scope("single_step"):
            context = self._state_placeholder("context", batch_size=1)
            word_id = tf.placeholder(tf.int32, [1, 1], name="word_id")
            output = context[-1, -1]  # [1, hidden_size], what the last layer has put out
            log_prob = self._log_probs(output)[0, word_id[0, 0]]
            states = self._step(word_id[0], context)
            outputs = {"log_prob": log_prob, "rnn_out": states, "rnn_states": states}
            return Signature({"context": context, "word_id": word_id}, outputs)

    def _walk(self, input_data: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """int32 `[batch_size, num_steps]` to `[num_steps, batch_size, hidden_size]` and a state."""
        words = tf.nn.embedding_lookup(self._embedding, tf.transpose(input_data))
        with tf.variable_scope(self._scope, auxiliary_name_scope=False):
            outputs, final_state = tf1rnn.dynamic_rnn(
                self._cell, words, initial_state=self._as_nest(state), time_major=True
            )
        return outputs, self._as_tensor(final_state)

    def _step(self, input_data: tf.Tensor, state: tf.Tensor) -> tf.Tensor:
        """int32 `[batch_size]` to the state after these words, without a loop."""
        words = tf.nn.embedding_lookup(self._embedding, input_data)
        with tf.variable_scope(self._scope, auxiliary_name_scope=False), tf.variable_scope("rnn"):
            return self._as_tensor(self._cell(words, self._as_nest(state))[1])

    def _as_nest(self, state: tf.Tensor) -> Any:
        """A state as the cell has it, of `[batch_size, hidden_size]`."""
        layers, parts, units = self._network.state_shape
        flat = tf.unstack(tf.reshape(state, [layers * parts, -1, units]))
        return tf.nest.pack_sequence_as(self._cell.state_size, flat)

    def _as_tensor(self, state: Any) -> tf.Tensor:
        layers, parts, units = self._network.state_shape
        return tf.reshape(tf.stack(tf.nest.flatten(state)), [layers, parts, -1, units])

    def _log_probs(self, outputs: tf.Tensor) -> tf.Tensor:
        """`[..., hidden_size]` to float32 `[..., vocab_size]`."""
        logits = tf.tensordot(outputs, self._softmax_w, axes=1) + self._softmax_b
        return tf.nn.log_softmax(logits)

    def _state_placeholder(self, name: str, batch_size: int | None) -> tf.Tensor:
        layers, parts, units = self._network.state_shape
        return tf.placeholder(tf.float32, [layers, parts, batch_size, units], name=name)

    def _zero_state(self, batch_size: tf.Tensor | int) -> tf.Tensor:
        layers, parts, units = self._network.state_shape
        return tf.zeros([layers, parts, batch_size, units])


def _variable(name: str, network: Network) -> tf.Variable:
    shape = network.weights[name].shape
    return tf.get_variable(name, shape, initializer=tf.zeros_initializer(), use_resource=True)


def _make_table(network: Network) -> Any:
    """The ids of words, int32; those of other words are that of `<unk>`."""
    ids = tf.range(len(network.vocabulary))
    words = tf.lookup.KeyValueTensorInitializer(tf.constant(network.vocabulary), ids)
    return tf.lookup.StaticHashTable(words, network.unk)


def _split(texts: tf.Tensor) -> tf.RaggedTensor:
    """The words of UTF-8 texts `[batch_size]`, with an `<eos>` at the end of each line.

    As a corpus is read: the last line of a text needs no line end, and `<eos>` that a line has at
    its end is its own.
    """
    texts = tf.strings.regex_replace(texts, LINE_END, "\n")
    texts = tf.strings.regex_replace(texts, EOS_AT_END, "")
    texts = tf.strings.regex_replace(texts, r"\n?$", "\n", replace_global=False)
    texts = tf.strings.regex_replace(texts, "\n", " <eos> ")
    texts = tf.strings.regex_replace(texts, SPACES, " ")
    return tf.strings.split(texts, result_type="RaggedTensor")
