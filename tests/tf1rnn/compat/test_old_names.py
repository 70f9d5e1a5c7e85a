"""Names and orders of arguments of before 1.0, beside those of 1.15."""

import inspect

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1rnn
from tf1rnn.compat import importer, old_names
from tf1rnn.compat.modules import module_at

A = np.arange(6.0, dtype=np.float32).reshape(2, 3)
LOGITS, LABELS = A[:, ::-1], np.eye(3, dtype=np.float32)[:2]


@pytest.fixture(scope="module")
def value_of():
    """Evaluates what a function makes in a graph of its own."""

    def evaluate(make):
        with tf.Graph().as_default(), tf.Session() as session:
            return session.run(make(lambda x: tf.constant(x)))

    return evaluate


SAME = {
    "concat, new": (lambda c: old_names.concat([c(A), c(A)], 1), np.hstack([A, A])),
    "concat, old": (lambda c: old_names.concat(1, [c(A), c(A)]), np.hstack([A, A])),
    "concat, old, axis 0": (lambda c: old_names.concat(0, [c(A), c(A)]), np.vstack([A, A])),
    "concat, scalar tensors": (
        lambda c: old_names.concat(c(0), [tf.expand_dims(c(1), 0), [2]]),
        [1, 2],
    ),
    "concat, tensor axis, new": (lambda c: old_names.concat([c(A), c(A)], c(1)), np.hstack([A, A])),
    "concat, keywords": (
        lambda c: old_names.concat(concat_dim=1, values=[c(A), c(A)]),
        np.hstack([A, A]),
    ),
    "concat, one keyword": (lambda c: old_names.concat(1, values=[c(A), A]), np.hstack([A, A])),
    "split, new": (lambda c: old_names.split(c(A), 3, 1), np.split(A, 3, 1)),
    "split, new, axis 0": (lambda c: old_names.split(c(A), 2), np.split(A, 2)),
    "split, sizes": (lambda c: old_names.split(c(A), [1, 2], 1), np.split(A, [1], 1)),
    "split, old": (lambda c: old_names.split(1, 3, c(A)), np.split(A, 3, 1)),
    "split, old, an array": (lambda c: old_names.split(0, 2, A), np.split(A, 2)),
    "split, keywords": (
        lambda c: old_names.split(split_dim=1, num_split=3, value=c(A)),
        np.split(A, 3, 1),
    ),
    "reverse, new": (lambda c: old_names.reverse(c(A), [1]), A[:, ::-1]),
    "reverse, old": (lambda c: old_names.reverse(c(A), [False, True]), A[:, ::-1]),
    "reverse, old, by name": (lambda c: old_names.reverse(c(A), dims=[True, False]), A[::-1]),
}


@pytest.mark.parametrize("case", SAME)
def test_both_orders_of_arguments_are_understood(value_of, case):
    make, expected = SAME[case]
    result = value_of(make)
    assert len(result) == len(expected)
    for one, other in zip(result, expected, strict=True):
        np.testing.assert_array_equal(one, other)


INSIDE = {
    "concat, old": ("array_ops.concat", (1, [A, A]), {}, np.hstack([A, A])),
    "split, old": ("array_ops.split", (1, 3, A), {}, np.split(A, 3, 1)),
    "pack": ("array_ops.pack", ([A, A],), {}, [A, A]),
    "squeeze": ("array_ops.squeeze", (A[:1],), {"squeeze_dims": [0]}, A[0]),
    "expand": ("array_ops.expand_dims", (A,), {"dim": 0}, A[None]),
    "mul": ("math_ops.mul", (A, A), {}, A * A),
    "mean": ("math_ops.reduce_mean", (A, 1), {"keep_dims": True}, A.mean(1, keepdims=True)),
    "max": ("math_ops.reduce_max", (A,), {"reduction_indices": [1]}, A.max(1)),
    "argmax": ("math_ops.argmax", (A,), {"dimension": 1}, A.argmax(1)),
    "tanh": ("math_ops.tanh", (A,), {}, np.tanh(A)),
    "softmax": ("nn_ops.softmax", (np.zeros([2, 2], "f4"),), {"dim": 0}, np.full([2, 2], 0.5)),
}


