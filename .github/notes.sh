#!/usr/bin/env bash
# Prints the section of a version, such as 1.2.0, in CHANGELOG.md; fails if it is empty.
set -euo pipefail
notes=$(awk -v version="$1" '
  $1 == "##" && ($2 == version || $2 == "[" version "]") { inside = 1; next }
  inside && (/^## / || /^\[[^]]+\]: /) { exit }
  inside
' "$(dirname "$0")/../CHANGELOG.md")
if [[ -z ${notes//[[:space:]]/} ]]; then
  echo "CHANGELOG.md has no section [$1]." >&2
  exit 1
fi
printf '%s\n' "$notes"
