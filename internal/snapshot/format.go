package snapshot

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// The parts of the file that are not compressed.
const (
	magic   = "roster snapshot\n"
	version = 1

	preambleSize = len(magic) + 4
	trailerSize  = 8 + 4
)

// Bounds, which keep a file from taking more memory than its contents are worth.
// Writers keep to them, since readers do.
const (
	// maxHeader leaves room for 30,000 ranges.
	maxHeader = 4 << 20
	// maxEntry is for key and value together: ten times what etcd takes in one
	// request unless it is told to take more.
	maxEntry = 16 << 20
	// maxRevision is what etcd's type for it holds.
	maxRevision = math.MaxInt64
	// maxWindow is the most that zstd recommends for all decoders to support
	// (RFC 8878, 3.1.1.1.2). A decoder can hold twice that.
	maxWindow = 8 << 20
	// window is what writers use: entries resemble their neighbours, so that more
	// of it buys nothing but memory.
	window = 256 << 10
)

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// preamble is what a file of a format version starts with.
func preamble(version uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte(magic), version)
}
