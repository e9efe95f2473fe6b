//go:build cgo && !novulkan && !386 && !arm

#include "shim_private.h"

#include <stdlib.h>
#include <string.h>

static shim_proc_fn get_proc;

shim_void_fn shim_instance_proc(uintptr_t instance, const char *name) { return get_proc((VkInstance)instance, name); }

// The highest version whose rules this package knows; a loader of Vulkan 1.1 accepts any.
static const uint32_t wanted_api = VK_API_VERSION_1_4;

static int has_extension(const VkExtensionProperties *e, uint32_t n, const char *name) {
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(e[i].extensionName, name)) return 1;
	return 0;
}

int32_t shim_instance(void *get_instance_proc_addr, uintptr_t *instance) {
	get_proc = (shim_proc_fn)(uintptr_t)get_instance_proc_addr;
	uint32_t version = 0;
	VkResult (*enumerate_version)(uint32_t *) = (void *)get_proc(NULL, "vkEnumerateInstanceVersion");
	if (!enumerate_version || enumerate_version(&version) != VK_SUCCESS || version < VK_API_VERSION_1_1)
		return VK_ERROR_INCOMPATIBLE_DRIVER;
	VkResult (*enumerate)(const char *, uint32_t *, VkExtensionProperties *) =
		(void *)get_proc(NULL, "vkEnumerateInstanceExtensionProperties");
	VkResult (*create)(const VkInstanceCreateInfo *, const void *, VkInstance *) =
		(void *)get_proc(NULL, "vkCreateInstance");
	if (!enumerate || !create) return VK_ERROR_INITIALIZATION_FAILED;

	// Without this extension and flag, loaders hide MoltenVK.
	static const char *const portability = "VK_KHR_portability_enumeration";
	uint32_t n = 0;
	int portable = 0;
	if (enumerate(NULL, &n, NULL) == VK_SUCCESS && n) {
		VkExtensionProperties *e = calloc(n, sizeof *e);
		if (!e) return VK_ERROR_OUT_OF_HOST_MEMORY;
		if (enumerate(NULL, &n, e) >= VK_SUCCESS) portable = has_extension(e, n, portability);
		free(e);
	}
	VkApplicationInfo app = {VK_STRUCTURE_TYPE_APPLICATION_INFO, .pApplicationName = "vulora", .apiVersion = wanted_api};
	VkInstanceCreateInfo info = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &app};
	if (portable) {
		info.flags = VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
		info.enabledExtensionCount = 1;
		info.ppEnabledExtensionNames = &portability;
	}
	VkInstance i = NULL;
	VkResult r = create(&info, NULL, &i);
	*instance = (uintptr_t)i;
	return r;
}

int32_t shim_physical_devices(uintptr_t instance, uintptr_t *devices, uint32_t *n) {
	VkResult (*enumerate)(VkInstance, uint32_t *, VkPhysicalDevice *) =
		(void *)shim_instance_proc(instance, "vkEnumeratePhysicalDevices");
	return enumerate((VkInstance)instance, n, (VkPhysicalDevice *)devices);
}

// Features: the rows of bits that Vulkan reports as structures of booleans. Names are the fields of Go's Features.
enum {
	STORAGE16, STORAGE8, FLOAT16, INT8, INT16, INT64, SUBGROUP_VOTE, SUBGROUP_ARITHMETIC, SUBGROUP_BALLOT,
	SUBGROUP_SHUFFLE, SUBGROUP_CLUSTERED, SUBGROUP_TYPES, SUBGROUP_SIZE, FULL_SUBGROUPS, INTEGER_DOT, INTEGER_DOT_FAST,
	MEMORY_MODEL, MEMORY_MODEL_DEVICE, LOCAL_SIZE_ID, BFLOAT16, BFLOAT16_DOT, BFLOAT16_MATRIX, MATRIX, MATRIX2_WORKGROUP,
	MATRIX2_FLEXIBLE, MATRIX2_REDUCTIONS, MATRIX2_CONVERSIONS, MATRIX2_PER_ELEMENT, MATRIX2_TENSOR, MATRIX2_BLOCK_LOADS,
	MEMORY_BUDGET, TIMESTAMPS, FEATURES
};