@pytest.mark.parametrize("case", INSIDE)
def test_what_lay_inside_takes_the_arguments_of_all_versions(value_of, case):
    path, args, options, expected = INSIDE[case]
    module, _, name = f"python.ops.{path}".rpartition(".")
    call = module_at(module).served(name)
    np.testing.assert_allclose(value_of(lambda c: call(*args, **options)), expected, rtol=1e-6)


def test_the_states_of_the_first_lstms_were_one_tensor(graph):
    module = module_at("models.rnn.rnn_cell")
    basic, lstm, stack = map(module.served, ("BasicLSTMCell", "LSTMCell", "MultiRNNCell"))
    cell = stack([basic(2, 0.0, 5), lstm(3)])
    assert (cell.input_size, lstm(3).input_size) == (5, 3)
    assert cell.state_size == 10
    assert type(cell).from_config(cell.get_config()).state_size == 10
    assert lstm.from_config(lstm(3, 4, True).get_config()).state_size == 6
    output, state = cell(tf.ones([1, 5]), tf.zeros([1, cell.state_size]))
    assert output.shape == [1, 3] and state.shape == [1, 10]
    tuples = [basic(2, state_is_tuple=True), basic(2, 0.0, None, True)]
    assert stack(tuples, state_is_tuple=True).state_size == ((2, 2), (2, 2))


@pytest.mark.parametrize("unroll", [tf1rnn.dynamic_rnn, tf1rnn.static_rnn])
@pytest.mark.parametrize(
    ("path", "depth", "kernels"),
    [
        ("models.rnn.rnn_cell", 4, [(8, 4), (8, 4)]),
        ("models.rnn.rnn_cell", 5, [(9, 4), (8, 4)]),
        ("nn.rnn_cell", 4, [(8, 4)]),
        ("nn.rnn_cell", 5, [(9, 4), (8, 4)]),
    ],
)
def test_layers_of_one_cell_share_it_from_1_1_on_where_its_weights_fit(
    graph, path, depth, kernels, unroll
):
    cells = module_at(path)
    stack = cells.served("MultiRNNCell")([cells.served("BasicRNNCell")(4)] * 2)
    x = tf.ones([3, 2, depth])
    unroll(stack, x if unroll is tf1rnn.dynamic_rnn else tf.unstack(x), dtype=tf.float32)
    made = [v.shape.as_list() for v in tf.trainable_variables() if "kernel" in v.op.name]
    assert made == [list(kernel) for kernel in kernels]


@pytest.mark.parametrize(
    "name", ["softmax_cross_entropy_with_logits", "sigmoid_cross_entropy_with_logits"]
)
def test_cross_entropies_take_logits_first_by_position(value_of, name):
    new = module_at("nn").served(name)
    old = value_of(lambda c: new(c(LOGITS), c(LABELS)))
    named = value_of(lambda c: new(labels=c(LABELS), logits=c(LOGITS)))
    np.testing.assert_array_equal(old, named)
    assert not np.allclose(old, value_of(lambda c: new(labels=c(LOGITS), logits=c(LABELS))))


def test_sparse_cross_entropy_is_minus_the_log_probability(value_of):
    new = module_at("nn").served("sparse_softmax_cross_entropy_with_logits")
    log_sum = np.log(np.exp(LOGITS).sum(axis=1))
    np.testing.assert_allclose(
        value_of(lambda c: new(c(LOGITS), c([0, 2]))), log_sum - LOGITS[[0, 1], [0, 2]], rtol=1e-6
    )


RENAMED = {
    "mul": (2.0, 3.0, 6.0),
    "sub": (2.0, 3.0, -1.0),
    "neg": (2.0, -2.0),
    "inv": (2.0, 0.5),
    "select": (True, 1.0, 2.0, 1.0),
    "pack": ([1.0, 2.0], [1.0, 2.0]),
}


@pytest.mark.parametrize("name", RENAMED)
def test_old_names_compute_what_they_said(value_of, name):
    *arguments, expected = RENAMED[name]
    made = module_at("").served(name)
    np.testing.assert_array_equal(value_of(lambda c: made(*arguments)), expected)


