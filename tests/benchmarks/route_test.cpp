#include "benchmarks/cli/route.hpp"
#include "benchmarks/cli/commands.hpp"

#include "kernels/base/error.hpp"
#include "kernels/traffic/random_rows.hpp"
#include "results/logits_file.hpp"

#include "tests/benchmarks/folder.hpp"
#include "tests/catch.hpp"

#include <mpi.h>

#include <cmath>
#include <filesystem>
#include <limits>

using namespace moeperf;
using moeperf::test::Approx;
using moeperf::test::Folder;

namespace {

template <class T>
void write_logits(const Communicator& comm, const std::string& path, const std::vector<std::int64_t>& shape,
                  const std::vector<T>& data, const std::string& dataset = "logits") {
  if (comm.is_root()) {
    const hdf5::Handle file = hdf5::create_file(path);
    hdf5::write_dataset(file, dataset, shape, data);
    if (shape.size() == 3) hdf5::write_attribute(file, "layout", std::string("step,token,expert"));
  }
  comm.barrier();
}

/// Logits with a few popular experts.
std::vector<float> skewed_logits(std::int64_t count, std::int64_t experts) {
  std::vector<float> logits(static_cast<std::size_t>(count));
  fill_random_row(17, RandomStream::token_noise, 0, 1.0f, nullptr, count, logits.data());
  for (std::int64_t i = 0; i < count; ++i) {
    if (i % experts < 3) logits[static_cast<std::size_t>(i)] += 1.5f;
  }
  return logits;
}

RouteOptions options_of(const std::string& logits, const std::string& out, std::int32_t top_k) {
  RouteOptions options;
  options.logits = logits;
  options.out = out;
  options.gate.top_k = top_k;
  options.gate.norm_topk = false;
  return options;
}

/// The datasets of a routing file.
struct Result {
  std::vector<std::int32_t> indices;
  std::vector<float> weights, bias;
  std::vector<std::int64_t> load, dropped;
  std::vector<double> maxvio, loss, gradient;
  bool operator==(const Result&) const = default;
};

Result read_result(const std::string& path) {
  const hdf5::Handle file = hdf5::open_file(path, false);
  Result result;
  result.indices = hdf5::read_dataset<std::int32_t>(file, "indices");
  result.weights = hdf5::read_dataset<float>(file, "weights");
  result.bias = hdf5::read_dataset<float>(file, "bias");
  result.load = hdf5::read_dataset<std::int64_t>(file, "tokens_per_expert");
  result.dropped = hdf5::read_dataset<std::int64_t>(file, "dropped_per_expert");
  result.maxvio = hdf5::read_dataset<double>(file, "maxvio");
  if (hdf5::exists(file, "aux_loss")) {
    result.loss = hdf5::read_dataset<double>(file, "aux_loss");
    result.gradient = hdf5::read_dataset<double>(file, "aux_grad");
  }
  return result;
}

/// The message of the UserError that routing ends in, on this rank.
std::string complaint(const RouteOptions& options, const Communicator& comm) {
  try {
    run_route(options, comm);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no complaint";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("routing one small batch gives the hand-computed choice", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const Folder folder(comm, "route");
  const double log2 = std::log(2.0);
  write_logits<double>(comm, folder / "in.h5", {2, 3}, {log2, 0, 0, 0, 0, 2 * log2});  // p: 1/2 1/4 1/4, 1/6 1/6 4/6
  const std::string in = folder / "in.h5", out = folder / "out.h5";
  CHECK(run_route(options_of(in, out, 2), comm) == exit_ok);
  const Result result = read_result(out);
  CHECK(result.indices == std::vector<std::int32_t>{0, 1, 2, 0});
  CHECK(result.weights == std::vector<float>{0.5f, 0.25f, static_cast<float>(4.0 / 6), static_cast<float>(1.0 / 6)});
  CHECK(result.load == std::vector<std::int64_t>{2, 1, 1});
  CHECK(result.dropped == std::vector<std::int64_t>{0, 0, 0});
  CHECK(result.bias == std::vector<float>{0, 0, 0});
  CHECK(result.maxvio[0] == Approx(0.5));
  CHECK_FALSE(std::filesystem::exists(out + ".part"));

  const hdf5::Handle file = hdf5::open_file(out, false);
  CHECK(hdf5::shape_of(file, "indices") == std::vector<std::int64_t>{1, 2, 2});
  CHECK(hdf5::read_text_attribute(file, "scheme") == "none");
  CHECK(hdf5::read_integer_attribute(file, "top_k") == 2);
}

TEST_CASE("padding is routed nowhere and counted nowhere, masked experts get no token and the bias decides", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const Folder folder(comm, "route");
  const double masked = -std::numeric_limits<double>::infinity(), nan = std::nan("");
  if (comm.is_root()) {
    const hdf5::Handle file = hdf5::create_file(folder / "in.h5");
    hdf5::write_dataset<double>(file, "logits", {2, 3, 4},  // [token, layer, expert], two tokens and padding of layer 1
                                {0, 0, 0, 0, 2, 0, 1, masked, nan, 0, 0, 0, 0, 0, 0, 0, nan, 0, 0, 0, 0, 0, 0, 0});
    hdf5::write_dataset<std::int32_t>(file, "mask", {2}, {1, 0});
  }
  comm.barrier();
  write_logits<float>(comm, folder / "bias.h5", {4}, {5.0f, 5.75f, 5.0f, 6.0f}, "e_score_correction_bias");
  RouteOptions options = options_of(folder / "in.h5", folder / "out.h5", 2);
  options.layout = {"token,layer,expert", 1};
  options.bias = folder / "bias.h5:e_score_correction_bias";
  options.scheme = "loss-free";
  options.gate.score = Score::sigmoid;
  CHECK(run_route(options, comm) == exit_ok);
  const Result result = read_result(options.out);
  CHECK(result.indices == std::vector<std::int32_t>{1, 0, -1, -1});  // 5.88, 6.25, 5.73: by score 0, 2
  CHECK(result.weights[0] == 0.5f);
  CHECK(result.weights[1] == Approx(1 / (1 + std::exp(-2.0))));
  CHECK(result.weights[2] == 0);
  CHECK(result.load == std::vector<std::int64_t>{1, 1, 0, 0});
  CHECK(result.bias == std::vector<float>{5.0f, 5.75f, 5.0f, 6.0f});
  CHECK(result.maxvio[0] == Approx(1.0));
  const hdf5::Handle file = hdf5::open_file(options.out, false);
  CHECK(hdf5::read_text_attribute(file, "layout") == "step,token,k");
  CHECK(hdf5::read_integer_attribute(file, "layer") == 1);
  CHECK(hdf5::read_integer_attribute(file, "mask") == 1);
  CHECK(hdf5::read_text_attribute(file, "initial_bias") == options.bias);
}

TEST_CASE("the loss-free bias of a step comes from the loads of the steps before", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const Folder folder(comm, "route");
  constexpr std::int64_t steps = 60, tokens = 40, experts = 8;
  write_logits(comm, folder / "in.h5", {steps, tokens, experts}, skewed_logits(steps * tokens * experts, experts));
  RouteOptions options = options_of(folder / "in.h5", folder / "out.h5", 2);
  options.scheme = "loss-free";
  options.gate.score = Score::sigmoid;
  options.settings["bias_rate"] = 1.0 / 128;
  run_route(options, comm);
  const Result result = read_result(options.out);
  std::vector<float> bias(experts, 0.0f);
  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t e = 0; e < experts; ++e) {
      CHECK(result.bias[step * experts + e] == bias[e]);
      const std::int64_t missing = tokens * 2 - experts * result.load[step * experts + e];
      bias[e] += missing > 0 ? 1.0f / 128 : missing < 0 ? -1.0f / 128 : 0.0f;
    }
  }
  CHECK(result.maxvio.front() > 1.0);
  CHECK(result.maxvio.back() < 0.5 * result.maxvio.front());
}

