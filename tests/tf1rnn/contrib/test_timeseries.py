"""`tf.contrib.timeseries`: an LSTM of one's own along a series, and what it is told of it."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import estimator as est
from tf1rnn.contrib import rnn, timeseries
from tf1rnn.contrib.timeseries import managers, model, regressor, statistics

TIMES = np.arange(10, 110)
VALUES = np.stack([np.sin(TIMES / 5), 3 + 2 * np.cos(TIMES / 5)], 1).astype(np.float32)
DATA = {"times": TIMES, "values": VALUES}
SIZE = 8


class Network(model.SequentialTimeSeriesModel):
    """An LSTM that predicts the next values from the last ones."""

    def __init__(self, **settings):
        super().__init__(["mean"], ["mean"], num_features=2, **settings)

    def initialize_graph(self, input_statistics=None):
        super().initialize_graph(input_statistics)
        cell = rnn.LSTMCell(SIZE)
        self._run = tf.make_template("cell", cell, create_scope_now_=True)
        self._out = tf.make_template("out", self._dense, create_scope_now_=True)

    def _dense(self, x):
        return tf.matmul(x, tf.get_variable("kernel", [SIZE, 2]))

    def get_start_state(self):
        zeros = tf.zeros([SIZE])
        return tf.zeros([], tf.int64), tf.zeros([2]), rnn.LSTMStateTuple(zeros, zeros)

    def _scaled(self, x):
        mean, variance = self._input_statistics.series_start_moments
        return (x - mean) / tf.sqrt(variance)

    def _imputation_step(self, current_times, state):
        return state

    def _prediction_step(self, current_times, state):
        _, last, state = state
        output, state = self._run(last, state)
        next_one = self._out(output)
        mean, variance = self._input_statistics.series_start_moments
        return (current_times, next_one, state), {"mean": next_one * tf.sqrt(variance) + mean}

    def _filtering_step(self, current_times, current_values, state, predictions):
        _, guess, state = state
        seen = self._scaled(current_values)
        loss = tf.reduce_mean((guess - seen) ** 2, -1)
        return (current_times, seen, state), {**predictions, "loss": loss}


def trained(folder, network, steps, **settings):
    config = est.RunConfig(str(folder), tf_random_seed=1)
    optimizer = tf.train.AdamOptimizer(0.02)
    made = timeseries.TimeSeriesRegressor(network, optimizer=optimizer, config=config, **settings)
    reader = timeseries.NumpyReader(DATA)
    made.train(timeseries.RandomWindowInputFn(reader, 20, 8, shuffle_seed=1), steps=steps)
    return made


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A model, what its evaluation has found, and the series that it was trained on."""
    pytest.importorskip("tf_slim")
    made = trained(tmp_path_factory.mktemp("series"), Network(), 150)
    whole = timeseries.WholeDatasetInputFn(timeseries.NumpyReader(DATA))
    return made, made.evaluate(whole, steps=1)


def test_a_series_is_learnt_and_filtered(fitted):
    _, found = fitted
    assert found["mean"].shape == found["observed"].shape == (1, 100, 2)
    np.testing.assert_array_equal(found["times"], [TIMES])
    np.testing.assert_array_equal(found["observed"][0], VALUES)
    time, last, state = found["start_tuple"]
    assert time.tolist() == [109] and state.h.shape == (1, SIZE) and last.shape == (1, 2)
    errors = (found["mean"][0] - VALUES) ** 2
    assert errors[20:].mean() < 0.05 * VALUES.var()
    start = VALUES[:16]
    scaled = errors / start.var(0)
    np.testing.assert_allclose(found["loss"], scaled.mean(), rtol=1e-3)


