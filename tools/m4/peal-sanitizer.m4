dnl SPDX-License-Identifier: MIT
dnl PEAL_SANITIZER
dnl Adds --enable-sanitizer=LIST (as for -fsanitize=). Sets SANITIZER_CFLAGS and, for the tests, by how
dnl much their time limits grow: TEST_SLOWDOWN. SANITIZER is the list, or empty.
AC_DEFUN([PEAL_SANITIZER], [dnl
AC_ARG_ENABLE([sanitizer],
	[AS_HELP_STRING([--enable-sanitizer=LIST],
		[address,undefined or thread (clang is the better one for thread) @<:@no@:>@])],
	[], [enable_sanitizer=no])
peal_sanitizer=
TEST_SLOWDOWN=1
AS_CASE([$enable_sanitizer],
	[no], [],
	[yes], [AC_MSG_ERROR([--enable-sanitizer needs a list, such as address,undefined])],
	[peal_sanitizer=$enable_sanitizer
	TEST_SLOWDOWN=10
	SANITIZER_CFLAGS="-fsanitize=$enable_sanitizer -fno-sanitize-recover=all -fno-omit-frame-pointer"
	AC_MSG_CHECKING([whether the compiler has -fsanitize=$enable_sanitizer])
	peal_saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS $SANITIZER_CFLAGS"
	AC_LINK_IFELSE([AC_LANG_PROGRAM],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		PEAL_NEED([the runtime of -fsanitize=$enable_sanitizer], [libclang-rt-14-dev],
			[for clang; gcc brings its own])])
	CFLAGS=$peal_saved_CFLAGS])
AC_SUBST([SANITIZER_CFLAGS])
AC_SUBST([TEST_SLOWDOWN])
AC_SUBST([SANITIZER], [$peal_sanitizer])
])
