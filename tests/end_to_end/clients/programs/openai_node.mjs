// The official OpenAI client for Node, chat completions.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

import { answerCalls, CITY, QUESTION, STORY, weather } from "./answering.mjs";

const home = z.object({ city: z.string() });
const user = (content) => ({ role: "user", content });

function completions({ url, headers }) {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-test", defaultHeaders: headers, maxRetries: 0 }).chat.completions;
}

await answerCalls({
  async talk(call) {
    const messages = [];
    for (const text of call.texts) {
      messages.push(user(text));
      messages.push((await completions(call).create({ model: "m", messages })).choices[0].message);
    }
    return messages.filter(({ role }) => role === "assistant").map(({ content }) => content);
  },
  async stream(call) {
    let text = "";
    for await (const chunk of await completions(call).create({ model: "m", messages: [user(call.text)], stream: true }))
      text += chunk.choices[0]?.delta?.content ?? "";
    return text;
  },
  tools(call) {
    const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const given = { name: "weather", description: "Tell the weather.", parameters, parse: JSON.parse, function: weather };
    const tools = [{ type: "function", function: given }];
    return completions(call).runTools({ model: "m", messages: [user(QUESTION)], tools, stream: true }).finalContent();
  },
  async parsed(call) {
    const format = zodResponseFormat(home, "home");
    const asked = { model: "m", messages: [user(CITY)], response_format: format };
    return (await completions(call).parse(asked)).choices[0].message.parsed;
  },
  async leave(call) {
    const stream = await completions(call).create({ model: "m", messages: [user(STORY)], stream: true });
    for await (const chunk of stream) {
      const text = chunk.choices[0]?.delta?.content;
      if (text) return text; // leaving the loop ends the stream
    }
  },
});
