"""The formats of scores, by readers that are written from their descriptions."""

import json
import math
import re

import numpy as np
import pytest

from training.score_formats import BestHypotheses, JsonLines, Kaldi, Kenlm, Srilm, Table
from training.scoring import Scored, Sentence, Sums

LN10 = math.log(10)
# What an n-gram model gave SRILM for "a model was born" and its end.
BORN = [-1.781618, -3.809954, -2.556785, -2.568506, -0.8688038]


def scored(words, log_probs, unknown=(), key=""):
    """A sentence; log_probs to base 10, of the words and of the end. Ids count from 7."""
    ids = np.arange(7, 7 + len(log_probs), dtype=np.int32)
    flags = [place in unknown for place in range(len(log_probs))]
    nats = [None if one is None else one * LN10 for one in log_probs]
    return Scored(Sentence(words.split(), ids, flags, key), nats)


def text_of(writer, sentences):
    sums, text = Sums(), ""
    for one in sentences:
        text += writer.sentence(one)
        sums.add(Sums.of(one))
    return text + writer.end(sums)


MANY = [
    scored("a model was born", BORN),
    scored("", [-0.5]),
    scored("so it goes", [-1.0, None, -2.0, -0.25], unknown=[1]),
]


def test_srilms_example_is_its_example():
    """But for the order of the n-grams, and for last digits: its own numbers are rounded here."""
    expected = (
        "a model was born\n"
        "\tp( a | <s> ) \t= [2gram] 0.01653415 [ -1.781618 ]\n"
        "\tp( model | a ...) \t= [3gram] 0.0001548981 [ -3.809954 ]\n"
        "\tp( was | model ...) \t= [4gram] 0.002774693 [ -2.556785 ]\n"
        "\tp( born | was ...) \t= [5gram] 0.002700813 [ -2.568506 ]\n"
        "\tp( </s> | born ...) \t= [6gram] 0.1352684 [ -0.8688038 ]\n"
        "1 sentences, 4 words, 0 OOVs\n"
        "0 zeroprobs, logprob= -11.58567 ppl= 207.555 ppl1= 787.8011\n"
        "\n"
        "file -: 1 sentences, 4 words, 0 OOVs\n"
        "0 zeroprobs, logprob= -11.58567 ppl= 207.555 ppl1= 787.8011\n"
    )
    text, number = text_of(Srilm("-"), MANY[:1]), re.compile(r"-?\d+\.\d+")
    assert number.sub("#", text) == number.sub("#", expected)
    found = [float(one) for one in number.findall(text)]
    assert found == pytest.approx([float(one) for one in number.findall(expected)], rel=2e-6)


def read_srilm(text):
    """As SRILM's scripts read it: by fields; those of a word begin with `p(`.

    Gives the log probabilities to base 10, None for zero; the words; and the pairs of sum lines.
    """
    log_probs, words, sums = [], [], []
    for line in text.splitlines():
        fields = line.split()
        if line.startswith("\tp( "):
            assert (fields[2], fields[8], len(fields)) == ("|", "[", 11)
            words.append(fields[1])
            log_probs.append(None if "[ -inf" in line else float(fields[9]))
        elif re.fullmatch(r"(file .*: )?\d+ sentences, \d+ words, \d+ OOVs", line):
            sums.append([int(one) for one in re.findall(r"(\d+) (?:sent|words|OOVs)", line)])
        elif match := re.match(r"0 zeroprobs, logprob= (\S+) ppl= (\S+) ppl1= (\S+)$", line):
            sums[-1] += match.groups()
    return log_probs, words, sums


def test_srilm_is_read_by_fields_and_its_sums_are_those_of_the_words():
    log_probs, words, sums = read_srilm(text_of(Srilm("x"), MANY))
    assert log_probs == [*BORN, -0.5, -1.0, None, -2.0, -0.25]
    assert words == ["a", "model", "was", "born", "</s>", "</s>", "so", "<unk>", "goes", "</s>"]
    assert [one[:3] for one in sums] == [[1, 4, 0], [1, 0, 0], [1, 3, 1], [3, 7, 1]]
    assert sums[1][3:] == ["-0.5", "3.162278", "undefined"]
    # Of the third: 10^(3.25/3), and 10^(3.25/2) without its end.
    assert sums[2][3:] == ["-3.25", "12.11528", "42.16965"]
    total = sum(one for one in log_probs if one is not None)
    assert float(sums[3][3]) == pytest.approx(total, rel=1e-6)
    assert float(sums[3][4]) == pytest.approx(10 ** (-total / 9), rel=1e-6)
    assert float(sums[3][5]) == pytest.approx(10 ** (-total / 6), rel=1e-6)


def test_a_sentence_of_which_nothing_is_scored_has_no_perplexity_in_srilms_words():
    text = text_of(Srilm("x"), [scored("w", [None, None], unknown=[0, 1])])
    assert read_srilm(text)[2] == [[1, 1, 2, "0", "undefined", "undefined"]] * 2


def test_an_unknown_word_that_has_a_score_is_no_oov_to_srilm():
    """As with a model that knows `<unk>`."""
    text = text_of(Srilm("x"), [scored("what a", [-3.0, -1.0, -0.5], unknown=[0])])
    log_probs, words, sums = read_srilm(text)
    assert (log_probs, words) == ([-3.0, -1.0, -0.5], ["<unk>", "a", "</s>"])
    assert "\tp( a | <unk> ...) \t=" in text
    assert [one[:4] for one in sums] == [[1, 2, 0, "-4.5"]] * 2


