/*
 * xstate.c - lets user-mode-linux 6.1 run on processors with more registers than it knows.
 *
 * UML reads and sets its processes' floating point registers by ptrace(2), in a buffer of 2696
 * bytes: all there was up to AVX-512. Where the processor has AMX the host's kernel insists on the
 * whole of its larger structure (SETREGSET: EFAULT), and UML panics on its first process. This
 * library, preloaded into linux.uml by guest.sh, has the two calls carry the rest along: cut off
 * when reading, in its initial state (all zeros) when setting. No process in a guest uses AMX.
 */
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

/* XSAVE's standard format: the bits of the components present are at 512; components 0 to 9 lie
 * within the first 2696 bytes. */
#define XSTATE_MAX        16384
#define XSTATE_BV_OFFSET  512
#define XSTATE_COMPONENTS 0x3ffu

typedef long ptrace_function(enum __ptrace_request request, pid_t pid, void *addr, void *data);

/* The structure's size on this host (0 until the first GETREGSET), and room for it: static, because
 * UML's stacks are small, and it has one thread that isn't preempted. */
static size_t host_size;
static uint8_t all[XSTATE_MAX];

static long get(ptrace_function *next, pid_t pid, void *type, struct iovec *caller)
{
    struct iovec iov = {.iov_base = all, .iov_len = sizeof(all)};
    long result = next(PTRACE_GETREGSET, pid, type, &iov);

    if (result != 0)
        return result;
    host_size = iov.iov_len;
    if (caller->iov_len > host_size)
        caller->iov_len = host_size;
    memcpy(caller->iov_base, all, caller->iov_len);
    return 0;
}

static long set(ptrace_function *next, pid_t pid, void *type, struct iovec *caller)
{
    struct iovec iov = {.iov_base = all, .iov_len = host_size};
    uint64_t present;

    if (caller->iov_len >= host_size)
        return next(PTRACE_SETREGSET, pid, type, caller);
    memset(all, 0, host_size);
    memcpy(all, caller->iov_base, caller->iov_len);
    memcpy(&present, all + XSTATE_BV_OFFSET, sizeof(present));
    present &= XSTATE_COMPONENTS;
    memcpy(all + XSTATE_BV_OFFSET, &present, sizeof(present));
    return next(PTRACE_SETREGSET, pid, type, &iov);
}

long ptrace(enum __ptrace_request request, ...)
{
    static ptrace_function *next;
    va_list args;

    va_start(args, request);
    pid_t pid = va_arg(args, pid_t);
    void *addr = va_arg(args, void *);
    void *data = va_arg(args, void *);
    va_end(args);

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "ptrace");
    if (addr == (void *)NT_X86_XSTATE && request == PTRACE_GETREGSET)
        return get(next, pid, addr, data);
    if (addr == (void *)NT_X86_XSTATE && request == PTRACE_SETREGSET)
        return set(next, pid, addr, data);
    return next(request, pid, addr, data);
}
