#!/usr/bin/env bash
# Short commands for the containers; see docs/containers.md.
set -euo pipefail
cd "$(dirname "$0")"

dev() { docker compose -f docker-compose.yml -f docker-compose.dev.yml "$@"; }
prod() { docker compose -f docker-compose.yml -f docker-compose.prod.yml "$@"; }

# The running stack: prod if its Prometheus runs, otherwise dev.
current() {
  local mark=label=com.docker.compose.service=prometheus
  if [ -n "$(docker ps -q --filter label=com.docker.compose.project=vitrine --filter "$mark")" ]; then
    prod "$@"
  else
    dev "$@"
  fi
}

# Secrets are made once. Only the owner can read the folder; the containers can read its files.
make_secrets() {
  mkdir -p -m 700 secrets
  for name in secret_key grafana_password; do
    if [ ! -s "secrets/$name" ]; then
      od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"secrets/$name"
      chmod 444 "secrets/$name"
      echo "Made secrets/$name"
    fi
  done
}

case "${1:-}" in
  dev-up) dev up --build --detach ;;
  dev-down) dev down ;;
  prod-up)
    make_secrets
    prod up --build --detach
    ;;
  prod-down) prod down ;;
  build) dev build "${@:2}" ;;
  logs) current logs --follow --tail 100 "${@:2}" ;;
  exec)
    # A terminal is used only by a person, because it changes the line ends of captured output.
    tty=(-T)
    if [ -t 0 ] && [ -t 1 ]; then tty=(); fi
    current exec ${tty[@]+"${tty[@]}"} products "${@:2}"
    ;;
  test)
    dev build products
    dev run --rm --no-deps tests "${@:2}"
    ;;
  clean)
    read -r -p "This removes the containers, the images and ALL DATA in the volumes. Type yes: " sure
    [ "$sure" = yes ]
    prod --profile tools down --volumes --remove-orphans # redisinsight has data, too
    docker image rm --force vitrine vitrine:dev
    ;;
  *)
    cat >&2 <<'END'
usage: ./docker-scripts.sh COMMAND

  dev-up, dev-down      start for developing: code of this folder, reload, debug ports; end it
  prod-up, prod-down    start for production: secrets from files, limits, Grafana; end it
  build                 build the images
  logs [SERVICE...]     follow what is said
  exec <command>        run a command beside products: exec python -m vitrine token --scope admin
  test [ARGUMENT...]    run the tests inside a container; arguments are pytest's
  clean                 remove containers, images and all data
END
    exit 2
    ;;
esac