static const char *const feature_names[FEATURES] = {
	"Storage16", "Storage8", "Float16", "Int8", "Int16", "Int64", "SubgroupVote", "SubgroupArithmetic", "SubgroupBallot",
	"SubgroupShuffle", "SubgroupClustered", "SubgroupTypes", "SubgroupSize", "FullSubgroups", "IntegerDot",
	"IntegerDotFast", "MemoryModel", "MemoryModelDevice", "LocalSizeID", "BFloat16", "BFloat16Dot", "BFloat16Matrix",
	"Matrix", "Matrix2Workgroup", "Matrix2Flexible", "Matrix2Reductions", "Matrix2Conversions", "Matrix2PerElement",
	"Matrix2Tensor", "Matrix2BlockLoads", "MemoryBudget", "Timestamps",
};

const char *shim_feature_name(uint32_t i) { return i < FEATURES ? feature_names[i] : NULL; }

// Every feature structure is a type, a link and booleans.
typedef struct feature_struct {
	VkStructureType type;
	void *next;
	VkBool32 on[8];
} feature_struct;

static const struct {
	VkStructureType type;
	const char *extension;
	uint32_t core; // version that contains the extension, 0 if none
	int8_t bit[8]; // feature of each boolean; -1 for one that stays off
} structs[] = {
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES, "VK_KHR_16bit_storage", VK_API_VERSION_1_1,
		{STORAGE16, -1, -1, -1, -1, -1, -1, -1}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES, "VK_KHR_8bit_storage", VK_API_VERSION_1_2,
		{STORAGE8, -1, -1, -1, -1, -1, -1, -1}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES, "VK_KHR_shader_float16_int8", VK_API_VERSION_1_2,
		{FLOAT16, INT8, -1, -1, -1, -1, -1, -1}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SUBGROUP_EXTENDED_TYPES_FEATURES, "VK_KHR_shader_subgroup_extended_types",
		VK_API_VERSION_1_2, {SUBGROUP_TYPES, -1, -1, -1, -1, -1, -1, -1}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES, "VK_KHR_vulkan_memory_model", VK_API_VERSION_1_2,
		{MEMORY_MODEL, MEMORY_MODEL_DEVICE, -1, -1, -1, -1, -1, -1}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES, "VK_EXT_subgroup_size_control", VK_API_VERSION_1_3,
		{SUBGROUP_SIZE, FULL_SUBGROUPS, -1, -1, -1, -1, -1, -1}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES, "VK_KHR_shader_integer_dot_product",
		VK_API_VERSION_1_3, {INTEGER_DOT, -1, -1, -1, -1, -1, -1, -1}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES, "VK_KHR_maintenance4", VK_API_VERSION_1_3,
		{LOCAL_SIZE_ID, -1, -1, -1, -1, -1, -1, -1}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR, "VK_KHR_shader_bfloat16", 0,
		{BFLOAT16, BFLOAT16_DOT, BFLOAT16_MATRIX, -1, -1, -1, -1, -1}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, "VK_KHR_cooperative_matrix", 0,
		{MATRIX, -1, -1, -1, -1, -1, -1, -1}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV, "VK_NV_cooperative_matrix2", 0,
		{MATRIX2_WORKGROUP, MATRIX2_FLEXIBLE, MATRIX2_REDUCTIONS, MATRIX2_CONVERSIONS, MATRIX2_PER_ELEMENT, MATRIX2_TENSOR,
			MATRIX2_BLOCK_LOADS, -1}},
};
enum { STRUCTS = sizeof structs / sizeof structs[0], FEATURE_INT64 = 40, FEATURE_INT16 = 41, BASE_FEATURES = 55 };

// VkPhysicalDeviceFeatures2, with the booleans of VkPhysicalDeviceFeatures by index.
typedef struct base_features {
	VkStructureType type;
	void *next;
	VkBool32 on[BASE_FEATURES];
} base_features;

