#include "results/links.hpp"

#include "results/summary_tables.hpp"
#include "results/table_text.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_axes.hpp"

namespace moeperf {
namespace {

Measurement timed(const std::string& part, double bytes, double seconds) {
  Measurement m;
  m.part = part;
  m.samples.launch_sizes = {3};
  m.samples.values = {seconds, seconds, seconds};
  m.work.useful_bytes = bytes;
  return m;
}

CaseResult link_case() {
  CaseResult link;
  link.coordinates["benchmark"] = "link";
  link.measurements = {timed("intra_latency", 8, 1e-4), timed("intra_all_pairs", 8e6, 1e-3),
                       timed("inter_latency", 8, 1e-3), timed("inter_all_pairs", 8e6, 1e-2), timed("alltoall", 8e6, 1)};
  return link;
}

WorkModel sending(double intra, double inter) {
  WorkModel work;
  work.wire_bytes_intra = intra;
  work.wire_bytes_inter = inter;
  return work;
}

std::string text_of(const std::vector<CaseResult>& cases) {
  Report report;
  report.header().axes = test::example_axes();
  report.cases = cases;
  std::string text;
  for (const TitledTable& table : summary_tables(report)) text += table_text(table);
  return text;
}

TEST_CASE("links carry what all pairs carried at once") {
  const LinkRates rates = link_rates({link_case()});
  REQUIRE(rates.intra.value() == test::Approx(8e9));
  REQUIRE(rates.inter.value() == test::Approx(8e8));
}

TEST_CASE("inside nodes and between them bytes travel at the same time") {
  const LinkRates rates = link_rates({link_case()});
  REQUIRE(links_bound_s(rates, sending(8e9, 0)).value() == test::Approx(1));
  REQUIRE(links_bound_s(rates, sending(8e9, 8e8)).value() == test::Approx(1));
  REQUIRE(links_bound_s(rates, sending(8e9, 16e8)).value() == test::Approx(2));
}

TEST_CASE("there is no bound without bytes or without links") {
  const LinkRates rates = link_rates({link_case()});
  REQUIRE_FALSE(links_bound_s(rates, sending(0, 0)));
  CaseResult one_node = link_case();
  one_node.measurements.resize(2);
  REQUIRE_FALSE(links_bound_s(link_rates({one_node}), sending(1, 1)));
  REQUIRE_FALSE(links_bound_s(link_rates({}), sending(1, 0)));
  CaseResult skipped = link_case();
  skipped.skip_reason = "one rank alone has no links";
  REQUIRE_FALSE(link_rates({skipped}).intra);
}

TEST_CASE("each link row says its own latency, and the all-to-all has a row of its own") {
  const std::string text = text_of({link_case()});
  INFO(text);
  const auto line_of = [&](const std::string& pairs) {
    const auto begin = text.find("  " + pairs + "  ");
    REQUIRE(begin != std::string::npos);
    REQUIRE(text.find("  " + pairs + "  ", begin + 1) == std::string::npos);
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  REQUIRE(line_of("intra-node").find(" 100.0 ") != std::string::npos);  // us, as in the row of the part
  REQUIRE(line_of("inter-node").find(" 1000 ") != std::string::npos);
  REQUIRE(line_of("all-to-all").find(" 0.008000") != std::string::npos);  // GB/s
  REQUIRE(line_of("intra-node").find("0.008000") == std::string::npos);
}

TEST_CASE("an exchange is shown as a share of all-to-all and links") {
  CaseResult dispatch;
  dispatch.coordinates["benchmark"] = "dispatch";
  dispatch.coordinates["workload"] = "toy";
  dispatch.coordinates["dispatcher"] = "mpi-alltoallv";
  dispatch.measurements = {timed("dispatch", 1e6, 4), timed("alltoall", 1e6, 1)};
  dispatch.measurements[0].work = sending(8e9, 0);
  dispatch.metrics = {{"setup_s", 0.25}, {"setup_bytes", 3e6}};
  const std::string text = text_of({link_case(), dispatch});
  INFO(text);
  REQUIRE(text.find("4000000") != std::string::npos);  // us
  REQUIRE(text.find(" 25.0") != std::string::npos);    // of alltoall, and of the links
  REQUIRE(text.find(" 250") != std::string::npos);     // ms
  REQUIRE(text_of({}).empty());
}

}  // namespace
}  // namespace moeperf
