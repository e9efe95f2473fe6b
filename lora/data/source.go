package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxRowBytes is the longest row, and the longest stretch of a text file without a place to cut it: what one row may
// take of memory before it is tokenised.
const maxRowBytes = 64 << 20

// source is one data file, opened, decompressed and without its byte order mark.
type source struct {
	*bufio.Reader
	ext   string      // of the name without .gz or .zst, lower case
	at    io.ReaderAt // the file as it is stored
	size  int64       // of it
	close func()
}

// openSource opens a regular file. Anything else could block, or give other bytes when it is read again.
func openSource(ctx context.Context, name string) (*source, error) {
	info, err := os.Stat(name)
	if what := (*fs.PathError)(nil); errors.As(err, &what) {
		return nil, fmt.Errorf("data: %s: %w", name, what.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("data: %s: want a file, have %s", name, kindOfFile(info.Mode()))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	s, err := newSource(name, contextReader{ctx, f})
	if err != nil {
		f.Close()
		return nil, err
	}
	unpacked := s.close
	s.at, s.size, s.close = f, info.Size(), func() { unpacked(); f.Close() }
	return s, nil
}

func kindOfFile(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&os.ModeNamedPipe != 0:
		return "a pipe: write it to a file first"
	case m&os.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// newSource looks at what comes first of r.
func newSource(name string, r io.Reader) (*source, error) {
	s := &source{ext: strings.ToLower(filepath.Ext(name)), close: func() {}}
	inner := strings.ToLower(filepath.Ext(strings.TrimSuffix(name, filepath.Ext(name))))
	switch s.ext {
	case ".gz":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("data: %s: want a gzip file: %w", name, unexpected(err))
		}
		r, s.ext, s.close = z, inner, func() { z.Close() }
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, fmt.Errorf("data: %s: want a zstd file: %w", name, err)
		}
		r, s.ext, s.close = z, inner, z.Close
	}
	s.Reader = bufio.NewReaderSize(r, 64<<10)
	start, err := s.Peek(3)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		s.close()
		return nil, fmt.Errorf("data: %s: %w", name, partly(unexpected(err)))
	case bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")):
		return nil, fmt.Errorf("data: %s: want UTF-8, have UTF-16", name)
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		_, err = s.Discard(3)
		return s, err
	}
	return s, nil
}

// unexpected is an error of the decompressor with an end that came too early named so.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// partly explains an end that came too early.
func partly(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("want the whole file, have a part of it: %w", err)
	}
	return err
}

// blank skips white space and returns the number of line ends in it, and io.EOF where nothing else comes.
func (s *source) blank() (lines int, err error) {
	for {
		c, err := s.ReadByte()
		switch {
		case err != nil:
			return lines, err
		case c == '\n':
			lines++
		case c != ' ' && c != '\t' && c != '\r':
			return lines, s.UnreadByte()
		}
	}
}

// contextReader ends reading when its context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

var errTooLong = fmt.Errorf("want at most %d MiB in a row, have more", maxRowBytes>>20)

// lineReader counts the lines of what is read from it, for a reader on top that knows offsets only, and ends at limit.
type lineReader struct {
	r      io.Reader
	read   int64   // bytes
	limit  int64   // offset; reading on from there is errTooLong
	breaks []int64 // offsets of line ends not yet counted
	line   int     // of the last offset asked for
}

func (l *lineReader) Read(p []byte) (int, error) {
	if l.read >= l.limit {
		return 0, errTooLong
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.limit-l.read)])
	for i, c := range p[:n] {
		if c == '\n' {
			l.breaks = append(l.breaks, l.read+int64(i))
		}
	}
	l.read += int64(n)
	return n, err
}

// at is the line of an offset. Offsets must not go back.
func (l *lineReader) at(offset int64) int {
	n := 0
	for n < len(l.breaks) && l.breaks[n] < offset {
		n++
	}
	l.breaks = l.breaks[:copy(l.breaks, l.breaks[n:])]
	l.line += n
	return l.line
}

// allow lets one more row be read from offset on.
func (l *lineReader) allow(offset int64) { l.limit = offset + maxRowBytes }