// The extensions of a physical device.
typedef struct extension_list {
	VkExtensionProperties *e;
	uint32_t n;
} extension_list;

static VkResult list_extensions(uintptr_t instance, uintptr_t physical, extension_list *out) {
	VkResult (*enumerate)(VkPhysicalDevice, const char *, uint32_t *, VkExtensionProperties *) =
		(void *)shim_instance_proc(instance, "vkEnumerateDeviceExtensionProperties");
	out->e = NULL;
	out->n = 0;
	VkResult r = enumerate((VkPhysicalDevice)physical, NULL, &out->n, NULL);
	if (r != VK_SUCCESS || !out->n) return r;
	out->e = calloc(out->n, sizeof *out->e);
	if (!out->e) return VK_ERROR_OUT_OF_HOST_MEMORY;
	r = enumerate((VkPhysicalDevice)physical, NULL, &out->n, out->e);
	if (r >= VK_SUCCESS) return VK_SUCCESS;
	free(out->e);
	out->e = NULL;
	return r;
}

static int listed(const extension_list *l, const char *name) { return has_extension(l->e, l->n, name); }

static int known(const extension_list *l, uint32_t api, const char *extension, uint32_t core) {
	return (core && api >= core) || listed(l, extension);
}

static uint64_t query_features(uintptr_t instance, uintptr_t physical, uint32_t api, const extension_list *l) {
	void (*get)(VkPhysicalDevice, base_features *) =
		(void *)shim_instance_proc(instance, "vkGetPhysicalDeviceFeatures2");
	base_features base = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
	feature_struct s[STRUCTS];
	memset(s, 0, sizeof s);
	for (int i = 0; i < STRUCTS; i++) {
		if (!known(l, api, structs[i].extension, structs[i].core)) continue;
		s[i].type = structs[i].type;
		s[i].next = base.next;
		base.next = &s[i];
	}
	get((VkPhysicalDevice)physical, &base);
	uint64_t f = 0;
	for (int i = 0; i < STRUCTS; i++)
		for (int j = 0; j < 8; j++)
			if (structs[i].bit[j] >= 0 && s[i].on[j]) f |= 1ull << structs[i].bit[j];
	if (base.on[FEATURE_INT16]) f |= 1ull << INT16;
	if (base.on[FEATURE_INT64]) f |= 1ull << INT64;
	if (listed(l, "VK_EXT_memory_budget")) f |= 1ull << MEMORY_BUDGET;
	return f;
}

