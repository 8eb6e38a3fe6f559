# Postern as an image: one node (gunicorn, its workers, keeper and courier), no compiler, not root, made for `--read-only`.
#
#   docker build -t postern .                                  # or: buildah build --format docker -t postern .
#   docker build --build-arg BASE=registry.example.net/python:3.11 .
#
# BASE must bring Python 3.11 or newer as `python3`, with venv. `bash tests/image/build.sh` builds and starts all this
# without a container engine.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# A folder of wheels that the build may mount at /wheels (no index is asked then); empty otherwise.
ARG PIP_ARGUMENTS=""
COPY requirements.txt /build/
# Wheels only: nothing is compiled, so no compiler is needed. pip itself stays behind in this stage.
RUN python3 -m venv /opt/postern \
 && /opt/postern/bin/python -m pip install --no-cache-dir --only-binary :all: ${PIP_ARGUMENTS} -r /build/requirements.txt \
 && /opt/postern/bin/python -m pip uninstall --yes --quiet setuptools pip \
 && find /opt/postern -name tests -path '*/site-packages/*' -type d -prune -exec rm -r {} +
COPY wsgi.py /srv/postern/
COPY app /srv/postern/app
COPY templates /srv/postern/templates
COPY static /srv/postern/static
COPY config /srv/postern/config
# The root file system is read-only later: byte code is written now. The demo is for `make run`, not for a node.
RUN rm -rf /srv/postern/app/demo \
 && /opt/postern/bin/python -m compileall -q -j 0 /srv/postern/app /srv/postern/config /srv/postern/wsgi.py

FROM ${BASE}
# A fixed number, so that tmpfs and volumes can name it. No home, no shell.
RUN groupadd --gid 10001 postern \
 && useradd --uid 10001 --gid 10001 --home-dir /srv/postern --no-create-home --shell /usr/sbin/nologin postern \
 && install -d -o postern -g postern -m 0700 /run/postern /var/spool/postern
COPY --from=build /opt/postern /opt/postern
COPY --from=build /srv/postern /srv/postern
WORKDIR /srv/postern
ENV PATH=/opt/postern/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    POSTERN_BIND=0.0.0.0:8000 \
    POSTERN_KEEPER_SOCKET=/run/postern/keeper.sock \
    POSTERN_DRAIN_FILE=/run/postern/drain \
    POSTERN_SPOOL=/var/spool/postern
USER 10001:10001
EXPOSE 8000
# Written at run time, each a tmpfs: /run/postern (the keeper's socket), /var/spool/postern (uploads on their way), /tmp.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["gunicorn", "-c", "config/gunicorn.conf.py", "wsgi:app"]
