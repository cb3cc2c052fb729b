"""The index of one entity, its ranking, its gate and what is chosen from it."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dense import pack, unpack
from gateway.lexical import Postings
from gateway.ranking import EntityIndex
from gateway.relevance import admitted
from gateway.selection import Candidate, best_sentences, select
from gateway.units import Ranked, Unit
from gateway.words import terms

NOW = datetime(2024, 6, 1, tzinfo=UTC)
DIMENSION = 128
FACTS = (
    "My dog is called Biscuit.",
    "I work as a nurse in Leeds.",
    "I'm allergic to peanuts.",
    "My sister Clara lives in Toronto.",
    "We painted the bedroom green.",
    "The rent is 950 pounds a month.",
    "I play the cello on Thursdays.",
    "My passport expires in November.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """An encoding as the embedder gives it."""

    vector: npt.NDArray[np.float32]
    tokens: npt.NDArray[np.int32]
    token_vectors: npt.NDArray[np.float32]
    turned: npt.NDArray[np.float32] | None = None


def encoded(text: str) -> Encoded:
    """A model that knows nothing but words: each has a direction of its own."""
    numbers = [zlib.crc32(term.encode()) % 20_000 + 5_000 for term in terms(text)] or [5_000]
    rows = np.stack([np.random.default_rng(number).standard_normal(DIMENSION) for number in numbers])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    mean = rows.mean(0) / np.linalg.norm(rows.mean(0))
    return Encoded(mean.astype(np.float32), np.array(numbers, np.int32), rows.astype(np.float32))


def unit(key: int, text: str, session: str = "", *, days: int = 0, speaker: str | None = None) -> Unit:
    return Unit(key, session or f"session {key}", text, NOW - timedelta(days=days), speaker)


def facts(texts: Sequence[str] = FACTS) -> list[Unit]:
    return [unit(key, text) for key, text in enumerate(texts)]


def built(units: Sequence[Unit], vectors: bool = True) -> EntityIndex:
    index = EntityIndex()
    index.add(units)
    for each in units if vectors else ():
        index.attach([(each.key, pack(encoded(each.text)))])
    return index


def ranked(index: EntityIndex, question: str, *, model: bool = True, limit: int = 100) -> list[Ranked]:
    return index.rank(question, encoded(question) if model else None, now=NOW, allowed=None, limit=limit)


def same(some: Sequence[Ranked], others: Sequence[Ranked]) -> bool:
    return [each.key for each in some] == [each.key for each in others] and all(
        a.score == pytest.approx(b.score, abs=1e-3)
        and a.relevance == pytest.approx(b.relevance, abs=1e-3)
        and a.signals == pytest.approx(b.signals, abs=1e-3)
        for a, b in zip(some, others, strict=True)
    )


@pytest.mark.parametrize("model", [True, False])
def test_the_unit_that_answers_comes_first(model: bool) -> None:
    answers = ranked(built(facts()), "What is my dog called?", model=model)
    assert answers[0].key == 0
    assert len(answers) == len(FACTS)


def test_an_empty_index_answers_nothing() -> None:
    assert ranked(EntityIndex(), "What is my dog called?") == []


def test_every_signal_is_named() -> None:
    signals = ranked(built(facts()), "What is my dog called?")[0].signals
    assert {
        "dense",
        "dense_window",
        "bm25_window",
        "bm25_session",
        "question",
        "length",
        "when",
        "speaker",
        "month",
    } | {
        "day",
        "maxsim",
        "coverage",
        "found",
        "missing",
        "misfit",
        "outstanding",
        "cosine",
        "age",
    } <= signals.keys()


def test_without_a_model_no_dense_signal_is_made_up() -> None:
    assert not {"dense", "maxsim", "cosine"} & ranked(built(facts()), "my dog", model=False)[0].signals.keys()


def test_a_question_that_is_read_as_published_has_a_gate_of_its_own() -> None:
    index, question = built(facts()), "What is my dog called?"
    published = encoded(question)
    assert published.turned is None
    same_place = Encoded(published.vector, published.tokens, published.token_vectors, published.vector)
    as_text, as_question = (
        index.rank(question, each, now=NOW, allowed=None, limit=5) for each in (published, same_place)
    )
    assert [each.key for each in as_text] == [each.key for each in as_question]
    assert [each.signals for each in as_text] == [each.signals for each in as_question]
    assert as_text[0].relevance < as_question[0].relevance


def test_no_more_than_the_limit_is_answered() -> None:
    answers = ranked(built(facts()), "What is my dog called?", limit=2)
    assert answers[0].key == 0
    assert len(answers) == 2


def test_only_allowed_units_are_answered() -> None:
    index = built(facts())
    answers = index.rank("What is my dog called?", None, now=NOW, allowed={1, 3, 99}, limit=10)
    assert {each.key for each in answers} == {1, 3}
    assert index.rank("my dog", None, now=NOW, allowed=set(), limit=10) == []


@pytest.mark.parametrize("model", [True, False])
def test_one_memory_alone_passes_the_gate_when_asked_about_and_not_else(model: bool) -> None:
    index = built(facts(FACTS[:1]))
    assert ranked(index, "What is my dog called?", model=model)[0].relevance >= 0.5
    assert ranked(index, "Which mortgage rate did I get?", model=model)[0].relevance < 0.5


@pytest.mark.parametrize("model", [True, False])
def test_the_gate_says_the_same_among_many_memories(model: bool) -> None:
    noise = [unit(key, f"The {word}{key} was on shelf {key}.") for key, word in enumerate(["box", "jar"] * 150, 1)]
    index = built([unit(0, FACTS[0]), *noise])
    assert ranked(index, "What is my dog called?", model=model)[0].relevance >= 0.5
    assert max(each.relevance for each in ranked(index, "Which mortgage rate did I get?", model=model)) < 0.5


def test_nobody_is_told_where_nobody_passes_the_gate() -> None:
    hints = [Ranked(key, 0.0, value, {}) for key, value in enumerate([0.4, 0.3])]
    assert admitted(hints, 0.5) == []


def test_weaker_hints_come_along_with_one_that_passes() -> None:
    hints = [Ranked(key, 0.0, value, {}) for key, value in enumerate([0.3, 0.6, 0.001])]
    assert [each.key for each in admitted(hints, 0.5)] == [0, 1]


def test_a_sure_answer_to_a_question_of_the_user_is_told_without_weaker_hints() -> None:
    hints = [Ranked(key, 0.0, value, {"named": 0.0}) for key, value in enumerate([0.2, 0.998, 0.6])]
    assert [each.key for each in admitted(hints, 0.5)] == [1, 2]


def test_weaker_hints_come_along_with_a_sure_one_where_a_participant_is_named() -> None:
    hints = [Ranked(key, 0.0, value, {"named": 1.0}) for key, value in enumerate([0.2, 0.998, 0.6])]
    assert [each.key for each in admitted(hints, 0.5)] == [0, 1, 2]


def test_the_neighbours_of_an_answer_in_its_session_are_lifted() -> None:
    texts = ["We talked about the cello.", "It was in Paris.", "It was in Oslo."]
    index = built([unit(0, texts[0], "music"), unit(1, texts[1], "music"), unit(2, texts[2], "else")])
    places = {each.key: each.signals for each in ranked(index, "Where was the cello?", model=False)}
    assert places[1]["bm25_window"] > places[2]["bm25_window"]


def test_sessions_that_are_interleaved_keep_their_own_neighbours() -> None:
    texts = ["I bought a cello.", "It rained.", "In Paris.", "In Oslo."]
    interleaved = built([unit(key, text, "ab"[key % 2]) for key, text in enumerate(texts)])
    signals = {each.key: each.signals for each in ranked(interleaved, "the cello", model=False)}
    assert signals[2]["bm25_window"] > 0
    assert signals[3]["bm25_window"] == 0


def test_a_participant_named_in_the_question_is_preferred() -> None:
    texts = ["Ana: I like tea.", "Ben: I like tea."]
    index = built([unit(0, texts[0], speaker="Ana"), unit(1, texts[1], speaker="Ben")])
    assert ranked(index, "What does Ben like?")[0].key == 1
    assert ranked(index, "What does Ana like?")[0].key == 0


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("What did I do in March 2024?", 0),
        ("What did I do on 3 March, 2024?", 0),
        ("What did I do on 2024-03-03?", 0),
        ("What did I do on April 2nd?", 1),
        ("What did I do yesterday?", 2),
        ("What did I do last month?", 3),
    ],
)
def test_a_date_in_the_question_prefers_what_was_said_then(question: str, key: int) -> None:
    days = [datetime(2024, 3, 3), datetime(2024, 4, 2), datetime(2024, 5, 31), datetime(2024, 5, 12)]
    index = EntityIndex()
    index.add([Unit(k, f"s{k}", "I went out.", day.replace(tzinfo=UTC), None) for k, day in enumerate(days)])
    answers = ranked(index, question, model=False)
    assert answers[0].key == key or answers[0].signals["month"] == answers[1].signals["month"] == 1


def test_a_unit_without_its_vector_is_still_found_by_its_words() -> None:
    index = built(facts())
    index.add([unit(100, "My parrot is called Pablo.")])
    first = {each.key: each for each in ranked(index, "What is my parrot called?")[:2]}
    assert first[100].relevance >= 0.5


def test_a_unit_without_its_vector_takes_the_mean_of_the_others() -> None:
    index = built(facts())
    index.add([unit(100, "My parrot is called Pablo.")])
    answers = ranked(index, "What is my dog called?")
    others = [each.signals["dense"] for each in answers if each.key != 100]
    (mine,) = (each.signals["dense"] for each in answers if each.key == 100)
    assert mine == pytest.approx(np.mean(others), abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(len(FACTS))), st.sets(st.integers(0, len(FACTS) - 1)), st.integers(1, 4))
def test_an_index_built_in_steps_equals_one_built_at_once(order: list[int], gone: set[int], per: int) -> None:
    units = [unit(key, text, f"s{key // per}") for key, text in enumerate(FACTS)]
    stepwise = EntityIndex()
    for each in units:
        stepwise.add([each])
        ranked(stepwise, "What is my dog called?")
    for key in order:
        stepwise.attach([(key, pack(encoded(FACTS[key])))])
        ranked(stepwise, "What is my dog called?")
    for key in gone:
        stepwise.remove([key])
    fresh = built([each for each in units if each.key not in gone])
    for question in ("What is my dog called?", "Where does my sister live?"):
        for model in (True, False):
            assert same(ranked(stepwise, question, model=model), ranked(fresh, question, model=model))


def test_after_a_removal_more_can_be_added_to_the_same_session() -> None:
    units = [unit(key, text, "one") for key, text in enumerate(FACTS)]
    grown = built(units[:4])
    grown.remove([3, 1])
    grown.add(units[4:])
    for each in units[4:]:
        grown.attach([(each.key, pack(encoded(each.text)))])
    fresh = built([each for each in units if each.key not in (1, 3)])
    assert same(ranked(grown, "What is my dog called?"), ranked(fresh, "What is my dog called?"))


def test_a_removed_unit_leaves_nothing_behind() -> None:
    index = built(facts())
    index.remove(range(100))
    assert len(index) == 0
    assert ranked(index, "What is my dog called?") == []
    index.attach([(0, pack(encoded(FACTS[0])))])
    index.add([unit(200, FACTS[0])])
    assert ranked(index, "What is my dog called?", model=False)[0].key == 200


def test_removing_gives_memory_back() -> None:
    index = built([unit(key, f"{FACTS[key % 8]} Number {key}.") for key in range(400)])
    before = index.nbytes
    index.remove(range(300))
    assert index.nbytes < before / 2


def test_keys_have_to_rise() -> None:
    index = built(facts())
    with pytest.raises(ValueError, match="comes after"):
        index.add([unit(3, "again")])


def test_vectors_of_another_dimension_are_refused() -> None:
    index = built(facts())
    index.add([unit(100, "more")])
    other = Encoded(np.full(64, 0.125, np.float32), np.zeros(0, np.int32), np.zeros((0, 64), np.float32))
    with pytest.raises(ValueError, match="64 dimensions"):
        index.attach([(100, pack(other))])


def test_a_model_without_token_vectors_ranks_by_its_pooled_ones() -> None:
    index = EntityIndex()
    index.add(facts())
    bare = [encoded(text) for text in FACTS]
    for key, each in enumerate(bare):
        index.attach([(key, pack(Encoded(each.vector, each.tokens[:0], each.token_vectors[:0])))])
    question = encoded("What is my dog called?")
    asked = Encoded(question.vector, question.tokens[:0], question.token_vectors[:0])
    assert index.rank("What is my dog called?", asked, now=NOW, allowed=None, limit=3)[0].key == 0


def test_of_a_page_the_rarest_words_that_are_held_are_looked_for() -> None:
    postings = Postings()
    postings.add(1, [["common", "rare"], ["common"], ["common", "other"]])
    assert postings.telling(["common", "unheard", "rare", "other", "rare"], 2) == ["rare", "other"]
    assert postings.telling(["common", "unheard", "rare"], 2) == ["common", "rare"]


def test_vectors_that_wait_to_be_unpacked_are_counted_and_forgotten() -> None:
    index = EntityIndex()
    index.add(facts())
    bare = index.nbytes
    for key, text in enumerate(FACTS):
        index.attach([(key, pack(encoded(text)))])
    assert index.nbytes > bare + sum(len(pack(encoded(text))) for text in FACTS)
    index.remove(range(1, len(FACTS)))
    assert [each.key for each in ranked(index, "What is my dog called?")] == [0]


def test_a_packed_encoding_keeps_directions_tokens_and_signs() -> None:
    before = encoded("I work as a nurse in Leeds.")
    vector, tokens, signs = unpack(pack(before))
    assert float(vector @ before.vector) > 0.999
    assert tokens.tolist() == before.tokens.tolist()
    bits = np.unpackbits(signs.astype("<u8").view(np.uint8), axis=1)
    assert np.array_equal(bits[:, :DIMENSION] > 0, before.token_vectors > 0)


@given(st.binary(max_size=64))
def test_what_is_no_packed_encoding_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="packed encoding"):
        unpack(b"\xff" + junk)


def test_a_damaged_packed_encoding_is_refused() -> None:
    with pytest.raises(ValueError, match="packed encoding"):
        unpack(pack(encoded("I work as a nurse."))[:-1])


@pytest.mark.parametrize(
    ("statement", "other", "question"),
    [
        ("Mein Hund heißt Rex.", "Ich wohne in Hamburg.", "Wie heißt mein Hund?"),
        ("Мою кошку зовут Мурка.", "Я работаю на заводе.", "Как зовут мою кошку?"),
        ("我的狗叫小白。", "我住在上海。", "我的狗叫什么名字？"),
        ("私の犬の名前はポチです。", "大阪に住んでいます。", "犬の名前は何ですか？"),
        ("แมวของฉันชื่อมะลิ", "ฉันทำงานที่เชียงใหม่", "แมวของฉันชื่ออะไร"),
        ("मेरे कुत्ते का नाम शेरू है।", "मैं दिल्ली में रहता हूँ।", "मेरे कुत्ते का नाम क्या है?"),
    ],
)
def test_any_language_is_found_by_its_own_words(statement: str, other: str, question: str) -> None:
    answers = ranked(built(facts([other, statement])), question, model=False)
    assert answers[0].key == 1
    assert answers[0].relevance >= 0.5


@given(st.text(max_size=200), st.text(max_size=80))
@settings(deadline=None)
def test_any_text_can_be_indexed_and_asked(text: str, question: str) -> None:
    index = built([unit(0, text), unit(1, "I live in Leeds.")])
    answers = ranked(index, question)
    assert len(answers) == 2
    assert all(0 <= each.relevance <= 1 and np.isfinite(each.score) for each in answers)


def test_the_sentence_that_answers_comes_first() -> None:
    texts = ["It was a long day.", "My dog is called Biscuit.", "We had soup."]
    assert best_sentences("What is my dog called?", texts)[0] == 1


def candidate(id: str, *sentences: str) -> Candidate:
    return Candidate(id, sentences, 16)


def test_what_fits_is_told_in_order_and_the_budget_is_kept() -> None:
    many = [candidate(str(key), f"Fact number {key} is about thing {key}.") for key in range(100)]
    chosen = select("thing", many, 500)
    assert [id for id, _ in chosen] == [str(key) for key in range(len(chosen))]
    assert 400 < sum(len(line) + 16 for _, line in chosen) <= 500


def test_a_caption_is_told_only_if_it_is_asked_for() -> None:
    message = Candidate("m", ("We were at the lake.", "[shares a photo: a red canoe]"), 16)
    assert select("Where were we?", [message], 400) == [("m", "We were at the lake.")]
    assert select("What colour is the canoe?", [message], 400)[0][1].endswith("[shares a photo: a red canoe]")


def test_a_caption_that_stands_alone_is_told() -> None:
    message = Candidate("m", ("[shares a photo: a red canoe]",), 16)
    assert select("Where were we?", [message], 400) == [("m", "[shares a photo: a red canoe]")]


def test_a_long_message_is_told_by_its_best_sentences_in_its_own_order() -> None:
    filler = [f"Something else happened on day {day}." for day in range(30)]
    message = candidate("long", *filler[:15], "My dog is called Biscuit.", *filler[15:], "The dog is brown.")
    ((_, line),) = select("What is my dog called?", [message], 80)
    assert line.startswith("My dog is called Biscuit.")
    assert "The dog is brown." in line


def test_one_message_cannot_fill_a_block() -> None:
    page = candidate("page", *(f"My dog likes toy {number} best." for number in range(500)))
    chosen = select("What does my dog like?", [page, candidate("short", "My dog eats fish.")], 4000)
    assert [id for id, _ in chosen] == ["page", "short"]


def test_a_repetition_is_told_once() -> None:
    twice = [candidate("new", "My dog is called Biscuit!"), candidate("old", "my dog is called biscuit")]
    assert [id for id, _ in select("my dog", twice, 4000)] == ["new"]


@pytest.mark.parametrize(
    ("some", "other"),
    [
        ("My rent is 950 pounds.", "My rent is 980 pounds."),
        ("I like coffee.", "I don't like coffee."),
        ("My boss is Ana.", "My boss is Ben."),
    ],
)
def test_what_differs_in_a_number_a_name_or_a_not_is_no_repetition(some: str, other: str) -> None:
    assert len(select("tell me", [candidate("1", some), candidate("2", other)], 4000)) == 2


@given(st.lists(st.lists(st.text(max_size=60), max_size=4), max_size=6), st.integers(0, 400))
def test_the_budget_is_never_exceeded(messages: list[list[str]], characters: int) -> None:
    candidates = [candidate(str(key), *each) for key, each in enumerate(messages)]
    assert sum(len(line) + 16 for _, line in select("anything", candidates, characters)) <= characters
