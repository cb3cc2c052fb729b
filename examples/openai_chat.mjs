// Run by a test only where NODE_MODULES names a folder with the package openai; elsewhere not run.
// The official OpenAI client for Node: another base address, and a header that says who is talking.
// Run by the tests where Node and the package openai are installed.
import OpenAI from "openai";

const url = process.env.MEMORY_URL ?? "http://127.0.0.1:8080";
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: process.env.OPENAI_API_KEY ?? "none" });

async function ask(user, text) {
  const stream = await client.chat.completions.create(
    { model: process.env.MODEL ?? "gpt-4o-mini", messages: [{ role: "user", content: text }], stream: true },
    { headers: { "X-Entity-Id": user, "X-Process-Id": "example" } },
  );
  let answer = "";
  for await (const chunk of stream) answer += chunk.choices[0]?.delta?.content ?? "";
  return answer;
}

console.log("alice:", await ask("alice", "My dog is called Biscuit."));
console.log("alice:", await ask("alice", "What is my dog called?"));
console.log("bob:", await ask("bob", "What is my dog called?"));
