package data

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Row is one row of a data file, not yet tokenised.
type Row struct {
	Format Format
	File   string
	Line   int // where the row starts, from 1; of parquet files the row

	// Document marks a plain text file, which [Build] cuts into rows of as many tokens as fit. A long one comes in
	// parts; Continues says that another part follows.
	Document, Continues bool

	Prompt string // instruction or prompt; empty for text
	Input  string // alpaca's input
	Output string // output, completion or text

	Turns []Message         // of messages and sharegpt
	Tools []json.RawMessage // of messages and sharegpt: JSON objects

	place int // of the file among those read
}

// Message is a turn of a conversation.
type Message struct {
	Role, Content string
	ToolCalls     json.RawMessage // a JSON array, or nothing
	Raw           json.RawMessage // the turn as a row of the format messages has it, or nothing
}

// File tells how one file was understood.
type File struct {
	Name   string
	Format Format
	Rows   int
	Used   []string // columns that fields are read from, in the fields' order; one that is not the field is field=column
	Unused []string // the other columns of its first rows
}

// Set is what was read.
type Set struct {
	Rows  []Row
	Files []File
	Bad   BadRows // rows left out
}

// ReadOptions say how files are read.
type ReadOptions struct {
	Format           Format  // Auto detects it, for each file
	Columns          Columns // where a field has another name
	Limit            int     // the first rows only, over all files; 0 is all. What comes after is not looked at
	AllowEmptyOutput bool    // rows whose output, completion or text is empty are kept

	// Skip, unless it is nil, is given each bad row, which is then left out instead of being an error.
	Skip func(Skipped) error
}

// endings are those of the files that can be read.
const endings = ".json, .jsonl, .ndjson, .csv, .txt or .parquet, all but the last also with .gz or .zst behind"

// Scan reads the files one after the other and gives each row to take: .json (an array of objects, or one object after
// the other), .jsonl and .ndjson (an object per line), .csv (with a header), .txt (one document, line ends made \n),
// .parquet; .gz and .zst may stand behind but the last. A byte order mark and \r\n are accepted everywhere. No more
// than a row is held in memory.
//
// Where take returns a [Problem], the row counts as bad; any other error of it ends the scan. Bad rows of all files are
// reported together in a [*BadRows] and are an error unless o.Skip takes them, as is a file without good rows.
// ctx ends the scan between reads.
func Scan(ctx context.Context, names []string, o ReadOptions, take func(Row) error) ([]File, BadRows, error) {
	s := &scan{ctx: ctx, o: o, take: take}
	if len(names) == 0 {
		return nil, s.bad, fmt.Errorf("data: want at least one file")
	}
	for i, name := range names {
		if s.enough || o.Limit > 0 && s.seen >= o.Limit {
			break
		}
		src, err := openSource(ctx, name)
		if err != nil {
			return nil, s.bad, err
		}
		err = s.file(i, name, src)
		src.close()
		if err != nil {
			return nil, s.bad, err
		}
	}
	return s.finish()
}

// ReadFiles is Scan into memory.
func ReadFiles(names []string, o ReadOptions) (*Set, error) {
	return collect(func(take func(Row) error) ([]File, BadRows, error) {
		return Scan(context.Background(), names, o, take)
	})
}

// Parse reads rows from memory; the ending of name says what content is. Errors are those of [Scan].
func Parse(name string, content []byte, o ReadOptions) (*Set, error) {
	return collect(func(take func(Row) error) ([]File, BadRows, error) {
		s := &scan{ctx: context.Background(), o: o, take: take}
		src, err := newSource(name, bytes.NewReader(content))
		if err == nil {
			src.at, src.size = bytes.NewReader(content), int64(len(content))
			err = s.file(0, name, src)
			src.close()
		}
		if err != nil {
			return nil, s.bad, err
		}
		return s.finish()
	})
}

func collect(from func(func(Row) error) ([]File, BadRows, error)) (*Set, error) {
	set := new(Set)
	var err error
	set.Files, set.Bad, err = from(func(r Row) error {
		set.Rows = append(set.Rows, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return set, nil
}

// scan is one Scan.
type scan struct {
	ctx    context.Context
	o      ReadOptions
	take   func(Row) error
	files  []File
	seen   int // rows, bad ones included
	bad    BadRows
	enough bool // take wants no more
}

// errEnough is what take returns with its last row.
var errEnough = errors.New("enough rows")

func (s *scan) finish() ([]File, BadRows, error) {
	if s.bad.Ended || s.bad.Total > 0 && s.o.Skip == nil {
		bad := s.bad
		return nil, s.bad, &bad
	}
	return s.files, s.bad, nil
}

func (s *scan) file(place int, name string, src *source) error {
	limit := -1
	if s.o.Limit > 0 {
		limit = max(0, s.o.Limit-s.seen)
	}
	r := &reader{scan: s, place: place, name: name, limit: limit}
	if required, _ := s.o.Format.fields(); s.o.Format != Auto && required == nil {
		return fmt.Errorf("data: format: want auto or one of %v, have %q", formats, string(s.o.Format))
	}
	var read func(*source) error
	switch src.ext {
	case ".json", ".jsonl", ".ndjson":
		read = r.json
	case ".csv":
		read = r.csv
	case ".txt":
		read = r.text
	case ".parquet":
		read = r.parquet
	default:
		return fmt.Errorf("data: %s: want a file ending in %s, have %q", name, endings, filepath.Ext(name))
	}
	err := read(src)
	if err == nil {
		err = r.detect()
	}
	if err == nil {
		err = r.failed
	}
	switch {
	case err != nil && s.ctx.Err() != nil:
		return s.ctx.Err()
	case err != nil && strings.HasPrefix(err.Error(), "data: "):
		return err
	case err != nil:
		return fmt.Errorf("data: %s: %w", name, partly(err))
	case r.empty:
		return fmt.Errorf("data: %s: want at least one row, have an empty file", name)
	case r.seen == 0 && !s.bad.Ended:
		return fmt.Errorf("data: %s: want at least one row, have none", name)
	case r.good == 0 && s.o.Skip != nil && !s.bad.Ended:
		bad := s.bad
		return fmt.Errorf("data: %s: want at least one good row, have none: %w", name, &bad)
	}
	s.seen += r.seen
	s.files = append(s.files, r.describe())
	return nil
}
