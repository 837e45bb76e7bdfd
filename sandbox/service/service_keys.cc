#include "sandbox/service/service_keys.h"

#include <fcntl.h>
#include <sodium/crypto_box.h>
#include <sodium/utils.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <sstream>

#include "configs/error.h"
#include "proto/append_file.h"
#include "sandbox/files/file_tree.h"
#include "sandbox/files/hex.h"

namespace amalgam::sandbox {
namespace {

constexpr size_t kKeyBytes = crypto_box_PUBLICKEYBYTES;
static_assert(kKeyBytes == 32 && crypto_box_SECRETKEYBYTES == 32);
constexpr size_t kMaxNameBytes = 64;

bool from_hex(const std::string& hex, std::string* bytes) {
  bytes->assign(kKeyBytes, '\0');
  size_t size = 0;
  const char* end = nullptr;
  return hex.size() == 2 * kKeyBytes &&
         sodium_hex2bin(reinterpret_cast<unsigned char*>(bytes->data()), bytes->size(), hex.data(),
                        hex.size(), nullptr, &size, &end) == 0 &&
         size == kKeyBytes && end == hex.data() + hex.size();
}

// The words of each line.
std::vector<std::vector<std::string>> read_words(const std::string& path) {
  std::vector<std::vector<std::string>> lines;
  std::istringstream text(proto::read_file(path));
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    lines.emplace_back();
    for (std::string word; words >> word;) lines.back().push_back(word);
  }
  return lines;
}

void write_new_file(const std::string& path, mode_t mode, const std::string& text) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd && errno == EEXIST)
    throw Error(path + " exists; keys are not overwritten, choose another name");
  if (!fd) throw Error(proto::file_error("write", path, errno));
  int error = write_all(fd.get(), text);
  if (!error && fsync(fd.get())) error = errno;
  if (!error) return;
  unlink(path.c_str());
  throw Error(proto::file_error("write", path, error));
}

}  // namespace

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '_' || c == '-' || c == '.';
         });
}

std::string generate_key_file(const std::string& path, const std::string& gateway_key) {
  std::string gateway = gateway_key, bytes;
  if (!gateway.empty() && !from_hex(gateway, &bytes)) {
    const auto lines = read_words(gateway_key);
    gateway = !lines.empty() && lines[0].size() == 1 ? lines[0][0] : "";
    if (!from_hex(gateway, &bytes))
      throw Error(gateway_key + " holds no public key; give the gateway's .pub file");
  }
  std::string public_key(kKeyBytes, '\0'), secret_key(kKeyBytes, '\0');
  crypto_box_keypair(reinterpret_cast<unsigned char*>(public_key.data()),
                     reinterpret_cast<unsigned char*>(secret_key.data()));
  const std::string public_hex = to_hex(public_key);
  std::string text = "# Key of the sandbox service; keep it secret.\npublic " + public_hex +
                     "\nsecret " + to_hex(secret_key) + "\n";
  if (!gateway.empty()) text += "gateway " + gateway + "\n";
  write_new_file(path, 0600, text);
  write_new_file(path + ".pub", 0644, public_hex + "\n");
  return public_hex;
}

proto::CurveKeys read_key_file(const std::string& path, KeyUse use) {
  std::map<std::string, std::string> keys;
  for (const auto& words : read_words(path)) {
    if (words.empty()) continue;
    std::string bytes;
    if (words.size() != 2 || !from_hex(words[1], &bytes))
      throw Error(path + " is no key file; make one with `amalgam sandbox keygen`");
    keys[words[0]] = bytes;
  }
  struct stat st {};
  if (stat(path.c_str(), &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)))
    throw Error(path + " holds a secret and others may read it; run chmod 600 " + path);
  if (keys["public"].empty() || keys["secret"].empty())
    throw Error(path + " is no key file; make one with `amalgam sandbox keygen`");
  if (use == KeyUse::kGateway) return {keys["public"], keys["secret"], {}};
  if (keys["gateway"].empty())
    throw Error(path + " does not name the gateway's key; make it with `amalgam sandbox keygen " +
                "FILE --gateway GATEWAY.pub`");
  return {keys["public"], keys["secret"], keys["gateway"]};
}

std::vector<AllowedKey> read_allowed_keys(const std::string& path) {
  std::vector<AllowedKey> keys;
  std::set<std::string> names, seen;
  size_t number = 0;
  for (const auto& words : read_words(path)) {
    ++number;
    if (words.empty()) continue;
    AllowedKey key;
    if (words.size() != 3 || (words[0] != "client" && words[0] != "agent") ||
        !from_hex(words[1], &key.public_key) || !is_plain_name(words[2]))
      throw Error(path + ":" + std::to_string(number) +
                  ": write client or agent, a public key and a name of letters and digits");
    key.is_agent = words[0] == "agent";
    key.name = words[2];
    // Two keys of one name would share sessions; one key of two names would be either.
    if (!names.insert(key.name).second || !seen.insert(key.public_key).second)
      throw Error(path + ":" + std::to_string(number) + ": this name or key stands there twice");
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace amalgam::sandbox
