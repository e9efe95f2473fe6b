// Package atomicfile writes files that are either complete or absent.
//
// A file is written under a temporary name in its final folder, synced, renamed over the final name, and the folder is
// synced, so a crash, a full disk or an error of the writer leaves what was there before. It knows nothing of contents.
//
// Folders that keep such files from one run to the next are held to a size by Prune.
//
// Writers of different paths may run concurrently; of two writers of one path the last rename wins, whole.
package atomicfile
