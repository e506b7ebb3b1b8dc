#include "comm/mpi/communicator.hpp"

#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"

#include <algorithm>

namespace moeperf {
namespace {

template <class Value>
Value reduced(Value value, MPI_Datatype type, MPI_Op operation, MPI_Comm comm) {
  if (comm == MPI_COMM_NULL) return value;
  mpi_check(MPI_Allreduce(MPI_IN_PLACE, &value, 1, type, operation, comm), "MPI_Allreduce");
  return value;
}

template <class Value>
std::vector<Value> gathered(std::span<const Value> values, MPI_Datatype type, const Communicator& comm) {
  if (!comm.has_mpi()) return {values.begin(), values.end()};
  const int count = mpi_count(values.size(), "values");
  std::vector<Value> all(comm.is_root() ? values.size() * static_cast<std::size_t>(comm.size()) : 0);
  mpi_check(MPI_Gather(values.data(), count, type, all.data(), count, type, 0, comm.get()), "MPI_Gather");
  return all;
}

/// Texts of all ranks, one after the other.
struct Texts {
  std::vector<int> lengths, offsets;  ///< [P]

  explicit Texts(const std::vector<std::int64_t>& sizes) {
    std::int64_t total = 0;
    for (const std::int64_t size : sizes) {
      offsets.push_back(mpi_count(total, "characters"));
      lengths.push_back(mpi_count(size, "characters"));
      total += size;
    }
  }

  std::size_t total() const {
    return static_cast<std::size_t>(offsets.back()) + static_cast<std::size_t>(lengths.back());
  }

  std::vector<std::string> cut(const std::string& all) const {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      texts.push_back(all.substr(static_cast<std::size_t>(offsets[i]), static_cast<std::size_t>(lengths[i])));
    }
    return texts;
  }
};

}  // namespace

