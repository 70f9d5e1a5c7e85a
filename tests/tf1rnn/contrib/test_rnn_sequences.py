"""Cells of contrib.rnn along sequences: fused ones, faster ways, stacks in both directions."""

import functools

import cell_formulas as formulas
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, load, open_session, random_array, random_weights

import tf1rnn
from tf1rnn.contrib import rnn

STEPS, BATCH, DEPTH = 3, 3, 2
LENGTHS = np.array([3, 0, 2])


def unrolled(formula, weights, inputs, state, lengths=None):
    """Outputs, and the state of each row after its last step."""
    outputs = []
    for t, x in enumerate(inputs):
        inside = (np.full(len(x), True) if lengths is None else lengths > t)[:, None]
        output, stepped = formula(weights, x, state)
        outputs.append(np.where(inside, output, 0.0))
        state = [np.where(inside, new, old) for new, old in zip(stepped, state, strict=True)]
    return np.stack(outputs), state


# name: (a cell, its formula)
LAYERS = {
    "lstm_block_cell": (lambda: rnn.LSTMBlockCell(3), formulas.lstm),
    "input_projection_wrapper": (
        lambda: rnn.InputProjectionWrapper(rnn.GRUCell(3), 2, tf.tanh),
        formulas.projected_in,
    ),
    "output_projection_wrapper": (
        lambda: rnn.OutputProjectionWrapper(rnn.GRUBlockCellV2(3), 2),
        formulas.projected_out,
    ),
    "embedding_wrapper": (lambda: rnn.EmbeddingWrapper(rnn.GRUCell(3), 5, 2), formulas.embedding),
    "layer_norm_basic_lstm_cell": (lambda: rnn.LayerNormBasicLSTMCell(3), formulas.norm_lstm),
}
STEPPED = {"layer_norm_basic_lstm_cell"}


def sequence_of(kind):
    if kind == "embedding_wrapper":
        return np.random.default_rng(1).integers(0, 5, [STEPS, BATCH, 1])
    return random_array("sequence", [STEPS, BATCH, DEPTH])


@functools.cache
def along_sequences():
    """kind -> weights by name, start, and the results of both unrollers, of one run."""
    made, feed = {}, {}
    with tf.Graph().as_default(), open_session() as session:
        for kind, (make, _) in LAYERS.items():
            array = sequence_of(kind)
            unknown = tf.placeholder(array.dtype, [None, None, array.shape[2]])
            feed[unknown] = array
            cell = make()
            sizes = tf.nest.flatten(cell.state_size)
            start = [random_array(f"{kind}{n}", [BATCH, size]) for n, size in enumerate(sizes)]
            state = tf.nest.pack_sequence_as(cell.state_size, list(map(tf.constant, start)))
            with tf.variable_scope(kind):
                dynamic = rnn.dynamic_rnn(cell, unknown, LENGTHS, state, time_major=True)
                static = rnn.static_rnn(cell, tf.unstack(tf.constant(array)), state)
            assert dynamic[0].shape.as_list()[2] == cell.output_size
            made[kind] = start, (dynamic, static)
        weights = random_weights(tf.global_variables())
        load(session, {v: weights[v.op.name] for v in tf.global_variables()})
        run = session.run({kind: results for kind, (_, results) in made.items()}, feed)
    return {
        kind: (
            {n.split("/", 3)[3]: w for n, w in weights.items() if n.startswith(f"{kind}/")},
            start,
            run[kind],
        )
        for kind, (start, _) in made.items()
    }


@pytest.mark.parametrize("kind", LAYERS)
def test_a_sequence_of_unknown_sizes_is_that_of_the_formula(kind):
    """Past a row's length the outputs are zero and the state stays."""
    weights, start, (dynamic, static) = along_sequences()[kind]
    formula = LAYERS[kind][1]
    expected, final = unrolled(formula, weights, sequence_of(kind), start, LENGTHS)
    assert_close([dynamic[0], *tf.nest.flatten(dynamic[1])], [expected, *final])
    expected, final = unrolled(formula, weights, sequence_of(kind), start)
    assert_close([np.stack(static[0]), *tf.nest.flatten(static[1])], [expected, *final])


@pytest.mark.parametrize("kind", LAYERS)
def test_the_faster_way_is_taken_where_there_is_one(kind, graph):
    cell = LAYERS[kind][0]()
    inputs = tf.constant(sequence_of(kind))
    state = cell.zero_state(BATCH, tf.float64)
    assert (tf1rnn.faster.fast_sequence(cell, inputs, state, None) is None) == (kind in STEPPED)


