dnl SPDX-License-Identifier: MIT
dnl PEAL_CXX
dnl The library is C; tests show that it works from C++. Sets the conditional HAVE_CXX.
AC_DEFUN([PEAL_CXX], [dnl
AC_REQUIRE([AC_PROG_CXX])dnl
AC_LANG_PUSH([C++])
AC_MSG_CHECKING([for a C++17 compiler])
peal_saved_CXXFLAGS=$CXXFLAGS
CXXFLAGS="$CXXFLAGS -std=c++17"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <optional>]], [[std::optional<int> number; return !!number;]])],
	[peal_cxx=yes], [peal_cxx=no])
CXXFLAGS=$peal_saved_CXXFLAGS
AC_MSG_RESULT([$peal_cxx])
AC_LANG_POP([C++])
AM_CONDITIONAL([HAVE_CXX], [test $peal_cxx = yes])
AC_SUBST([HAVE_CXX], [$peal_cxx])
])
