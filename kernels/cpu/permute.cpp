// plan: each thread counts the keys of its part of the copies; offsets by key, then by thread; each thread hands
//       out the rows of its part in order
// gather, weighted_sum: rows shared among the threads

#include "kernels/cpu/kernels.hpp"
#include "kernels/cpu/row_kernels.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace moeperf::cpu {
namespace {

std::int64_t last_level_cache_bytes() {
#if defined(_SC_LEVEL3_CACHE_SIZE)
  const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (bytes > 0) return bytes;
#endif
  return std::int64_t{32} << 20;
}

class CpuPermuter final : public Permuter {
 public:
  explicit CpuPermuter(const Settings& settings)
      : num_threads_(settings.num_threads),
        kernels_(row_kernels(settings.isa)),
        stream_from_bytes_(last_level_cache_bytes() / 2) {}

  void plan(View<const std::int32_t> choices, std::int64_t num_tokens, std::int32_t top_k, std::int32_t num_keys,
            PermutePlan& plan) override {
    const std::span topk_idx = choices.host();
    const auto num_copies = static_cast<std::int64_t>(topk_idx.size());
    const std::int64_t parts = num_copies < 8192 ? 1 : num_threads_;
    const auto part_begin = [=](std::int64_t part) { return num_copies * part / parts; };
    plan.num_tokens = num_tokens;
    plan.top_k = top_k;
    plan.offsets.resize(static_cast<std::size_t>(num_keys) + 1);
    plan.row_of_copy.resize(topk_idx.size());

    // One more entry than keys, so that dropped copies (key −1) need no branch.
    const std::int64_t stride = num_keys + 1;
    next_row_.assign(static_cast<std::size_t>(parts * stride), 0);
#pragma omp parallel for num_threads(static_cast <int>(parts)) schedule(static, 1)
    for (std::int64_t part = 0; part < parts; ++part) {
      std::int64_t* count = next_row_.data() + part * stride + 1;
      for (std::int64_t copy = part_begin(part); copy < part_begin(part + 1); ++copy)
        ++count[topk_idx[static_cast<std::size_t>(copy)]];
    }

    std::int64_t row = 0;
    for (std::int32_t key = 0; key < num_keys; ++key) {
      plan.offsets[static_cast<std::size_t>(key)] = row;
      for (std::int64_t part = 0; part < parts; ++part) {
        std::int64_t& entry = next_row_[static_cast<std::size_t>(part * stride + 1 + key)];
        const std::int64_t count = entry;
        entry = row;
        row += count;
      }
    }
    plan.offsets[static_cast<std::size_t>(num_keys)] = row;
    plan.token_of_row.resize(static_cast<std::size_t>(row));

    std::int64_t* const row_of_copy = plan.row_of_copy.data();
    std::int64_t* const token_of_row = plan.token_of_row.data();
#pragma omp parallel for num_threads(static_cast <int>(parts)) schedule(static, 1)
    for (std::int64_t part = 0; part < parts; ++part) {
      std::int64_t* next = next_row_.data() + part * stride + 1;
      std::int64_t copy = part_begin(part);
      if (copy == part_begin(part + 1)) continue;
      std::int64_t token = copy / top_k, choice = copy % top_k;
      for (; copy < part_begin(part + 1); ++copy) {
        const std::int32_t key = topk_idx[static_cast<std::size_t>(copy)];
        const std::int64_t to = key < 0 ? -1 : next[key]++;
        row_of_copy[copy] = to;
        if (to >= 0) token_of_row[to] = token;
        if (++choice == top_k) {
          choice = 0;
          ++token;
        }
      }
    }
  }

  void gather(ConstRows in, View<const std::int64_t> source_rows, Rows out) override {
    const std::span source = source_rows.host();
    const auto num_rows = static_cast<std::int64_t>(source.size());
    const std::int64_t bytes = in.row_bytes();
    // A row that will have left the caches before anyone reads it is better not read into them first.
    const bool streams = num_rows * bytes > stream_from_bytes_;
#pragma omp parallel num_threads(threads_for(num_rows* bytes))
    {
#pragma omp for schedule(static)
      for (std::int64_t i = 0; i < num_rows; ++i) {
        const void* from = in.row_data(source[static_cast<std::size_t>(i)]);
        if (streams) {
          kernels_.stream_copy(from, bytes, out.row_data(i));
        } else {
          std::memcpy(out.row_data(i), from, static_cast<std::size_t>(bytes));
        }
      }
      if (streams) kernels_.fence();
    }
  }

  void weighted_sum(ConstRows in, View<const std::int64_t> rows, View<const float> factors, std::int32_t top_k,
                    Rows out) override {
    const std::int64_t* row_of_copy = rows.host().data();
    const float* weights = factors.host().data();
#pragma omp parallel for num_threads(threads_for(out.bytes() * top_k)) schedule(static)
    for (std::int64_t t = 0; t < out.num_rows(); ++t) {
      kernels_.weighted_sum(in.data(), row_of_copy + t * top_k, weights + t * top_k, top_k, out.num_cols(), out.dtype(),
                            out.row_data(t));
    }
  }

 private:
  /// Waking a team takes a few microseconds, in which one thread moves some ten kilobytes.
  int threads_for(std::int64_t bytes) const { return bytes < 32768 ? 1 : num_threads_; }

  int num_threads_;
  const RowKernels& kernels_;
  std::int64_t stream_from_bytes_;
  std::vector<std::int64_t> next_row_;  // [parts, keys + 1]; before the prefix sum: the counts
};

}  // namespace

std::unique_ptr<Permuter> make_permuter(const Settings& settings) { return std::make_unique<CpuPermuter>(settings); }

}  // namespace moeperf::cpu
