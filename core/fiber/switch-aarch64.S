/* SPDX-License-Identifier: MIT */
/*
 * The context switch for aarch64 (AAPCS64 6.1.1 and 6.1.2: x19 to x30, the low halves of v8 to v15).
 *
 * A context is the stack pointer of twenty words, from low to high: x19 to x28, x29 (frame pointer),
 * x30 (where it goes on), d8 to d15. x18 is the platform's and is left alone.
 *
 * Return addresses are used as they are: who signs them (pointer authentication) does so in frames of
 * its own. The property note says BTI and deliberately not GCS, whose shadow stack is not switched
 * here; the linker keeps only what all its inputs have.
 */
	.text

/* void peal_switch(void **from, void *to) */
	.globl	peal_switch
	.hidden	peal_switch
	.type	peal_switch, %function
	.p2align 4
peal_switch:
	.cfi_startproc
	hint	#34			/* bti c */
	sub	sp, sp, #160
	.cfi_def_cfa_offset 160
	stp	x19, x20, [sp, #0]
	.cfi_rel_offset x19, 0
	.cfi_rel_offset x20, 8
	stp	x21, x22, [sp, #16]
	.cfi_rel_offset x21, 16
	.cfi_rel_offset x22, 24
	stp	x23, x24, [sp, #32]
	.cfi_rel_offset x23, 32
	.cfi_rel_offset x24, 40
	stp	x25, x26, [sp, #48]
	.cfi_rel_offset x25, 48
	.cfi_rel_offset x26, 56
	stp	x27, x28, [sp, #64]
	.cfi_rel_offset x27, 64
	.cfi_rel_offset x28, 72
	stp	x29, x30, [sp, #80]
	.cfi_rel_offset x29, 80
	.cfi_rel_offset x30, 88
	stp	d8, d9, [sp, #96]
	.cfi_rel_offset d8, 96
	.cfi_rel_offset d9, 104
	stp	d10, d11, [sp, #112]
	.cfi_rel_offset d10, 112
	.cfi_rel_offset d11, 120
	stp	d12, d13, [sp, #128]
	.cfi_rel_offset d12, 128
	.cfi_rel_offset d13, 136
	stp	d14, d15, [sp, #144]
	.cfi_rel_offset d14, 144
	.cfi_rel_offset d15, 152
	mov	x9, sp
	str	x9, [x0]
	/* From here on it is the other stack, which looks the same: the unwind rules stay true. */
	mov	sp, x1
	ldp	x19, x20, [sp, #0]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #160
	.cfi_def_cfa_offset 0
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	.cfi_restore x29
	.cfi_restore x30
	.cfi_restore d8
	.cfi_restore d9
	.cfi_restore d10
	.cfi_restore d11
	.cfi_restore d12
	.cfi_restore d13
	.cfi_restore d14
	.cfi_restore d15
	ret				/* needs no landing pad, as br would under BTI */
	.cfi_endproc
	.size	peal_switch, . - peal_switch

/* void *peal_switch_make(void *low, size_t size, void (*entry)(void *arg), void *arg) */
	.globl	peal_switch_make
	.hidden	peal_switch_make
	.type	peal_switch_make, %function
	.p2align 4
peal_switch_make:
	.cfi_startproc
	hint	#34			/* bti c */
	add	x9, x0, x1
	and	x9, x9, #-16
	sub	x0, x9, #160
	stp	x2, x3, [x0, #0]	/* x19 entry, x20 arg */
	stp	xzr, xzr, [x0, #16]
	stp	xzr, xzr, [x0, #32]
	stp	xzr, xzr, [x0, #48]
	stp	xzr, xzr, [x0, #64]
	adrp	x10, peal_switch_start
	add	x10, x10, :lo12:peal_switch_start
	stp	xzr, x10, [x0, #80]	/* x29 ends the chain of frame pointers */
	stp	xzr, xzr, [x0, #96]
	stp	xzr, xzr, [x0, #112]
	stp	xzr, xzr, [x0, #128]
	stp	xzr, xzr, [x0, #144]
	ret
	.cfi_endproc
	.size	peal_switch_make, . - peal_switch_make

/* The lowest frame. Undefined x30: debuggers stop here, and an exception that nobody caught ends in
 * std::terminate() instead of wandering on. */
	.globl	peal_switch_start
	.hidden	peal_switch_start
	.type	peal_switch_start, %function
	.p2align 4
peal_switch_start:
	.cfi_startproc
	.cfi_undefined x30
	mov	x0, x20
	blr	x19
	brk	#1
	.cfi_endproc
	.size	peal_switch_start, . - peal_switch_start

	.section .note.gnu.property, "a"
	.p2align 3
	.word	4		/* bytes of the name */
	.word	16		/* bytes of the properties */
	.word	5		/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.word	0xc0000000	/* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
	.word	4
	.word	1		/* BTI */
	.word	0

	.section .note.GNU-stack, "", %progbits
