#include "results/scrub.hpp"

#include "results/environment_table.hpp"
#include "results/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>

namespace moeperf {
namespace {

bool is_of_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; }

/// `word` wherever it stands by itself.
std::string replaced(std::string text, const std::string& word, const std::string& by) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at)) {
    const std::size_t end = at + word.size();
    const bool is_whole = (at == 0 || !is_of_word(text[at - 1])) && (end == text.size() || !is_of_word(text[end]));
    if (is_whole) text.replace(at, word.size(), by);
    at += is_whole ? by.size() : word.size();
  }
  return text;
}

std::string pseudonym(const std::string& host) {
  std::uint32_t hash = 0x811c9dc5;  // FNV-1a
  for (const char c : host) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193;
  return fmt::format("host-{:08x}", hash);
}

bool is_pseudonym(const std::string& host) {
  static const std::regex form("host-[0-9a-f]{8}");
  return std::regex_match(host, form);
}

/// An absolute path keeps its last name.
std::string without_paths(const std::string& text) {
  static const std::regex path(R"((^|[\s'"=:,;(\[]|-[A-Za-z])(/[^\s'"=:,;()\[\]]*/)([^\s'"=:,;()\[\]/]*))");
  return std::regex_replace(text, path, "$1.../$3");
}

std::string without_addresses(const std::string& text) {
  static const std::regex address(R"(\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b)");
  return std::regex_replace(text, address, "0.0.0.0");
}

/// Variables whose values name people, jobs and places.
bool is_private(const std::string& variable) {
  static const std::vector<std::string> words{"USER", "ACCOUNT", "UID", "GID", "NAME", "NODELIST", "DIR", "COMMENT"};
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return variable.find(word) != std::string::npos; });
}

class Scrubber {
 public:
  explicit Scrubber(const Report& report) {
    for (const Launch& launch : report.launches) {
      const Environment& environment = launch.header.environment;
      for (const Table* table : {&environment.nodes, &environment.ranks}) {
        for (const std::string& host : column_of(*table, "host")) add_host(host);
      }
      for (const auto& [name, value] : environment.variables) {
        if (name.find("USER") != std::string::npos && !value.empty()) names_[value] = "user";
      }
    }
  }

  std::string text(const std::string& given) const {
    std::string text = without_addresses(without_paths(given));
    // Longer names first: one may begin with another.
    std::vector<std::pair<std::string, std::string>> names(names_.begin(), names_.end());
    std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
    for (const auto& [name, by] : names) text = replaced(std::move(text), name, by);
    return text;
  }

  void header(ReportHeader& header) const {
    // "HOST-TIME".
    for (const auto& [name, by] : names_) {
      if (header.run_id.starts_with(name + "-")) {
        header.run_id = by + header.run_id.substr(name.size());
        break;
      }
    }
    header.command_line = text(header.command_line);
    header.config = without_paths(header.config);
    for (auto& [name, value] : header.environment.facts) value = text(value);
    for (auto& [name, value] : header.environment.variables) value = is_private(name) ? "(scrubbed)" : text(value);
    for (Table* table : {&header.environment.nodes, &header.environment.ranks}) {
      for (auto& [column, values] : *table) {
        for (std::string& value : values) value = text(value);
      }
    }
  }

 private:
  /// By its whole name, and by the first part of that.
  void add_host(const std::string& host) {
    if (host.empty() || is_pseudonym(host)) return;
    names_[host] = pseudonym(host);
    const std::string first = host.substr(0, host.find('.'));
    if (!first.empty()) names_.try_emplace(first, pseudonym(host));
  }

  std::map<std::string, std::string> names_;
};

}  // namespace

Report scrubbed(const Report& report) {
  const Scrubber scrubber(report);
  Report clean = report;
  for (Launch& launch : clean.launches) {
    scrubber.header(launch.header);
    launch.ended_early = scrubber.text(launch.ended_early);
  }
  for (CaseResult& result : clean.cases) {
    result.skip_reason = scrubber.text(result.skip_reason);
    for (auto& [name, value] : result.notes) value = scrubber.text(value);
    for (std::string& claim : result.verification.failed) claim = scrubber.text(claim);
    for (Measurement& m : result.measurements) {
      for (InvalidSample& one : m.samples.invalid) one.reason = scrubber.text(one.reason);
    }
  }
  clean.status = verdict(clean);
  return clean;
}

}  // namespace moeperf
