#include "configs/foreign_names.h"

namespace amalgam::configs {
namespace {

bool is_group(const std::string& name) { return name.back() == '*'; }

std::string joined(const std::vector<std::string>& words, const std::string& quote) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : " and ") + quote + word + quote;
  return text;
}

std::string after_colon(const std::string& note) { return note.empty() ? "" : ": " + note; }

// What becomes of it, for the table.
std::string fate(const ForeignName& entry) {
  std::string values;
  for (const ForeignValue& v : entry.values)
    values += (values.empty() ? "" : ", ") + ("`" + v.theirs + "`") +
              (v.ours.empty() ? "" : " is `" + v.ours + "`");
  const std::string note = after_colon(entry.note);
  const std::string with =
      entry.only_with.empty() ? "" : ", beside `" + entry.only_with + "`; else ignored";
  switch (entry.counterpart) {
    case Counterpart::kSame:
      return "taken" + (values.empty() ? "" : " (" + values + ")") + with + note;
    case Counterpart::kSome:
      return "only " + values + note;
    case Counterpart::kQuotient:
      return "taken, divided by `" + entry.other + "`" +
             (values.empty() ? "" : " (" + values + ": nothing is set)") + with + note;
    case Counterpart::kShare:
      return "taken, `" + entry.other + "` divided by it" + note;
    case Counterpart::kDiffers:
      return "refused" + note;
    case Counterpart::kNone:
      return "ignored" + note;
  }
  return "";
}

}  // namespace

const char* name_of(Peer peer) { return peer == Peer::kVerl ? "verl" : "TRL"; }

const std::vector<ForeignName>& foreign_names(Peer peer) {
  static const std::vector<ForeignName> verl = verl_names(), trl = trl_names();
  return peer == Peer::kVerl ? verl : trl;
}

std::optional<FoundName> find_foreign_name(const std::string& name) {
  std::optional<FoundName> found;
  size_t longest = 0;
  for (const Peer peer : {Peer::kVerl, Peer::kTrl}) {
    for (const ForeignName& entry : foreign_names(peer)) {
      if (entry.name == name) return FoundName{peer, &entry, ""};
      const size_t size = entry.name.size() - 1;
      if (!is_group(entry.name) || size < longest || name.size() <= size ||
          name.compare(0, size, entry.name, 0, size) != 0)
        continue;
      longest = size;
      found = FoundName{peer, &entry, name.substr(size)};
    }
  }
  return found;
}

std::string hint_of(const FoundName& found) {
  const ForeignName& entry = *found.entry;
  const std::string whose = std::string("is ") + name_of(found.peer) + "'s name; ";
  const std::string keys = joined(entry.keys, "");
  const std::string note = after_colon(entry.note);
  if (entry.counterpart == Counterpart::kNone) return whose + "leave it out" + note;
  if (keys.empty()) return whose + "there is no such key here" + note;
  return whose +
         (entry.counterpart == Counterpart::kDiffers ? "use " + keys + " here"
                                                     : "here it is " + keys) +
         note;
}

std::string foreign_reference(Peer peer) {
  std::string text = std::string("| ") + name_of(peer) + " | here | |\n|---|---|---|\n";
  for (const ForeignName& entry : foreign_names(peer))
    text += "| `" + entry.name + "` | " + joined(entry.keys, "`") + " | " + fate(entry) + " |\n";
  return text;
}

}  // namespace amalgam::configs
