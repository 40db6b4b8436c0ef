#!/usr/bin/env bash
# Builds build/vitrine-lambda-ARCHITECTURE.zip: all services for AWS Lambda.
#
#   deploy/lambda/package.sh [x86_64|arm64]
#
# The functions run on the Lambda runtime RUNTIME (default python3.13).  If that Python is installed
# here, the package also has bytecode; without it a function compiles all modules at each start.
# The same sources and the same lock file make the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly MAX_ZIPPED=50000000 MAX_UNZIPPED=250000000 # bytes that Lambda accepts

architecture=${1:-x86_64}
case $architecture in
  x86_64) machine=x86_64 ;;
  arm64) machine=aarch64 ;;
  *) echo "Unknown architecture $architecture. Give x86_64 or arm64." >&2 && exit 2 ;;
esac
runtime=${RUNTIME:-python3.13}
zip=${ZIP:-build/vitrine-lambda-$architecture.zip}
if [[ ! -x .venv/bin/uv ]]; then
  echo "The development tools are missing. Run \`make .venv/dev\` first." >&2 && exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source" "$work/package"
export PYTHONHASHSEED=0
install=(.venv/bin/uv pip install --quiet --no-cache --no-deps --python .venv/bin/python
  --target "$work/package")

# Compiled packages are installed as wheels for glibc 2.34, which is that of Amazon Linux 2023 and of
# all runtimes from python3.12 on.  openapi-ui-bundles is published as a source package only.
"${install[@]}" --require-hashes --only-binary :all: --no-binary openapi-ui-bundles \
  --python-version "${runtime#python}" --python-platform "$machine-manylinux_2_34" \
  -r requirements-lambda.lock
# From a copy, because a build in this folder would include files of an earlier build.
cp -R api_* shared vitrine pyproject.toml README.md LICENSE "$work/source"
"${install[@]}" --no-build-isolation "$work/source"

# The functions do not need the command line.
rm -rf "$work/package/bin" "$work/package/vitrine"
cp -R deploy/lambda/vitrine_lambda "$work/package"

# Files that are not needed to run the packages.
find "$work/package" -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} +
find "$work/package" -name '*.pyi' -delete
find "$work/package" -path '*.dist-info/*' \( -name RECORD -o -name INSTALLER -o -name REQUESTED \
  -o -name direct_url.json -o -name 'uv_*.json' \) -delete
rm -f "$work/package/.lock"

if "$runtime" -c "" 2>/dev/null; then
  "$runtime" -m compileall -q --invalidation-mode unchecked-hash \
    -s "$work/package" -p /var/task "$work/package"
else
  echo "$runtime is not installed here. The package has no bytecode, and its functions start slower." >&2
fi

mkdir -p "$(dirname "$zip")"
.venv/bin/python - "$work/package" "$zip" <<'PYTHON'
"""Zip a folder in a fixed order, without the dates and owners of this machine."""
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

folder, target = map(Path, sys.argv[1:])
with ZipFile(target, "w", ZIP_DEFLATED) as archive:
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        info = ZipInfo(file.relative_to(folder).as_posix())
        info.compress_type, info.external_attr = ZIP_DEFLATED, 0o100755 << 16
        archive.writestr(info, file.read_bytes())
PYTHON

zipped=$(wc -c <"$zip")
unzipped=$(find "$work/package" -type f -exec cat {} + | wc -c)
printf '%s: %d kB, %d kB unpacked, for the runtime %s\n' \
  "$zip" $((zipped / 1000)) $((unzipped / 1000)) "$runtime"
if ((zipped > MAX_ZIPPED || unzipped > MAX_UNZIPPED)); then
  echo "The package is too large. Lambda accepts $((MAX_ZIPPED / 1000000)) MB, and $((MAX_UNZIPPED / 1000000)) MB unpacked." >&2
  exit 1
fi
