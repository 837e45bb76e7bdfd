// `amalgam sandbox serve`, asked over a plain socket.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/paths.h"
#include "tests/pipeline/run_program.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SandboxServe : public ::testing::Test {
 protected:
  void SetUp() override {
    int fds[2];
    ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    std::string words[] = {tests::kBinary, "sandbox", "serve", "--port", "0"};
    char* argv[6] = {};
    for (size_t i = 0; i < 5; ++i) argv[i] = words[i].data();
    char* environment[] = {nullptr};
    ASSERT_EQ(posix_spawn(&pid_, tests::kBinary, &actions, nullptr, argv, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    std::string line;
    for (char c; read(fds[0], &c, 1) == 1 && c != '\n';) line += c;
    close(fds[0]);
    ASSERT_THAT(line, StartsWith("listening on http://127.0.0.1:"));
    port_ = std::stoi(line.substr(30));
  }
  void TearDown() override {
    kill(pid_, SIGTERM);
    int status = -1;
    waitpid(pid_, &status, 0);
    EXPECT_EQ(status, 0) << "does not end at a request to stop";
  }

  int connect() const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval limit{60, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
  }

  // The whole answer; the connection is closed after it.
  std::string ask(const std::string& head, const std::string& body) const {
    const int fd = connect();
    const std::string text = head +
                             " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body;
    EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    std::string answer;
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;)
      answer.append(buffer, static_cast<size_t>(n));
    close(fd);
    return answer;
  }

  pid_t pid_ = 0;
  int port_ = 0;
};

TEST_F(SandboxServe, RunsCode) {
  const int silent = connect();  // a client that says nothing holds nobody up
  const json request = {{"code", "print(6 * 7)"}, {"language", "python"}, {"run_timeout", 10}};
  const std::string answer = ask("POST /run_code", request.dump());
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json"));
  const json body = json::parse(answer.substr(answer.find("\r\n\r\n")));
  EXPECT_EQ(body["status"], "Success");
  EXPECT_EQ(body["run_result"]["stdout"], "42\n");
  EXPECT_THAT(ask("POST /run_code", "{"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /run_code", ""), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(ask("GET /v1/ping", ""), HasSubstr("\"pong\""));
  EXPECT_THAT(ask("GET /", ""), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("nonsense", ""), testing::Not(HasSubstr("200 OK")));
  close(silent);
}

TEST(SandboxServeOptions, BadOnesAreOneLine) {
  EXPECT_THAT(run_program("sandbox serve --host example.org").err,
              HasSubstr("must be an IP address"));
  EXPECT_THAT(run_program("sandbox serve --substrate jail").err, HasSubstr("unknown substrate"));
  EXPECT_THAT(run_program("sandbox serve --port 70000").err, HasSubstr("--port"));
  EXPECT_THAT(run_program("sandbox serve --memory 512K").err,
              HasSubstr("sandbox serve: --memory must be at least 1M"));
}

}  // namespace
}  // namespace amalgam::pipeline
