"""Digits: the images and their splits, and the picture of what is taken for what."""

import sys

import numpy as np
import pytest

from problems.digits import DigitsConfig, draw_confusion, read
from training.data import DataError


def test_a_fifth_of_the_digits_is_held_out():
    data = read(DigitsConfig(batch_size=32, seed=0))
    images = {name: getattr(data, name).arrays["inputs"] for name in ("train", "valid", "test")}
    sizes = [len(images[name]) for name in ("train", "valid", "test")]
    assert sum(sizes) == 1797
    assert sizes[2] == 1797 // 5
    everything = np.concatenate(list(images.values()))
    assert everything.shape[1:] == (8, 8)
    assert (everything.min(), everything.max()) == (0, 1)
    distinct = len(np.unique(everything.reshape(len(everything), -1), axis=0))
    assert distinct == 1797, "no image is in two splits"
    labels = np.concatenate([getattr(data, name).arrays["targets"] for name in images])
    assert np.bincount(labels).min() > 170, "ten classes, about equally many"


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match="pip install scikit-learn"):
        read(DigitsConfig(batch_size=32, seed=0))


def test_a_confusion_matrix_has_labels_down_and_predictions_across():
    counts = np.array([[5, 2], [0, 7]])
    (axes,) = draw_confusion("a title", counts, ["no", "yes"]).axes
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    assert shown == {(0, 0): "5", (1, 0): "2", (1, 1): "7"}, "(prediction, label): count"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("prediction", "label")
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["no", "yes"]
