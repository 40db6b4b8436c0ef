#!/usr/bin/env bash
# Walk through a shop of video games with curl.  Each step shows a request, its answer, and whether
# the answer came from the cache.  At the end everything it made is deleted.
#
#     scripts/walkthrough.sh                          # the services of `make up`
#     scripts/walkthrough.sh http://localhost:8000    # a gateway before all of them
#     TOKEN=eyJ… scripts/walkthrough.sh               # with AUTH_MODE=token
#
# To make a token: .venv/bin/vitrine token --scope admin
set -euo pipefail

gateway=${1:-}
products=${gateway:-${PRODUCTS_URL:-http://localhost:5000}}
clients=${gateway:-${CLIENTS_URL:-http://localhost:5001}}
headers=(-H 'Content-Type: application/json')
if [ -n "${TOKEN:-}" ]; then
  headers+=(-H "Authorization: Bearer $TOKEN")
fi

step() {
  printf '\n== %s\n' "$1"
}

# Send a request, show it with its answer, and keep the answer in $answer.
ask() {
  printf '> %s %s %s\n' "$1" "$2" "${3:-}"
  answer=$(curl -sS --fail-with-body -X "$1" "$2" "${headers[@]}" ${3:+--data "$3"}) || {
    printf '%s\n' "$answer"
    exit 1
  }
  printf '%s\n' "$answer"
}

# Send a GET, and show its Cache-Status and the time it took.
look() {
  printf '> GET %s\n' "$1"
  curl -sS --fail -o /dev/null -D - -w 'it took %{time_total} s\n' "$1" "${headers[@]}" |
    tr -d '\r' | grep -i -e '^cache-status' -e '^it took'
}

id() {
  sed 's/^{"id": *\([0-9]*\).*/\1/' <<<"$answer"
}

step 'Is Redis there?'
ask GET "$products/__ping/redis"
ask GET "$clients/__ping/redis"

step 'Put a game into the shop. Only a name is needed; attributes are free.'
ask POST "$products/products" '{"title": "FIFA 25", "price": 70, "quantity": 12, "attributes": {"genre": "Sport", "platform": "PS5", "year": 2024}}'
game=$(id)

step 'Change two fields. The other fields stay.'
ask PUT "$products/products/$game" '{"price": 65, "quantity": 10}'

step 'List, filter and search.'
ask GET "$products/products?page=1&per=5&fields=id,name,price"
ask GET "$products/products?page=1&per=20&attr.genre=Sport&fields=id,name,price"
ask GET "$products/products?q=fifa+ps5&page=1&fields=id,name,price"

step 'Read the game twice: the first time it comes from MongoDB (fwd), the second from Redis (hit).'
look "$products/products/$game"
look "$products/products/$game"

step 'The same with a list. RedisInsight shows the entry under the key in Cache-Status.'
look "$products/products?page=1&per=5&attr.platform=PS5"
look "$products/products?page=1&per=5&attr.platform=PS5"

step 'Change the price. The cached answers are stale at once: both reads show the new price.'
ask PUT "$products/products/$game" '{"price": 59.99}'
look "$products/products/$game"
ask GET "$products/products/$game?fields=id,price"
ask GET "$products/products?page=1&per=5&attr.platform=PS5&fields=id,price"

step 'The same with a client: dates as in Belgium, a phone with its zero, any alphabet.'
ask POST "$clients/clients" '{"name": "Nirina Cr\u00e9pin", "birthday": "29/10/2001", "phone": "02562358455", "city": "Bousval", "genre": "Woman"}'
client=$(id)
ask PUT "$clients/clients/$client" '{"city": "Brussels"}'
look "$clients/clients?page=1&per=10&city=Brussels"
look "$clients/clients?page=1&per=10&city=Brussels"

step 'Delete both. They are in the trash; POST …/restore brings them back.'
ask DELETE "$products/products/$game"
ask DELETE "$clients/clients/$client"

step 'That was all. Next: docs/getting-started.md.'