def test_predictions_go_on_from_an_evaluation(fitted):
    made, found = fitted
    (predicted,) = made.predict(timeseries.predict_continuation_input_fn(found, steps=10))
    times = np.arange(110, 120)
    np.testing.assert_array_equal(predicted["times"], times)
    true = np.stack([np.sin(times / 5), 3 + 2 * np.cos(times / 5)], 1)
    assert ((predicted["mean"] - true) ** 2).mean() < 0.2 * VALUES.var()
    asked = timeseries.predict_continuation_input_fn(found, times=np.arange(110, 113))
    (again,) = made.predict(asked)
    np.testing.assert_allclose(again["mean"], predicted["mean"][:3], rtol=1e-5)
    with pytest.raises(ValueError, match="Exactly one of steps and times"):
        timeseries.predict_continuation_input_fn(found)


def test_statistics_are_those_of_what_was_seen():
    rows = np.array([[30, 31, 32, 34], [10, 11, 12, 13]])
    values = np.arange(8, dtype=np.float32).reshape([2, 4, 1]) ** 2
    made = statistics.InputStatisticsFromMiniBatch(1, tf.float32, 3)
    with tf.Graph().as_default(), open_session() as session:
        kept = made.initialize_graph({"times": tf.constant(rows), "values": tf.constant(values)})
        session.run(tf.global_variables_initializer())
        found = session.run(kept)
        assert [v.op.name for v in tf.trainable_variables()] == []
    start, overall, first, count = found
    np.testing.assert_allclose(start, [[values[1, :3].mean()], [values[1, :3].var()]], rtol=1e-5)
    everything = values.ravel()
    np.testing.assert_allclose(overall, [[everything.mean()], [everything.var(ddof=1)]], rtol=1e-4)
    assert first == 10
    assert count == round((34 - 10) / ((4 / 3 + 3 / 3) / 2)) + 1


class Counting(model.SequentialTimeSeriesModel):
    """Counts the steps, and adds what it is given."""

    def __init__(self, **settings):
        super().__init__(["count"], ["count"], num_features=1, **settings)

    def get_start_state(self):
        return tf.zeros([])

    def _imputation_step(self, current_times, state):
        return state + 1

    def _exogenous_input_step(self, current_times, current_exogenous_regressors, state):
        return state + tf.reduce_sum(current_exogenous_regressors, 1)

    def _prediction_step(self, current_times, state):
        return state, {"count": state}

    def _filtering_step(self, current_times, current_values, state, predictions):
        return state, {"count": state, "loss": state * current_values[:, 0]}


def given(values, times, **more):
    return {"times": tf.constant(times), "values": tf.constant(values), **more}


@pytest.mark.parametrize("unrolled", [None, 5])
def test_steps_one_after_the_other(unrolled):
    column = tf.feature_column.numeric_column("x")
    network = Counting(
        exogenous_feature_columns=[column],
        exogenous_update_condition=lambda times, features: times > 3,
        static_unrolling_window_size_threshold=unrolled,
    )
    values = np.ones([2, 3, 1], np.float32)
    x = np.array([[10, 20, 30], [40, 50, 60]], np.float32)
    with tf.Graph().as_default(), open_session() as session:
        network.initialize_graph()
        features = given(values, np.array([[2, 3, 4], [5, 6, 7]]), x=tf.constant(x))
        outputs = network.get_batch_loss(features, "eval", tf.constant([0.0, 100]))
        counts = [[1, 2, 33], [141, 192, 253]]
        loss, end, count = session.run(
            [outputs.loss, outputs.end_state, outputs.predictions["count"]]
        )
        np.testing.assert_allclose(count, counts)
        np.testing.assert_allclose(end, [33, 253])
        np.testing.assert_allclose(loss, np.mean(counts))
        asked = {"times": tf.constant([[8, 9]]), "start_tuple": tf.constant([7.0])}
        asked["x"] = tf.constant([[1.0, 2]])
        np.testing.assert_allclose(session.run(network.predict(asked)["count"]), [[9, 12]])
        with pytest.raises(ValueError, match="no exogenous_feature_columns"):
            Counting()._process_exogenous_features(features["times"], features)
    with pytest.raises(ValueError, match="Must call initialize_graph"):
        network.predict(asked)


