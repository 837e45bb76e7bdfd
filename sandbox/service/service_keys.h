// Keys of the sandbox service. Everyone has a pair; the gateway's list of allowed keys says who may
// come, as what. A key file is text, one "NAME HEX" a line:
//   public HEX     32 bytes as 64 hexadecimal digits
//   secret HEX
//   gateway HEX    the gateway's public key: in the files of clients and agents
// and a line of the list of allowed keys is
//   client|agent PUBLIC_HEX NAME
// Empty lines and what follows a # are ignored in both.
#pragma once
#include <string>
#include <vector>

#include "proto/zmq_socket.h"

namespace amalgam::sandbox {

enum class KeyUse { kGateway, kPeer };

// Makes a pair and writes its file, readable by its owner only, and PATH.pub with the public key.
// gateway_key: for a client or an agent, the gateway's public key in hexadecimal digits or the file
// that holds it. Returns the public key in hexadecimal digits. Error when a file exists or cannot
// be written, or for a bad key.
std::string generate_key_file(const std::string& path, const std::string& gateway_key = {});

// Error when the file is unreadable, readable by others, or lacks a key that this use needs.
proto::CurveKeys read_key_file(const std::string& path, KeyUse use);

struct AllowedKey {
  bool is_agent = false;
  std::string public_key;  // 32 bytes
  std::string name;        // as is_plain_name
};

// Error that names the line.
std::vector<AllowedKey> read_allowed_keys(const std::string& path);

// Of a name that is used as a file's: letters, digits, "_", "-" and, but not first, ".".
bool is_plain_name(const std::string& name);

}  // namespace amalgam::sandbox
