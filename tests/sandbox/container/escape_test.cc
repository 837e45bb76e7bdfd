// Ways out of the sandbox, each tried by code inside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/sandbox/fixture.h"

namespace amalgam::sandbox {
namespace {

using ::testing::HasSubstr;

// Defines call(number, args…) -> 0 or more, or minus errno.
const char* const kCall =
    "import ctypes,os,sys\n"
    "libc=ctypes.CDLL(None,use_errno=True)\n"
    "libc.syscall.restype=ctypes.c_long\n"
    "def call(n,*a):\n"
    "  r=libc.syscall(ctypes.c_long(n),*[ctypes.c_void_p(x) if isinstance(x,int) else x for x in "
    "a])\n"
    "  return r if r>=0 else -ctypes.get_errno()\n";

std::string read_host(const char* path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Escape, DangerousSystemCallsDoNotExist) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result r = python(
      *sandbox,
      std::string(kCall) +
          "absent=dict(ptrace=101,mount=165,umount2=166,pivot_root=155,chroot=161,unshare=272,\n"
          " setns=308,clone3=435,keyctl=250,add_key=248,request_key=249,io_uring_setup=425,\n"
          " io_uring_enter=426,bpf=321,perf_event_open=298,userfaultfd=323,kexec_load=246,\n"
          " kexec_file_load=320,init_module=175,finit_module=313,delete_module=176,\n"
          " open_by_handle_at=304,name_to_handle_at=303,process_vm_readv=310,process_vm_writev=311,"
          "\n"
          " process_madvise=440,pidfd_getfd=438,pidfd_open=434,kcmp=312,setuid=105,setgid=106,\n"
          " setresuid=117,setresgid=119,setgroups=116,capset=126,reboot=169,swapon=167,\n"
          " sethostname=170,settimeofday=164,clock_settime=227,clock_adjtime=305,syslog=103,iopl="
          "172,\n"
          " ioperm=173,modify_ldt=154,quotactl=179,acct=163,fanotify_init=300,inotify_init=253,\n"
          " open_tree=428,move_mount=429,fsopen=430,fsmount=432,mount_setattr=442,shmget=29,shmat="
          "30,\n"
          " semget=64,msgget=68,mq_open=240,memfd_secret=447,vmsplice=278,splice=275,lookup_"
          "dcookie=212,\n"
          " migrate_pages=256,move_pages=279,mbind=237,set_mempolicy=238,sync=162,setxattr=188,\n"
          " landlock_create_ruleset=444,seccomp=317,ustat=136,uselib=134,_sysctl=156,vhangup=153)\n"
          "print(sorted((n,call(k,0,0,0,0,0)) for n,k in absent.items() if "
          "call(k,0,0,0,0,0)!=-38))\n");
  EXPECT_EQ(r.out, "[]\n") << r.err;
}

TEST(Escape, DangerousArgumentsAreRefused) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result r = python(
      *sandbox,
      std::string(kCall) +
          "made=[]\n"
          "for flag in "
          "(0x20000,0x2000000,0x4000000,0x8000000,0x10000000,0x20000000,0x40000000,0x2000):\n"
          "  p=call(56,flag|17,0,0,0,0)\n"
          "  if p==0: os._exit(0)\n"
          "  if p>0: made.append(hex(flag))\n"
          "print(made)\n"
          // inet, inet6, netlink, packet, alg, vsock, xdp
          "print([f for f in (2,10,16,17,38,40,44) if f>10 and call(41,f,1,0)>=0 or "
          "call(41,f,3,0)>=0])\n"
          "print(call(135,0x0040000)>=0, call(135,0)>=0)\n"  // personality
          "print([o for o in (4,8,22,24,28,35,36,47,59) if call(157,o,1,0,0,0)>=0])\n"  // prctl
          "print(call(16,0,0x5412,b'x')>=0)\n"  // ioctl TIOCSTI
          "print(call(133,b'dev',0o060666,0x800)>=0, call(133,b'chr',0o020666,0x101)>=0)\n"
          "print(call(133,b'fifo',0o010666,0))\n");
  EXPECT_EQ(r.out, "[]\n[]\nFalse False\n[]\nFalse\nFalse False\n0\n") << r.err;
}

TEST(Escape, OtherCallingConventionsKillTheProcess) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result x32 = python(*sandbox, std::string(kCall) + "call(0x40000000|39)\nprint('alive')");
  EXPECT_EQ(x32.exit_code, 128 + SIGSYS) << x32.out;
  // mov eax,20; int 0x80; ret
  const Result int80 =
      python(*sandbox,
             "import ctypes,mmap\n"
             "m=mmap.mmap(-1,4096,prot=7)\n"
             "m.write(bytes([0xb8,20,0,0,0,0xcd,0x80,0xc3]))\n"
             "f=ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
             "print('pid',f())\n");
  EXPECT_THAT(int80.out, ::testing::Not(HasSubstr("pid")));
  EXPECT_GE(int80.exit_code, 128);
}

