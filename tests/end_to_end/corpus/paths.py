"""Everything else under /v1: other calls of the APIs, uploads and downloads, odd addresses and methods."""

from __future__ import annotations

from tests.end_to_end.corpus.case import JSON, Case, bare, chunked, events, lengthy

_TYPE = "content-type: application/json"
_OCTETS = "content-type: application/octet-stream"
_BYTES = bytes(range(256)) * 64
_LIST = lengthy(b'{"object":"list","data":[],"has_more":false}', _TYPE)
_BOUNDARY = "------------------------d74496d66958873e"


def _form(*fields: tuple[str, bytes]) -> bytes:
    parts = [
        b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (_BOUNDARY.encode(), head.encode(), body)
        for head, body in fields
    ]
    return b"".join(parts) + b"--%s--\r\n" % _BOUNDARY.encode()


_MULTIPART = f"Content-Type: multipart/form-data; boundary={_BOUNDARY}"
_FILE = _form(('name="purpose"', b"batch"), ('name="file"; filename="a \u00e9.jsonl"', _BYTES))
_WAV = _form(('name="model"', b"whisper-1"), ('name="file"; filename="a.wav"', b"RIFF$\0\0\0WAVE" + _BYTES))

POSTS = {
    "embeddings": ("/v1/embeddings", b'{"model":"e","input":["a","b"],"encoding_format":"base64","dimensions":8}'),
    "embeddings of tokens": ("/v1/embeddings", b'{"model":"e","input":[[1,2],[3]]}'),
    "a moderation": ("/v1/moderations", b'{"input":[{"type":"text","text":"x"}],"model":"omni-moderation-latest"}'),
    "an old completion": ("/v1/completions", b'{"model":"m","prompt":["Once"],"suffix":"end","echo":true,"best_of":2}'),
    "an image": ("/v1/images/generations", b'{"prompt":"a cat","n":1,"size":"1024x1024","response_format":"b64_json"}'),
    "a batch": (
        "/v1/batches",
        b'{"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h"}',
    ),
    "a batch cancelled": ("/v1/batches/batch_1/cancel", b""),
    "a vector store": ("/v1/vector_stores", b'{"name":"v","expires_after":{"anchor":"last_active_at","days":7}}'),
    "a search of one": ("/v1/vector_stores/vs_1/search", b'{"query":"q","filters":{"type":"eq","key":"a","value":1}}'),
    "a fine-tuning": ("/v1/fine_tuning/jobs", b'{"model":"m","training_file":"file-1","method":{"type":"dpo"}}'),
    "an assistant": ("/v1/assistants", b'{"model":"m","tools":[{"type":"code_interpreter"}]}'),
    "a thread": ("/v1/threads", b'{"messages":[{"role":"user","content":"Hi"}]}'),
    "a conversation": ("/v1/conversations", b'{"items":[{"type":"message","role":"user","content":"Hi"}]}'),
    "a conversation's items": ("/v1/conversations/conv_1/items?include=a", b'{"items":[]}'),
    "a stored chat changed": ("/v1/chat/completions/chatcmpl-1", b'{"metadata":{"a":"b"}}'),
    "an evaluation": ("/v1/evals", b'{"name":"e","data_source_config":{"type":"custom","item_schema":{}}}'),
    "a container": ("/v1/containers", b'{"name":"c"}'),
    "a session of realtime": ("/v1/realtime/client_secrets", b'{"session":{"type":"realtime","model":"gpt-realtime"}}'),
    "tokens of vLLM": ("/v1/tokenize", b'{"model":"m","prompt":"Hi"}'),
    "a ranking": ("/v1/rerank", b'{"model":"r","query":"q","documents":["a"]}'),
    "an upload's end": ("/v1/uploads/upload_1/complete", b'{"part_ids":["part_1"],"md5":"x"}'),
}
GETS = {
    "models": "/v1/models",
    "a model with a slash": "/v1/models/meta-llama/Llama-3-8B",
    "a model with an escaped slash": "/v1/models/ft%3Agpt-6%3Aacme%2Fx%3A%3A1",
    "files by pages": "/v1/files?purpose=batch&limit=100&after=file-1&order=desc",
    "arrays in the query": "/v1/organization/usage/completions?start_time=1&group_by[]=model&group_by%5B%5D=project_id",
    "messages of a thread": "/v1/threads/thread_1/messages?limit=1",
    "stored chats": "/v1/chat/completions?limit=2&metadata[a]=b",
    "events of a fine-tuning": "/v1/fine_tuning/jobs/ftjob-1/events?limit=",
    "a trailing slash": "/v1/models/",
    "two slashes": "/v1//models//x",
    "dots": "/v1/a/./b/...",
    "only the prefix": "/v1/",
    "capitals": "/v1/MODELS/Gpt-6",
    "marks of all kinds": "/v1/a;b=c/d:e@f!$&'()*+,=~-._",
    "escapes of both cases": "/v1/%c3%a9/%C3%89/%7e/%7E/~",
    "escapes of what needs none": "/v1/%41%42?%63=%64",
    "an escaped question mark": "/v1/files/a%3Fb?c",
    "an escaped hash": "/v1/files/a%23b",
    "an escaped percent": "/v1/files/100%25%2525",
    "a percent by itself": "/v1/files/100%?q=50%",
    "blanks": "/v1/files/a%20b+c?q=a%20b+c",
    "a query of marks": "/v1/models?=&&a&b=&c==d&?e",
    "an address in the query": "/v1/x?url=https://u:p@h:1/p?q=1%26r=2;s",
    "quotes in the query": "/v1/x?filter=\"a\"&b='c'&d=[1]&e={f}|g^h`i",
    "bytes in the query": "/v1/x?q=%FF%00%0A",
    "a long query": "/v1/x?" + "&".join(f"key{i}=value{i}" for i in range(800)),
    "a long path": "/v1/" + "deep/" * 700 + "end",
    "the prefix twice": "/v1/v1/models",
    "another version within": "/v1/beta/v2/things",
}
METHODS = (
    "PUT",
    "PATCH",
    "DELETE",
    "TRACE",
    "PROPFIND",
    "PROPPATCH",
    "REPORT",
    "PURGE",
    "LINK",
    "MKCOL",
    "SEARCH",
    "QUERY",
)
UPLOADS = {
    "a file": ("/v1/files", _FILE),
    "a transcription": ("/v1/audio/transcriptions", _WAV),
    "an image's edit": (
        "/v1/images/edits",
        _form(('name="image[]"; filename="a.png"', b"\x89PNG\r\n\x1a\n"), ('name="prompt"', b"x")),
    ),
    "a part": ("/v1/uploads/upload_1/parts", _form(('name="data"', _BYTES * 100))),
    "a form without fields": ("/v1/files", _form()),
}


