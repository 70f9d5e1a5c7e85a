"""`tf.contrib.predictor`: what a SavedModel answers is what its graph computes."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import predictor


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of x y in two signatures, under the tags serve, and serve with fast."""
    path = str(tmp_path_factory.mktemp("saved") / "model")
    with tf.Graph().as_default(), open_session() as session:
        x, y = (tf.placeholder(tf.float32, [2], name=name) for name in "xy")
        weight = tf.get_variable("weight", initializer=3.0, use_resource=True)
        session.run(tf.global_variables_initializer())
        signature = tf.saved_model.signature_def_utils.predict_signature_def
        signatures = {
            "serving_default": signature({"a": x, "b": y}, {"product": weight * x * y}),
            "sum": signature({"a": x, "b": y}, {"sum": tf.add(x, y, name="total")}),
        }
        builder = tf.saved_model.builder.SavedModelBuilder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.add_meta_graph(["serve", "fast"], {"sum": signatures["sum"]})
        builder.save()
    return path


def test_it_is_found_where_it_stood():
    served = module_at("contrib.predictor").served("from_saved_model")
    assert served is predictor.from_saved_model


FED = {"a": np.array([1, 2], np.float32), "b": np.array([4, 8], np.float32)}


def test_all_ways_to_say_what_goes_in_and_out(folder):
    for options, expected in [
        ({}, {"product": [12, 48]}),
        ({"signature_def_key": "sum"}, {"sum": [5, 10]}),
        ({"signature_def_key": "sum", "tags": "serve,fast"}, {"sum": [5, 10]}),
        (
            {"input_names": {"a": "x:0", "b": "y:0"}, "output_names": {"c": "total:0"}},
            {"c": [5, 10]},
        ),
    ]:
        predict = predictor.from_saved_model(folder, **options)
        found = predict(FED)
        assert {name: array.tolist() for name, array in found.items()} == expected
        predict.session.close()


def test_a_graph_of_ones_own_and_its_session(folder):
    graph = tf.Graph()
    predict = predictor.from_saved_model(folder, graph=graph)
    assert predict.graph is graph is predict.session.graph
    assert predict.feed_tensors["a"] is graph.get_tensor_by_name("x:0")
    with predict.session:
        assert predict(FED)["product"].tolist() == [12, 48]


def test_what_cannot_be_meant_is_refused(folder):
    with pytest.raises(ValueError, match=r'"mean"\. Available .*serving_default.*sum'):
        predictor.from_saved_model(folder, signature_def_key="mean")
    with pytest.raises(ValueError, match="Only one of"):
        predictor.from_saved_model(folder, "sum", input_names={"a": "x:0"})
    with pytest.raises(ValueError, match="must both be"):
        predictor.from_saved_model(folder, input_names={"a": "x:0"})
    predict = predictor.from_saved_model(folder)
    with predict.session, pytest.raises(ValueError, match=r"unexpected key .* z\. Expected"):
        predict({**FED, "z": 1})
