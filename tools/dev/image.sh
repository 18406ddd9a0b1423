# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The container image: staged, listed, built with what the machine has. Sourced by ./dev.

readonly IMAGE_FILES=build/image
readonly IMAGE_PACKAGES=(buildah ca-certificates debootstrap podman runc)
readonly IMAGE_USAGE="usage: ./dev image [--target runtime|sagemaker] [--tag TAG] [--base IMAGE@sha256:DIGEST]
       [--without-openvino] [--revision TEXT] [--files-only]"

cmd_image() { #: build the container image: --target runtime|sagemaker, --tag TAG, --base IMAGE@DIGEST
  local target=runtime tag='' base='' revision='' files_only=no files_options=() engine
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --target | --tag | --base | --revision)
        [[ $# -ge 2 && -n "$2" ]] || fail "$IMAGE_USAGE" 64
        local "${1#--}=$2"
        shift 2
        ;;
      --without-openvino) files_options+=("$1"); shift ;;
      --files-only) files_only=yes; shift ;;
      *) fail "$IMAGE_USAGE" 64 ;;
    esac
  done
  [[ $target == runtime || $target == sagemaker ]] || fail "$IMAGE_USAGE" 64
  [[ -z $base || $base == localhost/* || $base == *@sha256:* ]] ||
    fail "--base wants a digest (IMAGE@sha256:…): a tag may mean something else tomorrow" 64
  : "${tag:=holdfast:$target}"
  : "${revision:=$(git rev-parse HEAD 2>/dev/null || echo unknown)}"
  prepare_silently
  step "build (release)" compile release "${EXECUTABLES[@]}"
  step "files of the image" "$PYTHON" -m tools.dev.image_files "$IMAGE_FILES" \
    --version "$(product_version)" --revision "$revision" "${files_options[@]}"
  if [[ $files_only == yes ]]; then
    finish "image: done, see $IMAGE_FILES/"
    return
  fi
  engine="$(image_engine)"
  if [[ $engine == buildah ]]; then
    step "Debian packages" install_packages "${IMAGE_PACKAGES[@]}"
    : "${base:=$(debian_base_name)}"
    [[ $base != "$(debian_base_name)" ]] || step "base image" make_debian_base "$base"
  fi
  step "image $tag" "build_image_with_$engine" --target "$target" --tag "$tag" \
    --build-arg "BASE=${base:-debian:bookworm-slim}" --build-arg FILES=prebuilt \
    --build-arg "VERSION=$(product_version)" --build-arg "REVISION=$revision"
  finish "image: done, $tag ($engine)"
}

product_version() { sed -nE 's/^project\(holdfast VERSION ([0-9.]+) .*/\1/p' CMakeLists.txt; }

# Docker where it runs and buildah is not there; it needs a registry for the base.
image_engine() {
  if ! command -v buildah >/dev/null && docker info >/dev/null 2>&1; then
    echo docker
  else
    echo buildah
  fi
}

build_image_with_docker() { docker build "$@" .; }

# Chroot isolation needs no privileges beyond root's; only docker's format has health checks.
# Buildah 1.28 keeps the containers and the nameless images of stages; those of this build go.
build_image_with_buildah() {
  local containers images left
  containers="$(buildah containers --quiet | LC_ALL=C sort)"
  images="$(nameless_images)"
  quietly image buildah bud --isolation chroot --network host --format docker "$@" .
  mapfile -t left < <(comm -13 <(printf '%s\n' "$containers") <(buildah containers --quiet | LC_ALL=C sort))
  [[ ${#left[@]} -eq 0 ]] || buildah rm "${left[@]}" >/dev/null
  mapfile -t left < <(comm -13 <(printf '%s\n' "$images") <(nameless_images))
  # One may be the ground of another, or of somebody's container: then it stays.
  [[ ${#left[@]} -eq 0 ]] || buildah rmi "${left[@]}" >/dev/null 2>&1 || true
}

nameless_images() { buildah images --quiet --no-trunc --filter dangling=true | LC_ALL=C sort -u; }

# The number counts what is taken into it, below.
debian_base_name() { echo "localhost/holdfast-base:bookworm-2-$(dpkg --print-architecture)"; }

# What the server's libraries rest on, and the roots of trust; no shell, no package manager.
readonly BASE_PACKAGES=(base-files ca-certificates libc6 libgcc-s1 libstdc++6 netbase)

# make_debian_base NAME: a small Debian 12 from the machine's own mirror, where no registry is.
# It has no security updates; a release's base has.
make_debian_base() {
  local archive
  archive="${XDG_CACHE_HOME:-$HOME/.cache}/holdfast/base-${1##*:}.tar"
  [[ -f "$archive" ]] || debootstrap_to "$archive" || fail "no base image; give one with --base"
  if ! podman image exists "$1"; then podman import --quiet "$archive" "$1" >/dev/null; fi
}

debootstrap_to() {
  local archive="$1" scratch mirror
  # shellcheck disable=SC2016  # It is apt that expands it.
  mirror="$(apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' 'RELEASE: bookworm' 'COMPONENT: main' | head -n 1)"
  [[ -n "$mirror" ]] || { say "    no bookworm in apt's sources"; return 1; }
  say "    debootstrap; this takes two minutes, once"
  mkdir -p "$(dirname "$archive")"
  scratch="$(mktemp -d -p /var/tmp holdfast-base.XXXXXX)"
  # shellcheck disable=SC2064  # The value of now is meant.
  trap "rm -rf '$scratch'" EXIT
  chmod 755 "$scratch"
  quietly debootstrap debootstrap --variant=minbase --include=ca-certificates,netbase \
    bookworm "$scratch" "$mirror" || return 1
  # Scanners read the packages here, as in images that have no dpkg of their own.
  local package
  mkdir "$scratch/var/lib/dpkg/status.d"
  for package in "${BASE_PACKAGES[@]}"; do
    dpkg-query --admindir "$scratch/var/lib/dpkg" --status "$package" \
      >"$scratch/var/lib/dpkg/status.d/$package" || return 1
  done
  base_files "$scratch" | tar -C "$scratch" --numeric-owner --no-recursion --null \
    --files-from - -cf "$archive.part" && mv "$archive.part" "$archive"
}

# base_files ROOT: the files of BASE_PACKAGES below ROOT, each ended by a zero byte. Tables that only
# iconv reads stay out, and documents but the licences; /etc/ssl has all certificates in one file.
base_files() {
  (
    cd "$1" || exit
    {
      # Packages name /lib where Debian has /usr/lib today.
      dpkg-query --admindir "$PWD/var/lib/dpkg" --listfiles "${BASE_PACKAGES[@]}" |
        sed -E 's#^/(bin|sbin|lib|lib32|lib64|libx32)(/|$)#/usr/\1\2#; s#^/\.?#./#; s#^\./$#.#' |
        grep -vE '/(gconv|ca-certificates|man|lintian|bug|sbin)(/|$)|/share/doc/.*/(changelog|NEWS|README|FAQ)'
      find bin sbin lib* -maxdepth 0 -type l | sed 's#^#./#'
      printf './%s\n' etc/group etc/nsswitch.conf etc/passwd etc/ssl/certs/ca-certificates.crt \
        usr/share/doc/ca-certificates usr/share/doc/ca-certificates/copyright \
        var/lib/dpkg/status.d var/lib/dpkg/status.d/*
    } | LC_ALL=C sort -u | while read -r file; do
      if [[ -e $file || -L $file ]]; then printf '%s\0' "$file"; fi
    done
  )
}
