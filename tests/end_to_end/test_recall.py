"""What comes back from memory, with the real model at work and without it."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from gateway import model
from tests.clients import Served, block_of, ids, openai, serve
from tests.end_to_end import test_prefix as prefixes
from tests.process import Gateway
from tests.unit.test_model import needs
from tests.upstream import Upstream

NAME, WISH = "My name is Ana.", "Please keep answers short."
SUBJECTS = (
    "sister brother mother father uncle aunt cousin neighbour landlord dentist doctor trainer teacher colleague boss"
    " nephew niece grandmother grandfather roommate"
).split()
PAIRS = (
    ("My {} collects stamps from {}.", "What does my {} collect?"),
    ("My {} moved to {} in March.", "Where did my {} move to?"),
    ("My {} drives a van made in {}.", "Which van does my {} drive?"),
    ("My {} is learning to cook dishes of {}.", "What is my {} learning to cook?"),
    ("My {} has a flight from {} on Friday.", "Does my {} have a flight on Friday?"),
    ("My {} married a pilot from {}.", "Whom did my {} marry?"),
    ("My {} keeps three parrots from {}.", "Which parrots does my {} keep?"),
    ("My {} studied chemistry in {}.", "What did my {} study?"),
    ("My {} broke a leg in {}.", "What did my {} break?"),
    ("My {} wants a poster of {} as a present.", "Which present does my {} want?"),
)
PLACES = (
    "Lima Oslo Riga Porto Quito Cairo Turin Kyoto Lyon Bergen Seville Prague Naples Dakar Hanoi Perth Nairobi Boston"
    " Tbilisi Malmo"
).split()
WAIT = 60.0
"""Seconds that something may take which is there in one or two."""


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the model, made from the installed weights."""
    needs(model.PACKAGE.replace("-", "_"), "onnx")
    folder = tmp_path_factory.mktemp("models")
    model.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def modelled(tmp_path_factory: pytest.TempPathFactory, models: pathlib.Path) -> Callable[..., Any]:
    """Serves with the default embedder; keyword arguments are top-level keys of the configuration."""

    def begin(folder: pathlib.Path | None = None, **settings: Any) -> Any:
        environ = {"GATEWAY_MODELS": str(models)}
        place = folder or tmp_path_factory.mktemp("gateway")
        return serve(place, environ=environ, **{"embedder": {"kind": "auto"}, **settings})

    return begin


@pytest.fixture(scope="module")
def shared(modelled: Callable[..., Any]) -> Iterator[Served]:
    with modelled() as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


def tell(served: Served, entity: str, *texts: str) -> None:
    """Each text in a session of its own, and their vectors made."""
    for text in texts:
        served.ask(text, entity)
    served.gateway.settle()


def ask(served: Served, entity: str, question: str, **more: Any) -> str:
    """The block that a new session's question gets."""
    served.ask(question, entity, headers={"X-Memory": "read"}, **more)
    return block_of(served.upstream.last)


def ask_by_meaning(served: Served, entity: str, question: str, answer: str) -> str:
    """The same; asked again for a while without `answer`, since a busy machine may go by words alone."""
    end = time.monotonic() + WAIT
    while answer not in (block := ask(served, entity, question)) and time.monotonic() < end:
        time.sleep(0.2)
    return block


def lines(block: str) -> list[str]:
    """What it tells, without dates."""
    return [line.rpartition(" (")[0] for line in block.splitlines()[2:]]


def warnings(gateway: Gateway) -> list[str]:
    return [line for line in gateway.log.read_text().splitlines() if "WARNING" in line]


# --- what is found ------------------------------------------------------------------------------------------------


def test_a_name_and_a_wish_are_in_the_first_block_of_every_later_session(served: Served) -> None:
    tell(served, "standing", NAME, WISH, "My locker is 12.")
    for question in ("How tall is Mount Everest?", "Write a haiku.", "Explain photosynthesis."):
        assert lines(ask(served, "standing", question)) == [NAME, WISH]


def test_a_greeting_brings_no_more_than_standing_memories(served: Served) -> None:
    tell(served, "greeting", NAME, "My locker is 12.")
    assert lines(ask(served, "greeting", "Hello!")) == [NAME]


def test_a_standing_memory_is_in_one_block_of_a_session(served: Served) -> None:
    tell(served, "once", NAME)
    history = [{"role": "user", "content": "How tall is Mount Everest?"}]
    served.ask(history, "once", session="s")
    history += [{"role": "assistant", "content": "Noted."}, {"role": "user", "content": "And K2?"}]
    served.ask(history, "once", session="s")
    assert served.upstream.last.prompt.count(NAME) == 1


def test_a_fact_that_is_asked_about_is_found_behind_standing_memories(served: Served) -> None:
    tell(served, "locker", "My locker is 12.", NAME)
    assert lines(ask(served, "locker", "Which locker is mine?")) == [NAME, "My locker is 12."]


