#!/usr/bin/env bash
# Builds build/vitrine-lambda-ARCHITECTURE.zip, which is all services for AWS Lambda.
#
#   deploy/lambda/package.sh [x86_64|arm64]
#
# The functions run by the runtime RUNTIME, python3.13 unless told otherwise.  Where that Python is
# here, too, the package holds its bytecode: a function cannot keep any, and would compile
# everything whenever it starts.  The same sources and lock make the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly MOST_ZIPPED=50000000 MOST_UNZIPPED=250000000 # Bytes that Lambda takes.

architecture=${1:-x86_64}
case $architecture in
  x86_64) machine=x86_64 ;;
  arm64) machine=aarch64 ;;
  *) echo "There is no architecture $architecture; take x86_64 or arm64." >&2 && exit 2 ;;
esac
runtime=${RUNTIME:-python3.13}
zip=${ZIP:-build/vitrine-lambda-$architecture.zip}
if [[ ! -x .venv/bin/uv ]]; then
  echo "Run \`make .venv/dev\` first." >&2 && exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source" "$work/package"
export PYTHONHASHSEED=0
install=(.venv/bin/uv pip install --quiet --no-cache --no-deps --python .venv/bin/python
  --target "$work/package")

# Whatever is compiled comes as a wheel, for the glibc 2.34 of Amazon Linux 2023, which is below every
# runtime from python3.12 on.  The pages of the documentation come as sources only.
"${install[@]}" --require-hashes --only-binary :all: --no-binary openapi-ui-bundles \
  --python-version "${runtime#python}" --python-platform "$machine-manylinux_2_34" \
  -r requirements-lambda.lock
# From a copy, for a build in this folder would take what an earlier one has left.
cp -R api_* shared vitrine pyproject.toml README.md LICENSE "$work/source"
"${install[@]}" --no-build-isolation "$work/source"

# The command line stays here.
rm -rf "$work/package/bin" "$work/package/vitrine"
cp -R deploy/lambda/vitrine_lambda "$work/package"

# What nobody reads where the packages only run.
find "$work/package" -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} +
find "$work/package" -name '*.pyi' -delete
find "$work/package" -path '*.dist-info/*' \( -name RECORD -o -name INSTALLER -o -name REQUESTED \
  -o -name direct_url.json -o -name 'uv_*.json' \) -delete
rm -f "$work/package/.lock"

if "$runtime" -c "" 2>/dev/null; then
  "$runtime" -m compileall -q --invalidation-mode unchecked-hash \
    -s "$work/package" -p /var/task "$work/package"
else
  echo "There is no $runtime here, so the package has no bytecode and its functions start slower." >&2
fi

mkdir -p "$(dirname "$zip")"
.venv/bin/python - "$work/package" "$zip" <<'PYTHON'
"""Puts a folder into a zip: in order, and with neither dates nor owners of this machine."""
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

folder, target = map(Path, sys.argv[1:])
with ZipFile(target, "w", ZIP_DEFLATED) as made:
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        info = ZipInfo(file.relative_to(folder).as_posix())
        info.compress_type, info.external_attr = ZIP_DEFLATED, 0o100755 << 16
        made.writestr(info, file.read_bytes())
PYTHON

zipped=$(wc -c <"$zip")
unzipped=$(find "$work/package" -type f -exec cat {} + | wc -c)
printf '%s: %d kB, %d kB unpacked, for the runtime %s\n' \
  "$zip" $((zipped / 1000)) $((unzipped / 1000)) "$runtime"
if ((zipped > MOST_ZIPPED || unzipped > MOST_UNZIPPED)); then
  echo "Lambda takes $((MOST_ZIPPED / 1000000)) MB, and $((MOST_UNZIPPED / 1000000)) MB unpacked." >&2
  exit 1
fi
