#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The freestanding rooms, compiled as such, may want nothing but memcpy and memset from outside (the offset table is the
# linker's).
set -eu
archive=$1
wanted=$(nm -u "$archive" | awk '$1 == "U" { print $2 }' | sort -u)
given=$(nm --defined-only "$archive" | awk 'NF == 3 { print $3 }' | sort -u)
foreign=$(printf '%s\n' "$wanted" | grep -vxF -e "$given" -e memcpy -e memset -e _GLOBAL_OFFSET_TABLE_ || true)
if [ -n "$foreign" ]; then
	echo "not freestanding, these come from elsewhere:" $foreign
	exit 1
fi