def test_a_question_about_nothing_known_injects_nothing(served: Served) -> None:
    tell(served, "unrelated", "My locker is 12.", "I adopted a golden retriever called Biscuit.", "I work in Porto.")
    for question in (
        "How do I reverse a list in Python?",
        "What is the capital of Mongolia?",
        "Explain photosynthesis.",
    ):
        assert ask(served, "unrelated", question) == ""


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("I adopted a golden retriever called Biscuit.", "What is the name of my pet?"),
        ("I work as a nurse in Leeds.", "What is my job?"),
        ("I can't eat peanuts, they make me ill.", "Which foods am I allergic to?"),
        ("We are getting married in June.", "When is my wedding?"),
        ("We moved to Cardiff last week.", "Where do I live?"),
        ("I started at Aldi on Monday.", "Where do I work?"),
        ("We named the puppy Waffles.", "What's my dog's name?"),
        ("My account is at Santander.", "Which bank am I with?"),
    ],
)
def test_another_wording_is_found_by_its_meaning(served: Served, statement: str, question: str) -> None:
    entity = f"meaning-{statement}".replace(" ", "-")
    tell(served, entity, "My bicycle is green.", statement, "The kitchen window is broken.")
    assert statement in ask_by_meaning(served, entity, question, statement)


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("我的猫叫小白。", "我的猫叫什么？"),
        ("私の犬の名前はポチです。", "私の犬の名前は何ですか？"),
        ("แมวของฉันชื่อมะลิ", "แมวของฉันชื่ออะไร?"),
        ("Мою собаку зовут Шарик.", "Как зовут мою собаку?"),
        ("اسم قطتي لولو.", "ما اسم قطتي؟"),
    ],
    ids=["Chinese", "Japanese", "Thai", "Russian", "Arabic"],
)
def test_every_language_is_found_by_its_own_words(served: Served, statement: str, question: str) -> None:
    tell(served, f"language-{ord(statement[0])}", statement)
    assert lines(ask(served, f"language-{ord(statement[0])}", question)) == [statement]


def test_what_is_known_of_the_user_is_told_first_whatever_the_words(served: Served) -> None:
    tell(
        served, "ana", "We moved to Cardiff last week.", "I started at Aldi on Monday.", "My sister Eva lives in Rome."
    )
    assert lines(ask(served, "ana", "Where do I live?"))[0] == "We moved to Cardiff last week."
    assert lines(ask(served, "ana", "So who do I work for?"))[0] == "I started at Aldi on Monday."
    assert ask(served, "ben", "Where do I live?") == ""
    tell(served, "ana", "Actually we moved on, I live in Swansea now.")
    assert "Cardiff" not in ask(served, "ana", "Where do I live?")


