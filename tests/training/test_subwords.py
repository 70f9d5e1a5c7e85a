"""Pieces of words are joined as the programs that cut them say."""

import pytest

from training.subwords import joiner, split

NAMES = ["<unk>", "<eos>"]
MARKED = {
    "SentencePiece": "▁the ▁cap tain ▁un der stand s",
    "subword-nmt": "the cap@@ tain un@@ der@@ stand@@ s",
    "WordPiece": "the cap ##tain un ##der ##stand ##s",
    "characters": "t h e _ c a p t a i n _ u n d e r s t a n d s",
}


@pytest.mark.parametrize("kind", MARKED)
def test_pieces_are_joined_to_words(kind):
    pieces = MARKED[kind].split()
    vocabulary = [*NAMES, *sorted({*pieces})]
    assert joiner(vocabulary)(pieces) == "the captain understands"


@pytest.mark.parametrize("kind", MARKED)
def test_any_part_of_a_text_has_a_text(kind):
    """One that begins or ends within a word, or is empty, has no mark left over."""
    pieces = MARKED[kind].split()
    vocabulary = [*NAMES, *sorted({*pieces})]
    for end in range(len(pieces)):
        text = joiner(vocabulary)(pieces[:end])
        assert not set(text) & set("▁@#_")
        assert "the captain understands".startswith(text)


def test_words_that_are_no_pieces_keep_their_spaces():
    text = "the <unk> 's N $ _ # ## @ @@ a"
    words = text.split()
    assert joiner([*NAMES, *words])(words) == text


def test_characters_without_a_mark_for_spaces_stand_side_by_side():
    """As in a Chinese text whose characters stand alone."""
    assert joiner([*NAMES, "今", "天", "好"])(["今", "天", "<unk>", "好"]) == "今天<unk>好"


LETTERS = [*NAMES, *"_aceht"]


@pytest.mark.parametrize(
    ("text", "vocabulary", "pieces"),
    [
        ("the cat", LETTERS, "t h e _ c a t"),
        ("t h e _ c a t", LETTERS, "t h e _ c a t"),
        ("the <eos> cat", LETTERS, "t h e <eos> c a t"),
        ("a <unk> cat", LETTERS, "a <unk> c a t"),
        ("the cat", [one for one in LETTERS if one != "_"], "t h e c a t"),
        ("the cat", [*LETTERS, "th"], "the cat"),
    ],
)
def test_a_start_is_split_where_the_vocabulary_has_characters_alone(text, vocabulary, pieces):
    assert split(text.split(), vocabulary) == pieces.split()
