# Sourced by run on hosts older than Debian 13: makes, updates and enters a Debian 13 root folder.
#
# Mirror, resolver, apt, pip and npm settings and the CA bundle are the host's; none of them is written into the
# repository. Mounts live in a private namespace, so that none outlives a command and removing the root folder can
# never reach the repository.

root=${FETTLE_ROOT:-$FETTLE_CACHE/debian13}

root_ensure() {
  [ "$(id -u)" = 0 ] || die "this host is older than Debian 13; run as root once, so that a Debian 13 root folder can be made in $root"
  local want; want=$(apt_packages | sort | sha256sum | cut -d' ' -f1)
  [ "$(cat "$root/etc/fettle-platform" 2>/dev/null)" = "$want" ] && return 0
  mkdir -p "$FETTLE_CACHE"
  exec 9>"$FETTLE_CACHE/root.lock"; flock 9
  [ "$(cat "$root/etc/fettle-platform" 2>/dev/null)" = "$want" ] && { exec 9>&-; return 0; }
  [ -e "$root/etc/debian_version" ] || root_create
  say "platform: installing $(apt_packages | wc -l) packages and what they need (1 to 3 minutes)"
  root_carry_settings
  root_mounted chroot "$root" /usr/bin/env DEBIAN_FRONTEND=noninteractive sh -c '
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/var/log/fettle-apt.log 2>&1 ||
    { tail -20 /var/log/fettle-apt.log; exit 1; }' sh $(apt_packages) >&2 || die "installing packages failed; see $root/var/log/fettle-apt.log"
  echo "$want" > "$root/etc/fettle-platform"
  exec 9>&-
}

root_mirror() { apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -v -e security | sort -u | head -n 1; }

root_create() {
  command -v mmdebstrap >/dev/null || {
    say "platform: installing mmdebstrap"
    { apt-get update -qq && apt-get install -y -qq mmdebstrap; } >/dev/null 2>&1 || die "cannot install mmdebstrap; install it and run again"
  }
  local mirror keyring part="$root.part"; mirror=$(root_mirror)
  say "platform: making a Debian 13 root folder in $root"
  rm -rf --one-file-system "$part"
  for keyring in /usr/share/keyrings/debian-archive-keyring.gpg /etc/apt/trusted.gpg; do [ -e "$keyring" ] && break; done
  local options=()
  for file in /etc/apt/apt.conf.d/*; do grep -q 'Acquire::' "$file" && options+=(--aptopt="$file"); done
  mmdebstrap --variant=minbase --mode=root --quiet "${options[@]}" trixie "$part" \
    "deb [signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} trixie main" >&2 || die "mmdebstrap failed"
  mv "$part" "$root"
}

# What a private mirror needs to be reached from inside.
root_carry_settings() {
  local file
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  cp -L /etc/hosts "$root/etc/hosts"
  for file in /etc/apt/apt.conf.d/*; do grep -q 'Acquire::' "$file" && cp "$file" "$root/etc/apt/apt.conf.d/"; done
  [ -d /etc/apt/auth.conf.d ] && cp -r /etc/apt/auth.conf.d "$root/etc/apt/"
  return 0
}

# Runs a command in a private mount namespace where the root folder holds the repository, the cache and the kernel's folders.
root_mounted() {
  FETTLE_BIND_CWD=$PWD unshare --mount --propagation private bash -c '
    set -e
    root=$1; shift
    bind() { [ -e "$1" ] || return 0; if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$(dirname "$root$1")"; [ -e "$root$1" ] || : > "$root$1"; fi; mount --rbind "$1" "$root$1"; }
    for path in /proc /sys /dev /tmp "$FETTLE_REPO" "$FETTLE_CACHE/home"; do bind "$path"; done
    case $FETTLE_BIND_CWD/ in
      /proc/*|/sys/*|/dev/*|/tmp/*|/usr/*|/etc/*|/|"$FETTLE_REPO"/*) ;;
      *) bind "$FETTLE_BIND_CWD" ;;
    esac
    for name in PIP_CERT SSL_CERT_FILE REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS CURL_CA_BUNDLE; do
      file=${!name:-}; [ -n "$file" ] && [ -f "$file" ] && mkdir -p "$root$(dirname "$file")" && { cmp -s "$file" "$root$file" || cp -L "$file" "$root$file"; }
    done
    for file in /etc/pip.conf "${HOME:-/root}/.npmrc" "${HOME:-/root}/.config/pip/pip.conf" "${HOME:-/root}/.pip/pip.conf" /etc/npmrc; do
      [ -f "$file" ] && mkdir -p "$root$(dirname "$file")" && { cmp -s "$file" "$root$file" || cp -L "$file" "$root$file"; }
    done
    exec "$@"' bash "$root" "$@"
}

root_enter() {
  mkdir -p "$FETTLE_CACHE/home"
  local keep=() name
  for name in $(compgen -e); do
    case $name in
      FETTLE_ROOT|FETTLE_CACHE|PATH|HOME|PWD|OLDPWD|SHLVL|_|LS_COLORS|BASH_FUNC_*|VIRTUAL_ENV|PYENV*|NVM*|GOPATH|GOROOT|JAVA_HOME|CARGO*|RUSTUP*|LD_*|LANG|LC_*) ;;
      *) keep+=("$name=${!name}") ;;
    esac
  done
  root_mounted chroot "$root" /usr/bin/env -i "${keep[@]}" \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="${HOME:-/root}" LANG=C.UTF-8 \
    FETTLE_INSIDE=1 FETTLE_CACHE="$FETTLE_CACHE/home" FETTLE_CWD="$PWD" "$FETTLE_REPO/run" "$@"
  exit $?
}
