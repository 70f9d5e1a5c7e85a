"""The cells of contrib.rnn beside their formulas in NumPy: values, gradients, variable names."""

import functools

import cell_formulas as formulas
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import load, open_session, random_array

from tf1rnn.contrib import rnn

BATCH, DEPTH = 2, 4

PICTURE = {"input_shape": (3, 4, 2), "kernel_shape": [3, 1], "output_channels": 2}

# name: (a cell, its formula, the names and shapes of its variables)
CELLS = {
    "lstm_block_cell": (
        lambda: rnn.LSTMBlockCell(4, forget_bias=0.5, cell_clip=0.6, use_peephole=True),
        functools.partial(formulas.lstm, forget=0.5, clip=0.6),
        "kernel 8,16 bias 16 w_i_diag 4 w_f_diag 4 w_o_diag 4",
    ),
    "gru_block_cell": (
        lambda: rnn.GRUBlockCell(cell_size=4),
        functools.partial(formulas.gru, names=("w_ru", "b_ru", "w_c", "b_c")),
        "w_ru 8,8 b_ru 8 w_c 8,4 b_c 4",
    ),
    "gru_block_cell_v2": (
        lambda: rnn.GRUBlockCellV2(4),
        formulas.gru,
        "gates/kernel 8,8 gates/bias 8 candidate/kernel 8,4 candidate/bias 4",
    ),
    "ugrnn_cell": (lambda: rnn.UGRNNCell(4), formulas.ugrnn, "kernel 8,8 bias 8"),
    "intersection_rnn_cell": (
        lambda: rnn.IntersectionRNNCell(3, num_in_proj=3, forget_bias=0.5),
        formulas.intersection,
        "in_projection/kernel 4,3 in_projection/bias 3 kernel 6,12 bias 12",
    ),
    "nas_cell": (
        lambda: rnn.NASCell(4, num_proj=3, use_biases=True),
        formulas.nas,
        "recurrent_kernel 3,32 kernel 4,32 bias 32 projection_weights 4,3",
    ),
    "sru_cell": (lambda: rnn.SRUCell(4), formulas.sru, "kernel 4,16 bias 8"),
    "minimal_rnn_cell": (
        lambda: rnn.MinimalRNNCell(4),
        formulas.minimal,
        "kernel 12,4 bias 4",
    ),
    "cfn_cell": (lambda: rnn.CFNCell(4), formulas.cfn, "kernel 4,12 recurrent_kernel 4,8 bias 8"),
    "ind_rnn_cell": (
        lambda: rnn.IndRNNCell(4),
        formulas.ind_rnn,
        "kernel_w 4,4 kernel_u 1,4 bias 4",
    ),
    "indy_gru_cell": (
        lambda: rnn.IndyGRUCell(4),
        formulas.indy_gru,
        "gates/kernel_w 4,8 gates/kernel_u 1,8 gates/bias 8 "
        "candidate/kernel 4,4 candidate/kernel_u 1,4 candidate/bias 4",
    ),
    "indy_lstm_cell": (
        lambda: rnn.IndyLSTMCell(4, forget_bias=0.3),
        formulas.indy_lstm,
        "kernel_w 4,16 kernel_u 1,16 bias 16",
    ),
    "layer_norm_basic_lstm_cell": (
        lambda: rnn.LayerNormBasicLSTMCell(4),
        formulas.norm_lstm,
        "kernel 8,16 input/gamma 4 input/beta 4 transform/gamma 4 transform/beta 4 "
        "forget/gamma 4 forget/beta 4 output/gamma 4 output/beta 4 state/gamma 4 state/beta 4",
    ),
    "without_layer_norm": (
        lambda: rnn.LayerNormBasicLSTMCell(4, layer_norm=False),
        formulas.lstm,
        "kernel 8,16 bias 16",
    ),
    "layer_norm_lstm_cell": (
        lambda: rnn.LayerNormLSTMCell(4, True, 0.9, None, 3, 0.4, layer_norm=True),
        functools.partial(formulas.norm_lstm, clip=0.9, proj_clip=0.4),
        "kernel 7,16 bias 16 input/gamma 4 input/beta 4 transform/gamma 4 transform/beta 4 "
        "forget/gamma 4 forget/beta 4 output/gamma 4 output/beta 4 state/gamma 4 state/beta 4 "
        "w_f_diag 4 w_i_diag 4 w_o_diag 4 projection/kernel 4,3",
    ),
    "wn_lstm_cell": (
        lambda: rnn.WeightNormLSTMCell(4, use_peepholes=True, cell_clip=0.7, num_proj=3),
        formulas.weight_norm,
        "wn_lstm_cell/kernel 7,16 wn_lstm_cell/norm_0 16 wn_lstm_cell/norm_1 16 "
        "wn_lstm_cell/bias 16 wn_lstm_cell/w_f_diag 4 wn_lstm_cell/w_i_diag 4 "
        "wn_lstm_cell/w_o_diag 4 wn_lstm_cell/projection/kernel 4,3 "
        "wn_lstm_cell/projection/norm_0 3",
    ),
    "coupled_input_forget_gate_lstm_cell": (
        lambda: rnn.CoupledInputForgetGateLSTMCell(
            4, True, num_proj=3, proj_clip=0.2, num_unit_shards=2, state_is_tuple=False
        ),
        formulas.coupled,
        "W_0 4,12 W_1 3,12 B 12 W_F_diag 4 W_O_diag 4 W_P_0 4,3",
    ),
    "coupled_and_normalized": (
        lambda: rnn.CoupledInputForgetGateLSTMCell(
            4, num_unit_shards=2, state_is_tuple=False, layer_norm=True
        ),
        formulas.coupled,
        "W_0 4,12 W_1 4,12 B 12 transform/gamma 4 transform/beta 4 forget/gamma 4 forget/beta 4 "
        "output/gamma 4 output/beta 4 state/gamma 4 state/beta 4",
    ),
    "glstm_cell": (
        lambda: rnn.GLSTMCell(4, num_proj=6, number_of_groups=2),
        formulas.group_lstm,
        "group0/kernel 5,8 group1/kernel 5,8 bias_i 4 bias_j 4 bias_f 4 bias_o 4 "
        "projection/kernel 4,6",
    ),
    "phased_lstm_cell": (
        lambda: rnn.PhasedLSTMCell(4, use_peepholes=True, leak=0.1),
        formulas.phased,
        "mask_gates/kernel 12,8 mask_gates/bias 8 new_input/kernel 8,4 new_input/bias 4 "
        "output_gate/kernel 12,4 output_gate/bias 4 period 4 phase 4 ratio_on 4",
    ),
    "conv_1d_lstm_cell": (
        lambda: rnn.Conv1DLSTMCell(
            input_shape=[5, 2], output_channels=3, kernel_shape=[3], skip_connection=True
        ),
        formulas.convolution,
        "kernel 3,5,12 biases 12",
    ),
    "conv_2d_lstm_cell": (
        lambda: rnn.Conv2DLSTMCell(**PICTURE, skip_connection=True),
        formulas.convolution,
        "kernel 3,1,4,8 biases 8",
    ),
    "time_freq_lstm_cell": (
        lambda: rnn.TimeFreqLSTMCell(2, use_peepholes=True, cell_clip=0.8, feature_size=2),
        formulas.time_frequency,
        "W_0 6,8 B 8 W_F_diag 2 W_I_diag 2 W_O_diag 2",
    ),
    "grid_lstm_cell": (
        lambda: rnn.GridLSTMCell(
            2,
            use_peepholes=True,
            num_frequency_blocks=[2, 1],
            start_freqindex_list=[0, 2],
            end_freqindex_list=[3, 4],
            feature_size=2,
            frequency_skip=1,
        ),
        formulas.grid_of_blocks,
        " ".join(
            f"W_f_{n}_0 6,8 B_f_{n} 8 W_t_{n}_0 6,8 B_t_{n} 8 "
            + " ".join(
                f"W_{gate}_diag_{word}{axis}_{n} 2"
                for word in ("freq", "time")
                for gate in "FIO"
                for axis in "ft"
            )
            for n in (0, 1)
        ),
    ),
    "bidirectional_grid_lstm_cell": (
        lambda: rnn.BidirectionalGridLSTMCell(
            2,
            share_time_frequency_weights=True,
            num_frequency_blocks=[2],
            couple_input_forget_gates=True,
            backward_slice_offset=1,
            feature_size=2,
            frequency_skip=2,
        ),
        formulas.grid_both_ways,
        "fwd/W_f_0_0 6,6 fwd/B_f_0 6 bwd/W_f_0_0 6,6 bwd/B_f_0 6",
    ),
    "embedding_wrapper": (
        lambda: rnn.EmbeddingWrapper(rnn.GRUCell(4), 5, 3),
        formulas.embedding,
        "embedding 5,3 gru_cell/gates/kernel 7,8 gru_cell/gates/bias 8 "
        "gru_cell/candidate/kernel 7,4 gru_cell/candidate/bias 4",
    ),
    "input_projection_wrapper": (
        lambda: rnn.InputProjectionWrapper(rnn.GRUCell(4), 3, tf.tanh),
        formulas.projected_in,
        "kernel 4,3 bias 3 gru_cell/gates/kernel 7,8 gru_cell/gates/bias 8 "
        "gru_cell/candidate/kernel 7,4 gru_cell/candidate/bias 4",
    ),
    "output_projection_wrapper": (
        lambda: rnn.OutputProjectionWrapper(rnn.GRUCell(4), 3),
        formulas.projected_out,
        "gru_cell/gates/kernel 8,8 gru_cell/gates/bias 8 gru_cell/candidate/kernel 8,4 "
        "gru_cell/candidate/bias 4 kernel 4,3 bias 3",
    ),
    "highway": (
        lambda: rnn.HighwayWrapper(rnn.GRUCell(4), couple_carry_transform_gates=False),
        formulas.highway,
        "gru_cell/gates/kernel 8,8 gru_cell/gates/bias 8 gru_cell/candidate/kernel 8,4 "
        "gru_cell/candidate/bias 4 carry_w 4,4 carry_b 4 transform_w 4,4 transform_b 4",
    ),
    "attention_cell_wrapper": (
        lambda: rnn.AttentionCellWrapper(rnn.BasicLSTMCell(5), 3, attn_vec_size=2, input_size=6),
        formulas.attention,
        "kernel 9,6 bias 6 basic_lstm_cell/kernel 11,20 basic_lstm_cell/bias 20 "
        "attention/attn_w 1,1,5,2 attention/attn_v 2 attention/kernel 10,2 attention/bias 2 "
        "attn_output_projection/kernel 10,5 attn_output_projection/bias 5",
    ),
}