def test_states_are_chained_in_training():
    network, manager = Counting(), managers.ChainingStateManager(state_saving_interval=2)
    values = np.ones([1, 4, 1], np.float32)
    with tf.Graph().as_default(), open_session() as session:
        times = tf.placeholder(tf.int64, [1, 4])
        network.initialize_graph()
        known = statistics.InputStatistics(None, None, tf.constant(0, tf.int64), None)
        manager.initialize_graph(network, known)
        features = {"times": times, "values": tf.constant(values)}
        counts = [manager.define_loss(network, features, mode) for mode in ("train", "eval")]
        trained, evaluated = (one.predictions["count"] for one in counts)
        losses = [one.loss for one in counts]

        def run(mode, start):
            which = ("train", "eval").index(mode)
            fetched = [(trained, evaluated)[which], losses[which]]
            return session.run(fetched, {times: [np.arange(start, start + 4)]})[0].tolist()

        assert run("train", 0) == [[1, 2, 3, 4]]
        assert run("train", 4) == [[5, 6, 7, 8]]  # from the state that was kept for 4
        assert run("train", 2) == [[3, 4, 5, 6]]
        assert run("train", 20) == [[1, 2, 3, 4]]  # of which none is known
        assert run("eval", 4) == [[1, 2, 3, 4]]


def test_readers_and_windows(tmp_path):
    path = tmp_path / "series.csv"
    path.write_text("t,a,b,x\n" + "".join(f"{i},{i / 2},{i * 2},{i}\n" for i in range(9)))
    names = ["times", "values", "values", "x"]
    reader = timeseries.CSVReader(str(path), names, skip_header_lines=1)
    window = timeseries.RandomWindowInputFn(reader, 4, 50, shuffle_seed=1)
    with tf.Graph().as_default(), open_session() as session:
        whole = session.run(reader.read_full())
        assert whole["times"].dtype == np.int64 and whole["values"].shape == (9, 2)
        np.testing.assert_allclose(whole["values"][4], [2, 8])
        features, labels = window.create_batch()
        assert labels is None
        drawn, again = session.run(features), session.run(features)
    starts = drawn["times"][:, 0]
    assert set(starts) == set(range(6))
    np.testing.assert_array_equal(drawn["times"], starts[:, None] + np.arange(4))
    np.testing.assert_allclose(drawn["values"][..., 1], 2 * drawn["times"])
    assert (again["times"] != drawn["times"]).any()
    with pytest.raises(ValueError, match="a window of 10 steps, of a series of 9"):
        timeseries.RandomWindowInputFn(reader, 10, 1)()
    with pytest.raises(ValueError, match="'values' is a required column"):
        timeseries.CSVReader(str(path), ["times", "x"])
    with pytest.raises(ValueError, match="same number of rows"):
        timeseries.NumpyReader({"times": [1, 2], "values": [1]})


def test_features_that_do_not_fit_and_paths(tmp_path):
    made = regressor.TimeSeriesRegressor(Counting(), model_dir=str(tmp_path))
    with pytest.raises(ValueError, match="Expected a 'values' feature"):
        made.train(lambda: ({"times": tf.zeros([1, 2], tf.int64)}, None), steps=1)
    with pytest.raises(ValueError, match="for feature 'values'"):
        features = {"times": tf.zeros([1, 2], tf.int64), "values": tf.zeros([1, 2, 3])}
        made.evaluate(lambda: (features, None), steps=1)
    inside = "contrib.timeseries.python.timeseries"
    assert module_at(f"{inside}.model").served("SequentialTimeSeriesModel")
    assert module_at(f"{inside}.state_management").served("ChainingStateManager")
    assert module_at(inside).served("NumpyReader") is timeseries.NumpyReader
