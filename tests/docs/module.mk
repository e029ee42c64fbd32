# SPDX-License-Identifier: MIT
# What the documentation shows compiles and works.
test_scripts += tests/docs/test_docs.sh
test_helpers += tests/docs/client
tests_docs_client_LDADD =
EXTRA_DIST += docs/examples tests/docs/context tests/docs/examples.awk
