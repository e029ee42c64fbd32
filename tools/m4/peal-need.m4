dnl SPDX-License-Identifier: MIT
dnl What is missing is collected and reported at the end, all at once, by the names of Debian's
dnl packages.

dnl PEAL_NEED_INIT
AC_DEFUN([PEAL_NEED_INIT], [dnl
peal_missing=
peal_missing_packages=
])

dnl PEAL_NEED([what], [Debian package], [remark])
dnl Note that something is missing without which configure cannot succeed.
AC_DEFUN([PEAL_NEED], [dnl
peal_missing="$peal_missing
  $1: install $2[]m4_ifval([$3], [ ($3)])"
peal_missing_packages="$peal_missing_packages $2"
])

dnl PEAL_NEED_PKG([VARIABLE], [pkg-config modules], [Debian package], [remark])
dnl Sets VARIABLE_CFLAGS and VARIABLE_LIBS, or notes the package as missing.
AC_DEFUN([PEAL_NEED_PKG], [dnl
PKG_CHECK_MODULES([$1], [$2], [], [PEAL_NEED([$2], [$3], [$4])])])

dnl PEAL_NEED_REPORT
AC_DEFUN([PEAL_NEED_REPORT], [dnl
AS_IF([test -n "$peal_missing"],
	[AC_MSG_ERROR([this is missing:$peal_missing
On Debian: apt-get install$peal_missing_packages])])
])
