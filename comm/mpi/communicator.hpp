#pragma once

#include "comm/mpi/handle.hpp"
#include "kernels/base/reducer.hpp"

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moeperf {

/// MPI_Init_thread(FUNNELED) … MPI_Finalize. Made once, as soon as it is known that MPI is needed. Throws Error when
/// this process finds itself alone although its launcher's environment says that it started several (the
/// classic of an mpirun of another MPI), naming the variable, both counts and the remedy.
class MpiEnvironment {
 public:
  MpiEnvironment(int& argc, char**& argv);
  ~MpiEnvironment();
  MpiEnvironment(const MpiEnvironment&) = delete;
  MpiEnvironment& operator=(const MpiEnvironment&) = delete;

  /// Why MPI does not start for a process that no launcher started; nothing where it does. MPI libraries end the
  /// process when they cannot start, so that a child tries. Local; before MPI_Init, while there is one thread.
  static std::optional<std::string> obstacle();
};

/// Owning, move-only duplicate of a communicator with MPI_ERRORS_RETURN set. Everything but the
/// accessors is collective over it. Errors throw MpiError.
class Communicator {
 public:
  /// Collective over `parent`. `ranks_per_node`, for tests, cuts each node into that many of its ranks at a time, so
  /// that algorithms which tell nodes apart meet several on one machine; 0: nodes as they are.
  explicit Communicator(MPI_Comm parent, int ranks_per_node = 0);
  /// One rank on one node that needs no MPI, for what can be answered where MPI does not start: what is collective
  /// returns what this rank brought. get() and node_comm() are MPI_COMM_NULL.
  static Communicator without_mpi();
  /// A duplicate with the same nodes, for messages that must not meet those of this one. Collective.
  Communicator duplicate() const { return Communicator(get(), ranks_per_node_); }

  MPI_Comm get() const { return comm_.get(); }
  bool has_mpi() const { return get() != MPI_COMM_NULL; }
  /// The ranks of this rank's node, in the same order.
  MPI_Comm node_comm() const { return node_comm_.get(); }
  int rank() const { return rank_; }
  int size() const { return size_; }
  bool is_root() const { return rank_ == 0; }

  /// Node of each rank (shared-memory domain), numbered from 0 in order of lowest rank.
  const std::vector<int>& node_of_rank() const { return node_of_rank_; }
  int num_nodes() const { return num_nodes_; }
  int node() const { return node_of_rank_[static_cast<std::size_t>(rank_)]; }
  /// Ranks of a node, ascending.
  const std::vector<int>& ranks_of_node(int node) const { return ranks_of_node_[static_cast<std::size_t>(node)]; }
  /// Ranks on this rank's node, and this rank's place among them.
  int ranks_on_node() const { return static_cast<int>(ranks_of_node(node()).size()); }
  int rank_on_node() const { return rank_on_node_; }

  /// Kept under a name for as long as this lives, for what is made once for these ranks: empty at first. It is freed
  /// before MPI's communicator, collectively, since all ranks free theirs. Not copied by duplicate(). Local.
  std::shared_ptr<void>& attachment(const std::string& name) const { return attachments_[name]; }

  void barrier() const;
  std::int64_t sum(std::int64_t value) const;
  std::uint64_t sum_mod64(std::uint64_t value) const;
  double sum(double value) const;
  double max(double value) const;
  double min(double value) const;
  void max(std::span<double> values) const;
  /// True on every rank when it is true on all.
  bool all(bool value) const;
  /// Of the ranks whose `reason` is not empty the lowest one's, on every rank; nothing where all are empty.
  std::optional<std::string> first_reason(const std::string& reason) const;
  std::string broadcast(const std::string& text) const;  ///< rank 0's
  double broadcast(double value) const;
  /// Rank 0 gets every rank's text or values, in rank order; others get an empty vector. `values`
  /// has the same length on every rank.
  std::vector<std::string> gather(const std::string& text) const;
  std::vector<double> gather(std::span<const double> values) const;
  std::vector<std::int64_t> gather(std::span<const std::int64_t> values) const;
  std::vector<std::int64_t> all_gather(std::int64_t value) const;
  std::vector<std::string> all_gather(const std::string& text) const;  ///< of any bytes

 private:
  using Handle = MpiHandle<MPI_Comm, MPI_Comm_free>;

  Communicator() = default;
  void discover_nodes();

  Handle comm_{MPI_COMM_NULL};
  Handle node_comm_{MPI_COMM_NULL};
  int ranks_per_node_ = 0;
  int rank_ = 0;
  int size_ = 1;
  std::vector<int> node_of_rank_;
  std::vector<std::vector<int>> ranks_of_node_;
  int num_nodes_ = 1;
  int rank_on_node_ = 0;
  mutable std::map<std::string, std::shared_ptr<void>> attachments_;  // the last member, so freed first
};

/// The balancing schemes' reductions over a communicator.
class MpiReducer final : public Reducer {
 public:
  explicit MpiReducer(const Communicator& comm) : comm_(comm) {}
  int num_ranks() const override { return comm_.size(); }
  int rank() const override { return comm_.rank(); }
  void sum(std::span<std::int64_t> values) override;
  void sum(std::span<double> values) override;
  void max(std::span<double> values) override;

 private:
  const Communicator& comm_;
};

}  // namespace moeperf
