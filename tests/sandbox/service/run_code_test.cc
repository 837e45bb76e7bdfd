// SandboxFusion's request and answer.
#include "sandbox/service/run_code.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sandbox/files/base64.h"
#include "tests/sandbox/fixture.h"

namespace amalgam::sandbox {
namespace {

using nlohmann::json;

// RFC 4648, section 10.
TEST(Base64, TestVectors) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(encode_base64(bytes), text);
    std::string back;
    EXPECT_TRUE(decode_base64(text, &back));
    EXPECT_EQ(back, bytes);
  }
  EXPECT_EQ(encode_base64("\xff\xfe\xfd"), "//79");
  std::string ignored;
  for (const char* bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9v\n", "Zm 9v", "====", "Zg==Zg=="})
    EXPECT_FALSE(decode_base64(bad, &ignored)) << bad;
}

json ask(const json& request, const std::string& substrate = "container", int status = 200,
         const Limits& limits = {}) {
  const RunCodeAnswer answer = run_code(request.dump(), substrate, limits);
  EXPECT_EQ(answer.http_status, status) << answer.body;
  return json::parse(answer.body);
}

TEST(RunCode, RunsPython) {
  for (const char* substrate : {"container", "function"}) {
    const json a = ask({{"code", "import sys\nprint(input())\nsys.stderr.write('e')"},
                        {"language", "python"},
                        {"stdin", "hello\n"},
                        {"compile_timeout", 10},
                        {"memory_limit_MB", -1},
                        {"files", json::object()},
                        {"fetch_files", json::array()}},
                       substrate);
    EXPECT_EQ(a["status"], "Success");
    EXPECT_EQ(a["message"], "");
    EXPECT_TRUE(a["compile_result"].is_null());
    EXPECT_EQ(a["run_result"]["status"], "Finished");
    EXPECT_EQ(a["run_result"]["return_code"], 0);
    EXPECT_EQ(a["run_result"]["stdout"], "hello\n");
    EXPECT_EQ(a["run_result"]["stderr"], "e");
    EXPECT_GT(a["run_result"]["execution_time"].get<double>(), 0);
    EXPECT_EQ(a["outcome"], "ok");
  }
}

TEST(RunCode, TellsFailures) {
  const json failed = ask({{"code", "exit(3)"}});
  EXPECT_EQ(failed["status"], "Failed");
  EXPECT_EQ(failed["run_result"]["status"], "Finished");
  EXPECT_EQ(failed["run_result"]["return_code"], 3);
  const json slow = ask({{"code", "while True: pass"}, {"run_timeout", 0.3}});
  EXPECT_EQ(slow["status"], "Failed");
  EXPECT_EQ(slow["run_result"]["status"], "TimeLimitExceeded");
  EXPECT_TRUE(slow["run_result"]["return_code"].is_null());
  const json broken = ask({{"code", ""}}, "jail");
  EXPECT_EQ(broken["status"], "SandboxError");
  EXPECT_TRUE(broken["run_result"].is_null());
  EXPECT_NE(broken["message"], "");
}

// A request may ask for less than the operator's limits, and gets no more.
TEST(RunCode, LimitsAreTheOperators) {
  const Limits limits{.cpu_seconds = 1, .wall_seconds = 20, .memory_bytes = 64 << 20};
  const char* const code = "x = bytearray(40 << 20); print(len(x))";
  const json fits = ask({{"code", code}}, "container", 200, limits);
  EXPECT_EQ(fits["status"], "Success");
  EXPECT_EQ(fits["message"], "");
  const json less = ask({{"code", code}, {"memory_limit_MB", 32}}, "container", 200, limits);
  EXPECT_NE(less["status"], "Success");
  EXPECT_EQ(less["message"], "");
  for (const double asked : {1024.0, 1e300}) {
    const json more = ask({{"code", "x = bytearray(100 << 20)"}, {"memory_limit_MB", asked}},
                          "container", 200, limits);
    EXPECT_NE(more["status"], "Success") << asked;
    EXPECT_NE(
        more["message"].get<std::string>().find("this service allows memory_limit_MB: 64 of "),
        std::string::npos)
        << more["message"];
  }
  const json slow =
      ask({{"code", "while True: pass"}, {"run_timeout", 1e9}, {"memory_limit_MB", 999}},
          "container", 200, limits);
  EXPECT_EQ(slow["run_result"]["status"], "TimeLimitExceeded");
  EXPECT_LT(slow["run_result"]["execution_time"].get<double>(), 15);
  EXPECT_EQ(slow["message"],
            "this service allows run_timeout: 20 of 1000000000 s asked for; memory_limit_MB: 64 of "
            "999 asked for");
}

TEST(RunCode, FilesGoInAndOut) {
  const json a = ask({{"code", "tr a-z A-Z < in/x > out; cat out"},
                      {"language", "bash"},
                      {"files", {{"in/x", encode_base64("text")}, {"unused", nullptr}}},
                      {"fetch_files", {"out", "missing", "../etc/passwd"}}});
  EXPECT_EQ(a["run_result"]["stdout"], "TEXT");
  EXPECT_EQ(a["files"], json({{"out", encode_base64("TEXT")}}));
  EXPECT_EQ(ask({{"code", ""}, {"files", {{"../x", ""}}}})["outcome"], "denied");
  // Two files of holes, each as large as the directory may be.
  const json large =
      ask({{"code", "truncate -s 16M a b"}, {"language", "bash"}, {"fetch_files", {"a", "b"}}});
  EXPECT_EQ(large["outcome"], "disk_limit");
  EXPECT_TRUE(large["files"].empty());
}

TEST(RunCode, RefusesWhatItDoesNotUnderstand) {
  for (const json& bad :
       {json::array(), json{{"language", "python"}}, json{{"code", 1}},
        json{{"code", ""}, {"language", "cobol"}}, json{{"code", ""}, {"run_timeout", 0}},
        json{{"code", ""}, {"run_timeout", "1"}}, json{{"code", ""}, {"files", {{"x", "%"}}}},
        json{{"code", ""}, {"fetch_files", {1}}}, json{{"code", ""}, {"memory_limit_MB", 0.5}}})
    EXPECT_FALSE(ask(bad, "container", 400)["detail"].get<std::string>().empty()) << bad;
  EXPECT_EQ(run_code("{", "container", {}).http_status, 400);
}

}  // namespace
}  // namespace amalgam::sandbox
