// The names that verl's Hydra configs and TRL's GRPOConfig have for what is told to this program by
// keys of its own. Data: verl_names.cc and trl_names.cc. Overrides are translated by it
// (overrides.h), unknown keys get their hint from it, and docs/COMING_FROM_*.md show it.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace amalgam::configs {

enum class Peer { kVerl, kTrl };
const char* name_of(Peer peer);  // "verl", "TRL"

enum class Counterpart {
  kSame,      // the value is that of `keys`
  kSome,      // so are the values that are listed; others are refused
  kQuotient,  // key = value / other
  kShare,     // key = other / value
  kDiffers,   // refused: `keys` are to be used, `note` says how they differ
  kNone       // ignored: dropping it changes nothing of what is computed, `note` says why
};

struct ForeignValue {
  std::string theirs;
  std::string ours;  // empty: it is always so here, nothing is set
};

struct ForeignName {
  std::string name;  // "critic.*": all names that begin with "critic."
  Counterpart counterpart = Counterpart::kSame;
  // Ours. "domain.NAME.…": of the config's only domain. What `*` stands for in the name it does
  // here.
  std::vector<std::string> keys = {};
  std::string note = {};
  std::vector<ForeignValue> values = {};  // before any other rule
  std::string other = {};                 // kQuotient, kShare: one of our keys
  std::string only_with = {};             // "name=value": without it the peer ignores this name
};

// In the order in which overrides are applied: a later one may set a key again.
const std::vector<ForeignName>& foreign_names(Peer peer);
std::vector<ForeignName> verl_names();  // their data
std::vector<ForeignName> trl_names();

struct FoundName {
  Peer peer;
  const ForeignName* entry;
  std::string rest;  // what `*` stands for
};

// The entry of this very name, else the group with the longest beginning.
std::optional<FoundName> find_foreign_name(const std::string& name);

// "is verl's name; here it is rl.rollout.n": for a config file that has it.
std::string hint_of(const FoundName& found);

// The table of docs/COMING_FROM_VERL.md or docs/COMING_FROM_TRL.md.
std::string foreign_reference(Peer peer);

}  // namespace amalgam::configs
