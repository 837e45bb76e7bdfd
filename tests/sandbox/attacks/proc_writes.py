# expect: ok
# What the machine has in /proc: masked or read-only, whatever its own modes say.
import glob, os
from attack import escaped, fails
for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches",
             "/proc/sys/kernel/hostname", "/proc/sys/net/ipv4/ip_forward",
             "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/proc/kcore", "/proc/kmsg",
             "/proc/kallsyms", "/proc/irq/default_smp_affinity", "/proc/mtrr", "/proc/fs/x"):
    fails("write " + path, open, path, "r+b")
for folder, _, files in os.walk("/proc/sys"):
    for name in files:
        fails("write", open, os.path.join(folder, name), "w")
for path in ("/proc/kcore", "/proc/kmsg", "/proc/kpageflags", "/proc/slabinfo", "/proc/1/mem"):
    fails("read " + path, lambda path: open(path, "rb").read(1)[0], path)
for path in ("/proc/keys", "/proc/timer_list", "/proc/interrupts", "/proc/latency_stats"):
    if os.path.exists(path) and open(path, "rb").read():
        escaped("read " + path)
for path in ("/proc/acpi/*", "/proc/scsi/*", "/proc/asound/*", "/sys/*"):
    if glob.glob(path):
        escaped("sees " + path)
for path in ("/proc/self/uid_map", "/proc/self/gid_map"):
    def write(path):
        with open(path, "w") as file:
            file.write("0 0 1\n")
    fails("write " + path, write, path)
def lower(path):
    with open(path, "w") as file:
        file.write("-1000")
fails("killed last", lower, "/proc/self/oom_score_adj")
