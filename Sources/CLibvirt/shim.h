#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <sys/prctl.h>

/* Swift does not import functions with variable arguments. Makes orphans of our children our own
   children; 0 when the kernel agrees. */
static inline int adopt_orphans(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL);
}
