"""Texts of pieces of words: the characters or subwords of a vocabulary, joined to text again.

What the pieces are shows in the vocabulary: characters alone (Mikolov's texts of the Penn Treebank
have `_` for a space), or one of the three marks by which subwords say where a word goes on:
`▁the cap tain` (SentencePiece), `cap@@ tain` (subword-nmt) and `cap ##tain` (WordPiece).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

SPACE = "_"  # between words, in texts of characters
BEGINS = "▁"  # a word, in SentencePiece's texts: U+2581
GOES_ON = "@@"  # ends a piece that is not the last of its word
CONTINUES = "##"  # begins a piece that is not the first of its word


def joiner(vocabulary: Sequence[str]) -> Callable[[Sequence[str]], str]:
    """What makes the text of a line from its pieces; words get a space between them.

    Args:
      vocabulary: all words of the model; looked through once.
    """
    if are_characters(vocabulary):
        return lambda pieces: "".join(pieces).replace(SPACE, " ")
    if any(piece.startswith(BEGINS) for piece in vocabulary):
        return lambda pieces: "".join(pieces).replace(BEGINS, " ").strip()
    if any(piece.endswith(GOES_ON) and piece != GOES_ON for piece in vocabulary):
        return lambda pieces: re.sub(f"{GOES_ON}( |$)", "", " ".join(pieces))
    if any(piece.startswith(CONTINUES) and piece != CONTINUES for piece in vocabulary):
        return lambda pieces: " ".join(pieces).replace(f" {CONTINUES}", "")
    return " ".join


def split(words: Sequence[str], vocabulary: Sequence[str]) -> list[str]:
    """The words, in characters where the vocabulary has no others.

    What the vocabulary has is a piece as it stands, so `t h e _ c a t` may be given, too.
    """
    if not are_characters(vocabulary) or all(is_character(word) for word in words):
        return [*words]
    between = [SPACE] if SPACE in vocabulary else []
    pieces: list[str] = []
    for word in words:
        if is_name(word):
            pieces.append(word)
        else:
            after_word = bool(pieces) and not is_name(pieces[-1])
            pieces += [*(between if after_word else []), *word]
    return pieces


def are_characters(vocabulary: Sequence[str]) -> bool:
    """Whether all words are of one character, but for names as `<unk>`."""
    return all(map(is_character, vocabulary))


def is_character(word: str) -> bool:
    """Whether it is one character, or a name."""
    return len(word) == 1 or is_name(word)


def is_name(word: str) -> bool:
    """Whether it stands for something else, as `<unk>` and `<eos>` do."""
    return len(word) > 2 and word[0] == "<" and word[-1] == ">"
