// The frame of the report: head, style sheet, navigation, script.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace amalgam::pipeline {

using PageLinks = std::vector<std::pair<std::string, std::string>>;  // id of a section, its name

// A whole HTML document around `body` (HTML). Its content security policy forbids every load and
// every script but the page's own, so text from a model that slipped through escaping could still
// do nothing.
std::string page(const std::string& escaped_title, const std::string& body, const PageLinks& links);

}  // namespace amalgam::pipeline
