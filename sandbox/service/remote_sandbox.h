// A sandbox on another host, as gateway_client.h opens it.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "proto/sandbox_service.pb.h"
#include "sandbox/sandbox.h"
#include "sandbox/service/gateway_client.h"

namespace amalgam::sandbox {

class RemoteSandbox : public Sandbox {
 public:
  // file: see GatewayClient::open_resumable; empty: the session cannot be resumed.
  RemoteSandbox(std::shared_ptr<GatewayClient> client, std::string session, proto::SandboxSpec spec,
                std::string file = {});
  ~RemoteSandbox() override;

  Result exec(const Command& command) override;
  Result put_file(const std::string& path, const std::string& content) override;
  Result get_file(const std::string& path, std::string* content) override;
  bool cancel(double deadline_seconds) override;

  // Whether the last answer was in the gateway's record before this object asked for it, or asked
  // for it again.
  bool was_recorded() const { return was_recorded_; }

 private:
  Result call(const proto::SandboxCall& call, std::string* content);
  Result call_once(const proto::SandboxCall& call, std::string* content);
  // The recorded answer, or in *error why there is none.
  bool ask(const proto::SandboxCall& call, proto::SandboxResult* result, std::string* error);
  proto::ClientRequest request() const;

  const std::shared_ptr<GatewayClient> client_;
  const std::string session_;
  const proto::SandboxSpec spec_;
  const std::string file_;
  int64_t number_ = 0;  // of the next call
  bool was_recorded_ = false;
  bool is_taken_ = true;  // whether the last call is in the record
  std::string lost_;      // why every call fails from now on
  std::mutex mutex_;
  std::condition_variable over_;
  bool is_running_ = false;
};

}  // namespace amalgam::sandbox
