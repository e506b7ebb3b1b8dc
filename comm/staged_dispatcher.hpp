#pragma once

#include "comm/dispatcher.hpp"

namespace moeperf {

/// `entry`, which then serves rows in device memory, too, where it takes none itself: a decorator copies them to host
/// memory (KernelBackend::staging_memory, by KernelBackend::queue), has the entry's dispatcher exchange them there,
/// with DispatchContext::host_kernels to pack and to sum, and copies what it delivers to device memory; the routing and
/// the offsets of the groups likewise.
///
/// The entry says that it takes no device rows by giving a reason why not; where its own algorithm cannot run for rows
/// on the host either, that reason stands. What is decided depends on the context alone and is the same on all ranks;
/// Dispatcher::row_path tells it, with the entry's reason.
///
/// Cost beside the entry's: the T rows of x to the host and the N received to the device in dispatch, the N expert
/// outputs to the host and T sums to the device in combine, each in one copy that nothing overlaps. Memory: all of
/// these once more in host memory, the received also in device memory.
DispatcherRegistry::Entry staged_where_refused(DispatcherRegistry::Entry entry);

}  // namespace moeperf
