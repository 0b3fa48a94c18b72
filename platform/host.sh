# Sourced by run: what the host is, and how progress is told.

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
die() { printf 'run: %s\n' "$*" >&2; exit 1; }

# Digest of files, to notice when what the platform needs has changed.
digest_of() { cat "$@" | sha256sum | cut -d' ' -f1; }

# True inside the Debian 13 root, on Debian 13 or newer, and on an Ubuntu with the same packages.
platform_is_native() {
  [ -n "${FETTLE_INSIDE:-}" ] && return 0
  local id version
  id=$(. /etc/os-release && echo "${ID:-}")
  version=$(. /etc/os-release && echo "${VERSION_ID:-0}")
  case $id in
    debian) [ "${version%%.*}" -ge 13 ] ;;
    ubuntu) [ "${version%%.*}" -ge 25 ] && apt-cache show libboost1.88-dev >/dev/null 2>&1 ;;
    *) return 1 ;;
  esac
}

apt_packages() { sed -e 's/#.*//' -e '/^\s*$/d' "$FETTLE_REPO/platform/apt.txt"; }
