# shellcheck shell=bash
# The Debian 12 packages that Barnabas needs, and how they get installed. Sourced by ops/test and
# ops/quickstart.

# To build and to run a cluster.
packages_to_run=(
    gcc libc6-dev cmake ninja-build python3
    libevent-dev libjansson-dev libzookeeper-mt-dev
    libsnappy-dev liblz4-dev libzstd-dev zlib1g-dev uthash-dev
    zookeeper # its daemon package is zookeeperd: nothing is started by this one
)
if [ "$(uname -m)" = x86_64 ]; then
    packages_to_run+=(libisal-dev)
fi

# The unit tests are part of every build.
packages_to_build=("${packages_to_run[@]}" libcmocka-dev)

# Also to run all tests.
# shellcheck disable=SC2034 # used by those who source this
packages_to_test=(
    "${packages_to_build[@]}"
    clang libclang-rt-14-dev ccache git binutils procps pkgconf
    clang-format-14 shellcheck
    mandoc zsh
    kcat python3-kazoo python3-kafka python3-snappy python3-lz4 python3-zstandard
    prometheus # for its programs; see packages_install
    systemd    # likewise, to look at the unit
)

# Also to measure beside other people's libraries.
# shellcheck disable=SC2034 # used by those who source this
packages_to_bench=(librdkafka-dev)

# Installs those of the given packages that are missing. Fast when none is.
packages_install() {
    local missing=() package as_root=()
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return 0
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "These packages are missing, and there is neither root nor sudo to install them:" >&2
            echo "  ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "Installing: ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "${missing[@]}" >/dev/null
    # Its package starts a server, which nobody asked for.
    if [[ " ${missing[*]} " == *" prometheus "* && -d /run/systemd/system ]]; then
        "${as_root[@]}" systemctl disable --quiet --now prometheus
    fi
}
