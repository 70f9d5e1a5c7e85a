"""The table of other shapes: its ratios are of the same rounds, its two sides compute the same."""

import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_near, load, random_array

import bench

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:UserWarning")  # old cells


def test_a_ratio_is_the_median_over_the_rounds():
    from benchmarks.cases import Timed, line

    ours, tf1 = Timed(1.5, [10.0, 40.0, 20.0]), Timed(0.5, [30.0, 40.0, 40.0])
    assert line("x", ours, tf1) == "| x | 20.0 | 40.0 | 2.00 | 1.5 | 0.5 |"


@pytest.mark.parametrize("other", ["--evaluation", "--profile"])
def test_other_shapes_are_asked_for_alone(other, capsys):
    with pytest.raises(SystemExit) as ended:
        bench.main(["--cases", other])
    assert ended.value.code == 2
    assert "give it alone" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.parametrize("name", ["padded", "bidirectional", "peepholes", "tutorial"])
def test_both_sides_of_a_case_compute_the_same(name):
    from benchmarks import cases

    found = []
    for library in (cases.OURS, cases.TF1):
        with tf.Graph().as_default(), tf.Session() as session:
            outputs = getattr(cases, name)(library)
            variables = tf.trainable_variables()
            fetches = [outputs, *tf.gradients(outputs, variables)]
            load(session, {v: random_array(v.op.name, v.shape.as_list(), 0.1) for v in variables})
            found.append(session.run(fetches))
    assert_near(*found, tolerance=1e-4)
