"""What the gate is told: of the question, of the kinds of answer, of how a cosine stands out."""

import numpy as np
import pytest

from gateway.dates import asked_kinds, told_kinds
from gateway.relevance import asking, outstanding, relevance
from gateway.words import terms

TIME, NUMBER, NAME, PLACE = 1, 2, 4, 8


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("When is my wedding?", TIME),
        ("How many parrots do I have?", NUMBER),
        ("How long is my commute?", TIME | NUMBER),
        ("What's my locker code?", NUMBER),
        ("Who is my dentist?", NAME),
        ("What is my cat called?", NAME),
        ("Where does my brother live?", PLACE),
        ("In which city was I born?", PLACE),
        ("What did I buy?", 0),
        ("Wo wohne ich?", 0),
    ],
)
def test_a_question_tells_what_kind_of_answer_it_wants(question: str, kinds: int) -> None:
    assert asked_kinds(question) == kinds


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("My locker code is 4711.", TIME | NUMBER),
        ("We meet every Monday.", TIME | NAME | PLACE),
        ("I keep three parrots.", NUMBER),
        ("My boss is called Ingrid.", NAME | PLACE),
        ("My sister likes tea.", NAME),
        ("The key is under the flowerpot.", PLACE),
        ("I'm vegetarian. I've always been.", 0),
        ("Coffee makes me nervous.", 0),
    ],
)
def test_a_statement_tells_what_kinds_of_answer_it_may_hold(text: str, kinds: int) -> None:
    assert told_kinds(text, terms(text)) == kinds


def test_very_long_texts_are_read_in_linear_time() -> None:
    for text in ("how " * 50_000, "a " * 100_000, "A" * 200_000, "which " * 33_000, "in " * 66_000):
        asked_kinds(text)
        told_kinds(text, [])
        asking(text, named=False)


def test_what_is_about_the_user_or_a_participant_is_personal() -> None:
    assert asking("What is my name?", named=False)["personal"] == 1
    assert asking("Wie heißt mein Hund?", named=False)["personal"] == 1
    assert asking("What does Ben like?", named=True)["personal"] == 1
    assert asking("What is the capital of Mongolia?", named=False)["personal"] == 0


def test_a_request_for_advice_is_told_from_a_question() -> None:
    assert asking("Suggest dinner.", named=False)["suggests"] == 1
    assert asking("What should I read next?", named=False)["suggests"] == 1
    assert asking("What is my name?", named=False)["suggests"] == 0


def test_the_one_that_stands_out_does_so_more_among_many() -> None:
    few = np.array([0, 0.5, 0.1], np.float32)
    many = np.concatenate([few[:2], np.resize(np.array([0.05, 0.1, 0.15], np.float32), 1000)])
    slots = np.array([1], np.int32)
    among_few, among_many = (
        float(outstanding(cosines, np.arange(len(cosines)) > 0, slots)[0]) for cosines in (few, many)
    )
    assert among_many > among_few > 0


def test_units_without_vectors_do_not_count_as_background() -> None:
    cosines = np.array([0, 0.5, 0.1, 9.0], np.float32)
    known = np.array([False, True, True, False])
    slots = np.array([1], np.int32)
    assert outstanding(cosines, known, slots) == outstanding(cosines[:3], known[:3], slots)


def test_the_relevance_is_a_probability_however_far_its_features_are() -> None:
    extreme = {"cosine": np.array([-1e6, 0, 1e6], np.float32)}
    assert relevance(extreme, {"cosine": 1.0}).tolist() == pytest.approx([0, 0.5, 1], abs=1e-6)
