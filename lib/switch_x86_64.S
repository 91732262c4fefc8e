/* The switch for x86-64, System V ABI: rbx, rbp and r12 to r15 are the callee's to preserve. */
#if defined(__x86_64__) && !defined(SL_SWITCH_UCONTEXT)
        .text

/* void sl_switch_(void **save, void *load) */
        .globl  sl_switch_
        .hidden sl_switch_
        .type   sl_switch_, @function
        .p2align 4
sl_switch_:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r15, 0
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbp
        popq    %rcx                    /* a jump, not a return: the return predictor knows the other stack */
        .cfi_adjust_cfa_offset -8
        .cfi_register rip, rcx
        jmp     *%rcx
        .cfi_endproc
        .size   sl_switch_, . - sl_switch_

/* The first thing on a stack: rbx is the argument, r12 the function, which never returns. */
        .globl  sl_switch_enter_
        .hidden sl_switch_enter_
        .type   sl_switch_enter_, @function
        .p2align 4
sl_switch_enter_:
        .cfi_startproc
        .cfi_undefined rip
        xorl    %ebp, %ebp
        movq    %rbx, %rdi
        callq   *%r12
        ud2
        .cfi_endproc
        .size   sl_switch_enter_, . - sl_switch_enter_
#endif
        .section .note.GNU-stack, "", %progbits
