#!/usr/bin/env bash
# Deploys a package to a stack that was made by template.yaml before; docs/lambda.md describes that.
#
#   deploy/lambda/deploy.sh PACKAGE RELEASE
#
# It uploads the package to AWS_S3_BUCKET, and updates the stack AWS_STACK_NAME (default vitrine),
# with which all functions get the new code, a new version, and their alias moves to that version.
# Parameters of the stack that it does not name stay.  RELEASE has letters and digits only.
set -euo pipefail

if (($# != 2)) || [[ ! -f $1 || ! $2 =~ ^[A-Za-z0-9]+$ ]]; then
  echo "usage: deploy/lambda/deploy.sh PACKAGE RELEASE; RELEASE has letters and digits only" >&2
  exit 2
fi
package=$1 release=$2
bucket=${AWS_S3_BUCKET:?is not set; name the bucket for the package}
stack=${AWS_STACK_NAME:-vitrine}
key=vitrine-$release.zip

if ! aws cloudformation describe-stacks --stack-name "$stack" >/dev/null; then
  echo "There is no stack $stack to update. Make it first: docs/lambda.md, \"Deploy\"." >&2
  exit 1
fi
aws s3 cp "$package" "s3://$bucket/$key"
aws cloudformation deploy --stack-name "$stack" \
  --template-file "$(dirname "${BASH_SOURCE[0]}")/template.yaml" \
  --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset \
  --parameter-overrides CodeBucket="$bucket" CodeKey="$key" Release="$release"
url=$(aws cloudformation describe-stacks --stack-name "$stack" \
  --query 'Stacks[0].Outputs[0].OutputValue' --output text)
echo "Release $release answers at $url"
