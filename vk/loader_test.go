//go:build cgo && !novulkan && !386 && !arm

package vk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

// A process without a loader or without a driver starts, and is told what to do.
func TestNoDevice(t *testing.T) {
	if os.Getenv("VULORA_TEST_CHILD") != "" {
		infos, err := Devices()
		_, errOpen := Open(0, Options{})
		fmt.Printf("devices=%d nodevice=%t %t %v\n", len(infos), errors.Is(err, ErrNoDevice),
			errors.Is(errOpen, ErrNoDevice), err)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ env, want string }{
		{"VULORA_VULKAN_LIBRARY=/nonexistent/libvulkan.so.1", "cannot be opened"},
		{"VULORA_VULKAN_LIBRARY=" + exe, "cannot be opened"},
		{"VK_ICD_FILENAMES=/nonexistent/icd.json", "no Vulkan device"},
	} {
		child := exec.Command(exe, "-test.run=^TestNoDevice$", "-test.v")
		child.Env = append(os.Environ(), "VULORA_TEST_CHILD=1", "VK_DRIVER_FILES=", c.env)
		out, err := child.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "devices=0 nodevice=true true vk: no Vulkan device") ||
			!strings.Contains(string(out), c.want) {
			t.Errorf("%s: want ErrNoDevice and %q, have %v\n%s", c.env, c.want, err, out)
		}
	}
}

func TestOpenBadIndex(t *testing.T) {
	open(t, Options{})
	for _, i := range []int{-1, 1 << 20} {
		if _, err := Open(i, Options{}); !errors.Is(err, ErrNoDevice) {
			t.Errorf("device %d: want ErrNoDevice, have %v", i, err)
		}
	}
}

// Each feature has a name in the shim, and each name a feature: neither list can grow alone.
func TestFeatureNames(t *testing.T) {
	d := open(t, Options{})
	l, err := openLoader()
	if err != nil {
		t.Fatal(err)
	}
	typ := reflect.TypeFor[Features]()
	seen := map[string]bool{}
	for _, n := range l.featureNames {
		if _, ok := typ.FieldByName(n); !ok || seen[n] {
			t.Errorf("the shim's feature %q is unknown or double", n)
		}
		seen[n] = true
	}
	for i := range typ.NumField() {
		if !seen[typ.Field(i).Name] {
			t.Errorf("the shim does not know the feature %s", typ.Field(i).Name)
		}
	}
	for i := range l.featureNames {
		if m := featureMask(featureSet(1<<i, l.featureNames), l.featureNames); m != 1<<i {
			t.Errorf("feature %d becomes %b", i, m)
		}
	}
	all := featureSet(1<<len(l.featureNames)-1, l.featureNames)
	bare := open(t, Options{Disable: all})
	if f := bare.Info().Features.String(); f != "" {
		t.Errorf("with all features disabled, %s are left", f)
	}
	c := makeChain(t, bare, 100, 3)
	c.check(t, record(t, bare, c.list, RecordOptions{}))
	if f := d.Info().Features; f.without(Features{}) != f {
		t.Errorf("features %v depend on missing ones", f)
	}
	if f := all.without(Features{MemoryModel: true}); f.Matrix || f.Matrix2Flexible || f.BFloat16Matrix || !f.BFloat16 {
		t.Errorf("without the memory model: %v", f)
	}
}

func TestDeviceInfo(t *testing.T) {
	d := open(t, Options{})
	i := d.Info()
	major, minor := i.APIVersion()
	t.Logf("%s, %v, Vulkan %d.%d, %s, %d MiB, features %v, %d matrix shapes", i.Name, i.Kind, major, minor, i.Driver,
		i.Memory>>20, i.Features, len(i.Matrices))
	t.Logf("%+v", i.Limits)
	l := i.Limits
	// The minima of the Vulkan specification, table "Required Limits".
	if i.Name == "" || major < 1 || minor < 1 || i.Memory <= 0 || l.MaxBufferRange < 1<<27 || l.MaxAllocation < 1<<30 ||
		l.OffsetAlignment < 4 || l.OffsetAlignment > 256 || l.MaxPush < 128 || l.MaxSharedMemory < 16<<10 ||
		l.MaxInvocations < 128 || l.MaxBindings < 4 || l.SubgroupSize < 1 || l.MinSubgroup > l.SubgroupSize ||
		l.MaxSubgroup < l.SubgroupSize {
		t.Errorf("impossible limits %+v", l)
	}
	for _, n := range l.MaxGroups {
		if n < 65535 {
			t.Errorf("want at least 65535 workgroups, have %v", l.MaxGroups)
		}
	}
}