TEST_CASE("the routing file has the same data on any number of ranks", "[mpi]") {
  const Communicator world(MPI_COMM_WORLD);
  const Communicator self(MPI_COMM_SELF);
  const Folder folder(world, "route");
  constexpr std::int64_t steps = 3, experts = 12;
  for (const std::int64_t tokens : {2, 37}) {  // with more than two ranks, some hold no token
    write_logits(world, folder / "in.h5", {steps, tokens, experts}, skewed_logits(steps * tokens * experts, experts));
    for (const std::string scheme : {"none", "aux-loss", "loss-free"}) {
      for (const Score score : {Score::softmax, Score::sigmoid, Score::sqrt_softplus}) {
        RouteOptions options = options_of(folder / "in.h5", folder / "together.h5", 3);
        options.scheme = scheme;
        options.force = true;
        options.gate.score = score;
        options.gate.groups = 4;
        options.gate.topk_groups = 2;
        options.gate.norm_topk = true;
        if (scheme == "loss-free") options.settings["bias_rate"] = 0.0625;
        run_route(options, world);
        options.out = folder / ("alone" + std::to_string(world.rank()) + ".h5");
        run_route(options, self);
        CHECK((read_result(folder / "together.h5") == read_result(options.out)));
        world.barrier();
      }
    }
  }
}

