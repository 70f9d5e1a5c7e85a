"""Encoder-decoder of 2018 with tf.data, Luong attention and beam search: doubles strings of digits."""
import numpy as np
import tensorflow as tf

VOCAB_SIZE = 8
SOS, EOS = 6, 7
UNITS = 48
BEAM_WIDTH = 4
LENGTH = 3


def generate():
    rng = np.random.RandomState(3)
    while True:
        digits = rng.randint(0, 6, size=LENGTH)
        yield digits.astype(np.int32), np.repeat(digits, 2).astype(np.int32)


def input_fn(batch_size):
    dataset = tf.data.Dataset.from_generator(
        generate, (tf.int32, tf.int32), ([LENGTH], [2 * LENGTH]))
    dataset = dataset.map(lambda source, target: {
        'source': source,
        'target_in': tf.concat([[SOS], target], 0),
        'target_out': tf.concat([target, [EOS]], 0),
    })
    return dataset.batch(batch_size).prefetch(1).make_one_shot_iterator().get_next()


def encode(source, embedding):
    with tf.variable_scope('encoder'):
        cell = tf.nn.rnn_cell.LSTMCell(UNITS)
        return tf.nn.dynamic_rnn(cell, tf.nn.embedding_lookup(embedding, source), dtype=tf.float32)


def attention_cell(memory, lengths):
    mechanism = tf.contrib.seq2seq.LuongAttention(
        UNITS, memory, memory_sequence_length=lengths, scale=True)
    return tf.contrib.seq2seq.AttentionWrapper(
        tf.nn.rnn_cell.LSTMCell(UNITS), mechanism, attention_layer_size=UNITS,
        alignment_history=True)


def model_fn(features, training, batch_size):
    embedding = tf.get_variable('embedding', [VOCAB_SIZE, UNITS])
    projection = tf.layers.Dense(VOCAB_SIZE, use_bias=False, name='projection')
    outputs, state = encode(features['source'], embedding)
    lengths = tf.fill([batch_size], LENGTH)
    if not training:
        outputs, state, lengths = tf.contrib.seq2seq.tile_batch(
            (outputs, state, lengths), multiplier=BEAM_WIDTH)
    with tf.variable_scope('decoder'):
        cell = attention_cell(outputs, lengths)
        rows = batch_size if training else batch_size * BEAM_WIDTH
        initial_state = cell.zero_state(rows, tf.float32).clone(cell_state=state)
        if training:
            helper = tf.contrib.seq2seq.TrainingHelper(
                tf.nn.embedding_lookup(embedding, features['target_in']),
                tf.fill([batch_size], 2 * LENGTH + 1))
            decoder = tf.contrib.seq2seq.BasicDecoder(cell, helper, initial_state, projection)
            logits = tf.contrib.seq2seq.dynamic_decode(decoder)[0].rnn_output
            loss = tf.contrib.seq2seq.sequence_loss(
                logits, features['target_out'], tf.ones_like(features['target_out'], tf.float32))
            return tf.train.AdamOptimizer(0.01).minimize(loss), loss
        decoder = tf.contrib.seq2seq.BeamSearchDecoder(
            cell, embedding, tf.fill([batch_size], SOS), EOS, initial_state, BEAM_WIDTH,
            output_layer=projection, length_penalty_weight=0.6)
        final, final_state, _ = tf.contrib.seq2seq.dynamic_decode(
            decoder, maximum_iterations=2 * LENGTH + 2)
        return final.predicted_ids, final_state.cell_state.alignment_history


def main():
    tf.set_random_seed(2)
    features = input_fn(32)
    with tf.variable_scope('model'):
        train_op, loss = model_fn(features, True, 32)
    with tf.variable_scope('model', reuse=True):
        predicted_ids, alignments = model_fn(features, False, 32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(120):
            _, value = sess.run([train_op, loss])
            if step % 40 == 0:
                print('step %d loss %.3f' % (step, value))
        target, beams, history = sess.run([features['target_out'], predicted_ids, alignments])
    best = beams[:, :target.shape[1], 0]
    right = np.mean(np.all(best == target, axis=1))
    assert right > 0.8, right
    assert history.shape[1:] == (32 * BEAM_WIDTH, LENGTH)
    print('%.0f %% of the strings doubled by the best of %d beams' % (100 * right, BEAM_WIDTH))


if __name__ == '__main__':
    main()
