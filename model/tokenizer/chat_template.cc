#include "model/tokenizer/chat_template.h"

#include <string_view>
#include <utility>

#include "model/tokenizer/encoding_text.h"

namespace amalgam::model {
namespace {

// Tags are written without the "-" that strips white space; chat_template() joins the lines.
constexpr std::string_view kTemplate = R"jinja(
{% set thinking = thinking | default(false) %}
{% set add_generation_prompt = add_generation_prompt | default(true) %}
{% set ns = namespace(drop=(drop_thinking | default(true)), last_turn=-1, last_user=-1, tools_at=-1, calls=[], results=[], sorted=[], next=0, open=true, index=0) %}
{% for m in messages %}
{% if m['tools'] %}{% set ns.drop = false %}{% endif %}
{% if m['role'] in ['user', 'tool'] %}{% set ns.last_user = loop.index0 %}{% endif %}
{% if m['role'] == 'system' and ns.tools_at < 0 %}{% set ns.tools_at = loop.index0 %}{% endif %}
{% endfor %}
{% if tools %}{% set ns.drop = false %}{% endif %}
{% macro tools_section(tools) %}
{{ '\n\n' + @TOOLS_HEAD@ }}
{% for tool in tools %}{{ ('' if loop.first else '\n') + (tool['function'] | tojson) }}{% endfor %}
{{ @TOOLS_TAIL@ }}
{% endmacro %}
{{ bos_token }}
{% if thinking and reasoning_effort is defined and reasoning_effort == 'max' %}{{ @MAX_EFFORT@ }}{% endif %}
{% if tools and ns.tools_at < 0 %}{{ tools_section(tools) }}{% endif %}
{% for m in messages %}
{% set after = '' if loop.last else messages[loop.index]['role'] %}
{% if m['role'] == 'system' %}
{{ m['content'] or '' }}
{% if m['tools'] %}{{ tools_section(m['tools']) }}{% elif tools and ns.tools_at == loop.index0 %}{{ tools_section(tools) }}{% endif %}
{% if m['response_format'] %}{{ '\n\n' + @RESPONSE_FORMAT@ + (m['response_format'] | tojson) }}{% endif %}
{% elif m['role'] == 'latest_reminder' %}
{{ '<｜latest_reminder｜>' + m['content'] }}
{% elif m['role'] in ['user', 'tool'] %}
{% if loop.first or messages[loop.index0 - 1]['role'] not in ['user', 'tool'] %}
{{ '<｜User｜>' }}
{% set ns.results = [] %}{% set ns.sorted = [] %}{% set ns.open = true %}{% set ns.next = 0 %}
{% for later in messages[loop.index0:] %}
{% if later['role'] not in ['user', 'tool'] %}{% set ns.open = false %}{% endif %}
{% if ns.open and later['role'] == 'tool' %}{% set ns.results = ns.results + [later] %}{% endif %}
{% endfor %}
{% if ns.calls %}
{% for wanted in range(ns.calls | length) %}
{% for result in ns.results %}
{% set ns.index = 0 %}
{% for call in ns.calls %}{% if call['id'] and call['id'] == result['tool_call_id'] %}{% set ns.index = loop.index0 %}{% endif %}{% endfor %}
{% if ns.index == wanted %}{% set ns.sorted = ns.sorted + [result] %}{% endif %}
{% endfor %}
{% endfor %}
{% set ns.results = ns.sorted %}
{% endif %}
{% else %}
{{ '\n\n' }}
{% endif %}
{% if m['role'] == 'tool' %}
{{ '<tool_result>' + (ns.results[ns.next]['content'] or '') + '</tool_result>' }}{% set ns.next = ns.next + 1 %}
{% else %}
{{ m['content'] or '' }}
{% endif %}
{% if after in ['assistant', 'latest_reminder'] or (loop.last and add_generation_prompt) %}
{{ '<｜Assistant｜>' }}{{ '<think>' if thinking and (not ns.drop or loop.index0 >= ns.last_user) else '</think>' }}
{% endif %}
{% elif m['role'] == 'assistant' %}
{% if thinking and (not ns.drop or loop.index0 > ns.last_user) %}{{ (m['reasoning_content'] or '') + '</think>' }}{% endif %}
{{ m['content'] or '' }}
{% if m['tool_calls'] %}
{% set ns.calls = m['tool_calls'] %}
{{ '\n\n<｜DSML｜tool_calls>\n' }}
{% for call in m['tool_calls'] %}
{% if call['function']['arguments'] is not mapping %}{{ raise_exception('tool call arguments must be an object') }}{% endif %}
{{ ('' if loop.first else '\n') + '<｜DSML｜invoke name="' + call['function']['name'] + '">\n' }}
{% for name, value in call['function']['arguments'].items() %}
{{ ('' if loop.first else '\n') + '<｜DSML｜parameter name="' + name + '" string="' + ('true' if value is string else 'false') + '">' + (value if value is string else (value | tojson)) + '</｜DSML｜parameter>' }}
{% endfor %}
{{ '\n</｜DSML｜invoke>' }}
{% endfor %}
{{ '\n</｜DSML｜tool_calls>' }}
{% endif %}
{% if not m['wo_eos'] %}{{ eos_token }}{% endif %}
{% else %}
{{ raise_exception('unknown role ' + m['role']) }}
{% endif %}
{% endfor %}
)jinja";

std::string jinja_string(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\'' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  return out + "'";
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::string chat_template() {
  std::string text(kTemplate);
  // The line breaks only make the source readable; a rendered one is always written '\n'.
  replace_all(text, "\n", "");
  for (const auto& [name, value] : {std::pair{"@TOOLS_HEAD@", kToolsHead},
                                    {"@TOOLS_TAIL@", kToolsTail},
                                    {"@MAX_EFFORT@", kMaxEffortText},
                                    {"@RESPONSE_FORMAT@", kResponseFormatHead}}) {
    replace_all(text, name, jinja_string(value));
  }
  return text;
}

}  // namespace amalgam::model