Communicator::Communicator(MPI_Comm parent, int ranks_per_node) : ranks_per_node_(ranks_per_node) {
  mpi_check(MPI_Comm_dup(parent, comm_.out()), "MPI_Comm_dup");
  mpi_check(MPI_Comm_set_errhandler(get(), MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  mpi_check(MPI_Comm_rank(get(), &rank_), "MPI_Comm_rank");
  mpi_check(MPI_Comm_size(get(), &size_), "MPI_Comm_size");
  discover_nodes();
}

Communicator Communicator::without_mpi() {
  Communicator alone;
  alone.node_of_rank_ = {0};
  alone.ranks_of_node_ = {{0}};
  return alone;
}

void Communicator::discover_nodes() {
  mpi_check(MPI_Comm_split_type(get(), MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, node_comm_.out()),
            "MPI_Comm_split_type");
  mpi_check(MPI_Comm_set_errhandler(node_comm(), MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  mpi_check(MPI_Comm_rank(node_comm(), &rank_on_node_), "MPI_Comm_rank");
  if (ranks_per_node_ > 0) {
    Handle part(MPI_COMM_NULL);
    mpi_check(MPI_Comm_split(node_comm(), rank_on_node_ / ranks_per_node_, rank_, part.out()), "MPI_Comm_split");
    node_comm_ = std::move(part);
    mpi_check(MPI_Comm_set_errhandler(node_comm(), MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    mpi_check(MPI_Comm_rank(node_comm(), &rank_on_node_), "MPI_Comm_rank");
  }

  // A node goes by its lowest rank until all of them are known and can be numbered.
  int lowest = rank_;
  mpi_check(MPI_Bcast(&lowest, 1, MPI_INT, 0, node_comm()), "MPI_Bcast");
  node_of_rank_.resize(static_cast<std::size_t>(size_));
  mpi_check(MPI_Allgather(&lowest, 1, MPI_INT, node_of_rank_.data(), 1, MPI_INT, get()), "MPI_Allgather");
  std::vector<int> nodes = node_of_rank_;
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  num_nodes_ = static_cast<int>(nodes.size());
  for (int& place : node_of_rank_) {
    place = static_cast<int>(std::lower_bound(nodes.begin(), nodes.end(), place) - nodes.begin());
  }
  ranks_of_node_.resize(nodes.size());
  for (int rank = 0; rank < size_; ++rank) {
    ranks_of_node_[static_cast<std::size_t>(node_of_rank_[static_cast<std::size_t>(rank)])].push_back(rank);
  }
}

void Communicator::barrier() const {
  if (has_mpi()) mpi_check(MPI_Barrier(get()), "MPI_Barrier");
}

std::int64_t Communicator::sum(std::int64_t value) const { return reduced(value, MPI_INT64_T, MPI_SUM, get()); }

std::uint64_t Communicator::sum_mod64(std::uint64_t value) const {
  return reduced(value, MPI_UINT64_T, MPI_SUM, get());
}

double Communicator::sum(double value) const { return reduced(value, MPI_DOUBLE, MPI_SUM, get()); }

double Communicator::max(double value) const { return reduced(value, MPI_DOUBLE, MPI_MAX, get()); }

double Communicator::min(double value) const { return reduced(value, MPI_DOUBLE, MPI_MIN, get()); }

void Communicator::max(std::span<double> values) const { MpiReducer(*this).max(values); }

bool Communicator::all(bool value) const { return reduced(value ? 1 : 0, MPI_INT, MPI_LAND, get()) != 0; }

std::optional<std::string> Communicator::first_reason(const std::string& reason) const {
  if (all(reason.empty())) return std::nullopt;
  const std::vector<std::string> reasons = gather(reason);
  const auto first = std::find_if(reasons.begin(), reasons.end(), [](const auto& given) { return !given.empty(); });
  return broadcast(is_root() ? *first : "");
}

std::string Communicator::broadcast(const std::string& text) const {
  if (!has_mpi()) return text;
  // Every rank checks the length, so that all of them throw.
  std::int64_t length = static_cast<std::int64_t>(text.size());
  mpi_check(MPI_Bcast(&length, 1, MPI_INT64_T, 0, get()), "MPI_Bcast");
  const int count = mpi_count(length, "characters");
  std::string copy = is_root() ? text : std::string(static_cast<std::size_t>(count), '\0');
  mpi_check(MPI_Bcast(copy.data(), count, MPI_CHAR, 0, get()), "MPI_Bcast");
  return copy;
}

double Communicator::broadcast(double value) const {
  if (!has_mpi()) return value;
  mpi_check(MPI_Bcast(&value, 1, MPI_DOUBLE, 0, get()), "MPI_Bcast");
  return value;
}

std::vector<std::string> Communicator::gather(const std::string& text) const {
  if (!has_mpi()) return {text};
  // Everybody learns the lengths, so that all ranks throw where the sum is too much for rank 0.
  const Texts layout(all_gather(static_cast<std::int64_t>(text.size())));
  std::string all(is_root() ? layout.total() : 0, '\0');
  mpi_check(MPI_Gatherv(text.data(), layout.lengths[static_cast<std::size_t>(rank_)], MPI_CHAR, all.data(),
                        layout.lengths.data(), layout.offsets.data(), MPI_CHAR, 0, get()),
            "MPI_Gatherv");
  return is_root() ? layout.cut(all) : std::vector<std::string>{};
}

std::vector<std::string> Communicator::all_gather(const std::string& text) const {
  if (!has_mpi()) return {text};
  const Texts layout(all_gather(static_cast<std::int64_t>(text.size())));
  std::string all(layout.total(), '\0');
  mpi_check(MPI_Allgatherv(text.data(), layout.lengths[static_cast<std::size_t>(rank_)], MPI_CHAR, all.data(),
                           layout.lengths.data(), layout.offsets.data(), MPI_CHAR, get()),
            "MPI_Allgatherv");
  return layout.cut(all);
}

std::vector<double> Communicator::gather(std::span<const double> values) const {
  return gathered(values, MPI_DOUBLE, *this);
}

std::vector<std::int64_t> Communicator::gather(std::span<const std::int64_t> values) const {
  return gathered(values, MPI_INT64_T, *this);
}

std::vector<std::int64_t> Communicator::all_gather(std::int64_t value) const {
  if (!has_mpi()) return {value};
  std::vector<std::int64_t> all(static_cast<std::size_t>(size_));
  mpi_check(MPI_Allgather(&value, 1, MPI_INT64_T, all.data(), 1, MPI_INT64_T, get()), "MPI_Allgather");
  return all;
}

}  // namespace moeperf
