dnl SPDX-License-Identifier: MIT
dnl Compiler and linker flags: the language, warnings, hardening.

dnl PEAL_TRY_FLAGS([VARIABLE], [title], [flags], [link])
dnl Appends those of the flags that the compiler takes; with a fourth argument, the linker as well.
AC_DEFUN([PEAL_TRY_FLAGS], [dnl
AC_MSG_CHECKING([for $2])
peal_taken=
peal_saved_CFLAGS=$CFLAGS
for peal_flag in $3; do
	CFLAGS="$peal_saved_CFLAGS -Werror $peal_flag"
	m4_ifval([$4], [AC_LINK_IFELSE], [AC_COMPILE_IFELSE])([AC_LANG_PROGRAM],
		[peal_taken="$peal_taken $peal_flag"])
done
CFLAGS=$peal_saved_CFLAGS
$1="$$1$peal_taken"
AC_MSG_RESULT([${peal_taken:- none}])
])

dnl PEAL_WARNINGS
dnl Sets WARNING_CFLAGS (C), WARNING_CXXFLAGS; adds --enable-werror.
AC_DEFUN([PEAL_WARNINGS], [dnl
AC_ARG_ENABLE([werror],
	[AS_HELP_STRING([--enable-werror], [make every warning an error @<:@no@:>@])],
	[], [enable_werror=no])
WARNING_CXXFLAGS='-Wall -Wextra'
PEAL_TRY_FLAGS([WARNING_CFLAGS], [warnings], [dnl
-Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Wformat=2 -Wimplicit-fallthrough -Wmissing-prototypes dnl
-Wold-style-definition -Wpointer-arith -Wshadow -Wstrict-prototypes -Wundef -Wvla -Wwrite-strings])
AS_IF([test "$enable_werror" = yes], [
	WARNING_CFLAGS="$WARNING_CFLAGS -Werror"
	WARNING_CXXFLAGS="$WARNING_CXXFLAGS -Werror"
])
AC_SUBST([WARNING_CFLAGS])
AC_SUBST([WARNING_CXXFLAGS])
])

dnl PEAL_HARDENING
dnl Sets HARDENING_CPPFLAGS, HARDENING_CFLAGS and HARDENING_LDFLAGS. To be called after
dnl PEAL_SANITIZER: fortified calls hide from the sanitizers what they would have reported.
dnl Fiber stacks are small, so -fstack-clash-protection is not only hardening: no frame may step over
dnl the guard.
AC_DEFUN([PEAL_HARDENING], [dnl
AC_REQUIRE([PEAL_SANITIZER])dnl
PEAL_TRY_FLAGS([HARDENING_CFLAGS], [hardening],
	[-fstack-protector-strong -fstack-clash-protection -fcf-protection])
PEAL_TRY_FLAGS([HARDENING_LDFLAGS], [hardening of the linker],
	[-Wl,-z,relro -Wl,-z,now], [link])
AS_IF([test -z "$peal_sanitizer"], [
	PEAL_TRY_FLAGS([HARDENING_LDFLAGS], [refusal of undefined symbols], [-Wl,-z,defs], [link])
	AC_MSG_CHECKING([whether to fortify])
	AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#if !defined(__OPTIMIZE__) || defined(_FORTIFY_SOURCE)
#error not optimizing, or set already
#endif
int nothing;]])],
		[HARDENING_CPPFLAGS=-D_FORTIFY_SOURCE=2
		AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])])
])
AC_SUBST([HARDENING_CPPFLAGS])
AC_SUBST([HARDENING_CFLAGS])
AC_SUBST([HARDENING_LDFLAGS])
])
