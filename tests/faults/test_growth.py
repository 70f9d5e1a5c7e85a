"""Memory, open files and threads do not grow while a training goes on.

EPOCHS, of the environment: how long it goes on.
"""

import lives
import numpy as np
import pytest
from scipy import stats

pytestmark = pytest.mark.long

EPOCHS = lives.count("EPOCHS", 16)
LEAKING = 8  # more epochs, which show that a leak would be seen
BOUND = 200_000  # bytes of memory an epoch


def growth(resident):
    """Bytes an epoch more, in the later half of the epochs: before, there are caches to be filled.

    The middle half of the differences count: the allocator sometimes takes or gives back megabytes
    at once, a leak shows in most epochs.
    """
    return stats.trim_mean(np.diff(resident[len(resident) // 2 :]), 0.25)


def test_nothing_grows_over_many_steps_checkpoints_and_pictures(server, whole_ptb, tmp_path):
    trial = lives.Trial(server, tmp_path, whole_ptb.fields | {"epochs": EPOCHS + LEAKING})
    life = trial.live(faults=[("measure", str(tmp_path / "figures"), 10 * BOUND, EPOCHS)])
    assert life.status == 0, life
    figures = np.loadtxt(tmp_path / "figures", dtype=np.int64)
    resident, files, threads = figures[:EPOCHS].T
    steps = lives.outcome(trial.path)["metrics"][EPOCHS - 1]["step"]
    print(f"\n{EPOCHS} epochs, {steps} steps: {growth(resident):,.0f} bytes an epoch more")
    for epoch in (EPOCHS // 2, EPOCHS):
        size, open_files, running = figures[epoch - 1]
        print(f"epoch {epoch}: {size:,} bytes, {open_files} open files, {running} threads")
    assert growth(resident) < BOUND
    assert growth(figures[EPOCHS:, 0]) > BOUND, "a leak would be seen"
    assert set(files[2:]) == {files[2]}
    assert max(threads[2:]) == threads[2]
