"""Old checkpoints: their names, files of both formats, shards, and the command that rewrites."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import load, open_session, random_array

import tf1rnn
from tf1rnn.compat import checkpoints
from tf1rnn.contrib import cudnn_rnn
from tf1rnn.contrib.rnn import EmbeddingWrapper

# What each version called the variables of a network, from the oldest to the newest.
LAYERS = {
    "0.x": [
        "RNN/MultiRNNCell/Cell0/BasicLSTMCell/Linear/Matrix",
        "RNN/MultiRNNCell/Cell0/BasicLSTMCell/Linear/Bias",
        "RNN/MultiRNNCell/Cell1/GRUCell/Gates/Linear/Matrix",
        "RNN/MultiRNNCell/Cell1/GRUCell/Gates/Linear/Bias",
        "RNN/MultiRNNCell/Cell1/GRUCell/Candidate/Linear/Matrix",
        "RNN/MultiRNNCell/Cell1/GRUCell/Candidate/Linear/Bias",
    ],
    "1.0": [
        "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/weights",
        "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/biases",
        "rnn/multi_rnn_cell/cell_1/gru_cell/gates/weights",
        "rnn/multi_rnn_cell/cell_1/gru_cell/gates/biases",
        "rnn/multi_rnn_cell/cell_1/gru_cell/candidate/weights",
        "rnn/multi_rnn_cell/cell_1/gru_cell/candidate/biases",
    ],
}
LAYERS["1.2"] = [
    name.replace("weights", "kernel").replace("biases", "bias") for name in LAYERS["1.0"]
]
SHAPES = [(5, 8), (8,), (4, 4), (4,), (4, 2), (2,)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *zip(LAYERS["1.0"], LAYERS["1.2"], strict=True),
        ("m/RNN/LSTMCell/W_0", "m/RNN/lstm_cell/kernel"),
        ("m/RNN/LSTMCell/B", "m/RNN/lstm_cell/bias"),
        ("RNN/LSTMCell/W_F_diag", "RNN/lstm_cell/w_f_diag"),
        ("RNN/LSTMCell/W_P_0", "RNN/lstm_cell/projection/kernel"),
        ("rnn/lstm_cell/projection/weights", "rnn/lstm_cell/projection/kernel"),
        ("rnn/lstm_cell/wco", "rnn/lstm_cell/w_o_diag"),
        ("rnn/lstm_cell/W", "rnn/lstm_cell/kernel"),
        ("BiRNN_FW/BasicRNNCell/Linear/Matrix", "bidirectional_rnn/fw/basic_rnn_cell/kernel"),
        ("a/BiRNN/BW/GRUCell/Gates/Linear/Bias", "a/bidirectional_rnn/bw/gru_cell/gates/bias"),
        ("BasicLSTMCell/Linear/Matrix/Adam_1", "basic_lstm_cell/kernel/Adam_1"),
        ("a/gru_cell/gates/biases/RMSProp", "a/gru_cell/gates/bias/RMSProp"),
        ("d/attention_decoder/Attention_0/Linear/Matrix", "d/attention_decoder/Attention_0/kernel"),
        ("d/attention_decoder/biases", "d/attention_decoder/bias"),
        ("rnn/nas_rnn/recurrent_weights", "rnn/nas_rnn/recurrent_kernel"),
        ("lstm_cell/kernel/part_2", "lstm_cell/kernel"),
        ("embedding", "embedding"),
        ("fully_connected/weights", "fully_connected/weights"),
        ("softmax/W", "softmax/W"),
    ],
)
def test_names_of_cells_become_todays_and_others_stay(old, new):
    assert checkpoints.new_name(old) == new


def save(path, arrays, version=tf.train.SaverDef.V2):
    with tf.Graph().as_default(), open_session() as session:
        for name, array in arrays.items():
            tf.get_variable(name, initializer=tf.constant(array, tf.float32))
        session.run(tf.global_variables_initializer())
        tf.train.Saver(write_version=version).save(session, str(path), write_meta_graph=False)
    return str(path)


def todays_network():
    cell = tf1rnn.MultiRNNCell([tf1rnn.BasicLSTMCell(2), tf1rnn.GRUCell(2)])
    tf1rnn.dynamic_rnn(cell, tf.zeros([2, 3, 3]), dtype=tf.float32)
    return tf.global_variables()


@pytest.mark.parametrize("version", LAYERS)
def test_an_old_checkpoint_loads_by_name(tmp_path, version):
    values = [random_array(str(shape), shape).astype("f") for shape in SHAPES]
    path = save(tmp_path / "old", dict(zip(LAYERS[version], values, strict=True)))
    with tf.Graph().as_default(), open_session() as session:
        variables = todays_network()
        assert [v.op.name for v in variables] == LAYERS["1.2"]
        mapped = checkpoints.name_map(path)
        assert list(mapped) == LAYERS[version]
        tf.train.Saver(mapped).restore(session, path)
        loaded = session.run(variables)
    for array, value in zip(loaded, values, strict=True):
        np.testing.assert_array_equal(array, value)


def test_the_cells_of_wrappers_are_found_beside_them(tmp_path):
    old = {
        "model/RNN/EmbeddingWrapper/embedding": np.ones([4, 3]),
        "model/RNN/BasicRNNCell/Linear/Matrix": np.ones([5, 2]),
        "model/RNN/BasicRNNCell/Linear/Bias": np.ones([2]),
    }
    path = save(tmp_path / "old", old)
    with tf.Graph().as_default(), tf.variable_scope("model"):
        wrapper = EmbeddingWrapper(tf1rnn.BasicRNNCell(2), 4, 3)
        tf1rnn.static_rnn(wrapper, [tf.constant([1])], dtype=tf.float32)
        mapped = checkpoints.name_map(path)
        assert list(mapped) == list(old)
        assert list(mapped.values()) == tf.global_variables()
        assert mapped[list(old)[1]].op.name.endswith("embedding_wrapper/basic_rnn_cell/kernel")


def test_a_name_that_is_there_goes_first_and_a_missing_one_is_named(tmp_path):
    path = save(tmp_path / "x", {"fully_connected/weights": [1.0], "RNN/BasicRNNCell/b": [2.0]})
    with tf.Graph().as_default():
        weights = tf.get_variable("fully_connected/weights", [1])
        assert checkpoints.name_map(path) == {"fully_connected/weights": weights}
        other = tf.get_variable("other/kernel", [1])
        with pytest.raises(checkpoints.CheckpointError, match=r"nothing for other/kernel$"):
            checkpoints.name_map(path)
        assert checkpoints.name_map(path, [weights]) == {"fully_connected/weights": weights}
        with pytest.raises(ValueError, match="nothing for other/kernel"):
            checkpoints.name_map(path, [other])


SHARDS = {
    "scope/RNN/LSTMCell/W_0": np.arange(12.0).reshape(3, 4),
    "scope/RNN/LSTMCell/W_1": np.arange(12.0, 20.0).reshape(2, 4),
    "scope/RNN/LSTMCell/B": np.arange(4.0),
    "step": np.float32(7.0),
}
KERNEL = np.arange(20.0).reshape(5, 4)


@pytest.mark.parametrize("version", [tf.train.SaverDef.V1, tf.train.SaverDef.V2])
@pytest.mark.parametrize("num_unit_shards", [None, 2])
def test_a_rewritten_checkpoint_loads_without_more(tmp_path, capsys, version, num_unit_shards):
    """From the file of the first format too, and into shards, which all old scripts may have."""
    old, new = save(tmp_path / "old", SHARDS, version), str(tmp_path / "new")
    assert checkpoints.main([old, new]) == 0
    shown = capsys.readouterr().out.splitlines()
    pair = "scope/RNN/LSTMCell/W_0 + scope/RNN/LSTMCell/W_1"
    assert f"{pair} -> scope/rnn/lstm_cell/kernel" in shown
    assert f"{pair} -> scope/RNN/lstm_cell/kernel" in shown
    assert shown[-1] == f"{new}: 5 variables"
    with tf.Graph().as_default(), open_session() as session:
        with tf.variable_scope("scope"):
            cell = tf1rnn.LSTMCell(1, num_unit_shards=num_unit_shards)
            tf1rnn.dynamic_rnn(cell, tf.zeros([2, 3, 4]), dtype=tf.float32)
        tf.train.Saver().restore(session, new)
        *shards, bias = session.run(tf.global_variables())
        assert len(shards) == (num_unit_shards or 1)
        np.testing.assert_array_equal(np.concatenate(shards), KERNEL)
        np.testing.assert_array_equal(bias, SHARDS["scope/RNN/LSTMCell/B"])
        mapped = checkpoints.name_map(new)
        assert set(mapped) == {"scope/rnn/lstm_cell/kernel", "scope/rnn/lstm_cell/bias"}
        tf.train.Saver(mapped).restore(session, new)
        if not num_unit_shards:
            with pytest.raises(checkpoints.CheckpointError, match="rewrite it first"):
                checkpoints.name_map(old)


def test_weights_of_cells_load_into_a_network_of_cudnn(tmp_path):
    path = str(tmp_path / "cells")
    with tf.Graph().as_default(), open_session() as session:
        stack = tf1rnn.MultiRNNCell([cudnn_rnn.CudnnCompatibleLSTMCell(2) for _ in range(2)])
        tf1rnn.dynamic_rnn(stack, tf.zeros([2, 3, 4]), dtype=tf.float32)
        variables = tf.global_variables()
        load(session, {v: random_array(v.op.name, v.shape.as_list()) for v in variables})
        values = session.run(variables)
        tf.train.Saver().save(session, path)
    with tf.Graph().as_default(), open_session() as session:
        layer = cudnn_rnn.CudnnLSTM(2, 2)
        layer.build([None, None, 4])
        mapped = checkpoints.name_map(path)
        assert mapped == {"cudnn_lstm/opaque_kernel_saveable": layer.saveable}
        tf.train.Saver(mapped).restore(session, path)
        kernels, biases = layer.saveable.format_converter.opaque_to_tf_canonical(layer.kernel)
        loaded = session.run([kernels[0], biases[0], kernels[1], biases[1]])
    for array, value in zip(loaded, values, strict=True):
        np.testing.assert_array_equal(array, value)


def test_users_mistakes_are_one_line_and_write_nothing(tmp_path, capsys):
    old = save(tmp_path / "old", SHARDS)
    twice = {"BasicRNNCell/Linear/Matrix": [1.0], "basic_rnn_cell/weights": [2.0]}
    clash = save(tmp_path / "clash", twice)
    (tmp_path / "text").write_text("no checkpoint")
    before = sorted(tmp_path.iterdir())
    new = str(tmp_path / "new")
    for arguments, word in (
        ([str(tmp_path / "none"), new], "cannot be read"),
        ([str(tmp_path / "text"), new], "cannot be read"),
        ([old, old], "is there already"),
        ([old, str(tmp_path / "text")], "is there already"),
        ([old, str(tmp_path / "no folder" / "new")], "there is no folder"),
        ([clash, new], "would both be basic_rnn_cell/kernel"),
    ):
        assert checkpoints.main(arguments) == 2
        said = capsys.readouterr()
        assert not said.out
        (line,) = said.err.splitlines()
        assert word in line
    with pytest.raises(SystemExit) as ended:
        checkpoints.main([old])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_meta_graph_with_a_block_lstm_runs_and_has_a_gradient(tmp_path):
    path = str(tmp_path / "block")
    x = random_array("x", [5, 2, 3])
    with tf.Graph().as_default(), open_session() as session:
        kernel = tf.get_variable("kernel", [5, 8])
        zeros, none = tf.zeros([2, 2]), tf.zeros([2])
        block = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.constant(5, tf.int64),
            x=tf.placeholder(tf.float32, [5, 2, 3], name="x"),
            cs_prev=zeros,
            h_prev=zeros,
            w=kernel,
            wci=none,
            wcf=none,
            wco=none,
            b=tf.zeros([8]),
        )
        h = tf.identity(block.h, name="h")
        session.run(kernel.initializer)
        wanted = session.run([h, tf.gradients(h, [kernel])[0]], {"x:0": x})
        tf.train.Saver().save(session, path)
    with tf.Graph().as_default() as graph, open_session() as session:
        tf.train.import_meta_graph(f"{path}.meta").restore(session, path)
        h, (kernel,) = graph.get_tensor_by_name("h:0"), tf.trainable_variables()
        got = session.run([h, tf.gradients(h, [kernel])[0]], {"x:0": x})
    for array, value in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(array, value)