TEST_CASE("copies over capacity are marked, counted apart and leave the loads as routed", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const Folder folder(comm, "route");
  constexpr std::int64_t tokens = 48, experts = 6;
  write_logits(comm, folder / "in.h5", {tokens, experts}, skewed_logits(tokens * experts, experts));
  for (const std::string policy : {"probability", "position"}) {
    RouteOptions options = options_of(folder / "in.h5", folder / "out.h5", 2);
    options.scheme = "aux-loss";
    options.force = true;
    options.settings = {{"capacity_factor", 1.0}, {"drop_policy", policy}};
    run_route(options, comm);
    const Result result = read_result(options.out);
    std::vector<std::int64_t> kept(experts, 0);
    std::int64_t dropped = 0;
    for (std::size_t i = 0; i < result.indices.size(); ++i) {
      CHECK((result.weights[i] == 0) == (result.indices[i] < 0));
      if (result.indices[i] < 0)
        ++dropped;
      else
        ++kept[static_cast<std::size_t>(result.indices[i])];
    }
    CHECK(dropped > 0);
    for (std::size_t e = 0; e < experts; ++e) CHECK(result.load[e] - result.dropped[e] == kept[e]);
    if (comm.size() == 1) {
      for (const std::int64_t count : kept) CHECK(count <= 16);
    }
    std::int64_t routed = 0;
    for (const std::int64_t count : result.load) routed += count;
    CHECK(routed == tokens * 2);
    CHECK(result.gradient.size() == static_cast<std::size_t>(tokens * experts));
  }
}

TEST_CASE("the route command passes its options on", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const Folder folder(comm, "route");
  write_logits(comm, folder / "in.h5", {10, 8}, skewed_logits(80, 8));
  write_logits<double>(comm, folder / "bias.h5", {8}, {5, 5, 5, 5, 5, 5, 5, 5}, "bias");
  const std::string files = "route --logits " + (folder / "in.h5") + " -o " + (folder / "out.h5");
  const auto parsed = [](const std::string& line) {
    CLI::App app;
    Command selected;
    add_route_command(app, selected);
    app.parse(line);
    return selected;
  };
  CHECK_THROWS_AS(parsed(files + " --top-k 2 --score relu"), CLI::ParseError);
  CHECK_THROWS_AS(parsed(files + " --top-k 2 --scheme ideal"), CLI::ParseError);
  CHECK_THROWS_AS(parsed(files), CLI::ParseError);
  CHECK_THROWS_AS(parsed(files + " --top-k 2 --scheme loss-free --bias-rate much"), CLI::ParseError);
  CHECK_THROWS_AS(parsed(files + " --top-k 2 --scheme loss-free --bias-rule none"), CLI::ParseError);
  const Command route = parsed(files +
                               " --top-k 2 --scheme aux-loss --score sqrt_softplus --groups 4 --norm-topk"
                               " --group-score max --bias " +
                               (folder / "bias.h5") +
                               " --routed-scale 2.5 --alpha 0.25 --scope sequence --sequence-length 5"
                               " --capacity-factor 2 --drop-policy position");
  CHECK(route.run(comm) == exit_ok);
  const hdf5::Handle file = hdf5::open_file(folder / "out.h5", false);
  CHECK(hdf5::read_text_attribute(file, "scheme") == "aux-loss");
  CHECK(hdf5::read_text_attribute(file, "score") == "sqrt_softplus");
  CHECK(hdf5::read_integer_attribute(file, "groups") == 4);
  CHECK(hdf5::read_integer_attribute(file, "topk_groups") == 4);
  CHECK(hdf5::read_integer_attribute(file, "norm_topk") == 1);
  CHECK(hdf5::read_text_attribute(file, "group_score") == "max");
  CHECK(hdf5::read_text_attribute(file, "initial_bias") == (folder / "bias.h5") + ":bias");
  CHECK(read_result(folder / "out.h5").bias == std::vector<float>(8, 5.0f));
  CHECK(hdf5::read_real_attribute(file, "routed_scale") == 2.5);
  CHECK(hdf5::read_real_attribute(file, "alpha") == 0.25);
  CHECK(hdf5::read_text_attribute(file, "scope") == "sequence");
  CHECK(hdf5::read_integer_attribute(file, "sequence_length") == 5);
  CHECK(hdf5::read_real_attribute(file, "capacity_factor") == 2.0);
  CHECK(hdf5::read_text_attribute(file, "drop_policy") == "position");
  const Command centred = parsed(files + " --force --top-k 2 --scheme loss-free --center");
  CHECK(centred.run(comm) == exit_ok);
  const hdf5::Handle other = hdf5::open_file(folder / "out.h5", false);
  CHECK(hdf5::read_integer_attribute(other, "center") == 1);
  CHECK(hdf5::read_text_attribute(other, "bias_rule") == "sign");
}

