// Package rowcache keeps the tokenised rows of data files from one run to the next: one file for each set of data files
// and settings, in a folder of the user's cache.
//
// An entry is found by the contents of the files and by a text that says everything else that decides about the tokens
// (Key). It is used only if it is what was written: format, key, lengths and a CRC-32C over all of it. What does not
// fit is ErrCorrupt, and is to be made anew. Nothing in a file decides how much memory is taken. The checksum finds
// damage, not malice: who can write to the user's cache can write to their home.
//
// Processes and goroutines may share a folder. Files appear whole, by renaming.
package rowcache
