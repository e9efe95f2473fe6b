package vk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

// A cacheKey says which device and driver compiled pipelines are good for.
type cacheKey struct {
	Device, Cache            [16]byte // deviceUUID and pipelineCacheUUID
	Vendor, DeviceID, Driver uint32
}

// The header of a cache file; the data follow.
type cacheHeader struct {
	Magic [8]byte
	Key   cacheKey
	Bytes int64
	Sum   [sha256.Size]byte
}

var cacheMagic = [8]byte{'V', 'L', 'P', 'I', 'P', 'E', 0, 1}

// maxCache bounds a cache file; what is larger is neither read nor written.
const maxCache = 256 << 20

func (k cacheKey) path(dir string) string {
	return filepath.Join(dir, fmt.Sprintf("pipelines-%x-%08x.bin", k.Device, k.Driver))
}

// load returns the data of the cache in dir, or nil if there is none that is whole and fits k: drivers are not trusted
// to find out themselves.
func (k cacheKey) load(dir string) []byte {
	info, err := os.Stat(k.path(dir))
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxCache {
		return nil
	}
	file, err := os.ReadFile(k.path(dir))
	if err != nil {
		return nil
	}
	return k.parse(file)
}

func (k cacheKey) parse(file []byte) []byte {
	var h cacheHeader
	n := binary.Size(h)
	if len(file) < n || binary.Read(bytes.NewReader(file), binary.LittleEndian, &h) != nil {
		return nil
	}
	data := file[n:]
	if h.Magic != cacheMagic || h.Key != k || h.Bytes != int64(len(data)) || h.Sum != sha256.Sum256(data) {
		return nil
	}
	if !k.fits(data) {
		return nil
	}
	return data
}

// fits checks the driver's own header, VkPipelineCacheHeaderVersionOne: size, version 1, vendor, device, UUID.
func (k cacheKey) fits(data []byte) bool {
	word := binary.NativeEndian.Uint32
	return len(data) >= 32 && word(data[4:]) == 1 && word(data[8:]) == k.Vendor && word(data[12:]) == k.DeviceID &&
		[16]byte(data[16:32]) == k.Cache
}

// save replaces the cache in dir, which is made if needed. Data that load would refuse are not written: some drivers
// give out less than a header.
func (k cacheKey) save(dir string, data []byte) error {
	if len(data) > maxCache || !k.fits(data) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var file bytes.Buffer
	h := cacheHeader{Magic: cacheMagic, Key: k, Bytes: int64(len(data)), Sum: sha256.Sum256(data)}
	if err := binary.Write(&file, binary.LittleEndian, h); err != nil {
		return err
	}
	file.Write(data)
	t, err := os.CreateTemp(dir, ".pipelines-*")
	if err != nil {
		return err
	}
	_, err = t.Write(file.Bytes())
	if err == nil {
		err = t.Sync()
	}
	if e := t.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(t.Name(), k.path(dir))
	}
	if err != nil {
		os.Remove(t.Name())
	}
	return err
}
