"""Requests to Chat Completions, as clients of many kinds write them."""

from __future__ import annotations

import base64

from tests.end_to_end.corpus.case import CHAT, COMPLETION, Case, asking

PLAIN = b'{"messages":[{"role":"user","content":"Say hello"}],"model":"gpt-6"}'
OPENAI_PYTHON = (
    "Accept: application/json",
    "Authorization: Bearer sk-proj-abc_DEF-123",
    "User-Agent: AsyncOpenAI/Python 3.52.0",
    "X-Stainless-Lang: python",
    "X-Stainless-Package-Version: 3.52.0",
    "X-Stainless-OS: Linux",
    "X-Stainless-Arch: x64",
    "X-Stainless-Runtime: CPython",
    "X-Stainless-Runtime-Version: 3.11.7",
    "X-Stainless-Async: async:asyncio",
    "x-stainless-retry-count: 0",
    "x-stainless-read-timeout: 600",
    "Accept-Encoding: gzip, deflate, br, zstd",
)
OPENAI_NODE = (
    "accept: application/json",
    "accept-language: *",
    "sec-fetch-mode: cors",
    "authorization: Bearer sk-x",
    "user-agent: OpenAI/JS 6.49.0",
    "x-stainless-lang: js",
    "x-stainless-package-version: 6.49.0",
    "x-stainless-retry-count: 1",
    "x-stainless-timeout: 60",
    "accept-encoding: br, gzip, deflate",
)

