// Every call that /mem0 serves, by mem0's TypeScript client: `node mem0_calls.mjs HOST`, beside its node_modules.
import assert from "node:assert/strict";
import { MemoryClient } from "mem0ai";

const user = "carol/ç";
const client = new MemoryClient({ apiKey: "key-a", host: process.argv[2] });
await client.ping();

const added = await client.add([{ role: "user", content: "I prefer dark mode." }], { userId: user });
assert.equal(added.results[0].event, "ADD");
const raw = await client.add([{ role: "user", content: "Kept as it was said: 42." }], {
  userId: user,
  infer: false,
  metadata: { some_source: "form" },
});
const id = raw.results[0].id;
const item = await client.get(id);
assert.equal(item.memory, "Kept as it was said: 42.");
assert.equal(item.userId, user);
assert.deepEqual(item.metadata, { some_source: "form" });

const listed = await client.getAll({ filters: { user_id: user }, page: 1, pageSize: 1 });
assert.equal(listed.count, 2);
assert.equal(listed.results.length, 1);
assert.ok(listed.next);
const found = await client.search("What about dark mode?", { filters: { AND: [{ user_id: user }] }, topK: 1 });
assert.deepEqual(found.results.map((one) => one.memory), ["I prefer dark mode."]);

const changed = await client.update(id, { text: "Kept as it was said: 43.", expirationDate: "2999-12-31" });
assert.equal(changed.memory, "Kept as it was said: 43.");
assert.equal(changed.expirationDate, "2999-12-31");
const events = await client.history(id);
assert.deepEqual(events.map((one) => one.event).slice(0, 2), ["ADD", "UPDATE"]);
assert.equal(events[1].oldMemory, "Kept as it was said: 42.");

await client.batchUpdate([{ memoryId: id, text: "Kept as it was said: 44." }]);
assert.equal((await client.get(id)).memory, "Kept as it was said: 44.");
await client.batchDelete([id]);
await assert.rejects(client.get(id));
await client.delete(added.results[0].id);
await client.add([{ role: "user", content: "I like tea." }], { userId: user });
await client.deleteAll({ userId: user });
assert.deepEqual((await client.getAll({ filters: { user_id: user } })).results, []);
await assert.rejects(client.deleteAll());
await assert.rejects(client.getWebhooks());

const known = await client.users();
assert.ok(known.results.some((one) => one.type === "user" && one.name === user));
await client.deleteUsers({ userId: user });
assert.ok(!(await client.users()).results.some((one) => one.name === user));
