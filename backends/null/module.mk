# SPDX-License-Identifier: MIT
if BACKEND_NULL
libpeal_core_la_SOURCES += \
	backends/null/null.c
test_programs += backends/null/test_null
dist_man7_MANS += backends/null/peal-null.7
endif
