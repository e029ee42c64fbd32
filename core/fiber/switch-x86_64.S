/* SPDX-License-Identifier: MIT */
/*
 * The context switch for x86-64, System V ABI (AMD64 psABI 3.2.1: what a callee must preserve).
 *
 * A context is the stack pointer of seven words, from low to high: r15 r14 r13 r12 rbx rbp rip. What
 * looks at parked fibers from outside relies on that layout.
 *
 * The continuation is reached with pop and jmp, not with ret: the return predictor would be wrong
 * at every switch. `notrack` because the target is a return address, which has no endbr64.
 *
 * The property note at the end says IBT and deliberately not SHSTK: a shadow stack is not switched
 * here, and the linker keeps only what all its inputs have, so a libpeal built with -fcf-protection
 * does not claim it either and libc leaves shadow stacks off. (fiber.c refuses threads that have one
 * all the same.)
 */
	.text

/* void peal_switch(void **from, void *to) */
	.globl	peal_switch
	.hidden	peal_switch
	.type	peal_switch, @function
	.p2align 4
peal_switch:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r15, 0
	movq	%rsp, (%rdi)
	/* From here on it is the other stack, which looks the same: the unwind rules stay true. */
	movq	%rsi, %rsp
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbp
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	notrack jmpq	*%rcx
	.cfi_endproc
	.size	peal_switch, . - peal_switch

/*
 * void *peal_switch_make(void *low, size_t size, void (*entry)(void *arg), void *arg)
 *
 * Two words above the context: the trampoline must find the stack aligned to 16, and who looks for a
 * caller above it must find zero.
 */
	.globl	peal_switch_make
	.hidden	peal_switch_make
	.type	peal_switch_make, @function
	.p2align 4
peal_switch_make:
	.cfi_startproc
	endbr64
	leaq	(%rdi,%rsi), %rax
	andq	$-16, %rax
	subq	$72, %rax
	leaq	peal_switch_start(%rip), %r8
	xorl	%r9d, %r9d
	movq	%r9, (%rax)		/* r15 */
	movq	%r9, 8(%rax)		/* r14 */
	movq	%rcx, 16(%rax)		/* r13 */
	movq	%rdx, 24(%rax)		/* r12 */
	movq	%r9, 32(%rax)		/* rbx */
	movq	%r9, 40(%rax)		/* rbp: ends the chain of frame pointers */
	movq	%r8, 48(%rax)		/* rip */
	movq	%r9, 56(%rax)
	movq	%r9, 64(%rax)
	ret
	.cfi_endproc
	.size	peal_switch_make, . - peal_switch_make

/*
 * void peal_switch_first(void **from, void *low, size_t size, void (*entry)(void *arg), void *arg)
 *
 * What peal_switch() does, and then what it would find on the stack that peal_switch_make() writes.
 */
	.globl	peal_switch_first
	.hidden	peal_switch_first
	.type	peal_switch_first, @function
	.p2align 4
peal_switch_first:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r15, 0
	movq	%rsp, (%rdi)
	/* From here on it is the other stack, on which nobody has called us. */
	.cfi_undefined rip
	leaq	(%rsi,%rdx), %rsp
	andq	$-16, %rsp
	pushq	$0
	pushq	$0
	xorl	%ebp, %ebp
	movq	%rcx, %r12
	movq	%r8, %r13
	jmp	peal_switch_start
	.cfi_endproc
	.size	peal_switch_first, . - peal_switch_first

/* The lowest frame. Undefined rip: debuggers stop here, and an exception that nobody caught ends in
 * std::terminate() instead of wandering on. */
	.hidden	peal_switch_start
	.globl	peal_switch_start
	.type	peal_switch_start, @function
	.p2align 4
peal_switch_start:
	.cfi_startproc
	.cfi_undefined rip
	endbr64
	movq	%r13, %rdi
	callq	*%r12
	ud2
	.cfi_endproc
	.size	peal_switch_start, . - peal_switch_start

	.section .note.gnu.property, "a"
	.p2align 3
	.long	4		/* bytes of the name */
	.long	16		/* bytes of the properties */
	.long	5		/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002	/* GNU_PROPERTY_X86_FEATURE_1_AND */
	.long	4
	.long	1		/* IBT */
	.long	0

	.section .note.GNU-stack, "", @progbits
