// Package checkpoint keeps folders checkpoint-N that are either complete or do not count.
//
// A folder is filled under a hidden name, every file is synced and entered with its size and SHA-256 in complete.json,
// which comes last, and then the folder is renamed. Whatever ends the process, and at whatever moment, a folder named
// checkpoint-N with a complete.json that its files agree with has everything; any other is passed over. Removing begins
// with a rename to a hidden name as well.
//
// It knows files and their checksums, and nothing of what they hold. One process at a time may write below a folder:
// Lock sees to it.
package checkpoint
