dnl SPDX-License-Identifier: MIT
dnl PEAL_VALGRIND
dnl Valgrind's headers let it be told about fiber stacks and about memory that the kernel wrote. Defines
dnl HAVE_VALGRIND; costs a few no-op instructions per fiber, --without-valgrind leaves them out.
AC_DEFUN([PEAL_VALGRIND], [dnl
AC_ARG_WITH([valgrind],
	[AS_HELP_STRING([--with-valgrind=auto|yes|no], [tell Valgrind about fibers @<:@auto@:>@])],
	[], [with_valgrind=auto])
peal_valgrind=no
AS_IF([test "$with_valgrind" != no],
	[AC_CHECK_HEADER([valgrind/memcheck.h], [peal_valgrind=yes])])
AS_CASE([$with_valgrind:$peal_valgrind],
	[yes:no], [PEAL_NEED([valgrind/memcheck.h], [valgrind])],
	[*:yes], [AC_DEFINE([HAVE_VALGRIND], [1], [Valgrind's client requests are there])])
])
