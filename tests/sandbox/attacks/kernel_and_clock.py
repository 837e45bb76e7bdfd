# expect: ok
from attack import refused
for what, number in dict(init_module=175, finit_module=313, delete_module=176, kexec_load=246,
                         kexec_file_load=320, reboot=169, swapon=167, swapoff=168, iopl=172,
                         ioperm=173, settimeofday=164, clock_settime=227, adjtimex=159,
                         clock_adjtime=305, sethostname=170, setdomainname=171, syslog=103,
                         acct=163, quotactl=179, modify_ldt=154, vhangup=153).items():
    refused(what, number, 0, 0, 0, 0, 0)
