#pragma once

#include "kernels/backend.hpp"
#include "kernels/routing_copies.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace moeperf::test {

/// Host memory that nobody may touch but within open(): whoever takes it for the host's gets SIGSEGV, as with a GPU.
class FakeDeviceMemory final : public MemoryResource {
 public:
  MemorySpace space() const override { return MemorySpace::device; }

  void* allocate(std::int64_t bytes) override {
    void* data = ::mmap(nullptr, pages(bytes), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    blocks_.emplace(data, pages(bytes));
    return data;
  }

  void deallocate(void* data, std::int64_t bytes) noexcept override {
    blocks_.erase(data);
    ::munmap(data, pages(bytes));
  }

  /// Runs `body`, which may touch all of the memory: what the device itself does.
  template <class Body>
  void open(const Body& body) {
    protect(PROT_READ | PROT_WRITE);
    body();
    protect(PROT_NONE);
  }

  std::size_t num_blocks() const { return blocks_.size(); }

 private:
  static std::size_t pages(std::int64_t bytes) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (static_cast<std::size_t>(bytes) + page - 1) / page * page;
  }

  void protect(int rights) {
    for (const auto& [data, bytes] : blocks_) {
      if (::mprotect(data, bytes, rights) != 0) throw Error("mprotect failed");
    }
  }

  std::map<void*, std::size_t> blocks_;
};

/// Does nothing until somebody waits, as late as a stream may: a forgotten wait() is a wrong result.
class FakeDeviceQueue final : public Queue {
 public:
  explicit FakeDeviceQueue(FakeDeviceMemory& memory) : memory_(memory) {}

  MemorySpace space() const override { return MemorySpace::device; }

  void wait() override {
    memory_.open([&] {
      for (const auto& work : work_) work();
    });
    work_.clear();
  }

  using Queue::copy;
  void copy(ConstRows from, Rows to) override {
    launch([from, to] { copy_rows(from, to); });
  }

  void launch(std::function<void()> work) { work_.push_back(std::move(work)); }

 private:
  FakeDeviceMemory& memory_;
  std::vector<std::function<void()>> work_;
};

// What kernels of the fake device see, once they run: its memory as their own.

template <class T>
View<T> as_own(View<T> list) {
  return {list.data(), list.size()};
}
template <class Byte>
BasicRows<Byte> as_own(BasicRows<Byte> rows) {
  return {rows.data(), rows.num_rows(), rows.format()};
}
inline RowGroups as_own(const RowGroups& groups) {
  return {as_own(groups.offsets), as_own(groups.counts), groups.capacity};
}

/// From a kernel's own result, which is the host's, to where it was asked for.
template <class T>
void deliver(const Array<T>& result, View<T> to) {
  std::copy(result.begin(), result.end(), to.data());
}

/// The reference kernels as kernels of the fake device: they run when somebody waits, on lists and rows of its memory.
class FakeDevicePermuter final : public Permuter {
 public:
  FakeDevicePermuter(FakeDeviceQueue& queue, std::unique_ptr<Permuter> host) : queue_(queue), host_(std::move(host)) {}

  void plan(View<const std::int32_t> topk_idx, std::int64_t num_tokens, std::int32_t top_k, std::int32_t num_keys,
            PermutePlan& plan) override {
    plan.num_tokens = num_tokens;
    plan.top_k = top_k;
    plan.offsets.resize(static_cast<std::size_t>(num_keys) + 1);
    plan.row_of_copy.resize(topk_idx.size());
    plan.token_of_row.resize(topk_idx.size());
    queue_.launch([=, this, choices = as_own(topk_idx), offsets = plan.offsets.view(), rows = plan.row_of_copy.view(),
                   tokens = plan.token_of_row.view()] {
      PermutePlan own;
      host_->plan(choices, num_tokens, top_k, num_keys, own);
      deliver(own.offsets, offsets);
      deliver(own.row_of_copy, rows);
      deliver(own.token_of_row, tokens);
    });
  }

  void gather(ConstRows in, View<const std::int64_t> source, Rows out) override {
    queue_.launch([=, this] { host_->gather(as_own(in), as_own(source), as_own(out)); });
  }

  void weighted_sum(ConstRows in, View<const std::int64_t> row_of_copy, View<const float> weights, std::int32_t top_k,
                    Rows out) override {
    queue_.launch(
        [=, this] { host_->weighted_sum(as_own(in), as_own(row_of_copy), as_own(weights), top_k, as_own(out)); });
  }

 private:
  FakeDeviceQueue& queue_;
  std::unique_ptr<Permuter> host_;
};

class FakeDeviceGate final : public Gate {
 public:
  FakeDeviceGate(FakeDeviceQueue& queue, std::unique_ptr<Gate> host, std::int32_t top_k)
      : queue_(queue), host_(std::move(host)), top_k_(top_k) {}

