#!/usr/bin/env bash
# `make image-test`: builds the Dockerfile without a container engine, then starts the image as a read-only one and not
# as root until /readyz answers (start.py).
#
# buildah with chroot isolation runs the Dockerfile. The base image is made here by debootstrap and tagged with the name
# that the Dockerfile's ARG BASE has, so that no registry is asked. Wheels are fetched outside by this machine's pip, with
# its own settings, and mounted into the build. Base and wheels are kept in ~/.cache/postern/image (delete it for a fresh
# start); the images themselves lie in a temporary folder and go at the end. Needs root: called by others, it asks sudo.
set -euo pipefail
cd "$(dirname "$0")/../.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/postern/image
if [ "$(id -u)" != 0 ]; then
  exec sudo XDG_CACHE_HOME="${XDG_CACHE_HOME:-$HOME/.cache}" PATH="$PATH" bash tests/image/build.sh "$@"
fi
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

python=.venv/bin/python
[ -x "$python" ] || { echo "no .venv here: make it first (make run or make test does)" >&2; exit 1; }
lacking=()
for name in buildah debootstrap; do command -v "$name" >/dev/null || lacking+=("$name"); done
if [ ${#lacking[@]} -gt 0 ]; then
  apt-get install --yes --no-install-recommends "${lacking[@]}" || { apt-get update && apt-get install --yes --no-install-recommends "${lacking[@]}"; }
fi

say() { printf '%4ds  %s\n' "$SECONDS" "$*"; }
work=$(mktemp -d /var/tmp/postern-image.XXXXXX)
chmod 0755 "$work"
store=(--root "$work/storage" --runroot "$work/run" --storage-driver vfs)
clean() { buildah "${store[@]}" umount --all >/dev/null 2>&1 || true; rm -rf "$work"; }
trap clean EXIT

# The base: Debian 12 with Python 3.11, as its own packages have it.
base=$cache/bookworm-$(dpkg --print-architecture).tar
if [ ! -s "$base" ]; then
  say "base image by debootstrap (once)"
  mkdir -p "$cache"
  # From DEBIAN_MIRROR, else from where debootstrap takes it by itself.
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$work/base" \
    ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} > "$work/debootstrap.log" 2>&1 \
    || { tail -20 "$work/debootstrap.log" >&2; exit 1; }
  rm -rf "$work/base"/var/cache/apt/archives/*.deb "$work/base"/var/lib/apt/lists/*
  tar -C "$work/base" -cf "$base.new" . && mv "$base.new" "$base"
  rm -rf "$work/base"
fi
name=$(sed -n 's/^ARG BASE=//p' Dockerfile)
say "base image as $name"
container=$(buildah "${store[@]}" from scratch)
buildah "${store[@]}" add --quiet "$container" "$base" / >/dev/null
buildah "${store[@]}" commit --quiet --rm "$container" "docker.io/library/$name" >/dev/null

wheels=$cache/wheels-$(sha256sum requirements.txt | cut -c1-16)
if [ ! -f "$wheels/complete" ]; then
  say "wheels of requirements.txt"
  mkdir -p "$wheels"
  "$python" -m pip download -qq --disable-pip-version-check --only-binary :all: --python-version 3.11 \
    --dest "$wheels" -r requirements.txt
  touch "$wheels/complete"
fi

say "buildah build"
buildah "${store[@]}" build --quiet --format docker --isolation chroot --pull-never \
  --volume "$wheels:/wheels:ro" --build-arg PIP_ARGUMENTS="--no-index --find-links /wheels" \
  --tag postern . > "$work/build.log" 2>&1 || { tail -40 "$work/build.log" >&2; exit 1; }

container=$(buildah "${store[@]}" from --pull-never postern)
tree=$(buildah "${store[@]}" mount "$container")
buildah "${store[@]}" inspect --type image postern > "$work/image.json"
say "the image's files: $(du -sm "$tree" | cut -f1) MB, of which the base $(tar -tvf "$base" | awk '{s+=$3} END {print int(s/1048576)}') MB"
"$python" -m tests.image.start "$tree" "$work/image.json"
say "the image builds, starts read-only and not as root, and is ready"
