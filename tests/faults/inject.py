"""What is done to a life from within: counted calls, full disks, signals, bad numbers."""

import gc
import multiprocessing
import os
import resource
import signal
import sys
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf

CHANGES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir")


def shared_counter():
    """A number that a life counts in and its parent reads."""
    return multiprocessing.RawValue("q", 0)


def count_calls(counter, folder, kill_at):
    """Counts the calls that open or change what lies below `folder`; dies at number `kill_at`."""

    def hook(event, arguments):
        if event in CHANGES and str(arguments[0]).startswith(folder):
            counter.value += 1
            if counter.value == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def before(owner, name, action, nth=1):
    """Has `action()` done just before the nth call of a method or function."""
    original, calls = getattr(owner, name), 0

    def wrapped(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == nth:
            action()
        return original(*arguments, **options)

    setattr(owner, name, wrapped)


def fill_disk():
    """From now on no file of this process can grow, as on a full disk: EFBIG, not ENOSPC."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))


def full_disk_at(name, nth=1):
    """The disk is full when the file or folder `name` is made for the nth time."""
    from training import checkpoint, files, run

    original, calls = files.atomic_path, 0

    def atomic_path(path):
        nonlocal calls
        calls += Path(path).name.startswith(name)
        if calls == nth:
            fill_disk()
        return original(path)

    for module in (files, checkpoint, run):
        module.atomic_path = atomic_path


def full_disk_at_events(nth):
    """The disk is full when TensorBoard's file gets its nth curves' points; 0: when it is made."""
    from training.events import Events

    before(Events, "scalars" if nth else "__init__", fill_disk, nth or 1)


def signal_while_scoring(nth, number):
    """A signal comes in the first step of the nth walk through a split."""
    from training import loop

    original, calls = loop.mean_score, 0

    def mean_score(session, model, reader, on_step):
        nonlocal calls
        calls += 1

        def step():
            if calls == nth:
                os.kill(os.getpid(), number)
            on_step()

        return original(session, model, reader, step)

    loop.mean_score = mean_score


def signal_at_step(step, number):
    """A signal comes in a training step, counted from 1 in this life."""
    from training.loop import Training

    before(Training, "set_learning_rate", lambda: os.kill(os.getpid(), number), step)


def signal_after_steps(steps, number):
    """A signal comes after so many training steps of this life, when they have been shown."""
    from training.loop import Training

    before(Training, "save_if_due", lambda: os.kill(os.getpid(), number), steps)


def little_memory(room):
    """The machine says that it has so many bytes of memory left."""
    from training import memory

    memory.available = lambda: room


def second_signal_in_save(step, number):
    """A signal comes in a step, and another while the checkpoint is being written for it."""
    from training import checkpoint

    def again():
        before(checkpoint, "_sum_line", lambda: os.kill(os.getpid(), number), 2)
        os.kill(os.getpid(), number)

    from training.loop import Training

    before(Training, "set_learning_rate", again, step)


def kill_before_pruning(step):
    """A kill comes when the checkpoint of a step is whole, and the old ones are still there."""
    from training.checkpoint import Checkpoints

    original = Checkpoints.prune

    def prune(self, best_step):
        if self.has(step):
            os.kill(os.getpid(), signal.SIGKILL)
        original(self, best_step)

    Checkpoints.prune = prune


def bad_state_at_step(step):
    """The RNN state that a step starts from is NaN, so that its cost is. Counted in the run."""
    from training.loop import Training

    set_learning_rate, save_if_due, kept = Training.set_learning_rate, Training.save_if_due, []

    def spoil(self):
        if self.progress.step + 1 == step:
            kept.append(self.final_state)
            self.final_state = tf.nest.map_structure(lambda array: array * np.nan, kept[0])
        set_learning_rate(self)

    def mend(self):
        if self.progress.step == step:
            self.final_state = kept.pop()
        save_if_due(self)

    Training.set_learning_rate, Training.save_if_due = spoil, mend


def bad_weights_after_step(step):
    """An update has made a weight infinite, though cost and gradients were finite."""
    from training.loop import Training

    original = Training.save_if_due

    def save_if_due(self):
        if self.progress.step == step:
            with self.graph.graph.as_default():
                weights = tf.trainable_variables("Model/softmax/softmax_b")[0]
            weights.load(np.full(weights.shape, np.inf, np.float32), self.session)
        original(self)

    Training.save_if_due = save_if_due


def measure(path, leak, first):
    """Writes, for every epoch, the bytes resident, the open files and the threads.

    From the epoch `first` on, so many bytes leak in each.
    """
    import train

    original, kept = train.close_epoch, []

    def close_epoch(training):
        original(training)
        if training.progress.epoch >= first:
            kept.append(np.ones(leak, np.uint8))
        gc.collect()  # pictures are garbage that waits for it
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        counts = [len([*Path("/proc/self", what).iterdir()]) for what in ("fd", "task")]
        with Path(path).open("a") as file:
            print(pages * resource.getpagesize(), *counts, file=file)

    train.close_epoch = close_epoch


FAULTS = {
    function.__name__: function
    for function in (
        full_disk_at,
        full_disk_at_events,
        signal_while_scoring,
        signal_at_step,
        signal_after_steps,
        little_memory,
        second_signal_in_save,
        kill_before_pruning,
        bad_state_at_step,
        bad_weights_after_step,
        measure,
    )
}


def arm(name, *arguments):
    """Prepares a fault by its name."""
    FAULTS[name](*arguments)
