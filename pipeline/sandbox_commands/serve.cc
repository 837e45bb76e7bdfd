#include "pipeline/sandbox_commands/serve.h"

#include <poll.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <thread>

#include "configs/error.h"
#include "configs/log/log.h"
#include "pipeline/run_store/interrupt.h"
#include "sandbox/service/run_code.h"

namespace amalgam::pipeline {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr auto kIdle = std::chrono::seconds(60);  // for a whole request to come or an answer to go
constexpr uint64_t kMaxBodyBytes = 64 << 20;
constexpr int kLookMs = 200;  // between two looks at interrupted()
constexpr int kEndMs = 1000;  // for answers under way when asked to stop

struct Service {
  std::string substrate;
  sandbox::Limits limits;
};

http::response<http::string_body> answer(const Service& service,
                                         const http::request<http::string_body>& request) {
  http::response<http::string_body> response{http::status::ok, request.version()};
  response.set(http::field::content_type, "application/json");
  response.keep_alive(request.keep_alive());
  if (request.method() == http::verb::get && request.target() == "/v1/ping") {
    response.body() = "\"pong\"";
  } else if (request.target() != "/run_code") {
    response.result(http::status::not_found);
    response.body() = R"({"detail": "use POST /run_code"})";
  } else if (request.method() != http::verb::post) {
    response.result(http::status::method_not_allowed);
    response.set(http::field::allow, "POST");
    response.body() = R"({"detail": "use POST /run_code"})";
  } else {
    sandbox::RunCodeAnswer result =
        sandbox::run_code(request.body(), service.substrate, service.limits);
    response.result(static_cast<unsigned>(result.http_status));
    response.body() = std::move(result.body);
  }
  response.prepare_payload();
  return response;
}

struct Connection {
  asio::io_context io;
  tcp::socket socket{io};
};

// One connection, in a thread of its own. Each read and write has a deadline, which needs the
// asynchronous calls; run() makes them wait.
void serve_connection(const Service& service, Connection* connection) {
  asio::io_context& io = connection->io;
  beast::tcp_stream stream(std::move(connection->socket));
  beast::flat_buffer buffer;
  beast::error_code error;
  const auto done = [&](beast::error_code e, size_t) { error = e; };
  const auto wait = [&] {
    io.run();
    io.restart();
    return !error;
  };
  for (bool keep = true; keep && !interrupted();) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(kMaxBodyBytes);
    stream.expires_after(kIdle);
    http::async_read(stream, buffer, parser, done);
    if (!wait()) break;
    const http::response<http::string_body> response = answer(service, parser.get());
    keep = response.keep_alive();
    stream.expires_after(kIdle);
    http::async_write(stream, response, done);
    if (!wait()) break;
  }
  stream.socket().shutdown(tcp::socket::shutdown_both, error);
}

tcp::acceptor listen(asio::io_context& io, const std::string& host, int64_t port) {
  const std::string where = host + ":" + std::to_string(port);
  beast::error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (error) throw Error("sandbox serve: --host must be an IP address, not " + host);
  if (port < 0 || port > 65535) throw Error("sandbox serve: --port must be between 0 and 65535");
  const tcp::endpoint endpoint(address, static_cast<unsigned short>(port));
  tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    throw Error("sandbox serve: cannot listen on " + where + ": " + error.message() +
                "; choose another --port");
  return acceptor;
}

}  // namespace

void SandboxServeOptions::describe(OptionSet& options) {
  options.option("--host", host, "IP address to listen on");
  options.option("--port", port, "TCP port; 0: any that is free");
  options.option("--substrate", substrate, kSubstrateHelp);
  limit.describe(options);
  options.option("--timeout", timeout, "the longest run_timeout of a request, seconds");
  options.option("--connections", connections, "at a time; others wait");
}

int run_sandbox_serve(const SandboxServeOptions& options) {
  const Service service{options.substrate,
                        options.limit.limits("sandbox serve", options.timeout, 0)};
  if (options.connections < 1) throw Error("sandbox serve: --connections must be at least 1");
  std::string why;
  if (!sandbox::create(options.substrate, service.limits, &why))
    throw Error("sandbox serve: " + why);

  asio::io_context io;
  tcp::acceptor acceptor = listen(io, options.host, options.port);
  std::printf("listening on http://%s:%d/run_code\n", options.host.c_str(),
              acceptor.local_endpoint().port());
  std::fflush(stdout);
  const auto open = std::make_shared<std::atomic<int64_t>>(0);
  while (!interrupted()) {
    pollfd p{acceptor.native_handle(), POLLIN, 0};
    if (*open >= options.connections || poll(&p, 1, kLookMs) <= 0) {
      if (*open >= options.connections) poll(nullptr, 0, kLookMs);
      continue;
    }
    // Without descriptors, memory or threads for one more, the next waits.
    try {
      const auto connection = std::make_shared<Connection>();
      acceptor.accept(connection->socket);
      ++*open;
      const std::shared_ptr<void> place(nullptr, [open](void*) { --*open; });
      std::thread([service, place, connection] {
        try {
          serve_connection(service, connection.get());
        } catch (const std::exception& e) {  // this client's connection closes
          log::warn(log::Part::kSandbox, std::string("amalgam: sandbox serve: ") + e.what());
        }
      }).detach();
    } catch (const std::exception& e) {
      log::warn(log::Part::kSandbox,
                std::string("amalgam: sandbox serve: a connection is not taken: ") + e.what());
      poll(nullptr, 0, kLookMs);
    }
  }
  // A run that is under way then dies with its sandbox, without its thread.
  for (int waited = 0; *open > 0 && waited < kEndMs; waited += kLookMs) poll(nullptr, 0, kLookMs);
  if (*open > 0) std::_Exit(0);
  return 0;
}

}  // namespace amalgam::pipeline
