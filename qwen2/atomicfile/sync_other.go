//go:build !unix

package atomicfile

// syncDir does nothing: folders cannot be synced here, and NTFS journals the rename.
func syncDir(string) error { return nil }
