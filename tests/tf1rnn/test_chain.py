"""The outputs of static unrollers are links of a chain: each depends on its own past alone."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import (
    DTYPE,
    assert_close,
    evaluate,
    load,
    old_cells,
    old_unrollers,
    open_session,
    random_array,
    random_weights,
)

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells

CELLS = {
    "gru": lambda cells: cells.GRUCell(2),
    "lstm": lambda cells: cells.BasicLSTMCell(2),
    "stack": lambda cells: cells.MultiRNNCell(
        [cells.DropoutWrapper(cells.ResidualWrapper(cells.BasicRNNCell(2))), cells.LSTMCell(2)]
    ),
}


class Store:
    """States that start from zeros and are kept nowhere."""

    def state(self, name):
        return tf.zeros([2, 2], DTYPE)

    def save_state(self, name, value):
        return tf.no_op()


def unrolled(unroller, make, cells, unrollers, steps, lengths):
    """Outputs and the parts of the final state."""
    cell = make(cells)
    if unroller == "bidirectional":
        outputs, *state = unrollers.static_bidirectional_rnn(
            cell, make(cells), steps, dtype=DTYPE, sequence_length=lengths
        )
    elif unroller == "saving":
        names = tf.nest.map_structure(str, cell.state_size)
        outputs, state = unrollers.static_state_saving_rnn(cell, steps, Store(), names, lengths)
    else:
        outputs, state = unrollers.static_rnn(cell, steps, dtype=DTYPE, sequence_length=lengths)
    return list(outputs), tf.nest.flatten(state)


def links(unroller, cells, unrollers, lengths):
    """Gradients of losses on the last output and on the final state to each of the outputs."""
    steps = tf.unstack(tf.constant(random_array("x", [3, 2, 2])))
    gradients = {}
    for kind, make in CELLS.items():
        with tf.variable_scope(kind):
            outputs, state = unrolled(unroller, make, cells, unrollers, steps, lengths)
        losses = [tf.reduce_sum(outputs[-1] ** 2), tf.add_n([tf.reduce_sum(s) for s in state])]
        for name, loss in zip(("output", "state"), losses, strict=True):
            gradients[f"{kind} {name}"] = tf.gradients(loss, outputs)
    known = {name: [d is not None for d in every] for name, every in gradients.items()}
    return known, evaluate([[d for d in every if d is not None] for every in gradients.values()])


@pytest.mark.parametrize(
    ("unroller", "lengths"),
    [("plain", None), ("plain", [3, 2]), ("saving", None), ("bidirectional", None)],
)
def test_a_loss_reaches_every_output_as_in_tensorflow_1(unroller, lengths):
    with tf.Graph().as_default():
        known, values = links(unroller, tf1rnn, tf1rnn, lengths)
    with tf.Graph().as_default():
        old_known, old_values = links(unroller, old_cells(), old_unrollers(), lengths)
    assert known == old_known
    if unroller == "plain" and lengths is None:
        assert all(map(all, known.values()))
    assert_close(values, old_values)


@pytest.mark.parametrize("lengths", [None, [3, 2]])
def test_the_first_outputs_need_the_first_inputs_alone(lengths):
    x = random_array("x", [3, 2, 2])
    with tf.Graph().as_default(), open_session() as session:
        steps = [tf.placeholder(DTYPE, [None, 2]) for _ in x]
        fed = dict(zip(steps, x, strict=True))
        made = {}
        for kind, make in CELLS.items():
            with tf.variable_scope(kind):
                made[kind] = unrolled("plain", make, tf1rnn, tf1rnn, steps, lengths)[0]
        variables = tf.global_variables()
        load(session, {v: random_weights([v])[v.op.name] for v in variables})
        whole = session.run(made, fed)
        first = {kind: outputs[:2] for kind, outputs in made.items()}
        alone = session.run(first, {step: fed[step] for step in steps[:2]})
        assert_close(alone, {kind: outputs[:2] for kind, outputs in whole.items()})
        # A step of a partial run may choose its inputs by what the last one put out.
        outputs = made["lstm"]
        handle = session.partial_run_setup(outputs, steps)
        for t, output in enumerate(outputs):
            value = session.partial_run(handle, output, {steps[t]: x[t]})
            np.testing.assert_allclose(value, whole["lstm"][t])


def test_a_cell_of_the_old_style_makes_its_variables_once():
    """One that gets them in every call, as cells did before they had `build`."""

    class OldStyle:
        state_size = output_size = 2

        def zero_state(self, batch_size, dtype):
            return tf.zeros([batch_size, 2], dtype)

        def __call__(self, inputs, state, scope=None):
            with tf.variable_scope(scope or "old_style"):
                weight = tf.get_variable("w", [4, 2], DTYPE, use_resource=True)
                state = tf.tanh(tf.concat([inputs, state], 1) @ weight)
            return state, state

    def run(unrollers):
        with tf.Graph().as_default():
            steps = tf.unstack(tf.constant(random_array("x", [3, 2, 2])))
            one, _ = unrollers.static_rnn(OldStyle(), steps, dtype=DTYPE)
            both = unrollers.static_bidirectional_rnn(
                OldStyle(), OldStyle(), steps, dtype=DTYPE, sequence_length=[3, 2]
            )
            with pytest.raises(ValueError, match="already exists"):  # of another network
                unrollers.static_rnn(OldStyle(), steps, dtype=DTYPE)
            return [v.op.name for v in tf.global_variables()], evaluate([one, both])

    names, values = run(tf1rnn)
    old_names, old_values = run(old_unrollers())
    assert (
        names
        == old_names
        == [
            "rnn/old_style/w",
            "bidirectional_rnn/fw/old_style/w",
            "bidirectional_rnn/bw/old_style/w",
        ]
    )
    assert_close(values, old_values)
