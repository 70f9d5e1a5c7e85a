"""Damaged checkpoints: the one before is used, or one line says why not.

DAMAGES, of the environment: how many runs with damaged checkpoints are resumed.
"""

import collections
import random
import shutil
import signal

import lives
import pytest

pytestmark = pytest.mark.long

DAMAGES = lives.count("DAMAGES", 6)


@pytest.fixture(scope="module")
def stopped(server, whole_ptb, tmp_path_factory):
    """A run stopped in its third epoch: the best checkpoint and the two newest are three."""
    trial = lives.Trial(server, tmp_path_factory.mktemp("stopped"), whole_ptb.fields)
    in_epoch = whole_ptb.outcome["metrics"][0]["step"]
    life = trial.live(faults=[("signal_at_step", 2 * in_epoch + 7, signal.SIGTERM)])
    assert life.status == 128 + signal.SIGTERM, life
    assert len(list((trial.path / "checkpoints").iterdir())) == 3
    return trial.path


def damage(path, generator):
    """Cuts a file off, or flips one to three of its bits."""
    data = bytearray(path.read_bytes())
    if generator.random() < 0.4:
        del data[generator.randrange(len(data)) :]
    else:
        for _ in range(generator.randint(1, 3)):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    path.write_bytes(data)


@pytest.mark.parametrize("problem", ["ptb"])
def test_a_run_with_damaged_checkpoints_ends_as_ever_or_is_refused(
    server, whole_ptb, stopped, tmp_path, problem
):
    tally = collections.Counter()
    for number in range(DAMAGES):
        generator = random.Random(number)
        trial = lives.Trial(server, tmp_path / str(number), whole_ptb.fields)
        shutil.copytree(stopped, trial.path)
        checkpoints = sorted((trial.path / "checkpoints").iterdir())
        before = {path: path.read_bytes() for path in trial.path.rglob("*") if path.is_file()}
        hit = generator.sample(checkpoints, generator.choice((1, 1, 1, 2, 3)))
        for checkpoint in hit:
            for path in generator.sample(sorted(checkpoint.iterdir()), generator.choice((1, 1, 2))):
                damage(path, generator)
        hurt = {p.parent for p, content in before.items() if p.read_bytes() != content}
        life = trial.live()
        newest = max(set(checkpoints) - hurt, default=None)
        tally[check(life, trial, whole_ptb, hurt, newest)] += 1
    print(f"\n{dict(tally)}")
    assert tally.total() == DAMAGES


def check(life, trial, whole, hurt, newest):
    """Whether a life did what it must, and what that was."""
    for checkpoint in hurt:
        if newest is None or checkpoint > newest:
            assert f"warning: {checkpoint} is damaged" in life.out
    if life.status == 0:
        assert lives.outcome(trial.path) == whole.outcome, life
        assert newest is None or f"going on from step {int(newest.name[5:]):,}" in life.out
        return "went on from the newest whole one" if newest else "began anew"
    best = next(checkpoint for checkpoint in hurt if str(checkpoint) in life.err)
    assert "is damaged" in lives.refusal(life)
    assert newest is not None and best < newest, "only a damaged best is refused"
    return "refused: the best one is damaged"