int32_t shim_device_new(uintptr_t instance, uintptr_t physical, uint32_t family, uint64_t features, shim_device **out) {
	VkResult (*create)(VkPhysicalDevice, const VkDeviceCreateInfo *, const void *, VkDevice *) =
		(void *)shim_instance_proc(instance, "vkCreateDevice");
	extension_list l;
	VkResult r = list_extensions(instance, physical, &l);
	if (r != VK_SUCCESS) return r;
	const char *names[STRUCTS + 2];
	uint32_t n = 0;
	base_features base = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
	feature_struct s[STRUCTS];
	memset(s, 0, sizeof s);
	for (int i = 0; i < STRUCTS; i++) {
		int any = 0;
		for (int j = 0; j < 8; j++)
			if (structs[i].bit[j] >= 0 && features >> structs[i].bit[j] & 1) any = s[i].on[j] = 1;
		if (!any) continue;
		if (listed(&l, structs[i].extension)) names[n++] = structs[i].extension;
		s[i].type = structs[i].type;
		s[i].next = base.next;
		base.next = &s[i];
	}
	base.on[FEATURE_INT16] = features >> INT16 & 1;
	base.on[FEATURE_INT64] = features >> INT64 & 1;
	// A device that lists portability_subset must be created with it.
	static const char *const plain[] = {"VK_KHR_portability_subset", "VK_EXT_memory_budget"};
	for (int i = 0; i < 2; i++)
		if (listed(&l, plain[i])) names[n++] = plain[i];

	float priority = 1;
	VkDeviceQueueCreateInfo queue = {VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueFamilyIndex = family,
		.queueCount = 1, .pQueuePriorities = &priority};
	VkDeviceCreateInfo info = {VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &base, .queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue, .enabledExtensionCount = n, .ppEnabledExtensionNames = names};
	VkDevice device = NULL;
	r = create((VkPhysicalDevice)physical, &info, NULL, &device);
	free(l.e);
	if (r != VK_SUCCESS) return r;
	return shim_device_wrap(instance, device, family, out);
}

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
	if (out->timestamp_bits && out->timestamp_period > 0) out->features |= 1ull << TIMESTAMPS;
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
	if (out->features >> MATRIX & 1 && fixed) {
		VkCooperativeMatrixPropertiesKHR p[SHIM_MAX_MATRICES];
		memset(p, 0, sizeof p);
		for (uint32_t i = 0; i < n; i++) p[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
		if (fixed(pd, &n, p) < VK_SUCCESS) n = 0;
		for (uint32_t i = 0; i < n; i++)
			out->matrix[out->matrices++] = (shim_matrix){p[i].MSize, p[i].NSize, p[i].KSize, p[i].AType, p[i].BType,
				p[i].CType, p[i].ResultType, p[i].scope, p[i].saturatingAccumulation, 0, 0};
	}
	n = SHIM_MAX_MATRICES - out->matrices;
	if (out->features >> MATRIX2_FLEXIBLE & 1 && flexible && n) {
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
	uint32_t api = first.apiVersion < wanted_api ? first.apiVersion : wanted_api;
	extension_list l;
	VkResult r = list_extensions(instance, physical, &l);
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
	if (known(&l, api, extension, core)) s.pNext = p.pNext, p.pNext = &s
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

	out->features = query_features(instance, physical, api, &l);
	free(l.e);
	if (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) {
		VkFlags ops = subgroup.supportedOperations;
		out->features |= (uint64_t)!!(ops & VK_SUBGROUP_FEATURE_VOTE_BIT) << SUBGROUP_VOTE;
		out->features |= (uint64_t)!!(ops & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT) << SUBGROUP_ARITHMETIC;
		out->features |= (uint64_t)!!(ops & VK_SUBGROUP_FEATURE_BALLOT_BIT) << SUBGROUP_BALLOT;
		out->features |= (uint64_t)!!(ops & VK_SUBGROUP_FEATURE_SHUFFLE_BIT) << SUBGROUP_SHUFFLE;
		out->features |= (uint64_t)!!(ops & VK_SUBGROUP_FEATURE_CLUSTERED_BIT) << SUBGROUP_CLUSTERED;
	}
	if (dot.integerDotProduct4x8BitPackedSignedAccelerated) out->features |= 1ull << INTEGER_DOT_FAST;
	// A size can be required only where the driver allows it for compute.
	if (!(size.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT)) out->features &= ~(1ull << SUBGROUP_SIZE);
	out->min_subgroup = size.minSubgroupSize ? size.minSubgroupSize : subgroup.subgroupSize;
	out->max_subgroup = size.maxSubgroupSize ? size.maxSubgroupSize : subgroup.subgroupSize;
	describe_queues(instance, physical, out);
	describe_memory(instance, physical, out);
	describe_matrices(instance, physical, out);
	return out->queue_family == UINT32_MAX ? VK_ERROR_INCOMPATIBLE_DRIVER : VK_SUCCESS;
}

uint64_t shim_budget(uintptr_t instance, uintptr_t physical, uint32_t heap) {
	void (*get)(VkPhysicalDevice, VkPhysicalDeviceMemoryProperties2 *) =
		(void *)shim_instance_proc(instance, "vkGetPhysicalDeviceMemoryProperties2");
	VkPhysicalDeviceMemoryBudgetPropertiesEXT b = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
	VkPhysicalDeviceMemoryProperties2 m = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, &b};
	if (!get) return UINT64_MAX;
	get((VkPhysicalDevice)physical, &m);
	return b.heapBudget[heap] > b.heapUsage[heap] ? b.heapBudget[heap] - b.heapUsage[heap] : 0;
}
