#include "sandbox/container/seccomp_filter.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/kvm.h>
#include <linux/prctl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/container/init.h"

namespace amalgam::sandbox {
namespace {

// Calls that are allowed with any arguments. The namespaces, the read-only view, the uid without
// capabilities and the rlimits bound what they can reach.
const char* const kAllowed[] = {
    // processes and signals
    "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "getpid",
    "getppid", "gettid", "getpgid", "getpgrp", "setpgid", "getsid", "setsid", "getuid", "geteuid",
    "getgid", "getegid", "getresuid", "getresgid", "getgroups", "capget", "kill", "tkill", "tgkill",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend",
    "rt_sigtimedwait", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sigaltstack", "pause",
    "restart_syscall", "set_tid_address", "set_robust_list", "futex", "rseq", "membarrier",
    "arch_prctl", "getrlimit", "getrusage", "times", "sched_yield", "sched_getaffinity",
    "sched_setaffinity", "sched_getparam", "sched_getscheduler", "sched_get_priority_max",
    "sched_get_priority_min", "getpriority", "getcpu", "uname", "sysinfo",
    // memory
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "msync", "mlock", "munlock",
    // time
    "time", "gettimeofday", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep",
    "alarm", "getitimer", "setitimer", "timer_create", "timer_settime", "timer_gettime",
    "timer_getoverrun", "timer_delete", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    // files
    "creat", "close", "close_range", "read", "readv", "pread64", "preadv", "preadv2", "write",
    "writev", "pwrite64", "pwritev", "pwritev2", "lseek", "stat", "fstat", "lstat", "newfstatat",
    "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "getdents", "getdents64",
    "getcwd", "chdir", "fchdir", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename",
    "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "readlink", "readlinkat",
    "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "utime", "utimes",
    "futimesat", "utimensat", "umask", "truncate", "ftruncate", "fadvise64", "readahead", "fsync",
    "fdatasync", "dup", "dup2", "dup3", "pipe", "pipe2", "sendfile", "copy_file_range", "getxattr",
    "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr",
    // waiting
    "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl",
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4",
    // sockets (which ones: see socket, socketpair below)
    "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "getsockopt",
    "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "shutdown", "getrandom"};

constexpr uint64_t kNamespaceFlags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                     CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE;

// TCGETS2, TCSETS2, TCSETSW2, TCSETSF2, whose struct is in a header that termios.h collides with.
constexpr uint64_t kTermios2[] = {0x802c542a, 0x402c542b, 0x402c542c, 0x402c542d};

class Builder {
 public:
  Builder() : filter_(seccomp_init(SCMP_ACT_ERRNO(ENOSYS))) {}
  ~Builder() { seccomp_release(filter_); }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  void rule(uint32_t action, const char* name, std::vector<scmp_arg_cmp> args = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    // Names that this libseccomp or architecture does not have stay forbidden.
    if (number < 0) return;
    if (seccomp_rule_add_array(filter_, action, number, static_cast<unsigned>(args.size()),
                               args.data()))
      failed_ = name;
  }
  void allow(const char* name, std::vector<scmp_arg_cmp> args = {}) {
    rule(SCMP_ACT_ALLOW, name, std::move(args));
  }
  void allow_values(const char* name, unsigned arg, std::initializer_list<uint64_t> values) {
    for (const uint64_t value : values) allow(name, {scmp_arg_cmp{arg, SCMP_CMP_EQ, value, 0}});
  }

  std::vector<sock_filter> compile(std::string* error) {
    std::vector<sock_filter> program;
    // A tree instead of a list: fewer instructions per call.
    const bool ready = filter_ && failed_.empty() &&
                       !seccomp_attr_set(filter_, SCMP_FLTATR_CTL_OPTIMIZE, 2) &&
                       !seccomp_attr_set(filter_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    const int fd = ready ? memfd_create("seccomp", MFD_CLOEXEC) : -1;
    if (fd >= 0 && !seccomp_export_bpf(filter_, fd)) {
      const off_t size = lseek(fd, 0, SEEK_END);
      program.resize(static_cast<size_t>(size) / sizeof(sock_filter));
      if (pread(fd, program.data(), static_cast<size_t>(size), 0) != size) program.clear();
    }
    if (fd >= 0) close(fd);
    if (program.empty()) *error = "cannot build the seccomp filter " + failed_;
    return program;
  }

 private:
  scmp_filter_ctx filter_;
  std::string failed_;
};

// The kernel looks at the lower half of these arguments only.
constexpr uint64_t kHalf = 0xffffffff;

// Which files a command changed is told by their times (top_index.h). So no file is opened in a way
// that keeps its access time (openat2, whose flags are behind a pointer, is absent), and no hole is
// punched, which on older kernels leaves no time.
void allow_files_that_leave_times(Builder* b) {
  const auto rule_flags = [b](const char* name, unsigned arg, std::vector<scmp_arg_cmp> others) {
    for (const bool keeps : {false, true}) {
      std::vector<scmp_arg_cmp> all = others;
      all.push_back({arg, SCMP_CMP_MASKED_EQ, O_NOATIME, keeps ? uint64_t{O_NOATIME} : 0});
      // As when the file is somebody else's.
      b->rule(keeps ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW, name, all);
    }
  };
  rule_flags("open", 1, {});
  rule_flags("openat", 2, {});
  rule_flags("fcntl", 2, {SCMP_A1(SCMP_CMP_MASKED_EQ, kHalf, F_SETFL)});
  for (const uint64_t command :
       {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_GETLK, F_OFD_GETLK, F_GETOWN,
        F_SETOWN, F_GETOWN_EX, F_SETOWN_EX, F_GETSIG, F_SETSIG, F_GETPIPE_SZ, F_SETPIPE_SZ,
        F_ADD_SEALS, F_GET_SEALS})
    b->allow("fcntl", {SCMP_A1(SCMP_CMP_MASKED_EQ, kHalf, command)});
  constexpr uint64_t kOtherModes = kHalf & ~uint64_t{FALLOC_FL_KEEP_SIZE};
  b->allow("fallocate", {SCMP_A1(SCMP_CMP_MASKED_EQ, kOtherModes, 0)});
  for (const uint64_t mode : {FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE})
    b->rule(SCMP_ACT_ERRNO(EOPNOTSUPP), "fallocate", {SCMP_A1(SCMP_CMP_MASKED_EQ, mode, mode)});
}

// Locks are granted and not kept. The files of /usr and /dev are the machine's, so a lock on one
// would be seen outside and by other sandboxes; and locks are kernel memory that no limit counts,
// in lists that every close of such a file walks. What locks its own files for itself (SQLite) goes
// on. Of the same kind are leases and notices (F_SETLEASE, F_NOTIFY), which are refused.
void grant_locks(Builder* b) {
  b->rule(SCMP_ACT_ERRNO(0), "flock");
  for (const uint64_t command : {F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW})
    b->rule(SCMP_ACT_ERRNO(0), "fcntl", {SCMP_A1(SCMP_CMP_MASKED_EQ, kHalf, command)});
}

// To stay who one is: make does so before each command.
void allow_own_ids(Builder* b) {
  const auto is_own = [](unsigned arg, uint64_t value) {
    return scmp_arg_cmp{arg, SCMP_CMP_MASKED_EQ, kHalf, value};
  };
  constexpr uint64_t kSame = kHalf;  // -1
  for (const char* name : {"setuid", "setgid"}) b->allow(name, {is_own(0, kInnerId)});
  for (const uint64_t real : {uint64_t{kInnerId}, kSame})
    for (const uint64_t effective : {uint64_t{kInnerId}, kSame}) {
      for (const char* name : {"setreuid", "setregid"})
        b->allow(name, {is_own(0, real), is_own(1, effective)});
      for (const uint64_t saved : {uint64_t{kInnerId}, kSame})
        for (const char* name : {"setresuid", "setresgid"})
          b->allow(name, {is_own(0, real), is_own(1, effective), is_own(2, saved)});
    }
}

}  // namespace

std::vector<sock_filter> build_seccomp_filter(MemoryFiles memory_files, Calls calls,
                                              std::string* error) {
  Builder b;
  for (const char* name : kAllowed) b.allow(name);
  if (memory_files == MemoryFiles::kAllowed) b.allow("memfd_create");
  b.allow("clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, kNamespaceFlags, 0)});
  // clone3 (flags behind a pointer) is absent: ENOSYS makes libc use clone.
  // Of the internet families nothing raw: they reach the loopback device alone.
  b.allow_values("socket", 0, {AF_UNIX});
  constexpr uint64_t kSocketType = kHalf & ~uint64_t{SOCK_CLOEXEC | SOCK_NONBLOCK};
  for (const uint64_t family : {AF_INET, AF_INET6})
    for (const uint64_t type : {SOCK_STREAM, SOCK_DGRAM})
      b.allow("socket",
              {SCMP_A0(SCMP_CMP_EQ, family), SCMP_A1(SCMP_CMP_MASKED_EQ, kSocketType, type)});
  b.allow_values("socketpair", 0, {AF_UNIX});
  for (const uint64_t option : {SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE,
                                SO_BROADCAST, SO_PASSCRED, SO_RCVTIMEO, SO_SNDTIMEO, SO_LINGER})
    b.allow("setsockopt", {SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET), SCMP_A2(SCMP_CMP_EQ, option)});
  for (const uint64_t option : {TCP_NODELAY, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT,
                                TCP_USER_TIMEOUT, TCP_QUICKACK, TCP_DEFER_ACCEPT})
    b.allow("setsockopt", {SCMP_A1(SCMP_CMP_EQ, IPPROTO_TCP), SCMP_A2(SCMP_CMP_EQ, option)});
  for (const uint64_t option : {IP_TOS, IP_TTL, IP_RECVERR, IP_MTU_DISCOVER})
    b.allow("setsockopt", {SCMP_A1(SCMP_CMP_EQ, IPPROTO_IP), SCMP_A2(SCMP_CMP_EQ, option)});
  for (const uint64_t option : {IPV6_V6ONLY, IPV6_RECVERR})
    b.allow("setsockopt", {SCMP_A1(SCMP_CMP_EQ, IPPROTO_IPV6), SCMP_A2(SCMP_CMP_EQ, option)});
  b.allow_values("ioctl", 1, {TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX});
  // Of terminals: what shells and editors need, but nothing that types
  // (TIOCSTI) or reaches another one.
  b.allow_values("ioctl", 1,
                 {TCSETS, TCSETSW, TCSETSF, TCSBRK, TCSBRKP, TCXONC, TCFLSH, TIOCOUTQ, TIOCGPGRP,
                  TIOCSPGRP, TIOCGSID, TIOCSCTTY, TIOCSWINSZ});
  // Of the outer sides of terminals that it makes itself.
  b.allow_values("ioctl", 1, {TIOCGPTN, TIOCSPTLCK, TIOCGPTLCK, TIOCGPTPEER, TIOCPKT});
  for (const uint64_t request : kTermios2) b.allow_values("ioctl", 1, {request});
  if (calls == Calls::kOfKvm) {
    constexpr uint64_t kTypeBits = 0xff00;
    b.allow("ioctl", {SCMP_A1(SCMP_CMP_MASKED_EQ, kTypeBits, KVMIO << 8)});
  }
  b.allow_values("prctl", 0,
                 {PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE,
                  PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_CAPBSET_READ});
  b.allow_values("personality", 0, {0xffffffff});  // the query only: address layout stays fixed
  allow_files_that_leave_times(&b);
  grant_locks(&b);
  allow_own_ids(&b);
  // A process may lower its own limits but RLIMIT_CORE, not those of init, which has the same uid.
  b.allow("prlimit64", {SCMP_A0(SCMP_CMP_MASKED_EQ, kHalf, 0), SCMP_A2(SCMP_CMP_EQ, 0)});
  for (uint64_t resource = 0; resource < RLIM_NLIMITS; ++resource) {
    if (resource == RLIMIT_CORE) continue;
    b.allow("prlimit64",
            {SCMP_A0(SCMP_CMP_MASKED_EQ, kHalf, 0), SCMP_A1(SCMP_CMP_MASKED_EQ, kHalf, resource)});
    b.allow("setrlimit", {SCMP_A0(SCMP_CMP_MASKED_EQ, kHalf, resource)});
  }
  b.allow("mknod", {SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFIFO)});
  b.allow("mknodat", {SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFIFO)});
  return b.compile(error);
}

}  // namespace amalgam::sandbox
