dnl SPDX-License-Identifier: MIT
dnl PEAL_CHECK
dnl Looks for the Check unit test library. Sets CHECK_CFLAGS, CHECK_LIBS and the conditional
dnl HAVE_CHECK; without it everything but `make check` works.
dnl
dnl pkg-config comes first. Debian's libcheck is static only and needs subunit, which its .pc file
dnl names among its requirements: where subunit's own .pc file is missing we try without pkg-config.
AC_DEFUN([PEAL_CHECK], [dnl
PKG_CHECK_MODULES([CHECK], [check >= 0.12], [peal_check=yes], [peal_check=no])
peal_saved_LIBS=$LIBS
peal_saved_CFLAGS=$CFLAGS
AC_MSG_CHECKING([how to link with Check])
peal_check_libs=$CHECK_LIBS
AS_IF([test $peal_check = no], [CHECK_CFLAGS=-pthread])
for peal_libs in "$peal_check_libs" '-lcheck' '-lcheck_pic -lsubunit -lrt -lm' '-lcheck -lsubunit -lrt -lm'; do
	test -n "$peal_libs" || continue
	LIBS="$peal_libs $peal_saved_LIBS"
	CFLAGS="$peal_saved_CFLAGS $CHECK_CFLAGS"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <check.h>]],
		[[SRunner *runner = srunner_create(suite_create("nothing"));
		srunner_set_tap(runner, "-");
		srunner_run_all(runner, CK_ENV);]])],
		[peal_check=yes
		CHECK_LIBS=$peal_libs
		break],
		[peal_check=no])
done
LIBS=$peal_saved_LIBS
CFLAGS=$peal_saved_CFLAGS
AS_IF([test $peal_check = yes],
	[AC_MSG_RESULT([$CHECK_LIBS])],
	[AC_MSG_RESULT([not found: make check will not work (on Debian: apt-get install check)])])
AC_SUBST([CHECK_CFLAGS])
AC_SUBST([CHECK_LIBS])
AM_CONDITIONAL([HAVE_CHECK], [test $peal_check = yes])
])
