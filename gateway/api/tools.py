"""What a Model Context Protocol client may do with memory: recall, remember, forget and list, within its own scope."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.api.stating import stated
from gateway.attribution import Identity
from gateway.domain import DEFAULT_PROCESS, NOBODY, Kind, Learnt, Scope
from gateway.errors import StoreError
from gateway.recall import Question, Recall
from gateway.store.library import Entry, Library, Wanted
from gateway.store.pages import BadCursor, Page

MOST = 100
"""Memories of one answer."""
LONGEST = 8000
"""Characters of a query or of a memory."""

_USER = re.compile(r"\b(?:the )?user(?P<of>['’]s)?\b", re.IGNORECASE)

Limit = Annotated[int, Field(ge=1, le=MOST)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=r"\S")]


class ToolError(Exception):
    """The tool cannot do that; the message is for the model that called it."""


class Input(BaseModel):
    """The arguments of a tool; others than its own are refused."""

    model_config = ConfigDict(extra="forbid", title=None)


class RecallInput(Input):
    """Find what is remembered that bears on a question or a topic, the most relevant first."""

    query: Annotated[Text, Field(description="The question or topic as the user would put it: Where do I live?")]
    limit: Annotated[Limit, Field(description="At most so many memories.")] = 10


class RememberInput(Input):
    """Remember one statement, in a whole sentence, so that later conversations know it."""

    text: Annotated[Text, Field(description="What to remember, such as: I am allergic to peanuts.")]
    kind: Annotated[Kind | None, Field(description="What kind of statement it is; found out if it is left out.")] = None


class ForgetInput(Input):
    """Delete one memory for good, by the id that recall and list_memories give."""

    memory_id: Annotated[str, Field(min_length=1, max_length=256, description="The id of the memory.")]


class ListInput(Input):
    """List what is remembered, the newest first."""

    limit: Annotated[Limit, Field(description="At most so many memories.")] = 20
    cursor: Annotated[str | None, Field(description="The `cursor` of the answer before, to go on after it.")] = None
    kind: Annotated[Kind | None, Field(description="Only statements of this kind.")] = None


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool as it is offered."""

    name: str
    title: str
    input: type[Input]
    reads: bool
    """It changes nothing."""
    destroys: bool = False


OFFERED = (
    Tool("recall", "Recall", RecallInput, reads=True),
    Tool("remember", "Remember", RememberInput, reads=False),
    Tool("forget", "Forget", ForgetInput, reads=False, destroys=True),
    Tool("list_memories", "List memories", ListInput, reads=True),
)


