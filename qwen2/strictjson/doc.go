// Package strictjson refuses the JSON documents that encoding/json accepts but two readers may understand differently:
// repeated keys, names that are not Unicode, a byte-order mark, data after the value. It also bounds size and depth.
//
// It only judges a document; decoding stays with encoding/json. All functions may be called concurrently.
package strictjson
