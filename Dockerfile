# One image for every process of Infrastructor: agent, streams, sinks, and the commands that prepare topics and database.
#
#   docker build --tag infrastructor:0.1.0 .
#
# The base image is pinned by its version tag. To pin it by digest, which nobody can move, write
# `python:3.11.15-slim-bookworm@sha256:<digest>`, with the digest that `docker buildx imagetools inspect <image>` shows.
#
# pip asks the index it is set up for. Behind a mirror, hand your pip.conf to the build, where it leaves no trace:
#   docker build --secret id=pip_conf,src="$HOME/.config/pip/pip.conf" --tag infrastructor:0.1.0 .

ARG PYTHON_IMAGE=python:3.11.15-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
RUN python -m venv /opt/infrastructor
ENV PATH=/opt/infrastructor/bin:$PATH
# The dependencies first: they change rarely, so this layer is reused while the project's own files change.
COPY requirements/server.txt /src/requirements/server.txt
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf,required=false \
    pip install --require-hashes --only-binary :all: --requirement /src/requirements/server.txt
COPY . /src
# hatchling comes from server.txt, checked by its hash like the rest; an isolated build would fetch it unchecked.
RUN pip install --no-deps --no-index --no-build-isolation /src \
    && pip uninstall --yes hatchling editables pluggy pathspec trove-classifiers setuptools pip \
    && infrastructor --version

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Infrastructor" \
      org.opencontainers.image.licenses="Apache-2.0"
# A number, not a name: Kubernetes' runAsNonRoot can only judge numbers. The data folder is made here because a new
# named volume takes over the owner of the folder it is mounted on.
RUN groupadd --system --gid 10001 infrastructor \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
       --shell /usr/sbin/nologin infrastructor \
    && install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/infrastructor
COPY --from=build /opt/infrastructor /opt/infrastructor
# No .pyc files are written at run time (the file system is read-only); pip wrote them at build time.
ENV PATH=/opt/infrastructor/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    INFRASTRUCTOR_DATA_DIR=/var/lib/infrastructor \
    INFRASTRUCTOR_LOG__FORMAT=json \
    INFRASTRUCTOR_HTTP__HOST=0.0.0.0 \
    INFRASTRUCTOR_HTTP__PORT=9464
USER 10001:10001
WORKDIR /var/lib/infrastructor
EXPOSE 9464
STOPSIGNAL SIGTERM
ENTRYPOINT ["infrastructor"]
CMD ["--help"]
