"""A checkpoint gives back every bit, and only to the graph it fits."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from checkpoint_network import FILES, Network, assert_is, names, save
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from training import checkpoint
from training.checkpoint import CheckpointError, Checkpoints


@pytest.fixture(scope="module")
def network():
    network = Network()
    yield network
    network.session.close()


@pytest.fixture(scope="module")
def two(network, tmp_path_factory):
    """A folder with the checkpoints of steps 1 and 2, and the values of both."""
    folder = tmp_path_factory.mktemp("two")
    return folder, {step: save(network, Checkpoints(folder), step)[1] for step in (1, 2)}


def test_every_variable_and_slot_comes_back_bit_for_bit(network, tmp_path):
    path, bits = save(network, Checkpoints(tmp_path), 12345)
    assert len(bits) == 2 + 4 + 2 + 1  # weights, Adam's slots and powers, the step
    assert path == tmp_path / "step-0000012345"
    assert names(path) == FILES
    assert_is(Checkpoints(tmp_path).newest(), network, 12345, bits)


def test_sha256sum_agrees(network, tmp_path):
    path, _ = save(network, Checkpoints(tmp_path), 1)
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum on this machine")
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    checked = subprocess.run(command, cwd=path, capture_output=True, text=True, check=True)
    assert sorted(checked.stdout.split(": OK\n")) == sorted(["", *FILES[1:]])


@settings(max_examples=15, deadline=None)
@given(
    progress=st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
        max_size=4,
    ),
    arrays=st.dictionaries(
        st.sampled_from(["file", "state/0/c", "state/0/h", "é", "../x", "a.npy"]),
        arrays_of.arrays(
            arrays_of.scalar_dtypes().filter(lambda dtype: dtype.kind not in "mM"),
            arrays_of.array_shapes(min_dims=0, max_side=4),
        ),
    ),
)
def test_progress_and_arrays_come_back_exactly(network, tmp_path_factory, progress, arrays):
    checkpoints = Checkpoints(tmp_path_factory.mktemp("run"))
    save(network, checkpoints, 3, progress, arrays)
    read = checkpoints.newest()
    assert read.progress == progress
    assert set(read.arrays) == set(arrays)
    for name, array in arrays.items():
        assert read.arrays[name].dtype == array.dtype
        assert read.arrays[name].shape == array.shape
        assert read.arrays[name].tobytes() == array.tobytes()


def test_numpy_reads_the_arrays(network, tmp_path):
    path, _ = save(network, Checkpoints(tmp_path), 1, arrays={"c": np.arange(3), "h": np.eye(2)})
    with np.load(path / "arrays.npz", allow_pickle=False) as read:
        assert set(read) == {"c", "h"}
        np.testing.assert_array_equal(read["h"], np.eye(2))


@pytest.mark.parametrize(
    ("progress", "arrays"),
    [
        ({"path": Path()}, {}),
        ({}, {"objects": np.array([None])}),
        ({}, {"bfloat16": np.zeros(2, tf.bfloat16.as_numpy_dtype)}),
        ({"text": "x" * (1 << 24)}, {}),
    ],
    ids=["no JSON", "objects", "a dtype that .npz would lose", "too large"],
)
def test_what_cannot_be_stored_is_refused_before_anything_is_written(
    network, tmp_path, progress, arrays
):
    with pytest.raises((TypeError, ValueError)):
        save(network, Checkpoints(tmp_path / "run"), 1, progress, arrays)
    assert not (tmp_path / "run").exists()


def test_an_empty_or_missing_folder_has_no_checkpoint(tmp_path):
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".tmp-01234567-step-0000000001").mkdir()
    for folder in (tmp_path, tmp_path / "none"):
        assert Checkpoints(folder).newest() is None
        with pytest.raises(CheckpointError, match="no checkpoint of step 1"):
            Checkpoints(folder).at(1)


def test_any_step_can_be_read_and_the_highest_number_is_the_newest(network, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    bits = {step: save(network, checkpoints, step)[1] for step in (10**10, 9, 10**10 - 1)}
    for step in bits:
        assert_is(checkpoints.at(step), network, step, bits[step])
    assert checkpoints.newest().step == 10**10


def test_a_second_checkpoint_of_a_step_takes_the_place_of_the_first(network, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for epoch in range(12):
        save(network, checkpoints, 7, {"epoch": epoch})
        assert len(names(tmp_path)) == 1
        assert checkpoints.newest().progress == checkpoints.at(7).progress == {"epoch": epoch}


def test_a_kill_before_the_first_of_a_step_is_removed_leaves_the_second(
    network, tmp_path, monkeypatch
):
    checkpoints = Checkpoints(tmp_path)
    monkeypatch.setattr(checkpoint, "remove_folder", lambda _: None)
    for epoch in range(12):
        save(network, checkpoints, 7, {"epoch": epoch})
        assert checkpoints.newest().progress == checkpoints.at(7).progress == {"epoch": epoch}
    monkeypatch.undo()
    _, bits = save(network, checkpoints, 7)
    assert len(names(tmp_path)) == 1
    assert_is(checkpoints.newest(), network, 7, bits)


def test_pruning_keeps_the_newest_and_the_best(network, tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3, 4, 5):
        save(network, checkpoints, step)
    checkpoints.prune(best_step=2)
    assert names(tmp_path) == [f"step-000000000{step}" for step in (2, 4, 5)]
    checkpoints.prune(best_step=None)
    assert names(tmp_path) == [f"step-000000000{step}" for step in (4, 5)]


def test_pruning_does_not_count_the_damaged(network, tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2, warn=lambda _: None)
    for step in (1, 2, 3, 4, 5):
        save(network, checkpoints, step)
    for step in (4, 5):
        (tmp_path / f"step-000000000{step}" / "variables.index").unlink()
    assert checkpoints.newest().step == 3
    checkpoints.prune(best_step=None)
    assert names(tmp_path) == ["step-0000000002", "step-0000000003"]


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"kernel_shape": (5, 9)}, r"kernel is \[5, 8\] there and \[5, 9\] here; kernel/Adam is"),
        ({"kernel_shape": (8, 5)}, r"kernel is \[5, 8\] there and \[8, 5\] here"),
        ({"names": ("kernel", "b")}, "b not found in checkpoint"),
        ({"dtype": tf.bfloat16}, "kernel.* bfloat16 does not equal original dtype float"),
    ],
    ids=["shape", "transposed", "name", "dtype"],
)
def test_a_checkpoint_of_another_graph_is_refused_and_changes_nothing(two, other, reason):
    network = Network(**other)
    before = network.draw(0)
    with pytest.raises(CheckpointError, match=f"step-0000000002: .*{reason}") as caught:
        Checkpoints(two[0]).newest().restore(network.session, network.saver)
    assert "\n" not in str(caught.value)
    assert network.bits() == before
    network.session.close()


def test_a_saver_may_read_some_variables_and_under_other_names(network, two):
    with tf.Graph().as_default() as graph:
        weights = tf.get_variable("weights", [5, 8], use_resource=True)
        saver = tf.train.Saver({"kernel": weights})
        graph.finalize()
        with tf.Session() as session:
            Checkpoints(two[0]).newest().restore(session, saver)
            assert session.run(weights).tobytes() == two[1][2]["kernel:0"]


def test_a_folder_with_wildcards_in_its_name_works(network, tmp_path):
    folder = tmp_path / "run [1]*?\\"
    _, bits = save(network, Checkpoints(folder), 1)
    assert_is(Checkpoints(folder).newest(), network, 1, bits)


def test_a_checkpoint_of_plain_tensorflow_1_code_has_the_same_variables(network, two, tmp_path):
    prefix = str(two[0] / "step-0000000002" / "variables")
    with network.graph.as_default():
        network.draw(0)
        network.saver.restore(network.session, prefix)
    assert network.bits() == two[1][2]
