"""Bad numbers: the run stops or goes on without them, and goes on exactly after that, too."""

import signal

import lives
import pytest

pytestmark = pytest.mark.long

BAD = 20  # the step whose cost is NaN


@pytest.mark.parametrize("on_nan", ["skip", "halve_lr"])
def test_a_run_that_bad_numbers_stopped_goes_on_like_one_that_left_them_out(
    server, whole_ptb, tmp_path, on_nan
):
    bad, option = ("bad_state_at_step", BAD), ("--on_nan", on_nan)
    straight = lives.Trial(server, tmp_path / "straight", whole_ptb.fields)
    life = straight.live(*option, faults=[bad])
    assert life.status == 0, life
    assert f"warning: step {BAD} left out: cost and" in life.out

    stopped = lives.Trial(server, tmp_path / "stopped", whole_ptb.fields)
    life = stopped.live(faults=[bad])
    assert life.status == 1, life
    again = f"python train.py --resume {stopped.path} --on_nan halve_lr"
    last = life.out.splitlines()[-1]
    assert last.startswith(f"stopped: step {BAD}: cost and ")
    assert last.endswith(f"is not finite; what came before is saved: {again}")
    # Now past the bad step, stopped again, and on: the rate stays what it has become.
    life = stopped.live(*option, faults=[bad, ("signal_at_step", 8, signal.SIGTERM)])
    assert life.status == 128 + signal.SIGTERM, life
    stopped.finish()
    result = lives.outcome(stopped.path)
    assert result == lives.outcome(straight.path)
    rates = [now["learning_rate"] for now in result["metrics"]]
    usual = [then["learning_rate"] for then in whole_ptb.outcome["metrics"]]
    factor = 0.5 if on_nan == "halve_lr" else 1
    assert rates == pytest.approx([usual[0], *(factor * rate for rate in usual[1:])], rel=1e-6)


@pytest.mark.parametrize(("step", "kept"), [(3, 0), (9, 6)])
def test_weights_that_are_not_finite_are_never_saved(server, whole_ptb, tmp_path, step, kept):
    """They would be after these steps, and the checkpoint before would be pruned in the end."""
    trial = lives.Trial(server, tmp_path, whole_ptb.fields)
    life = trial.live("--on_nan", "skip", faults=[("bad_weights_after_step", step)])
    assert life.status == 1, life
    last = life.out.splitlines()[-1]
    assert last.startswith(f"stopped: step {step}: Model/softmax/softmax_b is not finite; ")
    assert ("what came before is saved" if kept else "nothing is saved yet") in last
    finished = trial.finish()
    assert not kept or f"going on from step {kept}" in finished.out
    assert lives.outcome(trial.path) == whole_ptb.outcome
