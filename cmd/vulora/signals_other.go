//go:build !unix

package main

func refuseLargeFilesQuietly() {}
