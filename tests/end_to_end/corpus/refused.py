"""Errors of many servers, and of what stands before them."""

from __future__ import annotations

from tests.end_to_end.corpus.case import CHAT, JSON, MESSAGES, RESPONSES, Case, bare, chunked, events, lengthy
from tests.end_to_end.corpus.chat_asked import PLAIN
from tests.end_to_end.corpus.chat_streamed import ASKED

_JSON = "content-type: application/json"
_HTML = "content-type: text/html; charset=UTF-8"

# name: (status, body, lines)
OPENAI = {
    "a wrong key": (
        "401 Unauthorized",
        '{\n    "error": {\n        "message": "Incorrect API key provided: sk-x.",\n'
        '        "type": "invalid_request_error",\n        "param": null,\n'
        '        "code": "invalid_api_key"\n    }\n}\n',
        _JSON,
        "x-request-id: req_1",
        "www-authenticate: Bearer",
        "openai-version: 2020-10-01",
    ),
    "no such model": (
        "404 Not Found",
        '{"error":{"message":"The model `x` does not exist","type":"invalid_request_error",'
        '"param":null,"code":"model_not_found"}}',
        _JSON,
    ),
    "a limit of rates": (
        "429 Too Many Requests",
        '{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}',
        _JSON,
        "retry-after: 12",
        "retry-after-ms: 11856",
        "x-should-retry: true",
        "x-ratelimit-limit-requests: 500",
        "x-ratelimit-remaining-tokens: 0",
        "x-ratelimit-reset-tokens: 6m0s",
    ),
    "no quota": (
        "429 Too Many Requests",
        '{"error":{"message":"You exceeded your current quota","type":"insufficient_quota",'
        '"param":null,"code":"insufficient_quota"}}',
        _JSON,
        "x-should-retry: false",
    ),
    "a context too long": (
        "400 Bad Request",
        '{"error":{"message":"This model\'s maximum context length is 128000 tokens.",'
        '"type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}',
        _JSON,
    ),
    "a bad parameter": (
        "400 Bad Request",
        '{"error":{"message":"Unsupported value: \'temperature\'","type":'
        '"invalid_request_error","param":"temperature","code":"unsupported_value"}}',
        _JSON,
    ),
    "a server error": (
        "500 Internal Server Error",
        '{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}',
        _JSON,
    ),
    "overloaded": (
        "503 Service Unavailable",
        '{"error":{"message":"Overloaded","type":"server_error"}}',
        _JSON,
        "retry-after: Wed, 21 Oct 2026 07:28:00 GMT",
    ),
    "a region": (
        "403 Forbidden",
        '{"error":{"code":"unsupported_country_region_territory","message":"Country not supported",'
        '"param":null,"type":"request_forbidden"}}',
        _JSON,
    ),
    "a conflict": ("409 Conflict", '{"error":{"message":"conflict"}}', _JSON),
    "too large": ("413 Payload Too Large", '{"error":{"message":"too large","type":"invalid_request_error"}}', _JSON),
    "a policy": (
        "400 Bad Request",
        '{"error":{"message":"Invalid prompt: flagged","type":"invalid_request_error","code":"invalid_prompt"}}',
        _JSON,
    ),
}
OTHERS = {
    "vLLM's older error": (
        "400 Bad Request",
        '{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}',
        _JSON,
    ),
    "FastAPI's detail": (
        "422 Unprocessable Entity",
        '{"detail":[{"loc":["body","messages"],"msg":"field required","type":"value_error"}]}',
        _JSON,
    ),
    "a detail as a string": ("400 Bad Request", '{"detail":"There was an error parsing the body"}', _JSON),
    "Ollama's error": ("404 Not Found", '{"error":"model \'x\' not found"}', _JSON),
    "llama.cpp, loading": (
        "503 Service Unavailable",
        '{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}',
        _JSON,
    ),
    "llama.cpp, too long": (
        "400 Bad Request",
        '{"error":{"code":400,"message":"the request exceeds the available context size",'
        '"type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":8}}',
        _JSON,
    ),
    "Azure's filter": (
        "400 Bad Request",
        '{"error":{"inner_error":{"code":"ResponsibleAIPolicyViolation","content_filter_results":'
        '{"jailbreak":{"filtered":true,"detected":true}}},"code":"content_filter","message":"m","param":"prompt","type":null}}',
        _JSON,
        "apim-request-id: 1-2",
        "x-ms-region: Sweden Central",
    ),
    "Azure's gateway": (
        "401 Unauthorized",
        '{ "statusCode": 401, "message": "Access denied" }',
        _JSON,
        "x-ms-error-code: 1",
    ),
    "OpenRouter's error": (
        "402 Payment Required",
        '{"error":{"message":"Insufficient credits","code":402,"metadata":{"x":null}},"user_id":"u"}',
        _JSON,
    ),
    "Groq's failed generation": (
        "400 Bad Request",
        '{"error":{"message":"m","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"<function=f>"}}',
        _JSON,
    ),
    "Mistral's error": (
        "422 Unprocessable Entity",
        '{"object":"error","message":{"detail":[]},"type":"invalid_request_error","code":null}',
        _JSON,
    ),
    "Gemini's list of errors": (
        "400 Bad Request",
        '[{\n  "error": {\n    "code": 400,\n    "status": "INVALID_ARGUMENT"\n  }\n}\n]',
        "content-type: application/json; charset=UTF-8",
        "vary: Origin",
        "vary: X-Origin",
    ),
    "Cohere's error": ("498 Invalid Token", '{"message":"invalid api token"}', _JSON),
    "DeepSeek's balance": (
        "402 Payment Required",
        '{"error":{"message":"No balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}',
        _JSON,
    ),
    "another gateway's error": (
        "500 Internal Server Error",
        '{"error":{"message":"litellm.APIError","type":null,"param":null,"code":"500"}}',
        _JSON,
        "x-litellm-call-id: 1",
    ),
    "HTML of a proxy": (
        "502 Bad Gateway",
        "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n",
        _HTML,
    ),
    "HTML of a cloud": (
        "524 A Timeout Occurred",
        "<!DOCTYPE html>" + "<p>é</p>" * 500,
        _HTML,
        "cf-ray: 1-LIS",
        "cf-cache-status: DYNAMIC",
    ),
    "HTML that is a challenge": (
        "403 Forbidden",
        "<script>1</script>",
        _HTML,
        "set-cookie: __cf=1; path=/; HttpOnly",
        "set-cookie: b=2",
    ),
    "plain text": ("504 Gateway Timeout", "upstream request timeout", "content-type: text/plain"),
    "no type": ("500 Internal Server Error", "oops"),
    "nothing": ("503 Service Unavailable", ""),
    "bytes that are no text": (
        "500 Internal Server Error",
        "\ud800".encode("utf-16", "surrogatepass").decode("latin-1"),
        _JSON,
    ),
    "JSON cut short": ("500 Internal Server Error", '{"error": {"mess', _JSON),
    "a status that nobody knows": ("599 Odd", '{"error":{}}', _JSON),
    "a teapot": ("418 I'm a teapot", "{}", "content-type: application/problem+json"),
    "gone": (
        "410 Gone",
        '{"error":{"message":"deprecated"}}',
        _JSON,
        "deprecation: @1688169599",
        "sunset: Sat, 31 Dec 2026 23:59:59 GMT",
    ),
    "a redirect": ("308 Permanent Redirect", "", "location: https://elsewhere.example/v1/chat/completions?a=b"),
    "many choices": ("300 Multiple Choices", "[]", _JSON, 'link: </a>; rel="alternate"'),
    "its headers used by a memory": ("400 Bad Request", "{}", _JSON, "x-memory-status: ok", "X-Session-Id: theirs"),
}
ANTHROPIC = {
    "overloaded": (
        "529 Overloaded",
        '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}',
        _JSON,
        "x-should-retry: true",
    ),
    "too long": (
        "400 Bad Request",
        '{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8 maximum"}}',
        _JSON,
    ),
    "a wrong key": (
        "401 Unauthorized",
        '{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}',
        _JSON,
        "request-id: req_1",
    ),
    "a limit of rates": (
        "429 Too Many Requests",
        '{"type":"error","error":{"type":"rate_limit_error","message":"m"}}',
        _JSON,
        "retry-after: 3",
        "anthropic-ratelimit-requests-limit: 50",
        "anthropic-ratelimit-requests-reset: 2026-01-01T00:00:00Z",
    ),
}


