//go:build cgo && !novulkan && !386 && !arm

#include "shim_private.h"

#include <stdlib.h>
#include <string.h>

static shim_proc_fn get_proc;

shim_void_fn shim_instance_proc(uintptr_t instance, const char *name) { return get_proc((VkInstance)instance, name); }

int shim_has(const shim_extensions *l, const char *extension) {
	for (uint32_t i = 0; i < l->n; i++)
		if (!strcmp(l->e[i].extensionName, extension)) return 1;
	return 0;
}

int shim_knows(const shim_extensions *l, uint32_t api, const char *extension, uint32_t core) {
	return (core && api >= core) || shim_has(l, extension);
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
	shim_extensions l = {NULL, 0};
	int portable = 0;
	if (enumerate(NULL, &l.n, NULL) == VK_SUCCESS && l.n) {
		l.e = calloc(l.n, sizeof *l.e);
		if (!l.e) return VK_ERROR_OUT_OF_HOST_MEMORY;
		if (enumerate(NULL, &l.n, l.e) >= VK_SUCCESS) portable = shim_has(&l, portability);
		free(l.e);
	}
	VkApplicationInfo app = {VK_STRUCTURE_TYPE_APPLICATION_INFO, .pApplicationName = "vulora", .apiVersion = SHIM_API};
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

VkResult shim_device_extensions(uintptr_t instance, uintptr_t physical, shim_extensions *out) {
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
