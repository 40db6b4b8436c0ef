#!/usr/bin/env bash
# A walk through a shop of video games, with curl: what is asked, what is answered, and where the
# answer came from.  It cleans up behind itself.
#
#     scripts/walkthrough.sh                          # the services that `make up` starts
#     scripts/walkthrough.sh http://localhost:8000    # a gateway that has all of them
#     TOKEN=eyJ… scripts/walkthrough.sh               # where AUTH_MODE=token asks for a token
#
# A token that will do: .venv/bin/vitrine token --scope admin
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

# Sends a request and shows it with its answer, which is kept in $answer.
ask() {
  printf '> %s %s %s\n' "$1" "$2" "${3:-}"
  answer=$(curl -sS --fail-with-body -X "$1" "$2" "${headers[@]}" ${3:+--data "$3"}) || {
    printf '%s\n' "$answer"
    exit 1
  }
  printf '%s\n' "$answer"
}

# Reads something and shows how long that took, and what the cache had to do with it.
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

step 'Change two fields. The others stay.'
ask PUT "$products/products/$game" '{"price": 65, "quantity": 10}'

step 'List, filter and search.'
ask GET "$products/products?page=1&per=5&fields=id,name,price"
ask GET "$products/products?page=1&per=20&attr.genre=Sport&fields=id,name,price"
ask GET "$products/products?q=fifa+ps5&page=1&fields=id,name,price"

step 'Read the game twice: the first time it comes from MongoDB (fwd), the second from Redis (hit).'
look "$products/products/$game"
look "$products/products/$game"

step 'The same with a list. The key in Cache-Status is what RedisInsight shows.'
look "$products/products?page=1&per=5&attr.platform=PS5"
look "$products/products?page=1&per=5&attr.platform=PS5"

step 'Change the price: what was cached is worthless at once, and both show the new price.'
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

step 'Take both out again. They are in the trash, from where POST …/restore brings them back.'
ask DELETE "$products/products/$game"
ask DELETE "$clients/clients/$client"

step 'That was all. Next: docs/getting-started.md.'
