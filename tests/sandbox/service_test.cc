// The sandbox service in one process: what a client gets is what a sandbox here gives. Deaths and
// cut links: tests/pipeline/sandbox_hosts_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zmq.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <random>
#include <thread>

#include "configs/error.h"
#include "sandbox/agent.h"
#include "sandbox/function.h"
#include "sandbox/gateway.h"
#include "sandbox/journal.h"
#include "sandbox/remote_sandbox.h"
#include "sandbox/service_keys.h"
#include "sandbox/service_messages.h"
#include "tests/sandbox/image_fixture.h"

namespace amalgam::sandbox {
namespace {

using testing::HasSubstr;

class Service : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    ASSERT_TRUE(create_container({}, &error)) << error;
    generate_key_file(folder_ / "gateway.key");
    std::string allowed;
    for (const std::string who : {"agent", "me", "other"})
      allowed += (who == "agent" ? "agent " : "client ") +
                 generate_key_file(folder_ / (who + ".key"), folder_ / "gateway.key.pub") + " " +
                 who + "\n";
    write_text(folder_ / "allowed", allowed);
    std::promise<std::string> listening;
    gateway_ = std::thread([&] {
      run_gateway(
          {.listen = "tcp://127.0.0.1:*",
           .keys = read_key_file(folder_ / "gateway.key", KeyUse::kGateway),
           .allowed_keys = folder_ / "allowed",
           .folder = folder_ / "records"},
          [this] { return stop_.load(); },
          [&](const std::string& endpoint) { listening.set_value(endpoint); },
          [](const std::string&) {});
    });
    url_ = listening.get_future().get();
  }
  void TearDown() override {
    stop_agents_ = true;
    for (std::thread& agent : agents_) agent.join();
    stop_ = true;
    gateway_.join();
  }

