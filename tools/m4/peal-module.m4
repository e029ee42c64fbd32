dnl SPDX-License-Identifier: MIT
dnl One macro call is all that a folder in backends/ or plugins/ needs in its config.m4.

dnl PEAL_BACKEND([name], [summary], [checks])
dnl Adds --with-backend-NAME=yes|no (default yes) and the conditional BACKEND_NAME. The checks run
dnl when it is enabled; they report what is missing with PEAL_NEED or PEAL_NEED_PKG.
AC_DEFUN([PEAL_BACKEND], [dnl
m4_bmatch([$1], [^[a-z][a-z0-9_]*$], [], [m4_fatal([PEAL_BACKEND: "$1" is no C name])])dnl
AC_ARG_WITH([backend-$1],
	[AS_HELP_STRING([--with-backend-$1=yes|no], [$2 @<:@yes@:>@])],
	[], [with_backend_$1=yes])
AS_CASE([$with_backend_$1],
	[yes], [peal_backends="$peal_backends $1"
$3],
	[no], [],
	[AC_MSG_ERROR([--with-backend-$1 takes yes or no, not "$with_backend_$1"])])
AM_CONDITIONAL(m4_toupper([BACKEND_$1]), [test "$with_backend_$1" = yes])
])

dnl PEAL_PLUGIN([name], [summary], [checks])
dnl Adds --with-plugin-NAME=yes|shared|static|no and the conditionals PLUGIN_NAME, PLUGIN_NAME_SHARED
dnl and PLUGIN_NAME_STATIC. `yes`, the default, is shared where shared libraries are built. Stages the
dnl header plugins/NAME/NAME.h as include/peal/plugins/NAME.h of the build tree.
AC_DEFUN([PEAL_PLUGIN], [dnl
m4_bmatch([$1], [^[a-z][a-z0-9_]*$], [], [m4_fatal([PEAL_PLUGIN: "$1" is no C name])])dnl
AC_ARG_WITH([plugin-$1],
	[AS_HELP_STRING([--with-plugin-$1=yes|shared|static|no], [$2 @<:@yes@:>@])],
	[], [with_plugin_$1=yes])
AS_CASE([$with_plugin_$1:$enable_shared],
	[yes:yes], [with_plugin_$1=shared],
	[yes:*], [with_plugin_$1=static],
	[shared:no], [AC_MSG_ERROR([--with-plugin-$1=shared needs --enable-shared])])
AS_CASE([$with_plugin_$1],
	[shared], [peal_plugins_shared="$peal_plugins_shared $1"],
	[static], [peal_plugins_static="$peal_plugins_static $1"],
	[no], [],
	[AC_MSG_ERROR([--with-plugin-$1 takes yes, shared, static or no, not "$with_plugin_$1"])])
AM_CONDITIONAL(m4_toupper([PLUGIN_$1]), [test "$with_plugin_$1" != no])
AM_CONDITIONAL(m4_toupper([PLUGIN_$1_SHARED]), [test "$with_plugin_$1" = shared])
AM_CONDITIONAL(m4_toupper([PLUGIN_$1_STATIC]), [test "$with_plugin_$1" = static])
m4_ifval([$3], [AS_IF([test "$with_plugin_$1" != no], [$3])
])dnl
AC_CONFIG_LINKS([include/peal/plugins/$1.h:plugins/$1/$1.h])
])
