# SPDX-License-Identifier: MIT
# The tree and the build themselves.
build_scripts += \
	tests/build/test_new_folder.sh \
	tests/build/test_counters.sh \
	tests/build/test_install.sh \
	tests/build/test_tidy.sh \
	tests/build/test_headers.sh \
	tests/build/test_abi.sh
EXTRA_DIST += \
	tests/build/application.c \
	tests/build/new_folder.c \
	tests/build/scratch.sh
