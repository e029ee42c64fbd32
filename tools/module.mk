# SPDX-License-Identifier: MIT
# tools: the command `peal`, and what checks the tree.
