// The client's side of the service (gateway.h): sandboxes on other hosts behind the same interface.
//
// Each call has a number in its session. What a sandbox answers is what the gateway has in its
// record, so a client that makes the same calls of the same session again, after a crash for
// example, gets the same answers and nothing runs twice. kSandboxFailed means that the call did not
// count: the next one finds the sandbox as it was before it. Only when the gateway itself cannot be
// reached is the state unknown; that sandbox then stays failed.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proto/zmq_socket.h"
#include "sandbox/images/image_store.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

class RemoteSandbox;

// Thread-safe; the sandboxes keep it alive.
class GatewayClient : public std::enable_shared_from_this<GatewayClient> {
 public:
  // Error for a bad URL (tcp://HOST:PORT) or key file.
  static std::shared_ptr<GatewayClient> connect(const std::string& url,
                                                const std::string& key_file);

  // The number of agents that the gateway has. Error with the reason when it does not answer.
  int check(double deadline_seconds = kCheckSeconds);

  // Nothing is sent before the first call, and failures are the calls'. Without a name the session
  // is this object's alone and its record ends with it.
  std::unique_ptr<RemoteSandbox> open(const std::string& substrate, const Limits& limits,
                                      const Image& image = {}, const std::string& session = {});
  // A session whose owner may be killed and make its calls again, from the first one on; its name
  // is in `file`, which is made when it is not there. Calls that failed are not told again, as with
  // FailedCalls::kSkip (journaled_sandbox.h). Its record ends with the sandbox, or a day after the
  // last call where the file is still there then. Error for a file that cannot be made or is none.
  std::unique_ptr<RemoteSandbox> open_resumable(const std::string& file,
                                                const std::string& substrate, const Limits& limits,
                                                const Image& image = {});

  static constexpr double kCheckSeconds = 10;
  // A gateway that is started again within this time is waited for.
  static constexpr double kPatienceSeconds = 30;

 private:
  friend class RemoteSandbox;
  GatewayClient(std::string url, proto::CurveKeys keys);

  // A connection, to be used by one thread and given back.
  std::unique_ptr<proto::ZmqSocket> take();
  std::unique_ptr<proto::ZmqSocket> make() const;
  void give_back(std::unique_ptr<proto::ZmqSocket> connection);
  // Why connections fail, as far as can be seen; empty when they do not.
  std::string handshake_problem(proto::ZmqSocket* connection) const;

  const std::string url_;
  const proto::CurveKeys keys_;
  proto::ZmqContext context_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<proto::ZmqSocket>> idle_;
};

// Of that substrate, or on an image a container, on the agents' hosts; without a client, here.
SandboxFactory sandbox_factory(std::shared_ptr<GatewayClient> client, const std::string& substrate);

}  // namespace amalgam::sandbox
