# expect: ok
from attack import refused
for request in (0, 16, 0x4206):  # TRACEME, ATTACH, SEIZE
    refused("ptrace", 101, request, 1, 0, 0)
refused("process_vm_readv", 310, 1, 0, 0, 0, 0, 0)
refused("process_vm_writev", 311, 1, 0, 0, 0, 0, 0)
refused("pidfd_getfd", 438, 0, 0, 0)
refused("kcmp", 312, 1, 1, 0, 0, 0)
refused("process_madvise", 440, 0, 0, 0, 0, 0)
