// How a client's program is asked: a call a line on its input, what the client saw a line on its output.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";

export const QUESTION = "What is the weather in Evora?";
export const STORY = "Tell me a long story.";
export const CITY = "Where does the user live?";

export const weather = async ({ city }) => `sunny in ${city}`;

export async function answerCalls(operations) {
  for await (const line of createInterface({ input: process.stdin })) {
    const call = JSON.parse(line);
    let saw;
    try {
      saw = await operations[call.do](call);
    } catch (error) {
      const raised = error.name === "Error" ? error.constructor.name : error.name;
      saw = { raised, status: error.status ?? error.statusCode ?? null, said: error.message ?? String(error) };
    }
    writeSync(1, `${JSON.stringify(saw)}\n`);
  }
}