@pytest.mark.parametrize("peephole", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_a_fused_lstm_is_an_lstm_along_a_sequence(graph, peephole, lengths):
    inputs = random_array("inputs", [STEPS, BATCH, DEPTH])
    start = [random_array(f"start{n}", [BATCH, 4]) for n in range(2)]
    cell = rnn.LSTMBlockFusedCell(4, 0.5, cell_clip=0, use_peephole=peephole)
    steps = [tf.constant(x, tf.float32) for x in inputs]
    state = [tf.constant(x, tf.float32) for x in start]
    outputs, final = cell(steps, state, sequence_length=lengths)
    variables = tf.trainable_variables()
    names = ["kernel", "bias"] + [f"w_{gate}_diag" for gate in "ifo"] * peephole
    assert [v.op.name for v in variables] == [f"lstm_fused_cell/{name}" for name in names]
    slopes = tf.gradients(tf.reduce_sum(tf.stack(outputs) ** 2), [*variables, *state, *steps])
    outputs, final, slopes = evaluate([outputs, final, slopes])
    arrays = [random_array(v.op.name, v.shape.as_list()) for v in variables]

    def expected(arrays, start, inputs):
        formula = functools.partial(formulas.lstm, forget=0.5)
        return unrolled(formula, dict(zip(names, arrays, strict=True)), inputs, start, lengths)

    wanted, last = expected(arrays, start, inputs)
    assert_close([np.stack(outputs), *final], [wanted, *last], rtol=1e-5, atol=1e-5)
    point = [*arrays, *start, *inputs]
    for n, slope in enumerate(slopes):
        direction = random_array(f"direction{n}", point[n].shape)

        def loss(distance, n=n, direction=direction):
            moved = [a + distance * direction if m == n else a for m, a in enumerate(point)]
            parts = moved[: len(names)], moved[len(names) : -STEPS], moved[-STEPS:]
            return (expected(*parts)[0] ** 2).sum()

        wanted = (loss(1e-5) - loss(-1e-5)) / 2e-5
        assert np.sum(slope * direction) == pytest.approx(wanted, rel=1e-3, abs=1e-4), n


def test_the_block_operation_puts_out_all_that_it_computes(graph):
    inputs = random_array("inputs", [STEPS, 2, DEPTH])
    w, b = random_array("w", [DEPTH + 2, 8]), random_array("b", [8])
    x, *weights = (tf.constant(array, tf.float32) for array in (inputs, w, b))
    made = rnn._block_lstm(tf.constant(STEPS, tf.int64), tf.unstack(x), *weights)
    i, c, f, o, ci, co, h = evaluate(list(made))
    start = [np.zeros([2, 2])] * 2
    expected, (last_c, _) = unrolled(formulas.lstm, {"kernel": w, "bias": b}, inputs, start)
    assert_close([np.stack(h), c[-1]], [expected, last_c], rtol=1e-5, atol=1e-6)
    assert_close([f[1] * c[0] + i[1] * ci[1], o[1] * co[1]], [c[1], h[1]], rtol=1e-5, atol=1e-6)


def test_a_fused_lstm_wants_a_state_and_three_axes(graph):
    cell = rnn.LSTMBlockFusedCell(4)
    with pytest.raises(ValueError, match="initial_state or dtype"):
        cell(tf.zeros([2, 3, 5]))
    with pytest.raises(ValueError, match="length 2"):
        cell(tf.zeros([2, 3, 5]), [tf.zeros([3, 4])])
    with pytest.raises(ValueError, match="num_steps"):
        cell(tf.zeros([2, 3]), dtype=tf.float32)
    outputs, state = cell(tf.placeholder(tf.float32, [None, None, 5]), dtype=tf.float32)
    assert outputs.shape.as_list() == [None, None, 4] and isinstance(state, rnn.LSTMStateTuple)


@pytest.mark.parametrize("dynamic", [False, True])
def test_an_adaptor_and_its_reverse_are_a_bidirectional_rnn(graph, dynamic):
    inputs = tf.constant(random_array("inputs", [STEPS, BATCH, DEPTH]))
    lengths = tf.constant(LENGTHS)
    forward = rnn.FusedRNNCellAdaptor(rnn.BasicRNNCell(3), use_dynamic_rnn=dynamic)
    backward = rnn.FusedRNNCellAdaptor(rnn.BasicRNNCell(3), use_dynamic_rnn=dynamic)
    common = {"dtype": tf.float64, "sequence_length": lengths}
    with tf.variable_scope("bidirectional_rnn"):
        there = forward(inputs, scope="fw", **common)
        back = rnn.TimeReversedFusedRNN(backward)(inputs, scope="bw", **common)
        listed = forward(tf.unstack(inputs), scope="fw", **common)
        listed_back = rnn.TimeReversedFusedRNN(backward)(tf.unstack(inputs), scope="bw", **common)
    with tf.variable_scope("", reuse=True):
        expected, state_fw, state_bw = rnn.static_bidirectional_rnn(
            rnn.BasicRNNCell(3), rnn.BasicRNNCell(3), tf.unstack(inputs), **common
        )
    assert isinstance(listed[0], list) and isinstance(listed_back[0], list)
    both = tf.concat([there[0], back[0]], axis=2)
    as_lists = tf.concat([listed[0], listed_back[0]], axis=2)
    whole = tf.stack(expected)
    fetched = evaluate([both, there[1], back[1], as_lists, whole, state_fw, state_bw])
    assert_close(fetched[:3], fetched[4:])
    assert_close(fetched[3], fetched[4])


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_a_stack_in_both_directions_is_layer_upon_layer(graph, lengths):
    inputs = tf.constant(random_array("inputs", [BATCH, STEPS, DEPTH]))
    common = {"dtype": tf.float64, "sequence_length": lengths}
    starts = [
        [tf.constant(random_array(f"{way}{units}", [BATCH, units])) for units in (2, 3)]
        for way in ("fw", "bw")
    ]

    def cells():
        return [rnn.GRUCell(2), rnn.GRUCell(3)]

    outputs, fw, bw = rnn.stack_bidirectional_dynamic_rnn(
        cells(), cells(), inputs, *starts, **common
    )
    names = [v.op.name for v in tf.trainable_variables()]
    assert names[0] == "stack_bidirectional_rnn/cell_0/bidirectional_rnn/fw/gru_cell/gates/kernel"
    first, second = cells(), cells()
    layer, results = inputs, []
    with tf.variable_scope("stack_bidirectional_rnn", reuse=True):
        for n in range(2):
            with tf.variable_scope(f"cell_{n}"):
                made = rnn.bidirectional_dynamic_rnn(
                    first[n],
                    second[n],
                    layer,
                    initial_state_fw=starts[0][n],
                    initial_state_bw=starts[1][n],
                    **common,
                )
            layer = tf.concat(made[0], axis=2)
            results.append(made[1])
    listed, fw_listed, bw_listed = rnn.stack_bidirectional_rnn(
        cells(), cells(), tf.unstack(inputs, axis=1), *starts, scope="listed", **common
    )
    assert tf.trainable_variables("listed/cell_1/fw/gru_cell")
    weights = random_weights(tf.global_variables())
    for name in list(weights):
        if name.startswith("listed/"):
            part = name.removeprefix("listed/").split("/", 1)
            twin = f"stack_bidirectional_rnn/{part[0]}/bidirectional_rnn/{part[1]}"
            weights[name] = weights[twin]
    fetched = evaluate(
        [
            [outputs, fw, bw],
            [layer, [fw for fw, _ in results], [bw for _, bw in results]],
            [tf.stack(listed, axis=1), fw_listed, bw_listed],
        ],
        weights,
    )
    assert_close(fetched[0], fetched[1])
    assert_close(fetched[0], fetched[2])


@pytest.mark.parametrize(
    ("cells_fw", "cells_bw", "states", "words"),
    [
        ([], [1], None, "at least one fw cell"),
        ([1], [], None, "at least one bw cell"),
        ((1,), [1], None, "cells_fw must be a list"),
        ([1], (1,), None, "cells_bw must be a list"),
        ([1, 1], [1], None, "same depth"),
        ([1], [1], [1, 2], "initial_states_fw must be a list"),
    ],
)
def test_a_stack_wants_lists_of_one_length(graph, cells_fw, cells_bw, states, words):
    for stacked in (rnn.stack_bidirectional_rnn, rnn.stack_bidirectional_dynamic_rnn):
        with pytest.raises(ValueError, match=words):
            stacked(cells_fw, cells_bw, tf.zeros([1, 2, 3]), states)
