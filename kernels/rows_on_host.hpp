#pragma once

#include "kernels/base/buffer.hpp"
#include "kernels/base/queue.hpp"

#include <optional>

namespace moeperf {

/// Rows where the host can read them: themselves where they are the host's, else a copy that was waited for.
class RowsOnHost {
 public:
  RowsOnHost(ConstRows rows, Queue& queue) : rows_(rows) {
    if (rows.space() == MemorySpace::host) return;
    copy_.emplace(rows.num_rows(), rows.format());
    queue.copy(rows, copy_->rows());
    queue.wait();
    rows_ = copy_->rows();
  }
  RowsOnHost(const RowsOnHost&) = delete;
  RowsOnHost& operator=(const RowsOnHost&) = delete;

  ConstRows rows() const { return rows_; }

 private:
  std::optional<RowBuffer> copy_;
  ConstRows rows_;
};

}  // namespace moeperf