MESSAGES = {
    "developer, then user": '{"model":"o9","messages":[{"role":"developer","content":"Be terse."},'
    '{"role":"user","content":"Hi"}]}',
    "system in parts": '{"model":"m","messages":[{"role":"system","content":[{"type":"text","text":"One."},'
    '{"type":"text","text":"Two."}]},{"role":"user","content":"Hi","name":"ana_1"}]}',
    "a late system message": '{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":'
    '"Hello"},{"role":"system","content":"Now in French."},{"role":"user","content":"Again"}]}',
    "only a system message": '{"model":"m","messages":[{"role":"system","content":"You are alone."}]}',
    "no messages": '{"model":"m","messages":[]}',
    "several user messages in a row": '{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user",'
    '"content":"b"},{"role":"user","content":"c"}]}',
    "the answer begun by the client": '{"model":"m","messages":[{"role":"user","content":"List"},'
    '{"role":"assistant","content":"1. ","prefix":true}],"add_generation_prompt":false}',
    "content null, empty and absent": '{"model":"m","messages":[{"role":"user","content":""},{"role":"assistant",'
    '"content":null},{"role":"assistant"},{"role":"user","content":[]}]}',
    "a number as content": '{"model":"m","messages":[{"role":"user","content":42}]}',
    "an unknown role": '{"model":"m","messages":[{"role":"critic","content":"Hm"},{"role":"user","content":"Hi"}]}',
    "an empty role": '{"model":"m","messages":[{"role":"","content":"Hi"}]}',
    "keys in an odd order": '{"stream":false,"messages":[{"content":"Hi","role":"user"}],"n":1,"model":"m"}',
    "a very long conversation": '{"model":"m","messages":['
    + ",".join(f'{{"role":"user","content":"q{i}"}},{{"role":"assistant","content":"a{i}"}}' for i in range(200))
    + ',{"role":"user","content":"end"}]}',
    "a long text": '{"model":"m","messages":[{"role":"user","content":"' + "lorem ipsum, " * 3000 + '"}]}',
}
PARTS = {
    "text parts": '{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},'
    '{"type":"text","text":"b"}]}]}',
    "an image by address": '{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":'
    '{"url":"https://x.example/a.png?s=1&t=%20","detail":"low"}},{"type":"text","text":"What is it?"}]}]}',
    "an image after the text": '{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"And?"},'
    '{"type":"image_url","image_url":{"url":"data:image/gif;base64,R0lGODlhAQABAAAAACw="}}]}]}',
    "a large image": '{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":'
    f'"data:image/png;base64,{base64.b64encode(bytes(range(256)) * 900).decode()}"}}}}]}}]}}',
    "an image as a bare string": '{"model":"m","messages":[{"role":"user","content":[{"type":"image_url",'
    '"image_url":"https://x.example/a.png"}]}]}',
    "audio": '{"model":"m","modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"},"messages":[{"role":'
    '"user","content":[{"type":"input_audio","input_audio":{"data":"UklGRiQ=","format":"wav"}}]}]}',
    "audio of an earlier answer": '{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant",'
    '"audio":{"id":"audio_1"}},{"role":"user","content":"Louder"}]}',
    "a file by id": '{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}},'
    '{"type":"text","text":"Sum it up"}]}]}',
    "a file by its bytes": '{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":'
    '"a b.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQK"}}]}]}',
    "a video of another vendor": '{"model":"qwen-vl","messages":[{"role":"user","content":[{"type":"video_url",'
    '"video_url":{"url":"https://x.example/v.mp4"},"fps":2.0},{"type":"text","text":"Describe"}]}]}',
    "a part without a type": '{"model":"m","messages":[{"role":"user","content":[{"text":"Hi"}]}]}',
    "strings for parts": '{"model":"m","messages":[{"role":"user","content":["Hi","there"]}]}',
    "null for a part": '{"model":"m","messages":[{"role":"user","content":[null,{"type":"text","text":null}]}]}',
    "breakpoints of the cache": '{"model":"m","messages":[{"role":"system","content":[{"type":"text","text":"S",'
    '"cache_control":{"type":"ephemeral","ttl":"1h"}}]},{"role":"user","content":[{"type":"text","text":"Hi",'
    '"prompt_cache_breakpoint":{"mode":"explicit","ttl":"30m"}}]}],"prompt_cache_options":{"mode":"explicit"}}',
    "a refusal handed back": '{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","content":'
    '[{"type":"refusal","refusal":"No."}],"refusal":"No."},{"role":"user","content":"Why"}]}',
}
TOOLS = {
    "functions offered": '{"model":"m","messages":[{"role":"user","content":"Weather?"}],"tools":[{"type":"function",'
    '"function":{"name":"weather","description":"It\'s \\"raining\\"?","strict":true,"parameters":{"type":"object",'
    '"properties":{"city":{"type":"string","enum":["Évora","São Paulo"]}},"required":["city"],'
    '"additionalProperties":false}}}],"tool_choice":{"type":"function","function":{"name":"weather"}},'
    '"parallel_tool_calls":false}',
    "a custom tool with a grammar": '{"model":"m","messages":[{"role":"user","content":"Compute"}],"tools":[{"type":'
    '"custom","custom":{"name":"calc","format":{"type":"grammar","grammar":{"syntax":"lark","definition":'
    '"start: NUMBER \\"+\\" NUMBER\\nNUMBER: /[0-9]+/"}}}}],"tool_choice":"required"}',
    "allowed tools": '{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[],"tool_choice":{"type":'
    '"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}}',
    "two calls and their results": '{"model":"m","messages":[{"role":"user","content":"Both"},{"role":"assistant",'
    '"content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\\"a\\": 1}"}},'
    '{"id":"c2","type":"function","function":{"name":"f","arguments":""}}]},{"role":"tool","tool_call_id":"c2",'
    '"content":"two"},{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"one"}]}]}',
    "a result, and a new question": '{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant",'
    '"content":"","tool_calls":[{"id":"c","type":"custom","custom":{"name":"calc","input":"1+1"}}]},{"role":"tool",'
    '"tool_call_id":"c","content":"2"},{"role":"assistant","content":"Two."},{"role":"user","content":"And 2+2?"}]}',
    "arguments that are no JSON": '{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant",'
    '"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\\"a\\": "}}]},{"role":"tool",'
    '"tool_call_id":"c","content":"error: \\u0000 broken"}]}',
    "arguments as an object": '{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":'
    'null,"tool_calls":[{"type":"function","function":{"name":"f","arguments":{"a":1}}}]},{"role":"tool","name":"f",'
    '"content":"1"}]}',
    "the old functions": '{"model":"m","functions":[{"name":"f","parameters":{}}],"function_call":"auto","messages":['
    '{"role":"user","content":"a"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},'
    '{"role":"function","name":"f","content":"1"}]}',
    "thought signatures": '{"model":"gemini-4","messages":[{"role":"user","content":"a"},{"role":"assistant",'
    '"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":'
    '{"thought_signature":"CiQB/+=="}}}]},{"role":"tool","tool_call_id":"c","content":"1"}]}',
    "reasoning handed back": '{"model":"deepseek","messages":[{"role":"user","content":"a"},{"role":"assistant",'
    '"content":"b","reasoning_content":"Let me think.","reasoning_details":[{"type":"reasoning.encrypted","data":"z"}]'
    '},{"role":"user","content":"c"}],"thinking":{"type":"enabled"}}',
}
SETTINGS = {
    "a schema for the answer": '{"model":"m","messages":[{"role":"user","content":"Name?"}],"response_format":{"type":'
    '"json_schema","json_schema":{"name":"person","strict":true,"schema":{"$defs":{"n":{"type":"string"}},"type":'
    '"object","properties":{"name":{"$ref":"#/$defs/n"}},"required":["name"]}}}}',
    "JSON mode": '{"model":"m","messages":[{"role":"user","content":"json"}],"response_format":{"type":"json_object"}}',
    "many settings": '{"model":"m","messages":[{"role":"user","content":"x"}],"frequency_penalty":0.5,"logit_bias":'
    '{"50256":-100,"1":0},"logprobs":true,"top_logprobs":5,"max_completion_tokens":10,"n":3,"presence_penalty":-2,'
    '"seed":-9007199254740993,"service_tier":"flex","stop":["\\n","END",""],"store":true,"temperature":0,"top_p":1.0,'
    '"user":"u-1","safety_identifier":"s","verbosity":"low","reasoning_effort":"none"}',
    "a prediction": '{"model":"m","messages":[{"role":"user","content":"x"}],"prediction":{"type":"content","content":'
    '[{"type":"text","text":"def f():\\n\\treturn 1\\n"}]}}',
    "web search": '{"model":"m","messages":[{"role":"user","content":"x"}],"web_search_options":{"user_location":'
    '{"type":"approximate","approximate":{"country":"PT"}},"search_context_size":"low"}}',
    "explicit nulls": '{"model":"m","messages":[{"role":"user","content":"x","name":null}],"stop":null,"tools":null,'
    '"temperature":null,"stream":null,"metadata":null,"n":null}',
    "settings of vLLM": '{"model":"m","messages":[{"role":"user","content":"x"}],"top_k":20,"min_p":0.05,'
    '"repetition_penalty":1.1,"guided_regex":"(a|b)+","chat_template_kwargs":{"enable_thinking":false},"priority":-1}',
    "settings of OpenRouter": '{"model":"a/b:free","models":["a/b","c/d"],"route":"fallback","provider":{"order":["X"],'
    '"allow_fallbacks":false,"quantizations":["fp8"]},"transforms":["middle-out"],"plugins":[{"id":"web"}],"usage":'
    '{"include":true},"reasoning":{"effort":"high","exclude":false},"messages":[{"role":"user","content":"x"}]}',
    "settings of Ollama": '{"model":"llama3:8b","messages":[{"role":"user","content":"x","images":["aGk="]}],'
    '"options":{"num_ctx":4096},"keep_alive":"5m","think":true}',
    "settings of Gemini": '{"model":"gemini-4","messages":[{"role":"user","content":"x"}],"extra_body":{"google":'
    '{"cached_content":"c/1","thinking_config":{"include_thoughts":true}}}}',
    "settings of Azure": '{"messages":[{"role":"user","content":"x"}],"data_sources":[{"type":"azure_search",'
    '"parameters":{"endpoint":"https://s.example","index_name":"i","authentication":{"type":"api_key","key":"k"}}}]}',
    "metadata that is nobody's id": '{"model":"m","messages":[{"role":"user","content":"x"}],"metadata":{"trace":"1",'
    '"b":"","entity":"no"},"prompt_cache_key":"k"}',
    "no model": '{"messages":[{"role":"user","content":"x"}]}',
    "keys that nobody knows": '{"model":"m","messages":[{"role":"user","content":"x","x_":{"deep":[[[{}]]]}}],"":1,'
    '"\\u00e9":{"é":2},"__proto__":{"a":1},"constructor":null}',
}

CASES: list[Case] = [
    *asking("chat messages", CHAT, MESSAGES, COMPLETION, "Authorization: Bearer sk-x"),
    *asking("chat parts", CHAT, PARTS, COMPLETION, *OPENAI_NODE),
    *asking("chat tools", CHAT, TOOLS, COMPLETION, *OPENAI_PYTHON),
    *asking("chat settings", CHAT, SETTINGS, COMPLETION, "api-key: 0123456789abcdef"),
    Case("chat: in one chunk", body=(PLAIN,)),
    Case("chat: in chunks of a byte", body=tuple(PLAIN[i : i + 1] for i in range(len(PLAIN)))),
    Case("chat: Azure's address", target=CHAT + "?api-version=2026-10-01-preview", body=PLAIN),
    Case("chat: an odd query", target=CHAT + "?beta=true&beta=&x=%7E+a%20b&&=", body=PLAIN),
    Case("chat: no content type", headers=(), body=PLAIN),
    Case("chat: another content type", headers=("Content-Type: text/plain;charset=UTF-8",), body=PLAIN),
    Case("chat: a charset", headers=("content-type:application/json; charset=utf-8",), body=PLAIN),
]