  void forward(ConstRows x, const GateState& state, Rows* logits, Routing& routing) override {
    routing.resize(x.num_rows(), top_k_);
    const Rows z = logits == nullptr ? Rows() : *logits;
    queue_.launch([=, this, wanted = logits != nullptr, &state, idx = routing.topk_idx.view(),
                   weights = routing.topk_weights.view()] {
      Rows own_z = as_own(z);
      Routing own;
      host_->forward(as_own(x), state, wanted ? &own_z : nullptr, own);
      deliver(own.topk_idx, idx);
      deliver(own.topk_weights, weights);
    });
  }

  void select(ConstRows logits, std::span<const float> bias, Routing& routing) override {
    routing.resize(logits.num_rows(), top_k_);
    queue_.launch([=, this, idx = routing.topk_idx.view(), weights = routing.topk_weights.view()] {
      Routing own;
      host_->select(as_own(logits), bias, own);
      deliver(own.topk_idx, idx);
      deliver(own.topk_weights, weights);
    });
  }

 private:
  FakeDeviceQueue& queue_;
  std::unique_ptr<Gate> host_;
  std::int32_t top_k_;
};

class FakeDeviceExperts final : public ExpertFfn {
 public:
  FakeDeviceExperts(FakeDeviceQueue& queue, std::unique_ptr<ExpertFfn> host) : queue_(queue), host_(std::move(host)) {}

  void load(std::int32_t set, const ExpertWeights& weights) override { host_->load(set, weights); }
  using ExpertFfn::forward;
  void forward(ConstRows in, const RowGroups& groups, std::span<const std::int32_t> set_of_group, Rows out) override {
    queue_.launch([=, this, sets = std::vector(set_of_group.begin(), set_of_group.end())] {
      host_->forward(as_own(in), as_own(groups), sets, as_own(out));
    });
  }
  std::int64_t executed_flop(const RowGroups& groups) const override { return host_->executed_flop(groups); }

 private:
  FakeDeviceQueue& queue_;
  std::unique_ptr<ExpertFfn> host_;
};

class FakeDeviceCodec final : public RowCodec {
 public:
  FakeDeviceCodec(FakeDeviceQueue& queue, std::unique_ptr<RowCodec> host) : queue_(queue), host_(std::move(host)) {}

  void encode(ConstRows rows, Rows wire) override {
    queue_.launch([=, this] { host_->encode(as_own(rows), as_own(wire)); });
  }
  void decode(ConstRows wire, Rows rows) override {
    queue_.launch([=, this] { host_->decode(as_own(wire), as_own(rows)); });
  }

 private:
  FakeDeviceQueue& queue_;
  std::unique_ptr<RowCodec> host_;
};

/// A device without hardware: its kernels are the reference's, its memory faults when the host touches it.
class FakeDeviceKernels : public KernelBackend {
 public:
  FakeDeviceKernels() : own_(std::make_unique<FakeDeviceMemory>()), memory_(*own_), resource_(*own_) {}
  /// On a fake device that is there already: `resource` hands out `memory`.
  FakeDeviceKernels(FakeDeviceMemory& memory, MemoryResource& resource) : memory_(memory), resource_(resource) {}

  FakeDeviceQueue& queue() override { return queue_; }
  MemoryResource& memory() override { return resource_; }
  FakeDeviceMemory& device_memory() { return memory_; }
  std::string description() const override { return "protected host memory"; }
  std::unique_ptr<Gate> make_gate(const GateConfig& config, std::int64_t hidden) override {
    return std::make_unique<FakeDeviceGate>(queue_, reference_->make_gate(config, hidden), config.top_k);
  }
  std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape& shape, std::int32_t num_sets) override {
    return std::make_unique<FakeDeviceExperts>(queue_, reference_->make_expert_ffn(shape, num_sets));
  }
  std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype) override {
    return reference_->make_plain_gemm(m, n, k, dtype);
  }
  std::unique_ptr<RowCodec> make_row_codec(WireType type) override {
    return std::make_unique<FakeDeviceCodec>(queue_, reference_->make_row_codec(type));
  }
  std::unique_ptr<Permuter> make_permuter() override {
    ++num_permuters;
    return std::make_unique<FakeDevicePermuter>(queue_, reference_->make_permuter());
  }

  /// Host rows → rows of this device, and back.
  RowBuffer to_device(ConstRows rows) {
    RowBuffer copy(rows.num_rows(), rows.format(), resource_);
    queue_.copy(rows, copy.rows());
    queue_.wait();
    return copy;
  }
  Routing to_device(const Routing& routing) {
    Routing copy(resource_);
    copy_routing(queue_, routing, copy);
    queue_.wait();
    return copy;
  }
  RowBuffer to_host(ConstRows rows) {
    RowBuffer copy(rows.num_rows(), rows.format());
    queue_.copy(rows, copy.rows());
    queue_.wait();
    return copy;
  }

  int num_permuters = 0;  ///< made so far

 private:
  std::unique_ptr<KernelBackend> reference_ = kernel_registry().make("reference", {});
  std::unique_ptr<FakeDeviceMemory> own_;
  FakeDeviceMemory& memory_;
  MemoryResource& resource_;
  FakeDeviceQueue queue_{memory_};
};

}  // namespace moeperf::test
