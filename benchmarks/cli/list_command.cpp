#include "benchmarks/cli/commands.hpp"
#include "benchmarks/configuration/workload_files.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "benchmarks/plan/memory_estimate.hpp"
#include "comm/dispatcher.hpp"
#include "harness/instruments.hpp"
#include "harness/machine.hpp"
#include "kernels/backends.hpp"
#include "kernels/balancing/scheme.hpp"
#include "kernels/traffic/pattern.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <iostream>
#include <memory>
#include <optional>

namespace moeperf {
namespace {

struct Item {
  std::string name, summary;
  std::optional<bool> usable;  ///< nothing: not asked
  std::string reason;          ///< why not usable or not asked
};
struct Section {
  std::string title;
  std::vector<Item> items;
};

Item item_of(const std::string& name, const std::string& summary, const std::string& reason) {
  return {name, summary, reason.empty(), reason};
}

template <class Registry, class Context>
Section section_of(const std::string& title, const Registry& registry, const Context& context) {
  Section section{title, {}};
  for (const auto& entry : registry.entries()) {
    section.items.push_back(item_of(entry.name, entry.summary, registry.why_not(entry, context).value_or("")));
  }
  return section;
}

/// Whether ranks can exchange in these ways is a question to MPI.
Section dispatchers(Communicator& comm, Backends& backends) {
  Section section{"dispatchers", {}};
  if (!comm.has_mpi()) {
    for (const auto& entry : dispatcher_registry().entries()) {
      if (!entry.missing_option.empty()) {
        section.items.push_back(item_of(entry.name, entry.summary, *dispatcher_registry().why_not(entry, {})));
      } else {
        section.items.push_back({entry.name, entry.summary, std::nullopt, "needs MPI"});
      }
    }
    return section;
  }
  DispatchContext context{&comm, &backends.reference(), 64, DType::bf16, Placement(8, comm.size()), 2};
  context.max_tokens = 1;  // every workload says how many
  return section_of(section.title, dispatcher_registry(), context);
}

std::string remark(const Item& item) {
  if (!item.usable) return fmt::format("  [not asked: {}]", item.reason);
  return *item.usable ? "" : fmt::format("  [cannot run here: {}]", item.reason);
}

/// The shape of a workload, and whether this many ranks can hold it.
Item workload_item(const std::string& name, const Communicator& comm, const RankMemory& memory) {
  const auto path = workload_path(name);
  try {
    const SuiteConfig config = parse_config(read_for_all(comm, path), path.string(), {});
    const ModelShape& model = config.workload.model;
    return item_of(name,
                   fmt::format("hidden {}, intermediate {}, {} experts, top {}; {}", model.hidden, model.intermediate,
                               model.gate.num_experts, model.gate.top_k, model.source),
                   why_no_memory(config, memory));
  } catch (const UserError& error) {
    return item_of(name, path.string(), error.what());
  }
}

std::vector<Section> everything(Communicator& comm) {
  std::vector<Section> sections;
  Section benchmarks{"benchmarks", {}};
  for (const BenchmarkKind& kind : benchmark_kinds()) benchmarks.items.push_back(item_of(kind.name, kind.summary, ""));
  sections.push_back(std::move(benchmarks));
  Section workloads{"workloads", {}};
  Backends backends({num_threads()});
  const RankMemory memory = rank_memory(comm, backends);
  for (const std::string& name : workload_names()) workloads.items.push_back(workload_item(name, comm, memory));
  sections.push_back(std::move(workloads));
  sections.push_back(dispatchers(comm, backends));
  sections.push_back(section_of("kernels", kernel_registry(), backends.context()));
  sections.push_back(section_of("schemes", scheme_registry(), SchemeContext{}));
  sections.push_back(section_of("traffic", traffic_registry(), TrafficContext{}));
  sections.push_back(section_of("clocks", clock_registry(), ClockContext{}));
  Section synchronisers{"synchronisers", {}};  // all of them run wherever MPI does
  for (const auto& entry : synchroniser_registry().entries())
    synchronisers.items.push_back(item_of(entry.name, entry.summary, ""));
  sections.push_back(std::move(synchronisers));
  return sections;
}

int list(Communicator& comm, const std::string& only, bool json) {
  auto sections = everything(comm);
  if (!only.empty()) std::erase_if(sections, [&](const Section& section) { return section.title != only; });
  if (!comm.is_root()) return exit_ok;
  if (json) {
    nlohmann::ordered_json document;
    for (const Section& section : sections) {
      document[section.title] = nlohmann::ordered_json::array();
      for (const Item& item : section.items) {
        nlohmann::ordered_json entry{{"name", item.name}, {"summary", item.summary}, {"usable", nullptr}};
        if (item.usable) entry["usable"] = *item.usable;
        if (!item.reason.empty()) entry["reason"] = item.reason;
        document[section.title].push_back(entry);
      }
    }
    std::cout << document.dump(2) << '\n';
    return exit_ok;
  }
  for (const Section& section : sections) {
    std::cout << section.title << '\n';
    for (const Item& item : section.items) {
      std::cout << fmt::format("  {:<22} {}{}\n", item.name, item.summary, remark(item));
    }
  }
  return exit_ok;
}

}  // namespace

void add_list_command(CLI::App& app, Command& selected) {
  struct Options {
    std::string what;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("list", "What there is, and why some of it cannot run here");
  command
      ->add_option(
          "what", options->what,
          "benchmarks | workloads | dispatchers | kernels | schemes | traffic | clocks | synchronisers (default: "
          "all)")
      ->check(CLI::IsMember(
          {"benchmarks", "workloads", "dispatchers", "kernels", "schemes", "traffic", "clocks", "synchronisers"}));
  command->add_flag("--json", options->json, "As JSON on standard output; `usable` is null where it was not asked");
  command->callback([options, &selected] {
    selected.mpi = MpiUse::if_it_starts;
    selected.run = [options](Communicator& comm) { return list(comm, options->what, options->json); };
  });
}

}  // namespace moeperf
