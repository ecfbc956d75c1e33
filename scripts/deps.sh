#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# deps.sh build|check|vm|foreign ...: installs the Debian packages of those purposes
# that are missing. When nothing is, apt is not called at all.
# shellcheck disable=SC2016,SC2068 source=lib.sh
. "$(dirname "$0")/lib.sh"

available() { [ -n "$(apt-cache policy "$1" 2>/dev/null | sed -n '/Candidate: (none)/d; s/.*Candidate: //p')" ]; }

# Leaves in MISSING those of the given entries of which no alternative is installed.
find_missing() {
	local entry name here
	here=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' ${@//|/ } 2>/dev/null || true) "
	MISSING=()
	for entry; do
		[[ " ${MISSING[*]-} " != *" $entry "* ]] || continue
		for name in ${entry//|/ }; do
			[[ $here != *" installed:$name "* ]] || continue 2
		done
		MISSING+=("$entry")
	done
}

wanted=()
for purpose; do
	case $purpose in
	build) read -ra more <<<"$DEPS_BUILD" ;;
	check) read -ra more <<<"$DEPS_CHECK" ;;
	vm) read -ra more <<<"$DEPS_VM" ;;
	foreign) read -ra more <<<"$DEPS_FOREIGN" ;;
	*) set -- && break ;;
	esac
	wanted+=("${more[@]}")
done
if [ $# -eq 0 ]; then
	echo "usage: deps.sh build|check|vm|foreign ..." >&2
	exit 2
fi

find_missing "${wanted[@]}"
[ ${#MISSING[@]} -gt 0 ] || exit 0
command -v apt-get >/dev/null || cannot "this is not Debian; install by hand: ${MISSING[*]}"

say "installing ${MISSING[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
as_root apt-get -q update >"$log" 2>&1 || say "NOTE: apt-get update: $(grep '^E:' "$log" | head -n 1)"

names=()
for entry in "${MISSING[@]}"; do
	for name in ${entry//|/ }; do
		if available "$name"; then
			names+=("$name")
			continue 2
		fi
	done
	cannot "no package of '$entry' in this machine's apt sources"
done
as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${names[@]}" >"$log" 2>&1 ||
	{
		tail -n 20 "$log" >&2
		cannot "apt-get could not install ${names[*]}"
	}
say "installed"
