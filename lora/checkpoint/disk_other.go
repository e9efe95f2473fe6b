//go:build !unix

package checkpoint

import "os"

func freeBytes(string) (int64, bool) { return 0, false }

func noRoom(error) bool { return false }

// syncFolder does nothing: folders cannot be synced here, and NTFS journals the rename.
func syncFolder(string) error { return nil }

// syncFile does nothing: a file opened for reading cannot be synced here.
func syncFile(*os.File) error { return nil }

// Lock does nothing here.
func Lock(string) (unlock func(), err error) { return func() {}, nil }
