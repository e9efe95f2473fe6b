// The shim between Go and Vulkan: the loader, every call that takes arrays of structures, everything after Vulkan 1.0,
// and the hot path (record, submit, wait), each as one call over memory that holds no Go pointers.
// Functions return a VkResult unless said otherwise. Handles cross the border as integers.
#ifndef VULORA_SHIM_H
#define VULORA_SHIM_H

#include "vulkan_min.h"

enum { SHIM_MAX_MATRICES = 128 };

// One shape that cooperative matrices may have; multiples of it if flexible.
typedef struct shim_matrix {
	uint32_t m, n, k;
	int32_t a, b, c, r; // VkComponentTypeKHR
	int32_t scope;      // VkScopeKHR
	uint32_t saturating, flexible, invocations;
} shim_matrix;

typedef struct shim_info {
	char name[256], driver[256], driver_info[256];
	uint8_t uuid[16], cache_uuid[16];
	uint32_t kind, vendor, device, api, driver_version;
	uint64_t max_range, max_allocation, max_buffer, offset_alignment;
	uint32_t max_push, max_shared, max_invocations, max_group_size[3], max_groups[3], max_allocations;
	uint32_t max_bindings;
	uint32_t subgroup, min_subgroup, max_subgroup;
	double timestamp_period;
	uint32_t timestamp_bits, queue_family;
	uint32_t types, heaps;
	uint32_t type_flags[32], type_heap[32];
	uint64_t heap_size[16];
	uint32_t heap_flags[16];
	uint64_t features; // bit i: feature i of shim_feature_name
	uint32_t matrices;
	shim_matrix matrix[SHIM_MAX_MATRICES];
} shim_info;

// A logical device with its queue and entry points.
typedef struct shim_device shim_device;

// One dispatch of a recording, or a part of one.
typedef struct shim_launch {
	uint64_t pipeline, layout;
	uint32_t set;              // index into the recording's descriptor sets
	uint32_t push, push_bytes; // place in the recording's push constants
	uint32_t groups[3];
	uint32_t base;    // the first workgroup along y
	uint32_t barrier; // wait for the writes of earlier launches
	uint32_t last;    // last of its command buffer
} shim_launch;

typedef struct shim_range {
	uint64_t buffer, offset, bytes;
} shim_range;

// One descriptor set: bindings 0 to count-1 are ranges[first:first+count].
typedef struct shim_set {
	uint64_t layout;
	uint32_t first, count;
} shim_set;

// shim_load opens path, or the platform's Vulkan loader if path is empty. Returns vkGetInstanceProcAddr or NULL.
void *shim_load(const char *path);

// shim_feature_name returns the name of feature i, or NULL past the last.
const char *shim_feature_name(uint32_t i);

int32_t shim_instance(void *get_instance_proc_addr, uintptr_t *instance);
int32_t shim_physical_devices(uintptr_t instance, uintptr_t *devices, uint32_t *n);

// shim_describe returns VK_ERROR_INCOMPATIBLE_DRIVER for a device without Vulkan 1.1 or without a compute queue.
int32_t shim_describe(uintptr_t instance, uintptr_t physical, shim_info *out);

int32_t shim_device_new(uintptr_t instance, uintptr_t physical, uint32_t family, uint64_t features, shim_device **out);
uintptr_t shim_device_handle(const shim_device *d);
void shim_device_free(shim_device *d);

int32_t shim_layout(shim_device *d, uint32_t bindings, uint32_t push_bytes, uint64_t *set_layout, uint64_t *layout);
int32_t shim_pipeline_cache(shim_device *d, const void *data, size_t bytes, uint64_t *cache);
int32_t shim_pipeline(shim_device *d, uint64_t cache, uint64_t layout, const void *spirv, size_t bytes,
	const uint32_t *spec, uint32_t specs, uint32_t subgroup, uint32_t full_subgroups, uint64_t *pipeline);

int32_t shim_descriptors(shim_device *d, const shim_set *sets, uint32_t n, const shim_range *ranges, uint64_t *pool,
	uint64_t *out);

// shim_record fills out with one command buffer per launch marked last. With queries, every launch is serialised and
// timed: command buffer b writes a start, then one time per launch, from query (its first launch + b) on.
int32_t shim_record(shim_device *d, uint64_t pool, uint64_t queries, const shim_launch *launches, uint32_t n,
	const uint64_t *sets, const uint8_t *push, uintptr_t *out, uint32_t buffers);

int32_t shim_command_buffer(shim_device *d, uint64_t pool, uintptr_t *out);

// shim_copy records a copy with barriers to all work before and after; src 0 means fill dst with zeros.
int32_t shim_copy(shim_device *d, uintptr_t commands, uint64_t src, uint64_t src_offset, uint64_t dst,
	uint64_t dst_offset, uint64_t bytes);

// shim_submit resets fence and submits each command buffer by itself; fence is signalled after the last.
int32_t shim_submit(shim_device *d, const uintptr_t *commands, uint32_t n, uint64_t fence);

int32_t shim_wait(shim_device *d, uint64_t fence, uint64_t nanoseconds);

#endif
