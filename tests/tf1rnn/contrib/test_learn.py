"""`tf.contrib.learn`: words and bytes to ids and back, and processors that are saved."""

import sys

import numpy as np
import pytest

from tf1rnn.contrib import learn

DOCUMENTS = ["a b c", "a\nb\nc", "a, b - c"]


def rows(iterator):
    return [row.tolist() for row in iterator]


def test_texts_are_split_into_words():
    texts = ["a, b - c", "it's well-known", "фыв выф", "HTTPServer camelCase NASA"]
    assert list(learn.tokenizer(texts)) == [
        ["a", "b", "-", "c"],
        ["it's", "well-known"],
        ["фыв", "выф"],
        ["HTTP", "Server", "camelCase", "NASA"],
    ]


def test_words_have_ids_in_the_order_that_they_come_in():
    processor = learn.preprocessing.VocabularyProcessor(4)
    assert rows(processor.fit_transform(DOCUMENTS)) == [[1, 2, 3, 0], [1, 2, 3, 0], [1, 2, 4, 3]]
    assert rows(processor.transform(["c new a b a"])) == [[3, 0, 1, 2]]
    assert list(processor.reverse([[1, 4, 0]])) == ["a - <UNK>"]
    assert len(processor.vocabulary_) == 5
    assert processor.vocabulary_._mapping["c"] == 3


def test_rare_words_are_unknown_and_the_commonest_comes_first():
    processor = learn.preprocessing.VocabularyProcessor(3, min_frequency=1)
    documents = ["x y", "z y y", "z y"]
    assert rows(processor.fit_transform(documents)) == [[0, 1, 0], [2, 1, 1], [2, 1, 0]]


def test_a_vocabulary_is_trimmed_and_frozen():
    vocabulary = learn.preprocessing.CategoricalVocabulary()
    assert [vocabulary.get(x) for x in ("c", "a", "c", 7)] == [1, 2, 1, 3]
    for word, count in (("c", 5), ("a", 10), ("b", 7), ("d", 12), (7, 9)):
        vocabulary.add(word, count)
    vocabulary.trim(7, 11)
    vocabulary.freeze()
    assert [vocabulary.get(x) for x in ("a", 7, "b", "c", "d", "new")] == [1, 2, 0, 0, 0, 0]
    assert len(vocabulary) == 3 and vocabulary.reverse(2) == 7
    vocabulary.freeze(False)
    assert vocabulary.get("new") == 3
    with pytest.raises(ValueError, match="support_reverse"):
        learn.CategoricalVocabulary(support_reverse=False).reverse(0)


def test_a_processor_is_saved_and_restored(tmp_path):
    processor = learn.preprocessing.VocabularyProcessor(4, min_frequency=1)
    processor.fit(DOCUMENTS)
    processor.save(tmp_path / "vocabulary")
    restored = learn.preprocessing.VocabularyProcessor.restore(str(tmp_path / "vocabulary"))
    assert rows(restored.transform(DOCUMENTS)) == rows(processor.transform(DOCUMENTS))
    assert restored.vocabulary_.__dict__ == processor.vocabulary_.__dict__
    assert (restored.max_document_length, restored.min_frequency) == (4, 1)


def letters(documents):
    return (list(document.lower()) for document in documents)


def test_a_tokenizer_of_the_scripts_own_is_found_by_its_name(tmp_path, monkeypatch):
    path = tmp_path / "vocabulary"
    processor = learn.preprocessing.VocabularyProcessor(3, tokenizer_fn=letters).fit(["Ab"])
    processor.save(path)
    restore = learn.preprocessing.VocabularyProcessor.restore
    with pytest.raises(ValueError, match="no tokenizer letters"):
        restore(path)
    monkeypatch.setattr(sys.modules["__main__"], "letters", letters, raising=False)
    assert rows(restore(path).transform(["BA"])) == [[2, 1, 0]]
    learn.preprocessing.VocabularyProcessor(2, tokenizer_fn=list).fit(["xy"]).save(path)
    assert rows(restore(path).transform(["yx"])) == [[2, 1]]


def test_another_file_is_no_processor(tmp_path):
    path = tmp_path / "pickle"
    path.write_bytes(b"\x80\x04\x95")
    with pytest.raises(ValueError, match="fit and save it anew"):
        learn.preprocessing.VocabularyProcessor.restore(path)


def test_bytes_are_their_own_ids():
    processor = learn.preprocessing.ByteProcessor(8)
    made = list(processor.fit_transform(["abc", "фыва", b"abc", "123456789"]))
    assert made[0].tolist() == [97, 98, 99, 0, 0, 0, 0, 0]
    assert np.array_equal(made[2], made[0])
    assert list(processor.reverse(made)) == ["abc", "фыва", "abc", "12345678"]
    assert list(processor.reverse([np.array([209])])) == [""]


def test_of_the_data_sets_irises_and_digits_are_left():
    read = learn.datasets.mnist.read_data_sets
    assert read("nowhere", fake_data=True).train.num_examples
    with pytest.raises(ValueError, match="not found: dbpedia"):
        learn.datasets.load_dataset("dbpedia")
    pytest.importorskip("sklearn")
    irises = learn.datasets.load_dataset("iris")
    assert irises.data[:2].tolist() == [[5.1, 3.5, 1.4, 0.2], [4.9, 3.0, 1.4, 0.2]]
    assert np.bincount(irises.target).tolist() == [50, 50, 50]
    assert learn.datasets.DATASETS["mnist"] is learn.datasets.mnist.load_mnist
    with pytest.raises(FileNotFoundError, match="MNIST-data"):
        learn.datasets.load_dataset("mnist")
