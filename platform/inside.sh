# Sourced by run on the platform: Python and npm packages, and one function a command.

export FETTLE_VENV=${FETTLE_VENV:-$FETTLE_CACHE/venv}
export FETTLE_VENV_MLFLOW2=${FETTLE_VENV_MLFLOW2:-$FETTLE_VENV-mlflow2}  # a client of MLflow 2, for the tests
export CCACHE_DIR=${CCACHE_DIR:-$FETTLE_CACHE/ccache} CCACHE_BASEDIR=$FETTLE_REPO CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=5G
export npm_config_cache=${npm_config_cache:-$FETTLE_CACHE/npm}
export PIP_CACHE_DIR=${PIP_CACHE_DIR:-$FETTLE_CACHE/pip} PIP_DISABLE_PIP_VERSION_CHECK=1
[ -z "${SSL_CERT_FILE:-}" ] || export npm_config_cafile="$SSL_CERT_FILE"
unset PIP_FIND_LINKS
# Programs of this preset are on PATH.
export PRESET=${PRESET:-dev}
build_folder() { echo "${FETTLE_BUILD:-$FETTLE_REPO/build/$1}"; }
export PATH="$(build_folder "$PRESET")/apps:$FETTLE_VENV/bin:$PATH"

# Native hosts: the packages of platform/apt.txt, installed when root, else named.
platform_packages() {
  [ -z "${FETTLE_INSIDE:-}" ] || return 0
  local missing=() package
  for package in $(apt_packages); do dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "packages are missing; install them and run again: apt-get install ${missing[*]}"
  say "platform: installing ${#missing[@]} packages"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# A virtual environment with the packages of a list, when the list has changed since.
platform_python() {
  local venv=$1 list=$FETTLE_REPO/platform/$2 what=$3
  local stamp=$venv/fettle-digest
  [ "$(cat "$stamp" 2>/dev/null)" = "$(digest_of "$list")" ] && return 0
  say "platform: installing Python packages ($what)"
  [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --progress-bar off -r "$list" >&2
  digest_of "$list" > "$stamp"
}

# npm ci in a folder with a lock file, when the lock has changed since.
platform_npm() {
  local folder=$1
  [ -f "$folder/package-lock.json" ] || return 0
  local stamp=$folder/node_modules/.fettle-digest
  [ "$(cat "$stamp" 2>/dev/null)" = "$(digest_of "$folder/package-lock.json")" ] && return 0
  say "platform: installing npm packages of ${folder#"$FETTLE_REPO"/}"
  (cd "$folder" && npm ci --silent --no-fund --no-audit --ignore-scripts >&2)
  digest_of "$folder/package-lock.json" > "$stamp"
}

platform_ensure() {
  mkdir -p "$FETTLE_CACHE"
  exec 8>"$FETTLE_CACHE/platform.lock"; flock 8
  platform_packages
  platform_python "$FETTLE_VENV" requirements.txt "Arrow, test clients; 1 to 2 minutes"
  platform_python "$FETTLE_VENV_MLFLOW2" requirements-mlflow2.txt "a client of MLflow 2; half a minute"
  platform_npm "$FETTLE_REPO/web"
  platform_npm "$FETTLE_REPO/tools/data"  # the flights of the example and the demo
  exec 8>&-
}

run_exec() {
  [ $# -gt 0 ] || die "exec: give a command, for example: ./run exec fettle --version"
  cd "${FETTLE_CWD:-$PWD}" 2>/dev/null || cd "$FETTLE_REPO"
  exec "$@"
}

run_build() {
  local preset=${1:-dev}; [ $# -eq 0 ] || shift
  platform_ensure
  web_build
  local folder; folder=$(build_folder "$preset")
  cd "$FETTLE_REPO"
  # A build folder remembers where Arrow was found: another environment needs a fresh one.
  if [ ! -f "$folder/build.ninja" ] || [ "$(cat "$folder/.fettle-venv" 2>/dev/null)" != "$FETTLE_VENV" ]; then
    cmake --preset "$preset" --fresh -B "$folder" >&2 || die "configuring failed"
    echo "$FETTLE_VENV" > "$folder/.fettle-venv"
  fi
  cmake --build "$folder" -j "${FETTLE_JOBS:-$(nproc)}" ${1:+--target "$@"}
}

# The page's files land in web/dist, from where CMake embeds them.
web_build() {
  local web=$FETTLE_REPO/web
  [ -f "$web/package.json" ] || return 0
  local want; want=$(cd "$web" && find . -path ./node_modules -prune -o -path ./dist -prune -o -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -d' ' -f1)
  [ "$(cat "$web/dist/.fettle-digest" 2>/dev/null)" = "$want" ] && return 0
  say "web: building the page"
  (cd "$web" && npm run --silent build >&2)
  echo "$want" > "$web/dist/.fettle-digest"
}

# Under TSan only what is concurrent: its reports about libraries that were not built with it would be noise.
concurrent="sql event http serving control"

# PRESET=asan ./run test, PRESET=tsan ./run test: the same tests under a sanitizer.
run_test() {
  local build=() select=()
  if [ "$PRESET" = tsan ]; then
    build=($(printf '%s_test ' $concurrent))
    select=(-R "^($(echo $concurrent | tr ' ' '|'))\\.")
  fi
  run_build "$PRESET" "${build[@]}"
  say "tests ($PRESET)"
  cd "$FETTLE_REPO"
  exec ctest --test-dir "$(build_folder "$PRESET")" -j "$(nproc)" --output-on-failure --progress "${select[@]}" "$@"
}

# On the release preset, unless FETTLE_DEMO_PRESET says otherwise.
run_demo() {
  local preset=${FETTLE_DEMO_PRESET:-release}
  run_build "$preset"
  export PATH="$(build_folder "$preset")/apps:$PATH"
  exec python3 "$FETTLE_REPO/tools/demo/demo.py" "$@"
}

# Each fuzz target for some seconds, from its seeds; what it finds is kept in the build folder and printed.
run_fuzz() {
  local seconds=${1:-10} folder target name
  run_build fuzz fuzzers
  folder=$(build_folder fuzz)
  cd "$FETTLE_REPO"
  for target in "$folder"/fuzz/fuzz_*; do
    name=${target##*/fuzz_}
    say "fuzz: $name for $seconds s"
    mkdir -p "$folder/corpus/$name" "fuzz/seeds/$name"
    "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
      -artifact_prefix="$folder/corpus/$name-" "$folder/corpus/$name" "fuzz/seeds/$name" >"$folder/corpus/$name.log" 2>&1 ||
      { tail -n 40 "$folder/corpus/$name.log" >&2; die "fuzz: $name failed; its input is in $folder/corpus/"; }
    grep number_of_executed_units "$folder/corpus/$name.log"
  done
}

format_files() { git -C "$FETTLE_REPO" ls-files 'src/*.h' 'src/*.cc' 'apps/*.h' 'apps/*.cc' 'bench/*.cc' 'bench/*.h' 'fuzz/*.cc'; }

run_format() {
  cd "$FETTLE_REPO"
  local mode=-i; [ "${1:-}" = --check ] && mode="--dry-run --Werror"
  format_files | xargs -r -P "$(nproc)" -n 16 clang-format-19 $mode
}

run_lint() {
  cd "$FETTLE_REPO"
  platform_ensure
  local folder; folder=$(build_folder dev)
  [ -f "$folder/modules.txt" ] || cmake --preset dev -B "$folder" >/dev/null
  python3 tools/check_layers.py "$folder" && python3 tools/lint.py && run_format --check
}

run_bench() {
  run_build release
  export PRESET=release PATH="$(build_folder release)/apps:$(build_folder release)/bench:$PATH"
  cd "$FETTLE_REPO"
  exec python3 bench/run.py "$@"
}
