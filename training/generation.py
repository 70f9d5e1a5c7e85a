"""Networks that are fed what they put out: texts, by loops in the graph, and curves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.beam_search import beam_search
from tf1rnn.sampling import sample
from training.data import PIECE
from training.problem import Model

State = Any  # nest of tensors or of NumPy arrays
Network = Callable[[tf.Tensor, State], tuple[tf.Tensor, State]]
Predict = Callable[[np.ndarray], np.ndarray]  # of a `Predictor`


def fed_back(
    step: Callable[[tf.Tensor, tf.Tensor, State], tuple[tf.Tensor, State]],
    first: tf.Tensor,
    initial_state: State,
    num_steps: int,
) -> tf.Tensor:
    """Adds a loop in which a network is fed what it has put out the step before.

    Args:
        step: a function `(time, inputs, state)` that returns `(outputs, state)`; time is an int32
            scalar, the outputs are like the inputs.
        first: `[batch_size, ...]`, the inputs of the first step.
        initial_state: nest of `[batch_size, ...]`.
        num_steps: how many steps there are.

    Returns:
        The outputs of all steps, `[num_steps, batch_size, ...]`.
    """

    def turn(time: tf.Tensor, inputs: tf.Tensor, state: State, kept: tf.TensorArray) -> tuple:
        outputs, state = step(time, inputs, state)
        return time + 1, outputs, state, kept.write(time, outputs)

    kept = tf.TensorArray(first.dtype, num_steps, element_shape=first.shape)
    start = (tf.constant(0), first, initial_state, kept)
    return tf.while_loop(lambda time, *_: time < num_steps, turn, start)[-1].stack()


def add_drawn_words(
    network: Network, word: tf.Tensor, initial_state: State, seed: tf.Tensor, writing: Any
) -> tf.Tensor:
    """Adds the loop in which a language model writes on with words that are drawn.

    Args:
        network: a function of words, int32 `[batch_size]`, and a state, that returns the logits of
            the next words `[batch_size, vocab_size]` and the next state.
        word: int32 `[1]`, the last word that is given.
        initial_state: nest of `[1, ...]`, the state before that word.
        seed: int32 scalar.
        writing: has `num_samples`, `max_new_tokens`, `temperature`, `top_k` and `top_p`.

    Returns:
        The new words, int32 `[num_samples, max_new_tokens]`. A text does not depend on the number
        of those below it, but for the rounding of the network.
    """

    def draw(time: tf.Tensor, words: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        logits, state = network(words, state)
        top_k = writing.top_k or None
        drawn = sample(logits, writing.temperature, top_k, writing.top_p, tf.stack([seed, time]))
        return drawn, state

    first, state = tf.nest.map_structure(
        lambda x: tf.repeat(x, writing.num_samples, axis=0), (word, initial_state)
    )
    return tf.transpose(fed_back(draw, first, state, writing.max_new_tokens))


def add_found_words(
    network: Network, word: tf.Tensor, initial_state: State, writing: Any
) -> tf.Tensor:
    """Adds the search for the likeliest texts that a language model could write on with.

    Args:
        network, word, initial_state: as of `add_drawn_words`.
        writing: has `num_samples`, `max_new_tokens` and `beam`.

    Returns:
        The new words, int32 `[num_samples, max_new_tokens]`, the likeliest text first; fewer texts
        where there are no more.
    """
    beams = beam_search(network, initial_state, word, None, writing.beam, writing.max_new_tokens)
    possible = beams.log_probs[0, : writing.num_samples] > float("-inf")
    return tf.boolean_mask(beams.ids[0, : writing.num_samples], possible)


class Walk:
    """`walk(array) -> final_state` of a model that is fed one of its inputs, in pieces.

    The array is `[batch_size, num_steps]`; PIECE steps are walked at once. zero_state: the model's
    initial state as it is where nothing is fed.
    """

    def __init__(self, session: tf.Session, model: Model, name: str):
        feeds = [model.inputs[name], *tf.nest.flatten(model.initial_state)]
        self._call = session.make_callable(model.final_state, feed_list=feeds)
        self.zero_state = session.run(model.initial_state)

    def __call__(self, array: np.ndarray) -> list[np.ndarray]:
        """The parts of the state behind the array, which is walked from `zero_state`."""
        state = self.zero_state
        for first in range(0, array.shape[1], PIECE):
            state = self._call(array[:, first : first + PIECE], *tf.nest.flatten(state))
        return tf.nest.flatten(state)


class Predictor:
    """`predict(inputs) -> predictions` of a model whose `inputs` and `predictions` are points.

    Where the model carries a state, each call starts from the final state of the one before.
    """

    def __init__(self, session: tf.Session, model: Model):
        feeds = [model.inputs["inputs"], *tf.nest.flatten(model.initial_state)]
        fetches = [model.predictions, model.final_state]
        self._call = session.make_callable(fetches, feed_list=feeds)
        self._state = () if model.initial_state == () else session.run(model.initial_state)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """The predictions of the inputs, both as the model has them."""
        predictions, self._state = self._call(inputs, *tf.nest.flatten(self._state))
        return predictions


class Continued(NamedTuple):
    """A curve that goes on by itself; all arrays `[points]`.

    x: where the points are. target: where the curve should be. prediction: where the model has it.
    given: of how many points, the first, the model was given what it is fed. xlabel: what x is.
    """

    x: np.ndarray
    target: np.ndarray
    prediction: np.ndarray
    given: int
    xlabel: str
