"""SIGINT and SIGTERM at any stage: what was done is saved, and the run goes on exactly."""

import signal

import lives
import pytest

pytestmark = pytest.mark.long

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
# The stage, the fault that sends a signal there, counted in the life that it ends, and the signal.
STAGES = [
    ("the first step", ("signal_at_step", 1), signal.SIGINT),
    ("training", ("signal_at_step", 4), signal.SIGTERM),
    ("a validation", ("signal_while_scoring", 1), signal.SIGINT),
    ("the same validation", ("signal_while_scoring", 1), signal.SIGTERM),
    ("the next validation", ("signal_while_scoring", 2), signal.SIGTERM),
    ("the test of the last", ("signal_while_scoring", 2), signal.SIGINT),
    ("the test of the best", ("signal_while_scoring", 2), signal.SIGTERM),
]


def test_a_run_stopped_at_every_stage_ends_as_the_one_that_was_not(server, whole_ptb, tmp_path):
    """One run, whose lives are stopped one after the other, each further on than the one before."""
    result = whole_ptb.outcome["result"]
    assert result["best_epoch"] < result["epochs"], "else there is no test of the best"
    trial = lives.Trial(server, tmp_path, whole_ptb.fields)
    for where, fault, number in STAGES:
        life = trial.live(faults=[(*fault, number)])
        assert (life.status, life.err) == (STATUS[number], ""), where
        last = life.out.splitlines()[-1]
        assert last == f"stopped and saved; go on with: python train.py --resume {trial.path}"
        assert not lives.damaged(trial.path), where
    trial.finish()
    assert lives.outcome(trial.path) == whole_ptb.outcome


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once_and_damages_nothing(server, whole_ptb, tmp_path, number):
    """It comes while the checkpoint is written that the first one asked for."""
    trial = lives.Trial(server, tmp_path, whole_ptb.fields)
    life = trial.live(faults=[("second_signal_in_save", 8, number)])
    assert life.status == -number, life
    assert lives.leftovers(trial.path), "it was in the midst of writing"
    assert not lives.damaged(trial.path)
    finished = trial.finish()
    assert "going on from step 6" in finished.out
    assert lives.outcome(trial.path) == whole_ptb.outcome