TEST(Escape, SeesNothingOfTheHost) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result r =
      python(*sandbox,
             "import os\n"
             "print(sorted(set(os.listdir('/'))-{'lib32','libx32'}))\n"
             "print([n for n in sorted(os.listdir('/etc')) if n!='alternatives' and "
             "n[:5]!='java-'], sorted(os.listdir('/dev')))\n"
             "for p in ('/root','/home','/etc/shadow','/proc/1/root/root',\n"
             "          '/sys','/var','/run','/boot','/dev/mem','/dev/kmsg','/dev/fuse',\n"
             "          '/dev/kvm','/tmp/../root/.ssh','/work/../../root'):\n"
             "  if os.path.lexists(p): print('sees',p)\n");
  EXPECT_EQ(r.out,
            "['bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'tmp', 'usr', 'work']\n"
            "['group', 'hosts', 'nsswitch.conf', 'passwd'] ['fd', 'full', 'null', 'ptmx', 'pts', "
            "'random', 'shm', 'stderr', 'stdin', 'stdout', 'tty', 'urandom', 'zero']\n")
      << r.err;
}

TEST(Escape, WritesNothingOutsideItsDirectory) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result r = python(
      *sandbox,
      "import os\n"
      "for p in "
      "('/x','/usr/x','/usr/bin/x','/usr/lib/x','/etc/passwd','/etc/x','/dev/x','/lib64/x',\n"
      "          '/usr/bin/true','/bin/sh'):\n"
      "  try: open(p,'ab').close(); print('opened',p)\n"
      "  except OSError: pass\n"
      "for f in (lambda: os.mkdir('/y'), lambda: os.rename('/usr/bin/true','/usr/bin/t'),\n"
      "          lambda: os.unlink('/etc/passwd'), lambda: os.chmod('/usr/bin/true',0o777),\n"
      "          lambda: os.rmdir('/work'), lambda: os.symlink('/work','/usr/w'),\n"
      "          lambda: os.link('/usr/bin/su','/work/su'), lambda: os.utime('/usr/bin/true')):\n"
      "  try: f(); print('did it')\n"
      "  except OSError: pass\n");
  EXPECT_EQ(r.out, "") << r.err;
  EXPECT_EQ(r.err, "");
}

TEST(Escape, HasNoRights) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result r = python(
      *sandbox,
      std::string(kCall) +
          "header=(ctypes.c_uint32*2)(0x20080522,0)\n"
          "data=(ctypes.c_uint32*6)()\n"
          "print(call(125,header,data), list(data))\n"
          "print([c for c in range(64) if call(157,23,c,0,0,0)==1])\n"  // bounding set
          "print(call(157,39,0,0,0,0), call(157,21,0,0,0,0))\n"  // no_new_privs, seccomp mode
          "print(os.getresuid(), os.getresgid(), os.getgroups() in ([], [65534]))\n");
  EXPECT_EQ(r.out, "0 [0, 0, 0, 0, 0, 0]\n[]\n1 2\n(1000, 1000, 1000) (1000, 1000, 1000) True\n")
      << r.err;
  // set-user-ID programs stay what they are: programs.
  EXPECT_NE(shell(*sandbox, "echo | su root -c id").exit_code, 0);
  EXPECT_THAT(shell(*sandbox, "cp /usr/bin/id . && chmod 6755 id && ./id").out,
              HasSubstr("uid=1000"));
}

TEST(Escape, InheritsNoFileDescriptors) {
  int secret[2];
  ASSERT_EQ(pipe(secret), 0);  // not close-on-exec, open before and after the launcher's start
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result r = python(*sandbox,
                          "import fcntl\n"
                          "def is_open(f):\n"
                          "  try: fcntl.fcntl(f,fcntl.F_GETFD); return True\n"
                          "  except OSError: return False\n"
                          "print([f for f in range(4096) if is_open(f)])\n");
  close(secret[0]);
  close(secret[1]);
  // 3 would be the script, were it still open: python closes it after reading.
  EXPECT_EQ(r.out, "[0, 1, 2]\n") << r.err;
}