class Tools:
    """Runs the tools for one identity at a time; nothing outside its tenant, entity and process is ever seen."""

    def __init__(self, library: Library, recall: Recall) -> None:
        self._library = library
        self._recall = recall
        self._runs: Mapping[str, Callable[[Identity, Any], Awaitable[dict[str, Any]]]] = {
            "recall": self._find,
            "remember": self._remember,
            "forget": self._forget,
            "list_memories": self._list,
        }

    async def run(self, identity: Identity, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of a tool as JSON; raises ToolError."""
        tool = next((tool for tool in OFFERED if tool.name == name), None)
        if tool is None:
            raise ToolError(f"There is no tool {name[:100]!r}; there are {', '.join(tool.name for tool in OFFERED)}.")
        if identity.entity is None and identity.process is None:
            raise ToolError(
                "It is not known whose memory this is: the client has to send the header X-Entity-Id (a user),"
                " X-Process-Id (this agent's own knowledge), or both."
            )
        if identity.mode in ("off", "write" if tool.reads else "read"):
            raise ToolError(f"The header X-Memory: {identity.mode} does not allow {name}.")
        try:
            given = tool.input.model_validate(arguments)
        except ValidationError as error:
            raise ToolError(_first(error)) from None
        try:
            return await self._runs[name](identity, given)
        except StoreError:
            raise ToolError("Memory cannot be reached now; try again shortly.") from None

    async def _find(self, identity: Identity, given: RecallInput) -> dict[str, Any]:
        question = Question(
            text=_first_person(given.query),
            before="",
            asked_at=identity.said_at or datetime.now(UTC),
            narrow=identity.narrow,
            present=frozenset(),
            shown=frozenset(),
            said="",
            first=False,
            spent=0,
            back_dated=identity.said_at is not None,
        )
        lines = await self._recall.recall(_scope(identity), question)
        found = [recalled for line in lines for recalled in line.memories][: given.limit]
        return {
            "memories": [
                {
                    "id": recalled.memory.id,
                    "text": recalled.memory.text,
                    "kind": recalled.memory.kind,
                    "said_at": _shown(recalled.memory.said_at),
                    "score": round(recalled.score, 4),
                }
                for recalled in found
            ]
        }

    async def _remember(self, identity: Identity, given: RememberInput) -> dict[str, Any]:
        said_at = identity.said_at or datetime.now(UTC)
        process, session = identity.process or "", identity.session or ""
        closed = process or DEFAULT_PROCESS
        closed = closed if self._recall.closed(closed) else ""
        learnt = Learnt(
            stated(given.text, said_at, given.kind),
            said_at,
            learnt_process=process or closed,
            learnt_session=session,
            process=process,
            session=session,
            closed=closed,
            origin="api",
        )
        entry = await self._library.add(identity.tenant, identity.entity or NOBODY, learnt)
        return _entry(entry)

    async def _forget(self, identity: Identity, given: ForgetInput) -> dict[str, Any]:
        entry = await self._library.memory(identity.tenant, given.memory_id)
        if entry is None or not self._visible(identity, entry):
            raise ToolError("There is no memory with this id.")
        if not await self._library.delete(identity.tenant, entry.entity, Wanted(ids=(entry.id,))):
            raise ToolError("There is no memory with this id.")
        return {"forgotten": entry.id}

    async def _list(self, identity: Identity, given: ListInput) -> dict[str, Any]:
        wanted = Wanted(kinds=(given.kind,) if given.kind else (), statuses=("active",))
        cursor, now = given.cursor, datetime.now(UTC)
        while True:
            try:
                page = Page(given.limit, cursor)
                listing = await self._library.memories(identity.tenant, identity.entity or NOBODY, wanted, page)
            except BadCursor:
                raise ToolError("The cursor is not one that list_memories gave.") from None
            held = [entry for entry in listing.items if entry.expires_at is None or entry.expires_at > now]
            seen = [_entry(entry) for entry in held if self._visible(identity, entry)]
            cursor = listing.cursor
            if seen or cursor is None:
                return {"memories": seen, "cursor": cursor}

    def _visible(self, identity: Identity, entry: Entry) -> bool:
        """The memory is of the identity's entity, or of nobody if it names none, and its process may see it."""
        if entry.entity != (identity.entity or NOBODY):
            return False
        process = identity.process or DEFAULT_PROCESS
        if entry.process not in ("", process) or entry.session not in ("", identity.session or ""):
            return False
        if process in (entry.process, entry.learnt_process):
            return True
        if identity.narrow or self._recall.closed(process) or entry.closed:
            return False
        return not (entry.learnt_process and self._recall.closed(entry.learnt_process))


def _first_person(query: str) -> str:
    """The query as the user would put it, since memories say "I": models tend to write "the user's"."""
    return _USER.sub(lambda found: "my" if found["of"] else "I", query)


def _scope(identity: Identity) -> Scope:
    return Scope(
        identity.tenant, identity.entity or NOBODY, identity.process or DEFAULT_PROCESS, identity.session or None
    )


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "text": entry.text,
        "kind": entry.kind,
        "status": entry.status,
        "said_at": _shown(entry.last_seen),
        "process": entry.process or None,
        "session": entry.session or None,
    }


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _first(error: ValidationError) -> str:
    """The first thing wrong with the arguments, in one line."""
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"]) or "arguments"
    return f"{where}: {problem['msg']}"
