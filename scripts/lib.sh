# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# shellcheck disable=SC2016,SC2153
# Shared by the scripts of this folder; source it, do not run it.
# Needs bash, apt and dpkg of any Debian from 12 on.

set -euo pipefail
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.sh
. "$SCRIPTS/versions.sh"

PCIGATE_CACHE=${PCIGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pcigate}
export PCIGATE_CACHE
# The clock starts with the first script and is handed to those it calls.
PCIGATE_START=${PCIGATE_START:-$(date +%s)}
export PCIGATE_START

# --- talking ---------------------------------------------------------------

# One progress line with the seconds since the start.
say() { printf '[%4ds] %s\n' "$(($(date +%s) - PCIGATE_START))" "$*" >&2; }

# The machine cannot: one line that names the way out, exit 3.
cannot() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 3
}

# note_version WHAT GOT TESTED: visible, never fatal.
note_version() {
	[ "$2" = "$3" ] || say "NOTE: $1 is version $2, tested with $3; going on"
}

# version_at_least HAVE MINIMUM
version_at_least() { dpkg --compare-versions "$1" ge "$2"; }

# --- becoming root ---------------------------------------------------------

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		cannot "'$*' needs root: run as root or install sudo"
	fi
}

# --- cached pieces ---------------------------------------------------------
#
# A piece is a folder in the cache. Its file "stamp" is written last:
#   want TEXT        what was asked for, from versions.sh
#   file SIZE NAME   key files, to notice damage
#   have TEXT        what was got, for people
# A piece without a stamp, with another want, or with a key file of another
# size is built again in a folder beside it and renamed into place.

