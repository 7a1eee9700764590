#!/bin/sh
# Makes sure that redis-server (6.2 or newer) is on this machine: the tests and benches start their own, on a free port.
# Does nothing where it is found, installs it with the system's package manager where it may (root, or sudo that asks
# for no password), and otherwise says in one line what to install and exits with 1. No service is started for it.
set -eu

NEEDED='redis-server 6.2 or newer'

refuse() {
  echo "setup: $1" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Prints `7.0.15`. Valkey answers to the same name and in the same form.
version() { redis-server --version 2>/dev/null | sed -n 's/.*[ ]v=\([0-9][0-9.]*\).*/\1/p'; }

is_new_enough() {
  major=${1%%.*}
  rest=${1#*.}
  minor=${rest%%.*}
  [ "$major" -gt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -ge 2 ]; }
}

check_found() {
  found=$(version)
  [ -n "$found" ] || refuse "redis-server --version gives no version: install $NEEDED"
  is_new_enough "$found" || refuse "redis-server $found is too old: install $NEEDED"
  echo "setup: redis-server $found $1"
}

# Prints how to become root: nothing for root itself, `sudo -n` where it asks for no password.
elevation() {
  if [ "$(id -u)" -eq 0 ]; then
    return 0
  elif has sudo && sudo -n true >/dev/null 2>&1; then
    echo 'sudo -n'
  else
    return 1
  fi
}

# Debian starts a service on install unless this file forbids it. One that is there already is the owner's word: it stays.
POLICY=/usr/sbin/policy-rc.d

forbid_services() {
  [ ! -e "$POLICY" ] || return 0
  trap 'allow_services' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  printf '#!/bin/sh\nexit 101\n' | $AS_ROOT tee "$POLICY" >/dev/null && $AS_ROOT chmod 755 "$POLICY"
}

allow_services() { $AS_ROOT rm -f "$POLICY"; }

install_with_apt() {
  forbid_services || return 1
  # An unreachable mirror is no reason to stop: the lists at hand may do, and the install says so if they do not.
  $AS_ROOT apt-get -q -o DPkg::Lock::Timeout=120 update || echo 'setup: apt-get update failed, going on with the lists at hand' >&2
  $AS_ROOT env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold \
    install --no-install-recommends redis-server
}

# Newer Fedora and Arch carry Valkey, which is installed under Redis' names too.
install_with_dnf() { $AS_ROOT dnf install -y redis || $AS_ROOT dnf install -y valkey-compat-redis; }
install_with_pacman() { $AS_ROOT pacman -Sy --noconfirm --needed redis || $AS_ROOT pacman -S --noconfirm --needed valkey; }
install_with_apk() { $AS_ROOT apk add --no-cache redis; }
install_with_brew() { brew install redis; }

# The system's own package manager; brew last, since on Linux it is only ever an addition.
package_manager() {
  for manager in apt-get dnf apk pacman brew; do
    if has "$manager"; then
      echo "$manager"
      return 0
    fi
  done
  return 1
}

if has redis-server; then
  check_found 'is here'
  exit 0
fi

MANAGER=$(package_manager) || refuse "no package manager that this script knows: install $NEEDED"
AS_ROOT=''
if [ "$MANAGER" != brew ]; then # brew refuses to run as root
  AS_ROOT=$(elevation) || refuse "$MANAGER needs root or sudo without a password: install $NEEDED"
fi

echo "setup: installing redis-server with $MANAGER"
"install_with_${MANAGER%-get}" </dev/null || refuse "$MANAGER could not install it: install $NEEDED"
hash -r
has redis-server || refuse "$MANAGER installed no redis-server: install $NEEDED"
check_found 'was installed'
