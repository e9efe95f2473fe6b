//go:build cgo && !novulkan && !386 && !arm

#include "shim_private.h"

#include <stdlib.h>
#include <string.h>

static void describe_queues(uintptr_t instance, uintptr_t physical, shim_info *out) {
	void (*get)(VkPhysicalDevice, uint32_t *, VkQueueFamilyProperties *) =
		(void *)shim_instance_proc(instance, "vkGetPhysicalDeviceQueueFamilyProperties");
	VkQueueFamilyProperties q[16];
	uint32_t n = 16;
	get((VkPhysicalDevice)physical, &n, q);
	// A family without graphics does not stand in the way of the desktop; one with a clock can be profiled.
	int best = -1;
	for (uint32_t i = 0; i < n; i++) {
		if (!(q[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || !q[i].queueCount) continue;
		int score = 2 * (q[i].timestampValidBits > 0) + !(q[i].queueFlags & VK_QUEUE_GRAPHICS_BIT);
		if (score <= best) continue;
		best = score;
		out->queue_family = i;
		out->timestamp_bits = q[i].timestampValidBits;
	}
	if (best < 0) out->queue_family = UINT32_MAX;
	if (out->timestamp_bits && out->timestamp_period > 0) out->features |= 1ull << BIT_Timestamps;
}

static void describe_memory(uintptr_t instance, uintptr_t physical, shim_info *out) {
	void (*get)(VkPhysicalDevice, VkPhysicalDeviceMemoryProperties *) =
		(void *)shim_instance_proc(instance, "vkGetPhysicalDeviceMemoryProperties");
	VkPhysicalDeviceMemoryProperties m;
	get((VkPhysicalDevice)physical, &m);
	out->types = m.memoryTypeCount;
	out->heaps = m.memoryHeapCount;
	for (uint32_t i = 0; i < m.memoryTypeCount; i++) {
		out->type_flags[i] = m.memoryTypes[i].propertyFlags;
		out->type_heap[i] = m.memoryTypes[i].heapIndex;
	}
	for (uint32_t i = 0; i < m.memoryHeapCount; i++) {
		out->heap_size[i] = m.memoryHeaps[i].size;
		out->heap_flags[i] = m.memoryHeaps[i].flags;
	}
}

static void describe_matrices(uintptr_t instance, uintptr_t physical, shim_info *out) {
	VkPhysicalDevice pd = (VkPhysicalDevice)physical;
	VkResult (*fixed)(VkPhysicalDevice, uint32_t *, VkCooperativeMatrixPropertiesKHR *) =
		(void *)shim_instance_proc(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
	VkResult (*flexible)(VkPhysicalDevice, uint32_t *, VkCooperativeMatrixFlexibleDimensionsPropertiesNV *) =
		(void *)shim_instance_proc(instance, "vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV");
	uint32_t n = SHIM_MAX_MATRICES;
	if (out->features >> BIT_Matrix & 1 && fixed) {
		VkCooperativeMatrixPropertiesKHR p[SHIM_MAX_MATRICES];
		memset(p, 0, sizeof p);
		for (uint32_t i = 0; i < n; i++) p[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
		if (fixed(pd, &n, p) < VK_SUCCESS) n = 0;
		for (uint32_t i = 0; i < n; i++)
			out->matrix[out->matrices++] = (shim_matrix){p[i].MSize, p[i].NSize, p[i].KSize, p[i].AType, p[i].BType,
				p[i].CType, p[i].ResultType, p[i].scope, p[i].saturatingAccumulation, 0, 0};
	}
	n = SHIM_MAX_MATRICES - out->matrices;
	if (out->features >> BIT_Matrix2Flexible & 1 && flexible && n) {
		VkCooperativeMatrixFlexibleDimensionsPropertiesNV p[SHIM_MAX_MATRICES];
		memset(p, 0, sizeof p);
		for (uint32_t i = 0; i < n; i++) p[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV;
		if (flexible(pd, &n, p) < VK_SUCCESS) n = 0;
		for (uint32_t i = 0; i < n; i++)
			out->matrix[out->matrices++] = (shim_matrix){p[i].MGranularity, p[i].NGranularity, p[i].KGranularity,
				p[i].AType, p[i].BType, p[i].CType, p[i].ResultType, p[i].scope, p[i].saturatingAccumulation, 1,
				p[i].workgroupInvocations};
	}
}

int32_t shim_describe(uintptr_t instance, uintptr_t physical, shim_info *out) {
	memset(out, 0, sizeof *out);
	void (*get)(VkPhysicalDevice, VkPhysicalDeviceProperties2 *) =
		(void *)shim_instance_proc(instance, "vkGetPhysicalDeviceProperties2");
	void (*get1)(VkPhysicalDevice, VkPhysicalDeviceProperties *) =
		(void *)shim_instance_proc(instance, "vkGetPhysicalDeviceProperties");
	VkPhysicalDeviceProperties first;
	get1((VkPhysicalDevice)physical, &first);
	if (first.apiVersion < VK_API_VERSION_1_1 || !get) return VK_ERROR_INCOMPATIBLE_DRIVER;
	uint32_t api = first.apiVersion < SHIM_API ? first.apiVersion : SHIM_API;
	shim_extensions l;
	VkResult r = shim_device_extensions(instance, physical, &l);
	if (r != VK_SUCCESS) return r;

	VkPhysicalDeviceSubgroupProperties subgroup = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
	VkPhysicalDeviceIDProperties id = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES, &subgroup};
	VkPhysicalDeviceMaintenance3Properties m3 = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES, &id};
	VkPhysicalDeviceProperties2 p = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &m3};
	VkPhysicalDeviceDriverProperties driver = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
	VkPhysicalDeviceMaintenance4Properties m4 = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES};
	VkPhysicalDeviceSubgroupSizeControlProperties size = {
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES};
	VkPhysicalDeviceShaderIntegerDotProductProperties dot = {
		VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES};
#define CHAIN(s, extension, core) \
	if (shim_knows(&l, api, extension, core)) s.pNext = p.pNext, p.pNext = &s
	CHAIN(driver, "VK_KHR_driver_properties", VK_API_VERSION_1_2);
	CHAIN(m4, "VK_KHR_maintenance4", VK_API_VERSION_1_3);
	CHAIN(size, "VK_EXT_subgroup_size_control", VK_API_VERSION_1_3);
	CHAIN(dot, "VK_KHR_shader_integer_dot_product", VK_API_VERSION_1_3);
#undef CHAIN
	get((VkPhysicalDevice)physical, &p);

	const VkPhysicalDeviceProperties *q = &p.properties;
	const VkPhysicalDeviceLimits *x = &q->limits;
	memcpy(out->name, q->deviceName, sizeof out->name);
	memcpy(out->driver, driver.driverName, sizeof out->driver);
	memcpy(out->driver_info, driver.driverInfo, sizeof out->driver_info);
	memcpy(out->uuid, id.deviceUUID, sizeof out->uuid);
	memcpy(out->cache_uuid, q->pipelineCacheUUID, sizeof out->cache_uuid);
	out->kind = (uint32_t)q->deviceType;
	out->vendor = q->vendorID;
	out->device = q->deviceID;
	out->api = api;
	out->driver_version = q->driverVersion;
	out->max_range = x->maxStorageBufferRange;
	out->max_allocation = m3.maxMemoryAllocationSize;
	out->max_buffer = m4.maxBufferSize;
	out->offset_alignment = x->minStorageBufferOffsetAlignment;
	out->max_push = x->maxPushConstantsSize;
	out->max_shared = x->maxComputeSharedMemorySize;
	out->max_invocations = x->maxComputeWorkGroupInvocations;
	memcpy(out->max_group_size, x->maxComputeWorkGroupSize, sizeof out->max_group_size);
	memcpy(out->max_groups, x->maxComputeWorkGroupCount, sizeof out->max_groups);
	out->max_allocations = x->maxMemoryAllocationCount;
	out->max_bindings = x->maxPerStageDescriptorStorageBuffers < x->maxDescriptorSetStorageBuffers
		? x->maxPerStageDescriptorStorageBuffers : x->maxDescriptorSetStorageBuffers;
	out->subgroup = subgroup.subgroupSize;
	out->timestamp_period = x->timestampPeriod;

	out->features = shim_query_features(instance, physical, api, &l);
	free(l.e);
	if (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) {
		VkFlags ops = subgroup.supportedOperations;
		out->features |= (uint64_t)!!(ops & VK_SUBGROUP_FEATURE_VOTE_BIT) << BIT_SubgroupVote;
		out->features |= (uint64_t)!!(ops & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT) << BIT_SubgroupArithmetic;
		out->features |= (uint64_t)!!(ops & VK_SUBGROUP_FEATURE_BALLOT_BIT) << BIT_SubgroupBallot;
		out->features |= (uint64_t)!!(ops & VK_SUBGROUP_FEATURE_SHUFFLE_BIT) << BIT_SubgroupShuffle;
		out->features |= (uint64_t)!!(ops & VK_SUBGROUP_FEATURE_CLUSTERED_BIT) << BIT_SubgroupClustered;
	}
	if (dot.integerDotProduct4x8BitPackedSignedAccelerated) out->features |= 1ull << BIT_IntegerDotFast;
	// A size can be required only where the driver allows it for compute.
	if (!(size.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT)) out->features &= ~(1ull << BIT_SubgroupSize);
	out->min_subgroup = size.minSubgroupSize ? size.minSubgroupSize : subgroup.subgroupSize;
	out->max_subgroup = size.maxSubgroupSize ? size.maxSubgroupSize : subgroup.subgroupSize;
	describe_queues(instance, physical, out);
	describe_memory(instance, physical, out);
	describe_matrices(instance, physical, out);
	return out->queue_family == UINT32_MAX ? VK_ERROR_INCOMPATIBLE_DRIVER : VK_SUCCESS;
}
