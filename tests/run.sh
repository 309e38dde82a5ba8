#!/usr/bin/env bash
# Runs every test. Installs what the tests need from Debian's packages when it is root and something is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

# A program that tells whether the package is there, and the package.
needs=(
    "nginx nginx-light"
    "strace strace"
    "javac default-jdk-headless"
    "ip iproute2"
    "unshare util-linux"
    "curl curl"
    "valgrind valgrind"
    "faketime faketime"
    "chromium chromium"
    "chromedriver chromium-driver"
    "prometheus prometheus"
    "promtool prometheus"
    "fio fio"
    "redis-server redis-server"
    "pg_createcluster postgresql"
    "mariadbd mariadb-server"
    "stress-ng stress-ng"
    "python3 python3-minimal"
)

missing=()
for need in "${needs[@]}"; do
    read -r program package <<<"$need"
    PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null 2>&1 || missing+=("$package")
done
# A module of Debian's own Python, and its package.
modules=(
    "pytest python3-pytest"
    "pytest_benchmark python3-pytest-benchmark"
    "xdist python3-pytest-xdist"
)
for need in "${modules[@]}"; do
    read -r module package <<<"$need"
    /usr/bin/python3 -c "import $module" >/dev/null 2>&1 || missing+=("$package")
done
[ -e /usr/share/java/hdrhistogram.jar ] || missing+=(libhdrhistogram-java)

if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing: ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    else
        echo "these Debian packages are missing, and only root can install them: ${missing[*]}" >&2
        echo "install them, or run this as root; tests that need them will fail" >&2
    fi
fi

export PATH="$PATH:/usr/sbin:/sbin"
# What makes up requests of the API's own document comes from PyPI, into a folder of its own. Without it one test judges nothing, and says so.
tools="${CARGO_TARGET_DIR:-target}/test-tools"
if ! command -v schemathesis >/dev/null 2>&1 && [ ! -x "$tools/bin/schemathesis" ]; then
    { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet schemathesis; } ||
        echo "schemathesis cannot be installed: the test of the API's document will not be judged" >&2
fi
export PATH="$PATH:$(cd "$(dirname "$tools")" && pwd)/$(basename "$tools")/bin"
# The tests of the whole system play with the real binary.
cargo build --workspace --bins --examples
# Instructions are counted of optimised code: of the engine alone, which is the part that builds quickest.
cargo build --release -p fleetmark-bench --bin closed_loop
cargo test --workspace --doc --quiet
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace
else
    cargo test --workspace --lib --bins --tests
fi
