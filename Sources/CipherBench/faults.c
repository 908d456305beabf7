/* faults.c — what a page fault costs when a process serves it for itself, as RAM encryption above
 * the kernel does.
 *
 * Each sample takes one fault, makes the page accessible, and takes another page away: no cipher is
 * in it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cipher.h"
#include "groups.h"
#include "rows.h"

#define PAGES 256u

static uint8_t *guarded;            /* for SIGSEGV */
static uint8_t *faulted;            /* for userfaultfd */
static _Alignas(PAGE_BYTES) uint8_t filling[PAGE_BYTES];
static int userfault = -1;

static uint8_t *page_of(const siginfo_t *info)
{
    return (uint8_t *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE_BYTES - 1));
}

static bool is_in(const uint8_t *page, const uint8_t *area)
{
    return page >= area && page < area + PAGES * PAGE_BYTES;
}

/* A fault that is not ours gets the default action when it happens again. */
static void on_segv(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    if (!is_in(page_of(info), guarded)
        || mprotect(page_of(info), PAGE_BYTES, PROT_READ | PROT_WRITE) != 0)
        signal(signal_number, SIG_DFL);
}

static void on_bus(int signal_number, siginfo_t *info, void *context)
{
    struct uffdio_copy copy = {
        .dst = (uintptr_t)page_of(info), .src = (uintptr_t)filling, .len = PAGE_BYTES};

    (void)context;
    if (!is_in(page_of(info), faulted) || ioctl(userfault, UFFDIO_COPY, &copy) != 0)
        signal(signal_number, SIG_DFL);
}

static struct sigaction catch_with(int number, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER}, old;

    sigemptyset(&action.sa_mask);
    sigaction(number, &action, &old);
    return old;
}

/* Handlers stand only while a fault is expected. */
static uint64_t sample_mprotect(const void *what)
{
    static uint32_t turn;
    struct sigaction old = catch_with(SIGSEGV, on_segv);
    uint8_t *page = guarded + ++turn % PAGES * PAGE_BYTES,
        *last = guarded + (turn - 1) % PAGES * PAGE_BYTES;

    (void)what;

    uint64_t start = cycles_now();

    mprotect(last, PAGE_BYTES, PROT_NONE);
    *(volatile uint8_t *)page = 1;

    uint64_t cycles = cycles_now() - start;

    sigaction(SIGSEGV, &old, NULL);
    return cycles;
}

static uint64_t sample_userfault(const void *what)
{
    static uint32_t turn;
    struct sigaction old = catch_with(SIGBUS, on_bus);
    uint8_t *page = faulted + ++turn % PAGES * PAGE_BYTES,
        *last = faulted + (turn - 1) % PAGES * PAGE_BYTES;

    (void)what;

    uint64_t start = cycles_now();

    madvise(last, PAGE_BYTES, MADV_DONTNEED);
    *(volatile uint8_t *)page = 1;

    uint64_t cycles = cycles_now() - start;

    sigaction(SIGBUS, &old, NULL);
    return cycles;
}

/* Returns why not, or NULL. */
static const char *open_userfault(void)
{
    struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_SIGBUS};
    struct uffdio_register area = {
        .range = {.start = (uintptr_t)faulted, .len = PAGES * PAGE_BYTES},
        .mode = UFFDIO_REGISTER_MODE_MISSING};

    userfault = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    if (userfault < 0)
        return errno == ENOSYS
            ? "this kernel has no userfaultfd" : "this kernel refuses userfaultfd";
    if (ioctl(userfault, UFFDIO_API, &api) != 0)
        return "this kernel's userfaultfd has no SIGBUS mode";
    if (ioctl(userfault, UFFDIO_REGISTER, &area) != 0)
        return "this kernel's userfaultfd does not take the area";
    return NULL;
}

static uint8_t *map(int protection)
{
    void *area = mmap(NULL, PAGES * PAGE_BYTES, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return area == MAP_FAILED ? NULL : area;
}

void faults_start(void)
{
    const char *no_memory = "the kernel gives no memory";

    guarded = map(PROT_READ | PROT_WRITE);
    faulted = map(PROT_READ | PROT_WRITE);
    if (guarded != NULL) {
        memset(guarded, 0, PAGES * PAGE_BYTES);     /* else the first fault of each page allocates
                                                       it */
        mprotect(guarded, PAGES * PAGE_BYTES, PROT_NONE);
    }
    rows_add(BENCH_FAULT, false, "SIGSEGV and mprotect", guarded == NULL ? no_memory : NULL,
             sample_mprotect, NULL);
    rows_add(BENCH_FAULT, false, "userfaultfd by SIGBUS",
             faulted == NULL ? no_memory : open_userfault(),
               sample_userfault, NULL);
}

void faults_stop(void)
{
    if (userfault >= 0)
        close(userfault);
    userfault = -1;
    if (guarded != NULL)
        munmap(guarded, PAGES * PAGE_BYTES);
    if (faulted != NULL)
        munmap(faulted, PAGES * PAGE_BYTES);
}
