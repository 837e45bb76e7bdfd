// DeepSeek-V4's special strings; each is one token (POST_TRAINING.md §2).
#pragma once
#include <array>
#include <string_view>

namespace amalgam::model {

inline constexpr std::string_view kBos = "<｜begin▁of▁sentence｜>";
inline constexpr std::string_view kEos = "<｜end▁of▁sentence｜>";
inline constexpr std::string_view kPad = "<｜▁pad▁｜>";
inline constexpr std::string_view kUserToken = "<｜User｜>";
inline constexpr std::string_view kAssistantToken = "<｜Assistant｜>";
inline constexpr std::string_view kLatestReminderToken = "<｜latest_reminder｜>";
inline constexpr std::string_view kThinkStart = "<think>";
inline constexpr std::string_view kThinkEnd = "</think>";
inline constexpr std::string_view kDsml = "｜DSML｜";

// In the order of the ids that a tokenizer trained here gives them, from 0.
inline constexpr std::array<std::string_view, 16> kSpecialTokens = {kBos,
                                                                    kEos,
                                                                    kPad,
                                                                    kUserToken,
                                                                    kAssistantToken,
                                                                    kLatestReminderToken,
                                                                    kThinkStart,
                                                                    kThinkEnd,
                                                                    kDsml,
                                                                    "<｜action｜>",
                                                                    "<｜query｜>",
                                                                    "<｜authority｜>",
                                                                    "<｜domain｜>",
                                                                    "<｜title｜>",
                                                                    "<｜extracted_url｜>",
                                                                    "<｜read_url｜>"};

}  // namespace amalgam::model
