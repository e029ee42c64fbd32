# SPDX-License-Identifier: MIT
# The lock-free parts, looked at from every side: Spin models of the protocols.
build_scripts += tests/model/test_models.sh
EXTRA_DIST += \
	tests/model/inbox.pml \
	tests/model/wake.pml
