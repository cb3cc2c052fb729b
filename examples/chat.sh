#!/bin/sh
# curl: a header says who is talking; the answer's headers say what memory did.
set -eu
URL="${MEMORY_URL:-http://127.0.0.1:8080}"

ask() {
  printf '%s: ' "$1"
  curl --silent --show-error --fail-with-body "$URL/v1/chat/completions" \
    -H "Authorization: Bearer ${OPENAI_API_KEY:-none}" -H "Content-Type: application/json" -H "X-Entity-Id: $1" \
    -d "{\"model\": \"${MODEL:-gpt-4o-mini}\", \"messages\": [{\"role\": \"user\", \"content\": \"$2\"}]}"
  echo
}

ask alice "My dog is called Biscuit."
ask alice "What is my dog called?"
ask bob "What is my dog called?"

# What is remembered of alice, and what the next chat would be told:
curl --silent --show-error --fail-with-body "$URL/api/memories?entity=alice"
echo
curl --silent --show-error --fail-with-body "$URL/api/recall" -H "Content-Type: application/json" \
  -d '{"entity": "alice", "query": "What is my dog called?"}'
echo
