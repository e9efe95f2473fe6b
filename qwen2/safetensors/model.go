package safetensors

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// maxProblems bounds an error's lines when an index is nonsense throughout.
const maxProblems = 1000

// Model is the set of tensors of a checkpoint folder: one file or several shards.
type Model struct {
	dir     string
	files   map[string]*File // by name in the folder
	where   map[string]*File // by tensor
	ordered []string
}

// OpenModel opens the checkpoint in the folder dir: model.safetensors, or else the shards that
// model.safetensors.index.json lists.
//
// Shards must hold exactly the tensors that the index says, each once. Every missing, damaged or truncated shard and
// every missing, misplaced, repeated or unlisted tensor is told in one error, with the place wanted and found.
func OpenModel(dir string) (*Model, error) {
	if err := checkDir(dir); err != nil {
		return nil, fmt.Errorf("safetensors: open model: %w", err)
	}
	m := &Model{dir: dir, files: map[string]*File{}, where: map[string]*File{}}
	if exists(filepath.Join(dir, wholeName)) {
		f, err := Open(filepath.Join(dir, wholeName))
		if err != nil {
			return nil, err
		}
		m.add(wholeName, f)
		return m, nil
	}
	if !exists(filepath.Join(dir, indexName)) {
		return nil, fmt.Errorf("safetensors: open model %s: %w", dir, whatIsThere(dir))
	}
	index, err := readIndex(filepath.Join(dir, indexName))
	if err != nil {
		return nil, fmt.Errorf("safetensors: open model: %w", err)
	}
	if err := m.openShards(index); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// Declare returns a model whose tensors have names, types and shapes, and no data.
func Declare(tensors []Tensor) *Model {
	f := &File{tensors: tensors, index: make(map[string]int, len(tensors))}
	for i, t := range tensors {
		f.index[t.Name] = i
	}
	m := &Model{files: map[string]*File{}, where: map[string]*File{}}
	m.add("", f)
	return m
}

func (m *Model) add(name string, f *File) {
	m.files[name] = f
	for _, t := range f.Names() {
		m.where[t] = f
		m.ordered = append(m.ordered, t)
	}
}

// openShards opens every file of the index and compares what they hold with what they should.
func (m *Model) openShards(weightMap map[string]string) error {
	wanted := map[string]int{} // shard → number of tensors
	for _, file := range weightMap {
		wanted[file]++
	}
	var problems []problem
	shards := slices.Sorted(maps.Keys(wanted))
	for _, shard := range shards {
		f, err := Open(filepath.Join(m.dir, shard))
		if err != nil {
			problems = append(problems, problem{fmt.Sprintf("shard %s, wanted for %d tensors", shard, wanted[shard]), err})
			continue
		}
		for _, t := range f.sortedNames() {
			if p := m.misplaced(weightMap, t, shard); p != nil {
				problems = append(problems, problem{"tensor " + t, p})
			}
		}
		m.add(shard, f)
	}
	for _, t := range slices.Sorted(maps.Keys(weightMap)) {
		shard := weightMap[t]
		if m.where[t] == nil && m.files[shard] != nil {
			problems = append(problems, problem{"tensor " + t, fmt.Errorf("want it in %s, found nowhere", shard)})
		}
	}
	return joinProblems(m.dir, problems)
}

// misplaced returns what is wrong with finding tensor t in shard, before shard is added.
func (m *Model) misplaced(weightMap map[string]string, t, shard string) error {
	wanted, listed := weightMap[t]
	switch other := m.where[t]; {
	case other != nil:
		return fmt.Errorf("want it once, found in %s and in %s", filepath.Base(other.path), shard)
	case !listed:
		return fmt.Errorf("found in %s, but the index does not list it", shard)
	case wanted != shard:
		return fmt.Errorf("want it in %s, found in %s", wanted, shard)
	}
	return nil
}

// problem is one line of an error about a checkpoint.
type problem struct {
	what string
	err  error
}

func joinProblems(dir string, problems []problem) error {
	if len(problems) == 0 {
		return nil
	}
	var b strings.Builder
	errs := make([]error, 0, len(problems))
	for i, p := range problems {
		if i == maxProblems {
			fmt.Fprintf(&b, "\n  and %d more", len(problems)-i)
			break
		}
		errs = append(errs, p.err)
		fmt.Fprintf(&b, "\n  %s: %s", p.what, strings.TrimPrefix(p.err.Error(), "safetensors: open "))
	}
	return &modelError{
		text: fmt.Sprintf("safetensors: open model %s: the shards are not what %s says: %d problem(s):%s", dir, indexName,
			len(problems), b.String()),
		causes: errs,
	}
}

// modelError is one text for several causes, for errors.Is.
type modelError struct {
	text   string
	causes []error
}

func (e *modelError) Error() string   { return e.text }
func (e *modelError) Unwrap() []error { return e.causes }

// Tensor returns the tensor name, and whether the model has it. After Close it has none.
func (m *Model) Tensor(name string) (Tensor, bool) {
	f := m.where[name]
	if f == nil {
		return Tensor{}, false
	}
	return f.Tensor(name)
}

// File returns the name of the file in the folder that holds tensor name, "" when there is none.
func (m *Model) File(name string) string {
	f := m.where[name]
	if f == nil {
		return ""
	}
	return filepath.Base(f.path)
}

// Files returns the files, by name.
func (m *Model) Files() []*File {
	var all []*File
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		all = append(all, m.files[name])
	}
	return all
}

// Names returns the tensors' names: files by name, in each the order of the data.
func (m *Model) Names() []string { return slices.Clone(m.ordered) }

// Metadata returns the free text of the first file's header.
func (m *Model) Metadata() map[string]string {
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		return m.files[name].Metadata()
	}
	return nil
}

// Close closes all files; Data of their tensors must not be used afterwards. Further calls do nothing.
func (m *Model) Close() error {
	var errs []error
	for _, f := range m.files {
		errs = append(errs, f.Close())
	}
	m.files, m.where, m.ordered = nil, nil, nil
	return errors.Join(errs...)
}
