package report

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"
)

// The parts of TensorBoard's event files: records of TFRecord with an Event of event.proto each, in the encoding of
// protocol buffers. Field numbers are those of tensorboard/compat/proto.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum of a record, which is rotated and shifted so that checksums of data with checksums are no
// special case.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// appendRecord frames data: its length and data, a checksum after each, little-endian.
func appendRecord(b, data []byte) []byte {
	head := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = append(b, head...)
	b = binary.LittleEndian.AppendUint32(b, masked(head))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, masked(data))
}

// The wire types of fields.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

func appendKey(b []byte, field, wire int) []byte {
	return binary.AppendUvarint(b, uint64(field<<3|wire))
}

// appendField appends a field of bytes: a string, or a message.
func appendField(b []byte, field int, data []byte) []byte {
	b = binary.AppendUvarint(appendKey(b, field, wireBytes), uint64(len(data)))
	return append(b, data...)
}

func appendInt(b []byte, field int, n uint64) []byte {
	return binary.AppendUvarint(appendKey(b, field, wireVarint), n)
}

// newEvent begins an Event: wall_time 1, step 2.
func newEvent(at time.Time, step int) []byte {
	seconds := float64(at.Unix()) + float64(at.Nanosecond())/1e9
	b := binary.LittleEndian.AppendUint64(appendKey(nil, 1, wireFixed64), math.Float64bits(seconds))
	if step == 0 { // the default
		return b
	}
	return appendInt(b, 2, uint64(step))
}

// versionEvent is the first one of a file: file_version 3.
func versionEvent(at time.Time, step int) []byte {
	return appendField(newEvent(at, step), 3, []byte("brain.Event:2"))
}

// startEvent makes TensorBoard forget what there is of this step and later ones: session_log 7, its status 1 START 1.
func startEvent(at time.Time, step int) []byte {
	return appendField(newEvent(at, step), 7, appendInt(nil, 1, 1))
}

// scalar is a value of a Summary: tag 1, simple_value 2.
func scalar(tag string, x float64) []byte {
	b := appendField(nil, 1, []byte(tag))
	return binary.LittleEndian.AppendUint32(appendKey(b, 2, wireFixed32), math.Float32bits(float32(x)))
}

// textValue is a value of a Summary that the plugin for text shows: tag 1; metadata 9 with plugin_data 1 with
// plugin_name 1; tensor 8 with dtype 1 DT_STRING 7, tensor_shape 2 of one dim 2 of size 1 1, string_val 8.
func textValue(tag, text string) []byte {
	b := appendField(nil, 1, []byte(tag+"/text_summary"))
	tensor := appendField(appendInt(nil, 1, 7), 2, appendField(nil, 2, appendInt(nil, 1, 1)))
	b = appendField(b, 8, appendField(tensor, 8, []byte(text)))
	return appendField(b, 9, appendField(nil, 1, appendField(nil, 1, []byte("text"))))
}

// summaryEvent has values: summary 5 with value 1.
func summaryEvent(at time.Time, step int, values ...[]byte) []byte {
	var all []byte
	for _, v := range values {
		all = appendField(all, 1, v)
	}
	return appendField(newEvent(at, step), 5, all)
}
