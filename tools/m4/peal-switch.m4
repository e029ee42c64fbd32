dnl SPDX-License-Identifier: MIT
dnl PEAL_SWITCH
dnl Adds --with-switch=auto|asm|ucontext: how a fiber gives way to another (core/fiber/switch.h). Sets one of
dnl the conditionals SWITCH_X86_64, SWITCH_AARCH64 and SWITCH_UCONTEXT.
AC_DEFUN([PEAL_SWITCH], [dnl
AC_REQUIRE([AC_CANONICAL_HOST])dnl
AC_ARG_WITH([switch],
	[AS_HELP_STRING([--with-switch=auto|asm|ucontext],
		[the context switch: by hand where we have it, or libc's slow one @<:@auto@:>@])],
	[], [with_switch=auto])
AS_CASE([$host_cpu],
	[x86_64], [peal_asm=x86_64],
	[aarch64], [peal_asm=aarch64],
	[peal_asm=none])
dnl The 32-bit ABIs of these processors have other registers.
AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#if !defined(__LP64__)
#error no 64-bit ABI
#endif
int nothing;]])], [], [peal_asm=none])
AS_IF([test $peal_asm != none && test ! -f "$srcdir/core/fiber/switch-$peal_asm.S"], [peal_asm=none])
AC_MSG_CHECKING([which context switch to use])
AS_CASE([$with_switch:$peal_asm],
	[ucontext:*|auto:none], [peal_switch=ucontext],
	[asm:none], [AC_MSG_ERROR([--with-switch=asm: there is none for $host_cpu])],
	[auto:*|asm:*], [peal_switch=$peal_asm],
	[AC_MSG_ERROR([--with-switch takes auto, asm or ucontext, not "$with_switch"])])
AC_MSG_RESULT([$peal_switch])
AM_CONDITIONAL([SWITCH_X86_64], [test $peal_switch = x86_64])
AM_CONDITIONAL([SWITCH_AARCH64], [test $peal_switch = aarch64])
AM_CONDITIONAL([SWITCH_UCONTEXT], [test $peal_switch = ucontext])
])
