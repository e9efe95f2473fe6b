package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// hubName is owner/name, as Hugging Face writes it.
var hubName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$`)

// checkpointDir returns the folder of a checkpoint: name itself, or the snapshot that Hugging Face's programs have put
// in their cache under owner/name. Nothing is downloaded.
func checkpointDir(name, revision string) (string, error) {
	if name == "" {
		return "", usagef("--model: want a checkpoint folder, have none")
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		if revision != "" {
			return "", usagef("--revision: want a model of the local cache as owner/name, have the folder %s", name)
		}
		return name, nil
	case err == nil:
		return "", fmt.Errorf("--model %s: want a checkpoint folder, have a file: name the folder it is in", name)
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("--model: %w", err)
	case !hubName.MatchString(name) || strings.Contains(name, ".."):
		return "", fmt.Errorf("--model %s: no such folder: want one with config.json, model.safetensors and "+
			"tokenizer.json, as Hugging Face publishes them", name)
	}
	return snapshot(name, revision)
}

// snapshot finds owner/name in the cache: refs/REVISION has the commit, snapshots/COMMIT the files.
func snapshot(name, revision string) (string, error) {
	cache, err := hubCache()
	if err != nil {
		return "", err
	}
	if revision == "" {
		revision = "main"
	}
	if !filepath.IsLocal(revision) {
		return "", usagef("--revision: want a branch, tag or commit, have %q", revision)
	}
	repository := filepath.Join(cache, "models--"+strings.ReplaceAll(name, "/", "--"))
	commit := revision
	if ref, err := os.ReadFile(filepath.Join(repository, "refs", revision)); err == nil {
		commit = strings.TrimSpace(string(ref))
	}
	dir := filepath.Join(repository, "snapshots", commit)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || !filepath.IsLocal(commit) {
		return "", fmt.Errorf("--model %s: want a folder of that name, or revision %s of it in the cache %s, have neither: "+
			"vulora does not download; fetch it with \"hf download %s\" and try again", name, revision, cache, name)
	}
	return dir, nil
}

// hubCache is where the package huggingface_hub keeps what it downloads.
func hubCache() (string, error) {
	for _, v := range []struct{ name, below string }{{"HF_HUB_CACHE", ""}, {"HUGGINGFACE_HUB_CACHE", ""},
		{"HF_HOME", "hub"}, {"XDG_CACHE_HOME", "huggingface/hub"}} {
		if dir := os.Getenv(v.name); dir != "" {
			return filepath.Join(dir, filepath.FromSlash(v.below)), nil
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("--model: want the cache of Hugging Face: %w", err)
	}
	return filepath.Join(home, ".cache", "huggingface", "hub"), nil
}