def test_old_summaries_write_values_under_their_tags(value_of):
    root = module_at("")

    def merged(c):
        root.served("scalar_summary")("loss", c(2.5))
        root.served("scalar_summary")(["a", "b"], c([1.0, 3.0]))
        root.served("histogram_summary")("h", c(A))
        return root.served("merge_all_summaries")()

    summary = tf.Summary.FromString(value_of(merged))
    values = {one.tag: one.simple_value for one in summary.value if not one.HasField("histo")}
    assert values == {"loss": 2.5, "a": 1.0, "b": 3.0}
    assert [one.tag for one in summary.value if one.HasField("histo")] == ["h"]


def test_old_scopes_put_the_values_first():
    with tf.Graph().as_default():
        x = tf.constant(1.0)
        with old_names.op_scope([x], None, "Default"):
            assert tf.identity(x).op.name == "Default/Identity"
        with old_names.variable_op_scope([x], None, "Default"):
            assert tf.get_variable("v", [1]).op.name == "Default/v"


@pytest.mark.parametrize("name", sorted(old_names.RENAMED))
def test_every_new_name_is_there(name):
    assert module_at("").served(name.partition(".")[0])
    *above, last = name.split(".")
    module = module_at(".".join(above))
    assert callable(module.served(last))


@pytest.mark.parametrize("name", ["sampled_softmax_loss", "nce_loss"])
def test_sampled_losses_take_inputs_before_labels_too(value_of, name):
    new = module_at("nn").served(name)

    def make(c, *, old):
        tf.set_random_seed(3)
        weights, biases = c(np.ones([5, 3], np.float32)), c(np.arange(5, dtype=np.float32))
        labels, inputs = c(np.array([[1], [4]])), c(A)
        pair = (inputs, labels) if old else (labels, inputs)
        return new(weights, biases, *pair, 4, 5)

    np.testing.assert_array_equal(
        value_of(lambda c: make(c, old=True)), value_of(lambda c: make(c, old=False))
    )


def test_ctc_losses_take_inputs_before_labels_too(value_of):
    labels = tf.SparseTensorValue([[0, 0], [1, 0]], [0, 1], [2, 1])

    def make(c, *, old):
        pair = (c(A.reshape(1, 2, 3)), tf.SparseTensor.from_value(labels))
        loss = module_at("contrib.ctc" if old else "nn").served("ctc_loss")
        return loss(*(pair if old else pair[::-1]), c([1, 1]))

    log_softmax = A - np.log(np.exp(A).sum(axis=1, keepdims=True))  # one step: one path a label
    for old in (True, False):
        losses = value_of(lambda c, old=old: make(c, old=old))
        np.testing.assert_allclose(losses, -log_softmax[[0, 1], [0, 1]], rtol=1e-5)


def test_modules_of_public_names_are_found_as_imports_wrote_them(monkeypatch):
    finder = importer.Finder()
    names = ("tensorflow.keras.layers", "tensorflow.losses", "tensorflow.contrib.keras.layers")
    assert [finder.find_spec(name, None) is None for name in names] == [True, True, False]
    monkeypatch.setattr(importer, "_hidden", {"tensorflow": None})
    assert all(finder.find_spec(name, None) for name in names)
    assert finder.find_spec("tensorflow.nowhere", None) is None
    assert finder.find_spec("tensorflow.python.ops", None) is None
    losses = finder.create_module(finder.find_spec(names[1], None))
    assert losses.served("mean_squared_error") is tf.losses.mean_squared_error


CALLS = {
    "BasicLSTMCell": [(3, 0.5, 7, True), (3, 0.5, None, True), (3, 0.5, True)],
    "BasicRNNCell": [(3, 7, tf.nn.relu), (3, None, tf.nn.relu), (3, tf.nn.relu)],
    "GRUCell": [(3, 7, tf.nn.relu), (3, None, tf.nn.relu), (3, tf.nn.relu)],
    "LSTMCell": [(3, 7, True, 0.5), (3, None, True, 0.5), (3, True, 0.5)],
}


