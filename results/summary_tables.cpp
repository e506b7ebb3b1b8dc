#include "results/summary_tables.hpp"

#include "results/balancing_table.hpp"
#include "results/layer_table.hpp"
#include "results/links.hpp"
#include "results/ranking.hpp"

namespace moeperf {

std::vector<TitledTable> summary_tables(const Report& report) {
  std::vector<TitledTable> tables;
  for (TitledTable table : {balancing_table(report), link_table(report), exchange_table(report), tuning_table(report),
                            layer_table(report)}) {
    if (!table.rows.empty()) tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace moeperf
