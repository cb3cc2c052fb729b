"""What is named leads to what is known of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gateway.domain import USER, Memory, Triple
from gateway.graph import MAX_NAMES, Graph

AT = datetime(2026, 3, 1, tzinfo=UTC)


def memory(name: str, *triples: Triple) -> Memory:
    return Memory(
        id=name,
        sequence=1,
        key=0,
        process="",
        session="",
        learnt_process="p",
        learnt_session="s",
        kind="fact",
        text=name,
        status="active",
        standing=False,
        said_at=AT,
        valid_from=AT,
        valid_to=None,
        expires_at=None,
        triples=triples,
    )


def graph(*memories: Memory) -> Graph:
    made = Graph()
    for each in memories:
        made.put(each)
    return made


SISTER = memory("Maria is my sister.", Triple(USER, "sister", "Maria"))
WORK = memory("Maria works at Siemens.", Triple("Maria", "works at", "Siemens"))


def test_a_relation_leads_to_the_one_it_names() -> None:
    assert graph(SISTER, WORK).neighbours("Where does my sister work?") == ["Maria"]


def test_a_name_leads_to_the_relation_it_stands_for() -> None:
    assert graph(SISTER, WORK).neighbours("Where does Maria work?") == ["sister"]


def test_the_relation_of_another_leads_only_to_theirs() -> None:
    made = graph(SISTER, memory("Tom's sister is Eva.", Triple("Tom", "sister", "Eva")))
    assert made.neighbours("Where does my sister work?") == ["Maria"]
    assert made.neighbours("Where does Tom's sister work?") == ["Maria", "Eva"]


def test_what_the_question_names_itself_is_no_neighbour() -> None:
    assert graph(SISTER, WORK).neighbours("Where does my sister Maria work?") == []


def test_what_is_no_tie_leads_nowhere() -> None:
    home = memory("I live in Porto.", Triple(USER, "lives in", "Porto"))
    assert graph(home).neighbours("Who lives in Porto?") == []


def test_what_no_longer_holds_leads_nowhere() -> None:
    made = graph(SISTER, WORK)
    made.put(replace(SISTER, status="superseded"))
    assert made.neighbours("Where does my sister work?") == []


def test_an_edge_that_was_changed_leads_to_its_new_end() -> None:
    made = graph(SISTER, WORK, memory("Ana works at Bosch.", Triple("Ana", "works at", "Bosch")))
    made.put(replace(SISTER, triples=(Triple(USER, "sister", "Ana"),)))
    assert made.neighbours("Where does my sister work?") == ["Ana"]


def test_a_question_is_widened_by_a_few_names_only() -> None:
    friends = [memory(f"F{n}", Triple(USER, "friend", f"Name{n}")) for n in range(50)]
    assert len(graph(*friends).neighbours("Which friend is in Italy?")) == MAX_NAMES
