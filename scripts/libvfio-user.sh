#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Makes sure that there are libvfio-user's sample servers in the cache, and prints
# their folder: vfio-user servers that are not ours, for tests. Nobody packages
# them; their source comes with QEMU's, of a known sum.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

fetch_source() { # FILE
	local mirror
	while read -r mirror _; do
		/usr/lib/apt/apt-helper download-file "$mirror/$LIBVFIO_USER_SOURCE" "$1" \
			"SHA256:$LIBVFIO_USER_SHA256" >&2 && return
	done < <(apt_mirrors)
	cannot "no mirror has $LIBVFIO_USER_SOURCE"
}

build_samples() {
	local folder=$1 source sample flags files
	say "libvfio-user: fetching its source (24 MB) and compiling its samples"
	fetch_source "$folder/source.tar.xz"
	mkdir "$folder/source"
	tar -C "$folder/source" -xJf "$folder/source.tar.xz" --wildcards --strip-components=1 '*/subprojects/libvfio-user'
	source=$folder/source/subprojects/libvfio-user
	read -ra flags <<<"$(pkg-config --cflags --libs json-c)"
	mapfile -t files < <(find "$source/lib" -name '*.c' ! -name tran_pipe.c)
	for sample in $LIBVFIO_USER_SAMPLES; do
		cc -O2 -g -w -D_GNU_SOURCE -I "$source/include" -I "$source/lib" -o "$folder/$sample" \
			"$source/samples/$sample.c" "${files[@]}" "${flags[@]}" -lpthread
	done
	rm -r "$folder/source" "$folder/source.tar.xz"
	# shellcheck disable=SC2086
	stamp_piece "$folder" "$WANT" "of $LIBVFIO_USER_SOURCE" $LIBVFIO_USER_SAMPLES
}

WANT="recipe $LIBVFIO_USER_RECIPE source $LIBVFIO_USER_SHA256 samples $LIBVFIO_USER_SAMPLES"
heal libvfio-user "$WANT" build_samples
echo "$PCIGATE_CACHE/libvfio-user"
