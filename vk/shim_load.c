//go:build cgo && !novulkan && !386 && !arm

#include "shim.h"

#if defined(_WIN32)
#include <windows.h>
static void *open_symbol(const char *library) {
	HMODULE m = LoadLibraryA(library);
	return m ? (void *)(uintptr_t)GetProcAddress(m, "vkGetInstanceProcAddr") : NULL;
}
static const char *const libraries[] = {"vulkan-1.dll", NULL};
#else
#include <dlfcn.h>
// A library that is opened stays open: drivers do not survive being unloaded.
static void *open_symbol(const char *library) {
	void *l = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	return l ? dlsym(l, "vkGetInstanceProcAddr") : NULL;
}
#if defined(__APPLE__)
static const char *const libraries[] = {"libvulkan.dylib", "libvulkan.1.dylib", "/usr/local/lib/libvulkan.1.dylib",
	"/opt/homebrew/lib/libvulkan.1.dylib", "libMoltenVK.dylib", "/usr/local/lib/libMoltenVK.dylib",
	"/opt/homebrew/lib/libMoltenVK.dylib", NULL};
#else
// The unversioned name exists only with the development package, and on Android.
static const char *const libraries[] = {"libvulkan.so.1", "libvulkan.so", NULL};
#endif
#endif

void *shim_load(const char *path) {
	if (path[0]) return open_symbol(path);
	for (int i = 0; libraries[i]; i++) {
		void *p = open_symbol(libraries[i]);
		if (p) return p;
	}
	return NULL;
}
