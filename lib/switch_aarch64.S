/* The switch for aarch64, AAPCS64: x19 to x30 and d8 to d15 are the callee's to preserve. */
#if defined(__aarch64__) && !defined(SL_SWITCH_UCONTEXT)
        .text

/* void sl_switch_(void **save, void *load) */
        .globl  sl_switch_
        .hidden sl_switch_
        .type   sl_switch_, %function
        .p2align 4
sl_switch_:
        .cfi_startproc
        sub     sp, sp, #160
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mov     x9, sp
        str     x9, [x0]
        mov     sp, x1
        ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #160
        br      x30                     /* a jump, not a return: the return predictor knows the other stack */
        .cfi_endproc
        .size   sl_switch_, . - sl_switch_

/* The first thing on a stack: x19 is the argument, x20 the function, which never returns. */
        .globl  sl_switch_enter_
        .hidden sl_switch_enter_
        .type   sl_switch_enter_, %function
        .p2align 4
sl_switch_enter_:
        .cfi_startproc
        .cfi_undefined x30
        mov     x29, xzr
        mov     x0, x19
        blr     x20
        brk     #0
        .cfi_endproc
        .size   sl_switch_enter_, . - sl_switch_enter_
#endif
        .section .note.GNU-stack, "", %progbits
