#include "sandbox/container/loopback.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "sandbox/files/fd.h"
#include "sandbox/files/file_tree.h"

namespace amalgam::sandbox {
namespace {

struct Setting {
  const char* path;
  const char* value;
};
constexpr Setting kSettings[] = {
    // A closed connection is gone at once: its port is free for the next sandbox.
    {"sys/net/ipv4/tcp_max_tw_buckets", "0"},
    // Nothing learned of one connection is used for the next.
    {"sys/net/ipv4/tcp_no_metrics_save", "1"},
    // What a socket holds back is kernel memory, which not every cgroup counts.
    {"sys/net/ipv4/tcp_rmem", "4096 65536 262144"},
    {"sys/net/ipv4/tcp_wmem", "4096 65536 262144"},
    // As in Docker: any port is the sandbox's own.
    {"sys/net/ipv4/ip_unprivileged_port_start", "0"},
};

}  // namespace

bool bring_up_loopback(int proc) {
  for (const Setting& setting : kSettings) {
    const Fd file(proc < 0 ? -1 : openat(proc, setting.path, O_WRONLY | O_CLOEXEC));
    if (file) write_all(file.get(), setting.value);
  }
  const Fd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  if (!any || ioctl(any.get(), SIOCGIFFLAGS, &request)) return false;
  request.ifr_flags |= IFF_UP;
  return ioctl(any.get(), SIOCSIFFLAGS, &request) == 0;
}

}  // namespace amalgam::sandbox
