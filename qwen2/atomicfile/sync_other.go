//go:build !unix

package atomicfile

// SyncDir does nothing: folders cannot be synced here, and NTFS journals the rename.
func SyncDir(string) error { return nil }