@pytest.mark.parametrize("name", CALLS)
def test_cells_were_told_the_size_of_their_inputs_once(name):
    cell = module_at("nn.rnn_cell").served(name)
    with tf.Graph().as_default():
        *early, today = [cell(*arguments).get_config() for arguments in CALLS[name]]
        early.append(cell(*CALLS[name][-1], input_size=7).get_config())
    assert all({**one, "name": ""} == {**today, "name": ""} for one in early)


ONES = tf.ones_initializer()
CALLS_OF_TODAY = [
    ("BasicLSTMCell", (3, 1.0, True, None, None, "mine"), {"name": "mine"}),
    ("BasicRNNCell", (3, None, None, "mine"), {"name": "mine"}),
    ("BasicRNNCell", (3, None), {}),
    ("GRUCell", (3, None, None, ONES, None, "mine"), {"kernel_initializer": ONES, "name": "mine"}),
    ("GRUCell", (3, None, True, None, ONES), {"reuse": True, "bias_initializer": ONES}),
    ("LSTMCell", (3, None, None, ONES), {"use_peepholes": None, "initializer": ONES}),
    ("LSTMCell", (3, None, 0.5, None, 2), {"use_peepholes": None, "cell_clip": 0.5, "num_proj": 2}),
]


@pytest.mark.parametrize(("name", "arguments", "options"), CALLS_OF_TODAY)
def test_a_none_by_position_is_no_size(name, arguments, options):
    cell = module_at("nn.rnn_cell").served(name)
    with tf.Graph().as_default():
        found = cell(*arguments).get_config()
    with tf.Graph().as_default():
        expected = cell(3, **options).get_config()
    assert found == expected


@pytest.mark.parametrize("name", CALLS)
def test_programs_see_the_arguments_of_a_cell(name):
    """The PTB tutorial hands over `reuse` where a cell has it."""
    cell = module_at("contrib.rnn").served(name)
    expected = inspect.getfullargspec(getattr(tf1rnn, name).__init__).args
    assert inspect.getfullargspec(cell.__init__).args == expected
    assert {"num_units", "activation", "reuse"} <= {*expected}


@pytest.mark.parametrize("name", ["sequence_loss_by_example", "sequence_loss"])
def test_programs_see_the_arguments_of_a_loss(name):
    loss = module_at("contrib.legacy_seq2seq").served(name)
    assert inspect.getfullargspec(loss).args[:3] == ["logits", "targets", "weights"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("contrib.seq2seq.python.ops.decoder", "_transpose_batch_time"),
        ("contrib.seq2seq.python.ops.helper", "_transpose_batch_time"),
        ("contrib.seq2seq.python.ops.helper", "_unstack_ta"),
        ("contrib.seq2seq.python.ops.attention_wrapper", "_zero_state_tensors"),
        ("contrib.seq2seq.python.ops.decoder", "_create_zero_outputs"),
        ("contrib.seq2seq.python.ops.beam_search_decoder", "_tensor_gather_helper"),
        ("contrib.seq2seq.python.ops.beam_search_decoder", "_maybe_tensor_gather_helper"),
    ],
)
def test_private_names_that_programs_import_are_where_they_were(path, name):
    assert callable(module_at(path).served(name))


@pytest.mark.parametrize("name", ["stack_bidirectional_dynamic_rnn", "stack_bidirectional_rnn"])
@pytest.mark.parametrize(("depth", "kernels"), [(4, 1), (5, 2)])
def test_layers_of_both_directions_are_set_apart_so(graph, name, depth, kernels):
    cells = [[tf1rnn.BasicRNNCell(2)] * 2 for _ in range(2)]
    x = tf.ones([3, 2, depth])
    inputs = x if "dynamic" in name else tf.unstack(x, axis=1)
    getattr(tf1rnn.contrib.rnn, name)(*cells, inputs, dtype=tf.float32)
    made = [v.shape.as_list()[0] for v in tf.trainable_variables() if "kernel" in v.op.name]
    assert sorted(made) == sorted([depth + 2, 4 + 2][:kernels] * 2)
