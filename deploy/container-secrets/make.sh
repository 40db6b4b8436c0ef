#!/bin/sh
# Makes the secrets of the containers in a folder, each once, and the addresses with them:
# sh make.sh FOLDER
# Only the user of the containers, and root, can read them.
set -eu
umask 077
cd "$1"

# Writes a file as a whole, unless it is there.
keep() { [ -s "$1" ] || { cat >new && mv new "$1"; }; }
# Writes a file as a whole, again at each start: the addresses follow the passwords.
put() { cat >new && mv new "$1"; }
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# In production the key for signing tokens is a file of the host; otherwise it may be in .env.
if [ -e /run/secrets/secret_key ]; then
  cat /run/secrets/secret_key >/dev/null
elif [ -n "${SECRET_KEY:-}" ]; then
  printf %s "$SECRET_KEY" | put secret_key
else
  random | keep secret_key
fi
random | keep mongo_key
random | keep mongo_password
random | keep redis_password
mongo=$(cat mongo_password)
redis=$(cat redis_password)
echo "mongodb://vitrine:$mongo@mongo:27017/vitrine?authSource=admin&directConnection=true" | put mongo_uri
echo "redis://:$redis@redis:6379/0" | put redis_url
echo "redis://:$redis@redis-queue:6379/0" | put redis_queue_url