def _refused(group: str, target: str, answers: dict[str, tuple[str, ...]]) -> list[Case]:
    return [
        Case(
            f"{group}: {name}",
            target=target,
            body=PLAIN,
            answer=(lengthy(body.encode("latin-1" if "utf-16" in name else "utf-8"), *lines, status=status),),
        )
        for name, (status, body, *lines) in answers.items()
    ]


_ERROR = b'{"error":{"message":"m","type":"t","param":null,"code":null}}'

CASES: list[Case] = [
    *_refused("refused by OpenAI", CHAT, OPENAI),
    *_refused("refused", CHAT, OTHERS),
    *_refused("refused by Anthropic", MESSAGES, ANTHROPIC),
    *_refused(
        "responses refused",
        RESPONSES,
        {
            "not found": (
                "400 Bad Request",
                '{"error":{"message":"Previous response with id \'resp_x\' not found.","type":'
                '"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}',
                _JSON,
            )
        },
    ),
    Case("refused: a stream by JSON", body=ASKED, answer=(lengthy(_ERROR, _JSON, status="400 Bad Request"),)),
    Case(
        "refused: a stream by a stream",
        body=ASKED,
        answer=(
            bare("500 Internal Server Error", "content-type: text/event-stream", "transfer-encoding: chunked"),
            *events(b"data: " + _ERROR + b"\n\n")[1:],
        ),
    ),
    Case(
        "refused: in chunks",
        body=PLAIN,
        answer=chunked([_ERROR[:9], _ERROR[9:]], _JSON, status="503 Service Unavailable"),
    ),
    Case(
        "refused: to the connection's end",
        body=PLAIN,
        closes=True,
        answer=(bare("502 Bad Gateway", _HTML, "connection: close"), b"<html>"),
    ),
    Case(
        "refused: an upload",
        method="POST",
        target="/v1/files",
        headers=(JSON,),
        body=(b"a", b"b"),
        answer=(lengthy(_ERROR, _JSON, status="415 Unsupported Media Type"),),
    ),
    Case(
        "refused: a method",
        method="PUT",
        target=CHAT,
        body=PLAIN,
        answer=(lengthy(b"", "allow: POST, OPTIONS", status="405 Method Not Allowed"),),
    ),
]
