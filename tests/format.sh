#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Every C file is as clang-format leaves it. Other major versions format some lines otherwise and are not asked.
tested=14
cd "$(dirname "$0")/.." || exit 1
echo "1..1"
have=$(clang-format --version 2>/dev/null | sed 's/.*version \([0-9]*\).*/\1/')
if [ "$have" != "$tested" ]; then
	echo "ok 1 - clang-format # SKIP the tree is formatted by clang-format $tested, here is ${have:-none}"
	exit 0
fi
if find include src tests bench examples -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run --Werror; then
	echo "ok 1 - clang-format"
else
	echo "not ok 1 - clang-format"
	exit 1
fi
