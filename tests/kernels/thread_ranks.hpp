#pragma once

#include "kernels/base/reducer.hpp"

#include <algorithm>
#include <barrier>
#include <functional>
#include <thread>
#include <vector>

namespace moeperf::test {

/// Ranks as threads of this process, for collective code that only knows a Reducer.
class ThreadRanks {
 public:
  explicit ThreadRanks(int num_ranks) : num_ranks_(num_ranks), barrier_(num_ranks) {}

  /// Runs `body(reducer)` on every rank and waits.
  void run(const std::function<void(Reducer&)>& body) {
    std::vector<std::thread> threads;
    for (int rank = 0; rank < num_ranks_; ++rank) {
      threads.emplace_back([&, rank] {
        Rank reducer(*this, rank);
        body(reducer);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

 private:
  class Rank final : public Reducer {
   public:
    Rank(ThreadRanks& all, int rank) : all_(all), rank_(rank) {}
    int num_ranks() const override { return all_.num_ranks_; }
    int rank() const override { return rank_; }
    void sum(std::span<std::int64_t> values) override {
      all_.reduce(all_.integers_, rank_, values, [](std::int64_t a, std::int64_t b) { return a + b; });
    }
    void sum(std::span<double> values) override {
      all_.reduce(all_.reals_, rank_, values, [](double a, double b) { return a + b; });
    }
    void max(std::span<double> values) override {
      all_.reduce(all_.reals_, rank_, values, [](double a, double b) { return std::max(a, b); });
    }

   private:
    ThreadRanks& all_;
    int rank_;
  };

  template <class T, class Combine>
  void reduce(std::vector<T>& shared, int rank, std::span<T> values, Combine combine) {
    for (int turn = 0; turn < num_ranks_; ++turn) {
      if (turn == rank) {
        if (turn == 0)
          shared.assign(values.begin(), values.end());
        else
          std::transform(values.begin(), values.end(), shared.begin(), shared.begin(), combine);
      }
      barrier_.arrive_and_wait();
    }
    std::copy(shared.begin(), shared.end(), values.begin());
    barrier_.arrive_and_wait();
  }

  int num_ranks_;
  std::barrier<> barrier_;
  std::vector<std::int64_t> integers_;
  std::vector<double> reals_;
};

}  // namespace moeperf::test
