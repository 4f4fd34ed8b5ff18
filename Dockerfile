# syntax=docker/dockerfile:1
# The bot as an image: no build tools, no root, nothing written outside /data. See docs/operate.md.
ARG PYTHON=3.11-slim-trixie

# -- build: the wheel, and a virtual environment with exactly what requirements.lock pins ------------------------------
FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/build && python -m venv --without-pip /opt/oncall

# The dependencies come first: they change less often than the code.
COPY requirements.lock requirements-build.lock ./
RUN /opt/build/bin/pip install --require-hashes -r requirements-build.lock \
 && /opt/build/bin/pip --python /opt/oncall/bin/python install --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE CHANGELOG.md manifest.yml ./
COPY bot bot
COPY handlers handlers
COPY integrations integrations
COPY migrations migrations
COPY sandbox sandbox
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /tmp/wheel \
 && /opt/build/bin/pip --python /opt/oncall/bin/python install --no-deps --no-index /tmp/wheel/*.whl

# -- the image ---------------------------------------------------------------------------------------------------------
FROM python:${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Oncall Agent" \
      org.opencontainers.image.description="An on-call teammate that lives in Slack." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# The base image's own installer is not needed any more. /data is the only place that is written to.
RUN python -m pip uninstall --yes --quiet pip setuptools wheel \
 && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/oncall /opt/oncall

ENV PATH=/opt/oncall/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    API_HOST=0.0.0.0 \
    API_PORT=8080 \
    DATABASE_URL=sqlite:////data/oncall.sqlite
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
USER 10001:10001

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"API_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["oncall-agent"]
CMD ["run"]
