"""mem0's own client, unmodified, with the gateway in place of its platform; chats and it know the same."""

import os

from mem0 import MemoryClient

URL = os.environ.get("MEMORY_URL", "http://127.0.0.1:8080")

client = MemoryClient(api_key=os.environ.get("MEMORY_KEY", "none"), host=f"{URL}/mem0")

client.add([{"role": "user", "content": "My dog is called Biscuit."}], user_id="alice")
for user in ("alice", "bob"):
    found = client.search("What is my dog called?", filters={"user_id": user})
    print(f"{user}:", [memory["memory"] for memory in found["results"]])