def test_every_statement_is_found_right_after_it_was_made(modelled: Callable[..., Any]) -> None:
    """Although the background work is behind all the while."""
    page = " ".join(f"The {place} office of shelf {n} has {n} old files." for n in range(40) for place in PLACES)
    with modelled() as served:
        for _ in range(30):
            served.ask(page, "reader of pages")
        missed = []
        for number in range(200):
            (statement, question), place = PAIRS[number // 20], PLACES[number * 7 % 20]
            told = statement.format(SUBJECTS[number % 20], place)
            served.ask(told, "hurried", session=f"told-{number}")
            if told not in ask(served, "hurried", question.format(SUBJECTS[number % 20])):
                missed.append(told)
        assert served.gateway.get("/readyz").json["pending"] > 0
    assert missed == []


# --- what a block holds -------------------------------------------------------------------------------------------


def test_what_was_said_three_times_in_almost_the_same_words_is_one_line(served: Served) -> None:
    tell(served, "thrice", "My cat is called Tigre.", "my cat's called Tigre!", "So, my cat is called Tigre.")
    assert len(lines(ask(served, "thrice", "What is my cat called?"))) == 1


def test_a_very_long_message_does_not_fill_the_block(served: Served) -> None:
    page = " ".join(f"My boat number {number} is moored at pier {number} in the harbour." for number in range(150))
    tell(served, "pages", page, "My boat is called Gaivota.", "I paint my boat every spring.")
    block = ask(served, "pages", "What do you know of my boat, its name and its harbour?")
    assert "Gaivota" in block
    assert block.count("moored at pier") <= 12


def test_the_block_stays_within_its_tokens(modelled: Callable[..., Any]) -> None:
    with modelled(memory={"recall": {"tokens": 100}}) as served:
        tell(served, "brief", NAME, *(f"My boat number {number} is moored in Lagos harbour." for number in range(30)))
        block = ask(served, "brief", "Which of my boats are moored in Lagos harbour?")
    assert block.count("moored") >= 2
    assert len(block) <= 400


def test_ten_turns_with_the_model_are_extensions(served: Served) -> None:
    served.upstream.script = prefixes.model
    prefixes.teach(served, "ten turns")
    with openai(served.gateway, ids("ten turns")) as client:
        talk = prefixes.Talk(client, history=True)
        for number in range(10):
            talk.turn(number)
    prefixes.assert_extends(served.upstream.received)
    prefixes.assert_remembers(served.upstream.received)


# --- the model is not there ---------------------------------------------------------------------------------------


def assert_goes_by_words(served: Served) -> None:
    served.ask("My cat is called Tigre.", "words")
    assert lines(ask(served, "words", "What is my cat called?")) == ["My cat is called Tigre."]


def test_a_model_that_cannot_be_made_is_one_warning(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    environ = {"GATEWAY_MODELS": str(tmp_path / "file" / "models")}  # no folder can be made there, not even by root
    with serve(tmp_path, environ=environ, embedder={"kind": "onnx"}) as served:
        assert_goes_by_words(served)
        state = served.gateway.get("/readyz").json
        assert (state["status"], state["embedder"], state["pending"]) == ("ready", "failed", 0)
        assert [line for line in warnings(served.gateway) if "no embedding model" in line] == warnings(served.gateway)
        assert len(warnings(served.gateway)) == 1


def test_a_model_that_nobody_has_is_one_warning(tmp_path: pathlib.Path) -> None:
    with serve(tmp_path, embedder={"kind": "auto", "model": "a-model-that-nobody-has"}) as served:
        assert_goes_by_words(served)
        assert served.gateway.get("/readyz").json["embedder"] == "none"
        assert len([line for line in warnings(served.gateway) if "no embedding model" in line]) == 1


def test_a_damaged_model_is_made_anew(tmp_path: pathlib.Path, models: pathlib.Path) -> None:
    folder = tmp_path / "models"
    (folder / model.ID).mkdir(parents=True)
    for file in (models / model.ID).iterdir():
        (folder / model.ID / file.name).write_bytes(file.read_bytes()[:1000])
    with serve(tmp_path, environ={"GATEWAY_MODELS": str(folder)}, embedder={"kind": "auto"}) as served:
        assert served.gateway.get("/readyz").json["embedder"] == "ready"
        assert warnings(served.gateway) == []


class Loading(Gateway):
    """A gateway that is not waited for until its model is there."""

    def started(self) -> bool:
        return self.get("/healthz").status == 200


def test_chats_are_served_while_the_model_loads(
    tmp_path: pathlib.Path, models: pathlib.Path, upstream: Upstream
) -> None:
    folder = tmp_path / "models"
    (folder / model.ID).mkdir(parents=True)
    for file in (models / model.ID).iterdir():
        (folder / model.ID / file.name).symlink_to(file)
    manifest, pipe = folder / model.ID / model.MANIFEST_FILE, tmp_path / "pipe"
    manifest.unlink()
    os.mkfifo(manifest)  # who reads it waits until somebody writes
    with Loading(tmp_path, upstream.url, environ={"GATEWAY_MODELS": str(folder)}, embedder={"kind": "auto"}) as gateway:
        served = Served(gateway, upstream)
        try:
            assert_goes_by_words(served)
            assert gateway.get("/readyz").json["embedder"] == "loading"
        finally:
            with pipe_to_reader(manifest) as writer:
                manifest.rename(pipe)
                manifest.symlink_to(models / model.ID / model.MANIFEST_FILE)
                writer.write(manifest.read_bytes())
        gateway.settle()
        assert gateway.get("/readyz").json["embedder"] == "ready"
        assert gateway.rows("SELECT DISTINCT encoded FROM messages WHERE role = 'user'") == [(model.ID,)]


def pipe_to_reader(path: pathlib.Path) -> Any:
    """The writing end of a named pipe, as soon as somebody reads it."""
    end = time.monotonic() + WAIT
    while True:
        try:
            return open(os.open(path, os.O_WRONLY | os.O_NONBLOCK), "wb")
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


# --- vectors of another model -------------------------------------------------------------------------------------


def test_vectors_of_another_model_are_left_alone_until_reindex(
    tmp_path: pathlib.Path, modelled: Callable[..., Any], models: pathlib.Path
) -> None:
    pet, question = "I adopted a golden retriever called Biscuit.", "What is the name of my pet?"
    with modelled(tmp_path) as served:
        gateway = served.gateway
        later = [f"Parcel number {number} came by train." for number in range(8)]  # vectors of the newest are made anew
        tell(served, "moved", pet, "My cat is called Tigre.", *later)
        gateway.stop()
        with closing(sqlite3.connect(gateway.store)) as connection, connection:
            connection.execute("UPDATE encodings SET embedder = 'another'")
            connection.execute("UPDATE embedders SET id = 'another'")
            connection.execute("UPDATE messages SET encoded = 'another' WHERE encoded <> ''")
        gateway.start()
        assert "My cat is called Tigre." in ask(served, "moved", "What is my cat called?")
        assert ask(served, "moved", question) == ""
        assert len([line for line in warnings(gateway) if "memory-gateway reindex" in line]) == 1
        gateway.stop()
        reindex(gateway, models)
        gateway.start()
        assert pet in ask_by_meaning(served, "moved", question, pet)
        assert len(warnings(gateway)) == 1


def reindex(gateway: Gateway, models: pathlib.Path) -> None:
    command = [
        sys.executable,
        "-m",
        "gateway",
        "reindex",
        "--config",
        str(gateway.folder / f"config-{gateway.port}.yaml"),
    ]
    environ = {**os.environ, "GATEWAY_MODELS": str(models)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("10 messages have vectors of ")
