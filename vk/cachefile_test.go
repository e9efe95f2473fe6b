package vk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

func testCache() (cacheKey, []byte) {
	k := cacheKey{Device: [16]byte{1, 2}, Cache: [16]byte{3, 4}, Vendor: 0x10005, DeviceID: 7, Driver: 9}
	data := binary.NativeEndian.AppendUint32(nil, 32)
	for _, v := range []uint32{1, k.Vendor, k.DeviceID} {
		data = binary.NativeEndian.AppendUint32(data, v)
	}
	return k, append(append(data, k.Cache[:]...), "compiled code"...)
}

func TestCacheFile(t *testing.T) {
	k, data := testCache()
	dir := filepath.Join(t.TempDir(), "a", "b")
	if k.load(dir) != nil {
		t.Error("a missing file has data")
	}
	if err := k.save(dir, data); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(k.load(dir), data) {
		t.Fatal("the data changed on the way")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("saving leaves %v", left)
	}
	file, err := os.ReadFile(k.path(dir))
	if err != nil {
		t.Fatal(err)
	}
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 0x40
		if k.parse(bad) != nil {
			t.Errorf("a file with a wrong byte %d passed", i)
		}
		if k.parse(file[:i]) != nil {
			t.Errorf("a file cut at %d passed", i)
		}
	}
	if k.parse(append(bytes.Clone(file), 0)) != nil {
		t.Error("a file with a byte too many passed")
	}
	other := k
	other.Driver++
	if other.parse(file) != nil {
		t.Error("a file of another driver passed")
	}
	// What the driver's own header says to be of another device is refused both ways.
	for i := 4; i < 32; i++ {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		if err := k.save(dir, bad); err != nil {
			t.Fatal(err)
		}
		if now, err := os.ReadFile(k.path(dir)); err != nil || !bytes.Equal(now, file) {
			t.Fatalf("driver data with a wrong byte %d were saved: %v", i, err)
		}
		h := cacheHeader{Magic: cacheMagic, Key: k, Bytes: int64(len(bad)), Sum: sha256.Sum256(bad)}
		var forged bytes.Buffer
		if err := binary.Write(&forged, binary.LittleEndian, h); err != nil {
			t.Fatal(err)
		}
		forged.Write(bad)
		if k.parse(forged.Bytes()) != nil {
			t.Errorf("driver data with a wrong byte %d passed", i)
		}
	}
}

func FuzzCacheFile(f *testing.F) {
	k, data := testCache()
	dir := f.TempDir()
	if err := k.save(dir, data); err != nil {
		f.Fatal(err)
	}
	file, err := os.ReadFile(k.path(dir))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add(file[:40])
	f.Fuzz(func(t *testing.T, file []byte) {
		if data := k.parse(file); data != nil && !bytes.HasSuffix(file, data) {
			t.Error("data that are not in the file")
		}
	})
}