TEST_CASE("what routing cannot do is a user error on every rank", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const Folder folder(comm, "route");
  const std::string in = folder / "in.h5", out = folder / "out.h5", bad = folder / "bad.h5";
  std::vector<float> logits = skewed_logits(2 * 5 * 6, 6);
  write_logits(comm, in, {2, 5, 6}, logits);

  CHECK(contains(complaint(options_of(folder / "none.h5", out, 2), comm), "none.h5: no such file"));
  CHECK(contains(complaint(options_of(in, out, 7), comm), "--top-k: 7 given; accepted: 1 to"));
  RouteOptions grouped = options_of(in, out, 2);
  grouped.gate.groups = 4;
  CHECK(contains(complaint(grouped, comm), "--groups: 4 given"));
  grouped.gate.groups = 3;
  grouped.gate.topk_groups = 4;
  CHECK(contains(complaint(grouped, comm), "--topk-groups: 4 given"));
  RouteOptions capacity = options_of(in, out, 2);
  capacity.scheme = "loss-free";
  capacity.settings["capacity_factor"] = 1;
  CHECK(complaint(capacity, comm) == "--capacity-factor: is no option of scheme loss-free; accepted with: aux-loss");
  capacity.scheme = "aux-loss";
  capacity.settings["capacity_factor"] = -1;
  CHECK(complaint(capacity, comm) == "--capacity-factor: -1 given; accepted: a finite number, 0 or more");
  CHECK(contains(complaint(options_of(in, folder / "no/such/out.h5", 2), comm), "does not exist"));
  CHECK(contains(complaint(options_of(in, in, 2), comm), "file of the logits"));

  write_logits(comm, bad, {60}, logits);
  CHECK(contains(complaint(options_of(bad, out, 2), comm), "1 dimensions"));
  write_logits(comm, bad, {10, 6}, logits, "scores");
  CHECK(contains(complaint(options_of(bad, out, 2), comm), "no dataset 'logits'"));
  write_logits<std::int32_t>(comm, bad, {2, 2}, {1, 2, 3, 4});
  CHECK(contains(complaint(options_of(bad, out, 2), comm), "another type"));
  const auto complaint_of = [&](std::int64_t step, std::int64_t token, std::int64_t expert, float logit) {
    std::vector<float> changed = logits;
    changed[static_cast<std::size_t>((step * 5 + token) * 6 + expert)] = logit;
    write_logits(comm, bad, {2, 5, 6}, changed);
    return complaint(options_of(bad, out, 6), comm);
  };
  constexpr float infinity = std::numeric_limits<float>::infinity();
  CHECK(contains(complaint_of(1, 3, 4, std::nanf("")), "logits[step 1, token 3, expert 4] is nan"));
  CHECK(contains(complaint_of(1, 4, 0, infinity), "logits[step 1, token 4, expert 0] is inf"));
  CHECK(contains(complaint_of(0, 2, 1, -infinity), "logits[step 0, token 2] leaves fewer than 6 experts"));
  CHECK(contains(complaint_of(1, 3, 5, -infinity), "logits[step 1, token 3] leaves fewer than 6 experts"));
  RouteOptions layered = options_of(in, out, 2);
  layered.layout = {"token,layer,expert", 0};
  CHECK(contains(complaint(layered, comm), "--layout is 'token,layer,expert', the file's attribute layout says"));
  RouteOptions biased = options_of(in, out, 2);
  biased.bias = folder / "none.h5:bias";
  CHECK(contains(complaint(biased, comm), "no such file"));
  biased.bias = in;
  CHECK(contains(complaint(biased, comm), "no dataset 'bias'"));
  biased.bias = in + ":logits";
  CHECK(contains(complaint(biased, comm), "'logits' is shaped [2, 5, 6]; accepted: a dataset 'logits' shaped [6]"));
  comm.barrier();
  CHECK_FALSE(std::filesystem::exists(out));
  CHECK_FALSE(std::filesystem::exists(out + ".part"));
  comm.barrier();  // the next file is written only when every rank has looked

  CHECK(complaint(options_of(in, out, 2), comm) == "no complaint");
  CHECK(contains(complaint(options_of(in, out, 2), comm), "--force"));
  RouteOptions force = options_of(in, out, 2);
  force.force = true;
  CHECK(complaint(force, comm) == "no complaint");
}
