# One image for every process: docker build -t firstclaim . ; docker run firstclaim worker --port 8801
# The first stage builds the virtual environment, the second one has only that and the code.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
# The lock names every package with its hash, without what only tests and measurements need (`make lock`).
COPY deploy/docker/requirements.lock deploy/docker/requirements.lock
RUN python -m venv /opt/firstclaim \
 && /opt/firstclaim/bin/pip install --quiet --require-hashes --no-deps --requirement deploy/docker/requirements.lock
COPY . .
RUN /opt/firstclaim/bin/pip install --quiet --no-deps . \
 && /opt/firstclaim/bin/firstclaim --version

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="firstclaim" \
      org.opencontainers.image.description="A lead distribution engine on Kafka" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 firstclaim \
 && useradd --system --uid 10001 --gid firstclaim --home-dir /var/lib/firstclaim --create-home firstclaim
COPY --from=build /opt/firstclaim /opt/firstclaim
# The root file system may be read-only: only the state folder is written.
ENV PATH=/opt/firstclaim/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    FIRSTCLAIM_STATE_DIR=/var/lib/firstclaim FIRSTCLAIM_STATUS_HOST=0.0.0.0
USER 10001:10001
VOLUME /var/lib/firstclaim
WORKDIR /var/lib/firstclaim
ENTRYPOINT ["firstclaim"]
CMD ["--help"]
