#include "pipeline/workers/serve_endpoint.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "configs/clock.h"
#include "configs/error.h"
#include "configs/load.h"
#include "configs/log/log.h"
#include "kernels/device/isa.h"
#include "pipeline/workers/message_socket.h"
#include "pipeline/workers/rollout_worker.h"
#include "proto/worker.pb.h"

namespace amalgam::pipeline {
namespace {

constexpr auto kBeat = std::chrono::milliseconds(500);
constexpr int kListenMs = 100;

// Has the socket for as long as the worker is busy.
class Heart {
 public:
  explicit Heart(MessageSocket& socket) : socket_(socket), thread_([this] { beat(); }) {}
  ~Heart() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void send(const proto::WorkerReply& reply) {
    std::lock_guard lock(mutex_);
    say(reply);
  }

 private:
  void say(const proto::WorkerReply& reply) {
    doing_ = reply.doing();
    socket_.send(reply);
    said_ = Clock::now();
  }

  void beat() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kBeat, [&] { return stop_; })) {
      if (Clock::now() - said_ < kBeat) continue;
      proto::WorkerReply alive;
      alive.set_doing(doing_);
      say(alive);
    }
  }

  MessageSocket& socket_;
  std::mutex mutex_;  // guards all
  std::condition_variable wake_;
  bool stop_ = false;
  Clock::time_point said_ = Clock::now();
  std::string doing_;
  std::thread thread_;
};

}  // namespace

void serve_endpoint(const proto::ZmqContext& context, const std::string& endpoint,
                    const std::optional<proto::CurveKeys>& keys, kernels::ThreadPool* pool,
                    const std::function<bool()>& should_stop) {
  using Received = MessageSocket::Received;
  MessageSocket socket(context, keys);
  socket.connect(endpoint);
  std::optional<kernels::ThreadPool> own_pool;
  std::unique_ptr<RolloutWorker> worker;
  const auto receive = [&](google::protobuf::MessageLite* message) {
    const Received received = socket.receive(message, kListenMs);
    if (received == Received::kOtherBytes)
      throw Error("a rollout worker was sent bytes that are no " + message->GetTypeName());
    return received == Received::kMessage;
  };
  while (!should_stop()) {
    if (!worker) {
      proto::WorkerSetup setup;
      if (!receive(&setup)) continue;
      Heart heart(socket);
      try {
        const configs::RunConfig config =
            configs::parse_run_config(setup.config(), "the run's config");
        log::set_levels(log::Levels(config.log.level));
        if (!pool) {
          kernels::select_isa(configs::name_of(config.isa));
          own_pool.emplace(setup.threads());
          pool = &*own_pool;
        }
        const std::vector<rollout::UserTool> tools(setup.user_tools().begin(),
                                                   setup.user_tools().end());
        worker = std::make_unique<RolloutWorker>(config, setup.tokenizer_dir(), tools, *pool);
      } catch (const Error& e) {
        proto::WorkerReply reply;
        reply.set_error(e.what());
        heart.send(reply);
        return;
      }
    }
    proto::CollectRequest request;
    if (!receive(&request)) continue;
    if (request.stop()) return;
    log::set_place(request.stage(), request.step());
    log::debug(log::Part::kRollout, "is asked for samples of " +
                                        std::to_string(request.groups_size()) +
                                        (request.groups_size() == 1 ? " prompt" : " prompts"));
    Heart heart(socket);
    worker->serve(
        request, [&](const proto::WorkerReply& reply) { heart.send(reply); }, should_stop);
  }
}

}  // namespace amalgam::pipeline
