// The AI SDK, with each of its providers that speak to a gateway.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { answerCalls, CITY, QUESTION, STORY, weather } from "./answering.mjs";

const home = z.object({ city: z.string() });
const given = { weather: tool({ description: "Tell the weather in a city.", inputSchema: home, execute: weather }) };
const models = {
  responses: (settings) => createOpenAI(settings)("m"),
  chat: (settings) => createOpenAI(settings).chat("m"),
  compatible: (settings) =>
    createOpenAICompatible({ name: "gateway", supportsStructuredOutputs: true, ...settings })("m"),
  messages: (settings) => createAnthropic(settings)("m"),
};

function asked({ url, headers, variant }) {
  const model = models[variant]({ baseURL: `${url}/v1`, apiKey: "sk-test", headers });
  return { model, maxRetries: 0 };
}

async function heard(result) {
  let text = "";
  for await (const part of result.fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") text += part.text;
  }
  return text;
}

await answerCalls({
  async talk(call) {
    const messages = [];
    const answers = [];
    for (const text of call.texts) {
      messages.push({ role: "user", content: text });
      const result = await generateText({ ...asked(call), messages });
      messages.push(...result.response.messages);
      answers.push(result.text);
    }
    return answers;
  },
  stream: (call) => heard(streamText({ ...asked(call), prompt: call.text, onError() {} })),
  tools: (call) => heard(streamText({ ...asked(call), prompt: QUESTION, tools: given, stopWhen: stepCountIs(3) })),
  async parsed(call) {
    const result = await generateText({ ...asked(call), prompt: CITY, output: Output.object({ schema: home }) });
    return result.output;
  },
  async leave(call) {
    const controller = new AbortController();
    const result = streamText({ ...asked(call), prompt: STORY, abortSignal: controller.signal });
    for await (const text of result.textStream) {
      controller.abort();
      return text;
    }
  },
});
