package rowcache

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/vulora/vulora/lora/data"
)

// An entry is
//
//	magic, key [32], length of head [4], head (JSON), examples, CRC-32C of all that [4]
//
// in little endian. An example is its file, its line and its length as varints, its ids as varints, and a bit for each
// id, the lowest first: whether its label is the id and not data.Ignore.
const magic = "vulora rows 1\n"

type head struct {
	Files    []data.File
	Report   data.Report
	Examples int
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encode(w io.Writer, k Key, rows *Rows) error {
	sum := crc32.New(castagnoli)
	all := io.MultiWriter(w, sum)
	h, err := json.Marshal(head{rows.Files, rows.Report, len(rows.Examples)})
	if err != nil {
		return err
	}
	b := append([]byte(magic), k[:]...)
	b = append(binary.LittleEndian.AppendUint32(b, uint32(len(h))), h...)
	for _, e := range rows.Examples {
		b = binary.AppendUvarint(b, uint64(e.File))
		b = binary.AppendUvarint(b, uint64(e.Line))
		b = binary.AppendUvarint(b, uint64(len(e.IDs)))
		for _, id := range e.IDs {
			b = binary.AppendUvarint(b, uint64(uint32(id)))
		}
		bits := make([]byte, (len(e.IDs)+7)/8)
		for t, id := range e.IDs {
			switch e.Labels[t] {
			case id:
				bits[t/8] |= 1 << (t % 8)
			case data.Ignore:
			default:
				return fmt.Errorf("want labels that are their ids or %d, have %d", data.Ignore, e.Labels[t])
			}
		}
		b = append(b, bits...)
		if len(b) >= 1<<16 {
			if _, err := all.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	if _, err := all.Write(b); err != nil {
		return err
	}
	_, err = w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

// decoder reads an entry and its checksum. left is what of it is not yet read, so that lengths can be checked.
type decoder struct {
	*bufio.Reader
	left int64
	err  error
}

func decode(r io.Reader, size int64, k Key) (*Rows, error) {
	const fixed = len(magic) + len(Key{}) + 4
	if size < int64(fixed)+4 {
		return nil, io.ErrUnexpectedEOF
	}
	sum := &summed{r: io.LimitReader(r, size-4), sum: crc32.New(castagnoli)}
	d := &decoder{Reader: bufio.NewReaderSize(sum, 1<<16), left: size - 4}
	front := d.bytes(uint64(fixed))
	if string(front[:len(magic)]) != magic || Key(front[len(magic):fixed-4]) != k {
		return nil, errors.New("want an entry of this version and key, have another")
	}
	var h head
	text := d.bytes(uint64(binary.LittleEndian.Uint32(front[fixed-4:])))
	if d.err == nil {
		d.err = json.Unmarshal(text, &h)
	}
	rows := &Rows{Files: h.Files, Report: h.Report}
	for i := 0; i < h.Examples && d.err == nil; i++ {
		rows.Examples = append(rows.Examples, d.example(len(h.Files)))
	}
	if d.err != nil {
		return nil, d.err
	}
	if _, err := d.ReadByte(); !errors.Is(err, io.EOF) || d.left != 0 {
		return nil, fmt.Errorf("want the end after %d rows, have more", h.Examples)
	}
	var want [4]byte
	if _, err := io.ReadFull(r, want[:]); err != nil {
		return nil, err
	}
	if have := sum.sum.Sum32(); have != binary.LittleEndian.Uint32(want[:]) {
		return nil, errors.New("the checksum is another")
	}
	return rows, nil
}

// summed sums what is read.
type summed struct {
	r   io.Reader
	sum hash.Hash32
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	return n, err
}

// bytes reads n bytes.
func (d *decoder) bytes(n uint64) []byte {
	if d.err == nil && n > uint64(d.left) {
		d.err = io.ErrUnexpectedEOF
	}
	if d.err != nil {
		return nil
	}
	b := make([]byte, n)
	_, d.err = io.ReadFull(d.Reader, b)
	d.left -= int64(n)
	return b
}

// number reads a varint that is below limit.
func (d *decoder) number(limit uint64) int {
	if d.err != nil {
		return 0
	}
	n, shift := uint64(0), 0
	for {
		c, err := d.ReadByte()
		if d.left--; err != nil || shift > 56 {
			d.err = io.ErrUnexpectedEOF
			return 0
		}
		n |= uint64(c&0x7f) << shift
		if shift += 7; c < 0x80 {
			break
		}
	}
	if n >= limit {
		d.err = fmt.Errorf("want a number below %d, have %d", limit, n)
		return 0
	}
	return int(n)
}

func (d *decoder) example(files int) data.Example {
	e := data.Example{File: d.number(uint64(max(files, 1))), Line: d.number(1 << 40)}
	n := d.number(uint64(d.left) + 1) // an id takes a byte at least
	if d.err != nil {
		return e
	}
	e.IDs, e.Labels = make([]int32, n), make([]int32, n)
	for t := range e.IDs {
		e.IDs[t] = int32(d.number(1 << 31))
	}
	bits := d.bytes(uint64(n+7) / 8)
	for t := range e.Labels {
		e.Labels[t] = data.Ignore
		if bits != nil && bits[t/8]>>(t%8)&1 != 0 {
			e.Labels[t] = e.IDs[t]
		}
	}
	return e
}
