// What a row gives the tools of its conversation: files, and a key-value store as one of them.
#pragma once
#include <map>
#include <string>

namespace amalgam::rollout {

inline constexpr const char* kStoreFile = "kv.txt";  // "key value" lines

bool is_store_key(const std::string& text);

// extra_info: JSON text of an object whose optional "sandbox" is {"kv": {key: value}, "files":
// {name: text}}; empty text stands for none. Returns name → content. Throws Error if it is
// something else, if a key or name is not of letters, digits, _ and -, or if a value holds a line
// break (names may also have dots inside).
std::map<std::string, std::string> read_row_files(const std::string& extra_info);

}  // namespace amalgam::rollout