TEST(Escape, SignalsReachOnlyItself) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result r = python(*sandbox,
                          "import os,signal\n"
                          "for s in (1,2,9,15,19): os.kill(1,s)\n"
                          "try: os.kill(-1,9)\n"
                          "except ProcessLookupError: pass\n"
                          "try: os.kill(" +
                              std::to_string(getpid()) +
                              ",9)\n"
                              "except ProcessLookupError: print('no such process')\n");
  EXPECT_EQ(r.outcome, Outcome::kOk) << r.detail;
  EXPECT_EQ(r.out, "no such process\n") << r.err;
  EXPECT_EQ(shell(*sandbox, "echo alive").out, "alive\n");
}

int abstract_listener(const std::string& name) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) || listen(fd, 1)) return -1;
  return fd;
}

TEST(Escape, ReachesNeitherTheHostNorOtherSandboxes) {
  const std::string name = "amalgam-test-" + std::to_string(getpid());
  const int listener = abstract_listener(name);
  ASSERT_GE(listener, 0);
  const std::string connect =
      "import socket\n"
      "s=socket.socket(socket.AF_UNIX)\n"
      "try: s.connect('\\0" +
      name +
      "'); print('connected')\n"
      "except ConnectionRefusedError: print('refused')\n";
  auto sandbox = make(), other = make();
  ASSERT_TRUE(sandbox && other);
  EXPECT_EQ(python(*sandbox, connect).out, "refused\n");
  close(listener);

  Result server;
  std::thread thread([&] {
    server = python(*other,
                    "import socket,select\n"
                    "s=socket.socket(socket.AF_UNIX)\n"
                    "s.bind('\\0" +
                        name +
                        "'); s.listen(1)\n"
                        "print(select.select([s],[],[],1.5)[0])\n");
  });
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(python(*sandbox, connect + "import time;time.sleep(0.2)\n").out, "refused\n");
  thread.join();
  EXPECT_EQ(server.out, "[]\n") << server.err;
  // The same inside one sandbox works, so the test can fail.
  EXPECT_EQ(python(*sandbox,
                   "import socket\n"
                   "a=socket.socket(socket.AF_UNIX); a.bind('\\0" +
                       name + "'); a.listen(1)\n" + connect)
                .out,
            "connected\n");
}

TEST(Escape, TheNetworkIsItsOwnLoopback) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const Result r = python(*sandbox,
                          "import socket\n"
                          "for where in (('127.0.0.1',22),('8.8.8.8',53)):\n"
                          "  try: socket.create_connection(where,1); print('connected')\n"
                          "  except OSError as e: print(type(e).__name__)\n");
  EXPECT_EQ(r.out, "ConnectionRefusedError\nOSError\n") << r.err;
}

// A hostile program prepares the places that we read and write afterwards.
TEST(Escape, FilesThatAreTrapsAreRefused) {
  auto sandbox = make();
  ASSERT_TRUE(sandbox);
  const std::string host_before = read_host("/etc/passwd");
  const Result r = python(*sandbox,
                          "import os,socket\n"
                          "os.symlink('/etc/passwd','link')\n"
                          "os.symlink('/dev/zero','zero')\n"
                          "os.symlink('loop','loop')\n"
                          "os.symlink('/etc','folder_link')\n"
                          "os.symlink('..','up')\n"
                          "os.mkfifo('fifo')\n"
                          "os.mkdir('folder')\n"
                          "socket.socket(socket.AF_UNIX).bind('socket')\n"
                          "open('locked','w').write('x'); os.chmod('locked',0)\n"
                          "open('real','w').write('real')\n"
                          "os.link('real','hard')\n");
  ASSERT_EQ(r.exit_code, 0) << r.err;
  std::string content;
  for (const char* path : {"link", "zero", "loop", "folder_link/passwd", "up/etc/passwd", "fifo",
                           "folder", "socket", "locked", "real/below"}) {
    const Result get = sandbox->get_file(path, &content);
    EXPECT_EQ(get.outcome, Outcome::kExit) << path << get.detail;
    EXPECT_EQ(get.exit_code, 1) << path;
    EXPECT_EQ(content, "") << path;
    const Result put = sandbox->put_file(path, "overwritten");
    EXPECT_EQ(put.outcome, Outcome::kExit) << path << put.detail;
    EXPECT_EQ(put.exit_code, 1) << path;
  }
  EXPECT_EQ(sandbox->get_file("hard", &content).exit_code, 0);
  EXPECT_EQ(content, "real");
  EXPECT_EQ(read_host("/etc/passwd"), host_before);
  // Not even its own directory.
  EXPECT_EQ(shell(*sandbox, "chmod 0 /work").exit_code, 0);
  EXPECT_EQ(sandbox->get_file("real", &content).exit_code, 1);
  EXPECT_EQ(sandbox->put_file("real", "x").exit_code, 1);
}

}  // namespace
}  // namespace amalgam::sandbox
