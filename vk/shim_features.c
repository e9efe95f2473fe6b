//go:build cgo && !novulkan && !386 && !arm

#include "shim_private.h"

#include <stdlib.h>
#include <string.h>

#define NAME(name) #name,
static const char *const feature_names[FEATURES] = {SHIM_FEATURES(NAME)};
#undef NAME

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
	int8_t bits;   // booleans that are used, from the first
	int8_t bit[7]; // feature of each
} structs[] = {
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES, "VK_KHR_16bit_storage", VK_API_VERSION_1_1,
		1, {BIT_Storage16}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES, "VK_KHR_8bit_storage", VK_API_VERSION_1_2,
		1, {BIT_Storage8}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES, "VK_KHR_shader_float16_int8", VK_API_VERSION_1_2,
		2, {BIT_Float16, BIT_Int8}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SUBGROUP_EXTENDED_TYPES_FEATURES, "VK_KHR_shader_subgroup_extended_types",
		VK_API_VERSION_1_2, 1, {BIT_SubgroupTypes}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES, "VK_KHR_vulkan_memory_model", VK_API_VERSION_1_2,
		2, {BIT_MemoryModel, BIT_MemoryModelDevice}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES, "VK_EXT_subgroup_size_control", VK_API_VERSION_1_3,
		2, {BIT_SubgroupSize, BIT_FullSubgroups}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES, "VK_KHR_shader_integer_dot_product",
		VK_API_VERSION_1_3, 1, {BIT_IntegerDot}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES, "VK_KHR_maintenance4", VK_API_VERSION_1_3,
		1, {BIT_LocalSizeID}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR, "VK_KHR_shader_bfloat16", 0,
		3, {BIT_BFloat16, BIT_BFloat16Dot, BIT_BFloat16Matrix}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, "VK_KHR_cooperative_matrix", 0,
		1, {BIT_Matrix}},
	{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV, "VK_NV_cooperative_matrix2", 0,
		7, {BIT_Matrix2Workgroup, BIT_Matrix2Flexible, BIT_Matrix2Reductions, BIT_Matrix2Conversions,
			BIT_Matrix2PerElement, BIT_Matrix2Tensor, BIT_Matrix2BlockLoads}},
};
enum { STRUCTS = sizeof structs / sizeof structs[0], FEATURE_INT64 = 40, FEATURE_INT16 = 41, BASE_FEATURES = 55 };

// VkPhysicalDeviceFeatures2, with the booleans of VkPhysicalDeviceFeatures by index.
typedef struct base_features {
	VkStructureType type;
	void *next;
	VkBool32 on[BASE_FEATURES];
} base_features;

uint64_t shim_query_features(uintptr_t instance, uintptr_t physical, uint32_t api, const shim_extensions *l) {
	void (*get)(VkPhysicalDevice, base_features *) =
		(void *)shim_instance_proc(instance, "vkGetPhysicalDeviceFeatures2");
	base_features base = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
	feature_struct s[STRUCTS];
	memset(s, 0, sizeof s);
	for (int i = 0; i < STRUCTS; i++) {
		if (!shim_knows(l, api, structs[i].extension, structs[i].core)) continue;
		s[i].type = structs[i].type;
		s[i].next = base.next;
		base.next = &s[i];
	}
	get((VkPhysicalDevice)physical, &base);
	uint64_t f = 0;
	for (int i = 0; i < STRUCTS; i++)
		for (int j = 0; j < structs[i].bits; j++)
			if (s[i].on[j]) f |= 1ull << structs[i].bit[j];
	if (base.on[FEATURE_INT16]) f |= 1ull << BIT_Int16;
	if (base.on[FEATURE_INT64]) f |= 1ull << BIT_Int64;
	return f;
}

int32_t shim_device_new(uintptr_t instance, uintptr_t physical, uint32_t family, uint64_t features, shim_device **out) {
	VkResult (*create)(VkPhysicalDevice, const VkDeviceCreateInfo *, const void *, VkDevice *) =
		(void *)shim_instance_proc(instance, "vkCreateDevice");
	shim_extensions l;
	VkResult r = shim_device_extensions(instance, physical, &l);
	if (r != VK_SUCCESS) return r;
	const char *names[STRUCTS + 1];
	uint32_t n = 0;
	base_features base = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
	feature_struct s[STRUCTS];
	memset(s, 0, sizeof s);
	for (int i = 0; i < STRUCTS; i++) {
		int any = 0;
		for (int j = 0; j < structs[i].bits; j++)
			if (features >> structs[i].bit[j] & 1) any = s[i].on[j] = 1;
		if (!any) continue;
		if (shim_has(&l, structs[i].extension)) names[n++] = structs[i].extension;
		s[i].type = structs[i].type;
		s[i].next = base.next;
		base.next = &s[i];
	}
	base.on[FEATURE_INT16] = features >> BIT_Int16 & 1;
	base.on[FEATURE_INT64] = features >> BIT_Int64 & 1;
	// A device that lists portability_subset must be created with it.
	static const char portability[] = "VK_KHR_portability_subset";
	if (shim_has(&l, portability)) names[n++] = portability;

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
