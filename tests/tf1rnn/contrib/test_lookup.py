"""`tf.contrib.lookup`: tables between words and ids, against dicts and TensorFlow's own hashes."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.contrib import lookup

WORDS = ["brain", "salad", "surgery"]


def run(fetches):
    with open_session() as session:
        session.run(tf.tables_initializer())
        return session.run(fetches)


@pytest.fixture
def vocabulary(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\n".join(WORDS) + "\n")
    return str(path)


@pytest.mark.parametrize("from_file", [False, True])
def test_words_have_the_numbers_of_their_places(graph, vocabulary, from_file):
    if from_file:
        ids = lookup.index_table_from_file(vocabulary, default_value=-7)
        words = lookup.index_to_string_table_from_file(vocabulary, default_value="?")
    else:
        ids = lookup.index_table_from_tensor(tf.constant(WORDS), default_value=-7)
        words = lookup.index_to_string_table_from_tensor(WORDS, default_value="?")
    asked = tf.constant([["salad", "tarkus"], ["surgery", "brain"]])
    sparse = tf.SparseTensor([[0, 1], [1, 0]], ["brain", "no"], [2, 2])
    numbers = tf.constant([2, 9, 0], tf.int64)
    fetched = run([ids.lookup(asked), ids.lookup(sparse), words.lookup(numbers), ids.size()])
    assert fetched[0].tolist() == [[1, -7], [2, 0]]
    assert fetched[1].values.tolist() == [0, -7] and fetched[1].indices.tolist() == [[0, 1], [1, 0]]
    assert fetched[2].tolist() == [b"surgery", b"?", b"brain"]
    assert fetched[3] == 3


@pytest.mark.parametrize("spec", [lookup.FastHashSpec, lookup.StrongHashSpec([3, 5])])
def test_other_words_have_ids_by_their_hash(graph, vocabulary, spec):
    asked = tf.constant(["salad", "tank", "tarkus", "toccata"])
    if spec.hasher == "fasthash":
        hashes = tf.strings.to_hash_bucket_fast(asked, 5)
    else:
        hashes = tf.strings.to_hash_bucket_strong(asked, 5, [3, 5])
    table = lookup.index_table_from_file(vocabulary, num_oov_buckets=5, hasher_spec=spec)
    alone = lookup.IdTableWithHashBuckets(None, 5, spec)
    found, by_hash, hashes, size = run(
        [table.lookup(asked), alone.lookup(asked), hashes, table.size()]
    )
    assert found.tolist() == [1, *(hashes[1:] + 3)]
    assert by_hash.tolist() == hashes.tolist()
    assert size == 8 and alone.key_dtype == tf.string


def test_keys_may_be_integers(graph):
    plain = lookup.index_table_from_tensor([42, 1, -100], dtype=tf.int64)
    small = lookup.index_table_from_tensor([42, 1], num_oov_buckets=1, dtype=tf.int32)
    found = run([plain.lookup(tf.constant([1, 5], tf.int64)), small.lookup(tf.constant([1, 5]))])
    assert [ids.tolist() for ids in found] == [[1, -1], [1, 2]]


def test_a_table_knows_the_first_lines_and_single_columns(graph, tmp_path):
    path = tmp_path / "columns.tsv"
    path.write_text("a\t10\nb\t20\nc\t30\n")
    few = lookup.index_table_from_file(
        str(path), vocab_size=2, key_column_index=0, value_column_index=1
    )
    letters = lookup.index_to_string_table_from_file(str(path), value_column_index=0)
    asked = tf.constant(["b", "c"])
    ids, words = run([few.lookup(asked), letters.lookup(tf.constant([2], tf.int64))])
    assert ids.tolist() == [20, -1] and words.tolist() == [b"c"]


def test_the_oldest_names_look_up_at_once(graph):
    ids = lookup.string_to_index(tf.constant(["salad", "no"]), WORDS)
    words = lookup.index_to_string(tf.constant([2, 5], tf.int64), WORDS)
    same = lookup.string_to_index_table_from_tensor(WORDS, 1).lookup(tf.constant(["no"]))
    found = run([ids, words, same])
    assert [x.tolist() for x in found] == [[1, -1], [b"surgery", b"UNK"], [3]]


def test_a_hash_table_has_an_init_and_a_mutable_one_inserts(graph):
    keys, values = tf.constant(WORDS), tf.constant([5, 6, 7], tf.int64)
    table = lookup.HashTable(lookup.KeyValueTensorInitializer(keys, values), -1, name="t")
    mutable = lookup.MutableHashTable(tf.string, tf.int64, -1)
    dense = lookup.MutableDenseHashTable(tf.int64, tf.int64, -1, empty_key=0, deleted_key=-9)
    inserted = [mutable.insert(keys, values), dense.insert(values, values * 2)]
    with open_session() as session:
        session.run([table.init, *inserted])
        asked = tf.constant(["salad", "no"])
        assert session.run(table.lookup(asked)).tolist() == [6, -1]
        assert session.run(mutable.lookup(asked)).tolist() == [6, -1]
        assert session.run(dense.lookup(values - 1)).tolist() == [-1, 10, 12]
        assert sorted(session.run(table.export())[1].tolist()) == [5, 6, 7]
    with pytest.raises(TypeError):
        table.lookup(tf.constant([1, 2]))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: lookup.index_table_from_tensor(None), ValueError),
        (lambda: lookup.index_table_from_tensor(WORDS, -1), ValueError),
        (lambda: lookup.index_table_from_tensor([1, 2]), ValueError),
        (lambda: lookup.index_table_from_tensor(WORDS, dtype=tf.float32), TypeError),
        (lambda: lookup.index_table_from_file(""), ValueError),
        (lambda: lookup.index_table_from_file("a", vocab_size=0), ValueError),
        (lambda: lookup.index_to_string_table_from_file(None), ValueError),
        (lambda: lookup.index_to_string_table_from_tensor(), ValueError),
        (lambda: lookup.IdTableWithHashBuckets(None, 0), ValueError),
        (lambda: lookup.index_table_from_tensor(WORDS, 1, hasher_spec="fasthash"), TypeError),
        (lambda: lookup.StrongHashSpec([1]), ValueError),
        (lambda: lookup.StrongHashSpec(["a", "b"]), TypeError),
    ],
)
def test_arguments_that_make_no_table_are_refused(graph, call, error):
    with pytest.raises(error):
        call()


def test_a_table_of_hashes_takes_keys_of_its_dtype_alone(graph):
    table = lookup.index_table_from_tensor(np.array(WORDS), num_oov_buckets=1)
    with pytest.raises(TypeError, match="Keys must be"):
        table.lookup(tf.constant([1]))


def test_a_table_of_hashes_names_its_ops_and_knows_its_hash_functions(graph):
    words = tf.constant(["no"])
    lookup.IdTableWithHashBuckets(None, 2, name="table").lookup(words)
    assert graph.get_operation_by_name("table_Lookup/hash_bucket").type == "StringToHashBucketFast"
    other = lookup.IdTableWithHashBuckets(None, 2, lookup.HasherSpec("other", None))
    with pytest.raises(ValueError, match="Unknown hasher other"):
        other.lookup(words)


def test_a_table_works_without_a_graph():
    assert tf.executing_eagerly()
    table = lookup.index_table_from_tensor(WORDS, num_oov_buckets=1)
    assert table.lookup(tf.constant(["salad", "no"])).numpy().tolist() == [1, 3]
