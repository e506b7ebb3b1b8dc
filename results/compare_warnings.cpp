#include "results/compare_warnings.hpp"

#include "kernels/base/counted.hpp"
#include "results/launch_order.hpp"
#include "results/schema.hpp"
#include "results/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace moeperf {
namespace {

/// Warnings in the order of their first case, with the cases that they are about.
class CaseWarnings {
 public:
  void add(const std::string& text, const std::string& key) {
    const auto known = std::find_if(about_.begin(), about_.end(), [&](const auto& w) { return w.first == text; });
    if (known == about_.end()) {
      about_.push_back({text, {key}});
    } else if (known->second.back() != key) {
      known->second.push_back(key);
    }
  }

  std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const auto& [text, keys] : about_) {
      const std::string others = keys.size() > 1 ? fmt::format(" and {} more", keys.size() - 1) : "";
      texts.push_back(fmt::format("{}: {}{}", text, keys.front(), others));
    }
    return texts;
  }

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> about_;
};

std::string note_of(const CaseResult& result, const std::string& name) {
  const auto found = result.notes.find(name);
  return found == result.notes.end() ? "-" : found->second;
}

void warn_about_work(const CasePair& pair, CaseWarnings& warnings) {
  for (const Measurement& m : pair.fresh->measurements) {
    for (const Measurement& old : pair.base->measurements) {
      if (old.part != m.part) continue;
      for (const auto& [name, field] : schema::work_fields) {
        // The bytes on the wire are the dispatcher's doing, and what it is compared for.
        const bool is_wire = field == &WorkModel::wire_bytes_intra || field == &WorkModel::wire_bytes_inter;
        if (!is_wire && old.work.*field != m.work.*field) warnings.add(fmt::format("the {} differ", name), pair.key);
      }
    }
  }
}

/// Whether both have as many tokens per rank, on other numbers of ranks: totals, routing and work then differ by
/// design, which one warning about the reports says.
bool is_scaled(const Report& base, const Report& fresh, const CasePair& pair) {
  return base.header().num_ranks != fresh.header().num_ranks &&
         pair.base->tokens_global * fresh.header().num_ranks == pair.fresh->tokens_global * base.header().num_ranks;
}

void warn_about_pair(const CasePair& pair, bool scales_with_ranks, CaseWarnings& warnings) {
  const auto differ = [&](const std::string& what, const std::string& base, const std::string& fresh) {
    if (base != fresh) warnings.add(fmt::format("{} differs ({} | {})", what, base, fresh), pair.key);
  };
  const CaseResult &base = *pair.base, &fresh = *pair.fresh;
  if (!base.skip_reason.empty() || !fresh.skip_reason.empty()) return;
  for (const std::string axis : {"dispatcher", "kernel"}) differ("the " + axis, base.on(axis), fresh.on(axis));
  if (base.on("kernel") == fresh.on("kernel"))
    differ("what runs as kernel", note_of(base, "kernel"), note_of(fresh, "kernel"));
  if (!scales_with_ranks) {
    if (base.routing_checksum != fresh.routing_checksum) warnings.add("the routing is not the same in both", pair.key);
    if (base.tokens_global != fresh.tokens_global) warnings.add("the number of tokens differs", pair.key);
    warn_about_work(pair, warnings);
  }
  for (const auto& [result, which] : {std::pair{&base, "base"}, std::pair{&fresh, "new"}}) {
    if (!result->verification.performed) {
      warnings.add(fmt::format("not verified in {}", which), pair.key);
    } else if (!result->verification.passed) {
      warnings.add(fmt::format("wrong in {}; a time of wrong results means nothing", which), pair.key);
    }
  }
}

void warn_about_reports(const Report& base, const Report& fresh, std::vector<std::string>& warnings) {
  for (const auto& [report, which] : {std::pair{&base, "base"}, std::pair{&fresh, "new"}}) {
    if (report->status == "VALID") continue;
    const std::string status = report->status == "running" ? "of a run that did not end" : report->status;
    warnings.push_back(fmt::format("the {} report is {}", which, status));
  }
  if (!base.header().run_id.empty() && base.header().run_id == fresh.header().run_id) {
    warnings.emplace_back("both are reports of the same run");
  }
}

/// Other numbers of ranks, and what that means for the ratios.
void warn_about_ranks(const Report& base, const Report& fresh, const MatchedCases& matched,
                      std::vector<std::string>& warnings) {
  if (base.header().num_ranks == fresh.header().num_ranks) return;
  const bool scaled = std::all_of(matched.pairs.begin(), matched.pairs.end(),
                                  [&](const CasePair& pair) { return is_scaled(base, fresh, pair); });
  warnings.push_back(fmt::format(
      "{} | {}: {}", counted(base.header().num_ranks, "rank"), counted(fresh.header().num_ranks, "rank"),
      scaled
          ? "as many tokens per rank, but other experts per rank and other partners in exchanges; the ratios say how "
            "this scales"
          : "not in all cases as many tokens per rank"));
}

/// Baselines are the control group: no change of the code under test moves them.
void warn_about_machine(const ReportHeader& base, const ReportHeader& fresh, const std::vector<ComparedPart>& parts,
                        std::vector<std::string>& warnings) {
  const auto is_baseline = [](const ComparedPart& p) { return p.role == Role::baseline; };
  const auto moved = std::count_if(parts.begin(), parts.end(), [](const ComparedPart& p) {
    return p.role == Role::baseline && (p.verdict == Verdict::faster || p.verdict == Verdict::slower);
  });
  if (moved == 0) return;
  const auto all = std::count_if(parts.begin(), parts.end(), is_baseline);
  warnings.push_back(fmt::format(
      "{} of {}: {}", moved, counted(all, "baseline") + (moved == 1 ? " differs" : " differ"),
      is_same_machine(base, fresh) ? "the machine was not in the same state in both"
                                   : "other hosts, or other numbers of nodes or ranks; the ratios compare the "
                                     "machines, too"));
}

}  // namespace

std::vector<std::string> comparison_warnings(const Report& base, const Report& fresh, const MatchedCases& matched,
                                             const std::vector<ComparedPart>& parts) {
  std::vector<std::string> warnings;
  warn_about_reports(base, fresh, warnings);
  warn_about_ranks(base, fresh, matched, warnings);
  warn_about_machine(base.header(), fresh.header(), parts, warnings);
  CaseWarnings about_cases;
  for (const CasePair& pair : matched.pairs) warn_about_pair(pair, is_scaled(base, fresh, pair), about_cases);
  for (const std::string& text : about_cases.texts()) warnings.push_back(one_line(text));
  return warnings;
}

}  // namespace moeperf
