// Key files of the sandbox service, and the list of allowed keys.
#include "sandbox/service/service_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/sandbox/images/image_fixture.h"

namespace amalgam::sandbox {
namespace {

using testing::HasSubstr;

TEST(ServiceKeys, FilesAreSecretAndComplete) {
  const TempDir folder;
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
  const TempDir folder;
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