def inputs_of(kind):
    if kind == "phased_lstm_cell":
        time = np.array([[0.4], [2.0]])
        return time, random_array("x", [BATCH, DEPTH])
    if kind == "embedding_wrapper":
        return np.array([[1], [4]])
    shape = {"conv_1d_lstm_cell": [5, 2], "conv_2d_lstm_cell": [3, 4, 2]}.get(kind, [DEPTH])
    return random_array("x", [BATCH, *shape])


def start_of(kind, cell):
    sizes = [12] if kind == "time_freq_lstm_cell" else tf.nest.flatten(cell.state_size)
    shapes = [tf.TensorShape(size).as_list() for size in sizes]
    return [random_array(f"{kind}{n}", [BATCH, *shape]) for n, shape in enumerate(shapes)]


def weight(name, shape):
    array = random_array(name, shape)
    return np.abs(array) + 0.5 if name.endswith(("period", "ratio_on")) else array


def step(formula, weights, inputs, state):
    output, state = formula(weights, inputs, state)
    return [output, *state]


@functools.cache
def computed():
    """kind -> names and shapes, weights, inputs, start, results and gradients; of one run."""
    made = {}
    with tf.Graph().as_default(), open_session() as session:
        for kind, (make, _, _) in CELLS.items():
            with tf.variable_scope(f"at/{kind}"):
                cell = make()
                inputs, start = inputs_of(kind), start_of(kind, cell)
                first = list(map(tf.constant, start))
                state = tf.nest.pack_sequence_as(cell.state_size, first)
                output, state = cell(tf.nest.map_structure(tf.constant, inputs), state)
            results = [output, *tf.nest.flatten(state)]
            variables = tf.trainable_variables(f"at/{kind}/")
            loss = tf.add_n([tf.reduce_sum(x**2) for x in results])
            gradients = tf.gradients(loss, [*variables, *first])
            gradients = [tf.zeros([]) if g is None else tf.convert_to_tensor(g) for g in gradients]
            made[kind] = variables, inputs, start, results, gradients
        every = [v for variables, *_ in made.values() for v in variables]
        load(session, {v: weight(v.op.name, v.shape.as_list()) for v in every})
        run = session.run({kind: (one[3], one[4]) for kind, one in made.items()})
    return {
        kind: (
            [v.op.name.removeprefix(f"at/{kind}/") for v in variables],
            [weight(v.op.name, v.shape.as_list()) for v in variables],
            inputs,
            start,
            *run[kind],
        )
        for kind, (variables, inputs, start, *_) in made.items()
    }


