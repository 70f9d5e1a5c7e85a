"""What `tf.contrib.learn` had beside its estimators: words to ids, and the digits."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections import Counter, namedtuple
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np

from tf1rnn.contrib import mnist

# Abbreviations, the words of a name in camel case, and words with apostrophes and hyphens in them.
TOKENIZER_RE = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z]+(?=[A-Z])|['\w\-]+", re.UNICODE)


def tokenizer(iterator: Iterable[str]) -> Iterator[list[str]]:
    """The words of each text."""
    for text in iterator:
        yield TOKENIZER_RE.findall(text)


class CategoricalVocabulary:
    """Ids of words, or of other things that can be told apart, in the order that they come in.

    Args:
      unknown_token: the word of id 0, which all words have that are not known.
      support_reverse: whether `reverse` can be asked.
    """

    def __init__(self, unknown_token: str = "<UNK>", support_reverse: bool = True) -> None:
        self._unknown_token = unknown_token
        self._support_reverse = support_reverse
        self._mapping: dict[Any, int] = {unknown_token: 0}
        self._freq: Counter[Any] = Counter()
        self._reverse_mapping: list[Any] = [unknown_token]
        self._freeze = False

    def __len__(self) -> int:
        return len(self._mapping)

    def freeze(self, freeze: bool = True) -> None:
        """Has new words be unknown from then on; or, with False, have ids again."""
        self._freeze = freeze

    def get(self, category: Any) -> int:
        """The id of a word; a new one gets the next id, or 0 where the vocabulary is frozen."""
        if category not in self._mapping:
            if self._freeze:
                return 0
            self._mapping[category] = len(self._mapping)
            self._reverse_mapping.append(category)
        return self._mapping[category]

    def add(self, category: Any, count: int = 1) -> None:
        """Counts a word `count` times more."""
        if self.get(category) > 0:
            self._freq[category] += count

    def trim(self, min_frequency: int, max_frequency: int = -1) -> None:
        """Leaves the words of some frequencies, with new ids: the commonest word has 1.

        Args:
          min_frequency: words that came as often or less are left out.
          max_frequency: words that came as often or more are left out; -1 for none.
        """
        by_name = sorted(self._freq.items(), key=lambda one: (isinstance(one[0], str), one[0]))
        by_count = sorted(by_name, key=lambda one: one[1], reverse=True)
        left = [
            (word, count)
            for word, count in by_count
            if count > min_frequency and not 0 < max_frequency <= count
        ]
        self._freq = Counter(dict(left))
        self._reverse_mapping = [self._unknown_token, *(word for word, _ in left)]
        self._mapping = {word: i for i, word in enumerate(self._reverse_mapping)}

    def reverse(self, class_id: int) -> Any:
        """The word of an id. Raises ValueError where the vocabulary was made without it."""
        if not self._support_reverse:
            raise ValueError(
                "This vocabulary wasn't initalized with support_reverse to support reverse()."
            )
        return self._reverse_mapping[class_id]


class ByteProcessor:
    """Texts as rows of the numbers of their bytes.

    Args:
      max_document_length: length of a row.
    """

    def __init__(self, max_document_length: int) -> None:
        self.max_document_length = max_document_length

    def fit(self, x: Iterable[str | bytes]) -> None:
        """Does nothing: there is nothing to learn."""

    def fit_transform(self, x: Iterable[str | bytes]) -> Iterator[np.ndarray]:
        """The same as `transform`."""
        return self.transform(x)

    def transform(self, x: Iterable[str | bytes]) -> Iterator[np.ndarray]:
        """Each text, uint8 `[max_document_length]`, cut or filled with zeros."""
        for document in x:
            data = document.encode() if isinstance(document, str) else bytes(document)
            row = np.zeros(self.max_document_length, np.uint8)
            cut = data[: self.max_document_length]
            row[: len(cut)] = np.frombuffer(cut, np.uint8)
            yield row

    def reverse(self, x: Iterable[np.ndarray]) -> Iterator[str]:
        """The text of each row; of one that was cut within a character, an empty one."""
        for row in x:
            try:
                yield np.trim_zeros(np.asarray(row, np.uint8), trim="b").tobytes().decode()
            except UnicodeDecodeError:
                yield ""


class VocabularyProcessor:
    """Texts as rows of the ids of their words.

    Args:
      max_document_length: length of a row.
      min_frequency: words that come as often or less are unknown; 0 keeps all.
      vocabulary: a `CategoricalVocabulary`; by default a new one.
      tokenizer_fn: a function of an iterable of texts to an iterable of lists of words.
    """

    def __init__(
        self,
        max_document_length: int,
        min_frequency: int = 0,
        vocabulary: CategoricalVocabulary | None = None,
        tokenizer_fn: Callable[[Iterable[Any]], Iterable[Any]] | None = None,
    ) -> None:
        self.max_document_length = max_document_length
        self.min_frequency = min_frequency
        self.vocabulary_ = vocabulary or CategoricalVocabulary()
        self._tokenizer = tokenizer_fn or tokenizer

    def fit(self, raw_documents: Iterable[Any], unused_y: Any = None) -> VocabularyProcessor:
        """Gives ids to the words of texts, and freezes the vocabulary. Returns itself."""
        for tokens in self._tokenizer(raw_documents):
            for token in tokens:
                self.vocabulary_.add(token)
        if self.min_frequency > 0:
            self.vocabulary_.trim(self.min_frequency)
        self.vocabulary_.freeze()
        return self

    def fit_transform(
        self, raw_documents: Iterable[Any], unused_y: Any = None
    ) -> Iterator[np.ndarray]:
        """`fit`, and then `transform`, of texts that can be gone through twice."""
        self.fit(raw_documents)
        return self.transform(raw_documents)

    def transform(self, raw_documents: Iterable[Any]) -> Iterator[np.ndarray]:
        """The word ids of each text, int64 `[max_document_length]`, cut or filled with zeros."""
        for tokens in self._tokenizer(raw_documents):
            row = np.zeros(self.max_document_length, np.int64)
            for i, token in zip(range(self.max_document_length), tokens, strict=False):
                row[i] = self.vocabulary_.get(token)
            yield row

    def reverse(self, documents: Iterable[Iterable[int]]) -> Iterator[str]:
        """The words of each row of ids, with blanks between them."""
        for row in documents:
            yield " ".join(self.vocabulary_.reverse(int(i)) for i in row)

    def save(self, filename: str | Path) -> None:
        """Writes the processor to a file, as JSON.

        A tokenizer of one's own is kept by its name: where the file is restored, the running
        script must have it.
        """
        vocabulary = self.vocabulary_
        saved = {
            "max_document_length": self.max_document_length,
            "min_frequency": self.min_frequency,
            "tokenizer": None if self._tokenizer is tokenizer else self._tokenizer.__name__,
            "words": vocabulary._reverse_mapping,
            "counts": [vocabulary._freq[word] for word in vocabulary._reverse_mapping],
            "support_reverse": vocabulary._support_reverse,
            "frozen": vocabulary._freeze,
        }
        Path(filename).write_text(json.dumps(saved), encoding="utf-8")

    @classmethod
    def restore(cls, filename: str | Path) -> VocabularyProcessor:
        """The processor that `save` wrote.

        Raises:
          ValueError: the file is another, such as the pickle that TensorFlow 1 wrote; or the
            running script has no tokenizer of the name.
        """
        try:
            saved = json.loads(Path(filename).read_text(encoding="utf-8"))
        except ValueError:
            raise ValueError(
                f"{filename} was not written by this VocabularyProcessor: fit and save it anew"
            ) from None
        vocabulary = CategoricalVocabulary(saved["words"][0], saved["support_reverse"])
        vocabulary._reverse_mapping = saved["words"]
        vocabulary._mapping = {word: i for i, word in enumerate(saved["words"])}
        counts = zip(saved["words"], saved["counts"], strict=True)
        vocabulary._freq = Counter({word: count for word, count in counts if count})
        vocabulary.freeze(saved["frozen"])
        tokenizer_fn = _script_function(saved["tokenizer"]) if saved["tokenizer"] else None
        length, least = saved["max_document_length"], saved["min_frequency"]
        return cls(length, least, vocabulary, tokenizer_fn)


def _script_function(name: str) -> Callable[..., Any]:
    """A function of the running script, or `list`. Raises ValueError where there is none."""
    found = list if name == "list" else getattr(sys.modules["__main__"], name, None)
    if found is not list and not isinstance(found, FunctionType):
        raise ValueError(f"the running script has no tokenizer {name}, with which it was saved")
    return found


Dataset = namedtuple("Dataset", "data target")


def load_iris() -> Dataset:
    """Fisher's irises, `data` float64 `[150, 4]` in cm, `target` int64 `[150]`; by scikit-learn."""
    found = importlib.import_module("sklearn.datasets").load_iris()
    return Dataset(found.data, found.target)


DATASETS: dict[str, Callable[[], Any]] = {"iris": load_iris, "mnist": mnist.load_mnist}


def load_dataset(name: str, size: str = "small") -> Any:
    """A data set by its name, one of `DATASETS`; "mnist" is read from the folder MNIST-data.

    Raises ValueError for another.
    """
    if name not in DATASETS:
        raise ValueError(f"Name of dataset is not found: {name}")
    return DATASETS[name]()


preprocessing = SimpleNamespace(
    ByteProcessor=ByteProcessor,
    CategoricalVocabulary=CategoricalVocabulary,
    VocabularyProcessor=VocabularyProcessor,
    tokenizer=tokenizer,
)
datasets = SimpleNamespace(
    DATASETS=DATASETS, load_dataset=load_dataset, load_iris=load_iris, mnist=mnist
)
