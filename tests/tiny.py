"""The small problems, in sizes that train in a second."""

import dataclasses

import problems

TINY = {
    "sin_cos": {
        "batch_size": 3, "num_steps": 4, "hidden_size": 5, "steps_per_epoch": 4, "epochs": 2,
    },
    "sine": {
        "batch_size": 4, "hidden_size": 5, "window": 3, "sample_gap": 0.3, "train_points": 20,
        "test_points": 6, "steps_per_epoch": 4, "epochs": 2, "learning_rate": 0.05,
    },
    "subtraction": {"bits": 3, "hidden_size": 6, "batch_size": 4, "epochs": 3},
    "digits": {"hidden_size": 16, "batch_size": 200, "epochs": 1},
}  # fmt: skip
SMALL = list(TINY)


def tiny(name, **changes):
    return dataclasses.replace(problems.resolve(name), **{**TINY[name], **changes})