def read_kenlm(text):
    """Tokens end with tabs; a word may hold `=`, so its id is after the last one."""
    *lines, including, excluding, oovs, tokens = text.splitlines()
    found = []
    for line in lines:
        *words, total = line.split("\t")
        words = [re.fullmatch(r"(.*)=(\d+) (\d+) (\S+)", word).groups() for word in words]
        score, count = re.fullmatch(r"Total: (\S+) OOV: (\d+)", total).groups()
        found.append((words, float(score), int(count)))
    names = ["Perplexity including OOVs:", "Perplexity excluding OOVs:", "OOVs:", "Tokens:"]
    summary = [line.split("\t") for line in (including, excluding, oovs, tokens)]
    assert [name for name, _ in summary] == names
    return found, [float(value) for _, value in summary]


def test_kenlm_counts_unknown_words_and_has_both_perplexities():
    unknown = scored("a=b <x>", [-1.0, -4.0, -0.5], unknown=[1])
    lines, summary = read_kenlm(text_of(Kenlm(), [unknown, scored("", [-0.5])]))
    words, total, oov = lines[0]
    assert words == [("a=b", "8", "2", "-1"), ("<x>", "0", "3", "-4"), ("</s>", "10", "4", "-0.5")]
    assert (total, oov) == (-5.5, 1)
    assert lines[1] == ([("</s>", "8", "2", "-0.5")], -0.5, 0)
    assert summary == pytest.approx([10 ** (6 / 4), 10 ** (2 / 3), 1, 4], rel=1e-9)


def test_kenlm_leaves_out_what_has_no_score():
    lines, summary = read_kenlm(text_of(Kenlm(), [scored("a b", [None, -1.0, -1.0])]))
    assert [word for word, *_ in lines[0][0]] == ["b", "</s>"]
    assert summary == [10, 10, 0, 2]


def test_json_lines_hold_words_and_sums_in_the_base_of_choice():
    *lines, last = map(json.loads, text_of(JsonLines(2.0), MANY).splitlines())
    bits = LN10 / math.log(2)
    assert lines[2]["words"] == ["so", "it", "goes", "<eos>"]
    assert lines[2]["log_probs"] == [
        pytest.approx(-bits),
        None,
        *map(pytest.approx, [-2 * bits, -bits / 4]),
    ]
    assert lines[2]["unknown"] == 1
    assert lines[2]["log_prob"] == pytest.approx(-3.25 * bits)
    assert (last["sentences"], last["scored"], last["log_base"]) == (3, 9, 2.0)
    total = sum(one for line in lines for one in line["log_probs"] if one is not None)
    assert last["log_prob"] == pytest.approx(total)
    assert last["perplexity"] == pytest.approx(2 ** (-total / 9)), "whatever the base"


def test_json_has_no_numbers_that_are_not_finite():
    text = text_of(JsonLines(), [scored("a", [math.nan, -1.0]), scored("", [None], unknown=[0])])

    def refuse(constant):
        raise AssertionError(constant)

    first, second, _ = (json.loads(line, parse_constant=refuse) for line in text.splitlines())
    assert (first["log_probs"][0], first["log_probs_is"]) == (None, "NaN")
    assert (second["log_probs"], second["perplexity_is"]) == ([None], "NaN")


def test_the_table_is_exactly_this_and_does_nothing_to_a_terminal():
    sentences = [MANY[2], scored("\x1b[1m", [-1.0, -1.0])]
    assert text_of(Table(10.0), sentences) == (
        "so it goes\n"
        "      -1.0000  so\n"
        "            -  it  (unknown)\n"
        "      -2.0000  goes\n"
        "      -0.2500  <eos>\n"
        "      -3.2500  in all; perplexity 12.1153\n"
        "\n"
        "\\x1b[1m\n"
        "      -1.0000  \\x1b[1m\n"
        "      -1.0000  <eos>\n"
        "      -2.0000  in all; perplexity 10.0000\n"
        "\n"
        "2 sentences, 4 words, 1 unknown\n"
        "log probability -5.2500 (base 10), perplexity 11.2202 of 5 words and sentence ends\n"
    )


def test_kaldis_costs_are_nats_by_the_name_of_the_hypothesis():
    text = text_of(Kaldi(), [scored("a b", [-1.0, None, -2.0], key="utt-7-3")])
    name, cost = text.split()
    assert name == "utt-7-3"
    assert float(cost) == pytest.approx(3 * LN10, rel=1e-6)


@pytest.mark.parametrize(
    ("hypotheses", "lines"),
    [
        ([], ""),
        ([("u-1", "a b", 2.0), ("u-2", "a", 1.0), ("u-3", "c", 3.0)], "u a\n"),
        ([("u-1", "first", 1.0), ("u-2", "second", 1.0)], "u first\n"),
        ([("a-b-1", "x", 2.0), ("a-b-2", "y", 1.0), ("a-c-1", "", 9.0)], "a-b y\na-c\n"),
        ([("u-1", "no cost", math.inf), ("v-10", "v", math.inf)], "u no cost\nv v\n"),
    ],
)
def test_the_hypothesis_of_the_lowest_cost_wins_in_each_utterance(hypotheses, lines):
    best = BestHypotheses()
    text = "".join(best.add(key, words.split(), cost) for key, words, cost in hypotheses)
    assert text + best.end() == lines
