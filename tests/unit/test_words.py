"""Terms, sentences and units of text, in any language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.words import UNIT_WORDS, commonness, cut, fold, foreign, is_question, label, sentences, terms


def test_english_words_are_compared_by_their_stems() -> None:
    assert terms("My preferences") == terms("I prefer it")


def test_irregular_forms_and_british_spelling_are_one_word() -> None:
    assert terms("bought a favourite bike") == terms("buy favorite bicycles")


def test_stop_words_and_contractions_are_no_terms() -> None:
    assert terms("I don't have what you're asking about, isn't it?") == ["ask"]


def test_a_typographic_apostrophe_is_an_apostrophe() -> None:
    assert terms("Ana’s cat, I’ve seen it") == terms("Ana's cat, I've seen it")


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("I write C++ at work", "c++"),
        ("I write C# at work", "c#"),
        ("it was -5 outside", "-5"),
        ("mail ana.b@x-mail.org please", "ana.b@x-mail.org"),
        ("on 2023-05-08 we met", "2023-05-08"),
        ("at 7:45 sharp", "7:45"),
        ("version 3.12 of it", "3.12"),
    ],
)
def test_signs_that_belong_to_a_term_stay_with_it(text: str, term: str) -> None:
    assert term in terms(text)


def test_a_hyphen_between_words_is_no_minus() -> None:
    assert terms("a 25-minute run") == terms("25 minutes run")


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("Mein Hund heißt Rex.", "Wie HEISST mein Hund?"),
        ("Ma sœur habite à Lyon.", "Où habite ma SŒUR ?"),
        ("Мою кошку зовут Мурка.", "Как зовут мою кошку?"),
        ("我养了一只小狗。", "我的狗叫什么名字？"),
        ("私の犬の名前はポチです。", "犬の名前は何ですか？"),
        ("제 고양이는 나비예요.", "고양이 이름이 뭐예요?"),
        ("แมวของฉันชื่อมะลิ", "แมวชื่ออะไร"),
        ("ຂ້ອຍມີແມວ", "ແມວ"),
        ("ឆ្កែរបស់ខ្ញុំ", "ឆ្កែ"),
        ("मेरे कुत्ते का नाम शेरू है।", "कुत्ते का नाम?"),
        ("قطتي اسمها لولو.", "أين قطتي؟"),
        ("Η γάτα μου λέγεται Λουλού", "ΓΑΤΑ"),
        ("Con chó của tôi tên là Mực.", "chó tên gì?"),
    ],
)
def test_a_statement_in_any_language_shares_terms_with_a_question_about_it(statement: str, question: str) -> None:
    assert set(terms(statement)) & set(terms(question))


def test_words_with_vowel_signs_are_not_cut_apart() -> None:
    assert terms("नमस्ते") == [fold("नमस्ते")]


def test_full_width_and_accented_forms_are_equal_to_plain_ones() -> None:
    assert terms("Ｃａｆé") == terms("cafe")


def test_a_rare_word_is_less_common_than_a_frequent_one() -> None:
    assert commonness("work") < commonness("orchestra") <= commonness("lisinopril")


@given(st.lists(st.text(st.sampled_from("aAéд日ß _-+#@.,'’:/09 \u00a0\u2212\n")) | st.text(), max_size=4))
def test_texts_together_have_the_terms_that_each_has_alone(texts: list[str]) -> None:
    assert terms(" ".join(texts)) == [term for text in texts for term in terms(text)]


@given(st.text())
def test_any_text_has_terms_without_spaces_and_none_empty(text: str) -> None:
    assert all(term and not any(map(str.isspace, term)) for term in terms(text))


@given(st.text())
def test_terms_do_not_depend_on_case(text: str) -> None:
    assert terms(fold(text)) == terms(fold(fold(text)))


def test_sentences_end_at_full_stops_but_not_at_abbreviations() -> None:
    assert sentences("Hi Dr. Smith! I live in St. Ives, e.g. by the sea. Fine?\nNext") == [
        "Hi Dr. Smith!",
        "I live in St. Ives, e.g. by the sea.",
        "Fine?",
        "Next",
    ]


def test_sentences_end_at_the_stops_of_other_scripts() -> None:
    assert sentences("我是安娜。你好！मैं अना हूँ। ठीक है।") == ["我是安娜。", "你好！", "मैं अना हूँ।", "ठीक है।"]


@given(st.text())
def test_sentences_hold_every_letter_of_the_text_in_order(text: str) -> None:
    def solid(some: str) -> str:
        return "".join(some.split())

    assert solid("".join(sentences(text))) == solid(text)


def test_a_short_message_is_one_unit() -> None:
    assert cut("I live in Leeds. I work at night.") == ["I live in Leeds. I work at night."]


def test_a_long_message_is_cut_at_sentence_ends() -> None:
    pieces = cut("This sentence has exactly seven words, really. " * 40)
    assert len(pieces) > 1
    assert all(piece.endswith(".") and len(piece.split()) <= UNIT_WORDS for piece in pieces)


def test_a_sentence_without_end_is_cut_between_words() -> None:
    assert all(len(piece.split()) <= UNIT_WORDS for piece in cut("word " * 1000))


def test_text_without_spaces_is_cut_too() -> None:
    assert max(map(len, cut("猫" * 5000))) <= 4 * UNIT_WORDS


@given(st.text())
def test_cutting_loses_no_letter(text: str) -> None:
    assert "".join("".join(cut(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "text", ["Is it?", "真的吗？", "متى؟", "¿Dónde?", 'He asked "why?"', "Nice? [a photo of a dog]"]
)
def test_a_question_mark_at_the_end_asks(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize("text", ["I asked why.", "Where I live is nice.", "Really? Yes."])
def test_a_statement_does_not_ask(text: str) -> None:
    assert not is_question(text)


def test_a_leading_name_is_a_label() -> None:
    assert label("Caroline: I went home") == "Caroline"


@pytest.mark.parametrize("text", ["I went: home", "http://example.org", "It is 10:30", "no label here", ""])
def test_other_colons_make_no_label(text: str) -> None:
    assert label(text) is None


@pytest.mark.parametrize("text", ["Wie heißt mein Hund?", "¿Dónde trabajo?", "我的狗叫什么？", "Как зовут мою кошку?"])
def test_another_language_is_told_from_english(text: str) -> None:
    assert foreign(text)


@pytest.mark.parametrize("text", ["What is my dog called?", "dog name", "My girlfriend is from Bogotá.", "", "42"])
def test_english_is_not_foreign(text: str) -> None:
    assert not foreign(text)