def in_scope(kind, name):
    """A variable's name in the cell's own scope: a highway's lie in the one around it."""
    return name if kind == "highway" else name.partition("/")[2]


@pytest.mark.parametrize("kind", CELLS)
def test_a_step_is_that_of_the_formula(kind):
    names, weights, inputs, start, results, _ = computed()[kind]
    by_name = {in_scope(kind, name): w for name, w in zip(names, weights, strict=True)}
    expected = step(CELLS[kind][1], by_name, inputs, start)
    assert len(results) == len(expected)
    for actual, wanted in zip(results, expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind", CELLS)
def test_gradients_are_the_slopes_of_the_formula(kind):
    """Along a random direction of each variable and each part of the initial state."""
    names, weights, inputs, start, _, gradients = computed()[kind]
    names = [in_scope(kind, name) for name in names]
    point = [*weights, *start]
    for n, gradient in enumerate(gradients):
        if names[n:] and names[n] == "period":
            continue  # its gradient takes the count of whole periods for a constant
        direction = random_array(f"direction{n}", point[n].shape)

        def loss(distance, n=n, direction=direction):
            moved = [a + distance * direction if m == n else a for m, a in enumerate(point)]
            by_name = dict(zip(names, moved, strict=False))
            results = step(CELLS[kind][1], by_name, inputs, moved[len(names) :])
            return sum((x**2).sum() for x in results)

        slope = (loss(1e-6) - loss(-1e-6)) / 2e-6
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-5, abs=1e-7), n


@pytest.mark.parametrize("kind", CELLS)
def test_variables_have_the_names_of_tensorflow_1(kind):
    names, weights, *_ = computed()[kind]
    scope = {"without_layer_norm": "layer_norm_basic_lstm_cell"}
    scope |= {"lstm_block_cell": "lstm_cell", "gru_block_cell": "gru_cell"}
    scope |= {"gru_block_cell_v2": "gru_cell", "highway": ""}
    scope |= {"coupled_and_normalized": "coupled_input_forget_gate_lstm_cell"}
    prefix = f"{scope.get(kind, kind)}/".removeprefix("/")
    words = CELLS[kind][2].split()
    expected = dict(zip(words[::2], words[1::2], strict=True))
    shapes = [",".join(map(str, w.shape)) for w in weights]
    assert list(zip(names, shapes, strict=True)) == [
        (prefix + name, shape) for name, shape in expected.items()
    ]