def _uploads() -> list[Case]:
    made = []
    for name, (target, body) in UPLOADS.items():
        pieces = tuple(body[i : i + 4001] for i in range(0, len(body), 4001))
        made += [
            Case(f"upload: {name}", target=target, headers=(_MULTIPART,), body=body, answer=(_LIST,)),
            Case(f"upload in chunks: {name}", target=target, headers=(_MULTIPART,), body=pieces, answer=(_LIST,)),
        ]
    return made


def _downloads() -> list[Case]:
    return [
        Case(
            "download: bytes",
            method="GET",
            target="/v1/files/file-1/content",
            answer=(lengthy(_BYTES, _OCTETS, 'content-disposition: attachment; filename="a.bin"'),),
        ),
        Case(
            "download: in chunks",
            method="GET",
            target="/v1/files/file-2/content",
            answer=chunked([_BYTES[:99], _BYTES[99:]], _OCTETS),
        ),
        Case(
            "download: to the connection's end",
            method="GET",
            target="/v1/files/file-3/content",
            closes=True,
            answer=(bare("200 OK", _OCTETS, "connection: close"), _BYTES),
        ),
        Case(
            "download: a range",
            method="GET",
            target="/v1/files/file-4/content",
            headers=("Range: bytes=5-9", 'If-Range: "e"'),
            answer=(
                lengthy(
                    _BYTES[5:10],
                    _OCTETS,
                    "content-range: bytes 5-9/16384",
                    "accept-ranges: bytes",
                    status="206 Partial Content",
                ),
            ),
        ),
        Case(
            "download: several ranges",
            method="GET",
            target="/v1/files/file-5/content",
            headers=("Range: bytes=0-0,-1",),
            answer=(
                lengthy(
                    b"--b\r\n\r\n\x00\r\n--b--",
                    "content-type: multipart/byteranges; boundary=b",
                    status="206 Partial Content",
                ),
            ),
        ),
        Case(
            "download: a range that is none",
            method="GET",
            target="/v1/files/file-6/content",
            headers=("Range: bytes=99999-",),
            answer=(lengthy(b"", "content-range: bytes */16384", status="416 Range Not Satisfiable"),),
        ),
        Case(
            "download: results of a batch",
            method="GET",
            target="/v1/files/file-7/content",
            answer=chunked([b'{"id":"%d"}\n' % i for i in range(50)], "content-type: application/x-ndjson"),
        ),
        Case(
            "speech",
            target="/v1/audio/speech",
            body=b'{"model":"tts","input":"Hi","voice":"a","response_format":"mp3"}',
            answer=chunked([b"ID3\x04", _BYTES, b"\xff\xfb\x90\x64" * 50], "content-type: audio/mpeg"),
        ),
        Case(
            "speech as events",
            target="/v1/audio/speech",
            body=b'{"stream_format":"sse"}',
            answer=events(
                b'data: {"type":"speech.audio.delta","audio":"UklG"}\n\ndata: {"type":"speech.audio.done"}\n\n'
            ),
        ),
        Case(
            "an image bit by bit",
            target="/v1/images/generations",
            body=b'{"stream":true,"partial_images":1}',
            answer=events(
                b"event: image_generation.partial_image\ndata: {}\n\nevent: image_generation.completed\ndata: {}\n\n"
            ),
        ),
        Case(
            "an old completion as a stream",
            target="/v1/completions",
            body=b'{"stream":true,"prompt":"a"}',
            answer=events(b'data: {"choices":[{"text":"b"}]}\n\ndata: [DONE]\n\n'),
        ),
        Case(
            "a run as events",
            target="/v1/threads/thread_1/runs",
            body=b'{"assistant_id":"a","stream":true}',
            answer=events(b"event: thread.run.created\ndata: {}\n\nevent: done\ndata: [DONE]\n\n"),
        ),
        Case(
            "a session description",
            target="/v1/realtime/calls",
            headers=("Content-Type: application/sdp", "Accept: application/sdp"),
            body=b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n",
            answer=(
                lengthy(
                    b"v=0\r\n",
                    "content-type: application/sdp",
                    "location: /v1/realtime/calls/rtc_1",
                    status="201 Created",
                ),
            ),
        ),
        Case(
            "models as text",
            method="GET",
            target="/v1/openapi.yaml",
            answer=(lengthy("é: 1\n".encode(), "content-type: application/yaml"),),
        ),
        Case(
            "a page",
            method="GET",
            target="/v1/docs",
            headers=("Accept: text/html",),
            answer=(
                lengthy(b"<html></html>", "content-type: text/html", "content-security-policy: default-src 'none'"),
            ),
        ),
    ]


CASES: list[Case] = [
    *(Case(f"POST: {name}", target=target, body=body, answer=(_LIST,)) for name, (target, body) in POSTS.items()),
    Case(
        "GET: an empty query",
        method="GET",
        target="/v1/models?",
        headers=(),
        fault="the server tells an empty query and none alike",
    ),
    *(Case(f"GET: {name}", method="GET", target=target, headers=(), answer=(_LIST,)) for name, target in GETS.items()),
    *(
        Case(
            f"method {m}", method=m, target="/v1/vector_stores/vs_1", headers=(JSON,), body=b'{"a":1}', answer=(_LIST,)
        )
        for m in METHODS
    ),
    *_uploads(),
    *_downloads(),
]
