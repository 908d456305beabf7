#include "input_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* No parser, and called by libFuzzer as well: its counts would be noise. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)

static struct {
    const char    *target;
    char           crash[512];
    const uint8_t *input;
    size_t         bytes;
    size_t         memory;
    unsigned       seconds;
} watch;

static atomic_long held, peak, base;
static atomic_bool is_watching;
static atomic_uint ticks;

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

static void die(const char *why)
{
    atomic_store(&is_watching, false);
    say("\nfuzz-inputs: ");
    say(watch.target ? watch.target : "?");
    say(": ");
    say(why);
    say("\n");
    abort();
}

static void count(void *block)
{
    if (!block)
        return;
    long now = atomic_fetch_add_explicit(&held, (long)malloc_usable_size(block), memory_order_relaxed)
               + (long)malloc_usable_size(block);
    if (!atomic_load_explicit(&is_watching, memory_order_relaxed))
        return;
    if (now > atomic_load_explicit(&peak, memory_order_relaxed))
        atomic_store_explicit(&peak, now, memory_order_relaxed);
    if (now - base > (long)watch.memory)
        die("UNBOUNDED MEMORY: an execution holds more than it may");
}

static void uncount(void *block)
{
    if (block)
        atomic_fetch_sub_explicit(&held, (long)malloc_usable_size(block), memory_order_relaxed);
}

/* glibc's own names of what these stand in for. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void  __libc_free(void *);

/* A size that no machine has is refused by glibc before anything is counted: a request counts too. */
static void ask(size_t bytes)
{
    if (atomic_load_explicit(&is_watching, memory_order_relaxed) && bytes > watch.memory)
        die("UNBOUNDED MEMORY: an execution asks for more than it may hold");
}

void *malloc(size_t bytes)
{
    ask(bytes);
    void *block = __libc_malloc(bytes);
    count(block);
    return block;
}

void *calloc(size_t number, size_t bytes)
{
    size_t all;
    ask(__builtin_mul_overflow(number, bytes, &all) ? SIZE_MAX : all);
    void *block = __libc_calloc(number, bytes);
    count(block);
    return block;
}

void *realloc(void *old, size_t bytes)
{
    ask(bytes);
    uncount(old);
    void *block = __libc_realloc(old, bytes);
    if (!block && bytes > 0)
        count(old);
    count(block);
    return block;
}

void free(void *block)
{
    uncount(block);
    __libc_free(block);
}

void *memalign(size_t alignment, size_t bytes)
{
    ask(bytes);
    void *block = __libc_memalign(alignment, bytes);
    count(block);
    return block;
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes)
{
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)))
        return EINVAL;
    void *found = memalign(alignment, bytes);
    if (!found)
        return ENOMEM;
    *block = found;
    return 0;
}

static void on_signal(int number)
{
    signal(number, SIG_DFL);
    atomic_store(&is_watching, false);
    if (watch.input) {
        int file = open(watch.crash, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        bool is_kept = file >= 0 && write(file, watch.input, watch.bytes) == (ssize_t)watch.bytes;
        say("\nfuzz-inputs: ");
        say(watch.target);
        say(is_kept ? ": CRASH, its input is " : ": CRASH, its input cannot be written to ");
        say(watch.crash);
        say("\n");
    }
    raise(number);
}

/* Once a second of CPU time. */
static void on_tick(int number)
{
    (void)number;
    if (atomic_load(&is_watching) && atomic_fetch_add(&ticks, 1) >= watch.seconds)
        die("HANG: an execution takes longer than it may");
}

void watch_start(const char *target, const char *folder, bool keeps_crash)
{
    watch.target = target;
    snprintf(watch.crash, sizeof watch.crash, "%s/crash-%s", folder, target);
    signal(SIGPROF, on_tick);
    /* What malloc gives back to the kernel at once is emptied and mapped again for the next one. It
     * refuses a threshold beyond 32 MiB. */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 16 << 20);
    struct itimerval second = {{1, 0}, {1, 0}};
    setitimer(ITIMER_PROF, &second, NULL);
    if (!keeps_crash)
        return;
    /* A stack that has run out has no room for the handler. */
    static uint8_t stack[64 << 10];
    stack_t place = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&place, NULL);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};
    static const int deadly[] = {SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        sigaction(deadly[i], &action, NULL);
}

void watch_begin(const uint8_t *input, size_t bytes, size_t memory, unsigned seconds)
{
    watch.input = input;
    watch.bytes = bytes;
    watch.memory = memory;
    watch.seconds = seconds;
    atomic_store(&ticks, 0);
    atomic_store(&base, atomic_load(&held));
    atomic_store(&peak, atomic_load(&held));
    atomic_store(&is_watching, true);
}

size_t watch_end(void)
{
    atomic_store(&is_watching, false);
    watch.input = NULL;
    return (size_t)(peak - base);
}

#pragma clang attribute pop