  void start_agent(int capacity = 16, const std::string& images = {}) {
    const int before = client()->check();
    agents_.emplace_back([this, capacity, images] {
      run_agent(
          {.gateway = url_,
           .keys = read_key_file(folder_ / "agent.key", KeyUse::kPeer),
           .capacity = capacity,
           .num_threads = 4,
           .images = images},
          [this] { return stop_agents_.load(); }, [](const std::string&) {});
    });
    while (client()->check() == before) usleep(10'000);
  }
  std::shared_ptr<GatewayClient> client(const std::string& who = "me") {
    auto& c = clients_[who];
    if (!c) c = GatewayClient::connect(url_, folder_ / (who + ".key"));
    return c;
  }
  void restart_agents() {
    stop_agents_ = true;
    for (std::thread& agent : agents_) agent.join();
    agents_.clear();
    stop_agents_ = false;
    start_agent(16, folder_ / "images");
  }
  // A peer that says whatever a test wants.
  std::unique_ptr<proto::ZmqSocket> raw(const std::string& key) {
    auto socket = std::make_unique<proto::ZmqSocket>(context_, ZMQ_DEALER, kMaxMessageBytes, 100);
    if (!key.empty()) socket->set_keys(read_key_file(folder_ / (key + ".key"), KeyUse::kPeer));
    socket->connect(url_);
    return socket;
  }

  const TempFolder folder_;
  std::string url_;
  std::atomic<bool> stop_{false}, stop_agents_{false};
  std::thread gateway_;
  std::vector<std::thread> agents_;
  proto::ZmqContext context_;
  std::map<std::string, std::shared_ptr<GatewayClient>> clients_;
};

// All but what a clock and a memory meter say.
std::string bytes_of(Result r) {
  r.cpu_seconds = r.wall_seconds = 0;
  r.peak_memory_bytes = 0;
  return to_proto(r).SerializeAsString();
}

TEST_F(Service, GivesWhatASandboxHereGives) {
  start_agent();
  Limits limits;
  limits.cpu_seconds = 0.5;
  limits.output_bytes = 1000;
  limits.disk_bytes = 1 << 20;
  const auto here = make(limits);
  const auto there = client()->open("container", limits);
  const auto both = [&](const auto& call) {
    const Result a = call(*here), b = call(*there);
    EXPECT_EQ(bytes_of(a), bytes_of(b)) << b.detail;
    return b.outcome;
  };
  const auto sh = [&](const std::string& script) {
    return both([&](Sandbox& box) { return shell(box, script); });
  };
  EXPECT_EQ(sh("echo out; echo err >&2; exit 3"), Outcome::kExit);
  EXPECT_EQ(sh("printf '\\377\\000x'; env; pwd; id"), Outcome::kOk);
  EXPECT_EQ(sh("kill -SEGV $$"), Outcome::kSignal);
  EXPECT_EQ(sh("while :; do :; done"), Outcome::kTimeout);
  EXPECT_EQ(sh("yes | head -c 2000"), Outcome::kOutputLimit);
  EXPECT_EQ(sh("head -c 3000000 /dev/zero > big"), Outcome::kDiskLimit);
  EXPECT_EQ(sh("rm big; mkdir -p a/b; echo text > a/b/c; ls -lAR --time-style=+"), Outcome::kOk);
  const std::string all_bytes = [] {
    std::string s;
    for (int i = 0; i < 70'000; ++i) s += static_cast<char>(i * 7 % 256);
    return s;
  }();
  EXPECT_EQ(both([&](Sandbox& box) { return box.put_file("new/file", all_bytes); }), Outcome::kOk);
  EXPECT_EQ(both([&](Sandbox& box) { return box.put_file("/absolute", ""); }), Outcome::kDenied);
  EXPECT_EQ(both([&](Sandbox& box) {
              std::string content;
              const Result r = box.get_file("new/file", &content);
              EXPECT_EQ(content, all_bytes);
              return r;
            }),
            Outcome::kOk);
  EXPECT_EQ(both([&](Sandbox& box) {
              std::string content = "old";
              const Result r = box.get_file("absent", &content);
              EXPECT_EQ(content, "");
              return r;
            }),
            Outcome::kExit);
  EXPECT_EQ(both([&](Sandbox& box) {
              return box.exec({{"/bin/sh", "-c", "cat; echo $X; pwd"}, "input", {"X=1"}, "new"});
            }),
            Outcome::kOk);
}

TEST_F(Service, ServesFunctions) {
  start_agent();
  const auto box = client()->open("function", {});
  EXPECT_EQ(box->put_file("main.py", "print(open('data').read())").outcome, Outcome::kOk);
  EXPECT_EQ(box->put_file("data", "17").outcome, Outcome::kOk);
  const Result r = box->exec({python_call({"main.py"})});
  EXPECT_EQ(r.out, "17\n") << r.detail;
  EXPECT_EQ(box->exec({python_call({"main.py"})}).outcome, Outcome::kDenied);
}

TEST_F(Service, ASessionIsAnsweredFromItsRecord) {
  start_agent();
  const auto script = "date +%s.%N; echo $RANDOM >> x";
  std::string first;
  {
    const auto box = client()->open("container", {}, {}, "s");
    first = shell(*box, script).out;
    EXPECT_FALSE(box->was_recorded());
  }
  const auto again = client()->open("container", {}, {}, "s");
  EXPECT_EQ(shell(*again, script).out, first);
  EXPECT_TRUE(again->was_recorded());
  EXPECT_EQ(shell(*again, "wc -l < x").out, "1\n");
  EXPECT_FALSE(again->was_recorded());
  // Another call, other limits: not that session.
  const auto wrong = client()->open("container", {}, {}, "s");
  EXPECT_THAT(shell(*wrong, "true").detail, HasSubstr("another call here"));
  Limits other;
  other.max_processes = 5;
  EXPECT_THAT(shell(*client()->open("container", other, {}, "s"), script).detail,
              HasSubstr("other limits"));
  // Someone else's session of that name is another one.
  const auto others = client("other")->open("container", {}, {}, "s");
  EXPECT_NE(shell(*others, script).out, first);
  EXPECT_FALSE(others->was_recorded());
}

// An owner that was killed left the file: its calls are answered. One that is done removes it.
TEST_F(Service, AResumableSessionLivesAsLongAsItsFile) {
  start_agent();
  const std::string file = folder_ / "episode.journal";
  const auto open = [&] { return client()->open_resumable(file, "container", {}); };
  const auto script = "date +%s.%N; echo line >> x";
  const std::string first = shell(*open(), script).out;
  {
    const auto box = open();
    EXPECT_EQ(shell(*box, script).out, first);
    EXPECT_EQ(shell(*box, "wc -l < x").out, "1\n");
    // Its agent is gone in the middle of a call: that is told once, and not again after a resume.
    std::thread killer([&] {
      usleep(300'000);
      stop_agents_ = true;
    });
    EXPECT_EQ(shell(*box, "sleep 2; cat x").outcome, Outcome::kSandboxFailed);
    killer.join();
  }
  restart_agents();
  {
    const auto box = open();
    EXPECT_EQ(shell(*box, script).out, first);
    EXPECT_EQ(shell(*box, "wc -l < x").out, "1\n");
    EXPECT_EQ(shell(*box, "sleep 2; cat x").out, "line\n");
    std::filesystem::remove(file);
  }
  EXPECT_NE(shell(*open(), script).out, first);
  write_text(file, "../name");
  EXPECT_THROW(open(), Error);
}

TEST_F(Service, OnlyNamedSessionsLeaveARecord) {
  start_agent();
  {
    const auto named = client()->open("container", {}, {}, "kept"),
               other = client()->open("container", {});
    EXPECT_EQ(shell(*named, "true").outcome, Outcome::kOk);
    EXPECT_EQ(shell(*other, "true").outcome, Outcome::kOk);
    const auto files = std::filesystem::directory_iterator(folder_ / "records/me/temporary");
    EXPECT_NE(files, std::filesystem::directory_iterator());
  }
  EXPECT_EQ(read_journal(folder_ / "records/me/kept/kept.journal").entries.size(), 1u);
  bool is_empty = false;
  for (int i = 0; i < 500 && !is_empty; ++i, usleep(10'000))
    is_empty = std::filesystem::is_empty(folder_ / "records/me/temporary");
  EXPECT_TRUE(is_empty);
}

TEST_F(Service, CancelEndsACommandAndTheSandboxGoesOn) {
  start_agent();
  const auto box = client()->open("container", {});
  EXPECT_FALSE(box->cancel(1));
  EXPECT_EQ(shell(*box, "echo 1 > x").outcome, Outcome::kOk);
  std::thread canceller([&] {
    usleep(500'000);
    EXPECT_TRUE(box->cancel(10));
  });
  EXPECT_EQ(shell(*box, "sleep 60").outcome, Outcome::kCancelled);
  canceller.join();
  EXPECT_EQ(shell(*box, "cat x").out, "1\n");
  // Also one that waits for an agent with room.
  stop_agents_ = true;
  agents_[0].join();
  agents_.clear();
  while (client()->check() > 0) usleep(10'000);
  std::thread waiter([&] {
    usleep(500'000);
    EXPECT_TRUE(box->cancel(10));
  });
  EXPECT_EQ(shell(*box, "true").outcome, Outcome::kCancelled);
  waiter.join();
}

TEST_F(Service, CallsWaitForAnAgentWithRoom) {
  start_agent(/*capacity=*/1);
  auto first = client()->open("container", {});
  EXPECT_EQ(shell(*first, "true").outcome, Outcome::kOk);
  const auto second = client()->open("container", {});
  std::atomic<bool> is_done{false};
  std::thread waiter([&] {
    EXPECT_EQ(shell(*second, "echo there").out, "there\n");
    is_done = true;
  });
  usleep(700'000);
  EXPECT_FALSE(is_done);
  first.reset();
  waiter.join();
}

TEST_F(Service, ManyThreadsGetTheirOwnAnswers) {
  start_agent(64);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 8; ++i) {
        const auto box = client()->open("container", {});
        const std::string text = std::to_string(t) + "-" + std::to_string(i);
        EXPECT_EQ(shell(*box, "echo " + text + " | tee x").out, text + "\n");
        EXPECT_EQ(shell(*box, "cat x").out, text + "\n");
      }
    });
  client();
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Service, LargeFilesAndBadSessionsAreTyped) {
  start_agent();
  Limits limits;
  limits.disk_bytes = 64 << 20;
  const auto box = client()->open("container", limits);
  const std::string large(24 << 20, 'x');
  std::string content;
  EXPECT_EQ(box->put_file("large", large).outcome, Outcome::kOk);
  EXPECT_EQ(box->get_file("large", &content).outcome, Outcome::kOk);
  EXPECT_EQ(content, large);
  limits.disk_bytes = 65 << 20;
  EXPECT_THAT(shell(*client()->open("container", limits), "true").detail, HasSubstr("disk limit"));
  EXPECT_THAT(shell(*client()->open("jail", {}), "true").detail, HasSubstr("substrate"));
  EXPECT_THAT(shell(*client()->open("container", {}, {}, "../s"), "true").detail,
              HasSubstr("session's name"));
  Image image;
  image.id = std::string(64, 'a');
  image.layers = {std::string(64, 'b')};
  EXPECT_THAT(shell(*client()->open("container", {}, image), "true").detail,
              HasSubstr("no images"));
  image.layers = {"../../../etc"};
  EXPECT_THAT(shell(*client()->open("container", {}, image), "true").detail,
              HasSubstr("bad image"));
}

TEST_F(Service, StartsOnImagesAndMovesThem) {
  ImageStore store(folder_ / "images");
  const Image image = store.make_image({store.add_layer(Links::kAny, [](LayerWriter* layer) {
    add_packages(package_closure({"dash", "coreutils"}), layer);
    layer->begin_file("data/lower", 0644);
    layer->append("from the image\n");
    layer->end_file();
  })});
  start_agent(16, folder_ / "images");
  const auto box = client()->open("container", {}, image);
  EXPECT_EQ(shell(*box, "cat /data/lower; ls /").out.substr(0, 15), "from the image\n");
  EXPECT_EQ(shell(*box, "rm /data/lower; echo 1 > /data/x; echo 2 > x").outcome, Outcome::kOk);
  restart_agents();
  EXPECT_EQ(shell(*box, "ls /data; cat /data/x x").out, "x\n1\n2\n");
}

TEST_F(Service, SessionsGoOnAfterTheirAgentStopped) {
  start_agent();
  const auto box = client()->open("container", {}), function = client()->open("function", {}),
             called = client()->open("function", {});
  EXPECT_EQ(shell(*box, "mkdir d; echo 1 > d/x; ln -s d/x l; chmod 700 d/x").outcome, Outcome::kOk);
  EXPECT_EQ(shell(*box, "rm l; exit 2").exit_code, 2);
  EXPECT_EQ(function->put_file("main.py", "print(6 * 7)").outcome, Outcome::kOk);
  EXPECT_EQ(called->exec({python_call({"-c", "1"})}).outcome, Outcome::kOk);
  restart_agents();
  EXPECT_EQ(shell(*box, "ls; cat d/x; stat -c %a d/x").out, "d\n1\n700\n");
  EXPECT_EQ(function->exec({python_call({"main.py"})}).out, "42\n");
  std::string content;
  const Result r = called->get_file("x", &content);
  EXPECT_EQ(r.outcome, Outcome::kSandboxFailed);
  EXPECT_THAT(r.detail, HasSubstr("cannot be brought back"));
}

// Valid messages, cut, flipped and of random bytes.
std::string damaged(std::mt19937_64* random, std::string bytes) {
  switch ((*random)() % 3) {
    case 0:
      bytes.resize((*random)() % (bytes.size() + 1));
      break;
    case 1:
      for (uint64_t n = 1 + (*random)() % 4; n > 0 && !bytes.empty(); --n)
        bytes[(*random)() % bytes.size()] = static_cast<char>((*random)());
      break;
    default:
      bytes.assign((*random)() % 200, '\0');
      for (char& c : bytes) c = static_cast<char>((*random)());
  }
  return bytes;
}

TEST_F(Service, NoMessageBreaksTheGateway) {
  start_agent();
  const auto box = client()->open("container", {});
  EXPECT_EQ(shell(*box, "echo 1 > x").outcome, Outcome::kOk);
  std::mt19937_64 random(1);
  proto::ClientRequest ask;
  ask.set_session("fuzz");
  *ask.mutable_spec() = make_spec("container", {}, {}, true);
  *ask.mutable_call() = to_proto(Command{{"/bin/true"}});
  proto::AgentMessage done;
  done.mutable_done()->set_call(1);
  done.mutable_done()->mutable_result()->set_out("x");
  proto::AgentMessage enroll;
  enroll.mutable_register_()->set_instance(1);
  enroll.mutable_register_()->set_capacity(-1);  // would be placed on otherwise
  for (const std::string who : {"me", "agent", ""}) {
    const auto peer = raw(who);
    for (int i = 0; i < 2000; ++i) {
      const std::string bytes = damaged(&random, (who == "me" ? ask.SerializeAsString()
                                                  : i % 2     ? done.SerializeAsString()
                                                              : enroll.SerializeAsString()));
      const std::vector<std::string_view> many(1 + random() % 9, bytes);
      peer->send(i % 8 ? std::vector<std::string_view>{bytes} : many);
      proto::ZmqMessage answer;
      while (peer->receive(&answer)) {
      }
    }
    usleep(200'000);
  }
  // What a damaged message may have been enrolled as an agent takes no calls of this session.
  EXPECT_EQ(shell(*box, "cat x").out, "1\n");
}

TEST_F(Service, NoMessageBreaksAnAgent) {
  // The gateway here is the test.
  proto::ZmqSocket gateway(context_, ZMQ_ROUTER, kMaxMessageBytes);
  gateway.set_keys(read_key_file(folder_ / "gateway.key", KeyUse::kGateway));
  gateway.bind("tcp://127.0.0.1:*");
  agents_.emplace_back([this, url = gateway.bound_endpoint()] {
    run_agent(
        {.gateway = url, .keys = read_key_file(folder_ / "agent.key", KeyUse::kPeer)},
        [this] { return stop_agents_.load(); }, [](const std::string&) {});
  });
  proto::ZmqMessage message;
  ASSERT_TRUE(gateway.wait(10'000));
  ASSERT_TRUE(gateway.receive(&message));
  const std::string route = message.frames[0];
  std::mt19937_64 random(1);
  proto::AgentRequest request;
  auto* call = request.mutable_call();
  call->set_call(1);
  call->set_session("fuzz");
  call->set_is_new(true);
  *call->mutable_spec() = make_spec("container", {}, {}, true);
  *call->mutable_ask() = to_proto(Command{{"/bin/true"}});
  auto* change = call->add_changes();
  change->set_path("../../x");
  change->set_mode(S_IFREG | 0644);
  const auto answer_to = [&](uint64_t number) {
    for (int i = 0; i < 300; ++i) {
      gateway.wait(100);
      while (gateway.receive(&message)) {
        proto::AgentMessage from;
        EXPECT_TRUE(message.frames.size() == 2 && from.ParseFromString(message.frames[1]));
        if (from.has_done() && from.done().call() == number) return from.done().result();
      }
    }
    ADD_FAILURE() << "no answer";
    return proto::SandboxResult();
  };
  gateway.send({route, request.SerializeAsString()});
  EXPECT_EQ(answer_to(1).outcome(), static_cast<int>(Outcome::kSandboxFailed));
  call->clear_changes();
  for (int i = 0; i < 300; ++i) {
    // No refusal, which ends an agent.
    proto::AgentRequest parsed;
    const std::string bytes = damaged(&random, request.SerializeAsString());
    if (parsed.ParseFromString(bytes) && !parsed.refused().empty()) continue;
    gateway.send({route, bytes});
  }
  call->set_call(2);
  call->set_session("after");
  gateway.send({route, request.SerializeAsString()});
  EXPECT_EQ(answer_to(2).outcome(), static_cast<int>(Outcome::kOk));
}

TEST(ServiceKeys, FilesAreSecretAndComplete) {
  const TempFolder folder;
  const std::string key = generate_key_file(folder / "gateway.key");
  EXPECT_EQ(key.size(), 64u);
  struct stat st {};
  ASSERT_EQ(stat((folder / "gateway.key").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  EXPECT_THAT(error_of([&] { generate_key_file(folder / "gateway.key"); }), HasSubstr("exists"));
  EXPECT_EQ(read_key_file(folder / "gateway.key", KeyUse::kGateway).server_key, "");
  EXPECT_THAT(error_of([&] { read_key_file(folder / "gateway.key", KeyUse::kPeer); }),
              HasSubstr("does not name the gateway's key"));
  for (const std::string& from : {key, folder / "gateway.key.pub"}) {
    const std::string path = folder / ("me" + std::to_string(from.size()));
    generate_key_file(path, from);
    EXPECT_EQ(read_key_file(path, KeyUse::kPeer).server_key,
              read_key_file(folder / "gateway.key", KeyUse::kGateway).public_key);
  }
  EXPECT_THAT(error_of([&] { generate_key_file(folder / "x", folder / "gateway.key"); }),
              HasSubstr("holds no public key"));
  chmod((folder / "gateway.key").c_str(), 0640);
  EXPECT_THAT(error_of([&] { read_key_file(folder / "gateway.key", KeyUse::kGateway); }),
              HasSubstr("chmod 600"));
  write_text(folder / "bad", "public 12\n");
  EXPECT_THAT(error_of([&] { read_key_file(folder / "bad", KeyUse::kGateway); }),
              HasSubstr("is no key file"));
}

TEST(ServiceKeys, ListOfAllowedKeys) {
  const TempFolder folder;
  const std::string a(64, 'a'), b(64, 'b');
  const auto read = [&](const std::string& text) {
    write_text(folder / "allowed", text);
    return read_allowed_keys(folder / "allowed");
  };
  const auto keys = read("# who\nclient " + a + " me  # here\n\nagent " + b + " host-1\n");
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].name, "me");
  EXPECT_FALSE(keys[0].is_agent);
  EXPECT_EQ(keys[1].public_key, std::string(32, '\xbb'));
  EXPECT_TRUE(keys[1].is_agent);
  for (const std::string& bad : std::vector<std::string>{
           "client " + a, "user " + a + " me", "client 12 me", "client " + a + " ../me",
           "client " + a + " me\nclient " + b + " me", "client " + a + " me\nagent " + a + " host"})
    EXPECT_THAT(error_of([&] { read(bad); }), HasSubstr("allowed:")) << bad;
}

}  // namespace
}  // namespace amalgam::sandbox