piece_is_good() { # PIECE WANT
	local stamp=$PCIGATE_CACHE/$1/stamp kind size name
	[ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" = "want $2" ] || return 1
	while read -r kind size name; do
		[ "$kind" = file ] || continue
		[ "$(stat -c %s "$PCIGATE_CACHE/$1/$name" 2>/dev/null)" = "$size" ] || return 1
	done <"$stamp"
}

# stamp_piece FOLDER WANT HAVE KEYFILE...
stamp_piece() {
	local folder=$1 want=$2 have=$3 name
	shift 3
	{
		printf 'want %s\n' "$want"
		for name; do
			printf 'file %s %s\n' "$(stat -c %s "$folder/$name")" "$name"
		done
		printf 'have %s\n' "$have"
	} >"$folder/stamp.new"
	sync -f "$folder" 2>/dev/null || true
	mv "$folder/stamp.new" "$folder/stamp"
}

# heal PIECE WANT BUILDER: makes sure the piece is there. BUILDER is called
# with an empty folder, fills it and calls stamp_piece. Call heal itself as a
# plain command, not in a condition.
heal() {
	local piece=$1 want=$2 builder=$3 work lock status
	piece_is_good "$piece" "$want" && return
	mkdir -p "$PCIGATE_CACHE"
	exec {lock}>"$PCIGATE_CACHE/$piece.lock"
	if ! flock -n "$lock"; then
		say "$piece: another run builds it; waiting"
		flock "$lock"
	fi
	if ! piece_is_good "$piece" "$want"; then
		[ ! -e "$PCIGATE_CACHE/$piece" ] || say "$piece: out of date or incomplete, building it again"
		rm -rf "$PCIGATE_CACHE/.$piece".*
		work=$(mktemp -d "$PCIGATE_CACHE/.$piece.XXXXXX")
		chmod 755 "$work"
		# In a shell of its own, not in a condition: set -e holds only there.
		set +e
		(
			set -eE
			trap 'say "$piece: failed at ${FUNCNAME[0]-}: $BASH_COMMAND"' ERR
			"$builder" "$work"
		)
		status=$?
		set -e
		if [ $status -ne 0 ] || [ ! -f "$work/stamp" ]; then
			rm -rf "$work"
			cannot "$piece could not be built (cache: $PCIGATE_CACHE)"
		fi
		[ ! -e "$PCIGATE_CACHE/$piece" ] || mv "$PCIGATE_CACHE/$piece" "$work.old"
		mv "$work" "$PCIGATE_CACHE/$piece"
		rm -rf "$work.old"
	fi
	exec {lock}>&-
}

# --- packages of a newer suite, unpacked beside the system -----------------
#
# A private view of the archive: apt with its own lists and an empty status,
# so that it resolves and verifies as always but installs nothing here.
# Needs no root. Mirror, keyring and proxies are those of the machine's apt.

# Prints "MIRROR KEYRING", a line each, of the Debian archives to try: those
# that this machine's apt knows, then the default.
apt_mirrors() {
	local label uri entry keyring standard
	for standard in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
		[ ! -f "$standard" ] || break
	done
	[ -f "$standard" ] || cannot "no Debian archive keyring: apt-get install debian-archive-keyring"
	{
		apt-get indextargets --format '$(LABEL)|$(REPO_URI)|$(SOURCESENTRY)' 'Created-By: Packages' 2>/dev/null |
			while IFS='|' read -r label uri entry; do
				# Without lists yet, apt knows no label.
				[ "$label" = Debian ] || [[ -z $label && $uri =~ /debian/?$ ]] || continue
				keyring=$(grep -ioE 'signed-by[=:] *[^] ]*' "${entry%:*}" 2>/dev/null | sed 's/.*[=: ]//; q') || true
				[ -f "$keyring" ] || keyring=$standard
				printf '%s %s\n' "${uri%/}" "$keyring"
			done || true
		printf '%s %s\n' "$DEFAULT_MIRROR" "$standard"
	} | uniq
}

# apt_view FOLDER [ARCHITECTURE]: prepares the view, of amd64 unless told;
# leaves its options in APT_VIEW and the suite in SUITE.
apt_view() {
	local folder=$1 architecture=${2:-amd64}
	mkdir -p "$folder/lists/partial" "$folder/archives/partial"
	: >"$folder/status"
	APT_VIEW=(
		-o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=-
		-o "Dir::State::Lists=$folder/lists" -o "Dir::State::status=$folder/status"
		-o "Dir::State::extended_states=$folder/extended_states"
		-o "Dir::Cache=$folder" -o "Dir::Cache::Archives=$folder/archives"
		-o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture"
		-o APT::Sandbox::User= -o Debug::NoLocking=1 -o Acquire::Languages=none
		-o APT::Install-Recommends=false -o Acquire::Retries=3 -q
	)
	view_suite "$folder" && return
	# A mirror that stands still has old indexes. They are signed all the same, and what comes of them is unpacked
	# into a cache of tools for tests, never installed.
	if [ "$VIEW_EXPIRED" = yes ]; then
		say "NOTE: the mirror's indexes are out of date (or this machine's clock is ahead); taking them as they are"
		APT_VIEW+=(-o Acquire::Check-Valid-Until=false)
		view_suite "$folder" && return
	fi
	cannot "none of the suites '$SUITES' can be read from this machine's Debian mirror or $DEFAULT_MIRROR"
}

# view_suite FOLDER: takes the first suite that can be read; leaves it in SUITE,
# and in VIEW_EXPIRED whether one could not be read only because it is old.
view_suite() {
	local folder=$1 mirror keyring
	VIEW_EXPIRED=no
	while read -r mirror keyring; do
		for SUITE in $SUITES; do
			echo "deb [signed-by=$keyring] $mirror $SUITE main" >"$folder/sources.list"
			if apt-get "${APT_VIEW[@]}" update >"$folder/log" 2>&1 &&
				! grep -qE '^(E|W:.*(Failed|GPG|NO_PUBKEY))' "$folder/log"; then
				return
			fi
			say "NOTE: cannot read $SUITE of $mirror: $(sed -n '/^[EW]:/{p;q}' "$folder/log")"
			! grep -qE ' is expired |not valid (yet|anymore)' "$folder/log" || VIEW_EXPIRED=yes
		done
	done < <(apt_mirrors)
	return 1
}

# view_depends PACKAGE PATTERN: names PACKAGE depends on that match.
view_depends() {
	apt-cache "${APT_VIEW[@]}" depends --no-recommends --no-suggests --no-enhances --no-breaks \
		--no-conflicts --no-replaces "$1" | sed -n 's/^[ |]*\(Pre\)\{0,1\}-\{0,1\}Depends: //p' | grep -E "$2" || true
}

# view_version PACKAGE: upstream version in the archive, "11.1.3" for "1:11.1.3+ds-1".
view_version() {
	apt-cache "${APT_VIEW[@]}" show --no-all-versions "$1" |
		sed -n 's/^Version: \([0-9]*:\)\{0,1\}\([0-9.]*[0-9]\).*/\2/p'
}

# unpack_packages FOLDER ROOT PACKAGE...: the packages with all they depend on,
# unpacked into ROOT. No package script runs, so ROOT is a tree of files, not a
# system; programs in it work by path, or by enter_root.
unpack_packages() {
	local folder=$1 root=$2
	shift 2
	apt-get "${APT_VIEW[@]}" -y --download-only install base-files "$@" >"$folder/log" 2>&1 ||
		{
			tail -n 5 "$folder/log" >&2
			return 1
		}
	mkdir -p "$root"
	# base-files first: it brings the links bin, lib and sbin.
	dpkg-deb -x "$folder"/archives/base-files_*.deb "$root"
	find "$folder/archives" -name '*.deb' -print0 | xargs -0 -n 1 -P "$(nproc)" sh -c 'dpkg-deb -x "$1" "$0"' "$root"
	rm -f "$folder"/archives/*.deb
}

# enter_root ROOT COMMAND...: runs COMMAND inside ROOT with /proc and /dev, in a
# mount namespace that ends with it. Without root it is a user namespace.
enter_root() {
	local root=$1 flags=-m
	shift
	[ "$(id -u)" = 0 ] || flags=-Urm
	mkdir -p "$root/proc" "$root/dev"
	if unshare $flags sh -c 'mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev"' "$root" 2>/dev/null; then
		unshare $flags sh -c 'mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"' "$root" "$@"
		return
	fi
	# No namespaces (a plain container): a bare chroot with what compilers, and
	# the kernel's objtool, look at.
	mkdir -p "$root/proc/self"
	cat /proc/self/maps >"$root/proc/self/maps"
	[ -c "$root/dev/null" ] || as_root mknod -m 666 "$root/dev/null" c 1 3
	as_root chroot "$root" "$@"
}
